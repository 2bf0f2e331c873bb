//! The keys in memory: those used last, so that using a key again costs no storage operation.

use alloc::vec::Vec;

use claviger_proto::{Identity, Label, Status};

use super::{KeyRecord, open::SlotNumber};
use crate::platform::{set_aside, take_out};

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

    /// Sets its memory aside.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`].
    pub(super) fn ready(&mut self) -> Result<(), Status> {
        set_aside(&mut self.kept, CAPACITY)
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
        take_out(&mut self.kept, |kept| kept.number == number);
    }

    /// Forgets every key, and gives the memory back.
    pub(super) fn clear(&mut self) {
        self.kept = Vec::new();
    }
}
