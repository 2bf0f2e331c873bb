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
//!           slots from a secret in the headers; shard and place are associated data
//! ```
//!
//! **A change is one write of one slot, to the first copy, then to the second.** Each record
//! carries a sequence number; at start both copies are read, each record is authenticated on its
//! own, the newest authentic one counts, and what differs is mended. So a cut between the two
//! writes leaves a change done, one before the first leaves it undone, and damage to one copy costs
//! nothing. A slot hurt in both copies loses that key; a shard lost in both, its keys; `info`
//! counts them, and they stay counted until a factory reset. OP-TEE gives nothing more of an object
//! in which it found a corrupt block: where that happens to both copies, what neither gave before
//! is lost. A copy that cannot be mended now (no space, or its name is held) stays out of service
//! until the next start; where it cannot be removed either, each change tries again first.
//!
//! **When storage fails** during a change, nobody knows whether it happened. The vault then trusts
//! nothing that it remembers of storage: it reads everything again, and writes the same once more.
//! Where that fails too, it reads everything again before it next needs any of it. Keys in memory go
//! on serving meanwhile.
//!
//! The vault's own facts (id, secret, lock, number of shards) stand in every header, the newest
//! authentic one counting, so that the loss of no single object loses them.

mod cache;
mod counting;
mod device;
mod generations;
pub mod header;
mod index;
mod load;
pub mod log;
mod logs;
mod open;
mod record;
mod repairs;
pub mod slot;

use claviger_proto::{
    Digits, Identity, Label, Status,
    audit::{Event, Record},
    limits,
    message::{KeySummary, VaultInfo},
};

use crate::platform::{Copy, Platform};
use cache::Cache;
use header::Header;
use index::{Entry, entry_of, name_of, owner_hash};
use logs::Logs;
use open::{Open, SlotNumber, whereabouts};
use repairs::Repairs;
use slot::{Content, EVENTS, Events};

pub use log::Note;
pub(crate) use record::use_limit;
pub use record::{Counters, KeyRecord, Version};

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

/// Whether storage may do what it has just not done: its helper in the normal world comes back.
const fn passes(status: Status) -> bool {
    matches!(status, Status::StorageUnavailable | Status::StorageFault)
}

/// The vault.
pub struct Vault<P: Platform> {
    open: Option<Open<P::Storage>>,
    /// The slot that a failed change left in doubt.
    in_doubt: Option<SlotNumber>,
    cache: Cache,
    repairs: Repairs,
    /// The id and the sequence of the header that was seen last.
    seen: Option<(Digits<16>, u64)>,
}

impl<P: Platform> Default for Vault<P> {
    fn default() -> Self {
        Vault {
            open: None,
            in_doubt: None,
            cache: Cache::default(),
            repairs: Repairs::default(),
            seen: None,
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
        let (id, locked) = (open.header.vault, open.header.locked);
        let degraded = u32::try_from(open.degraded()).unwrap_or(u32::MAX);
        Ok(VaultInfo {
            id,
            locked,
            keys,
            free: (KEYS as u32)
                .saturating_sub(keys)
                .saturating_sub(others)
                .saturating_sub(damaged),
            damaged,
            degraded,
            repaired: self.repairs.made(),
        })
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
            Some((place, number)) if self.in_doubt != Some(number) => Ok(place),
            _ => {
                let (number, record) = self.search(platform, owner, label)?;
                self.cache.insert(number, record)
            }
        }
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
        self.opened(platform)?;
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
            let index = &self.opened(platform)?.index;
            let number = index.find(from, |entry| *entry == wanted);
            let number = number.ok_or(Status::NotFound)?;
            if let Content::Key(record) = self.fetch(platform, number)?
                && record.is(owner, label)
            {
                return Ok((number, record));
            }
            // Another key whose hash is the same.
            from = number.saturating_add(1);
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
        self.opened(platform)?;
        match self.find(platform, &record.owner, &record.label) {
            Ok(_) => return Err(Status::AlreadyExists),
            Err(Status::NotFound) => {}
            Err(other) => return Err(other),
        }
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

    /// The summaries of those of `owner`'s keys from slot `cursor` on that are `shown`, given to
    /// `each` until it has had enough (`false`); says where to go on, `None` at the end.
    ///
    /// # Errors
    /// A status of storage.
    pub fn walk(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        cursor: usize,
        shown: impl Fn(&KeyRecord) -> bool,
        mut each: impl FnMut(KeySummary) -> bool,
    ) -> Result<Option<usize>, Status> {
        let wanted = owner_hash(owner);
        let mut number = cursor;
        let mut looked = 0_usize;
        loop {
            let index = &self.opened(platform)?.index;
            let theirs = |entry: &Entry| matches!(entry, Entry::Key(name) if name.owner == wanted);
            let Some(next) = index.find(number, theirs) else {
                return Ok(None);
            };
            number = next;
            // Who has a part in few of many keys comes again for the rest.
            looked = looked.saturating_add(1);
            if looked > LOOKED {
                return Ok(Some(number));
            }
            let look = |record: &KeyRecord| {
                (record.owner == *owner && shown(record)).then(|| record.summary())
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

    /// Destroys everything and begins a new vault, also where the old one cannot be opened.
    ///
    /// # Errors
    /// A status of storage, after which the old vault is either there or not.
    pub fn reset(&mut self, platform: &mut P) -> Result<(), Status> {
        self.cache.clear();
        // Told to every header first: a cut in the midst of what follows is finished at start.
        let shards = match self.opened(platform) {
            Ok(open) => open.header.shards,
            Err(Status::StorageCorrupt | Status::StorageRollback | Status::VaultNewer) => {
                SHARDS as u8
            }
            // What may open later is not half deleted now.
            Err(passing) => return Err(passing),
        };
        if self.open.is_some() {
            self.change_header(platform, |header| header.resetting = true)?;
        }
        self.close(platform);
        self.seen = None;
        self.open = Some(load::begin_anew(platform, shards)?.open);
        Ok(())
    }

    /// Rises with everything that is stored; none while the vault is not open.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.sequence)
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
        if let Ok(content) = self.opened(platform)?.read(platform.storage(), number) {
            return Ok(content);
        }
        // Something is wrong: read everything again, which mends what can be mended.
        self.close(platform);
        self.opened(platform)?.read(platform.storage(), number)
    }

    /// A slot for something new of this owner.
    fn slot_for(&mut self, platform: &mut P, owner: &Identity) -> Result<SlotNumber, Status> {
        let open = self.opened(platform)?;
        let owner = owner_hash(owner);
        let theirs = |entry: &Entry| matches!(entry, Entry::Key(name) if name.owner == owner);
        let root = owner_hash(&Identity::ADMINISTRATOR) == owner;
        if !root && open.index.count(theirs) >= limits::OWNER_KEYS {
            return Err(Status::QuotaExceeded);
        }
        if !root && self.owned(platform)? >= KEYS.saturating_sub(limits::ROOT_KEYS) {
            return Err(Status::VaultFull);
        }
        self.slot_for_owned(platform)
    }

    /// A slot for something of an owner, if the vault has one more.
    fn slot_for_owned(&mut self, platform: &mut P) -> Result<SlotNumber, Status> {
        if self.owned(platform)? >= KEYS {
            return Err(Status::VaultFull);
        }
        self.free_slot(platform, |_, _| true)
    }

    /// Slots that are not free for something of an owner.
    fn owned(&mut self, platform: &mut P) -> Result<usize, Status> {
        let index = &self.opened(platform)?.index;
        Ok(index
            .count(|entry| matches!(entry, Entry::Key(_) | Entry::Generation(_) | Entry::Damaged)))
    }

    /// A slot that holds nothing and suits, in a new shard if there is none.
    fn free_slot(
        &mut self,
        platform: &mut P,
        suits: impl Fn(&Logs, SlotNumber) -> bool,
    ) -> Result<SlotNumber, Status> {
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
        let mut header = open.header.clone();
        header.shards = shard.saturating_add(1);
        header.sequence = header.sequence.saturating_add(1);
        let key = header::key(platform)?;
        self.write(
            platform,
            |_| true,
            |open, storage| open.add_shard(storage, &key, shard, &header),
        )?;
        self.change_header(platform, |header| header.shards = shard.saturating_add(1))?;
        Ok(number)
    }

    /// Changes what is in a slot, and has the audit log know; gives the content back.
    fn change(
        &mut self,
        platform: &mut P,
        number: SlotNumber,
        content: Content,
        note: Option<Note>,
    ) -> Result<Content, Status> {
        let (boot, time) = (
            self.opened(platform)?.logs.boot(),
            platform.untrusted_time(),
        );
        let event = note.map(|note| note.record(&content, boot, time));
        self.make_room(platform, number, &content, event.as_ref())?;
        let caller = event.as_ref().and_then(|event| event.caller);
        self.prepare_log(platform, number, caller)?;
        if caller.is_some() {
            let of = self.opened(platform)?.logs.log_of(caller);
            self.expect_log_room(platform, number, of, 0)?;
        }
        let open = self.opened(platform)?;
        let sequence = open.sequence.saturating_add(1);
        let mut events: Events = open.logs.waiting_in(number).take(EVENTS).cloned().collect();
        let Some(event) = event.map(|event| Record { sequence, ..event }) else {
            return self.write_slot(platform, number, content, &events);
        };
        events.push(event.clone()).map_err(|_| Status::Internal)?;
        let content = self.write_slot(platform, number, content, &events)?;
        self.opened(platform)?.logs.wait(number, event)?;
        Ok(content)
    }

    /// Writes one slot to both copies; gives the content back.
    fn write_slot(
        &mut self,
        platform: &mut P,
        number: SlotNumber,
        content: Content,
        events: &[Record],
    ) -> Result<Content, Status> {
        self.expect_changeable(platform)?;
        let open = self.opened(platform)?;
        let sequence = open.sequence.saturating_add(1);
        let (shard, place) = whereabouts(number);
        let bytes = open
            .slot_key
            .seal(shard, place, sequence, &content, events)?;
        // What a ratchet's step leaves behind must be gone in both copies.
        let ratchets = matches!(&content, Content::Key(key) if key.ratchet);
        let written = self.write(
            platform,
            |open| open.is_whole(number) || !ratchets,
            |open, storage| open.write(storage, number, bytes.as_slice()),
        );
        if let Err(error) = written {
            self.in_doubt = Some(number);
            return Err(error);
        }
        let open = self.opened(platform)?;
        open.sequence = open.sequence.max(sequence);
        open.index.set(number, entry_of(&content));
        Ok(content)
    }

    /// Changes the header and writes it to every copy of every shard.
    fn change_header(
        &mut self,
        platform: &mut P,
        change: impl FnOnce(&mut Header),
    ) -> Result<(), Status> {
        self.expect_changeable(platform)?;
        let key = header::key(platform)?;
        let open = self.opened(platform)?;
        let mut header = open.header.clone();
        change(&mut header);
        header.sequence = header.sequence.saturating_add(1);
        // A new shard is not opened again before the header says that it counts.
        let shards = usize::from(header.shards);
        self.write(
            platform,
            |open| open.shards.len() == shards,
            |open, storage| open.write_headers(storage, &key, &header),
        )?;
        self.seen = Some((header.vault, header.sequence));
        self.opened(platform)?.header = header;
        Ok(())
    }

    /// Writes to storage, and where that fails opens the vault anew and writes the same once more,
    /// if it `may_repeat`: OP-TEE holds on to the files of a tee-supplicant that has ended, and it
    /// deletes what it finds corrupt, which opening makes anew.
    ///
    /// # Errors
    /// The status of storage; the vault is closed then.
    fn write(
        &mut self,
        platform: &mut P,
        may_repeat: impl Fn(&Open<P::Storage>) -> bool,
        mut write: impl FnMut(&mut Open<P::Storage>, &mut P::Storage) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let mut written = write(self.opened(platform)?, platform.storage());
        if written.is_err_and(|status| passes(status) || status == Status::StorageCorrupt) {
            self.close(platform);
            if let Ok(open) = self.opened(platform)
                && !open.frozen
                && may_repeat(open)
            {
                written = write(open, platform.storage());
            }
        }
        if written.is_err() {
            self.close(platform);
        }
        written
    }

    /// The open vault; opens it, or makes it on a new device.
    fn opened(&mut self, platform: &mut P) -> Result<&mut Open<P::Storage>, Status> {
        if self.open.is_none() {
            let loaded = load::load(platform)?;
            self.repairs.add(loaded.repaired);
            // What this instance has seen cannot be unseen.
            let header = &loaded.open.header;
            let seen = (header.vault, header.sequence);
            let before = self.seen.filter(|_| !loaded.reset);
            if before.is_some_and(|(vault, sequence)| vault != seen.0 || sequence > seen.1) {
                loaded.open.close(platform.storage());
                return Err(Status::StorageRollback);
            }
            self.seen = Some(seen);
            self.open = Some(loaded.open);
            // What a failed change left in memory may not be what it left in storage.
            self.cache.clear();
            self.in_doubt = None;
        }
        self.open.as_mut().ok_or(Status::Internal)
    }

    /// # Errors
    /// [`Status::Degraded`] if there is a copy that can neither be mended nor removed, nor now when
    /// it is tried again: it would come back some day, and undo what was changed without it.
    fn expect_changeable(&mut self, platform: &mut P) -> Result<(), Status> {
        if self.opened(platform)?.frozen {
            self.close(platform);
        }
        if self.opened(platform)?.frozen {
            return Err(Status::Degraded);
        }
        Ok(())
    }

    /// Forgets what is known of storage. Keys in memory stay.
    fn close(&mut self, platform: &mut P) {
        if let Some(open) = self.open.take() {
            open.close(platform.storage());
        }
    }
}
