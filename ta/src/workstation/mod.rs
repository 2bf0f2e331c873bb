//! The platform of a workstation: for tests and for the emulator. **It protects nothing.**
//!
//! Storage lies in memory or in a directory and behaves as OP-TEE's does, down to deleting an
//! object that it finds corrupt. A test can have it fail, or the power be cut, at any operation.

mod disk;
mod volatile;

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    string::ToString,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use claviger_proto::{Status, command::FROM_MEMORY, limits, message::Build};
use zeroize::Zeroizing;

pub use disk::{Disk, Fault, Handle, Hold};

use crate::{
    exchange::{Exchange, SharedMemory},
    platform::{Facts, Platform, text},
    service::Service,
    session::Session,
};

/// A workstation that plays a device: its disk, and the key that stands for its hardware key.
/// Clones are the same device.
#[derive(Clone)]
pub struct Workstation {
    disk: Disk,
    root: Option<[u8; 32]>,
    /// By how many seconds its clock is ahead.
    later: Arc<AtomicU64>,
    rollback_level: u32,
}

impl Workstation {
    /// A new device whose disk is memory.
    ///
    /// # Panics
    /// If the workstation gives no random numbers.
    #[must_use]
    pub fn in_memory() -> Workstation {
        Workstation {
            disk: Disk::in_memory(),
            root: Some(random_key().expect("random numbers")),
            later: Arc::default(),
            rollback_level: 0,
        }
    }

    /// The device in `directory`, made if there is none: one file for each object, and
    /// `root-key`. Nothing here keeps two processes from using it at once.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn in_directory(directory: &Path) -> io::Result<Workstation> {
        let mut folders = fs::DirBuilder::new();
        folders.recursive(true).mode(0o700).create(directory)?;
        let path = directory.join("root-key");
        let root = match fs::read(&path) {
            Ok(bytes) => bytes.try_into().map_err(|_| {
                let text = path.display().to_string() + " is not a root key of 32 bytes";
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let root = random_key()?;
                disk::replace_file(&path, &root)?;
                root
            }
            Err(error) => return Err(error),
        };
        Ok(Workstation {
            disk: Disk::in_directory(directory)?,
            root: Some(root),
            later: Arc::default(),
            rollback_level: 0,
        })
    }

    /// The same device without a root key of its own, as some platforms are.
    #[must_use]
    pub fn without_root_key(self) -> Workstation {
        Workstation { root: None, ..self }
    }

    /// The same device, saying that it notices an old store that is put back.
    #[must_use]
    pub fn detecting_rollback(self) -> Workstation {
        Workstation {
            rollback_level: limits::ROLLBACK_DETECTED,
            ..self
        }
    }

    /// Another device with the same root key, and a disk of its own, in memory, with the same on it.
    #[must_use]
    pub fn twin(&self) -> Workstation {
        let twin = Workstation {
            disk: Disk::in_memory(),
            later: Arc::default(),
            ..self.clone()
        };
        twin.disk.restore(self.disk.image());
        twin
    }

    /// Lets so many seconds pass.
    pub fn wait(&self, seconds: u64) {
        self.later.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The device's disk, to be hurt.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }
}

fn random_key() -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(key)
}

impl Platform for Workstation {
    type Storage = Disk;

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Status> {
        getrandom::fill(bytes).map_err(|_| Status::RandomFailed)
    }

    fn root_key(&mut self) -> Result<Option<Zeroizing<[u8; 32]>>, Status> {
        Ok(self.root.map(Zeroizing::new))
    }

    fn storage(&mut self) -> &mut Disk {
        &mut self.disk
    }

    fn uptime(&mut self) -> Result<u64, Status> {
        let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec;
        Ok(since_boot as u64 + self.later.load(Ordering::Relaxed))
    }

    fn untrusted_time(&mut self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |since| since.as_secs())
    }

    fn facts(&self) -> Facts {
        Facts {
            name: text("emulator"),
            insecure: true,
            rollback_level: self.rollback_level,
            build: Build::Test,
            marks: None,
        }
    }
}

/// A frame that the caller owns, in the place of shared memory.
struct Frame<'a>(&'a [u8]);

impl SharedMemory for Frame<'_> {
    fn size(&self) -> usize {
        self.0.len()
    }

    fn copy(&self, offset: usize, bytes: &mut [u8]) -> Result<(), Status> {
        let from = self
            .0
            .get(offset..)
            .and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(Status::BadFrame)?);
        Ok(())
    }
}

/// A reply that does not fit in the memory that came with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reply needs {needed} bytes")]
pub struct ShortBuffer {
    /// How many bytes it takes.
    pub needed: usize,
}

/// A device that is switched on: an instance of the trusted application and its memory.
pub struct Device {
    /// The instance.
    pub service: Service<Workstation>,
    exchange: Exchange,
}

impl Device {
    /// Switches a workstation on.
    ///
    /// # Errors
    /// [`Status::RandomFailed`], [`Status::OutOfMemory`].
    pub fn start(workstation: Workstation) -> Result<Device, Status> {
        workstation.disk.restart();
        Ok(Device {
            service: Service::new(workstation)?,
            exchange: Exchange::new()?,
        })
    }

    /// One call, as the entry point of the OP-TEE binary serves it: `frame` is the shared memory,
    /// with the request at its front. Says how long the reply is that then lies there.
    ///
    /// # Errors
    /// [`ShortBuffer`] if the reply does not fit; what the command did, it has done.
    pub fn call(
        &mut self,
        session: &mut Session,
        command_id: u32,
        frame: &mut [u8],
    ) -> Result<usize, ShortBuffer> {
        let disk = self.service.platform_mut().disk().clone();
        let before = disk.operations();
        self.service
            .process(session, command_id, &mut self.exchange, &Frame(frame));
        // That nothing waits for storage is what is promised of such a call.
        let from_memory = command_id & FROM_MEMORY != 0;
        assert!(
            !from_memory || disk.operations() <= before,
            "{command_id:#x}"
        );
        let (head, payload) = self.exchange.reply();
        let needed = head.len().saturating_add(payload.len());
        let (front, rest) = frame
            .split_at_mut_checked(head.len())
            .ok_or(ShortBuffer { needed })?;
        let behind = rest
            .get_mut(..payload.len())
            .ok_or(ShortBuffer { needed })?;
        front.copy_from_slice(head);
        behind.copy_from_slice(payload);
        Ok(needed)
    }
}
