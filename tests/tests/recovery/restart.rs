//! What outlives a restart of the device, and what does not.

use claviger::{Algorithm, Client, Effect, Status, Usage, authority::SharedKey};
use claviger_proto::{
    Command,
    message::{MacFinishRequest, MacStartRequest, MacUpdateRequest},
};
use claviger_tests::{ALICE, Device, creation, status};

use crate::restarted;

fn start_mac(client: &Client) {
    let request = MacStartRequest {
        key: "mac".try_into().unwrap(),
        verify: false,
        version: None,
    };
    client.request(&request, &[]).unwrap();
}

#[test]
fn keys_and_the_lock_stay() {
    let device = Device::fresh();
    let (root, alice) = (device.user(0), device.user(ALICE));
    for algorithm in Algorithm::ALL {
        creation(&alice, algorithm.name(), *algorithm)
            .generate()
            .unwrap();
    }
    let seal = alice.key("aes-256-siv").unwrap();
    let sealed = seal.seal(b"", b"data").unwrap();
    let mac = alice.key("hmac-sha256").unwrap();
    let tag = mac.mac(b"message").unwrap();
    let public = alice.key("ed25519").unwrap().public_key().unwrap();
    root.lock().unwrap();
    let (keys, before) = (alice.list().unwrap(), root.info().unwrap());
    device.reboot();
    let after = root.info().unwrap();
    assert_eq!(after.vault, before.vault);
    assert_ne!(after.instance, before.instance);
    assert_ne!(after.confirmation, before.confirmation);
    assert_eq!(alice.list().unwrap(), keys);
    assert_eq!(seal.unseal(b"", &sealed).unwrap(), b"data");
    mac.verify_mac(b"message", &tag).unwrap();
    assert_eq!(alice.key("ed25519").unwrap().public_key().unwrap(), public);
    let creation = alice.create("new").algorithm(Algorithm::Aes128Cmac);
    assert_eq!(status(creation.import(&[7; 16])), Status::Locked);
}

#[test]
fn challenges_and_streams_do_not() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let creation = alice.create("key").algorithm(Algorithm::Aes128Cmac);
    let key = creation.usage(Usage::Challenge).import(&[7; 16]).unwrap();
    let m1 = key.challenge("a", "b").unwrap();
    let (_, m2) = SharedKey::new(&[7; 16])
        .unwrap()
        .respond("b", "a", &m1)
        .unwrap();
    alice.generate("mac", Algorithm::Aes128Cmac).unwrap();
    start_mac(&alice);
    device.reboot();
    let update = alice.request(&MacUpdateRequest {}, b"x");
    assert_eq!(restarted(update), (Command::MacUpdate, Effect::Lost));
    let finish = alice.request(&MacFinishRequest {}, b"x");
    assert_eq!(status(finish), Status::NoStream);
    assert_eq!(status(key.confirm(&m2)), Status::NoChallenge);
}

/// The library says again what may be said again, and nothing else.
#[test]
fn only_what_is_safe_is_repeated() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let key = alice.generate("mac", Algorithm::Aes128Cmac).unwrap();
    let tag = key.mac(b"message").unwrap();
    device.reboot();
    key.verify_mac(b"message", &tag).unwrap();
    device.reboot();
    let made = alice.generate("new", Algorithm::Aes128Cmac);
    assert_eq!(restarted(made), (Command::Generate, Effect::Unknown));
    assert_eq!(status(alice.key("new")), Status::NotFound);
    device.reboot();
    let deleted = alice.delete("mac");
    assert_eq!(restarted(deleted), (Command::Delete, Effect::Unknown));
    key.verify_mac(b"message", &tag).unwrap();
}
