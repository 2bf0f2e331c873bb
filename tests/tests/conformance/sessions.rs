//! How many sessions there are at once: of one caller, of all, and those that are root's alone.

use claviger::{
    Client, Error, Status,
    proto::limits,
    transport::{Stage, TransportError},
};
use claviger_tests::{ALICE, BOB, CAROL, Device, status};

/// TEE_ERROR_BUSY.
const BUSY: u32 = 0xffff_000d;

/// Opens sessions of this user until one is refused.
fn open_all(device: &Device, uid: u32) -> Vec<Client> {
    let mut open = Vec::new();
    loop {
        match device.try_user(uid) {
            Ok(client) => open.push(client),
            Err(error) => {
                is_refusal(&error);
                return open;
            }
        }
        assert!(open.len() <= limits::SESSIONS, "none is refused");
    }
}

#[track_caller]
fn is_refusal(error: &Error) {
    let Error::Transport(TransportError::Tee { stage, code, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!((*stage, *code), (Stage::Open, BUSY));
}

#[track_caller]
fn is_refused(device: &Device, uid: u32) {
    is_refusal(&device.try_user(uid).unwrap_err());
}

#[test]
fn one_caller_has_so_many_and_closing_one_frees_one() {
    let device = Device::fresh();
    let mut alices = open_all(&device, ALICE);
    assert_eq!(alices.len(), limits::CALLER_SESSIONS);
    for _ in 0..3 {
        alices.swap_remove(0);
        alices.push(device.try_user(ALICE).unwrap());
        is_refused(&device, ALICE);
    }
    // A group of hers is another caller, as is everybody else.
    device.group(ALICE, ALICE).random(1).unwrap();
    device.user(BOB).random(1).unwrap();
    let public = device.public();
    assert_eq!(status(public.random(1)), Status::LoginRequired);
    for client in &alices {
        client.random(1).unwrap();
    }
}

#[test]
fn all_callers_leave_root_a_way_in() {
    let device = Device::fresh();
    let root = device.user(0);
    let instance = root.info().unwrap().instance;
    let mut alices = open_all(&device, ALICE);
    let bobs = open_all(&device, BOB);
    let carols = open_all(&device, CAROL);
    assert_eq!(bobs.len(), limits::CALLER_SESSIONS);
    let open = 1 + alices.len() + bobs.len() + carols.len();
    assert_eq!(open, limits::SESSIONS - limits::ROOT_SESSIONS);
    let roots = open_all(&device, 0);
    assert_eq!(roots.len(), limits::ROOT_SESSIONS);
    // Root's place is nobody else's.
    alices.pop();
    is_refused(&device, ALICE);
    drop(roots);
    alices.push(device.try_user(ALICE).unwrap());
    is_refused(&device, CAROL);
    for client in alices.iter().chain(&bobs).chain(&carols) {
        client.random(1).unwrap();
    }
    drop((alices, bobs, carols));
    assert_eq!(open_all(&device, CAROL).len(), limits::CALLER_SESSIONS);
    assert_eq!(root.info().unwrap().instance, instance);
}
