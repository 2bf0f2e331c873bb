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
    /// [`Status::VaultFull`], [`Status::QuotaExceeded`]; a status of storage, after which it is
    /// raised or not.
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
            None => self.slot_for_generation(platform, owner)?,
        };
        // The sequence of changes only rises: no number comes back, whatever was lost.
        let next = self.opened(platform)?.sequence.saturating_add(1);
        let number = u32::try_from(next).map_err(|_| Status::Internal)?;
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

    /// A slot for another generation of this owner, who has a bounded number of them: they are
    /// kept for good.
    fn slot_for_generation(
        &mut self,
        platform: &mut P,
        owner: &Identity,
    ) -> Result<SlotNumber, Status> {
        let owner = owner_hash(owner);
        let theirs =
            |entry: &Entry| matches!(entry, Entry::Generation(name) if name.owner == owner);
        if self.opened(platform)?.index.count(theirs) > limits::FAMILIES {
            return Err(Status::QuotaExceeded);
        }
        self.slot_for_owned(platform)
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
