//! The audit logs: a chain of records for each caller, on pages that are slots of the vault
//! ([`claviger_proto::audit`] has the records and the chain).
//!
//! **A key event is durable with the change that it tells of**: it is written in the changed slot,
//! in the same write, and goes to a page later, with others, before that slot changes again. A
//! start finds those that had not gone yet. So an event costs no write of its own.

use alloc::vec::Vec;

use claviger_proto::{
    Digits, Identity, Label, Status,
    audit::{CHAIN_LABEL, Checkpoint, Event, RECORD, Record, log_name},
    limits::{AUDIT_LOGS, AUDIT_PAGE, AUDIT_PAGES},
    message::AuditPage,
};
use sha2::{Digest, Sha256};

use super::{
    Vault,
    open::SlotNumber,
    slot::{Content, Happening},
};
use crate::platform::Platform;

/// Events that wait in memory for their page, over all logs: more have the largest log written.
const WAITING: usize = 48;
/// No slot.
const NOWHERE: SlotNumber = SlotNumber::MAX;
/// Events that go to a page at once.
const AT_ONCE: usize = 8;

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

/// What is remembered of a page.
#[derive(Debug, Clone)]
struct Known {
    slot: SlotNumber,
    number: u32,
    first: u64,
    records: u64,
    used: usize,
    head: [u8; 32],
    last_sequence: u64,
    last_boot: u32,
    released: u64,
}

impl Known {
    fn of(slot: SlotNumber, page: &Page) -> Known {
        let mut known = Known {
            slot,
            number: page.number,
            first: page.first,
            records: 0,
            used: page.bytes.len(),
            head: page.before,
            last_sequence: 0,
            last_boot: 0,
            released: page.released,
        };
        let mut rest = page.bytes.as_slice();
        while let Some((record, behind)) = Record::decode(rest) {
            let bytes = rest.len().saturating_sub(behind.len());
            known.head = chain(&known.head, rest.get(..bytes).unwrap_or_default());
            known.records = known.records.saturating_add(1);
            known.last_sequence = record.sequence;
            known.last_boot = record.boot;
            rest = behind;
        }
        known
    }

    /// The number of the first record behind it.
    fn end(&self) -> u64 {
        self.first.saturating_add(self.records)
    }
}

/// One log.
#[derive(Debug)]
struct Log {
    of: Option<Identity>,
    /// Oldest first.
    pages: heapless::Vec<Known, AUDIT_PAGES>,
}

/// An event that is durable in a slot, and waits for its page.
#[derive(Debug)]
struct Waiting {
    slot: SlotNumber,
    record: Record,
}

/// Every log.
#[derive(Debug, Default)]
pub(super) struct Logs {
    logs: Vec<Log>,
    /// In the order in which they happened.
    waiting: Vec<Waiting>,
    boot: u32,
}

impl Logs {
    /// Takes in a slot that a start found.
    pub(super) fn found(
        &mut self,
        slot: SlotNumber,
        sequence: u64,
        content: &Content,
        happening: Option<&Happening>,
    ) -> Result<(), Status> {
        if let Content::Page(page) = content {
            let log = match self.logs.iter().position(|log| log.of == page.of) {
                Some(place) => place,
                None => self.add(page.of)?,
            };
            let log = self.logs.get_mut(log).ok_or(Status::Internal)?;
            let known = Known::of(slot, page);
            self.boot = self.boot.max(known.last_boot);
            let later = log
                .pages
                .iter()
                .position(|other| other.number > known.number);
            let place = later.unwrap_or(log.pages.len());
            if log.pages.insert(place, known.clone()).is_err() && place > 0 {
                // More pages than a log has: of an old copy. The newest count.
                log.pages.remove(0);
                let place = place.saturating_sub(1);
                log.pages
                    .insert(place, known)
                    .map_err(|_| Status::Internal)?;
            }
        }
        if let Some(happening) = happening {
            self.boot = self.boot.max(happening.boot);
            self.wait(slot, happening.record(sequence, content))?;
        }
        Ok(())
    }

    /// Ends a start: what waits is put in order, and what had gone to a page no longer waits.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`].
    pub(super) fn settle(&mut self) -> Result<(), Status> {
        self.boot = self.boot.saturating_add(1);
        self.waiting
            .sort_unstable_by_key(|waiting| waiting.record.sequence);
        for place in 0..self.waiting.len() {
            let caller = self.waiting.get(place).and_then(|one| one.record.caller);
            self.provide(caller)?;
        }
        let logs = &self.logs;
        self.waiting.retain(|waiting| {
            let of = log_of(logs, waiting.record.caller);
            let log = logs.iter().find(|log| log.of == of);
            let written = log.and_then(|log| log.pages.last());
            written.is_none_or(|page| page.last_sequence < waiting.record.sequence)
        });
        Ok(())
    }

    /// Has a caller have a log of its own, while there is a place for one: from its first event on,
    /// so that where its records go never changes.
    fn provide(&mut self, caller: Option<Identity>) -> Result<(), Status> {
        let of = self.log_of(caller);
        if of.is_some() && self.find(of).is_none() {
            self.add(of)?;
        }
        Ok(())
    }

    pub(super) fn boot(&self) -> u32 {
        self.boot
    }

    /// Has an event wait for its page.
    fn wait(&mut self, slot: SlotNumber, record: Record) -> Result<(), Status> {
        self.waiting
            .try_reserve(1)
            .map_err(|_| Status::OutOfMemory)?;
        self.waiting.push(Waiting { slot, record });
        Ok(())
    }

    /// The caller whose event waits in this slot.
    fn waits_in(&self, slot: SlotNumber) -> Option<Option<Identity>> {
        let waiting = self.waiting.iter().find(|waiting| waiting.slot == slot)?;
        Some(self.log_of(waiting.record.caller))
    }

    /// In which log this caller's records go.
    fn log_of(&self, caller: Option<Identity>) -> Option<Identity> {
        log_of(&self.logs, caller)
    }

    fn find(&self, of: Option<Identity>) -> Option<&Log> {
        self.logs.iter().find(|log| log.of == of)
    }

    fn add(&mut self, of: Option<Identity>) -> Result<usize, Status> {
        self.logs.try_reserve(1).map_err(|_| Status::OutOfMemory)?;
        self.logs.push(Log {
            of,
            pages: heapless::Vec::new(),
        });
        Ok(self.logs.len().saturating_sub(1))
    }

    /// The first events that wait for a page of this log.
    fn next(&self, of: Option<Identity>) -> heapless::Vec<Record, AT_ONCE> {
        let theirs = self.waiting.iter();
        theirs
            .filter(|waiting| self.log_of(waiting.record.caller) == of)
            .map(|waiting| waiting.record.clone())
            .take(AT_ONCE)
            .collect()
    }

    /// These events wait no more.
    fn written(&mut self, records: &[Record]) {
        let is = |waiting: &Waiting, record: &Record| waiting.record.sequence == record.sequence;
        self.waiting
            .retain(|waiting| !records.iter().any(|record| is(waiting, record)));
    }

    /// The log for which most events wait.
    fn busiest(&self) -> Option<Option<Identity>> {
        let count = |of: &Option<Identity>| {
            let theirs = self.waiting.iter();
            theirs
                .filter(|other| self.log_of(other.record.caller) == *of)
                .count()
        };
        let logs = self.waiting.iter();
        logs.map(|waiting| self.log_of(waiting.record.caller))
            .max_by_key(count)
    }

    /// Whether one more record finds a place without overwriting one that must be kept, if those
    /// before number `releases` need not.
    fn has_room(&self, of: Option<Identity>, releases: u64) -> bool {
        let Some(log) = self.find(of) else {
            return true;
        };
        let Some(last) = log.pages.last() else {
            return true;
        };
        let waiting = self
            .waiting
            .iter()
            .filter(|waiting| self.log_of(waiting.record.caller) == of)
            .count();
        let released = last.released.max(releases);
        let kept = log.pages.iter().filter(|page| page.end() > released);
        let fresh = AUDIT_PAGES.saturating_sub(kept.count());
        // Of each page, the end may be too short for a record.
        let per_page = AUDIT_PAGE.saturating_sub(RECORD);
        let left = per_page
            .saturating_sub(last.used)
            .saturating_add(fresh.saturating_mul(per_page));
        left >= waiting.saturating_add(1).saturating_mul(RECORD)
    }
}

/// In which of these logs a caller's records go: its own, while there is a place for one.
fn log_of(logs: &[Log], caller: Option<Identity>) -> Option<Identity> {
    let own = logs.iter().any(|log| log.of == caller);
    let others = logs.iter().filter(|log| log.of.is_some()).count();
    caller.filter(|_| own || others < AUDIT_LOGS)
}

fn chain(before: &[u8; 32], record: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(before)
        .chain_update(record)
        .finalize()
        .into()
}

impl<P: Platform> Vault<P> {
    /// Makes ready for a change of this slot by this caller: what waits in it goes to its page, and
    /// in a strict vault there must be a place for what is to come, which lets the records of the
    /// caller's log before number `releases` be overwritten.
    ///
    /// # Errors
    /// [`Status::AuditFull`]; a status of storage.
    pub(super) fn prepare_log(
        &mut self,
        platform: &mut P,
        slot: SlotNumber,
        caller: Option<Identity>,
        releases: u64,
    ) -> Result<(), Status> {
        let open = self.opened(platform)?;
        if let Some(of) = open.logs.waits_in(slot) {
            self.write_log(platform, of, slot)?;
        }
        let open = self.opened(platform)?;
        if open.logs.waiting.len() >= WAITING
            && let Some(of) = open.logs.busiest()
        {
            self.write_log(platform, of, slot)?;
        }
        let open = self.opened(platform)?;
        open.logs
            .waiting
            .try_reserve(1)
            .map_err(|_| Status::OutOfMemory)?;
        open.logs.provide(caller)?;
        if caller.is_some() && open.header.audit_refuses {
            let of = open.logs.log_of(caller);
            if !open.logs.has_room(of, releases) {
                return Err(Status::AuditFull);
            }
        }
        Ok(())
    }

    /// Has an event wait that is durable in this slot.
    pub(super) fn log_waits(
        &mut self,
        platform: &mut P,
        slot: SlotNumber,
        record: Record,
    ) -> Result<(), Status> {
        self.opened(platform)?.logs.wait(slot, record)
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
        let time = platform.untrusted_time();
        let logs = &self.opened(platform)?.logs;
        // A caller who was only ever refused gets no log of its own.
        let own = caller.filter(|_| event != Event::Refused || logs.find(caller).is_some());
        self.prepare_log(platform, NOWHERE, own, releases)?;
        let of = self.opened(platform)?.logs.log_of(own);
        self.write_log(platform, of, NOWHERE)?;
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
            self.opened(platform)?.logs.written(&records);
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
        let last = open.logs.find(of).and_then(|log| log.pages.last());
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
        if let Some(log) = open.logs.logs.iter().find(|log| log.of == of)
            && log.pages.is_full()
            && let Some(oldest) = log.pages.first()
        {
            return Ok(oldest.slot);
        }
        // What waits in a slot is durable there only.
        self.free_slot(platform, |logs, number| {
            number != taken && logs.waits_in(number).is_none()
        })
    }

    /// Writes a page, and remembers it.
    fn put_page(&mut self, platform: &mut P, slot: SlotNumber, page: &Page) -> Result<(), Status> {
        let known = Known::of(slot, page);
        self.write_slot(platform, slot, Content::Page(page.clone()), None)?;
        let logs = &mut self.opened(platform)?.logs;
        let place = match logs.logs.iter().position(|log| log.of == page.of) {
            Some(place) => place,
            None => logs.add(page.of)?,
        };
        let log = logs.logs.get_mut(place).ok_or(Status::Internal)?;
        log.pages.retain(|other| other.slot != slot);
        log.pages.push(known).map_err(|_| Status::Internal)
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
        self.write_log(platform, of, NOWHERE)?;
        let open = self.opened(platform)?;
        let vault = open.header.vault;
        let log = open.logs.find(of);
        let wanted = log.and_then(|log| {
            let here = log.pages.iter().find(|page| page.end() > from);
            here.or(log.pages.last())
        });
        let last = log.and_then(|log| log.pages.last()).map_or(0, Known::end);
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
        self.write_log(platform, of, NOWHERE)?;
        let (page, _) = self.last_page(platform, of)?;
        let known = Known::of(0, &page);
        let time = platform.untrusted_time();
        let open = self.opened(platform)?;
        Ok(Checkpoint {
            vault: open.header.vault,
            of,
            boot: open.logs.boot(),
            time,
            records: known.end(),
            head: Digits(known.head),
            nonce,
        })
    }

    /// Lets the records of a log before number `keep` be overwritten. That is told in the caller's
    /// log before, or in the same write: nobody makes room there unseen.
    ///
    /// # Errors
    /// [`Status::BadHeader`] if there are not so many; as [`Vault::record`].
    pub fn release_log(
        &mut self,
        platform: &mut P,
        of: Option<Identity>,
        keep: u64,
        caller: Identity,
    ) -> Result<(), Status> {
        self.write_log(platform, of, NOWHERE)?;
        let (page, _) = self.last_page(platform, of)?;
        if keep > Known::of(0, &page).end() {
            return Err(Status::BadHeader);
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

    /// The log in which this caller's records are; none for the shared one.
    ///
    /// # Errors
    /// A status of storage.
    pub fn log_of(
        &mut self,
        platform: &mut P,
        caller: Identity,
    ) -> Result<Option<Identity>, Status> {
        Ok(self.opened(platform)?.logs.log_of(Some(caller)))
    }
}

/// What a slot's change tells of it: of whose key, by which name.
pub(super) fn subject(content: &Content) -> (Option<Identity>, Option<Label>) {
    match content {
        Content::Key(key) => (Some(key.owner), Some(key.label.clone())),
        Content::Generation(generation) => (Some(generation.owner), generation.family.clone()),
        Content::Tombstone | Content::Page(_) | Content::Certificate(_) => (None, None),
    }
}

#[cfg(all(test, feature = "workstation"))]
mod tests;
