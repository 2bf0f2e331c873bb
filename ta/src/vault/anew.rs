//! How a vault begins and ends: a new device's, and what a factory reset leaves.

use claviger_proto::Status;

use super::{
    COPIES, SHARDS, SLOT,
    header::{Header, HeaderKey},
    load::Loaded,
    open::Open,
};
use crate::platform::{Copy, ObjectId, Platform, Storage, StorageError};

/// The last name of all: of a shard that few vaults have.
const LAST: ObjectId = ObjectId {
    shard: SHARDS as u8 - 1,
    copy: Copy::Second,
};

/// Every name that a vault may have.
fn names() -> impl DoubleEndedIterator<Item = ObjectId> {
    (0..SHARDS as u8).flat_map(|shard| COPIES.map(|copy| ObjectId { shard, copy }))
}

/// Has something be there, which may be no vault, where the platform deletes what it finds corrupt
/// (OP-TEE does): the next start would take the device for a new one, and begin anew unasked.
///
/// # Errors
/// [`Status::StorageCorrupt`] if that cannot be: what there may be still is to be left alone.
pub(super) fn leave_a_trace<S: Storage>(storage: &mut S) -> Result<(), Status> {
    // Of the last shard there was hardly anything.
    for id in names().rev() {
        let left = match storage.open(id) {
            Err(StorageError::Corrupt | StorageError::InUse) => continue,
            Err(StorageError::NotFound) => storage.create(id, &[0; SLOT]),
            there => there,
        };
        let left = left.map(|object| storage.close(object));
        return left.map_err(|_| Status::StorageCorrupt);
    }
    // The names of what was corrupt may be in use until the next start.
    for id in names().rev() {
        match storage.create(id, &[0; SLOT]) {
            Err(StorageError::InUse) => {}
            left => {
                let left = left.map(|object| storage.close(object));
                return left.map_err(|_| Status::StorageCorrupt);
            }
        }
    }
    Err(Status::StorageCorrupt)
}

/// Makes the vault of a new device.
pub(super) fn make<P: Platform>(
    platform: &mut P,
    key: &HeaderKey,
) -> Result<Loaded<P::Storage>, Status> {
    let header = Header::new(platform)?;
    let bytes = header.seal(key, 0)?;
    let mut open = Open::new(header)?;
    // One shard, made as any other; the header in it says that it counts.
    open.add_shard(platform.storage(), 0, &bytes)?;
    open.logs.settle()?;
    Ok(Loaded { open, repaired: 0 })
}

/// Removes an object for good. OP-TEE removes what it finds corrupt, and does not look whether that
/// succeeded: only that it is found no more tells, which a name that is held does not.
pub(super) fn remove<S: Storage>(storage: &mut S, id: ObjectId) -> Result<(), StorageError> {
    let mut removed = storage.delete(id);
    if removed == Err(StorageError::Corrupt) {
        removed = storage.delete(id);
    }
    match removed {
        Err(StorageError::NotFound) => Ok(()),
        removed => removed,
    }
}

/// Deletes every object that a vault may have, also those that do not count yet, and makes a new
/// one. What does not say of itself that it is being reset goes first: whatever is left by a cut,
/// or held back, is no vault by itself.
pub(super) fn begin_anew<P: Platform>(
    platform: &mut P,
    key: &HeaderKey,
) -> Result<Loaded<P::Storage>, Status> {
    let (mut something, mut told) = (false, false);
    for id in names() {
        let storage = platform.storage();
        match says_reset(storage, key, id) {
            Err(StorageError::NotFound) => {}
            says => {
                something = true;
                told |= says == Ok(true);
            }
        }
    }
    if something && !told {
        let header = Header {
            sequence: u64::MAX,
            resetting: true,
            ..Header::new(platform)?
        };
        let bytes = header.seal(key, LAST.shard)?;
        let storage = platform.storage();
        let marker = storage.create(LAST, &bytes)?;
        storage.close(marker);
    }
    let storage = platform.storage();
    for id in names() {
        match says_reset(storage, key, id) {
            Ok(true) | Err(StorageError::NotFound) => {}
            _ => remove(storage, id)?,
        }
    }
    for id in names() {
        remove(storage, id)?;
    }
    make(platform, key)
}

/// Whether a reset of this vault had begun, which nobody could tell it: it did not open.
pub(super) fn was_being_reset<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    newest: &Header,
) -> Result<bool, Status> {
    if LAST.shard < newest.shards {
        return Ok(false);
    }
    match says_reset(storage, key, LAST) {
        Ok(says) => Ok(says),
        Err(StorageError::NotFound) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Removes what a reset that failed left to tell of itself: the vault goes on, and must not end when
/// a part of it is lost some day.
pub(super) fn forget_reset<S: Storage>(storage: &mut S, newest: &Header) -> Result<(), Status> {
    if LAST.shard < newest.shards {
        return Ok(());
    }
    match storage.open(LAST) {
        Err(StorageError::NotFound) => Ok(()),
        Ok(object) => {
            storage.close(object);
            Ok(remove(storage, LAST)?)
        }
        Err(StorageError::Corrupt | StorageError::InUse) => Ok(remove(storage, LAST)?),
        Err(error) => Err(error.into()),
    }
}

/// Whether this object's header says that its vault is being reset.
fn says_reset<S: Storage>(
    storage: &mut S,
    key: &HeaderKey,
    id: ObjectId,
) -> Result<bool, StorageError> {
    let mut object = storage.open(id)?;
    let mut bytes = [0; SLOT];
    let read = storage.read(&mut object, 0, &mut bytes);
    storage.close(object);
    read?;
    let header = Header::open(key, id.shard, &bytes);
    Ok(header.is_ok_and(|header| header.resetting))
}
