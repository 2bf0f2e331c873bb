//! Claviger's trusted application, as a library: everything but the OP-TEE seam.
//!
//! ```text
//! entry point ── Service::process ── one match ── ops::<verb> ─┬─ keyring ── vault (keys at rest)
//!   copies in                                                  ├─ crypto (keys at work)
//!                                                              └─ Platform (random, storage, root)
//! ```
//!
//! The library is `no_std` and knows nothing of OP-TEE: what differs between a device and a
//! workstation stands behind [`platform::Platform`]. The binary `claviger-ta` (feature `optee`)
//! implements it on optee-utee; [`workstation`] implements it for tests and for the emulator.
//!
//! Nothing here panics on what a client sends: a panic would end the instance for everyone.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(all(feature = "optee", feature = "workstation"))]
compile_error!("a device's build contains nothing of the emulator");

extern crate alloc;
#[cfg(any(test, feature = "workstation"))]
extern crate std;

pub mod ceremonies;
pub mod challenge;
pub mod crypto;
pub mod exchange;
pub mod keyring;
mod nonces;
mod ops;
pub mod platform;
pub mod policy;
mod refusals;
#[cfg(test)]
mod samples;
pub mod service;
pub mod session;
pub mod shares;
pub mod table;
pub mod vault;
#[cfg(feature = "workstation")]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)] // Never on a device; a test that hurts what is not there should end.
pub mod workstation;

pub(crate) use claviger_proto::fields;
pub use exchange::{Exchange, SharedMemory};
pub use platform::Platform;
pub use service::Service;
pub use session::{Caller, Session};
