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
mod tests;
