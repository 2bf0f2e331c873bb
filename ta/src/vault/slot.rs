//! A slot: one record, authenticated on its own.
//!
//! ```text
//! slot = V || C of AES-256-SIV(KDF(secret, "claviger vault slot v1", vault id),
//!                              AD = (shard || place, 1 and 2 bytes), content of 1008 bytes)
//!
//! content, integers big-endian
//!      0      1  kind: 1 nothing any more, 2 a key, 3 a generation, 4 a page of an audit log, 5 the
//!                certificate of the device's key
//!      1      8  sequence: rises with every change of any slot
//!      9      1  the event of this change (the contract's number), 0 for none; after an event:
//!                caller (17), boot (4), time (8), detail (4); if nothing is here any more, owner
//!                (17) and label (short) of the key that was
//!      .      .  a key: see [`super::record`]
//!             .  a generation: owner (17), family (short; empty: all), the generation (4)
//!             .  a page: log (17), number (4), first record (8), chain before it (32), released
//!                (8), length (2), records: see [`super::log`]
//!             .  a certificate: length (2), X.509 in DER
//!      .         zeros
//! ```
//!
//! An identity is its login (1) and UUID (16), zeros for none; a short field one byte of length and
//! so many bytes.

use claviger_proto::{
    Identity, Label, Status,
    audit::{Event, Record, log_name, log_owner},
    blob::Suite,
    limits,
};
use zeroize::Zeroizing;

use super::{
    KeyRecord, SLOT,
    header::Header,
    log::{Page, subject},
};
use crate::{
    crypto::{kdf, siv},
    fields::{Reader, Writer},
};

const TAG: usize = 16;
const TOMBSTONE: u8 = 1;
const KEY: u8 = 2;
const GENERATION: u8 = 3;
const PAGE: u8 = 4;
const CERTIFICATE: u8 = 5;

/// A slot's record: its sequence number, content, and the event that made it so.
pub type Stored = (u64, Content, Option<Happening>);

/// The certificate of the device's key, X.509 in DER.
pub type Certificate = heapless::Vec<u8, { limits::CERTIFICATE }>;

/// What a slot holds.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // Lives on the stack for the length of one change.
pub enum Content {
    /// Something was here.
    Tombstone,
    /// A key.
    Key(KeyRecord),
    /// Which wrapped keys still serve.
    Generation(Generation),
    /// A page of an audit log.
    Page(Page),
    /// The certificate of the device's key.
    Certificate(Certificate),
}

/// The event that a change was, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What it was.
    pub event: Event,
    /// Who did it.
    pub caller: Identity,
    /// In which start.
    pub boot: u32,
    /// When, as Linux said.
    pub time: u64,
    /// See [`Event`].
    pub detail: u32,
    /// Whose key by which name, where nothing is left that says it.
    pub subject: Option<(Identity, Label)>,
}

impl Happening {
    /// The record of this in an audit log.
    #[must_use]
    pub fn record(&self, sequence: u64, content: &Content) -> Record {
        let (owner, label) = match &self.subject {
            Some((owner, label)) => (Some(*owner), Some(label.clone())),
            None => subject(content),
        };
        Record {
            sequence,
            boot: self.boot,
            time: self.time,
            event: self.event,
            status: Status::Ok,
            count: 1,
            detail: self.detail,
            caller: Some(self.caller),
            owner,
            label,
        }
    }
}

/// The generation that wrapped keys of an owner, or of one family of his, must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Whose wrapped keys.
    pub owner: Identity,
    /// Of which family; all, if absent.
    pub family: Option<Label>,
    /// From 1: where there is no record, it is 0.
    pub number: u32,
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
        happening: Option<&Happening>,
    ) -> Result<Zeroizing<[u8; SLOT]>, Status> {
        let mut bytes = Zeroizing::new([0; SLOT]);
        let (tag, plain) = bytes
            .split_first_chunk_mut::<TAG>()
            .ok_or(Status::Internal)?;
        encode(content, sequence, happening, plain).ok_or(Status::Internal)?;
        let position = position(shard, place);
        *tag = siv::seal(Suite::Aes256Siv, self.0.as_slice(), [&position], plain)?;
        Ok(bytes)
    }

    /// Reads a slot, in place; `None` if it was never used.
    ///
    /// # Errors
    /// [`Status::RecordDamaged`] if it is not authentic.
    pub fn open(
        &self,
        shard: u8,
        place: u16,
        bytes: &mut [u8; SLOT],
    ) -> Result<Option<Stored>, Status> {
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

fn encode(
    content: &Content,
    sequence: u64,
    happening: Option<&Happening>,
    bytes: &mut [u8],
) -> Option<()> {
    let mut to = Writer::new(bytes);
    let kind = match content {
        Content::Tombstone => TOMBSTONE,
        Content::Key(_) => KEY,
        Content::Generation(_) => GENERATION,
        Content::Page(_) => PAGE,
        Content::Certificate(_) => CERTIFICATE,
    };
    to.put(&[kind])?;
    to.put(&sequence.to_be_bytes())?;
    match happening {
        None => to.put(&[0])?,
        Some(happening) => {
            to.put(&[happening.event as u8])?;
            to.put_identity(&happening.caller)?;
            to.put(&happening.boot.to_be_bytes())?;
            to.put(&happening.time.to_be_bytes())?;
            to.put(&happening.detail.to_be_bytes())?;
            if kind == TOMBSTONE {
                let subject = happening.subject.as_ref();
                to.put(&log_name(subject.map(|(owner, _)| owner)))?;
                let label = subject.map_or("", |(_, label)| label.as_str());
                to.put_short(label.as_bytes())?;
            }
        }
    }
    match content {
        Content::Tombstone => Some(()),
        Content::Key(key) => key.encode(&mut to),
        Content::Generation(generation) => {
            to.put_identity(&generation.owner)?;
            let family = generation.family.as_ref().map_or("", Label::as_str);
            to.put_short(family.as_bytes())?;
            to.put(&generation.number.to_be_bytes())
        }
        Content::Page(page) => {
            to.put(&log_name(page.of.as_ref()))?;
            to.put(&page.number.to_be_bytes())?;
            to.put(&page.first.to_be_bytes())?;
            to.put(&page.before)?;
            to.put(&page.released.to_be_bytes())?;
            to.put_long(&page.bytes)
        }
        Content::Certificate(certificate) => to.put_long(certificate),
    }
}

fn decode(bytes: &[u8]) -> Option<Stored> {
    let mut from = Reader::new(bytes);
    let kind = from.take_byte()?;
    let sequence = from.take_u64()?;
    let happening = match from.take_byte()? {
        0 => None,
        event => Some(Happening {
            event: Event::try_from(event).ok()?,
            caller: from.take_identity()?,
            boot: from.take_u32()?,
            time: from.take_u64()?,
            detail: from.take_u32()?,
            subject: match kind {
                TOMBSTONE => log_owner(&from.take()?)?.zip(from.take_optional_label()?),
                _ => None,
            },
        }),
    };
    let content = match kind {
        TOMBSTONE => Content::Tombstone,
        KEY => Content::Key(KeyRecord::decode(&mut from)?),
        GENERATION => Content::Generation(Generation {
            owner: from.take_identity()?,
            family: from.take_optional_label()?,
            number: from.take_u32()?,
        }),
        PAGE => Content::Page(Page {
            of: log_owner(&from.take()?)?,
            number: from.take_u32()?,
            first: from.take_u64()?,
            before: from.take()?,
            released: from.take_u64()?,
            bytes: heapless::Vec::from_slice(from.take_long()?).ok()?,
        }),
        CERTIFICATE => Content::Certificate(Certificate::from_slice(from.take_long()?).ok()?),
        _ => return None,
    };
    let rest_is_empty = from.rest().iter().all(|byte| *byte == 0);
    rest_is_empty.then_some((sequence, content, happening))
}

#[cfg(test)]
mod tests {
    use claviger_proto::{
        Algorithm, Digits, Export, Home, Login, Origin, Permission, Permissions, State, Usage,
        Uuid,
        message::{Grant, Policy, SharePolicy},
    };
    use std::vec;

    use super::*;
    use crate::{
        crypto::Secret,
        vault::{Counters, Version},
    };

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
            children: None,
            ratchet: true,
            origin: Origin::Imported,
            state: State::Active,
            policy: Policy {
                grants: [Grant {
                    to: Identity {
                        login: Login::User,
                        id: Uuid([0xdd; 16]),
                    },
                    may: Permissions::of(&[Permission::VerifyMac]),
                }]
                .into_iter()
                .collect(),
                max_uses: Some(0x11),
                min_context: 0x12,
                rotate_after_uses: Some(0x13),
                rotate_after_bytes: Some(0x14),
                export: Export::Shares,
                shares: Some(SharePolicy {
                    threshold: 2,
                    shares: 3,
                    recipients: Digits([0xee; 32]),
                }),
                export_derived: true,
                rollback_level: 0x15,
                ..Policy::of(Usage::Mac)
            },
            version: 0x01020304,
            versions: [(3, 0xc3), (0x01020304, 0xcc)]
                .map(|(number, byte)| Version {
                    number,
                    secret: Secret::new(&[byte; 20]).unwrap(),
                })
                .into_iter()
                .collect(),
            counters: Counters {
                uses: 0x21,
                version_uses: 0x22,
                version_bytes: 0x23,
            },
        }
    }

    fn slot_key() -> SlotKey {
        SlotKey(Zeroizing::new([7; 64]))
    }

    #[test]
    fn a_key_lies_as_the_table_says() {
        let mut bytes = [0; SLOT - TAG];
        encode(&Content::Key(key()), 0x0a, &mut bytes).unwrap();
        let mut expected = vec![2, 0, 0, 0, 0, 0, 0, 0, 0x0a, 2];
        expected.extend([0xaa; 16]);
        expected.extend(b"\x09telemetry");
        expected.extend([0xbb; 16]);
        expected.extend([5, 2, 0, 2, 2, 3, 1, 2, 3, 4]);
        for number in [0x21, 0x22, 0x23] {
            expected.extend([0, 0, 0, 0, 0, 0, 0, number]);
        }
        expected.extend([0, 0x0c, 2, 0, 0, 0, 0x12, 0, 0, 0, 0x15]);
        for number in [0x11, 0x13, 0x14] {
            expected.extend([0, 0, 0, 0, 0, 0, 0, number]);
        }
        expected.extend([2, 3]);
        expected.extend([0xee; 32]);
        expected.extend([1, 1]);
        expected.extend([0xdd; 16]);
        expected.extend([0, 8, 2, 0, 0, 0, 3, 20]);
        expected.extend([0xc3; 20]);
        expected.extend([1, 2, 3, 4, 20]);
        expected.extend([0xcc; 20]);
        expected.resize(SLOT - TAG, 0);
        assert_eq!(bytes[..], expected);
    }

    #[test]
    fn the_largest_key_fits() {
        let mut largest = key();
        largest.label = Label::try_from(&*"l".repeat(64)).unwrap();
        let grant = largest.policy.grants[0].clone();
        while largest.policy.grants.push(grant.clone()).is_ok() {}
        largest.versions.clear();
        let secret = Secret::new(&[1; 64]).unwrap();
        while largest.add_version(secret.clone()).is_ok() {}
        let mut bytes = [0; SLOT - TAG];
        encode(&Content::Key(largest), 1, &mut bytes).unwrap();
    }

    #[test]
    fn a_generation_lies_as_the_table_says() {
        let generation = Generation {
            owner: key().owner,
            family: Some(key().label),
            number: 0x0506,
        };
        let mut bytes = [0; SLOT - TAG];
        encode(&Content::Generation(generation.clone()), 1, &mut bytes).unwrap();
        let mut expected = vec![3, 0, 0, 0, 0, 0, 0, 0, 1, 2];
        expected.extend([0xaa; 16]);
        expected.extend(b"\x09telemetry\0\0\x05\x06");
        expected.resize(SLOT - TAG, 0);
        assert_eq!(bytes[..], expected);
        let Some((1, Content::Generation(again))) = decode(&bytes) else {
            panic!("it does not decode");
        };
        assert_eq!(again, generation);
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let sealed = slot_key().seal(3, 9, 5, &Content::Key(key())).unwrap();
        let mut work = *sealed;
        let Ok(Some((5, Content::Key(opened)))) = slot_key().open(3, 9, &mut work) else {
            panic!("it does not open");
        };
        let shown = |key: &KeyRecord| key.describe(key.counters, Home::Vault, None);
        assert_eq!(shown(&opened), shown(&key()));
        assert_eq!(opened.counters, key().counters);
        assert_eq!(opened.secret(3).unwrap().as_bytes(), [0xc3; 20]);
        assert_eq!(opened.secret(0x01020304).unwrap().as_bytes(), [0xcc; 20]);
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
        // The offsets, by the table of `a_key_lies_as_the_table_says`: owner 9, label 26, id 36, numbers 52,
        // version 58, counters 62, policy 86, shares 121, grants 155, versions 175, zeros 226.
        for (byte, value) in [
            (0, 4),
            (9, 3),
            (26, 65),
            (27, b' '),
            (52, 0),
            (53, 0),
            (54, 99),
            (55, 0),
            (56, 0),
            (57, 4),
            (86, 0xf0),
            (88, 3),
            (155, 9),
            (156, 3),
            (173, 0xf0),
            (175, 9),
            (180, 65),
            (300, 1),
        ] {
            let mut other = plain;
            other[byte] = value;
            assert!(decode(&other).is_none(), "byte {byte} = {value}");
        }
    }
}
