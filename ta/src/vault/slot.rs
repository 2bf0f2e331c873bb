//! A slot: one record, authenticated on its own.
//!
//! ```text
//! slot = V || C of AES-256-SIV(KDF(secret, "claviger vault slot v1", vault id),
//!                              AD = (shard || place, 1 and 2 bytes), content of 496 bytes)
//!
//! content, integers big-endian
//!      0      1  kind: 1 nothing any more, 2 a key
//!      1      8  sequence: rises with every change of any slot
//!   and for a key
//!      9      1  login of the owner: 1 user, 2 group
//!     10     16  UUID of the owner
//!     26      1  length of the label, then 64 bytes of label, zeros behind it
//!     91     16  key id
//!    107      5  algorithm, usage, origin, state (the numbers of the contract), flags:
//!                bit 0 derived keys may leave
//!    112      4  version
//!    116      1  length of the secret, then 64 bytes of secret, zeros behind it
//!    181         zeros
//! ```

use claviger_proto::{
    Algorithm, Digits, Identity, Label, Login, Origin, State, Status, Usage, Uuid, blob::Suite,
};
use zeroize::Zeroizing;

use super::{KeyRecord, SLOT, header::Header};
use crate::crypto::{SECRET_MAX, Secret, kdf, siv};

const TAG: usize = 16;
const EXPORT_DERIVED: u8 = 1;

/// What a slot holds.
#[derive(Debug)]
pub enum Content {
    /// A key was here.
    Tombstone,
    /// A key.
    Key(KeyRecord),
}

/// The key under which a vault's slots are sealed.
pub struct SlotKey(Zeroizing<[u8; 64]>);

impl SlotKey {
    /// Derives it from the vault's secret.
    ///
    /// # Errors
    /// [`Status::Internal`] only if the arithmetic of the KDF were exceeded.
    pub fn of(header: &Header) -> Result<SlotKey, Status> {
        kdf::derive_64(&header.secret, b"claviger vault slot v1", &header.vault.0).map(SlotKey)
    }

    /// The slot that holds this.
    ///
    /// # Errors
    /// [`Status::Internal`] if a field did not fit, which its type rules out.
    pub fn seal(
        &self,
        shard: u8,
        place: u16,
        sequence: u64,
        content: &Content,
    ) -> Result<Zeroizing<[u8; SLOT]>, Status> {
        let mut bytes = Zeroizing::new([0; SLOT]);
        let (tag, plain) = bytes
            .split_first_chunk_mut::<TAG>()
            .ok_or(Status::Internal)?;
        encode(content, sequence, plain).ok_or(Status::Internal)?;
        let position = position(shard, place);
        *tag = siv::seal(Suite::Aes256Siv, self.0.as_slice(), [&position], plain)?;
        Ok(bytes)
    }

    /// Reads a slot, in place: its sequence number and content, `None` if it was never used.
    ///
    /// # Errors
    /// [`Status::RecordDamaged`] if it is not authentic.
    pub fn open(
        &self,
        shard: u8,
        place: u16,
        bytes: &mut [u8; SLOT],
    ) -> Result<Option<(u64, Content)>, Status> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let (tag, plain) = bytes
            .split_first_chunk_mut::<TAG>()
            .ok_or(Status::Internal)?;
        let position = position(shard, place);
        siv::open(
            Suite::Aes256Siv,
            self.0.as_slice(),
            [&position],
            *tag,
            plain,
        )
        .map_err(|_| Status::RecordDamaged)?;
        decode(plain).map(Some).ok_or(Status::RecordDamaged)
    }
}

fn position(shard: u8, place: u16) -> [u8; 3] {
    let [high, low] = place.to_be_bytes();
    [shard, high, low]
}

fn encode(content: &Content, sequence: u64, mut bytes: &mut [u8]) -> Option<()> {
    let mut put = |field: &[u8]| {
        let (here, rest) = core::mem::take(&mut bytes).split_at_mut_checked(field.len())?;
        here.copy_from_slice(field);
        bytes = rest;
        Some(())
    };
    let key = match content {
        Content::Tombstone => {
            put(&[1])?;
            return put(&sequence.to_be_bytes());
        }
        Content::Key(key) => key,
    };
    put(&[2])?;
    put(&sequence.to_be_bytes())?;
    put(&[key.owner.login as u8])?;
    put(&key.owner.id.0)?;
    put(&padded::<{ 1 + Label::MAX }>(
        key.label.as_str().as_bytes(),
    )?)?;
    put(&key.id.0)?;
    let flags = if key.export_derived {
        EXPORT_DERIVED
    } else {
        0
    };
    put(&[
        key.algorithm as u8,
        key.usage as u8,
        key.origin as u8,
        key.state as u8,
        flags,
    ])?;
    put(&key.version.to_be_bytes())?;
    put(Zeroizing::new(padded::<{ 1 + SECRET_MAX }>(key.secret.as_bytes())?).as_slice())
}

fn decode(bytes: &[u8]) -> Option<(u64, Content)> {
    let ([kind], rest) = bytes.split_first_chunk()?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let sequence = u64::from_be_bytes(*sequence);
    if *kind == 1 {
        return Some((sequence, Content::Tombstone));
    }
    let ([2], ([login], rest)) = ([*kind], rest.split_first_chunk()?) else {
        return None;
    };
    let login = match login {
        1 => Login::User,
        2 => Login::Group,
        _ => return None,
    };
    let (id, rest) = rest.split_first_chunk()?;
    let owner = Identity {
        login,
        id: Uuid(*id),
    };
    let (label, rest) = rest.split_first_chunk::<{ 1 + Label::MAX }>()?;
    let (id, rest) = rest.split_first_chunk()?;
    let ([algorithm, usage, origin, state, flags], rest) = rest.split_first_chunk()?;
    let (version, rest) = rest.split_first_chunk()?;
    let (secret, rest) = rest.split_first_chunk::<{ 1 + SECRET_MAX }>()?;
    if flags & !EXPORT_DERIVED != 0 || rest.iter().any(|byte| *byte != 0) {
        return None;
    }
    let key = KeyRecord {
        label: Label::try_from(core::str::from_utf8(unpadded(label)?).ok()?).ok()?,
        owner,
        id: Digits(*id),
        algorithm: Algorithm::try_from(*algorithm).ok()?,
        usage: Usage::try_from(*usage).ok()?,
        export_derived: flags & EXPORT_DERIVED != 0,
        origin: Origin::try_from(*origin).ok()?,
        state: State::try_from(*state).ok()?,
        version: u32::from_be_bytes(*version),
        secret: Secret::new(unpadded(secret)?).ok()?,
    };
    Some((sequence, Content::Key(key)))
}

/// One byte of length, the field, zeros.
fn padded<const N: usize>(field: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (len, place) = bytes.split_first_mut()?;
    *len = u8::try_from(field.len()).ok()?;
    place.get_mut(..field.len())?.copy_from_slice(field);
    Some(bytes)
}

fn unpadded(bytes: &[u8]) -> Option<&[u8]> {
    let (len, field) = bytes.split_first()?;
    field.get(..usize::from(*len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> KeyRecord {
        KeyRecord {
            label: Label::try_from("telemetry").unwrap(),
            owner: Identity {
                login: Login::Group,
                id: Uuid([0xaa; 16]),
            },
            id: Digits([0xbb; 16]),
            algorithm: Algorithm::HmacSha256,
            usage: Usage::Mac,
            export_derived: true,
            origin: Origin::Imported,
            state: State::Active,
            version: 0x01020304,
            secret: Secret::new(&[0xcc; 20]).unwrap(),
        }
    }

    fn slot_key() -> SlotKey {
        SlotKey(Zeroizing::new([7; 64]))
    }

    #[test]
    fn a_key_lies_as_the_table_says() {
        let mut bytes = [0; SLOT - TAG];
        encode(&Content::Key(key()), 0x0a, &mut bytes).unwrap();
        let mut expected = [0; SLOT - TAG];
        expected[..9].copy_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 0x0a]);
        expected[9] = 2;
        expected[10..26].fill(0xaa);
        expected[26..36].copy_from_slice(b"\x09telemetry");
        expected[91..107].fill(0xbb);
        expected[107..116].copy_from_slice(&[5, 2, 2, 2, 1, 1, 2, 3, 4]);
        expected[116] = 20;
        expected[117..137].fill(0xcc);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let sealed = slot_key().seal(3, 9, 5, &Content::Key(key())).unwrap();
        let mut work = *sealed;
        let Ok(Some((5, Content::Key(opened)))) = slot_key().open(3, 9, &mut work) else {
            panic!("it does not open");
        };
        assert_eq!(opened.describe(), key().describe());
        assert_eq!(opened.secret.as_bytes(), [0xcc; 20]);
        for (shard, place) in [(2, 9), (3, 8), (3, 0)] {
            let mut work = *sealed;
            assert!(
                slot_key().open(shard, place, &mut work).is_err(),
                "{shard} {place}"
            );
        }
        for byte in 0..SLOT {
            let mut work = *sealed;
            work[byte] ^= 0x10;
            assert!(slot_key().open(3, 9, &mut work).is_err(), "byte {byte}");
        }
        assert!(matches!(slot_key().open(3, 9, &mut [0; SLOT]), Ok(None)));
    }

    #[test]
    fn an_authentic_slot_of_impossible_content_is_damaged() {
        let mut plain = [0; SLOT - TAG];
        encode(&Content::Key(key()), 1, &mut plain).unwrap();
        for (byte, value) in [
            (0, 3),
            (9, 3),
            (26, 65),
            (27, b' '),
            (107, 0),
            (108, 0),
            (109, 0),
            (110, 0),
            (111, 2),
            (116, 65),
            (181, 1),
        ] {
            let mut other = plain;
            other[byte] = value;
            assert!(decode(&other).is_none(), "byte {byte} = {value}");
        }
    }
}
