//! The audit logs: a chain of records for each caller, on pages that are slots of the vault
//! ([`claviger_proto::audit`] has the records and the chain).
//!
//! **A key event is durable with the change that it tells of**: it is written in the changed slot,
//! in the same write, stays there while that slot changes, and goes to a page later, with others,
//! before there are too many. A start finds those that had not gone yet: those whose sequence is
//! above that of their log's last record. So an event costs no write of its own.

use claviger_proto::{
    Digits, Identity, Label, Status,
    audit::{CHAIN_LABEL, Checkpoint, Event, Record, log_name},
    limits::AUDIT_PAGE,
    message::AuditPage,
};
use sha2::{Digest, Sha256};

use super::{
    Vault,
    logs::Known,
    moved::moves,
    open::SlotNumber,
    slot::{Content, Events, fits},
};
use crate::platform::Platform;

/// No slot.
const NOWHERE: SlotNumber = SlotNumber::MAX;

/// What an operation tells the audit log.
#[derive(Debug, Clone)]
pub struct Note {
    /// Who does it.
    pub caller: Identity,
    /// What it does.
    pub event: Event,
    /// See [`Event`].
    pub detail: u32,
    /// With whose key by which name, where nothing is left that says it.
    pub subject: Option<(Identity, Label)>,
}

impl Note {
    /// This caller does this.
    #[must_use]
    pub fn new(caller: Identity, event: Event) -> Note {
        Note {
            caller,
            event,
            detail: 0,
            subject: None,
        }
    }

    /// And this about it.
    #[must_use]
    pub fn detail(self, detail: u32) -> Note {
        Note { detail, ..self }
    }

    /// The record of this, for a change to this content, but for its sequence.
    pub(super) fn record(self, content: &Content, boot: u32, time: u64) -> Record {
        let (owner, label) = match self.subject {
            Some((owner, label)) => (Some(owner), Some(label)),
            None => content.subject(),
        };
        Record {
            sequence: 0,
            boot,
            time,
            event: self.event,
            status: Status::Ok,
            count: 1,
            detail: self.detail,
            caller: Some(self.caller),
            owner,
            label,
            device: None,
        }
    }
}

/// One page of a log as it is stored.
#[derive(Debug, Clone)]
pub struct Page {
    /// Whose log; none for the shared one.
    pub of: Option<Identity>,
    /// Rises by one from page to page.
    pub number: u32,
    /// The number of its first record in the log.
    pub first: u64,
    /// The chain's value before that.
    pub before: [u8; 32],
    /// Records before this number may be overwritten although the log is strict.
    pub released: u64,
    /// The records.
    pub bytes: heapless::Vec<u8, AUDIT_PAGE>,
}

impl<P: Platform> Vault<P> {
    /// Makes ready for a change of this slot to this content, and for its event: what waits in it
    /// stays if it is about the same and has room there, else it goes to its page. What the key of a
    /// slot with another name was, nothing else in the slot says.
    ///
    /// # Errors
    /// A status of storage.
    pub(super) fn make_room(
        &mut self,
        platform: &mut P,
        slot: SlotNumber,
        content: &Content,
        event: Option<&Record>,
    ) -> Result<(), Status> {
        let logs = &self.opened(platform)?.logs;
        let mut events = Events::new();
        let few = logs
            .waiting_in(slot)
            .chain(event)
            .all(|event| events.push(event.clone()).is_ok());
        let subject = event.map_or_else(
            || content.subject(),
            |event| (event.owner, event.label.clone()),
        );
        let same = |event: &Record| event.owner == subject.0 && event.label == subject.1;
        let moved = event.is_some_and(|event| moves(event.event));
        if !moved && few && events.iter().all(same) && fits(content, &events) {
            return Ok(());
        }
        while let Some(of) = self.opened(platform)?.logs.waits_in(slot) {
            self.write_log(platform, of, slot)?;
        }
        Ok(())
    }

    /// Makes ready for an event of this caller in memory. Pages that are written for that go
    /// elsewhere than to `slot`.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`]; a status of storage.
    pub(super) fn prepare_log(
        &mut self,
        platform: &mut P,
        slot: SlotNumber,
        caller: Option<Identity>,
    ) -> Result<(), Status> {
        let open = self.opened(platform)?;
        if open.logs.is_crowded()
            && let Some(of) = open.logs.busiest()
        {
            self.write_log(platform, of, slot)?;
        }
        let open = self.opened(platform)?;
        open.logs.reserve()?;
        open.logs.provide(caller)
    }

    /// In a strict vault, there must be room for so many `more` records of this log, whose records
    /// before number `releases` may be overwritten; `slot` as for [`Vault::prepare_log`].
    ///
    /// # Errors
    /// [`Status::AuditFull`]; a status of storage.
    pub(super) fn expect_log_room(
        &mut self,
        platform: &mut P,
        slot: SlotNumber,
        of: Option<Identity>,
        (more, releases): (usize, u64),
    ) -> Result<(), Status> {
        let refuses = self.facts(platform)?.audit_refuses;
        if !refuses || self.opened(platform)?.logs.has_room(of, more, releases) {
            return Ok(());
        }
        // Of what waits, nobody knows how much it needs.
        self.write_log(platform, of, slot)?;
        if self.opened(platform)?.logs.has_room(of, more, releases) {
            Ok(())
        } else {
            Err(Status::AuditFull)
        }
    }

    /// Records what no slot tells of, durably.
    ///
    /// # Errors
    /// [`Status::AuditFull`]; a status of storage.
    pub fn record(
        &mut self,
        platform: &mut P,
        caller: Option<Identity>,
        event: Event,
        fill: impl FnOnce(&mut Record),
    ) -> Result<(), Status> {
        self.record_releasing(platform, caller, event, 0, fill)
    }

    /// As [`Vault::record`]; in the same write lets the records of the caller's log before number
    /// `releases` be overwritten.
    fn record_releasing(
        &mut self,
        platform: &mut P,
        caller: Option<Identity>,
        event: Event,
        releases: u64,
        fill: impl FnOnce(&mut Record),
    ) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        let time = platform.untrusted_time();
        let logs = &self.opened(platform)?.logs;
        // A caller who was only ever refused gets no log of its own.
        let own = caller.filter(|_| event != Event::Refused || logs.has(caller));
        self.prepare_log(platform, NOWHERE, own)?;
        let of = self.opened(platform)?.logs.log_of(own);
        self.write_log(platform, of, NOWHERE)?;
        self.expect_log_room(platform, NOWHERE, of, (1, releases))?;
        let open = self.opened(platform)?;
        open.sequence = open.sequence.saturating_add(1);
        let mut record = Record {
            sequence: open.sequence,
            boot: open.logs.boot(),
            time,
            event,
            status: Status::Ok,
            count: 1,
            detail: 0,
            caller,
            owner: None,
            label: None,
            device: None,
        };
        fill(&mut record);
        self.append(platform, of, (&[record], releases), NOWHERE)
    }

    /// Writes what waits for a log to its pages, none of which goes where something is about to
    /// go (`taken`).
    fn write_log(
        &mut self,
        platform: &mut P,
        of: Option<Identity>,
        taken: SlotNumber,
    ) -> Result<(), Status> {
        loop {
            let records = self.opened(platform)?.logs.next(of);
            if records.is_empty() {
                return Ok(());
            }
            // Only then: where something waits, there is no place for a page.
            self.append(platform, of, (&records, 0), taken)?;
            self.opened(platform)?.logs.written(of, &records);
        }
    }

    /// Appends records to a log's last page, and to further ones; the last of these says up to
    /// where the log may be overwritten now.
    fn append(
        &mut self,
        platform: &mut P,
        of: Option<Identity>,
        (records, releases): (&[Record], u64),
        taken: SlotNumber,
    ) -> Result<(), Status> {
        let (mut page, mut slot) = self.last_page(platform, of)?;
        for record in records {
            let bytes = record.encode();
            if page.bytes.extend_from_slice(&bytes).is_err() {
                if let Some(slot) = slot {
                    self.put_page(platform, slot, &page)?;
                }
                let known = Known::of(0, &page);
                page = Page {
                    number: page.number.saturating_add(1),
                    first: known.end(),
                    before: known.head,
                    bytes: heapless::Vec::from_slice(&bytes).map_err(|_| Status::Internal)?,
                    ..page
                };
                slot = None;
            }
            if slot.is_none() {
                slot = Some(self.slot_for_page(platform, of, taken)?);
            }
        }
        let slot = slot.ok_or(Status::Internal)?;
        page.released = page.released.max(releases);
        self.put_page(platform, slot, &page)
    }

    /// A log's last page and where it is; a new one without a place if there is none.
    fn last_page(
        &mut self,
        platform: &mut P,
        of: Option<Identity>,
    ) -> Result<(Page, Option<SlotNumber>), Status> {
        let open = self.opened(platform)?;
        let last = open.logs.pages(of).last();
        if let Some(slot) = last.map(|page| page.slot)
            && let Content::Page(page) = self.fetch(platform, slot)?
        {
            return Ok((page, Some(slot)));
        }
        let open = self.opened(platform)?;
        let before = Sha256::new()
            .chain_update(CHAIN_LABEL)
            .chain_update(open.header.vault.0)
            .chain_update(log_name(of.as_ref()))
            .finalize();
        let page = Page {
            of,
            number: 0,
            first: 0,
            before: before.into(),
            released: 0,
            bytes: heapless::Vec::new(),
        };
        Ok((page, None))
    }

    /// A slot for a new page: that of the log's oldest page if it has all that it may have, else a
    /// free one but `taken`.
    fn slot_for_page(
        &mut self,
        platform: &mut P,
        of: Option<Identity>,
        taken: SlotNumber,
    ) -> Result<SlotNumber, Status> {
        let open = self.opened(platform)?;
        if let Some(oldest) = open.logs.oldest(of) {
            return Ok(oldest);
        }
        // What waits in a slot is durable there only.
        self.free_slot(platform, |logs, number| {
            number != taken && logs.waits_in(number).is_none()
        })
    }

    /// Writes a page, and remembers it.
    fn put_page(&mut self, platform: &mut P, slot: SlotNumber, page: &Page) -> Result<(), Status> {
        let known = Known::of(slot, page);
        self.write_slot(platform, slot, Content::Page(page.clone()), &[])?;
        self.opened(platform)?.logs.put(page.of, known)
    }

    /// A page of a log: that with record `from`, or the oldest if that was overwritten. Gives its
    /// bytes to `show`.
    ///
    /// # Errors
    /// A status of storage.
    pub fn read_log(
        &mut self,
        platform: &mut P,
        of: Option<Identity>,
        from: u64,
        show: impl FnOnce(&[u8]) -> Result<(), Status>,
    ) -> Result<AuditPage, Status> {
        self.expect_complete(platform)?;
        self.write_log(platform, of, NOWHERE)?;
        let open = self.opened(platform)?;
        let vault = open.header.vault;
        let pages = open.logs.pages(of);
        let here = pages.iter().find(|page| page.end() > from);
        let wanted = here.or(pages.last());
        let last = pages.last().map_or(0, Known::end);
        let (slot, records) = match wanted {
            Some(page) => (Some(page.slot), page.records),
            None => (None, 0),
        };
        let page = match slot {
            Some(slot) => match self.fetch(platform, slot)? {
                Content::Page(page) => page,
                _ => return Err(Status::RecordDamaged),
            },
            None => self.last_page(platform, of)?.0,
        };
        show(&page.bytes)?;
        let end = page.first.saturating_add(records);
        Ok(AuditPage {
            vault,
            of,
            first: page.first,
            before: Digits(page.before),
            records: u32::try_from(records).map_err(|_| Status::Internal)?,
            next: (end < last).then_some(end),
        })
    }

    /// Where a log stands.
    ///
    /// # Errors
    /// A status of storage.
    pub fn checkpoint(
        &mut self,
        platform: &mut P,
        of: Option<Identity>,
        nonce: heapless::Vec<u8, { claviger_proto::audit::NONCE }>,
    ) -> Result<Checkpoint, Status> {
        self.expect_complete(platform)?;
        self.write_log(platform, of, NOWHERE)?;
        let (page, _) = self.last_page(platform, of)?;
        let known = Known::of(0, &page);
        let time = platform.untrusted_time();
        let open = self.opened(platform)?;
        let oldest = open.logs.pages(of).first();
        Ok(Checkpoint {
            vault: open.header.vault,
            of,
            boot: open.logs.boot(),
            time,
            first: oldest.map_or(0, |page| page.first),
            records: known.end(),
            head: Digits(known.head),
            nonce,
        })
    }

    /// Lets the records of a log before number `keep` be overwritten. That is told in the caller's
    /// log before, or in the same write: nobody makes room there unseen.
    ///
    /// # Errors
    /// [`Status::NoSuchRecord`] if there are not so many; as [`Vault::record`].
    pub fn release_log(
        &mut self,
        platform: &mut P,
        of: Option<Identity>,
        keep: u64,
        caller: Identity,
    ) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        self.write_log(platform, of, NOWHERE)?;
        let (page, _) = self.last_page(platform, of)?;
        if keep > Known::of(0, &page).end() {
            return Err(Status::NoSuchRecord);
        }
        if keep <= page.released {
            return Ok(());
        }
        let own = self.log_of(platform, caller)? == of;
        let releases = if own { keep } else { 0 };
        let event = Event::AuditReleased;
        self.record_releasing(platform, Some(caller), event, releases, |record| {
            record.owner = of;
            record.detail = u32::try_from(keep).unwrap_or(u32::MAX);
        })?;
        if own {
            return Ok(());
        }
        let (mut page, slot) = self.last_page(platform, of)?;
        page.released = keep;
        self.put_page(platform, slot.ok_or(Status::Internal)?, &page)
    }

    /// Whether this caller has a log of its own; not while the vault is not open.
    #[must_use]
    pub fn has_log(&self, caller: Identity) -> bool {
        let logs = self.open.as_ref().map(|open| &open.logs);
        logs.is_some_and(|logs| logs.has(Some(caller)))
    }

    /// The log in which this caller's records are; none for the shared one.
    ///
    /// # Errors
    /// A status of storage.
    pub fn log_of(
        &mut self,
        platform: &mut P,
        caller: Identity,
    ) -> Result<Option<Identity>, Status> {
        self.expect_complete(platform)?;
        Ok(self.opened(platform)?.logs.log_of(Some(caller)))
    }

    /// A log of which a part may be held back is neither shown nor signed.
    fn expect_complete(&mut self, platform: &mut P) -> Result<(), Status> {
        self.opened(platform)?.complete()
    }
}

#[cfg(all(test, feature = "workstation"))]
mod tests;
