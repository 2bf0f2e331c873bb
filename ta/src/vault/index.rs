//! What the vault remembers of its slots.

use alloc::vec::Vec;

use claviger_proto::{Identity, Label, Login, Status};
use sha2::{Digest, Sha256};

use super::{
    open::SlotNumber,
    record::Counters,
    slot::{Content, Generation, Stamp},
};

/// What the vault remembers of a slot: enough to find a record without reading the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Free,
    Damaged,
    Key(Name),
    Generation(Name),
    /// A page of an audit log: the logs know which.
    Page,
    /// The certificate of the device's key.
    Certificate,
}

/// A record's owner and name as the index holds them. Hashes can collide: whoever finds one reads
/// the record too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) owner: u64,
    name: u64,
}

/// Set in the hash of an owner that is a group.
const GROUP: u64 = 1;

impl Name {
    /// Whether its owner is a group.
    pub(super) fn is_group(&self) -> bool {
        self.owner & GROUP != 0
    }

    /// One of so many numbers, alike for the same name.
    pub(super) fn spread(&self, numbers: usize) -> usize {
        let numbers = u64::try_from(numbers).unwrap_or(u64::MAX);
        let one = self.name.checked_rem(numbers).unwrap_or(0);
        usize::try_from(one).unwrap_or(0)
    }
}

/// One entry for each slot of the vault, and what is not used yet of what keys have reserved.
#[derive(Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
    /// Of counted keys only.
    unused: Vec<Reserved>,
    /// What was written last.
    written: Option<(SlotNumber, Stamp)>,
}

/// What a counted key has reserved and not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reserved {
    pub(super) number: SlotNumber,
    pub(super) unused: Counters,
    /// Of the record that says what is reserved, where that is known.
    pub(super) stamp: Option<Stamp>,
}

impl Index {
    pub(super) fn reserve(&mut self, slots: usize) -> Result<(), Status> {
        self.entries
            .try_reserve_exact(slots)
            .map_err(|_| Status::OutOfMemory)
    }

    /// Adds slots for which there is room.
    pub(super) fn add(&mut self, slots: usize, entry: Entry) {
        let len = self.entries.len().saturating_add(slots);
        self.entries.resize(len, entry);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The first slot from `from` on whose entry is `wanted`.
    pub(super) fn find(
        &self,
        from: SlotNumber,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Option<SlotNumber> {
        let ahead = self.entries.iter().skip(from).position(wanted)?;
        Some(from.saturating_add(ahead))
    }

    /// Whether the slot's entry is `wanted`.
    pub(super) fn holds(&self, number: SlotNumber, wanted: impl Fn(&Entry) -> bool) -> bool {
        self.entries.get(number).is_some_and(wanted)
    }

    /// The first two slots behind those two that hold something whose name has one hash, none of them
    /// `left_out`.
    pub(super) fn next_alike(
        &self,
        behind: (SlotNumber, SlotNumber),
        left_out: impl Fn(SlotNumber) -> bool,
    ) -> Option<(SlotNumber, SlotNumber)> {
        let named = |(number, entry): &(SlotNumber, &Entry)| {
            matches!(
                entry,
                Entry::Key(_) | Entry::Generation(_) | Entry::Certificate
            ) && !left_out(*number)
        };
        let all = || self.entries.iter().enumerate().filter(named);
        let mut ahead = all().filter(|(one, _)| *one >= behind.0);
        ahead.find_map(|(one, entry)| {
            let alike = |(number, other): &(SlotNumber, &Entry)| {
                *number > one && (one, *number) > behind && *other == entry
            };
            all().find(alike).map(|(other, _)| (one, other))
        })
    }

    pub(super) fn count(&self, wanted: impl Fn(&Entry) -> bool) -> usize {
        self.entries.iter().filter(|entry| wanted(entry)).count()
    }

    /// Remembers what a slot holds now.
    pub(super) fn set(&mut self, number: SlotNumber, entry: Entry) {
        if let Some(place) = self.entries.get_mut(number) {
            *place = entry;
        }
    }

    /// What a slot's key has reserved and not used: nothing, if that is not known.
    pub(super) fn unused(&self, number: SlotNumber) -> Counters {
        let found = self.unused.iter().find(|one| one.number == number);
        found.map(|one| one.unused).unwrap_or_default()
    }

    /// What is reserved and not used, of all slots of which that is known.
    #[cfg(feature = "workstation")]
    pub(super) fn reserved(&self) -> &[Reserved] {
        &self.unused
    }

    /// Takes out what is reserved and not used, of all slots.
    pub(super) fn take_reserved(&mut self) -> Vec<Reserved> {
        core::mem::take(&mut self.unused)
    }

    /// Remembers what is reserved and not used, of all slots.
    pub(super) fn set_reserved(&mut self, reserved: Vec<Reserved>) {
        self.unused = reserved;
    }

    /// Remembers that a slot was written.
    pub(super) fn wrote(&mut self, number: SlotNumber, stamp: Stamp) {
        self.written = Some((number, stamp));
        if let Some(one) = self.unused.iter_mut().find(|one| one.number == number) {
            one.stamp = Some(stamp);
        }
    }

    /// Remembers what a slot's key has reserved and not used.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`], and what is reserved counts as used.
    pub(super) fn set_unused(
        &mut self,
        number: SlotNumber,
        unused: Counters,
    ) -> Result<(), Status> {
        if let Some(one) = self.unused.iter_mut().find(|one| one.number == number) {
            one.unused = unused;
        } else if unused != Counters::default() {
            self.unused
                .try_reserve(1)
                .map_err(|_| Status::OutOfMemory)?;
            let written = self.written.filter(|(slot, _)| *slot == number);
            self.unused.push(Reserved {
                number,
                unused,
                stamp: written.map(|(_, stamp)| stamp),
            });
        }
        Ok(())
    }

    /// Forgets what a slot's key has reserved.
    pub(super) fn forget_unused(&mut self, number: SlotNumber) {
        self.unused.retain(|one| one.number != number);
    }
}

/// What the index holds of a slot with this content.
pub(super) fn entry_of(content: &Content) -> Entry {
    match content {
        Content::Tombstone => Entry::Free,
        Content::Key(key) => Entry::Key(name_of(&key.owner, &key.label)),
        Content::Generation(Generation { owner, family, .. }) => {
            Entry::Generation(generation_name(owner, family.as_ref()))
        }
        Content::Page(_) => Entry::Page,
        Content::Certificate(_) => Entry::Certificate,
    }
}

/// An owner as the index holds it. Owners with one hash count as one, so it is too long for anybody to
/// find another's among the identities that he has (65,536, say).
pub(super) fn owner_hash(owner: &Identity) -> u64 {
    let hash = u64::from_le_bytes(hash(owner, "")) & !GROUP;
    match owner.login {
        Login::Group => hash | GROUP,
        Login::User => hash,
    }
}

/// A key's name as the index holds it.
pub(super) fn name_of(owner: &Identity, label: &Label) -> Name {
    name(owner, label.as_str())
}

/// A generation's name as the index holds it.
pub(super) fn generation_name(owner: &Identity, family: Option<&Label>) -> Name {
    name(owner, family.map_or("", Label::as_str))
}

fn name(owner: &Identity, text: &str) -> Name {
    Name {
        owner: owner_hash(owner),
        name: u64::from_le_bytes(hash(owner, text)),
    }
}

fn hash(owner: &Identity, text: &str) -> [u8; 8] {
    // Names that collide: nobody searches 2^32 of them in a test.
    #[cfg(test)]
    let text = text.split_once("/alike/").map_or(text, |(front, _)| front);
    let hash = Sha256::new()
        .chain_update([owner.login as u8])
        .chain_update(owner.id.0)
        .chain_update(text)
        .finalize();
    hash.first_chunk().copied().unwrap_or_default()
}
