//! What is remembered of the audit logs ([`super::log`]): their pages, and the events that wait for
//! one.

use alloc::vec::Vec;

use claviger_proto::{
    Identity, Login, Status,
    audit::{RECORD, Record},
    limits::{AUDIT_LOGS, AUDIT_PAGE, AUDIT_PAGES, GROUP_LOGS},
};
use sha2::{Digest, Sha256};

use super::{
    log::Page,
    moved::{RECORDS, records, told_to},
    open::SlotNumber,
    slot::{Content, Events},
};

/// Events that wait in memory for their page, over all logs: more have the largest log written.
const WAITING: usize = 48;
/// Events that go to a page at once.
const AT_ONCE: usize = 8;

/// What is remembered of a page.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) slot: SlotNumber,
    number: u32,
    pub(super) first: u64,
    pub(super) records: u64,
    used: usize,
    /// The chain's value behind its records.
    pub(super) head: [u8; 32],
    last_sequence: u64,
    last_boot: u32,
    released: u64,
}

impl Known {
    pub(super) fn of(slot: SlotNumber, page: &Page) -> Known {
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
    pub(super) fn end(&self) -> u64 {
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

/// A record of an event that is durable in a slot, and waits for its page.
#[derive(Debug)]
struct Waiting {
    slot: SlotNumber,
    /// In whose log it is told.
    to: Option<Identity>,
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
        content: &Content,
        events: Events,
    ) -> Result<(), Status> {
        if let Content::Page(page) = content {
            let known = Known::of(slot, page);
            self.boot = self.boot.max(known.last_boot);
            // A start has no memory for all that ever waited. A caller who has a page has all his
            // records on his own.
            let waits = |waiting: &Waiting| {
                page.of.is_none()
                    || waiting.to != page.of
                    || waiting.record.sequence > known.last_sequence
            };
            self.waiting.retain(waits);
            let log = self.find_or_add(page.of)?;
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
        for event in events {
            self.boot = self.boot.max(event.boot);
            for to in told_to(&event, content) {
                for record in records(&event, content) {
                    if !self.is_written(to, &record) {
                        self.reserve()?;
                        self.waiting.push(Waiting { slot, to, record });
                    }
                }
            }
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
            .sort_unstable_by_key(|waiting| (waiting.record.sequence, waiting.to));
        for place in 0..self.waiting.len() {
            let to = self.waiting.get(place).and_then(|one| one.to);
            self.provide(to)?;
        }
        for one in core::mem::take(&mut self.waiting) {
            let of = self.log_of(one.to);
            if !self.is_written(of, &one.record) && !self.waits(of, &one.record) {
                self.reserve()?;
                self.waiting.push(one);
            }
        }
        Ok(())
    }

    /// Whether this record waits for a page of this log.
    fn waits(&self, of: Option<Identity>, record: &Record) -> bool {
        let same = |one: &Waiting| one.record.sequence == record.sequence;
        let mut waiting = self.waiting.iter();
        waiting.any(|one| same(one) && self.log_of(one.to) == of)
    }

    /// Has a caller have a log of its own, while there is a place for one: from its first event on,
    /// so that where its records go never changes.
    pub(super) fn provide(&mut self, caller: Option<Identity>) -> Result<(), Status> {
        let of = self.log_of(caller);
        if of.is_some() {
            self.find_or_add(of)?;
        }
        Ok(())
    }

    pub(super) fn boot(&self) -> u32 {
        self.boot
    }

    /// Has an event wait for its pages, that is durable in this slot with this content; a start may
    /// have found it there already.
    pub(super) fn wait(
        &mut self,
        slot: SlotNumber,
        event: &Record,
        content: &Content,
    ) -> Result<(), Status> {
        for to in told_to(event, content) {
            for record in records(event, content) {
                if !self.waits(self.log_of(to), &record) {
                    self.reserve()?;
                    self.waiting.push(Waiting { slot, to, record });
                }
            }
        }
        Ok(())
    }

    /// The log for which an event waits in this slot.
    pub(super) fn waits_in(&self, slot: SlotNumber) -> Option<Option<Identity>> {
        let waiting = self.waiting.iter().find(|waiting| waiting.slot == slot)?;
        Some(self.log_of(waiting.to))
    }

    /// The events that wait in this slot, oldest first.
    pub(super) fn waiting_in(&self, slot: SlotNumber) -> impl Iterator<Item = &Record> {
        let here = move |waiting: &&Waiting| waiting.slot == slot;
        self.waiting
            .iter()
            .filter(here)
            .map(|waiting| &waiting.record)
    }

    /// Whether a record is on a page of this log.
    fn is_written(&self, of: Option<Identity>, record: &Record) -> bool {
        let last = self.pages(of).last();
        last.is_some_and(|page| page.last_sequence >= record.sequence)
    }

    /// In which log this caller's records go.
    pub(super) fn log_of(&self, caller: Option<Identity>) -> Option<Identity> {
        log_of(&self.logs, caller)
    }

    /// The pages of a log, oldest first.
    pub(super) fn pages(&self, of: Option<Identity>) -> &[Known] {
        self.find(of).map_or(&[], |log| log.pages.as_slice())
    }

    /// The slot of the oldest page of a log that has all the pages that it may have.
    pub(super) fn oldest(&self, of: Option<Identity>) -> Option<SlotNumber> {
        let full = self.find(of).filter(|log| log.pages.is_full())?;
        full.pages.first().map(|page| page.slot)
    }

    /// Remembers a page as a log's last, in place of what was in its slot.
    pub(super) fn put(&mut self, of: Option<Identity>, page: Known) -> Result<(), Status> {
        let log = self.find_or_add(of)?;
        log.pages.retain(|other| other.slot != page.slot);
        log.pages.push(page).map_err(|_| Status::Internal)
    }

    /// Whether a log has been begun.
    pub(super) fn has(&self, of: Option<Identity>) -> bool {
        self.find(of).is_some()
    }

    /// Whether too many events wait.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting.len() >= WAITING
    }

    /// Makes room for the records of one more event that waits.
    pub(super) fn reserve(&mut self) -> Result<(), Status> {
        let reserved = self.waiting.try_reserve(RECORDS);
        reserved.map_err(|_| Status::OutOfMemory)
    }

    fn find(&self, of: Option<Identity>) -> Option<&Log> {
        self.logs.iter().find(|log| log.of == of)
    }

    fn find_or_add(&mut self, of: Option<Identity>) -> Result<&mut Log, Status> {
        let place = match self.logs.iter().position(|log| log.of == of) {
            Some(place) => place,
            None => {
                self.logs.try_reserve(1).map_err(|_| Status::OutOfMemory)?;
                self.logs.push(Log {
                    of,
                    pages: heapless::Vec::new(),
                });
                self.logs.len().saturating_sub(1)
            }
        };
        self.logs.get_mut(place).ok_or(Status::Internal)
    }

    /// The first events that wait for a page of this log.
    pub(super) fn next(&self, of: Option<Identity>) -> heapless::Vec<Record, AT_ONCE> {
        let theirs = self.waiting.iter();
        theirs
            .filter(|waiting| self.log_of(waiting.to) == of)
            .map(|waiting| waiting.record.clone())
            .take(AT_ONCE)
            .collect()
    }

    /// These records wait no more for a page of this log.
    pub(super) fn written(&mut self, of: Option<Identity>, records: &[Record]) {
        let logs = &self.logs;
        self.waiting.retain(|waiting| {
            let sequence = waiting.record.sequence;
            let written = records.iter().any(|record| record.sequence == sequence);
            !written || log_of(logs, waiting.to) != of
        });
    }

    /// The log for which most events wait.
    pub(super) fn busiest(&self) -> Option<Option<Identity>> {
        let count = |of: &Option<Identity>| {
            let theirs = self.waiting.iter();
            theirs.filter(|other| self.log_of(other.to) == *of).count()
        };
        let logs = self.waiting.iter();
        logs.map(|waiting| self.log_of(waiting.to))
            .max_by_key(count)
    }

    /// Whether so many more records find a place without overwriting one that must be kept, if
    /// those before number `releases` need not.
    pub(super) fn has_room(&self, of: Option<Identity>, more: usize, releases: u64) -> bool {
        let pages = self.pages(of);
        let Some(last) = pages.last() else {
            return true;
        };
        let waiting = self
            .waiting
            .iter()
            .filter(|waiting| self.log_of(waiting.to) == of)
            .count();
        let released = last.released.max(releases);
        let kept = pages.iter().filter(|page| page.end() > released);
        let fresh = AUDIT_PAGES.saturating_sub(kept.count());
        // Of each page, the end may be too short for a record.
        let per_page = AUDIT_PAGE.saturating_sub(RECORD);
        let left = per_page
            .saturating_sub(last.used)
            .saturating_add(fresh.saturating_mul(per_page));
        left >= waiting.saturating_add(more).saturating_mul(RECORD)
    }
}

/// In which of these logs a caller's records go: its own, while there is a place for one. One is uid
/// 0's, and a user with many groups takes few.
fn log_of(logs: &[Log], caller: Option<Identity>) -> Option<Identity> {
    let caller = caller?;
    let count = |counts: fn(&Identity) -> bool| {
        let taken = logs.iter().filter_map(|log| log.of.as_ref());
        taken.filter(|of| counts(of)).count()
    };
    let room = caller == Identity::ADMINISTRATOR
        || count(|of| *of != Identity::ADMINISTRATOR) < AUDIT_LOGS.saturating_sub(1)
            && (caller.login != Login::Group || count(|of| of.login == Login::Group) < GROUP_LOGS);
    let own = logs.iter().any(|log| log.of == Some(caller));
    (own || room).then_some(caller)
}

pub(super) fn chain(before: &[u8; 32], record: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(before)
        .chain_update(record)
        .finalize()
        .into()
}
