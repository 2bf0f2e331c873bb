//! What keys have used of their bounds. A start counts all that is reserved as used, so a bound
//! holds whatever is cut, and a crash costs at most what was reserved and not used.

use alloc::vec::Vec;

use claviger_proto::{Identity, Label, Status};

use super::{Counters, KeyRecord, Vault, index::Reserved, open::SlotNumber};
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
        self.opened(platform)?;
        let place = self.locate(platform, owner, label)?;
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
        let put = self.put(platform, number, record, None);
        if put.is_err() {
            self.may_have_reserved(number, unused.more(added));
        }
        let place = put?;
        let index = &mut self.opened(platform)?.index;
        index.set_unused(number, unused.more(added).less(amount))?;
        Ok(place)
    }

    /// Remembers what a key has reserved if the write that failed was done after all: nothing of it
    /// was released.
    fn may_have_reserved(&mut self, number: SlotNumber, unused: Counters) {
        let written = self.in_doubt.filter(|(slot, _)| *slot == number);
        if let Some((_, stamp)) = written
            && self.reserved.try_reserve(1).is_ok()
        {
            self.reserved.push(Reserved {
                number,
                unused,
                stamp: Some(stamp),
            });
        }
    }

    /// Takes up what keys had reserved before the vault was opened again, of those whose record is
    /// the one that says so: a failed write costs nobody else's reservation. Of any other record
    /// nobody knows what of it was used.
    pub(super) fn keep_reserved(&mut self, platform: &mut P, mut reserved: Vec<Reserved>) {
        if let Some(open) = &mut self.open {
            reserved.retain(|one| {
                let found = open.stamp(platform.storage(), one.number);
                one.stamp.is_some() && found.ok() == one.stamp
            });
            open.index.set_reserved(reserved);
        }
    }

    /// Has the vault be open, so that what is used is what storage says: where the key is then.
    ///
    /// # Errors
    /// [`Status::NotFound`]; a status of storage.
    pub fn ready_to_count(&mut self, platform: &mut P, place: usize) -> Result<usize, Status> {
        if self.open.is_some() {
            return Ok(place);
        }
        let record = self.at(place)?;
        let (owner, label) = (record.owner, record.label.clone());
        self.locate_to_change(platform, &owner, &label)
    }

    /// What calls have used of the bounds of the key that [`Vault::locate`] found there.
    ///
    /// # Errors
    /// [`Status::Internal`] if there is none.
    pub fn used(&self, place: usize) -> Result<Counters, Status> {
        let (number, record) = self.cached(place)?;
        let unused = match &self.open {
            Some(open) => open.index.unused(number),
            // Until it is opened, as far as is known.
            None => {
                let mut reserved = self.reserved.iter();
                let found = reserved.find(|one| one.number == number);
                found.map(|one| one.unused).unwrap_or_default()
            }
        };
        Ok(record.counters.less(unused))
    }

    /// What keys have reserved and not used, by their slots, for an instance that another process
    /// takes up.
    #[cfg(feature = "workstation")]
    #[must_use]
    pub fn reservations(&self) -> Vec<(u32, Counters)> {
        let open = self.open.iter();
        open.flat_map(|open| open.index.reserved())
            .filter_map(|one| Some((u32::try_from(one.number).ok()?, one.unused)))
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
        let open = self.opened(platform)?;
        let reserved = reservations.iter().map(|(number, unused)| {
            let number = *number as usize;
            Reserved {
                number,
                unused: *unused,
                stamp: open.stamp(platform.storage(), number).ok(),
            }
        });
        let reserved = reserved.collect();
        open.index.set_reserved(reserved);
        Ok(())
    }
}
