//! What the suites share: a device to test, random numbers that repeat, hexadecimal digits.
//!
//! The conformance suite is the same for an emulated device and for a real one. [`Device`] hides
//! which it is: feature `emulator` makes an emulated one for each test; without it, [`Device`] is
//! the device on which the test runs, as root, reset to an empty vault.

#[cfg(not(any(feature = "emulator", feature = "optee")))]
compile_error!("choose what to test: feature `emulator` or `optee`");

#[cfg(feature = "optee")]
pub mod bare;
#[cfg(feature = "emulator")]
mod emulated;
pub mod frames;
mod handle;
#[cfg(feature = "optee")]
pub mod measure;
pub mod mutation;
#[cfg(not(feature = "emulator"))]
mod real;
pub mod requests;
mod rng;
#[cfg(feature = "optee")]
pub mod supplicant;

#[cfg(feature = "emulator")]
pub use emulated::Device;
pub use handle::{Handle, creation, label, new_key, new_key_for};
#[cfg(not(feature = "emulator"))]
pub use real::{Device, TEE_CLIENTS};
pub use rng::Rng;

use claviger::{Client, Error, Status};

/// Users of the guest, both in [`SENSORS`].
pub const ALICE: u32 = 1000;
/// See [`ALICE`].
pub const BOB: u32 = 1001;
/// A user of the guest in no group but its own.
pub const CAROL: u32 = 1002;
/// A group of the guest.
pub const SENSORS: u32 = 2000;

/// Resets a device, as root.
///
/// # Panics
/// If it is refused.
pub fn factory_reset(root: &Client) {
    let token = root.info().unwrap().confirmation;
    let token = token.expect("a client of root's").to_string();
    root.factory_reset(&token).unwrap();
}

/// The status with which the trusted application, or the library in its place, refused.
///
/// # Panics
/// If it did not refuse, or for another reason.
#[track_caller]
pub fn status<T>(result: Result<T, Error>) -> Status {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(error) => error
            .status()
            .unwrap_or_else(|| panic!("not a status: {error:?}")),
    }
}

/// These bytes in hexadecimal digits.
#[must_use]
pub fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that these hexadecimal digits mean.
///
/// # Panics
/// If they are none.
#[must_use]
pub fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "{digits}");
    (0..digits.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&digits[place..place + 2], 16).unwrap())
        .collect()
}
