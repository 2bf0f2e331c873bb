//! The vault: keys at rest, in secure storage.
//!
//! OP-TEE's storage costs by the object, not by the byte, so the vault is a few objects of a fixed
//! size, kept open: up to [`SHARDS`] shards of [`SLOTS`] slots, each shard in two copies. A shard
//! is made when the ones before it are full; no size or name tells anything of a key.
//!
//! ```text
//! object  = header slot || slot 1 || ... || slot 160          161 x 512 bytes, both copies alike
//! header  = "CLVV" || format (1) || 11 zeros || V || C        see [`header`]
//! slot    = 512 zeros (never used) | V || C                   see [`slot`]
//! V || C  = AES-256-SIV; the key of the headers comes from the platform's root key, that of the
//!           slots from a secret in the headers; shard and place are associated data
//! ```
//!
//! **A change is one write of one slot, to the first copy, then to the second.** Each record
//! carries a sequence number; at start both copies are read, each record is authenticated on its
//! own, the newest authentic one counts, and what differs is mended. So a cut between the two
//! writes leaves a change done, one before the first leaves it undone, and damage to one copy costs
//! nothing. A slot hurt in both copies loses that key; a shard lost in both, its keys; `info`
//! counts them, and they stay counted until a factory reset.
//!
//! **When storage fails** during a change, nobody knows whether it happened. The vault then trusts
//! nothing that it remembers of storage: it reads everything again before it next needs any of it.
//! Keys in memory go on serving meanwhile.
//!
//! The vault's own facts (id, secret, lock, number of shards) stand in every header, the newest
//! authentic one counting, so that the loss of no single object loses them.

mod cache;
pub mod header;
mod load;
pub mod slot;

use alloc::vec::Vec;

use claviger_proto::{
    Algorithm, Identity, KeyId, Label, Origin, State, Status, Usage,
    message::{KeyDescription, VaultInfo},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    crypto::Secret,
    platform::{Copy, ObjectId, Platform, Storage, StorageError, zeros},
};
use cache::Cache;
use header::Header;
use slot::{Content, SlotKey};

/// Bytes of a slot.
pub const SLOT: usize = 512;
/// Slots for keys in a shard.
pub const SLOTS: usize = 160;
/// The most shards.
pub const SHARDS: usize = 8;
/// Bytes of an object: a header and the slots.
pub const OBJECT: usize = SLOT * (1 + SLOTS);
/// Keys that the vault holds.
pub const CAPACITY: usize = SHARDS * SLOTS;

/// Both copies, in the order in which they are written.
const COPIES: [Copy; 2] = [Copy::First, Copy::Second];

/// A key: what `describe` shows of it, and its secret.
#[derive(Debug)]
pub struct KeyRecord {
    /// Its name, unique for its owner.
    pub label: Label,
    /// Whose it is.
    pub owner: Identity,
    /// Random, drawn when it was made.
    pub id: KeyId,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its usage.
    pub usage: Usage,
    /// Whether session keys derived from it may leave.
    pub export_derived: bool,
    /// How it came here.
    pub origin: Origin,
    /// Its state.
    pub state: State,
    /// The version that produces.
    pub version: u32,
    /// The secret of that version.
    pub secret: Secret,
}

impl KeyRecord {
    /// Everything but the secret.
    #[must_use]
    pub fn describe(&self) -> KeyDescription {
        KeyDescription {
            key: self.label.clone(),
            id: self.id,
            algorithm: self.algorithm,
            usage: self.usage,
            export_derived: self.export_derived,
            origin: self.origin,
            state: self.state,
            version: self.version,
            owner: self.owner,
        }
    }

    fn is(&self, owner: &Identity, label: &Label) -> bool {
        self.owner == *owner && self.label == *label
    }
}

/// Where a slot is: the shard times [`SLOTS`] plus the place in it, from 0.
type SlotNumber = usize;

/// What the vault remembers of a slot: enough to find a key without reading the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Free,
    Damaged,
    Key { owner: u32, label: u64 },
}

/// The vault as it stands open.
struct Open<O> {
    header: Header,
    slot_key: SlotKey,
    /// The open objects of each shard; `None` for a shard lost in both copies.
    shards: Vec<[Option<O>; 2]>,
    /// One entry for each slot of the shards.
    index: Vec<Entry>,
    /// The highest sequence number of any record.
    sequence: u64,
}

/// The vault.
pub struct Vault<O> {
    open: Option<Open<O>>,
    /// The slot that a failed change left in doubt.
    in_doubt: Option<SlotNumber>,
    cache: Cache,
    repaired: u32,
}

impl<O> Default for Vault<O> {
    fn default() -> Self {
        Vault {
            open: None,
            in_doubt: None,
            cache: Cache::default(),
            repaired: 0,
        }
    }
}

impl<O> Vault<O> {
    /// The vault at a glance; opens it if need be.
    ///
    /// # Errors
    /// The status of opening it.
    pub fn info<P>(&mut self, platform: &mut P) -> Result<VaultInfo, Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        let repaired = |vault: &Self| vault.repaired;
        let open = self.opened(platform)?;
        let count = |wanted: fn(&Entry) -> bool| {
            u32::try_from(open.index.iter().filter(|entry| wanted(entry)).count())
                .unwrap_or(u32::MAX)
        };
        let keys = count(|entry| matches!(entry, Entry::Key { .. }));
        let damaged = count(|entry| matches!(entry, Entry::Damaged));
        Ok(VaultInfo {
            id: open.header.vault,
            locked: open.header.locked,
            keys,
            free: (CAPACITY as u32)
                .saturating_sub(keys)
                .saturating_sub(damaged),
            damaged,
            repaired: repaired(self),
        })
    }

    /// The key with this label of this owner.
    ///
    /// # Errors
    /// [`Status::NotFound`]; [`Status::RecordDamaged`]; a status of storage.
    pub fn find<P>(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<&KeyRecord, Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        let place = match self.cache.find(owner, label) {
            Some((place, number)) if self.in_doubt != Some(number) => place,
            _ => {
                let (number, record) = self.search(platform, owner, label)?;
                self.cache.insert(number, record)
            }
        };
        self.cache.get(place).ok_or(Status::Internal)
    }

    /// Looks a key up in the index and reads it.
    fn search<P>(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<(SlotNumber, KeyRecord), Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        let wanted = entry_of(owner, label);
        let mut from = 0;
        loop {
            let index = &self.opened(platform)?.index;
            let found = index.iter().skip(from).position(|entry| *entry == wanted);
            let number = found.ok_or(Status::NotFound)?.saturating_add(from);
            let record = self.fetch(platform, number)?;
            if record.is(owner, label) {
                return Ok((number, record));
            }
            // Another key whose hash is the same.
            from = number.saturating_add(1);
        }
    }

    /// Keeps a new key.
    ///
    /// # Errors
    /// [`Status::AlreadyExists`]; [`Status::VaultFull`]; a status of storage, after which the key
    /// is either there or not.
    pub fn insert<P>(&mut self, platform: &mut P, record: KeyRecord) -> Result<(), Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        self.opened(platform)?;
        match self.find(platform, &record.owner, &record.label) {
            Ok(_) => return Err(Status::AlreadyExists),
            Err(Status::NotFound) => {}
            Err(other) => return Err(other),
        }
        let number = self.free_slot(platform)?;
        let entry = entry_of(&record.owner, &record.label);
        let content = Content::Key(record);
        self.change(platform, number, entry, &content)?;
        if let Content::Key(record) = content {
            self.cache.insert(number, record);
        }
        Ok(())
    }

    /// Destroys a key.
    ///
    /// # Errors
    /// [`Status::NotFound`]; a status of storage, after which the key is either there or not.
    pub fn remove<P>(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<(), Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        let (number, _) = self.search(platform, owner, label)?;
        self.change(platform, number, Entry::Free, &Content::Tombstone)?;
        self.cache.remove(number);
        Ok(())
    }

    /// The descriptions of `owner`'s keys from slot `cursor` on, given to `each` until it has had
    /// enough (`false`); says where to go on, `None` at the end.
    ///
    /// # Errors
    /// A status of storage.
    pub fn walk<P>(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        cursor: usize,
        mut each: impl FnMut(KeyDescription) -> bool,
    ) -> Result<Option<usize>, Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        let wanted = owner_hash(owner);
        let mut number = cursor;
        loop {
            let index = &self.opened(platform)?.index;
            let theirs =
                |entry: &Entry| matches!(entry, Entry::Key { owner, .. } if *owner == wanted);
            let Some(ahead) = index.iter().skip(number).position(theirs) else {
                return Ok(None);
            };
            number = number.saturating_add(ahead);
            let description = match self.cache.at(number) {
                Some(record) if self.in_doubt != Some(number) => record.describe(),
                _ => self.fetch(platform, number)?.describe(),
            };
            if description.owner == *owner && !each(description) {
                return Ok(Some(number));
            }
            number = number.saturating_add(1);
        }
    }

    /// Whether imports have ended.
    ///
    /// # Errors
    /// The status of opening the vault.
    pub fn is_locked<P>(&mut self, platform: &mut P) -> Result<bool, Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        Ok(self.opened(platform)?.header.locked)
    }

    /// Ends imports, for good.
    ///
    /// # Errors
    /// A status of storage, after which the vault is either locked or not.
    pub fn lock<P>(&mut self, platform: &mut P) -> Result<(), Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        if self.is_locked(platform)? {
            return Ok(());
        }
        self.change_header(platform, |header| header.locked = true)
    }

    /// Destroys everything and begins a new vault, also where the old one cannot be opened.
    ///
    /// # Errors
    /// A status of storage, after which the old vault is either there or not.
    pub fn reset<P>(&mut self, platform: &mut P) -> Result<(), Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        self.cache.clear();
        // Told to every header first: a cut in the midst of what follows is finished at start.
        if self.opened(platform).is_ok() {
            self.change_header(platform, |header| header.resetting = true)?;
        }
        self.close(platform.storage());
        load::delete_everything(platform.storage())?;
        self.opened(platform).map(|_| ())
    }

    /// Reads one record, from the second copy if the first will not do.
    fn fetch<P>(&mut self, platform: &mut P, number: SlotNumber) -> Result<KeyRecord, Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        if let Ok(record) = self.opened(platform)?.read(platform.storage(), number) {
            return Ok(record);
        }
        // Something is wrong: read everything again, which mends what can be mended.
        self.close(platform.storage());
        self.opened(platform)?.read(platform.storage(), number)
    }

    /// A slot for a new key, in a new shard if the others are full.
    fn free_slot<P>(&mut self, platform: &mut P) -> Result<SlotNumber, Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        let open = self.opened(platform)?;
        if let Some(number) = open.index.iter().position(|entry| *entry == Entry::Free) {
            return Ok(number);
        }
        let number = open.index.len();
        if open.shards.len() >= SHARDS {
            return Err(Status::VaultFull);
        }
        let shard = u8::try_from(open.shards.len()).map_err(|_| Status::Internal)?;
        let mut header = open.header.clone();
        header.shards = shard.saturating_add(1);
        header.sequence = header.sequence.saturating_add(1);
        let result = open.add_shard(platform, shard, &header);
        if let Err(error) = result {
            self.close(platform.storage());
            return Err(error);
        }
        self.change_header(platform, |header| header.shards = shard.saturating_add(1))?;
        Ok(number)
    }

    /// Writes one slot to both copies.
    fn change<P>(
        &mut self,
        platform: &mut P,
        number: SlotNumber,
        entry: Entry,
        content: &Content,
    ) -> Result<(), Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        let open = self.opened(platform)?;
        let sequence = open.sequence.saturating_add(1);
        let (shard, place) = whereabouts(number);
        let bytes = open.slot_key.seal(shard, place, sequence, content)?;
        match open.write(platform.storage(), number, bytes.as_slice()) {
            Ok(()) => {
                open.sequence = sequence;
                *open.index.get_mut(number).ok_or(Status::Internal)? = entry;
                Ok(())
            }
            Err(error) => {
                self.close(platform.storage());
                self.in_doubt = Some(number);
                Err(error.into())
            }
        }
    }

    /// Changes the header and writes it to every copy of every shard.
    fn change_header<P>(
        &mut self,
        platform: &mut P,
        change: impl FnOnce(&mut Header),
    ) -> Result<(), Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        let key = header::key(platform)?;
        let open = self.opened(platform)?;
        let mut header = open.header.clone();
        change(&mut header);
        header.sequence = header.sequence.saturating_add(1);
        match open.write_headers(platform.storage(), &key, &header) {
            Ok(()) => {
                open.header = header;
                Ok(())
            }
            Err(error) => {
                self.close(platform.storage());
                Err(error)
            }
        }
    }

    /// The open vault; opens it, or makes it on a new device.
    fn opened<P>(&mut self, platform: &mut P) -> Result<&mut Open<O>, Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        if self.open.is_none() {
            let loaded = load::load(platform)?;
            self.repaired = self.repaired.saturating_add(loaded.repaired);
            self.open = Some(loaded.open);
            // What a failed change left in memory may not be what it left in storage.
            self.cache.clear();
            self.in_doubt = None;
        }
        self.open.as_mut().ok_or(Status::Internal)
    }

    /// Forgets what is known of storage. Keys in memory stay.
    fn close<S: Storage<Object = O>>(&mut self, storage: &mut S) {
        if let Some(open) = self.open.take() {
            open.shards
                .into_iter()
                .flatten()
                .flatten()
                .for_each(|object| storage.close(object));
        }
    }
}

impl<O> Open<O> {
    fn read<S: Storage<Object = O>>(
        &mut self,
        storage: &mut S,
        number: SlotNumber,
    ) -> Result<KeyRecord, Status> {
        let (shard, place) = whereabouts(number);
        let object = self
            .shards
            .get_mut(usize::from(shard))
            .and_then(|[first, _]| first.as_mut());
        let mut bytes = Zeroizing::new([0; SLOT]);
        storage.read(
            object.ok_or(Status::RecordDamaged)?,
            offset(place),
            bytes.as_mut_slice(),
        )?;
        match self.slot_key.open(shard, place, &mut bytes)? {
            Some((_, Content::Key(record))) => Ok(record),
            // The index says that there is a key.
            _ => Err(Status::RecordDamaged),
        }
    }

    fn write<S: Storage<Object = O>>(
        &mut self,
        storage: &mut S,
        number: SlotNumber,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        let (shard, place) = whereabouts(number);
        let copies = self
            .shards
            .get_mut(usize::from(shard))
            .ok_or(StorageError::NotFound)?;
        for object in copies {
            storage.write(
                object.as_mut().ok_or(StorageError::NotFound)?,
                offset(place),
                bytes,
            )?;
        }
        Ok(())
    }

    fn write_headers<S: Storage<Object = O>>(
        &mut self,
        storage: &mut S,
        key: &header::HeaderKey,
        header: &Header,
    ) -> Result<(), Status> {
        for (shard, copies) in (0..).zip(&mut self.shards) {
            let bytes = header.seal(key, shard)?;
            for object in copies.iter_mut().flatten() {
                storage.write(object, 0, &bytes)?;
            }
        }
        Ok(())
    }

    /// Makes the objects of a new, empty shard. It counts once the headers say so.
    fn add_shard<P>(&mut self, platform: &mut P, shard: u8, header: &Header) -> Result<(), Status>
    where
        P: Platform,
        P::Storage: Storage<Object = O>,
    {
        let key = header::key(platform)?;
        let image = load::empty_image(&key, header, shard)?;
        self.index
            .try_reserve_exact(SLOTS)
            .map_err(|_| Status::OutOfMemory)?;
        self.shards
            .try_reserve(1)
            .map_err(|_| Status::OutOfMemory)?;
        let storage = platform.storage();
        let first = storage.create(
            ObjectId {
                shard,
                copy: Copy::First,
            },
            &image,
        )?;
        let second = match storage.create(
            ObjectId {
                shard,
                copy: Copy::Second,
            },
            &image,
        ) {
            Ok(second) => second,
            Err(error) => {
                storage.close(first);
                return Err(error.into());
            }
        };
        self.shards.push([Some(first), Some(second)]);
        self.index
            .resize(self.index.len().saturating_add(SLOTS), Entry::Free);
        Ok(())
    }
}

/// The shard of a slot and its place there; the header has place 0.
#[allow(clippy::arithmetic_side_effects)] // SLOTS is not zero, and a slot number is below CAPACITY.
fn whereabouts(number: SlotNumber) -> (u8, u16) {
    ((number / SLOTS) as u8, (number % SLOTS + 1) as u16)
}

/// Where a place begins in its object.
fn offset(place: u16) -> u32 {
    u32::from(place).saturating_mul(SLOT as u32)
}

fn owner_hash(owner: &Identity) -> u32 {
    let hash = Sha256::new()
        .chain_update([owner.login as u8])
        .chain_update(owner.id.0)
        .finalize();
    hash.first_chunk()
        .copied()
        .map(u32::from_le_bytes)
        .unwrap_or_default()
}

/// What the index holds of a key. Hashes can collide: whoever finds one reads the record too.
fn entry_of(owner: &Identity, label: &Label) -> Entry {
    let hash = Sha256::new()
        .chain_update([owner.login as u8])
        .chain_update(owner.id.0)
        .chain_update(label.as_str())
        .finalize();
    Entry::Key {
        owner: owner_hash(owner),
        label: hash
            .first_chunk()
            .copied()
            .map(u64::from_le_bytes)
            .unwrap_or_default(),
    }
}

/// A whole object's worth of zeros.
fn blank() -> Result<Vec<u8>, Status> {
    zeros(OBJECT)
}
