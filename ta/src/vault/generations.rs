//! Which wrapped keys still serve: the generations of owners and families.

use claviger_proto::{Identity, Label, Status, audit::Event};

use super::{
    Note, Vault,
    index::{Entry, generation_name},
    open::SlotNumber,
    slot::{Content, Generation},
};
use crate::platform::Platform;

impl<P: Platform> Vault<P> {
    /// The generation of an owner's wrapped keys, or of one family of them.
    ///
    /// # Errors
    /// A status of storage.
    pub fn generation(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
    ) -> Result<u32, Status> {
        Ok(self
            .search_generation(platform, owner, family)?
            .map_or(0, |(_, number)| number))
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
        let (slot, number) = match self.search_generation(platform, owner, family)? {
            Some(found) => found,
            None => (self.slot_for(platform, owner)?, 0),
        };
        let number = number.checked_add(1).ok_or(Status::Internal)?;
        let generation = Generation {
            owner: *owner,
            family: family.cloned(),
            number,
        };
        let note = Note::new(caller, Event::Revoked).detail(number);
        self.change(platform, slot, Content::Generation(generation), Some(note))?;
        Ok(number)
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
