//! The header of a shard's copy: the facts of the whole vault.
//!
//! ```text
//! offset  bytes
//!      0      4  "CLVV"
//!      4      1  format: 1
//!      5     11  zeros
//!     16     16  V    of AES-256-SIV(KDF(root, "claviger vault header v1", ""),
//!     32    992  C                   AD = (bytes 0..16, shard), content)
//!
//! content
//!      0      8  sequence, big-endian: rises with every change of a header
//!      8     16  vault id, random
//!     24     32  secret, random: the keys of the slots are derived from it
//!     56      1  number of shards
//!     57      1  bit 0: locked; bit 1: resetting; bit 2: a full audit log refuses
//!     58     32  the device's signing key: a scalar of P-256, big-endian
//!     90      2  how many records of generations there are
//!     92      4  the number of the last generation
//!     96         zeros
//!    385      1  how many owners have a quota of their own; of each:
//!    386   24x19 identity (17), keys (2)
//!    842         zeros
//! ```
//!
//! `root` is the platform's root key; where the platform has none, zeros: then the vault is as
//! confidential as the platform's storage and no more.

use claviger_proto::{Digits, Identity, Status, audit::log_name, blob::Suite, limits};
use zeroize::Zeroizing;

use super::{SHARDS, SLOT};
use crate::{
    crypto::{ecdsa, kdf, siv},
    fields::{Reader, Writer},
    platform::{Platform, random},
};

const MAGIC: [u8; 4] = *b"CLVV";
const FORMAT: u8 = 1;
const PLAIN: usize = 16;
const CONTENT: usize = SLOT - PLAIN - 16;
/// Where the quotas begin in the content.
const QUOTAS: usize = 385;
const LOCKED: u8 = 1;
const RESETTING: u8 = 2;
const AUDIT_REFUSES: u8 = 4;

/// The key under which headers are sealed.
pub type HeaderKey = Zeroizing<[u8; 64]>;

/// How many keys owners may have.
pub type Quotas = heapless::Vec<(Identity, u16), { limits::QUOTAS }>;

/// The facts of a vault.
#[derive(Clone)]
pub struct Header {
    /// Rises with every change.
    pub sequence: u64,
    /// The vault's random id.
    pub vault: Digits<16>,
    /// What the slots' key is derived from.
    pub secret: Zeroizing<[u8; 32]>,
    /// How many shards count.
    pub shards: u8,
    /// Whether imports have ended.
    pub locked: bool,
    /// Whether a factory reset is under way.
    pub resetting: bool,
    /// Whether a key event that finds no place in the audit log is refused.
    pub audit_refuses: bool,
    /// The device's signing key (ECDSA P-256).
    pub device: Zeroizing<[u8; 32]>,
    /// How many records of generations there are: with fewer found, an absent one may be a lost
    /// one.
    pub generations: u16,
    /// The number of the last generation: none comes back, whatever is lost.
    pub last_generation: u32,
    /// How many keys owners may have, of whom that was said.
    pub quotas: Quotas,
}

/// Why a header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// Not one, or not authentic.
    NotAuthentic,
    /// Of a format that came after this program.
    Newer,
}

/// Derives the key of the headers on this platform.
///
/// # Errors
/// [`Status::PlatformFault`] if the root key cannot be had.
pub fn key(platform: &mut impl Platform) -> Result<HeaderKey, Status> {
    let root = platform.root_key()?.unwrap_or_default();
    kdf::derive_64(&root, b"claviger vault header v1", b"")
}

impl Header {
    /// The header of a new vault.
    ///
    /// # Errors
    /// [`Status::RandomFailed`].
    pub fn new(platform: &mut impl Platform) -> Result<Header, Status> {
        Ok(Header {
            sequence: 1,
            vault: Digits(random(platform)?),
            secret: Zeroizing::new(random(platform)?),
            shards: 1,
            locked: false,
            resetting: false,
            audit_refuses: false,
            device: ecdsa::p256::generate(platform)?,
            generations: 0,
            last_generation: 0,
            quotas: Quotas::new(),
        })
    }

    /// The header as it stands in `shard`.
    ///
    /// # Errors
    /// [`Status::Internal`] if the cipher fails, which its arithmetic rules out.
    pub fn seal(&self, key: &HeaderKey, shard: u8) -> Result<[u8; SLOT], Status> {
        let mut bytes = [0; SLOT];
        let (plain, rest) = bytes
            .split_first_chunk_mut::<PLAIN>()
            .ok_or(Status::Internal)?;
        let (tag, content) = rest.split_first_chunk_mut::<16>().ok_or(Status::Internal)?;
        *plain = plain_part();
        let flag = |is: bool, bit: u8| if is { bit } else { 0 };
        let flags = flag(self.locked, LOCKED)
            | flag(self.resetting, RESETTING)
            | flag(self.audit_refuses, AUDIT_REFUSES);
        let fields: [&[u8]; 7] = [
            &self.sequence.to_be_bytes(),
            &self.vault.0,
            self.secret.as_slice(),
            &[self.shards, flags],
            self.device.as_slice(),
            &self.generations.to_be_bytes(),
            &self.last_generation.to_be_bytes(),
        ];
        for (place, byte) in content.iter_mut().zip(fields.into_iter().flatten()) {
            *place = *byte;
        }
        let quotas = content.get_mut(QUOTAS..).ok_or(Status::Internal)?;
        put_quotas(&self.quotas, &mut Writer::new(quotas)).ok_or(Status::Internal)?;
        *tag = siv::seal(Suite::Aes256Siv, key.as_slice(), [plain, &[shard]], content)?;
        Ok(bytes)
    }

    /// Reads the header of `shard`.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn open(key: &HeaderKey, shard: u8, bytes: &[u8; SLOT]) -> Result<Header, HeaderError> {
        let (plain, rest) = bytes
            .split_first_chunk::<PLAIN>()
            .ok_or(HeaderError::NotAuthentic)?;
        let (tag, sealed) = rest
            .split_first_chunk::<16>()
            .ok_or(HeaderError::NotAuthentic)?;
        let [a, b, c, d, format, ..] = *plain;
        if [a, b, c, d] == MAGIC && format > FORMAT {
            return Err(HeaderError::Newer);
        }
        if *plain != plain_part() {
            return Err(HeaderError::NotAuthentic);
        }
        let mut content = Zeroizing::new([0; CONTENT]);
        for (place, byte) in content.iter_mut().zip(sealed) {
            *place = *byte;
        }
        siv::open(
            Suite::Aes256Siv,
            key.as_slice(),
            [plain, &[shard]],
            *tag,
            content.as_mut_slice(),
        )
        .map_err(|_| HeaderError::NotAuthentic)?;
        Self::parse(content.as_slice()).ok_or(HeaderError::NotAuthentic)
    }

    fn parse(content: &[u8]) -> Option<Header> {
        let (sequence, rest) = content.split_first_chunk()?;
        let (vault, rest) = rest.split_first_chunk()?;
        let (secret, rest) = rest.split_first_chunk()?;
        let ([shards, flags], rest) = rest.split_first_chunk()?;
        let (device, rest) = rest.split_first_chunk()?;
        let (generations, rest) = rest.split_first_chunk()?;
        let (last_generation, _) = rest.split_first_chunk()?;
        let between = content.get(96..QUOTAS)?;
        let (quotas, behind) = take_quotas(content.get(QUOTAS..)?)?;
        let possible = (1..=SHARDS).contains(&usize::from(*shards))
            && flags & !(LOCKED | RESETTING | AUDIT_REFUSES) == 0
            && between.iter().chain(behind).all(|byte| *byte == 0);
        possible.then(|| Header {
            sequence: u64::from_be_bytes(*sequence),
            vault: Digits(*vault),
            secret: Zeroizing::new(*secret),
            shards: *shards,
            locked: flags & LOCKED != 0,
            resetting: flags & RESETTING != 0,
            audit_refuses: flags & AUDIT_REFUSES != 0,
            device: Zeroizing::new(*device),
            generations: u16::from_be_bytes(*generations),
            last_generation: u32::from_be_bytes(*last_generation),
            quotas,
        })
    }
}

fn put_quotas(quotas: &Quotas, to: &mut Writer<'_>) -> Option<()> {
    to.put(&[u8::try_from(quotas.len()).ok()?])?;
    for (owner, keys) in quotas {
        to.put(&log_name(Some(owner)))?;
        to.put(&keys.to_be_bytes())?;
    }
    Some(())
}

fn take_quotas(bytes: &[u8]) -> Option<(Quotas, &[u8])> {
    let mut from = Reader::new(bytes);
    let mut quotas = Quotas::new();
    for _ in 0..from.take_byte()? {
        let quota = (from.take_identity()?, u16::from_be_bytes(from.take()?));
        quotas.push(quota).ok()?;
    }
    Some((quotas, from.rest()))
}

fn plain_part() -> [u8; PLAIN] {
    let [a, b, c, d] = MAGIC;
    [a, b, c, d, FORMAT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{ALICE, BOBS_GROUP};

    fn header() -> Header {
        Header {
            sequence: 0x0102,
            vault: Digits([0xaa; 16]),
            secret: Zeroizing::new([0xbb; 32]),
            shards: 3,
            locked: true,
            resetting: false,
            audit_refuses: true,
            device: Zeroizing::new([0xdd; 32]),
            generations: 0x0607,
            last_generation: 0x0809_0a0b,
            quotas: [(ALICE, 0x0c0d), (BOBS_GROUP, 1)].into_iter().collect(),
        }
    }

    #[test]
    fn a_header_opens_in_its_shard_only_and_says_its_format() {
        let key = Zeroizing::new([7; 64]);
        let bytes = header().seal(&key, 2).unwrap();
        assert_eq!(bytes[..16], *b"CLVV\x01\0\0\0\0\0\0\0\0\0\0\0");
        let opened = Header::open(&key, 2, &bytes).ok().unwrap();
        assert_eq!(
            (opened.sequence, opened.vault, *opened.secret, opened.shards),
            (0x0102, Digits([0xaa; 16]), [0xbb; 32], 3)
        );
        assert!(opened.locked && !opened.resetting && opened.audit_refuses);
        assert_eq!(*opened.device, [0xdd; 32]);
        assert_eq!(opened.generations, 0x0607);
        assert_eq!(opened.last_generation, 0x0809_0a0b);
        assert!(Header::open(&key, 1, &bytes).is_err());
        for byte in 0..SLOT {
            let mut other = bytes;
            other[byte] ^= 0x80;
            let expected = if byte == 4 {
                HeaderError::Newer
            } else {
                HeaderError::NotAuthentic
            };
            assert_eq!(
                Header::open(&key, 2, &other).err(),
                Some(expected),
                "byte {byte}"
            );
        }
    }

    #[test]
    fn content_lies_as_the_table_says() {
        let key = Zeroizing::new([7; 64]);
        let mut bytes = header().seal(&key, 0).unwrap();
        let (plain, rest) = bytes.split_at_mut(PLAIN);
        let (tag, content) = rest.split_at_mut(16);
        let tag = (&*tag).try_into().unwrap();
        siv::open(
            Suite::Aes256Siv,
            key.as_slice(),
            [plain, &[0]],
            tag,
            content,
        )
        .unwrap();
        let mut expected = [0; CONTENT];
        expected[6..8].copy_from_slice(&[1, 2]);
        expected[8..24].fill(0xaa);
        expected[24..56].fill(0xbb);
        expected[56..58].copy_from_slice(&[3, LOCKED | AUDIT_REFUSES]);
        expected[58..90].fill(0xdd);
        expected[90..96].copy_from_slice(&[6, 7, 8, 9, 10, 11]);
        expected[385..387].copy_from_slice(&[2, 1]);
        expected[387..403].copy_from_slice(&ALICE.id.0);
        expected[403..406].copy_from_slice(&[12, 13, 2]);
        expected[406..422].copy_from_slice(&BOBS_GROUP.id.0);
        expected[423] = 1;
        assert_eq!(content, expected);
    }
}
