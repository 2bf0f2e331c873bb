//! What keys have used of their bounds. A start counts all that is reserved as used, so a bound
//! holds whatever is cut, and a crash costs at most what was reserved and not used.

#[cfg(feature = "workstation")]
use alloc::vec::Vec;

use claviger_proto::{Identity, Label, Status};

use super::{Counters, KeyRecord, Vault};
use crate::platform::Platform;

impl<P: Platform> Vault<P> {
    /// Counts `amount` against a key's bounds: nothing is stored while it is reserved, and more is
    /// reserved, durably, before anything goes beyond that. `ahead` says how much is reserved at
    /// once.
    ///
    /// # Errors
    /// [`Status::NotFound`]; a status of storage, and then nothing is to be released.
    pub fn charge(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
        amount: Counters,
        ahead: impl FnOnce(&KeyRecord) -> Counters,
    ) -> Result<(), Status> {
        let cached = self.cache.find(owner, label).map(|(_, number)| number);
        if let Some(number) = cached.filter(|number| self.in_doubt != Some(*number)) {
            let index = &mut self.opened(platform)?.index;
            let unused = index.unused(number);
            if amount.within(unused) {
                return index.set_unused(number, unused.less(amount));
            }
        }
        let (number, mut record) = self.search(platform, owner, label)?;
        let unused = self.opened(platform)?.index.unused(number);
        // What is left of a reservation is used first.
        let wanted = ahead(&record);
        let missing = amount.less(unused);
        let more = |missing: u64, wanted: u64| if missing == 0 { 0 } else { missing.max(wanted) };
        let added = Counters {
            uses: more(missing.uses, wanted.uses),
            version_uses: more(missing.version_uses, wanted.version_uses),
            version_bytes: more(missing.version_bytes, wanted.version_bytes),
        };
        record.counters = record.counters.more(added);
        self.put(platform, number, record, None)?;
        let index = &mut self.opened(platform)?.index;
        index.set_unused(number, unused.more(added).less(amount))
    }

    /// What a key's calls have used of its bounds.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn used(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<Counters, Status> {
        let reserved = self.find(platform, owner, label)?.counters;
        let Some((_, number)) = self.cache.find(owner, label) else {
            return Ok(reserved);
        };
        Ok(reserved.less(self.opened(platform)?.index.unused(number)))
    }

    /// What keys have reserved and not used, by their slots, for an instance that another process
    /// takes up.
    #[cfg(feature = "workstation")]
    #[must_use]
    pub fn reservations(&self) -> Vec<(u32, Counters)> {
        let open = self.open.iter();
        open.flat_map(|open| open.index.all_unused())
            .filter_map(|(number, unused)| Some((u32::try_from(*number).ok()?, *unused)))
            .collect()
    }

    /// Takes up what [`Vault::reservations`] gave.
    ///
    /// # Errors
    /// A status of opening the vault; what is not taken up counts as used.
    #[cfg(feature = "workstation")]
    pub fn take_up(
        &mut self,
        platform: &mut P,
        reservations: &[(u32, Counters)],
    ) -> Result<(), Status> {
        let index = &mut self.opened(platform)?.index;
        reservations
            .iter()
            .try_for_each(|(number, unused)| index.set_unused(*number as usize, *unused))
    }
}
