//! Devices in memory for tests of the library.

#![allow(dead_code)] // Each test file uses its part.

use claviger::{Algorithm, Client, Error, Key, Status, transport::emulator::Emulator};

/// uid 0 on a new device.
pub(crate) fn client() -> Client {
    Client::builder()
        .emulator(Emulator::memory().as_user(0))
        .open()
        .unwrap()
}

/// The users 1000 and 1001 on a new device.
pub(crate) fn two_users() -> (Client, Client) {
    let device = Emulator::memory();
    let open = |uid| {
        let emulator = device.as_user(uid);
        Client::builder().emulator(emulator).open().unwrap()
    };
    (open(1000), open(1001))
}

/// A key on a new device.
pub(crate) fn key(algorithm: Algorithm) -> Key {
    client().generate("key", algorithm).unwrap()
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>, status: Status) {
    assert_eq!(result.unwrap_err().status(), Some(status));
}
