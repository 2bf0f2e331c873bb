//! Which wrapped keys still serve: the generations of owners and families.

use claviger_proto::{Identity, Label, Status, audit::Event, limits};

use super::{
    Note, Vault,
    index::{Entry, generation_name, owner_hash},
    open::{Open, SlotNumber},
    slot::{Content, Generation},
};
use crate::platform::{Platform, Storage};

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
    ) -> Result<u64, Status> {
        if let Some((_, number)) = self.search_generation(platform, owner, family)? {
            return Ok(number);
        }
        // An absent record says that nothing was revoked, unless it may be a lost one.
        let open = self.opened(platform)?;
        let floor = open.facts()?.generation_floor;
        if open.may_have_lost_generations() {
            return Err(Status::RecordDamaged);
        }
        Ok(floor)
    }

    /// Raises that generation, which ends the wrapped keys made before; says which it is now. It
    /// tells nothing of others' generations, and nobody's rises by them.
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
    ) -> Result<u64, Status> {
        self.expect_changeable(platform)?;
        let found = self.search_generation(platform, owner, family)?;
        let slot = match found {
            Some((slot, _)) => slot,
            None => self.slot_for_generation(platform, owner, family, &caller)?,
        };
        let open = self.opened(platform)?;
        let (facts, lossy) = (open.facts()?, open.may_have_lost_generations());
        let (last, told) = (facts.last_generation, facts.generations);
        let before = match found {
            Some((_, number)) => number,
            // Of a record that is lost, nobody knows the number.
            None if lossy => last,
            None => facts.generation_floor,
        };
        let number = before.checked_add(1).ok_or(Status::Internal)?;
        let there = u16::try_from(open.generations()).unwrap_or(u16::MAX);
        let known = if open.has_damage() { told } else { there };
        let generations = known.max(there).saturating_add(u16::from(found.is_none()));
        // Before it is used: it is never given again, and a record is counted before it is there.
        if number > last || found.is_none() {
            self.change_header(platform, |header| {
                header.last_generation = last.max(number);
                header.generations = generations;
            })?;
        }
        let generation = Generation {
            owner: *owner,
            family: family.cloned(),
            number,
        };
        let detail = u32::try_from(number).unwrap_or(u32::MAX);
        let note = Note::new(caller, Event::Revoked).detail(detail);
        self.change(platform, slot, Content::Generation(generation), Some(note))?;
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
    ) -> Result<Option<(SlotNumber, u64)>, Status> {
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

impl<S: Storage> Open<S> {
    /// How many records of generations there are.
    pub(super) fn generations(&self) -> usize {
        self.index
            .count(|entry| matches!(entry, Entry::Generation(_)))
    }

    /// Whether a record of a generation may be among what is damaged.
    fn may_have_lost_generations(&self) -> bool {
        self.has_damage() && self.generations() < usize::from(self.header.generations)
    }

    fn has_damage(&self) -> bool {
        self.index
            .find(0, |entry| *entry == Entry::Damaged)
            .is_some()
    }
}
