//! The ground that the fuzzed instance stands on.

use std::collections::BTreeMap;

use claviger_proto::{Status, message::Build};
use claviger_ta::{
    Platform,
    platform::{Facts, ObjectId, text},
    workstation::{Disk, Workstation},
};
use claviger_tests::Rng;
use zeroize::Zeroizing;

/// A disk, random numbers that repeat, and a clock that stands unless it is moved.
pub struct Ground {
    disk: Disk,
    random: Rng,
    clock: u64,
}

impl Ground {
    /// A ground with these objects on its disk.
    #[must_use]
    pub fn new(image: BTreeMap<ObjectId, Vec<u8>>) -> Ground {
        let disk = Workstation::in_memory().disk().clone();
        disk.restore(image);
        Ground {
            disk,
            random: Rng::new(1),
            clock: 0,
        }
    }

    /// The disk.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Lets seconds pass.
    pub fn wait(&mut self, seconds: u64) {
        self.clock += seconds;
    }
}

impl Platform for Ground {
    type Storage = Disk;

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Status> {
        bytes.copy_from_slice(&self.random.bytes(bytes.len()));
        Ok(())
    }

    fn root_key(&mut self) -> Result<Option<Zeroizing<[u8; 32]>>, Status> {
        Ok(Some(Zeroizing::new([0x5a; 32])))
    }

    fn storage(&mut self) -> &mut Disk {
        &mut self.disk
    }

    fn uptime(&mut self) -> Result<u64, Status> {
        Ok(self.clock)
    }

    fn untrusted_time(&mut self) -> u64 {
        0
    }

    fn facts(&self) -> Facts {
        Facts {
            name: text("fuzzed"),
            insecure: true,
            rollback_level: 0,
            build: Build::Test,
            marks: None,
        }
    }
}
