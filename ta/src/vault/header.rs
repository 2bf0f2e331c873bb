//! The header of a shard's copy: the facts of the whole vault.
//!
//! ```text
//! offset  bytes
//!      0      4  "CLVV"
//!      4      1  format: 2 (1, of before there were incarnations, is not read)
//!      5     11  zeros
//!     16     16  V    of AES-256-SIV(KDF(root, "claviger vault header v1", ""),
//!     32    992  C                   AD = (bytes 0..16, shard), content)
//!
//! content
//!      0      8  sequence, big-endian: rises with every change of a header
//!      8     16  vault id, random
//!     24     32  secret, random: the keys of the slots are derived from it
//!     56      1  number of shards
//!     57      1  bit 0: locked; bit 1: resetting; bit 2: a full audit log refuses; bit 3: the
//!                audit log does not know yet of what was declared lost last
//!     58     32  the device's signing key: a scalar of P-256, big-endian
//!     90      2  how many records of generations there are, or one more
//!     92      1  of each shard a bit: declared lost, and not made anew yet
//!     93      3  how many slots were declared lost
//!     96     16  of each shard its incarnation (2): rises when it is declared lost
//!    112      8  the number of the last generation
//!    120      8  the generation of whoever has no record of one
//!    128      1  how many devices are named whose manifests of shares a locked vault believes
//!    129    256  the fingerprints of those, zeros behind the last
//!    385      1  how many owners have a quota of their own; of each:
//!    386   24x19 identity (17), keys (2)
//!    842         zeros
//! ```
//!
//! `root` is the platform's root key; where the platform has none, zeros: then the vault is as
//! confidential as the platform's storage and no more.

use core::cmp::Ordering;

use claviger_proto::{Digits, Identity, Status, audit::log_name, blob::Suite, limits};
use zeroize::Zeroizing;

use super::{SHARDS, SLOT, slot::Stamp};
use crate::{
    crypto::{ecdsa, kdf, siv},
    fields::{Reader, Writer},
    platform::{Platform, random},
};

const MAGIC: [u8; 4] = *b"CLVV";
/// The format of headers and slots.
pub const FORMAT: u8 = 2;
const PLAIN: usize = 16;
/// Where the trusted devices stand.
const TRUSTED: usize = 128;
/// Bytes of their fingerprints.
const FINGERPRINTS: usize = 32 * limits::TRUSTED;
const CONTENT: usize = SLOT - PLAIN - 16;
/// Where the quotas begin in the content.
const QUOTAS: usize = 385;
const LOCKED: u8 = 1;
const RESETTING: u8 = 2;
const AUDIT_REFUSES: u8 = 4;
const LOSS_UNTOLD: u8 = 8;
/// More than that is not counted.
const LOST_MAX: u32 = 0x00ff_ffff;

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
    /// How many records of generations there are at most: with fewer found, an absent one may be a
    /// lost one.
    pub generations: u16,
    /// Of each shard a bit: it was declared lost, and is to be made anew.
    pub pending: u8,
    /// How many slots were declared lost.
    pub lost: u32,
    /// Whether the audit log is still to be told of what was declared lost last.
    pub loss_untold: bool,
    /// Which object of each shard's name is the one: those before it were declared lost.
    pub incarnations: [u16; SHARDS],
    /// The number of the last generation: none comes back, whatever is lost.
    pub last_generation: u64,
    /// The generation of whoever has no record of one: 0, and above all that may be lost once
    /// something was declared lost.
    pub generation_floor: u64,
    /// The devices whose manifests of shares a locked vault believes, beside its own: fingerprints.
    pub trusted: Trusted,
    /// How many keys owners may have, of whom that was said.
    pub quotas: Quotas,
}

/// Fingerprints of devices.
pub type Trusted = heapless::Vec<Digits<32>, { limits::TRUSTED }>;

/// The stamp of a header as it is stored.
#[must_use]
pub fn stamp_of(bytes: &[u8; SLOT]) -> Stamp {
    let behind = bytes.split_at(PLAIN).1;
    behind.first_chunk().copied().unwrap_or_default()
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
            pending: 0,
            lost: 0,
            loss_untold: false,
            incarnations: [0; SHARDS],
            last_generation: 0,
            generation_floor: 0,
            trusted: Trusted::new(),
            quotas: Quotas::new(),
        })
    }

    /// Which object of this shard's name is the one.
    #[must_use]
    pub fn incarnation(&self, shard: u8) -> u16 {
        let here = self.incarnations.get(usize::from(shard));
        here.copied().unwrap_or_default()
    }

    /// Whether this shard was declared lost, and is to be made anew.
    #[must_use]
    pub fn is_pending(&self, shard: u8) -> bool {
        self.pending.checked_shr(shard.into()).unwrap_or(0) & 1 != 0
    }

    /// Has the shards of `lost` (a bit each) be of another incarnation, which is to be made;
    /// `generations` are left. Whoever may have had a record of a generation there has one that was
    /// never given: what was wrapped for him is revoked.
    ///
    /// # Errors
    /// [`Status::Internal`] past the last number.
    pub fn declare_lost(&mut self, lost: u8, slots: u32, generations: u16) -> Result<(), Status> {
        for (shard, incarnation) in (0_u32..).zip(&mut self.incarnations) {
            if lost.checked_shr(shard).unwrap_or(0) & 1 != 0 {
                *incarnation = incarnation.checked_add(1).ok_or(Status::Internal)?;
            }
        }
        self.pending |= lost;
        self.loss_untold = true;
        self.lost = self.lost.saturating_add(slots).min(LOST_MAX);
        if self.generations > generations {
            self.generations = generations;
            self.last_generation = self
                .last_generation
                .checked_add(1)
                .ok_or(Status::Internal)?;
            self.generation_floor = self.last_generation;
        }
        Ok(())
    }

    /// Whether this header counts rather than the other. Of two of one sequence neither was told to
    /// every copy: the same one counts whichever copies are shown, and of those with a lock or
    /// without the one with it.
    ///
    /// # Errors
    /// As [`Header::seal`].
    #[inline(never)]
    pub fn outranks(&self, other: &Header, key: &HeaderKey) -> Result<bool, Status> {
        let rank = |one: &Header| (one.sequence, one.resetting, one.locked, one.audit_refuses);
        match rank(self).cmp(&rank(other)) {
            Ordering::Equal => Ok(self.seal(key, 0)? > other.seal(key, 0)?),
            order => Ok(order.is_gt()),
        }
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
        self.encode(&mut Writer::new(content))
            .ok_or(Status::Internal)?;
        put_trusted(&self.trusted, content).ok_or(Status::Internal)?;
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

    fn encode(&self, to: &mut Writer<'_>) -> Option<()> {
        let flag = |is: bool, bit: u8| if is { bit } else { 0 };
        let flags = flag(self.locked, LOCKED)
            | flag(self.resetting, RESETTING)
            | flag(self.audit_refuses, AUDIT_REFUSES)
            | flag(self.loss_untold, LOSS_UNTOLD);
        to.put(&self.sequence.to_be_bytes())?;
        to.put(&self.vault.0)?;
        to.put(self.secret.as_slice())?;
        to.put(&[self.shards, flags])?;
        to.put(self.device.as_slice())?;
        to.put(&self.generations.to_be_bytes())?;
        let [_, lost @ ..] = self.lost.min(LOST_MAX).to_be_bytes();
        to.put(&[self.pending])?;
        to.put(&lost)?;
        for incarnation in self.incarnations {
            to.put(&incarnation.to_be_bytes())?;
        }
        to.put(&self.last_generation.to_be_bytes())?;
        to.put(&self.generation_floor.to_be_bytes())
    }

    fn parse(content: &[u8]) -> Option<Header> {
        let (content, quotas) = content.split_at_checked(QUOTAS)?;
        let (quotas, behind) = take_quotas(quotas)?;
        let (trusted, between) = take_trusted(content.get(TRUSTED..)?)?;
        let mut from = Reader::new(content.get(..TRUSTED)?);
        let sequence = from.take_u64()?;
        let vault = Digits(from.take()?);
        let secret = Zeroizing::new(from.take()?);
        let [shards, flags] = from.take()?;
        let header = Header {
            sequence,
            vault,
            secret,
            shards,
            locked: flags & LOCKED != 0,
            resetting: flags & RESETTING != 0,
            audit_refuses: flags & AUDIT_REFUSES != 0,
            loss_untold: flags & LOSS_UNTOLD != 0,
            device: Zeroizing::new(from.take()?),
            generations: from.take().map(u16::from_be_bytes)?,
            pending: from.take_byte()?,
            lost: from
                .take()
                .map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))?,
            incarnations: {
                let mut incarnations = [0; SHARDS];
                for incarnation in &mut incarnations {
                    *incarnation = from.take().map(u16::from_be_bytes)?;
                }
                incarnations
            },
            last_generation: from.take_u64()?,
            generation_floor: from.take_u64()?,
            trusted,
            quotas,
        };
        let possible = (1..=SHARDS).contains(&usize::from(shards))
            && flags & !(LOCKED | RESETTING | AUDIT_REFUSES | LOSS_UNTOLD) == 0
            && from
                .rest()
                .iter()
                .chain(between)
                .chain(behind)
                .all(|byte| *byte == 0);
        possible.then_some(header)
    }
}

/// Puts the devices where they stand.
fn put_trusted(trusted: &Trusted, content: &mut [u8]) -> Option<()> {
    let (count, places) = content.get_mut(TRUSTED..)?.split_first_mut()?;
    *count = u8::try_from(trusted.len()).ok()?;
    for (device, place) in trusted.iter().zip(places.as_chunks_mut().0) {
        *place = device.0;
    }
    Some(())
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

/// Takes the devices off the front; places behind the last are zeros.
fn take_trusted(bytes: &[u8]) -> Option<(Trusted, &[u8])> {
    let (count, rest) = bytes.split_first()?;
    let (places, rest) = rest.split_at_checked(FINGERPRINTS)?;
    let (places, _) = places.as_chunks::<32>();
    let (taken, free) = places.split_at_checked(usize::from(*count))?;
    if free.iter().flatten().any(|byte| *byte != 0) {
        return None;
    }
    Some((taken.iter().copied().map(Digits).collect(), rest))
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
            pending: 8,
            lost: 0x0009_0a0b,
            loss_untold: true,
            incarnations: [1, 2, 3, 4, 5, 6, 7, 0x0809],
            last_generation: 0x1011_1213_1415_1617,
            generation_floor: 0x2021_2223_2425_2627,
            trusted: [0xe1, 0xe2]
                .map(|byte| Digits([byte; 32]))
                .into_iter()
                .collect(),
            quotas: [(ALICE, 0x0c0d), (BOBS_GROUP, 1)].into_iter().collect(),
        }
    }

    #[test]
    fn a_header_opens_in_its_shard_only_and_says_its_format() {
        let key = Zeroizing::new([7; 64]);
        let bytes = header().seal(&key, 2).unwrap();
        assert_eq!(bytes[..16], *b"CLVV\x02\0\0\0\0\0\0\0\0\0\0\0");
        let opened = Header::open(&key, 2, &bytes).ok().unwrap();
        assert_eq!(
            (opened.sequence, opened.vault, *opened.secret, opened.shards),
            (0x0102, Digits([0xaa; 16]), [0xbb; 32], 3)
        );
        assert!(opened.locked && !opened.resetting && opened.audit_refuses && opened.loss_untold);
        assert_eq!(*opened.device, [0xdd; 32]);
        assert_eq!((opened.generations, opened.lost), (0x0607, 0x0009_0a0b));
        assert!(opened.is_pending(3) && !opened.is_pending(2));
        assert_eq!((opened.incarnation(1), opened.incarnation(7)), (2, 0x0809));
        assert_eq!(opened.last_generation, 0x1011_1213_1415_1617);
        assert_eq!(opened.generation_floor, 0x2021_2223_2425_2627);
        assert_eq!(opened.trusted, header().trusted);
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
    fn of_two_of_one_sequence_one_counts_whichever_comes_first() {
        let key = Zeroizing::new([7; 64]);
        let outranks = |one: &Header, other: &Header| one.outranks(other, &key).unwrap();
        let open = Header {
            locked: false,
            ..header()
        };
        let later = Header {
            sequence: 0x0103,
            ..open.clone()
        };
        let lost = Header {
            pending: 4,
            ..open.clone()
        };
        assert!(outranks(&header(), &open) && !outranks(&open, &header()));
        assert!(outranks(&later, &header()) && !outranks(&header(), &later));
        assert_ne!(outranks(&open, &lost), outranks(&lost, &open));
        assert!(!outranks(&open, &open));
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
        expected[56..58].copy_from_slice(&[3, LOCKED | AUDIT_REFUSES | LOSS_UNTOLD]);
        expected[58..90].fill(0xdd);
        expected[90..96].copy_from_slice(&[6, 7, 8, 9, 10, 11]);
        expected[128] = 2;
        expected[129..161].fill(0xe1);
        expected[161..193].fill(0xe2);
        expected[385..387].copy_from_slice(&[2, 1]);
        expected[387..403].copy_from_slice(&ALICE.id.0);
        expected[403..406].copy_from_slice(&[12, 13, 2]);
        expected[406..422].copy_from_slice(&BOBS_GROUP.id.0);
        expected[423] = 1;
        for (place, incarnation) in expected[96..110].chunks_mut(2).zip(1..) {
            place[1] = incarnation;
        }
        expected[110..112].copy_from_slice(&[8, 9]);
        expected[112..128].copy_from_slice(&[
            0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25,
            0x26, 0x27,
        ]);
        assert_eq!(content, expected);
        for (place, byte) in [(128, 9), (128, 1), (384, 1)] {
            let mut other = expected;
            other[place] = byte;
            assert!(Header::parse(&other).is_none(), "byte {place} = {byte}");
        }
    }
}
