//! Which wrapped keys still serve: the generations of owners and families.

use claviger_proto::{Identity, Label, Status, audit::Event, limits};

use super::{
    Note, Vault,
    index::{Entry, generation_name, owner_hash},
    open::SlotNumber,
    slot::{Content, Generation},
};
use crate::platform::Platform;

impl<P: Platform> Vault<P> {
    /// The generation of an owner's wrapped keys, or of one family of them.
    ///
    /// # Errors
    /// [`Status::RecordDamaged`] if the record may be lost; a status of storage.
    pub fn generation(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
    ) -> Result<u32, Status> {
        if let Some((_, number)) = self.search_generation(platform, owner, family)? {
            return Ok(number);
        }
        // An absent record says that nothing was revoked, unless it may be a lost one.
        let open = self.opened(platform)?;
        let found = open.index.count(is_generation);
        if found < usize::from(open.header.generations) {
            return Err(Status::RecordDamaged);
        }
        Ok(0)
    }

    /// Raises that generation, which ends the wrapped keys made before; says which it is now.
    ///
    /// # Errors
    /// [`Status::VaultFull`], [`Status::QuotaExceeded`] for one more family; a status of storage,
    /// after which it is raised or not.
    pub fn next_generation(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
        caller: Identity,
    ) -> Result<u32, Status> {
        let found = self.search_generation(platform, owner, family)?;
        let slot = match found {
            Some((slot, _)) => slot,
            None => self.slot_for_generation(platform, owner, family, &caller)?,
        };
        let last = self.opened(platform)?.header.last_generation;
        let number = last.checked_add(1).ok_or(Status::Internal)?;
        // Before it is used: it is never given again.
        self.change_header(platform, |header| header.last_generation = number)?;
        let generation = Generation {
            owner: *owner,
            family: family.cloned(),
            number,
        };
        let note = Note::new(caller, Event::Revoked).detail(number);
        self.change(platform, slot, Content::Generation(generation), Some(note))?;
        // One more, and what a cut kept from being told.
        let open = self.opened(platform)?;
        let told = open.header.generations;
        let there = u16::try_from(open.index.count(is_generation)).unwrap_or(u16::MAX);
        let generations = told.saturating_add(u16::from(found.is_none())).max(there);
        if generations != told {
            self.change_header(platform, |header| header.generations = generations)?;
        }
        Ok(number)
    }

    /// A slot for another generation of this owner. They are kept for good: an owner has a bounded
    /// number of families, and what is reserved for root is taken by nobody else.
    fn slot_for_generation(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
        caller: &Identity,
    ) -> Result<SlotNumber, Status> {
        let all = Entry::Generation(generation_name(owner, None));
        let hash = owner_hash(owner);
        let families = |entry: &Entry| {
            *entry != all && matches!(entry, Entry::Generation(name) if name.owner == hash)
        };
        let open = self.opened(platform)?;
        if family.is_some() && open.index.count(families) >= limits::FAMILIES {
            return Err(Status::QuotaExceeded);
        }
        self.slot_for_owned(platform, caller)
    }

    fn search_generation(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
    ) -> Result<Option<(SlotNumber, u32)>, Status> {
        let wanted = Entry::Generation(generation_name(owner, family));
        let mut from = 0;
        loop {
            let index = &self.opened(platform)?.index;
            let Some(slot) = index.find(from, |entry| *entry == wanted) else {
                return Ok(None);
            };
            match self.fetch(platform, slot)? {
                Content::Generation(found)
                    if found.owner == *owner && found.family.as_ref() == family =>
                {
                    return Ok(Some((slot, found.number)));
                }
                _ => from = slot.saturating_add(1),
            }
        }
    }
}

fn is_generation(entry: &Entry) -> bool {
    matches!(entry, Entry::Generation(_))
}
