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
    use std::{vec, vec::Vec};

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

    fn happening() -> Happening {
        Happening {
            event: Event::Rotated,
            caller: Identity {
                login: Login::User,
                id: Uuid([0x99; 16]),
            },
            boot: 0x31,
            time: 0x32,
            detail: 0x33,
            subject: None,
        }
    }

    /// What [`happening`] is behind the sequence number.
    fn happening_bytes() -> Vec<u8> {
        let mut bytes = vec![3, 1];
        bytes.extend([0x99; 16]);
        bytes.extend([0, 0, 0, 0x31, 0, 0, 0, 0, 0, 0, 0, 0x32, 0, 0, 0, 0x33]);
        bytes
    }

    fn encoded(content: &Content, happening: Option<&Happening>) -> [u8; SLOT - TAG] {
        let mut bytes = [0; SLOT - TAG];
        encode(content, 0x0a, happening, &mut bytes).unwrap();
        bytes
    }

    /// Kind and sequence number, these bytes, and zeros to the end.
    fn expected(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = [&[kind, 0, 0, 0, 0, 0, 0, 0, 0x0a], &parts.concat()[..]].concat();
        bytes.resize(SLOT - TAG, 0);
        bytes
    }

    fn key_bytes() -> Vec<u8> {
        let mut bytes = vec![2];
        bytes.extend([0xaa; 16]);
        bytes.extend(b"\x09telemetry");
        bytes.extend([0xbb; 16]);
        bytes.extend([5, 2, 0, 2, 2, 3, 1, 2, 3, 4]);
        for number in [0x21, 0x22, 0x23] {
            bytes.extend([0, 0, 0, 0, 0, 0, 0, number]);
        }
        bytes.extend([0, 0x0c, 2, 0, 0, 0, 0x12, 0, 0, 0, 0x15]);
        for number in [0x11, 0x13, 0x14] {
            bytes.extend([0, 0, 0, 0, 0, 0, 0, number]);
        }
        bytes.extend([2, 3]);
        bytes.extend([0xee; 32]);
        bytes.extend([1, 1]);
        bytes.extend([0xdd; 16]);
        bytes.extend([0, 8, 2, 0, 0, 0, 3, 20]);
        bytes.extend([0xc3; 20]);
        bytes.extend([1, 2, 3, 4, 20]);
        bytes.extend([0xcc; 20]);
        bytes
    }

    #[test]
    fn a_key_lies_as_the_table_says() {
        let content = Content::Key(key());
        let bytes = encoded(&content, None);
        assert_eq!(bytes[..], expected(2, &[&[0], &key_bytes()]));
        assert!(matches!(
            decode(&bytes),
            Some((0x0a, Content::Key(_), None))
        ));
        let bytes = encoded(&content, Some(&happening()));
        assert_eq!(bytes[..], expected(2, &[&happening_bytes(), &key_bytes()]));
        let Some((0x0a, Content::Key(_), Some(again))) = decode(&bytes) else {
            panic!("it does not decode");
        };
        assert_eq!(again, happening());
    }

    #[test]
    fn a_tombstone_says_what_lay_there() {
        assert_eq!(encoded(&Content::Tombstone, None)[..], expected(1, &[&[0]]));
        let happening = Happening {
            subject: Some((key().owner, key().label)),
            ..happening()
        };
        let bytes = encoded(&Content::Tombstone, Some(&happening));
        let subject = [&[2], &[0xaa; 16][..], b"\x09telemetry"].concat();
        assert_eq!(bytes[..], expected(1, &[&happening_bytes(), &subject]));
        let Some((0x0a, Content::Tombstone, Some(again))) = decode(&bytes) else {
            panic!("it does not decode");
        };
        assert_eq!(again, happening);
    }

    #[test]
    fn the_largest_of_each_fits() {
        let label = Label::try_from(&*"l".repeat(64)).unwrap();
        let mut largest = key();
        largest.label = label.clone();
        let grant = largest.policy.grants[0].clone();
        while largest.policy.grants.push(grant.clone()).is_ok() {}
        largest.versions.clear();
        let secret = Secret::new(&[1; 64]).unwrap();
        while largest.add_version(secret.clone()).is_ok() {}
        let page = Page {
            of: Some(largest.owner),
            number: 1,
            first: 2,
            before: [3; 32],
            released: 4,
            bytes: heapless::Vec::from_array([5; limits::AUDIT_PAGE]),
        };
        let happening = Happening {
            subject: Some((largest.owner, label)),
            ..happening()
        };
        for content in [
            Content::Key(largest),
            Content::Certificate(Certificate::from_array([6; limits::CERTIFICATE])),
            Content::Tombstone,
        ] {
            encoded(&content, Some(&happening));
        }
        // That a page was written is no event.
        encoded(&Content::Page(page), None);
    }

    #[test]
    fn a_generation_lies_as_the_table_says() {
        let mut generation = Generation {
            owner: key().owner,
            family: Some(key().label),
            number: 0x0506,
        };
        let owner = [&[2], &[0xaa; 16][..]].concat();
        for family in [&b"\x09telemetry"[..], b"\0"] {
            let bytes = encoded(&Content::Generation(generation.clone()), None);
            let parts: [&[u8]; 4] = [&[0], &owner, family, &[0, 0, 5, 6]];
            assert_eq!(bytes[..], expected(3, &parts));
            let Some((0x0a, Content::Generation(again), None)) = decode(&bytes) else {
                panic!("it does not decode");
            };
            assert_eq!(again, generation);
            generation.family = None;
        }
    }

    #[test]
    fn a_page_lies_as_the_table_says() {
        let mut page = Page {
            of: Some(key().owner),
            number: 0x0102,
            first: 0x0304,
            before: [0xab; 32],
            released: 0x0506,
            bytes: heapless::Vec::from_slice(b"records").unwrap(),
        };
        let numbers = [&[0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4], &[0xab; 32][..]].concat();
        let rest = b"\0\0\0\0\0\0\x05\x06\0\x07records";
        for of in [[&[2], &[0xaa; 16][..]].concat(), vec![0; 17]] {
            let bytes = encoded(&Content::Page(page.clone()), None);
            assert_eq!(bytes[..], expected(4, &[&[0], &of, &numbers, rest]));
            let Some((0x0a, Content::Page(again), None)) = decode(&bytes) else {
                panic!("it does not decode");
            };
            assert_eq!(again.of, page.of);
            assert_eq!((again.number, again.first), (page.number, page.first));
            assert_eq!(
                (again.before, again.released, again.bytes),
                (page.before, page.released, page.bytes.clone())
            );
            page.of = None;
        }
    }

    #[test]
    fn a_certificate_lies_as_the_table_says() {
        let certificate = Certificate::from_slice(&[0x30; 0x102]).unwrap();
        let bytes = encoded(&Content::Certificate(certificate.clone()), None);
        assert_eq!(bytes[..], expected(5, &[&[0, 1, 2], &[0x30; 0x102]]));
        let Some((0x0a, Content::Certificate(again), None)) = decode(&bytes) else {
            panic!("it does not decode");
        };
        assert_eq!(again, certificate);
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let sealed = slot_key()
            .seal(3, 9, 5, &Content::Key(key()), Some(&happening()))
            .unwrap();
        let mut work = *sealed;
        let Ok(Some((5, Content::Key(opened), Some(_)))) = slot_key().open(3, 9, &mut work) else {
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
        let plain = encoded(&Content::Key(key()), None);
        // By the tables: event 9, owner 10, label 27, id 37, numbers 53, version 59, counters 63,
        // policy 87, shares 122, grants 156, versions 176, zeros from 227.
        for (byte, value) in [
            (0, 6),
            (9, 15),
            (10, 3),
            (27, 65),
            (28, b' '),
            (53, 0),
            (54, 0),
            (55, 99),
            (56, 0),
            (57, 0),
            (58, 4),
            (87, 0xf0),
            (89, 3),
            (156, 9),
            (157, 3),
            (174, 0xf0),
            (176, 9),
            (181, 65),
            (227, 1),
            (SLOT - TAG - 1, 1),
        ] {
            let mut other = plain;
            other[byte] = value;
            assert!(decode(&other).is_none(), "byte {byte} = {value}");
        }
        assert_eq!(plain[226], 0xcc, "the last byte of the last secret");
    }
}
