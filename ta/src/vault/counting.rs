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
    /// once. Says where the key is then, as [`Vault::locate`].
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
    ) -> Result<usize, Status> {
        let place = self.locate_to_change(platform, owner, label)?;
        let (number, _) = self.cached(place)?;
        let index = &mut self.opened(platform)?.index;
        let unused = index.unused(number);
        if amount.within(unused) {
            index.set_unused(number, unused.less(amount))?;
            return Ok(place);
        }
        let mut record = self.at(place)?.clone();
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
        let place = self.put(platform, number, record, None)?;
        let index = &mut self.opened(platform)?.index;
        index.set_unused(number, unused.more(added).less(amount))?;
        Ok(place)
    }

    /// What calls have used of the bounds of the key that [`Vault::locate`] found there.
    ///
    /// # Errors
    /// [`Status::Internal`] if there is none.
    pub fn used(&self, place: usize) -> Result<Counters, Status> {
        let (number, record) = self.cached(place)?;
        let unused = self.open.as_ref().map(|open| open.index.unused(number));
        Ok(record.counters.less(unused.unwrap_or_default()))
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
