//! The keys in memory: those used last, so that using a key again costs no storage operation.

use alloc::vec::Vec;

use claviger_proto::{Identity, Label, Status};

use super::{KeyRecord, open::SlotNumber};

/// Keys kept. At about 1.2 KiB each, 75 KiB of heap.
const CAPACITY: usize = 64;

struct Kept {
    number: SlotNumber,
    /// The clock when it was last used.
    used: u64,
    record: KeyRecord,
}

/// The keys used last.
#[derive(Default)]
pub(super) struct Cache {
    kept: Vec<Kept>,
    clock: u64,
}

impl Cache {
    /// The place of a key here and its slot; marks it as used.
    pub(super) fn find(&mut self, owner: &Identity, label: &Label) -> Option<(usize, SlotNumber)> {
        let place = self
            .kept
            .iter()
            .position(|kept| kept.record.is(owner, label))?;
        self.clock = self.clock.saturating_add(1);
        let kept = self.kept.get_mut(place)?;
        kept.used = self.clock;
        Some((place, kept.number))
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

    /// Sets its memory aside, all of it at once: keys that moved while it grew would leave copies
    /// of their secrets behind.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`].
    pub(super) fn ready(&mut self) -> Result<(), Status> {
        if self.kept.capacity() == 0 {
            let reserved = self.kept.try_reserve_exact(CAPACITY);
            reserved.map_err(|_| Status::OutOfMemory)?;
        }
        Ok(())
    }

    /// Keeps a key in place of the one that was not used for longest; says where.
    ///
    /// # Errors
    /// As [`Cache::ready`], and never after that.
    pub(super) fn insert(
        &mut self,
        number: SlotNumber,
        record: KeyRecord,
    ) -> Result<usize, Status> {
        self.ready()?;
        self.remove(number);
        self.clock = self.clock.saturating_add(1);
        let kept = Kept {
            number,
            used: self.clock,
            record,
        };
        let room = self.kept.len() < CAPACITY;
        let oldest = self
            .kept
            .iter()
            .enumerate()
            .min_by_key(|(_, kept)| kept.used);
        Ok(match oldest.map(|(place, _)| place) {
            Some(place) if !room => {
                if let Some(old) = self.kept.get_mut(place) {
                    *old = kept;
                }
                place
            }
            _ => {
                self.kept.push(kept);
                self.kept.len().saturating_sub(1)
            }
        })
    }

    pub(super) fn remove(&mut self, number: SlotNumber) {
        self.kept.retain(|kept| kept.number != number);
    }

    /// Forgets every key, and gives the memory back.
    pub(super) fn clear(&mut self) {
        self.kept = Vec::new();
    }
}
