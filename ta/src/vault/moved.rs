//! Keys that get another label or another owner: one write of their slot, as any change.
//!
//! The record keeps its id, so that what it sealed opens. Its [`Tag`] is drawn anew, so that what
//! was begun with it, and every wrapped copy of it, ends for good: also where the key comes back.
//!
//! An event of such a change tells what was and what is, in two records of a log, one behind the
//! other. In the slot it is one event, of which the second record is told by what the slot holds.

use claviger_proto::{
    Identity, Label, Status,
    audit::{Event, Record},
};

use super::{KeyRecord, Note, Tag, Vault, slot::Content};
use crate::platform::Platform;

/// Logs that tell of one event at most: of uid 0, of the old owner, of the new one.
const LOGS: usize = 3;
/// Records of one event at most.
pub(super) const RECORDS: usize = 2 * LOGS;

impl<P: Platform> Vault<P> {
    /// Gives a key another label.
    ///
    /// # Errors
    /// [`Status::NotFound`]; [`Status::AlreadyExists`]; a status of storage, after which it is
    /// renamed or not.
    pub fn rename(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
        to: Label,
        caller: Identity,
    ) -> Result<(), Status> {
        let place = self.locate_to_change(platform, owner, label)?;
        let record = KeyRecord {
            label: to,
            ..self.at(place)?.clone()
        };
        let note = Note {
            subject: Some((*owner, label.clone())),
            ..Note::new(caller, Event::Renamed)
        };
        self.put_moved(platform, (owner, label), record, note)
    }

    /// Gives a key to the owner that `change` makes it have.
    ///
    /// # Errors
    /// That of `change`; [`Status::QuotaExceeded`] for the new owner; as [`Vault::rename`].
    pub fn give(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
        caller: Identity,
        change: impl FnOnce(&mut KeyRecord) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let place = self.locate_to_change(platform, owner, label)?;
        let mut record = self.at(place)?.clone();
        change(&mut record)?;
        if record.owner != *owner {
            self.expect_quota(platform, &record.owner)?;
        }
        let note = Note {
            subject: Some((*owner, label.clone())),
            ..Note::new(caller, Event::GivenAway)
        };
        self.put_moved(platform, (owner, label), record, note)
    }

    /// Keeps a key that has another owner or label in the slot in which it is.
    fn put_moved(
        &mut self,
        platform: &mut P,
        (owner, label): (&Identity, &Label),
        record: KeyRecord,
        note: Note,
    ) -> Result<(), Status> {
        self.expect_free(platform, &record.owner, &record.label)?;
        let tag = Tag::draw(platform)?;
        let place = self.locate_to_change(platform, owner, label)?;
        let (number, _) = self.cached(place)?;
        let record = KeyRecord { tag, ..record };
        self.put(platform, number, record, Some(note)).map(drop)
    }
}

/// Whether this event has a second record, of what its key is now.
pub(super) const fn moves(event: Event) -> bool {
    matches!(event, Event::Renamed | Event::GivenAway)
}

/// The callers in whose logs an event of a slot with this content is told.
pub(super) fn told_to(event: &Record, content: &Content) -> heapless::Vec<Option<Identity>, LOGS> {
    let mut logs = heapless::Vec::new();
    // There is room for all of them.
    let _fits = logs.push(event.caller);
    let owners = [event.owner, content.subject().0].into_iter().flatten();
    for owner in owners.filter(|_| event.event == Event::GivenAway) {
        if !logs.contains(&Some(owner)) {
            let _fits = logs.push(Some(owner));
        }
    }
    // In this order they get logs of their own, now as at a start.
    logs.sort_unstable();
    logs
}

/// The records of an event of a slot with this content.
pub(super) fn records(event: &Record, content: &Content) -> heapless::Vec<Record, 2> {
    let mut records = heapless::Vec::new();
    let (owner, label) = content.subject();
    let now = moves(event.event).then(|| Record {
        sequence: event.sequence.saturating_add(1),
        event: Event::Now,
        owner,
        label,
        ..event.clone()
    });
    for record in [Some(event.clone()), now].into_iter().flatten() {
        // There are at most two.
        let _fits = records.push(record);
    }
    records
}
