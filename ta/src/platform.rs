//! What the trusted application needs of the ground that it stands on. A port implements
//! [`Platform`] and [`Storage`]; everything else is the same everywhere.

use alloc::vec::Vec;
use core::fmt;

use claviger_proto::{
    Status, limits,
    message::{Build, Marks},
};
use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

/// The ground: random numbers, a root key, secure storage, and what it says of itself.
pub trait Platform {
    /// Secure storage.
    type Storage: Storage;

    /// Fills `bytes` from a cryptographically secure source (NIST SP 800-90).
    ///
    /// # Errors
    /// [`Status::RandomFailed`] if the source fails; nothing may be used of `bytes` then.
    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Status>;

    /// A key unique to this device and this trusted application, the same after every start, that
    /// no other software learns; `None` where the platform has none. Under OP-TEE it is derived
    /// from the hardware unique key.
    ///
    /// # Errors
    /// [`Status::PlatformFault`] if there is one but it cannot be had now.
    fn root_key(&mut self) -> Result<Option<Zeroizing<[u8; 32]>>, Status>;

    /// Secure storage.
    fn storage(&mut self) -> &mut Self::Storage;

    /// Seconds that have passed on this device, from a clock that never goes back while an instance
    /// lives: for time-outs.
    ///
    /// # Errors
    /// [`Status::PlatformFault`] if there is no clock.
    fn uptime(&mut self) -> Result<u64, Status>;

    /// What Linux says the time is, in seconds since 1970; 0 if it does not say. To be recorded as
    /// what it is, never to be decided by.
    fn untrusted_time(&mut self) -> u64;

    /// What `info` shows of the platform.
    fn facts(&self) -> Facts;
}

/// What a platform says of itself.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The TEE and its version, in printable ASCII without quotes and backslashes.
    pub name: heapless::String<64>,
    /// Whether it protects nothing.
    pub insecure: bool,
    /// gpd.tee.trustedStorage.antiRollback.protectionLevel.
    pub rollback_level: u32,
    /// How this binary was built.
    pub build: Build,
    /// High-water marks, where they are taken.
    pub marks: Option<Marks>,
}

impl Facts {
    /// Whether an old store that is put back is noticed.
    #[must_use]
    pub fn detects_rollback(&self) -> bool {
        self.rollback_level >= limits::ROLLBACK_DETECTED
    }
}

/// Named objects of bytes that survive a power cut (GlobalPlatform trusted storage).
///
/// Whoever owns the files may hold an object back and show it again later: it is
/// [`StorageError::Corrupt`] meanwhile. What is [`StorageError::NotFound`] is no more, and what was
/// replaced by [`Storage::create`] neither, unless the whole store of an earlier time is put back.
///
/// Every method that returns `Ok` is durable, and every change is atomic: after a cut it has
/// happened in whole or not at all. After an error other than [`StorageError::NotFound`] nobody
/// knows which. Objects are confidential and authentic to the degree that [`Facts`] says.
pub trait Storage {
    /// An open object.
    type Object;

    /// Opens an object for reading and writing.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] if there is none.
    fn open(&mut self, id: ObjectId) -> Result<Self::Object, StorageError>;

    /// Makes an object with these bytes, in place of one that may be there, and opens it.
    ///
    /// # Errors
    /// Any but [`StorageError::NotFound`].
    fn create(&mut self, id: ObjectId, bytes: &[u8]) -> Result<Self::Object, StorageError>;

    /// Reads exactly `bytes.len()` bytes from `offset` on.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if these bytes are not authentic or the object ends before: the
    /// platform may have deleted the object by then, and gives no more of it.
    fn read(
        &mut self,
        object: &mut Self::Object,
        offset: u32,
        bytes: &mut [u8],
    ) -> Result<(), StorageError>;

    /// Overwrites `bytes.len()` bytes from `offset` on, within the object's length.
    ///
    /// # Errors
    /// As the trait says.
    fn write(
        &mut self,
        object: &mut Self::Object,
        offset: u32,
        bytes: &[u8],
    ) -> Result<(), StorageError>;

    /// Closes an object.
    fn close(&mut self, object: Self::Object);

    /// Deletes an object.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] if there is none.
    fn delete(&mut self, id: ObjectId) -> Result<(), StorageError>;
}

/// The name of an object: one copy of one shard of the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Which shard, from 0.
    pub shard: u8,
    /// Which copy.
    pub copy: Copy,
}

/// The two copies of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Copy {
    /// Written first.
    First,
    /// Written second.
    Second,
}

impl ObjectId {
    /// The name as bytes: `vault/` and a letter for shard and copy each.
    #[must_use]
    pub const fn name(self) -> [u8; 8] {
        let copy = match self.copy {
            Copy::First => b'1',
            Copy::Second => b'2',
        };
        [
            b'v',
            b'a',
            b'u',
            b'l',
            b't',
            b'/',
            b'a'.wrapping_add(self.shard),
            copy,
        ]
    }
}

/// Why storage did not do as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// The object is not authentic.
    #[error("the object is corrupt")]
    Corrupt,
    /// The platform still holds the object's name, and will until the next start.
    #[error("the object's name is in use until the next start")]
    InUse,
    /// Storage cannot be reached now.
    #[error("storage cannot be reached")]
    Unavailable,
    /// No space is left.
    #[error("storage is full")]
    NoSpace,
    /// The platform found its whole store rolled back or replaced.
    #[error("storage was rolled back")]
    Rollback,
    /// The platform has no memory for this.
    #[error("out of memory")]
    OutOfMemory,
    /// Anything else, by the platform's own number.
    #[error("storage failed with {0:#010x}")]
    Other(u32),
}

impl StorageError {
    /// What a client is told.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            // The vault asks only for objects that must be there.
            StorageError::NotFound | StorageError::Corrupt | StorageError::InUse => {
                Status::StorageCorrupt
            }
            StorageError::Unavailable => Status::StorageUnavailable,
            StorageError::NoSpace => Status::StorageFull,
            StorageError::Rollback => Status::StorageRollback,
            StorageError::OutOfMemory => Status::OutOfMemory,
            StorageError::Other(_) => Status::StorageFault,
        }
    }
}

impl From<StorageError> for Status {
    fn from(error: StorageError) -> Status {
        error.status()
    }
}

/// A platform's random source where a crate asks for an RNG.
pub(crate) struct Rng<'a, P>(pub(crate) &'a mut P);

impl<P: Platform> TryRng for Rng<'_, P> {
    type Error = Status;

    fn try_next_u32(&mut self) -> Result<u32, Status> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Status> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Status> {
        self.0.random(bytes)
    }
}

impl<P: Platform> TryCryptoRng for Rng<'_, P> {}

/// `N` random bytes.
pub(crate) fn random<const N: usize>(platform: &mut impl Platform) -> Result<[u8; N], Status> {
    let mut bytes = [0; N];
    platform.random(&mut bytes)?;
    Ok(bytes)
}

/// Sets a vector's memory aside, all of it before anything is kept: secrets that moved while it grew
/// would leave copies of themselves behind.
pub(crate) fn set_aside<T>(kept: &mut Vec<T>, places: usize) -> Result<(), Status> {
    if kept.capacity() == 0 {
        let reserved = kept.try_reserve_exact(places);
        reserved.map_err(|_| Status::OutOfMemory)?;
    }
    Ok(())
}

/// A vector of `len` zeros, or an error where `vec!` would end the instance.
pub(crate) fn zeros(len: usize) -> Result<Vec<u8>, Status> {
    let mut bytes = Vec::new();
    set_aside(&mut bytes, len)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

/// Writes what a `no_std` formatter gives into a fixed string, cut at its capacity.
#[must_use]
pub fn text<const N: usize>(value: impl fmt::Display) -> heapless::String<N> {
    struct Cut<const N: usize>(heapless::String<N>);
    impl<const N: usize> fmt::Write for Cut<N> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            part.chars()
                .try_for_each(|c| self.0.push(c).map_err(|_| fmt::Error))
        }
    }
    let mut cut = Cut(heapless::String::new());
    let _full = fmt::write(&mut cut, format_args!("{value}"));
    cut.0
}
