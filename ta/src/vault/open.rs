//! The vault as it stands open: its objects, and what is remembered of them.

use alloc::vec::Vec;

use claviger_proto::Status;
use zeroize::Zeroizing;

use super::{
    COPIES, OBJECT, SHARDS, SLOT, SLOTS,
    header::{Header, HeaderKey},
    index::{Entry, Index},
    logs::Logs,
    slot::{Content, SlotKey, Stamp, Stored, stamp_of},
};
use crate::{
    crypto::kdf,
    platform::{ObjectId, Storage, zeros},
};

/// Where a slot is: the shard times [`SLOTS`] plus the place in it, from 0.
pub(super) type SlotNumber = usize;

/// Of each shard one record was written last; its copies may lack it, and a twin.
pub(super) const DOUBTFUL: usize = 4 * SHARDS;

/// The vault as it stands open.
pub(super) struct Open<S: Storage> {
    pub(super) header: Header,
    pub(super) slot_key: SlotKey,
    /// The key that tells who began a blob. Each blob needs it, so it is derived once.
    pub(super) blob_key: Zeroizing<[u8; 32]>,
    /// The open objects of each shard; `None` for a copy that does not serve.
    pub(super) shards: Vec<[Option<S::Object>; 2]>,
    /// What each slot of the shards holds.
    pub(super) index: Index,
    /// The highest sequence number of any record, and of any that this instance wrote.
    pub(super) sequence: u64,
    /// Whether there is a copy that does not serve, and may come back.
    pub(super) frozen: bool,
    /// Of each shard a bit: no copy of it serves.
    pub(super) missing: u8,
    /// Slots whose record was written last before such a copy was held back, and may not be in it:
    /// nobody knows whether it will have been.
    pub(super) doubtful: heapless::Vec<SlotNumber, DOUBTFUL>,
    /// What is known of the audit logs.
    pub(super) logs: Logs,
}

impl<S: Storage> Open<S> {
    /// A vault with this header, and no shard yet.
    ///
    /// # Errors
    /// [`Status::Internal`] if a key cannot be derived, which its arithmetic rules out.
    pub(super) fn new(header: Header) -> Result<Self, Status> {
        Ok(Open {
            slot_key: SlotKey::of(&header)?,
            blob_key: kdf::derive_32(
                header.secret.as_slice(),
                b"claviger blob v1",
                &header.vault.0,
            )?,
            header,
            shards: Vec::new(),
            index: Index::default(),
            sequence: 0,
            frozen: false,
            missing: 0,
            doubtful: heapless::Vec::new(),
            logs: Logs::default(),
        })
    }

    /// What the headers say, but for what never changes: where a copy may come back that knows
    /// better, nobody can tell.
    ///
    /// # Errors
    /// That of [`Open::settled`].
    pub(super) fn facts(&self) -> Result<&Header, Status> {
        self.settled().map(|()| &self.header)
    }

    /// Whether every copy that may come back is here: only then anything may be changed.
    ///
    /// # Errors
    /// [`Status::Incomplete`] if no copy of some shard serves; [`Status::Degraded`] if a copy does
    /// not serve, and may come back.
    pub(super) fn settled(&self) -> Result<(), Status> {
        match (self.missing, self.frozen) {
            (0, false) => Ok(()),
            (0, true) => Err(Status::Degraded),
            _ => Err(Status::Incomplete),
        }
    }

    /// Whether what is not here is nowhere: what was declared lost is until the headers say that it
    /// was made anew.
    ///
    /// # Errors
    /// That of [`Open::settled`].
    pub(super) fn complete(&self) -> Result<(), Status> {
        let pending = self.header.pending != 0;
        match self.missing == 0 && self.doubtful.is_empty() && !pending {
            true => Ok(()),
            false => self.settled(),
        }
    }

    /// Whether nobody knows what will have been in this slot.
    pub(super) fn is_doubtful(&self, number: SlotNumber) -> bool {
        self.doubtful.contains(&number)
    }

    /// Reads what is in a slot, from the first copy that serves.
    #[inline(never)]
    pub(super) fn read(&mut self, storage: &mut S, number: SlotNumber) -> Result<Content, Status> {
        self.read_stored(storage, number)
            .map(|(_, content, _)| content)
    }

    /// As [`Open::read`], with sequence and events.
    ///
    /// # Errors
    /// [`Status::Degraded`] for a doubtful record; [`Status::RecordDamaged`]; those of storage.
    pub(super) fn read_stored(
        &mut self,
        storage: &mut S,
        number: SlotNumber,
    ) -> Result<Stored, Status> {
        if self.is_doubtful(number) {
            return Err(Status::Degraded);
        }
        let (shard, place) = whereabouts(number);
        let object = self.copies(shard).next().ok_or(Status::RecordDamaged)?;
        let mut bytes = Zeroizing::new([0; SLOT]);
        storage.read(object, offset(place), bytes.as_mut_slice())?;
        // The index says that there is something.
        let stored = self.slot_key.open(shard, place, &mut bytes)?;
        stored.ok_or(Status::RecordDamaged)
    }

    /// The stamp of the record in a slot, which is authentic.
    #[inline(never)]
    pub(super) fn stamp(&mut self, storage: &mut S, number: SlotNumber) -> Result<Stamp, Status> {
        let (shard, place) = whereabouts(number);
        let object = self.copies(shard).next().ok_or(Status::RecordDamaged)?;
        let mut bytes = Zeroizing::new([0; SLOT]);
        storage.read(object, offset(place), bytes.as_mut_slice())?;
        let stamp = stamp_of(&bytes);
        self.slot_key.open(shard, place, &mut bytes)?;
        Ok(stamp)
    }

    /// Writes a slot to every copy that serves.
    ///
    /// # Errors
    /// That of storage; [`Status::Internal`] if none serves.
    pub(super) fn write(
        &mut self,
        storage: &mut S,
        number: SlotNumber,
        bytes: &[u8],
    ) -> Result<(), Status> {
        let (shard, place) = whereabouts(number);
        let mut written = Err(Status::Internal);
        for object in self.copies(shard) {
            storage.write(object, offset(place), bytes)?;
            written = Ok(());
        }
        written
    }

    /// The copies of a shard that serve, in the order in which they are written.
    fn copies(&mut self, shard: u8) -> impl Iterator<Item = &mut S::Object> {
        self.shards
            .get_mut(usize::from(shard))
            .into_iter()
            .flatten()
            .flatten()
    }

    /// Whether both copies of a slot's shard serve.
    pub(super) fn is_whole(&self, number: SlotNumber) -> bool {
        let (shard, _) = whereabouts(number);
        let copies = self.shards.get(usize::from(shard));
        copies.is_some_and(|copies| copies.iter().all(Option::is_some))
    }

    /// How many shards have one copy only.
    pub(super) fn degraded(&self) -> usize {
        let one = |copies: &&[Option<S::Object>; 2]| copies.iter().flatten().count() == 1;
        self.shards.iter().filter(one).count()
    }

    /// Writes this header to every copy of every shard.
    pub(super) fn write_headers(
        &mut self,
        storage: &mut S,
        key: &HeaderKey,
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

    /// Makes the objects of a new, empty shard with this header. It counts once the headers say so.
    pub(super) fn add_shard(
        &mut self,
        storage: &mut S,
        shard: u8,
        header: &[u8; SLOT],
    ) -> Result<(), Status> {
        let image = empty(header)?;
        self.index.reserve(SLOTS)?;
        self.shards
            .try_reserve(1)
            .map_err(|_| Status::OutOfMemory)?;
        let mut copies = [None, None];
        let mut made = Ok(());
        for (copy, place) in COPIES.into_iter().zip(&mut copies) {
            match storage.create(ObjectId { shard, copy }, &image) {
                Ok(object) => *place = Some(object),
                Err(error) => made = Err(error),
            }
        }
        if let Err(error) = made {
            copies
                .into_iter()
                .flatten()
                .for_each(|object| storage.close(object));
            return Err(error.into());
        }
        self.shards.push(copies);
        self.index.add(SLOTS, Entry::Free);
        Ok(())
    }

    /// Closes every object.
    pub(super) fn close(self, storage: &mut S) {
        self.shards
            .into_iter()
            .flatten()
            .flatten()
            .for_each(|object| storage.close(object));
    }
}

/// The bytes of an object with this header, and nothing in its slots.
pub(super) fn empty(header: &[u8; SLOT]) -> Result<Vec<u8>, Status> {
    let mut image = zeros(OBJECT)?;
    *image.first_chunk_mut().ok_or(Status::Internal)? = *header;
    Ok(image)
}

/// The shard of a slot and its place there; the header has place 0.
#[allow(clippy::arithmetic_side_effects)] // SLOTS is not zero, and a slot number is below CAPACITY.
pub(super) fn whereabouts(number: SlotNumber) -> (u8, u16) {
    ((number / SLOTS) as u8, (number % SLOTS + 1) as u16)
}

/// Where a place begins in its object.
pub(super) fn offset(place: u16) -> u32 {
    u32::from(place).saturating_mul(SLOT as u32)
}
