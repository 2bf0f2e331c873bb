//! Calls that are to wait for no storage: served from memory, or not at all.

use claviger::{Algorithm, Client, Status, audit::LogOf, identity::uid_identity, proto::Command};
use claviger_proto::{KeyRef, Place, audit::Event, command::FROM_MEMORY, message::MacRequest};
use claviger_tests::{
    ALICE, BOB, Device, Handle, factory_reset,
    frames::{self, frame, send_command, status_of},
    label, new_key,
    requests::{CHILDREN, request},
    status,
};

const KEY: &str = "key";

/// The reply to a request from memory.
fn from_memory(client: &Client, command: Command, header: &str, payload: &[u8]) -> Vec<u8> {
    let id = command.id() | FROM_MEMORY;
    client.raw(id, &frame(header.as_bytes(), payload)).unwrap()
}

/// What comes of asking for one MAC from memory.
#[track_caller]
fn mac(client: &Client) -> Status {
    let (header, payload) = request(Command::Mac, KEY);
    status_of(&from_memory(client, Command::Mac, &header, &payload))
}

/// A key of Alice's that is used up after so many uses; its instance knows nothing of it.
fn counted(device: &Device, max_uses: u64) -> Handle {
    let mut new = new_key(KEY, Algorithm::Aes256Cmac);
    new.policy.max_uses = Some(max_uses);
    let key = Handle::generate(&device.user(ALICE), new).unwrap();
    device.reboot();
    key
}

#[test]
fn a_use_is_served_once_its_key_is_in_memory() {
    let device = Device::fresh();
    // Of revocations that other tests left, a wrapped key that is derived reads storage.
    factory_reset(&device.user(0));
    for (algorithm, command) in [
        (Algorithm::Aes256Cmac, Command::Mac),
        (Algorithm::EcdsaP256, Command::Sign),
        (Algorithm::EcdsaP384, Command::PublicKey),
        (Algorithm::Aes256Siv, Command::Seal),
        (Algorithm::Aes256Gcm, Command::Encrypt),
        (Algorithm::KdfCmac, Command::Derive),
    ] {
        let mut new = new_key(KEY, algorithm);
        new.children = (command == Command::Derive).then_some(CHILDREN);
        Handle::generate(&device.user(ALICE), new).unwrap();
        device.reboot();
        let client = device.user(ALICE);
        let (header, payload) = request(command, KEY);
        let ask = || status_of(&from_memory(&client, command, &header, &payload));
        assert_eq!(ask(), Status::NeedsStorage, "{command:?}");
        let in_full = send_command(&client, command, &header, &payload);
        assert_eq!(in_full, Status::Ok, "{command:?}");
        assert_eq!(ask(), Status::Ok, "{command:?}");
        Handle::new(&client, KEY).delete().unwrap();
    }
    let client = device.user(ALICE);
    Handle::generate(&client, new_key(KEY, Algorithm::Aes256Cmac)).unwrap();
    let (header, payload) = request(Command::Mac, KEY);
    let in_full = client.raw(Command::Mac.id(), &frame(header.as_bytes(), &payload));
    let served = from_memory(&client, Command::Mac, &header, &payload);
    assert_eq!(served, in_full.unwrap());
}

#[test]
fn what_is_no_use_is_left_undone() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    Handle::generate(&client, new_key(KEY, Algorithm::Aes256Cmac)).unwrap();
    let before = client.info().unwrap().vault;
    for command in Command::ALL {
        if command.is_served_from_memory() {
            continue;
        }
        for name in [KEY, "another"] {
            let (header, payload) = request(*command, name);
            let reply = from_memory(&client, *command, &header, &payload);
            assert_eq!(status_of(&reply), Status::NeedsStorage, "{command:?}");
        }
    }
    let after = client.info().unwrap().vault;
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
    assert_eq!(client.list().unwrap().len(), 1);
}

#[test]
fn a_bound_is_used_as_far_as_it_is_reserved() {
    let device = Device::fresh();
    // A sixteenth is reserved at once.
    let key = counted(&device, 64);
    let client = &key.client;
    let left = || key.describe().unwrap().uses_left;
    let before = left().unwrap();
    assert_eq!(mac(client), Status::NeedsStorage);
    assert_eq!(left(), Some(before));
    key.mac(b"m").unwrap();
    for used in 2..=4 {
        assert_eq!(mac(client), Status::Ok);
        assert_eq!(left(), Some(before - used));
    }
    assert_eq!(mac(client), Status::NeedsStorage);
    assert_eq!(left(), Some(before - 4));
    // Nor is a key rotated from memory.
    key.set_policy(|policy| policy.rotate_after_uses = Some(1))
        .unwrap();
    key.mac(b"m").unwrap();
    assert_eq!(mac(client), Status::NeedsStorage);
    assert_eq!(key.describe().unwrap().version, 1);
    key.mac(b"m").unwrap();
    assert_eq!(key.describe().unwrap().version, 2);
}

/// What is not authentic costs one use, and its caller is served nothing more before it is recorded;
/// others are.
#[test]
fn a_refusal_is_recorded_by_the_next_call() {
    let device = Device::fresh();
    let key = counted(&device, 256);
    let client = &key.client;
    key.mac(b"m").unwrap();
    let left = || key.describe().unwrap().uses_left.unwrap();
    let refusals = || -> Vec<u32> {
        let log = client.audit_log(LogOf::Caller).unwrap();
        let records = log.records().iter();
        let refused = records.filter(|record| record.event == Event::Refused);
        refused.map(|record| record.count).collect()
    };
    let (before, mut recorded) = (left(), refusals());
    let (header, payload) = request(Command::VerifyMac, KEY);
    let verify = || status_of(&from_memory(client, Command::VerifyMac, &header, &payload));
    assert_eq!(verify(), Status::NotAuthentic);
    let (random, _) = request(Command::Random, KEY);
    let other = device.user(BOB);
    let other = status_of(&from_memory(&other, Command::Random, &random, b""));
    assert_eq!(other, Status::Ok);
    for _ in 0..3 {
        assert_eq!(verify(), Status::NeedsStorage);
    }
    assert_eq!(
        send_command(client, Command::Random, &random, b""),
        Status::Ok
    );
    recorded.push(1);
    assert_eq!((left(), refusals()), (before - 1, recorded.clone()));
    // The next ones are counted until it is time to record them.
    assert_eq!(verify(), Status::NotAuthentic);
    assert_eq!(verify(), Status::NotAuthentic);
    assert_eq!((left(), refusals()), (before - 3, recorded));
}

#[test]
fn what_others_have_is_not_told() {
    let device = Device::fresh();
    let key = counted(&device, 256);
    let (header, payload) = request(Command::Mac, KEY);
    // As if it were the stranger's own: absent, not in memory, in memory.
    let of_owner = MacRequest {
        key: KeyRef {
            place: Place::Vault {
                owner: Some(uid_identity(ALICE)),
                label: label(KEY),
            },
            child: None,
        },
    };
    let of_owner = frames::header(&of_owner);
    let stranger = device.user(BOB);
    let ask = |header: &str| status_of(&from_memory(&stranger, Command::Mac, header, &payload));
    assert_eq!(ask(&header), Status::NeedsStorage);
    assert_eq!(ask(&of_owner), Status::NeedsStorage);
    key.mac(b"m").unwrap();
    assert_eq!(ask(&of_owner), Status::NeedsStorage);
    let in_full = send_command(&stranger, Command::Mac, &of_owner, &payload);
    assert_eq!(in_full, Status::NotFound);
}

/// What the library makes of it: a use whose key is not in memory is asked for again, in full.
#[test]
fn the_library_asks_again() {
    let device = Device::fresh();
    let key = counted(&device, 1000);
    let tag = key.mac(b"m").unwrap();
    device.reboot();
    assert_eq!(key.mac(b"m").unwrap(), tag);
    device.reboot();
    let wrong = key.verify(b"m", &[0; 16], None);
    assert_eq!(status(wrong), Status::NotAuthentic);
}
