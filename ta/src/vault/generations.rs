//! Which wrapped keys still serve: the generations of owners and families.
//!
//! From the first key that is wrapped of an owner, or in a family, there is a record: where nothing
//! was wrapped nothing is kept, whatever is revoked, and where there is no record of what was, it is
//! lost.
//!
//! **Where all of an owner's wrapped keys were revoked**, the records of his families go: the number of
//! his own record ends every key, whatever its family's is. Uid 0, who revokes for somebody else,
//! frees that record's place too: first the generation of whoever has no record is raised above all
//! that were given.

use claviger_proto::{Identity, Label, Login, Status, audit::Event, limits};

use super::{
    Note, Vault,
    index::{Entry, generation_name, owner_hash},
    open::{Open, SlotNumber},
    slot::{Content, Generation},
};
use crate::{
    platform::{Platform, Storage},
    table::{Holder, Rules, Table},
};

/// How what is remembered of generations is shared out among their owners.
const RULES: Rules = Rules {
    places: 32,
    share: 2,
    groups: 2,
    root: 2,
    identity: 8,
};

/// The generations that were asked for last.
pub(super) struct Generations(Table<(SlotNumber, Generation)>);

impl Default for Generations {
    fn default() -> Self {
        Generations(Table::new(RULES))
    }
}

impl Generations {
    fn find(&mut self, owner: &Identity, family: Option<&Label>) -> Option<(SlotNumber, u64)> {
        let place = self.0.find(|(_, one)| is(one, owner, family))?;
        self.0.get(place).map(|(slot, one)| (*slot, one.number))
    }

    fn keep(&mut self, slot: SlotNumber, generation: Generation) -> Result<(), Status> {
        let whose = Some(generation.owner);
        let holder = Holder::of(whose, true);
        let place = self.0.place_in_cache_for(holder, whose)?;
        self.0.put(place, holder, whose, (slot, generation))?;
        Ok(())
    }

    fn forget(&mut self, slot: SlotNumber) {
        self.0.retain(|(other, _)| *other != slot);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn is(one: &Generation, owner: &Identity, family: Option<&Label>) -> bool {
    one.owner == *owner && one.family.as_ref() == family
}

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
        // What was wrapped has a record: it is lost, or was declared so.
        let open = self.opened(platform)?;
        let floor = open.facts()?.generation_floor;
        if open.may_have_lost_generations() {
            return Err(Status::RecordDamaged);
        }
        Ok(floor)
    }

    /// As [`Vault::generation`], for a key that is about to be wrapped: from the first one on there
    /// is a record.
    ///
    /// # Errors
    /// [`Status::VaultFull`], [`Status::QuotaExceeded`] for one more family; a status of storage.
    pub fn generation_to_wrap(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
    ) -> Result<u64, Status> {
        match self.search_generation(platform, owner, family)? {
            Some((_, number)) => Ok(number),
            None => self.raise(platform, owner, family, None, None),
        }
    }

    /// Raises that generation, which ends the wrapped keys made before; says which it is now. It
    /// tells nothing of others' generations, and nobody's rises by them.
    ///
    /// # Errors
    /// [`Status::NothingWrapped`] where nothing was, so that there is nothing to raise; a status of
    /// storage, after which it is raised or not.
    pub fn next_generation(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
        caller: Identity,
    ) -> Result<u64, Status> {
        self.expect_changeable(platform)?;
        let found = self.search_generation(platform, owner, family)?;
        if found.is_none() && !self.opened(platform)?.has_damage() {
            return Err(Status::NothingWrapped);
        }
        let note = Note::new(caller, Event::Revoked);
        let number = self.raise(platform, owner, family, found, Some(note))?;
        if family.is_none() {
            let for_other = caller == Identity::ADMINISTRATOR && caller != *owner;
            self.free_generations(platform, owner, for_other)?;
        }
        Ok(number)
    }

    /// Frees the places of an owner's families, and with `own` that of the record of all his wrapped
    /// keys, which were revoked just now.
    fn free_generations(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        own: bool,
    ) -> Result<(), Status> {
        if own {
            let last = self.facts(platform)?.last_generation;
            let floor = last.checked_add(1).ok_or(Status::Internal)?;
            self.change_header(platform, |header| {
                header.last_generation = floor;
                header.generation_floor = floor;
            })?;
        }
        let mut freed = 0_u16;
        // His own record goes last: while it is there, this can be done once more.
        for own in [false, true].into_iter().take(if own { 2 } else { 1 }) {
            let mut from = 0;
            while let Some(number) = self.next_generation_of(platform, owner, own, from)? {
                self.change(platform, number, Content::Tombstone, None)?;
                self.generations.forget(number);
                freed = freed.saturating_add(1);
                from = number;
            }
        }
        if freed == 0 {
            return Ok(());
        }
        self.change_header(platform, |header| {
            header.generations = header.generations.saturating_sub(freed);
        })
    }

    /// From this slot on, the first record of a family of this owner's, or of all he has wrapped.
    fn next_generation_of(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        all: bool,
        mut from: SlotNumber,
    ) -> Result<Option<SlotNumber>, Status> {
        let hash = owner_hash(owner);
        let theirs = |entry: &Entry| matches!(entry, Entry::Generation(name) if name.owner == hash);
        while let Some(number) = self.opened(platform)?.index.find(from, theirs) {
            if let Content::Generation(found) = self.fetch(platform, number)?
                && found.owner == *owner
                && found.family.is_none() == all
            {
                return Ok(Some(number));
            }
            from = number.saturating_add(1);
        }
        Ok(None)
    }

    /// Gives a generation the next number, or the first one.
    fn raise(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
        found: Option<(SlotNumber, u64)>,
        note: Option<Note>,
    ) -> Result<u64, Status> {
        self.expect_changeable(platform)?;
        let slot = match found {
            Some((slot, _)) => slot,
            None => {
                let caller = note.as_ref().map_or(*owner, |note| note.caller);
                self.slot_for_generation(platform, owner, family, &caller)?
            }
        };
        let open = self.opened(platform)?;
        let (facts, damaged) = (open.facts()?, open.has_damage());
        let (last, told) = (facts.last_generation, facts.generations);
        let fewer = open.has_fewer_generations();
        let mut floor = facts.generation_floor;
        if fewer && !damaged && found.is_none() {
            // A cut came before the record, or nobody knows where it is: as if it was declared lost.
            floor = last.checked_add(1).ok_or(Status::Internal)?;
        }
        let before = match found {
            Some((_, number)) => number,
            // Of a record that is lost, nobody knows the number.
            None if fewer && damaged => last,
            None => floor,
        };
        let number = before.checked_add(1).ok_or(Status::Internal)?;
        let there = u16::try_from(open.generations()).unwrap_or(u16::MAX);
        let known = if damaged { told } else { there };
        let generations = known.max(there).saturating_add(u16::from(found.is_none()));
        // Before it is used: it is never given again, and a record is counted before it is there.
        if number > last || found.is_none() {
            self.change_header(platform, |header| {
                header.last_generation = last.max(number);
                header.generations = generations;
                header.generation_floor = floor;
            })?;
        }
        let generation = Generation {
            owner: *owner,
            family: family.cloned(),
            number,
        };
        let detail = u32::try_from(number).unwrap_or(u32::MAX);
        let note = note.map(|note| note.detail(detail));
        self.generations.forget(slot);
        let content = Content::Generation(generation);
        if let Content::Generation(generation) = self.change(platform, slot, content, note)? {
            self.generations.keep(slot, generation)?;
        }
        Ok(number)
    }

    /// A slot for another generation of this owner. They are kept until all is revoked: an owner has a
    /// bounded number of families, and so has each group, all groups together have one, and what is
    /// reserved for root is taken by nobody else.
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
        let of_groups = |entry: &Entry| matches!(entry, Entry::Generation(name) if name.is_group());
        let index = &self.opened(platform)?.index;
        let (most, together) = match owner.login {
            Login::Group => (limits::FAMILIES_OF_GROUP, index.count(of_groups)),
            Login::User => (limits::FAMILIES, 0),
        };
        let exceeded = family.is_some() && index.count(families) >= most;
        if exceeded || together >= limits::GROUP_FAMILIES {
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
        // What is remembered is of the vault as it stands open.
        self.opened(platform)?;
        if let Some(found) = self.generations.find(owner, family) {
            return Ok(Some(found));
        }
        let wanted = Entry::Generation(generation_name(owner, family));
        let mut from = 0;
        loop {
            let index = &self.opened(platform)?.index;
            let Some(slot) = index.find(from, |entry| *entry == wanted) else {
                return Ok(None);
            };
            match self.fetch(platform, slot)? {
                Content::Generation(found) if is(&found, owner, family) => {
                    let number = found.number;
                    self.generations.keep(slot, found)?;
                    return Ok(Some((slot, number)));
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
        self.has_damage() && self.has_fewer_generations()
    }

    /// Whether there are fewer than the headers say.
    fn has_fewer_generations(&self) -> bool {
        self.generations() < usize::from(self.header.generations)
    }

    fn has_damage(&self) -> bool {
        self.index
            .find(0, |entry| *entry == Entry::Damaged)
            .is_some()
    }
}
