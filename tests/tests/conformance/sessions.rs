//! How many sessions there are at once: of one caller, of all, and those that are root's alone; and
//! what becomes of a session whose place others need.

use claviger::{
    Algorithm, Client, Error, Status,
    proto::{
        limits,
        message::{MacFinishRequest, MacStartRequest, MacUpdateRequest},
    },
    transport::{Stage, TransportError},
};
use claviger_tests::{ALICE, BOB, CAROL, Device, label, status};

/// TEE_ERROR_BUSY.
const BUSY: u32 = 0xffff_000d;

/// A device with a key of each of these, who share their places with nobody then.
fn owned_by(users: &[u32]) -> Device {
    let device = Device::fresh();
    for user in users {
        let client = device.user(*user);
        client.generate("own", Algorithm::Aes128Cmac).unwrap();
    }
    device
}

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
        assert!(open.len() <= limits::HELD_SESSIONS, "none is refused");
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
    let device = owned_by(&[ALICE, BOB]);
    let mut alices = open_all(&device, ALICE);
    assert_eq!(alices.len(), limits::HELD_SESSIONS);
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
    // There are more than serve at once, and whichever is used serves: nobody sees which does not.
    for client in alices.iter().chain(&alices) {
        client.random(1).unwrap();
    }
}

#[test]
fn all_callers_leave_root_a_way_in() {
    let device = owned_by(&[ALICE, BOB, CAROL]);
    let root = device.user(0);
    let instance = root.info().unwrap().instance;
    let mut all = [ALICE, BOB, CAROL].map(|uid| open_all(&device, uid));
    let counts = all.each_ref().map(Vec::len);
    let (held, share) = (limits::HELD_SESSIONS, limits::SESSION_SHARE);
    assert_eq!(counts, [held, held, share]);
    let roots = open_all(&device, 0);
    assert!(roots.len() >= limits::ROOT_OPEN_SESSIONS);
    // Those who have more than their share give way, and come back.
    for client in roots.iter().chain(all.iter().flatten()).chain(&roots) {
        client.random(1).unwrap();
    }
    for theirs in &mut all {
        theirs.clear();
    }
    drop(roots);
    assert_eq!(open_all(&device, CAROL).len(), limits::HELD_SESSIONS);
    assert_eq!(root.info().unwrap().instance, instance);
}

/// After a start nobody knows who owns keys, until the vault is opened for who asks.
#[test]
#[cfg(feature = "emulator")]
fn who_owns_keys_is_known_when_it_matters() {
    let device = owned_by(&[ALICE]);
    device.reboot();
    let mut others = Vec::new();
    for uid in 3000..3020 {
        others.extend(open_all(&device, uid));
    }
    let public = (0..limits::CALLER_HELD_SESSIONS).map(|_| device.public());
    others.extend(public);
    let alices: Vec<Client> = (0..limits::SESSION_SHARE)
        .map(|_| device.try_user(ALICE).unwrap())
        .collect();
    for client in &alices {
        client.random(1).unwrap();
    }
}

/// Its stream is what cannot be had again.
#[test]
fn a_stream_that_lost_its_session_says_so() {
    let device = owned_by(&[ALICE]);
    let streaming = device.user(ALICE);
    let start = || {
        let key = label("own").into();
        let request = MacStartRequest {
            key,
            verify: false,
            version: None,
        };
        streaming.request(&request, b"").unwrap();
        streaming.request(&MacUpdateRequest {}, b"mess").unwrap();
    };
    let displace = || {
        let others: Vec<Client> = (0..limits::CALLER_SESSIONS)
            .map(|_| device.user(ALICE))
            .collect();
        drop(others);
    };
    start();
    displace();
    let update = streaming.request(&MacUpdateRequest {}, b"age");
    assert_eq!(status(update), Status::SessionDisplaced);
    // It was begun anew, with nothing of the old stream in it.
    let finish = streaming.request(&MacFinishRequest {}, b"age");
    assert_eq!(status(finish), Status::NoStream);
    start();
    displace();
    let finish = streaming.request(&MacFinishRequest {}, b"age");
    assert_eq!(status(finish), Status::SessionDisplaced);
    start();
    let (_, tag) = streaming.request(&MacFinishRequest {}, b"age").unwrap();
    let key = streaming.key("own").unwrap();
    key.verify_mac(b"message", &tag).unwrap();
}
