//! What the fuzz targets share: a device in memory whose every byte, its random ones too, is the
//! same in every run.
//!
//! `cargo qemu fuzz` builds and runs the targets; so does `cargo fuzz run --fuzz-dir tests/fuzz
//! --sanitizer none TARGET`.

mod ask;
mod ground;
mod input;
mod machine;
mod seeds;
mod start;

pub use ask::ask;
pub use ground::Ground;
pub use input::Input;
pub use machine::{Machine, Reply, client};
pub use seeds::seeds;
pub use start::{Start, start};

/// Who calls: uid 0, and two users.
pub const USERS: [u32; 3] = [0, claviger_tests::ALICE, claviger_tests::BOB];
