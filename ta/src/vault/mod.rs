//! The vault: keys at rest, in secure storage.
//!
//! OP-TEE's storage costs by the object, not by the byte, so the vault is a few objects of a fixed
//! size, kept open: up to [`SHARDS`] shards of [`SLOTS`] slots, each shard in two copies. A shard
//! is made when the ones before it are full; no size or name tells anything of a key.
//!
//! ```text
//! object  = header slot || slot 1 || ... || slot 160         161 x 1024 bytes, both copies alike
//! header  = "CLVV" || format (1) || 11 zeros || V || C        see [`header`]
//! slot    = 1024 zeros (never used) | V || C                  see [`slot`]
//! V || C  = AES-256-SIV; the key of the headers comes from the platform's root key, that of the
//!           slots from a secret in the headers; shard, place and incarnation of the shard are
//!           associated data
//! ```
//!
//! **A change is one write of one slot, to the first copy, then to the second.** Each record
//! carries a sequence number; at start both copies are read, each record is authenticated on its
//! own, the newest authentic one counts, and what differs is mended. So a cut between the two
//! writes leaves a change done, one before the first leaves it undone, and damage to one copy costs
//! nothing. A slot hurt in both copies loses that key; `info` counts it, and it stays counted until
//! a factory reset. OP-TEE gives nothing more of an object in which it found a corrupt block: where
//! that happens to both copies, what neither gave before is lost.
//!
//! **What ended stays ended**, whatever tee-supplicant shows, holds back or shows again. A name is in
//! one of three conditions:
//!
//! | condition | how that is known |
//! |---|---|
//! | serving | the object opens, every byte of it was read, and it is as the newest records say, or was made so |
//! | gone | the platform has no such object: it said so, or another one was made in its place. The list of names is one for the whole store, and comes back with the whole store only |
//! | held back | anything else: found corrupt, its name in use, and neither made anew nor removed |
//!
//! - *To change anything*, every name of every shard that counts must be serving or gone, and of each
//!   shard one must serve: the vault is then **settled**.
//! - *Before a change is acknowledged* it is written to every serving copy: a slot's of its shard, a
//!   header's of all shards. So every copy that can come back has everything that was acknowledged.
//! - *To read a record*, one copy of its shard must serve; to open the vault, one copy of any. Each
//!   such set meets what was written in every copy that it consists of, so whichever is shown tells
//!   of every ending.
//!
//! What is **not** settled is read-only: [`Status::Incomplete`] if of a shard no copy serves,
//! [`Status::Degraded`] if only a copy is held back. Then
//! - a call that failed may have reached some copies and not others: one record at most, for nothing
//!   is changed before all copies are alike again. Where a copy is held back, the record that was
//!   written last to its shard is in doubt, and is not served either way ([`Status::Degraded`]), nor
//!   is any fact of the headers. What is seen is in every copy that can come back, and so never
//!   unseen.
//! - what is not found may be in what is held back: [`Status::Incomplete`] or [`Status::Degraded`]
//!   is said in place of [`Status::NotFound`], to whoever has no part in a key, too.
//! - what depends on such a fact is refused: imports (the lock), wrapped keys whose generation has no
//!   record here, copies whose original is not here, counted uses beyond what is reserved, whatever
//!   must be recorded; the audit logs are neither shown nor signed, for a part of them may be
//!   missing. Keys of the shards that are here serve.
//!
//! Each change tries to settle the vault first, so that what is shown again is enough. Where a shard
//! is lost, uid 0 **declares it lost**: the headers of all other shards get its next incarnation,
//! then its names are made anew, and only when nothing of what they were can come back this is
//! acknowledged; until then nothing is said to be gone. A header or slot of another incarnation is not
//! authentic. Whoever may have had a
//! record of a generation there gets one that was never given, so that his older wrapped keys end.
//! A cut is finished by the next start.
//!
//! A factory reset tells every header that is here, then removes what does not say that it is being
//! reset, and that last of all which does: what a cut leaves is no vault by itself. Where no header
//! can be told, an object of the last name says it in their place, until the vault opens with nothing
//! of it missing: that reset is none any more. Where the first thing that is found is corrupt, the
//! platform may delete it, and so each one that is tried next: before that, something is left that
//! is no vault, and where that cannot be, the rest is left alone.
//!
//! Of two records of one name the newest counts, and the other is removed: no two are ever written. A
//! name is what the records say: its hash, which the index holds, may be another's too. Where there
//! are fewer records of generations than were counted, whoever has none gets one that was never given.
//!
//! At rollback level 1000 this holds against every sequence of what is shown and held back; below it,
//! against all but putting back the whole store of an earlier time, whole or in part.
//!
//! **When storage fails** during a change, nobody knows whether it happened. The vault then trusts
//! nothing that it remembers of storage: it reads everything again, and writes the same once more.
//! Where that fails too, it reads everything again before it next needs any of it. Keys in memory go
//! on serving meanwhile, and what a key has reserved of its bounds stays reserved if the record that
//! says so is found again as it was.
//!
//! The vault's own facts (id, secret, lock, number of shards) stand in every header, the newest
//! authentic one counting, so that the loss of no single object loses them. Two calls that failed, the
//! one with some copies and the other with others, may leave two headers of one sequence. One of them
//! counts, whichever copies are shown, and the vault is settled once every copy has that one's bytes.
//! A new shard counts once all headers say so; nothing is written to it before, and its own header
//! last of all: a copy that comes back from a time before would not count it, and it would be the
//! vault some day in its place.

mod anew;
mod cache;
mod change;
mod counting;
mod device;
mod generations;
pub mod header;
mod index;
mod load;
pub mod log;
mod logs;
mod lost;
mod merge;
mod moved;
mod open;
mod quotas;
mod record;
mod repairs;
pub mod slot;

use alloc::vec::Vec;

use claviger_proto::{
    Digits, Identity, Label, Status,
    audit::Event,
    limits,
    message::{KeySummary, VaultInfo},
};

use crate::{
    platform::{Copy, Platform},
    policy,
    session::Caller,
    table::Holder,
};
use cache::Cache;
use generations::Generations;
use index::{Entry, Reserved, name_of, owner_hash};
use load::Known;
use logs::Logs;
use open::{Open, SlotNumber};
use repairs::Repairs;
use slot::{Content, Stamp};

pub use log::Note;
pub use record::{Counters, KeyRecord, Tag, Version};

/// Bytes of a slot.
pub const SLOT: usize = 1024;
/// Slots for keys in a shard.
pub const SLOTS: usize = 160;
/// The most shards.
pub const SHARDS: usize = 8;
/// Bytes of an object: a header and the slots.
pub const OBJECT: usize = SLOT * (1 + SLOTS);
/// Slots of the vault.
pub const CAPACITY: usize = SHARDS * SLOTS;
/// Keys and generations that the vault holds: nobody takes what the audit logs and the certificate
/// need.
pub const KEYS: usize = CAPACITY - (limits::AUDIT_LOGS + 1) * limits::AUDIT_PAGES - 1;

/// Keys that one page of a list looks at.
const LOOKED: usize = 32;

/// Both copies, in the order in which they are written.
const COPIES: [Copy; 2] = [Copy::First, Copy::Second];

/// The vault.
pub struct Vault<P: Platform> {
    open: Option<Open<P::Storage>>,
    /// The slot that a failed change left in doubt, and what it wrote or did not.
    in_doubt: Option<(SlotNumber, Stamp)>,
    /// While the vault is not open: what keys have reserved and not used.
    reserved: Vec<Reserved>,
    cache: Cache,
    generations: Generations,
    repairs: Repairs,
    /// The id and the sequence of the header that was seen last.
    seen: Option<(Digits<16>, u64)>,
    /// What this instance knows of the store before it reads it.
    known: Known,
    /// How often it was opened: what was taken from it before may have ended since.
    opened: u64,
    /// Whether storage is out of bounds for now.
    confined: bool,
}

impl<P: Platform> Default for Vault<P> {
    fn default() -> Self {
        Vault {
            open: None,
            in_doubt: None,
            reserved: Vec::new(),
            cache: Cache::default(),
            generations: Generations::default(),
            repairs: Repairs::default(),
            seen: None,
            known: Known::default(),
            opened: 0,
            confined: false,
        }
    }
}

impl<P: Platform> Vault<P> {
    /// The vault at a glance; opens it if need be.
    ///
    /// # Errors
    /// The status of opening it.
    pub fn info(&mut self, platform: &mut P) -> Result<VaultInfo, Status> {
        let open = self.opened(platform)?;
        let count = |wanted: fn(&Entry) -> bool| {
            u32::try_from(open.index.count(wanted)).unwrap_or(u32::MAX)
        };
        let keys = count(|entry| matches!(entry, Entry::Key(_)));
        let others = count(|entry| matches!(entry, Entry::Generation(_)));
        let damaged = count(|entry| matches!(entry, Entry::Damaged));
        let (id, locked) = (
            open.header.vault,
            open.facts().ok().map(|facts| facts.locked),
        );
        let degraded = u32::try_from(open.degraded()).unwrap_or(u32::MAX);
        let (missing, lost) = (open.missing.count_ones(), open.header.lost);
        Ok(VaultInfo {
            id,
            locked,
            keys,
            free: (KEYS as u32)
                .saturating_sub(keys)
                .saturating_sub(others)
                .saturating_sub(damaged),
            damaged: damaged.saturating_add(lost),
            degraded,
            missing,
            read_only: open.settled().is_err(),
            repaired: self.repairs.made(),
        })
    }

    /// Whether it is open, and so says who owns keys.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// As whom an identity holds places of a [`crate::table::Table`]: of one that owns no key, or
    /// while the vault is not open, nothing more is known.
    #[must_use]
    pub fn holder(&self, whose: Option<Identity>) -> Holder {
        let owns_keys = |identity: Identity| {
            let owner = owner_hash(&identity);
            let theirs = |entry: &Entry| matches!(entry, Entry::Key(name) if name.owner == owner);
            let open = self.open.as_ref();
            open.is_some_and(|open| open.index.find(0, theirs).is_some())
        };
        Holder::of(whose, whose.is_some_and(owns_keys))
    }

    /// The key with this label of this owner.
    ///
    /// # Errors
    /// [`Status::NotFound`]; [`Status::RecordDamaged`]; a status of storage.
    pub fn find(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<&KeyRecord, Status> {
        let place = self.locate(platform, owner, label)?;
        self.at(place)
    }

    /// Has the key with this label of this owner in memory, and says where: good until the vault
    /// is used otherwise.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn locate(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<usize, Status> {
        match self.cache.find(owner, label) {
            Some((place, number)) if !self.is_in_doubt(number) => Ok(place),
            _ => {
                let (number, record) = self.search(platform, owner, label)?;
                self.cache.insert(number, record)
            }
        }
    }

    /// As [`Vault::locate`], for this caller: to whom has no part in the key it is not there, and
    /// whether it is tells no number of storage operations.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn locate_for(
        &mut self,
        platform: &mut P,
        caller: &Caller,
        owner: &Identity,
        label: &Label,
    ) -> Result<usize, Status> {
        if caller.is_administrator() || *caller == Caller::Identified(*owner) {
            return self.locate(platform, owner, label);
        }
        match self.cache.find(owner, label) {
            Some((place, number)) if !self.is_in_doubt(number) => {
                if policy::has_part(self.at(place)?, caller) {
                    return Ok(place);
                }
            }
            _ => match self.search(platform, owner, label) {
                Ok((number, record)) if policy::has_part(&record, caller) => {
                    return self.cache.insert(number, record);
                }
                Ok(_) => return Err(Status::NotFound),
                // Nor does he hear whether it is there and in doubt.
                Err(Status::NotFound | Status::Degraded | Status::Incomplete) => {}
                Err(other) => return Err(other),
            },
        }
        self.read_another(platform, owner, label)?;
        Err(Status::NotFound)
    }

    /// Reads the record of another key, as it would have been read if this one were there.
    fn read_another(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<(), Status> {
        self.expect_storage()?;
        let open = self.opened(platform)?;
        let from = name_of(owner, label).spread(open.index.len());
        let keys = |entry: &Entry| matches!(entry, Entry::Key(_));
        let found = open.index.find(from, keys);
        let number = found.or_else(|| open.index.find(0, keys)).unwrap_or(from);
        match open.read(platform.storage(), number) {
            Ok(_) | Err(Status::RecordDamaged | Status::Degraded) => Ok(()),
            Err(_) => {
                self.close(platform);
                self.opened(platform).map(drop)
            }
        }
    }

    fn is_in_doubt(&self, number: SlotNumber) -> bool {
        self.in_doubt.is_some_and(|(slot, _)| slot == number)
    }

    /// The key that [`Vault::locate`] found there.
    ///
    /// # Errors
    /// [`Status::Internal`] if there is none.
    pub fn at(&self, place: usize) -> Result<&KeyRecord, Status> {
        self.cached(place).map(|(_, record)| record)
    }

    fn cached(&self, place: usize) -> Result<(SlotNumber, &KeyRecord), Status> {
        self.cache.get(place).ok_or(Status::Internal)
    }

    /// As [`Vault::locate`], for a change: the record in memory is the one in storage. Once the
    /// vault is open, it is: opening forgets what a change that failed left here.
    fn locate_to_change(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<usize, Status> {
        self.expect_changeable(platform)?;
        self.locate(platform, owner, label)
    }

    /// Looks a key up in the index and reads it.
    fn search(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<(SlotNumber, KeyRecord), Status> {
        let wanted = Entry::Key(name_of(owner, label));
        let mut from = 0;
        loop {
            let open = self.opened(platform)?;
            let Some(number) = open.index.find(from, |entry| *entry == wanted) else {
                // It may be in what is held back.
                return Err(open.complete().err().unwrap_or(Status::NotFound));
            };
            if let Content::Key(record) = self.fetch(platform, number)?
                && record.is(owner, label)
            {
                return Ok((number, record));
            }
            // Another key whose hash is the same.
            from = number.saturating_add(1);
        }
    }

    /// # Errors
    /// [`Status::AlreadyExists`] if there is a key with this label; a status of storage.
    pub fn expect_free(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<(), Status> {
        match self.find(platform, owner, label) {
            Ok(_) => Err(Status::AlreadyExists),
            Err(Status::NotFound) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Keeps a new key.
    ///
    /// # Errors
    /// [`Status::AlreadyExists`]; [`Status::VaultFull`]; [`Status::QuotaExceeded`]; a status of
    /// storage, after which the key is either there or not.
    pub fn insert(
        &mut self,
        platform: &mut P,
        record: KeyRecord,
        caller: Identity,
    ) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        self.expect_free(platform, &record.owner, &record.label)?;
        let number = self.slot_for(platform, &record.owner)?;
        let note = Note::new(caller, Event::Created).detail(record.origin as u32);
        self.put(platform, number, record, Some(note)).map(drop)
    }

    /// Destroys a key.
    ///
    /// # Errors
    /// [`Status::NotFound`]; a status of storage, after which the key is either there or not.
    pub fn remove(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
        caller: Identity,
    ) -> Result<(), Status> {
        let place = self.locate_to_change(platform, owner, label)?;
        let (number, _) = self.cached(place)?;
        let note = Note {
            subject: Some((*owner, label.clone())),
            ..Note::new(caller, Event::Deleted)
        };
        self.change(platform, number, Content::Tombstone, Some(note))?;
        self.cache.remove(number);
        self.opened(platform)?.index.forget_unused(number);
        Ok(())
    }

    /// Changes a key, in one write. `change` gives the detail for the audit log.
    ///
    /// # Errors
    /// [`Status::NotFound`]; that of `change`, and then nothing is changed; a status of storage,
    /// after which it is changed or not.
    pub fn update(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
        note: Note,
        change: impl FnOnce(&mut KeyRecord) -> Result<u32, Status>,
    ) -> Result<&KeyRecord, Status> {
        let place = self.locate_to_change(platform, owner, label)?;
        let (number, record) = self.cached(place)?;
        let mut record = record.clone();
        let version = record.version;
        let detail = change(&mut record)?;
        // Only a write that reaches both copies leaves nothing of what was before.
        let begun = record.version != version;
        if begun && record.ratchet && !self.opened(platform)?.is_whole(number) {
            return Err(Status::Degraded);
        }
        let place = self.put(platform, number, record, Some(note.detail(detail)))?;
        if begun {
            // What was reserved for the version before is not the new one's.
            let index = &mut self.opened(platform)?.index;
            let unused = Counters {
                uses: index.unused(number).uses,
                ..Counters::default()
            };
            index.set_unused(number, unused)?;
        }
        self.at(place)
    }

    /// What `shown` shows of the keys of `owner`, or of every owner, from slot `cursor` on, given to
    /// `each` until it has had enough (`false`); says where to go on, `None` at the end.
    ///
    /// # Errors
    /// A status of storage.
    pub fn walk(
        &mut self,
        platform: &mut P,
        owner: Option<&Identity>,
        cursor: usize,
        shown: impl Fn(&KeyRecord) -> Option<KeySummary>,
        mut each: impl FnMut(KeySummary) -> bool,
    ) -> Result<Option<usize>, Status> {
        let wanted = owner.map(owner_hash);
        let mut number = cursor;
        let mut looked = 0_usize;
        loop {
            let open = self.opened(platform)?;
            let keys = |entry: &Entry| matches!(entry, Entry::Key(_));
            let Some(next) = open.index.find(number, keys) else {
                return Ok(None);
            };
            let (index, doubtful) = (&open.index, open.is_doubtful(next));
            number = next;
            // Who has a part in few of many keys comes again for the rest. Whosever they are: where
            // to go on tells nothing of one owner's.
            looked = looked.saturating_add(1);
            if looked > LOOKED {
                return Ok(Some(number));
            }
            let theirs = |entry: &Entry| match entry {
                Entry::Key(name) => wanted.is_none_or(|wanted| name.owner == wanted),
                _ => false,
            };
            if doubtful || !index.holds(number, theirs) {
                number = number.saturating_add(1);
                continue;
            }
            let look = |record: &KeyRecord| {
                let theirs = owner.is_none_or(|owner| record.owner == *owner);
                shown(record).filter(|_| theirs)
            };
            let summary = match self.cache.at(number) {
                Some(record) => look(record),
                None => match self.fetch(platform, number)? {
                    Content::Key(record) => look(&record),
                    _ => None,
                },
            };
            if let Some(summary) = summary
                && !each(summary)
            {
                return Ok(Some(number));
            }
            number = number.saturating_add(1);
        }
    }

    /// Destroys everything and begins a new vault, also where the old one cannot be opened, or a
    /// part of it is held back: that must be gone by then.
    ///
    /// # Errors
    /// A status of storage, after which the old vault is either there or not.
    pub fn reset(&mut self, platform: &mut P) -> Result<(), Status> {
        self.cache.clear();
        self.generations.clear();
        // Told to every header first: a cut in the midst of what follows is finished at start.
        match self.opened(platform).map(drop) {
            Ok(()) => self.change_headers(platform, 0, true, |header| {
                header.resetting = true;
                Ok(())
            })?,
            Err(Status::StorageCorrupt | Status::StorageRollback | Status::VaultNewer) => {}
            // What may open later is not half deleted now.
            Err(passing) => return Err(passing),
        }
        self.close(platform);
        self.reserved = Vec::new();
        self.seen = None;
        self.known = Known::default();
        let key = header::key(platform)?;
        let open = anew::begin_anew(platform, &key)?.open;
        self.seen = Some((open.header.vault, open.header.sequence));
        self.known.something = true;
        self.open = Some(open);
        Ok(())
    }

    /// What is to be said of what is not here: [`Status::NotFound`], unless it may be in a part that
    /// is held back.
    #[must_use]
    pub fn absence(&self) -> Status {
        let held_back = self.open.as_ref().and_then(|open| open.complete().err());
        held_back.unwrap_or(Status::NotFound)
    }

    /// Rises with everything that is stored; none while the vault is not open.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.sequence)
    }

    /// Rises whenever the vault is opened: what was kept of it since before may have ended.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.opened
    }

    /// Writes a key to its slot, and remembers it; says where.
    fn put(
        &mut self,
        platform: &mut P,
        number: SlotNumber,
        record: KeyRecord,
        note: Option<Note>,
    ) -> Result<usize, Status> {
        self.cache.ready()?;
        match self.change(platform, number, Content::Key(record), note)? {
            Content::Key(record) => self.cache.insert(number, record),
            _ => Err(Status::Internal),
        }
    }

    /// Reads one record, from the second copy if the first will not do.
    fn fetch(&mut self, platform: &mut P, number: SlotNumber) -> Result<Content, Status> {
        self.expect_storage()?;
        let read = self.opened(platform)?.read(platform.storage(), number);
        if read.is_ok() || self.opened(platform)?.is_doubtful(number) {
            return read;
        }
        // Something is wrong: read everything again, which mends what can be mended.
        self.close(platform);
        self.opened(platform)?.read(platform.storage(), number)
    }

    /// A slot that holds nothing and suits, in a new shard if there is none.
    fn free_slot(
        &mut self,
        platform: &mut P,
        suits: impl Fn(&Logs, SlotNumber) -> bool,
    ) -> Result<SlotNumber, Status> {
        self.expect_changeable(platform)?;
        let open = self.opened(platform)?;
        let mut from = 0;
        while let Some(number) = open.index.find(from, |entry| *entry == Entry::Free) {
            if suits(&open.logs, number) {
                return Ok(number);
            }
            from = number.saturating_add(1);
        }
        let number = open.index.len();
        if open.shards.len() >= SHARDS {
            return Err(Status::VaultFull);
        }
        let shard = u8::try_from(open.shards.len()).map_err(|_| Status::Internal)?;
        // Without a header: should it never count, it is no vault by itself.
        self.write(
            platform,
            |open| open.settled().is_ok() && open.shards.len() == usize::from(shard),
            |open, storage| open.add_shard(storage, shard, &[0; SLOT]),
        )?;
        self.change_header(platform, |header| header.shards = shard.saturating_add(1))?;
        Ok(number)
    }
}

#[cfg(all(test, feature = "workstation"))]
mod tests;
