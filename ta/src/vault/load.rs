//! Opening the vault: read both copies of everything, believe what is authentic and newest, mend
//! the rest.

use alloc::vec::Vec;

use claviger_proto::Status;
use zeroize::Zeroizing;

use super::{
    COPIES, OBJECT, SHARDS, SLOT, SLOTS,
    change::passes,
    header::{self, Header, HeaderError, HeaderKey},
    index::{Entry, entry_of},
    open::{Open, offset},
    slot::{SlotKey, Stored},
};
use crate::platform::{ObjectId, Platform, Storage, StorageError, zeros};

/// Bytes read at once: each read costs a fixed part, and each byte of buffer is heap.
const BLOCK: usize = 16 * SLOT;

/// An opened vault and how much of it had to be mended.
pub(super) struct Loaded<S: Storage> {
    pub(super) open: Open<S>,
    pub(super) repaired: u32,
    /// Whether a reset that was under way was finished.
    pub(super) reset: bool,
}

/// One copy of a shard as it was found.
struct Found<O> {
    object: O,
    header: Result<Header, HeaderError>,
    /// Whether a part of it could not be read: it must be made anew.
    hurt: bool,
}

type FoundShard<O> = [Option<Found<O>>; 2];

/// Opens the vault, finishes a reset that was cut short, makes the vault of a new device.
///
/// # Errors
/// A status of storage, [`Status::VaultNewer`], [`Status::StorageCorrupt`] if there is something
/// but no header of it is authentic, or nothing although there was something before: nothing was
/// changed then.
pub(super) fn load<P: Platform>(
    platform: &mut P,
    something: &mut bool,
) -> Result<Loaded<P::Storage>, Status> {
    match try_load(platform, something, Attempt::First) {
        // tee-supplicant may have ended in the midst, and be back.
        Err(status) if passes(status) => try_load(platform, something, Attempt::Last),
        loaded => loaded,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// Fails if a copy cannot be mended now, but may be later.
    First,
    /// Has the other copy serve without it.
    Last,
}

fn try_load<P: Platform>(
    platform: &mut P,
    something: &mut bool,
    attempt: Attempt,
) -> Result<Loaded<P::Storage>, Status> {
    let key = header::key(platform)?;
    let detects_rollback = platform.facts().detects_rollback();
    let mut found = Vec::new();
    let probed = probe(platform.storage(), &key, &mut found, something);
    let result = probed.and_then(|newest| match newest {
        Some(newest) if newest.resetting => {
            close_all(platform.storage(), &mut found);
            *something = false;
            begin_anew(platform).map(|loaded| Loaded {
                reset: true,
                ..loaded
            })
        }
        Some(newest) => {
            let open = Open::new(newest, detects_rollback)?;
            settle(platform.storage(), &key, open, &mut found, attempt)
        }
        None if *something => {
            leave_a_trace(platform.storage(), &found);
            Err(Status::StorageCorrupt)
        }
        None => make(platform, &key),
    });
    close_all(platform.storage(), &mut found);
    result
}

/// Opens every object that there is and finds the newest header; says whether there was something,
/// also where it fails: what is found corrupt may be there no more.
fn probe<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    found: &mut Vec<FoundShard<S::Object>>,
    something: &mut bool,
) -> Result<Option<Header>, Status> {
    let mut newest: Option<Header> = None;
    let mut newer = false;
    for shard in 0..SHARDS as u8 {
        if newest.as_ref().is_some_and(|header| shard >= header.shards) {
            break;
        }
        found.try_reserve(1).map_err(|_| Status::OutOfMemory)?;
        found.push([None, None]);
        let copies = found.last_mut().ok_or(Status::Internal)?;
        for (copy, place) in COPIES.into_iter().zip(copies) {
            let object = match storage.open(ObjectId { shard, copy }) {
                Ok(object) => object,
                Err(StorageError::NotFound) => continue,
                Err(StorageError::Corrupt | StorageError::InUse) => {
                    *something = true;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            *something = true;
            let found = place.insert(Found {
                object,
                header: Err(HeaderError::NotAuthentic),
                hurt: false,
            });
            let mut bytes = [0; SLOT];
            match storage.read(&mut found.object, 0, &mut bytes) {
                Ok(()) => found.header = Header::open(key, shard, &bytes),
                Err(StorageError::Corrupt) => found.hurt = true,
                Err(error) => return Err(error.into()),
            }
            match &found.header {
                Ok(header)
                    if newest
                        .as_ref()
                        .is_none_or(|old| header.sequence > old.sequence) =>
                {
                    newest = Some(header.clone());
                }
                Err(HeaderError::Newer) => newer = true,
                _ => {}
            }
        }
    }
    if newer {
        return Err(Status::VaultNewer);
    }
    Ok(newest)
}

/// Leaves an object that is no vault where the platform has deleted all that was found corrupt
/// (OP-TEE does): the next start would take the device for a new one, and begin anew unasked.
fn leave_a_trace<S: Storage>(storage: &mut S, found: &[FoundShard<S::Object>]) {
    if found.iter().flatten().flatten().any(|found| !found.hurt) {
        return;
    }
    // The names of what was corrupt may be in use until the next start; of the last shard there
    // was hardly anything.
    let names = (0..SHARDS as u8)
        .rev()
        .flat_map(|shard| COPIES.map(|copy| ObjectId { shard, copy }));
    for id in names {
        match storage.create(id, &[0; SLOT]) {
            Ok(object) => return storage.close(object),
            Err(StorageError::InUse) => {}
            Err(_) => return,
        }
    }
}

/// Makes the vault of a new device.
fn make<P: Platform>(platform: &mut P, key: &HeaderKey) -> Result<Loaded<P::Storage>, Status> {
    let header = Header::new(platform)?;
    let bytes = header.seal(key, 0)?;
    let mut open = Open::new(header, platform.facts().detects_rollback())?;
    // One shard, made as any other; the header in it says that it counts.
    open.add_shard(platform.storage(), 0, &bytes)?;
    open.logs.settle()?;
    Ok(Loaded {
        open,
        repaired: 0,
        reset: false,
    })
}

/// Merges and mends every shard that counts.
fn settle<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    mut open: Open<S>,
    found: &mut Vec<FoundShard<S::Object>>,
    attempt: Attempt,
) -> Result<Loaded<S>, Status> {
    let shards = usize::from(open.header.shards);
    open.shards
        .try_reserve_exact(shards)
        .map_err(|_| Status::OutOfMemory)?;
    open.index.reserve(shards.saturating_mul(SLOTS))?;
    let mut repaired = 0_u32;
    let mut result = Ok(());
    for (shard, copies) in (0..open.header.shards).zip(found.drain(..)) {
        if result.is_ok() {
            result = merge(storage, key, &mut open, shard, copies, attempt)
                .map(|mended| repaired = repaired.saturating_add(mended));
        } else {
            close(storage, copies);
        }
    }
    match result {
        Ok(()) => match open.logs.settle() {
            Ok(()) => Ok(Loaded {
                open,
                repaired,
                reset: false,
            }),
            Err(error) => {
                open.close(storage);
                Err(error)
            }
        },
        Err(error) => {
            open.shards
                .into_iter()
                .flatten()
                .flatten()
                .for_each(|object| storage.close(object));
            Err(error)
        }
    }
}

/// Merges the copies of one shard into the index and mends what differs; says how much.
fn merge<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    open: &mut Open<S>,
    shard: u8,
    mut copies: FoundShard<S::Object>,
    attempt: Attempt,
) -> Result<u32, Status> {
    if copies.iter().all(Option::is_none) {
        open.shards.push([None, None]);
        open.index.add(SLOTS, Entry::Damaged);
        return Ok(0);
    }
    let result = read_both(storage, open, shard, &mut copies)
        .and_then(|merged| mend(storage, key, open, shard, &mut copies, merged, attempt));
    let [first, second] = copies;
    let objects = [
        first.map(|found| found.object),
        second.map(|found| found.object),
    ];
    open.shards.push(objects);
    result
}

/// What both copies together hold.
struct Merged {
    /// The object as it ought to be, but for the header.
    image: Vec<u8>,
    /// For each copy, the places that are otherwise there.
    differ: [Vec<u16>; 2],
}

fn read_both<S: Storage>(
    storage: &mut S,
    open: &mut Open<S>,
    shard: u8,
    copies: &mut FoundShard<S::Object>,
) -> Result<Merged, Status> {
    let mut merged = Merged {
        image: zeros(OBJECT)?,
        differ: [Vec::new(), Vec::new()],
    };
    let mut other = zeros(BLOCK)?;
    let [first, second] = copies;
    let mut place = 0_u16;
    for block in merged.image.chunks_mut(BLOCK) {
        let other = other.get_mut(..block.len()).ok_or(Status::Internal)?;
        let have = [
            read_block(storage, first, offset(place), block)?,
            read_block(storage, second, offset(place), other)?,
        ];
        let mine = block.as_chunks_mut::<SLOT>().0.iter_mut();
        for (mine, other) in mine.zip(other.as_chunks::<SLOT>().0) {
            // The header has been read already.
            if place != 0 {
                let choice = choose(&open.slot_key, shard, place, [mine, other], have);
                for (differ, differs) in merged.differ.iter_mut().zip(choice.differs) {
                    if differs {
                        differ.try_reserve(1).map_err(|_| Status::OutOfMemory)?;
                        differ.push(place);
                    }
                }
                match choice.source {
                    Source::First => {}
                    Source::Second => *mine = *other,
                    // Not authentic, and so counted as damaged ever after.
                    Source::Neither => mine.fill(0xff),
                }
                let number = open.index.len();
                open.index.add(1, choice.entry);
                if let Some((sequence, content, events)) = choice.stored {
                    open.sequence = open.sequence.max(sequence);
                    open.logs.found(number, &content, events)?;
                }
            }
            place = place.saturating_add(1);
        }
    }
    Ok(merged)
}

/// Reads a block of a copy; says whether it can be had. Behind what is corrupt, nothing can.
fn read_block<S: Storage>(
    storage: &mut S,
    copy: &mut Option<Found<S::Object>>,
    from: u32,
    bytes: &mut [u8],
) -> Result<bool, Status> {
    let Some(found) = copy.as_mut().filter(|found| !found.hurt) else {
        return Ok(false);
    };
    match storage.read(&mut found.object, from, bytes) {
        Ok(()) => Ok(true),
        Err(StorageError::Corrupt | StorageError::NotFound) => {
            found.hurt = true;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// What to believe of one slot.
struct Choice {
    entry: Entry,
    stored: Option<Stored>,
    /// Whose bytes are the ones.
    source: Source,
    /// Which copies have other bytes.
    differs: [bool; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    First,
    Second,
    /// Neither copy can be read.
    Neither,
}

fn choose(
    key: &SlotKey,
    shard: u8,
    place: u16,
    copies: [&[u8; SLOT]; 2],
    have: [bool; 2],
) -> Choice {
    let [first, second] = copies;
    let read = |bytes: &[u8; SLOT], have: bool| {
        let mut work = Zeroizing::new(*bytes);
        have.then(|| key.open(shard, place, &mut work).ok())
            .flatten()
    };
    let alike = have == [true, true] && first == second;
    let one = read(first, have[0]);
    let two = if alike { None } else { read(second, have[1]) };
    let sequence_of =
        |stored: &Option<Stored>| stored.as_ref().map_or(0, |(sequence, ..)| *sequence);
    let (source, chosen) = match (one, two) {
        (Some(one), Some(two)) if sequence_of(&two) > sequence_of(&one) => {
            (Source::Second, Some(two))
        }
        (Some(one), _) => (Source::First, Some(one)),
        (None, Some(two)) => (Source::Second, Some(two)),
        (None, None) => match have {
            [true, _] => (Source::First, None),
            [false, true] => (Source::Second, None),
            [false, false] => (Source::Neither, None),
        },
    };
    // A copy that cannot be read is made anew in whole.
    let differ = chosen.is_some() && first != second;
    let entry = match &chosen {
        None => Entry::Damaged,
        Some(None) => Entry::Free,
        Some(Some((_, content, _))) => entry_of(content),
    };
    Choice {
        entry,
        stored: chosen.flatten(),
        source,
        differs: [
            differ && have[0] && source == Source::Second,
            differ && have[1] && source == Source::First,
        ],
    }
}

/// Writes to each copy what it lacks; says how much. A copy that cannot be mended is removed, and
/// the other one serves; where it cannot be removed either, nothing may be changed any more.
///
/// # Errors
/// That of the first copy if neither serves; that of either at the first attempt, if that may pass.
fn mend<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    open: &mut Open<S>,
    shard: u8,
    copies: &mut FoundShard<S::Object>,
    mut merged: Merged,
    attempt: Attempt,
) -> Result<u32, Status> {
    let header = open.header.seal(key, shard)?;
    *merged.image.first_chunk_mut().ok_or(Status::Internal)? = header;
    let mut mended = 0_u32;
    let mut failed = [None, None];
    let copies_and_faults = copies.iter_mut().zip(&mut failed);
    for ((copy, (place, failed)), differ) in COPIES
        .into_iter()
        .zip(copies_and_faults)
        .zip(&merged.differ)
    {
        let result = match place {
            Some(found) if !found.hurt => {
                let current = |old: &Header| old.sequence == open.header.sequence;
                let stale_header = !found.header.as_ref().is_ok_and(current);
                let mut places = stale_header
                    .then_some(0)
                    .into_iter()
                    .chain(differ.iter().copied());
                places.try_fold(0_u32, |count, place| {
                    let from = offset(place) as usize;
                    let bytes = merged.image.get(from..from.saturating_add(SLOT));
                    let bytes = bytes.ok_or(StorageError::NotFound)?;
                    storage.write(&mut found.object, offset(place), bytes)?;
                    Ok(count.saturating_add(1))
                })
            }
            place => {
                // Nothing more is read of the old one: what it held is in the image.
                if let Some(old) = place.take() {
                    storage.close(old.object);
                }
                storage
                    .create(ObjectId { shard, copy }, &merged.image)
                    .map(|object| {
                        let header = Ok(open.header.clone());
                        *place = Some(Found {
                            object,
                            header,
                            hurt: false,
                        });
                        1
                    })
            }
        };
        match result {
            Ok(count) => mended = mended.saturating_add(count),
            Err(error) if attempt == Attempt::First && passes(error.status()) => {
                return Err(error.into());
            }
            Err(error) => *failed = Some(error),
        }
    }
    let neither = failed.iter().all(Option::is_some);
    for ((place, failed), differ) in copies.iter_mut().zip(&failed).zip(&merged.differ) {
        // Where neither takes a write, one that only lacks the newest header still serves whoever
        // looks.
        let lacks_header = |found: &Found<S::Object>| !found.hurt && differ.is_empty();
        let serves = failed.is_none() || neither && place.as_ref().is_some_and(lacks_header);
        if !serves && let Some(stale) = place.take() {
            storage.close(stale.object);
        }
    }
    if let [Some(error), Some(_)] = failed {
        if copies.iter().all(Option::is_none) {
            return Err(error.into());
        }
        open.frozen = true;
    }
    if open.frozen {
        return Ok(mended);
    }
    for (copy, failed) in COPIES.into_iter().zip(&failed) {
        if failed.is_some() {
            // What is not mended must not come back behind the other copy's changes.
            let removed = remove(storage, ObjectId { shard, copy }, open.detects_rollback);
            open.frozen |= removed.is_err();
        }
    }
    Ok(mended)
}

/// Removes an object for good. OP-TEE removes what it finds corrupt, and does not look whether that
/// succeeded: only that it is found no more tells, which a name that is held does not. Where an old
/// store can be put back whole, that is not worth an error.
fn remove<S: Storage>(
    storage: &mut S,
    id: ObjectId,
    detects_rollback: bool,
) -> Result<(), StorageError> {
    let mut removed = storage.delete(id);
    if removed == Err(StorageError::Corrupt) {
        removed = storage.delete(id);
    }
    match removed {
        Err(StorageError::NotFound) => Ok(()),
        Err(StorageError::InUse) if !detects_rollback => Ok(()),
        removed => removed,
    }
}

/// Deletes every object that a vault may have, also those that do not count yet, and makes a new
/// one.
pub(super) fn begin_anew<P: Platform>(platform: &mut P) -> Result<Loaded<P::Storage>, Status> {
    let detects_rollback = platform.facts().detects_rollback();
    for shard in 0..SHARDS as u8 {
        for copy in COPIES {
            remove(
                platform.storage(),
                ObjectId { shard, copy },
                detects_rollback,
            )?;
        }
    }
    let key = header::key(platform)?;
    make(platform, &key)
}

fn close<S: Storage>(storage: &mut S, copies: FoundShard<S::Object>) {
    copies
        .into_iter()
        .flatten()
        .for_each(|found| storage.close(found.object));
}

fn close_all<S: Storage>(storage: &mut S, found: &mut Vec<FoundShard<S::Object>>) {
    found.drain(..).for_each(|copies| close(storage, copies));
}
