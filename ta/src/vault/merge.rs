//! One shard: what its copies hold together, and what each of them lacks.

use alloc::vec::Vec;

use claviger_proto::Status;
use zeroize::Zeroizing;

use super::{
    COPIES, OBJECT, SLOT, SLOTS,
    anew::remove,
    change::passes,
    header::{HeaderKey, stamp_of},
    index::{Entry, entry_of},
    load::{Found, FoundShard, Known},
    open::SlotNumber,
    open::{Open, empty, offset},
    slot::{SlotKey, Stored},
};
use crate::platform::{ObjectId, Storage, StorageError, zeros};

/// Bytes read at once: each read costs a fixed part, and each byte of buffer is heap.
const BLOCK: usize = 16 * SLOT;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Fails if a copy cannot be mended now, but may be later.
    First,
    /// Has the other copy serve without it.
    Last,
}

/// Merges the copies of one shard into the index and mends what differs; says how much.
pub(super) fn merge<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    open: &mut Open<S>,
    shard: u8,
    mut copies: FoundShard<S::Object>,
    (known, attempt): (&Known, Attempt),
) -> Result<u32, Status> {
    let first = open.index.len();
    let result = if copies.iter().any(Option::is_some) {
        read_both(storage, open, shard, &mut copies).and_then(|merged| {
            mend(
                storage,
                key,
                open,
                shard,
                &mut copies,
                (merged, known, attempt),
            )
        })
    } else if open.header.is_pending(shard) {
        make_anew(storage, key, open, shard, &mut copies).map(|()| 0)
    } else {
        Ok(0)
    };
    if copies.iter().all(Option::is_none) {
        open.missing |= 1_u8.checked_shl(shard.into()).unwrap_or(0);
        for place in 0..SLOTS {
            let number = first.saturating_add(place);
            match open.index.len() > number {
                true => open.index.set(number, Entry::Damaged),
                false => open.index.add(1, Entry::Damaged),
            }
        }
    }
    let [one, two] = copies;
    let objects = [one, two].map(|copy| copy.map(|found| found.object));
    open.shards.push(objects);
    result
}

/// Makes a shard that was declared lost, empty, in the place of what it was.
fn make_anew<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    open: &mut Open<S>,
    shard: u8,
    copies: &mut FoundShard<S::Object>,
) -> Result<(), Status> {
    let header = header_for(key, open, shard, copies)?;
    let image = empty(&header)?;
    for (copy, place) in COPIES.into_iter().zip(copies.iter_mut()) {
        let id = ObjectId { shard, copy };
        match storage.create(id, &image) {
            Ok(object) => {
                *place = Some(Found {
                    object,
                    header: Ok(open.header.clone()),
                    stamp: stamp_of(&header),
                    hurt: false,
                });
            }
            Err(_) => open.frozen |= remove(storage, id).is_err(),
        }
    }
    if copies.iter().any(Option::is_some) {
        open.index.add(SLOTS, Entry::Free);
    }
    Ok(())
}

/// The header that the copies of a shard ought to have. A shard that has none gets one once no copy
/// can come back of those before it: one that knows of fewer shards would go on without this one,
/// and its header would be the vault's some day. Until then, zeros.
fn header_for<S: Storage>(
    key: &HeaderKey,
    open: &Open<S>,
    shard: u8,
    copies: &FoundShard<S::Object>,
) -> Result<[u8; SLOT], Status> {
    let has_one = |found: &Found<_>| found.header.is_ok();
    match open.settled().is_ok() || copies.iter().flatten().any(has_one) {
        true => open.header.seal(key, shard),
        false => Ok([0; SLOT]),
    }
}

/// What both copies together hold.
struct Merged {
    /// The object as it ought to be, but for the header.
    image: Vec<u8>,
    /// For each copy, the places that are otherwise there.
    differ: [Vec<u16>; 2],
    /// The record that was written last: its sequence and slot.
    last: Option<(u64, SlotNumber)>,
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
        last: None,
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
                    merged.last = merged.last.max(Some((sequence, number)));
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
/// the other one serves; where it cannot be removed either, it may come back, and what was written
/// last is in doubt.
///
/// # Errors
/// That of either at the first attempt, if that may pass.
fn mend<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    open: &mut Open<S>,
    shard: u8,
    copies: &mut FoundShard<S::Object>,
    (mut merged, known, attempt): (Merged, &Known, Attempt),
) -> Result<u32, Status> {
    let header = header_for(key, open, shard, copies)?;
    let stamp = stamp_of(&header);
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
                let mut places = (found.stamp != stamp)
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
                            stamp,
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
    let mut comes_back = [false; 2];
    let pairs = copies.iter_mut().zip(&failed).zip(&merged.differ);
    for (((place, failed), differ), comes_back) in pairs.zip(&mut comes_back) {
        // Where neither takes a write, one that only lacks the newest header still serves whoever
        // looks.
        let lacks_header = |found: &Found<S::Object>| !found.hurt && differ.is_empty();
        let serves = failed.is_none() || neither && place.as_ref().is_some_and(lacks_header);
        *comes_back = failed.is_some();
        if !serves && let Some(stale) = place.take() {
            storage.close(stale.object);
        }
    }
    // Of two that take no write, neither is removed for the other's sake.
    if !neither {
        for (copy, comes_back) in COPIES.into_iter().zip(&mut comes_back) {
            // What is not mended must not come back behind the other copy's changes.
            *comes_back = *comes_back && remove(storage, ObjectId { shard, copy }).is_err();
        }
    }
    if comes_back.contains(&true) {
        open.frozen = true;
        // It lacks this record, or nobody knows. What this instance wrote to both it does not lack.
        let last = merged
            .last
            .filter(|(sequence, _)| *sequence > known.written);
        if let Some((_, number)) = last {
            open.doubtful.push(number).map_err(|_| Status::Internal)?;
        }
    }
    Ok(mended)
}
