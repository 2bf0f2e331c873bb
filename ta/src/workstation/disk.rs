//! Storage in memory or in a directory that behaves as OP-TEE's does, and fails when it is told to.

use std::{
    collections::{BTreeMap, BTreeSet},
    format, fs,
    io::{self, Write},
    ops::Range,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    vec::Vec,
};

use crate::platform::{Copy, ObjectId, Storage, StorageError};

/// What goes wrong, and at which storage operation (counted from 0 since it was set).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power is cut just before this operation takes effect.
    CutBefore(u64),
    /// The power is cut just after this operation took effect, before it could be told.
    CutAfter(u64),
    /// The power is cut in the midst of this operation: of a write, only the first half is there.
    /// No secure storage does that ([`Storage`] says so); the vault does not depend on it.
    Tear(u64),
    /// This operation fails with this error, without effect.
    Fail(u64, StorageError),
    /// This operation takes effect and fails with this error all the same.
    FailAfter(u64, StorageError),
    /// From this operation on there is no space: whatever changes anything fails, deleting too.
    Full(u64),
}

/// What becomes of an object that is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// It is found corrupt, and stays: a tee-supplicant that does not give its file, and fails the
    /// one write with which OP-TEE would forget it. Another one can be made in its place.
    Back,
    /// So, and nothing can be made in its place, nor written to it.
    Fast,
    /// OP-TEE forgets it: there is none any more.
    Never,
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Look,
    Change,
}

/// The bytes of an object, and which of them can no longer be read.
#[derive(Default)]
struct Inode {
    bytes: Vec<u8>,
    corrupt: Vec<Range<usize>>,
    /// Whether it cannot even be opened, and what becomes of it then.
    at_open: Option<AtOpen>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AtOpen {
    /// It is deleted, and its name held.
    Deleted,
    /// It is there still: whoever has the storage lets nothing in its place.
    Kept,
}

impl Inode {
    fn new(bytes: Vec<u8>) -> Arc<Mutex<Inode>> {
        Arc::new(Mutex::new(Inode {
            bytes,
            ..Inode::default()
        }))
    }

    fn is_hurt(&self, range: &Range<usize>) -> bool {
        let overlaps = |hurt: &Range<usize>| hurt.start < range.end && range.start < hurt.end;
        self.corrupt.iter().any(overlaps)
    }
}

#[derive(Default)]
struct State {
    objects: BTreeMap<ObjectId, Arc<Mutex<Inode>>>,
    directory: Option<PathBuf>,
    fault: Option<Fault>,
    operations: u64,
    off: bool,
    /// Whether the operation under way is torn.
    torn: bool,
    /// One more of these for each open object.
    token: Arc<()>,
    /// Names that are held until the next start.
    held: BTreeSet<ObjectId>,
    /// What is held back, and how.
    held_back: BTreeMap<ObjectId, Hold>,
    /// What is held back from the armed fault on.
    then_held_back: Vec<(ObjectId, Hold)>,
}

/// A disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

/// An open object: goes on being readable after its name was deleted, as a file does.
pub struct Handle {
    id: ObjectId,
    inode: Arc<Mutex<Inode>>,
    /// Whether it was found corrupt: nothing more of it is given then, as by OP-TEE.
    corrupt: bool,
    _token: Arc<()>,
}

impl Disk {
    pub(super) fn in_memory() -> Disk {
        Disk::default()
    }

    pub(super) fn in_directory(directory: &Path) -> io::Result<Disk> {
        let disk = Disk::default();
        let mut state = disk.state();
        state.directory = Some(directory.into());
        for shard in 0..crate::vault::SHARDS as u8 {
            for copy in [Copy::First, Copy::Second] {
                let id = ObjectId { shard, copy };
                match fs::read(file_of(directory, id)) {
                    Ok(bytes) => {
                        state.objects.insert(id, Inode::new(bytes));
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        drop(state);
        Ok(disk)
    }

    /// How many operations there were since counting began.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Arms a fault; counting begins anew.
    pub fn arm(&self, fault: Fault) {
        let mut state = self.state();
        state.fault = Some(fault);
        state.operations = 0;
    }

    /// Ends a fault and switches the power on again; says how many operations there were.
    pub fn disarm(&self) -> u64 {
        let mut state = self.state();
        state.fault = None;
        state.off = false;
        core::mem::take(&mut state.operations)
    }

    /// Makes these bytes of an object unreadable, as a flipped bit does under OP-TEE.
    ///
    /// # Panics
    /// If there is no such object.
    pub fn corrupt(&self, id: ObjectId, bytes: Range<usize>) {
        lock(&self.state().objects[&id]).corrupt.push(bytes);
    }

    /// Makes an object unreadable from its head on: it is found corrupt when it is opened, and its
    /// name is held until the next start.
    ///
    /// # Panics
    /// If there is no such object.
    pub fn corrupt_at_open(&self, id: ObjectId) {
        lock(&self.state().objects[&id]).at_open = Some(AtOpen::Deleted);
    }

    /// As [`Disk::corrupt_at_open`], but the object stays: OP-TEE does not look whether it could
    /// delete what it found corrupt.
    ///
    /// # Panics
    /// If there is no such object.
    pub fn corrupt_and_kept(&self, id: ObjectId) {
        lock(&self.state().objects[&id]).at_open = Some(AtOpen::Kept);
    }

    /// Has everything that was corrupt be as it was written.
    pub fn heal(&self) {
        for inode in self.state().objects.values() {
            let mut inode = lock(inode);
            inode.corrupt.clear();
            inode.at_open = None;
        }
    }

    /// Holds objects back, until [`Disk::show`] shows them again as they were written last.
    pub fn hide(&self, ids: impl IntoIterator<Item = (ObjectId, Hold)>) {
        self.state().hold_back(ids);
    }

    /// As [`Disk::hide`], from the moment at which the armed fault strikes.
    pub fn hide_after_fault(&self, ids: impl IntoIterator<Item = (ObjectId, Hold)>) {
        self.state().then_held_back = ids.into_iter().collect();
    }

    /// Shows everything again that is held back.
    pub fn show(&self) {
        let mut state = self.state();
        state.held_back.clear();
        state.then_held_back.clear();
    }

    /// Flips a bit that nothing below the vault notices.
    ///
    /// # Panics
    /// If there is no such byte.
    pub fn flip(&self, id: ObjectId, byte: usize) {
        lock(&self.state().objects[&id]).bytes[byte] ^= 1;
    }

    /// Deletes an object behind everybody's back.
    pub fn lose(&self, id: ObjectId) {
        self.state().objects.remove(&id);
    }

    /// A copy of all that is stored.
    #[must_use]
    pub fn image(&self) -> BTreeMap<ObjectId, Vec<u8>> {
        let state = self.state();
        state
            .objects
            .iter()
            .map(|(id, inode)| (*id, lock(inode).bytes.clone()))
            .collect()
    }

    /// Puts back what [`Disk::image`] gave.
    pub fn restore(&self, image: BTreeMap<ObjectId, Vec<u8>>) {
        self.show();
        self.state().objects = image
            .into_iter()
            .map(|(id, bytes)| (id, Inode::new(bytes)))
            .collect();
    }

    /// How many objects are open.
    #[must_use]
    pub fn open_objects(&self) -> usize {
        Arc::strong_count(&self.state().token) - 1
    }

    /// Lets go of what belonged to an instance that is no more.
    pub(super) fn restart(&self) {
        self.state().held.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Counts one operation and does it, unless the fault that is armed says otherwise.
    fn operate<T>(
        &self,
        kind: Kind,
        operation: impl FnOnce(&mut State) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut state = self.state();
        if state.off {
            return Err(StorageError::Unavailable);
        }
        let now = state.operations;
        state.operations = now.saturating_add(1);
        let strikes = match state.fault {
            Some(Fault::Full(at)) => at <= now && kind == Kind::Change,
            Some(
                Fault::CutBefore(at)
                | Fault::CutAfter(at)
                | Fault::Tear(at)
                | Fault::Fail(at, _)
                | Fault::FailAfter(at, _),
            ) => at == now,
            None => false,
        };
        let result = state.disturbed(now, kind, operation);
        if strikes {
            let held_back = core::mem::take(&mut state.then_held_back);
            state.hold_back(held_back);
        }
        result
    }
}

impl State {
    fn disturbed<T>(
        &mut self,
        now: u64,
        kind: Kind,
        operation: impl FnOnce(&mut State) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let state = self;
        match state.fault {
            Some(Fault::CutBefore(at)) if at == now => {
                state.off = true;
                Err(StorageError::Unavailable)
            }
            Some(Fault::CutAfter(at)) if at == now => {
                let _unheard = operation(state);
                state.off = true;
                Err(StorageError::Unavailable)
            }
            Some(Fault::Tear(at)) if at == now => {
                state.torn = true;
                let _unheard = operation(state);
                state.torn = false;
                state.off = true;
                Err(StorageError::Unavailable)
            }
            Some(Fault::Fail(at, error)) if at == now => Err(error),
            Some(Fault::Full(at)) if at <= now && kind == Kind::Change => {
                Err(StorageError::NoSpace)
            }
            Some(Fault::FailAfter(at, error)) if at == now => {
                operation(state)?;
                Err(error)
            }
            _ => operation(state),
        }
    }
}

impl Storage for Disk {
    type Object = Handle;

    fn open(&mut self, id: ObjectId) -> Result<Handle, StorageError> {
        self.operate(Kind::Look, |state| {
            state.expect_free(id)?;
            state.expect_given(id)?;
            let inode = state
                .objects
                .get(&id)
                .ok_or(StorageError::NotFound)?
                .clone();
            let at_open = lock(&inode).at_open;
            if at_open == Some(AtOpen::Deleted) {
                state.held.insert(id);
                let handle = state.handle(id, inode.clone());
                state.forget(&handle)?;
            }
            if at_open.is_some() {
                return Err(StorageError::Corrupt);
            }
            Ok(state.handle(id, inode))
        })
    }

    fn create(&mut self, id: ObjectId, bytes: &[u8]) -> Result<Handle, StorageError> {
        self.operate(Kind::Change, |state| {
            state.expect_free(id)?;
            if state.keeps(id) || state.held_back.get(&id) == Some(&Hold::Fast) {
                return Err(StorageError::NoSpace);
            }
            state.held_back.remove(&id);
            state.save(id, Some(bytes))?;
            let inode = Inode::new(bytes.to_vec());
            state.objects.insert(id, inode.clone());
            Ok(state.handle(id, inode))
        })
    }

    fn read(
        &mut self,
        object: &mut Handle,
        offset: u32,
        bytes: &mut [u8],
    ) -> Result<(), StorageError> {
        self.operate(Kind::Look, |state| {
            if state.names(object) {
                state.expect_given(object.id)?;
            }
            let inode = lock(&object.inode);
            let range = offset as usize..offset as usize + bytes.len();
            let hurt = inode.is_hurt(&range);
            match inode.bytes.get(range) {
                Some(stored) if !hurt && !object.corrupt => {
                    bytes.copy_from_slice(stored);
                    Ok(())
                }
                _ => {
                    object.corrupt = true;
                    state.forget(object)?;
                    Err(StorageError::Corrupt)
                }
            }
        })
    }

    fn write(
        &mut self,
        object: &mut Handle,
        offset: u32,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        self.operate(Kind::Change, |state| {
            if state.names(object) {
                state.expect_given(object.id)?;
            }
            let mut inode = lock(&object.inode);
            let bytes = match state.torn {
                true => &bytes[..bytes.len() / 2],
                false => bytes,
            };
            let range = offset as usize..offset as usize + bytes.len();
            // OP-TEE reads the block that it writes into.
            if inode.is_hurt(&range) {
                state.forget(object)?;
                return Err(StorageError::Corrupt);
            }
            let place = inode.bytes.get_mut(range).ok_or(StorageError::Other(0))?;
            place.copy_from_slice(bytes);
            if state.names(object) {
                state.save(object.id, Some(&inode.bytes))
            } else {
                Ok(())
            }
        })
    }

    fn close(&mut self, _object: Handle) {}

    fn delete(&mut self, id: ObjectId) -> Result<(), StorageError> {
        self.operate(Kind::Change, |state| {
            state.expect_free(id)?;
            if state.keeps(id) {
                return Err(StorageError::Corrupt);
            }
            state.expect_given(id)?;
            state.objects.remove(&id).ok_or(StorageError::NotFound)?;
            state.save(id, None)
        })
    }
}

impl State {
    fn handle(&self, id: ObjectId, inode: Arc<Mutex<Inode>>) -> Handle {
        Handle {
            id,
            inode,
            corrupt: false,
            _token: self.token.clone(),
        }
    }

    fn hold_back(&mut self, ids: impl IntoIterator<Item = (ObjectId, Hold)>) {
        let there = |state: &State, id| state.objects.contains_key(&id);
        for (id, hold) in ids {
            if there(self, id) {
                self.held_back.insert(id, hold);
            }
        }
    }

    /// # Errors
    /// [`StorageError::Corrupt`] for what is held back.
    fn expect_given(&mut self, id: ObjectId) -> Result<(), StorageError> {
        match self.held_back.get(&id) {
            None => return Ok(()),
            Some(Hold::Never) => {
                self.held_back.remove(&id);
                self.objects.remove(&id);
                self.save(id, None)?;
            }
            Some(Hold::Back | Hold::Fast) => {}
        }
        Err(StorageError::Corrupt)
    }

    fn keeps(&self, id: ObjectId) -> bool {
        let inode = self.objects.get(&id);
        inode.is_some_and(|inode| lock(inode).at_open == Some(AtOpen::Kept))
    }

    fn expect_free(&self, id: ObjectId) -> Result<(), StorageError> {
        // What is made or deleted is by its name, in one step.
        if self.held.contains(&id) || self.torn {
            Err(StorageError::InUse)
        } else {
            Ok(())
        }
    }

    /// Whether the object's name still leads to these bytes.
    fn names(&self, object: &Handle) -> bool {
        self.objects
            .get(&object.id)
            .is_some_and(|inode| Arc::ptr_eq(inode, &object.inode))
    }

    /// Deletes a corrupt object's name, as OP-TEE does.
    fn forget(&mut self, object: &Handle) -> Result<(), StorageError> {
        if self.names(object) {
            self.objects.remove(&object.id);
            self.save(object.id, None)?;
        }
        Ok(())
    }

    fn save(&self, id: ObjectId, bytes: Option<&[u8]>) -> Result<(), StorageError> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let path = file_of(directory, id);
        let saved = match bytes {
            Some(bytes) => replace_file(&path, bytes),
            None => fs::remove_file(path),
        };
        saved.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull => StorageError::NoSpace,
            _ => StorageError::Other(0),
        })
    }
}

fn file_of(directory: &Path, id: ObjectId) -> PathBuf {
    let copy = if id.copy == Copy::First { 1 } else { 2 };
    directory.join(format!("shard-{}.{copy}", id.shard))
}

/// Puts a file with these bytes in the place of one that may be there, in one step. It is its user's
/// alone, whatever the umask.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(new, path)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
