//! The keys in memory: those used last, so that using a key again costs no storage operation.

use claviger_proto::{Identity, Label, Status};

use super::{KeyRecord, open::SlotNumber};
use crate::table::{Holder, Rules, Table};

/// How the keys kept are shared out among their owners. At about 1.2 KiB each, 75 KiB of heap.
const RULES: Rules = Rules {
    places: 64,
    share: 4,
    groups: 4,
    root: 4,
    identity: 64,
};

struct Kept {
    number: SlotNumber,
    record: KeyRecord,
}

/// The keys used last.
pub(super) struct Cache {
    kept: Table<Kept>,
}

impl Default for Cache {
    fn default() -> Self {
        Cache {
            kept: Table::new(RULES),
        }
    }
}

impl Cache {
    /// The place of a key here and its slot; marks it as used.
    pub(super) fn find(&mut self, owner: &Identity, label: &Label) -> Option<(usize, SlotNumber)> {
        let place = self.kept.find(|kept| kept.record.is(owner, label))?;
        Some((place, self.kept.get(place)?.number))
    }

    /// The key in this place, and its slot.
    pub(super) fn get(&self, place: usize) -> Option<(SlotNumber, &KeyRecord)> {
        let kept = self.kept.get(place)?;
        Some((kept.number, &kept.record))
    }

    /// The key of this slot, if it is here.
    pub(super) fn at(&self, number: SlotNumber) -> Option<&KeyRecord> {
        self.kept
            .iter()
            .find(|kept| kept.number == number)
            .map(|kept| &kept.record)
    }

    /// Sets its memory aside.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`].
    pub(super) fn ready(&mut self) -> Result<(), Status> {
        self.kept.ready()
    }

    /// Keeps a key, in place of another that was not used for long; says where.
    ///
    /// # Errors
    /// As [`Cache::ready`], and never after that.
    pub(super) fn insert(
        &mut self,
        number: SlotNumber,
        record: KeyRecord,
    ) -> Result<usize, Status> {
        self.remove(number);
        let whose = Some(record.owner);
        // Whose key it is owns one.
        let holder = Holder::of(whose, true);
        let place = self.kept.place_in_cache_for(holder, whose)?;
        self.kept
            .put(place, holder, whose, Kept { number, record })?;
        Ok(place)
    }

    pub(super) fn remove(&mut self, number: SlotNumber) {
        self.kept.retain(|kept| kept.number != number);
    }

    /// Forgets every key, and gives the memory back.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }
}
