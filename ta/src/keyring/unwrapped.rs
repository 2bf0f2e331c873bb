//! The wrapped keys in memory: those used last, so that using one again costs no unwrapping.

use alloc::vec::Vec;

use claviger_proto::{Identity, Label, Status, limits};

use crate::vault::KeyRecord;

struct Kept {
    /// SHA-256 of its wrapped bytes.
    digest: [u8; 32],
    /// The clock when it was last used.
    used: u64,
    record: KeyRecord,
    family: Option<Label>,
}

/// The wrapped keys used last.
#[derive(Default)]
pub(super) struct Unwrapped {
    kept: Vec<Kept>,
    clock: u64,
}

impl Unwrapped {
    /// The key with this digest, if it is here; marks it as used.
    pub(super) fn find(&mut self, digest: &[u8; 32]) -> Option<usize> {
        let place = self.kept.iter().position(|kept| kept.digest == *digest)?;
        self.clock = self.clock.saturating_add(1);
        self.kept.get_mut(place)?.used = self.clock;
        Some(place)
    }

    pub(super) fn get(&self, place: usize) -> Option<&KeyRecord> {
        self.kept.get(place).map(|kept| &kept.record)
    }

    /// The key used last, and its family.
    pub(super) fn latest(&self) -> Option<(&KeyRecord, Option<&Label>)> {
        let kept = self.kept.iter().max_by_key(|kept| kept.used)?;
        Some((&kept.record, kept.family.as_ref()))
    }

    /// Keeps a key, in place of its owner's oldest if that has as many as one owner may have, else
    /// of the oldest of the owner that has most; says where.
    pub(super) fn insert(
        &mut self,
        digest: [u8; 32],
        record: KeyRecord,
        family: Option<Label>,
    ) -> Result<usize, Status> {
        let count = |owner: &Identity| {
            let theirs = self.kept.iter().filter(|kept| kept.record.owner == *owner);
            theirs.count()
        };
        let owner = if count(&record.owner) >= limits::OWNER_UNWRAPPED {
            Some(record.owner)
        } else if self.kept.len() >= limits::UNWRAPPED {
            let owners = self.kept.iter().map(|kept| kept.record.owner);
            owners.max_by_key(count)
        } else {
            None
        };
        if let Some(owner) = owner {
            let theirs = self.kept.iter().enumerate();
            let oldest = theirs
                .filter(|(_, kept)| kept.record.owner == owner)
                .min_by_key(|(_, kept)| kept.used);
            if let Some((place, _)) = oldest {
                self.kept.swap_remove(place);
            }
        }
        self.clock = self.clock.saturating_add(1);
        self.kept.try_reserve(1).map_err(|_| Status::OutOfMemory)?;
        self.kept.push(Kept {
            digest,
            used: self.clock,
            record,
            family,
        });
        Ok(self.kept.len().saturating_sub(1))
    }

    /// Forgets an owner's keys.
    pub(super) fn forget(&mut self, owner: &Identity) {
        self.kept.retain(|kept| kept.record.owner != *owner);
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }
}
