//! A slot: one record, authenticated on its own.
//!
//! ```text
//! slot = V || C of AES-256-SIV(KDF(secret, "claviger vault slot v1", vault id),
//!                              AD = (shard || place || incarnation of the shard, 1, 2 and 2 bytes),
//!                              content of 1008 bytes)
//!
//! content, integers big-endian
//!      0      1  kind: 1 nothing any more, 2 a key, 3 a generation, 4 a page of an audit log, 5 the
//!                certificate of the device's key
//!      1      8  sequence: rises with every change of any slot
//!      9      1  how many events wait here for their page, up to 4; for each: its own sequence
//!                (8), event (1, the contract's number), caller (17), boot (4), time (8), detail (4);
//!                renamed: the old label (short; empty where it finds no room); given away: the old
//!                owner (17)
//!      .      .  if any wait and nothing is here any more: owner (17) and label (short) of the key
//!                that was
//!      .      .  a key: see [`super::record`]
//!             .  a generation: owner (17), family (short; empty: all), the generation (8)
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

use super::{KeyRecord, SHARDS, SLOT, header::Header, log::Page};
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

/// The most events that wait in a slot; of the largest key's, one.
pub const EVENTS: usize = 4;

/// What tells one record from every other, also of the same slot: V, which authenticates it.
pub type Stamp = [u8; TAG];

/// The stamp of a slot as it is stored.
#[must_use]
pub fn stamp_of(bytes: &[u8; SLOT]) -> Stamp {
    bytes.first_chunk().copied().unwrap_or_default()
}

/// A slot's record: its sequence number, content, and the events that wait there.
pub type Stored = (u64, Content, Events);

/// The events that wait in a slot, oldest first: all of what is or was there.
pub type Events = heapless::Vec<Record, EVENTS>;

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

/// Whose key, by which name.
pub type Subject = (Option<Identity>, Option<Label>);

impl Content {
    /// Whether both are records of one name.
    #[must_use]
    pub fn is_twin_of(&self, other: &Content) -> bool {
        match (self, other) {
            (Content::Key(one), Content::Key(other)) => one.is(&other.owner, &other.label),
            (Content::Generation(one), Content::Generation(other)) => {
                (one.owner, &one.family) == (other.owner, &other.family)
            }
            (Content::Certificate(_), Content::Certificate(_)) => true,
            _ => false,
        }
    }

    /// What an event here is about, if it does not say so itself.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Content::Key(key) => (Some(key.owner), Some(key.label.clone())),
            Content::Generation(generation) => (Some(generation.owner), generation.family.clone()),
            Content::Tombstone | Content::Page(_) | Content::Certificate(_) => (None, None),
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
    /// From 1: where there is no record, it is that of the header.
    pub number: u64,
}

/// The key under which a vault's slots are sealed, and which object of each shard's name is the one.
pub struct SlotKey(Zeroizing<[u8; 64]>, [u16; SHARDS]);

impl SlotKey {
    /// Derives it from the vault's secret.
    ///
    /// # Errors
    /// [`Status::Internal`] only if the arithmetic of the KDF were exceeded.
    pub fn of(header: &Header) -> Result<SlotKey, Status> {
        let key = kdf::derive_64(&header.secret, b"claviger vault slot v1", &header.vault.0)?;
        Ok(SlotKey(key, header.incarnations))
    }

    /// The slot that holds this.
    ///
    /// # Errors
    /// [`Status::Internal`] if it did not [fit](fits): alone or with one event, everything does.
    pub fn seal(
        &self,
        shard: u8,
        place: u16,
        sequence: u64,
        content: &Content,
        events: &[Record],
    ) -> Result<Zeroizing<[u8; SLOT]>, Status> {
        let mut bytes = Zeroizing::new([0; SLOT]);
        let (tag, plain) = bytes
            .split_first_chunk_mut::<TAG>()
            .ok_or(Status::Internal)?;
        encode(content, sequence, events, plain).ok_or(Status::Internal)?;
        let position = self.position(shard, place);
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
        let position = self.position(shard, place);
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

    fn position(&self, shard: u8, place: u16) -> [u8; 5] {
        let incarnation = self.1.get(usize::from(shard)).copied().unwrap_or_default();
        let ([a, b], [c, d]) = (place.to_be_bytes(), incarnation.to_be_bytes());
        [shard, a, b, c, d]
    }
}

/// Whether these events have room beside this content.
#[must_use]
#[inline(never)]
pub fn fits(content: &Content, events: &[Record]) -> bool {
    let mut bytes = Zeroizing::new([0; SLOT - TAG]);
    encode(content, 0, events, bytes.as_mut_slice()).is_some()
}

fn encode(content: &Content, sequence: u64, events: &[Record], bytes: &mut [u8]) -> Option<()> {
    let mut to = Writer::new(bytes);
    to.put(&[match content {
        Content::Tombstone => TOMBSTONE,
        Content::Key(_) => KEY,
        Content::Generation(_) => GENERATION,
        Content::Page(_) => PAGE,
        Content::Certificate(_) => CERTIFICATE,
    }])?;
    to.put(&sequence.to_be_bytes())?;
    to.put(&[u8::try_from(events.len()).ok()?])?;
    for event in events {
        to.put(&event.sequence.to_be_bytes())?;
        to.put(&[event.event as u8])?;
        to.put(&log_name(event.caller.as_ref()))?;
        to.put(&event.boot.to_be_bytes())?;
        to.put(&event.time.to_be_bytes())?;
        to.put(&event.detail.to_be_bytes())?;
        match event.event {
            Event::Renamed => {
                let label = event.label.as_ref().map_or("", Label::as_str);
                to.put_short(label.as_bytes())?;
            }
            Event::GivenAway => to.put(&log_name(event.owner.as_ref()))?,
            _ => {}
        }
    }
    if let (Content::Tombstone, [event, ..]) = (content, events) {
        to.put(&log_name(event.owner.as_ref()))?;
        let label = event.label.as_ref().map_or("", Label::as_str);
        to.put_short(label.as_bytes())?;
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
    let mut events = Events::new();
    for _ in 0..from.take_byte()? {
        let mut event = Record {
            sequence: from.take_u64()?,
            event: Event::try_from(from.take_byte()?).ok()?,
            caller: log_owner(&from.take()?)?,
            boot: from.take_u32()?,
            time: from.take_u64()?,
            detail: from.take_u32()?,
            status: Status::Ok,
            count: 1,
            owner: None,
            label: None,
            device: None,
        };
        match event.event {
            Event::Renamed => event.label = from.take_optional_label()?,
            Event::GivenAway => event.owner = log_owner(&from.take()?)?,
            _ => {}
        }
        events.push(event).ok()?;
    }
    let was = if kind == TOMBSTONE && !events.is_empty() {
        (log_owner(&from.take()?)?, from.take_optional_label()?)
    } else {
        (None, None)
    };
    let content = match kind {
        TOMBSTONE => Content::Tombstone,
        KEY => Content::Key(KeyRecord::decode(&mut from)?),
        GENERATION => Content::Generation(Generation {
            owner: from.take_identity()?,
            family: from.take_optional_label()?,
            number: from.take_u64()?,
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
    let subject = if kind == TOMBSTONE {
        was
    } else {
        content.subject()
    };
    for event in &mut events {
        if event.event != Event::GivenAway {
            event.owner = subject.0;
        }
        if event.event != Event::Renamed {
            event.label.clone_from(&subject.1);
        }
    }
    let rest_is_empty = from.rest().iter().all(|byte| *byte == 0);
    rest_is_empty.then_some((sequence, content, events))
}

#[cfg(test)]
mod tests;
