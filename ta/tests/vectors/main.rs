//! Test vectors of other people for the primitives, straight through their functions. (Suite
//! `vectors` of crate `tests` has those that go through the commands of a device.)

mod aead;
mod derivation;
mod diffie_hellman;
mod encapsulation;
mod encryption_to_a_key;
mod key_wrap;
mod shares;
mod signatures;

use claviger_proto::Status;
use claviger_ta::{
    Platform,
    platform::Facts,
    workstation::{Disk, Workstation},
};
use zeroize::Zeroizing;

/// A platform whose random numbers are given.
struct Replay<'a> {
    random: &'a [u8],
    ground: Workstation,
}

impl Replay<'_> {
    /// What comes of an operation that draws exactly these random numbers, or fails before.
    #[track_caller]
    fn with<T>(random: &[u8], operation: impl FnOnce(&mut Replay<'_>) -> T) -> T {
        let mut replay = Replay {
            random,
            ground: Workstation::in_memory(),
        };
        let result = operation(&mut replay);
        assert!(replay.random.is_empty());
        result
    }
}

impl Platform for Replay<'_> {
    type Storage = Disk;

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Status> {
        let drawn = self.random.split_off(..bytes.len());
        bytes.copy_from_slice(drawn.ok_or(Status::RandomFailed)?);
        Ok(())
    }

    fn root_key(&mut self) -> Result<Option<Zeroizing<[u8; 32]>>, Status> {
        self.ground.root_key()
    }

    fn storage(&mut self) -> &mut Disk {
        self.ground.storage()
    }

    fn uptime(&mut self) -> Result<u64, Status> {
        self.ground.uptime()
    }

    fn untrusted_time(&mut self) -> u64 {
        self.ground.untrusted_time()
    }

    fn facts(&self) -> Facts {
        self.ground.facts()
    }
}

/// The bytes that these digits stand for.
#[track_caller]
fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "{digits}");
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// The lines of a data file that are not comments, as `N` fields of hexadecimal, `-` being empty.
fn cases<const N: usize>(file: &str) -> impl Iterator<Item = [Vec<u8>; N]> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let fields: [&str; N] = fields.try_into().unwrap();
            fields.map(|field| hex(if field == "-" { "" } else { field }))
        })
}
