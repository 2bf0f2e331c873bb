//! Opening the vault: read both copies of everything, believe what is authentic and newest, mend
//! the rest.

use alloc::vec::Vec;

use claviger_proto::Status;

use super::{
    COPIES, SHARDS, SLOT, SLOTS,
    anew::{begin_anew, forget_reset, leave_a_trace, make, was_being_reset},
    change::passes,
    header::{self, Header, HeaderError, HeaderKey},
    index::{Entry, entry_of},
    merge::{self, Attempt},
    open::{Open, SlotNumber, whereabouts},
    slot::{Content, Stamp},
};
use crate::platform::{ObjectId, Platform, Storage, StorageError};

/// An opened vault and how much of it had to be mended.
pub(super) struct Loaded<S: Storage> {
    pub(super) open: Open<S>,
    pub(super) repaired: u32,
}

/// What an instance knows of the store before it reads it.
#[derive(Default)]
pub(super) struct Known {
    /// Whether there was a vault, or a part of one: another is made by a factory reset only.
    pub(super) something: bool,
    /// Whether a reset that was under way was gone on with: what there is may be another vault.
    pub(super) reset: bool,
    /// The highest sequence of a record that this instance wrote to every copy.
    pub(super) written: u64,
}

/// One copy of a shard as it was found.
pub(super) struct Found<O> {
    pub(super) object: O,
    pub(super) header: Result<Header, HeaderError>,
    /// That of its header; zeros if it has none.
    pub(super) stamp: Stamp,
    /// Whether a part of it could not be read: it must be made anew.
    pub(super) hurt: bool,
}

pub(super) type FoundShard<O> = [Option<Found<O>>; 2];

/// Opens the vault, finishes a reset that was cut short, makes the vault of a new device.
///
/// # Errors
/// A status of storage, [`Status::VaultNewer`], [`Status::StorageCorrupt`] if there is something
/// but no header of it is authentic, or nothing although there was something before: nothing was
/// changed then.
pub(super) fn load<P: Platform>(
    platform: &mut P,
    known: &mut Known,
) -> Result<Loaded<P::Storage>, Status> {
    match try_load(platform, known, Attempt::First) {
        // tee-supplicant may have ended in the midst, and be back.
        Err(status) if passes(status) => try_load(platform, known, Attempt::Last),
        loaded => loaded,
    }
}

fn try_load<P: Platform>(
    platform: &mut P,
    known: &mut Known,
    attempt: Attempt,
) -> Result<Loaded<P::Storage>, Status> {
    let key = header::key(platform)?;
    let mut found = Vec::new();
    let probed = probe(platform.storage(), &key, &mut found, &mut known.something);
    let result = probed.and_then(|newest| match newest {
        Some(newest) if newest.resetting => finish_reset(platform, &key, &mut found, known),
        Some(newest) => {
            turn_away(platform.storage(), &mut found, &newest);
            let storage = platform.storage();
            let absent = |copies: &FoundShard<_>| copies.iter().all(Option::is_none);
            let is_whole = !found.iter().any(absent);
            if !is_whole && was_being_reset(storage, &key, &newest)? {
                return finish_reset(platform, &key, &mut found, known);
            }
            let goes_on = match is_whole {
                true => forget_reset(storage, &newest),
                false => Ok(()),
            };
            let mut open = Open::new(newest)?;
            match goes_on {
                Err(status) if attempt == Attempt::First && passes(status) => return Err(status),
                goes_on => open.frozen = goes_on.is_err(),
            }
            settle(platform.storage(), &key, open, &mut found, known, attempt)
        }
        None if known.something => {
            let read = |found: &Found<_>| !found.hurt;
            if !found.iter().flatten().flatten().any(read) {
                leave_a_trace(platform.storage())?;
            }
            Err(Status::StorageCorrupt)
        }
        None => make(platform, &key),
    });
    close_all(platform.storage(), &mut found);
    result
}

fn finish_reset<P: Platform>(
    platform: &mut P,
    key: &HeaderKey,
    found: &mut Vec<FoundShard<<P::Storage as Storage>::Object>>,
    known: &mut Known,
) -> Result<Loaded<P::Storage>, Status> {
    close_all(platform.storage(), found);
    known.something = false;
    known.reset = true;
    begin_anew(platform, key)
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
    let (mut newer, mut remains) = (false, false);
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
                    keep_something(storage, &mut remains)?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            *something = true;
            let found = place.insert(Found {
                object,
                header: Err(HeaderError::NotAuthentic),
                stamp: Stamp::default(),
                hurt: false,
            });
            let mut bytes = [0; SLOT];
            match storage.read(&mut found.object, 0, &mut bytes) {
                Ok(()) => {
                    remains = true;
                    found.header = Header::open(key, shard, &bytes);
                    if found.header.is_ok() {
                        found.stamp = header::stamp_of(&bytes);
                    }
                }
                Err(StorageError::Corrupt) => {
                    found.hurt = true;
                    keep_something(storage, &mut remains)?;
                }
                Err(error) => return Err(error.into()),
            }
            match (&found.header, &newest) {
                (Ok(header), Some(old)) if !header.outranks(old, key)? => {}
                (Ok(header), _) => newest = Some(header.clone()),
                (Err(HeaderError::Newer), _) => newer = true,
                _ => {}
            }
        }
    }
    if newer {
        return Err(Status::VaultNewer);
    }
    Ok(newest)
}

/// The platform deletes what it finds corrupt: if nothing else is known to be there, it may have been
/// all there was.
fn keep_something<S: Storage>(storage: &mut S, remains: &mut bool) -> Result<(), Status> {
    match core::mem::replace(remains, true) {
        true => Ok(()),
        false => leave_a_trace(storage),
    }
}

/// Leaves out what is of another vault, or of a shard before it was declared lost.
fn turn_away<S: Storage>(storage: &mut S, found: &mut [FoundShard<S::Object>], newest: &Header) {
    for (shard, copies) in (0..).zip(found) {
        let incarnation = newest.incarnation(shard);
        let is_other = |header: &Header| {
            header.vault != newest.vault || header.incarnation(shard) != incarnation
        };
        let pending = newest.is_pending(shard);
        for place in copies {
            let other = |found: &mut Found<_>| match &found.header {
                Ok(header) => is_other(header),
                // Nothing was written to it yet.
                Err(_) => pending,
            };
            if let Some(other) = place.take_if(other) {
                storage.close(other.object);
            }
        }
    }
}

/// Merges and mends every shard that counts.
fn settle<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    mut open: Open<S>,
    found: &mut Vec<FoundShard<S::Object>>,
    known: &Known,
    attempt: Attempt,
) -> Result<Loaded<S>, Status> {
    // None is given twice, also where what was declared lost had the highest.
    open.sequence = known.written;
    let shards = usize::from(open.header.shards);
    open.shards
        .try_reserve_exact(shards)
        .map_err(|_| Status::OutOfMemory)?;
    open.index.reserve(shards.saturating_mul(SLOTS))?;
    let mut repaired = 0_u32;
    let mut result = Ok(());
    for (shard, copies) in (0..open.header.shards).zip(found.drain(..)) {
        if result.is_ok() {
            result = merge::merge(storage, key, &mut open, shard, copies, (known, attempt))
                .map(|mended| repaired = repaired.saturating_add(mended));
        } else {
            close(storage, copies);
        }
    }
    let result = result
        .and_then(|()| open.logs.settle())
        .and_then(|()| end_pending(storage, key, &mut open))
        .and_then(|()| end_twins(storage, &mut open));
    match result {
        Ok(()) => Ok(Loaded { open, repaired }),
        Err(error) => {
            open.close(storage);
            Err(error)
        }
    }
}

/// Shards that were declared lost are made anew by now: the headers are told, once nothing of what
/// they were can come back.
fn end_pending<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    open: &mut Open<S>,
) -> Result<(), Status> {
    if open.header.pending == 0 || open.settled().is_err() {
        return Ok(());
    }
    let mut header = open.header.clone();
    header.pending = 0;
    header.sequence = header.sequence.saturating_add(1);
    match open.write_headers(storage, key, &header) {
        Ok(()) => open.header = header,
        // Some have it.
        Err(_) => open.frozen = true,
    }
    Ok(())
}

/// Of two records of one name the newest counts, and the other is removed. No two are ever written:
/// one of them was put back. Two names may have one hash, though.
fn end_twins<S: Storage>(storage: &mut S, open: &mut Open<S>) -> Result<(), Status> {
    let mut seen = (0, 0);
    while let Some(pair) = open
        .index
        .next_alike(seen, |number| open.is_doubtful(number))
    {
        seen = pair;
        let (one, other) = pair;
        let (first, content, events) = open.read_stored(storage, one)?;
        let (second, twin, others_events) = open.read_stored(storage, other)?;
        if !content.is_twin_of(&twin) {
            continue;
        }
        let (older, events) = match first < second {
            true => (one, events),
            false => (other, others_events),
        };
        open.index.set(older, Entry::Damaged);
        if open.settled().is_ok() && remove_twin(storage, open, older, &events).is_err() {
            // One of its copies may have it still.
            open.frozen = true;
        }
    }
    Ok(())
}

fn remove_twin<S: Storage>(
    storage: &mut S,
    open: &mut Open<S>,
    number: SlotNumber,
    events: &[claviger_proto::audit::Record],
) -> Result<(), Status> {
    let (shard, place) = whereabouts(number);
    let sequence = open.sequence.saturating_add(1);
    let content = Content::Tombstone;
    let bytes = open
        .slot_key
        .seal(shard, place, sequence, &content, events)?;
    open.write(storage, number, bytes.as_slice())?;
    open.sequence = sequence;
    open.index.set(number, entry_of(&content));
    Ok(())
}

pub(super) fn close<S: Storage>(storage: &mut S, copies: FoundShard<S::Object>) {
    copies
        .into_iter()
        .flatten()
        .for_each(|found| storage.close(found.object));
}

fn close_all<S: Storage>(storage: &mut S, found: &mut Vec<FoundShard<S::Object>>) {
    found.drain(..).for_each(|copies| close(storage, copies));
}
