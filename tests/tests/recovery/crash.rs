//! Clients in the midst of something.

use std::sync::{Arc, Mutex};

use claviger::{Algorithm, Client, Effect, Status, identity::uid_identity, proto::Command};
use claviger_proto::limits;
use claviger_tests::{ALICE, BOB, CAROL, Device, status};

use crate::restarted;

#[test]
fn every_session_comes_back_by_itself() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let key = alice.generate("key", Algorithm::Aes256Cmac).unwrap();
    let tag = key.mac(b"message").unwrap();
    let before = alice.info().unwrap();
    let mut clients: Vec<Client> = (2..limits::HELD_SESSIONS)
        .map(|_| device.user(ALICE))
        .collect();
    for _ in 0..3 {
        device.reboot();
        for client in &clients {
            let key = client.key("key").unwrap();
            key.verify_mac(b"message", &tag).unwrap();
        }
    }
    let after = alice.info().unwrap();
    assert_ne!(after.instance, before.instance);
    assert_eq!(after.vault, before.vault);
    // Sessions that died are not counted any more: there is room for one more.
    clients.push(device.user(ALICE));
    for client in &clients {
        client
            .key("key")
            .unwrap()
            .verify_mac(b"message", &tag)
            .unwrap();
    }
}

/// The library tells of what it sends again, and of what it does not.
#[test]
fn what_is_repeated_is_told() {
    let device = Device::fresh();
    let told = Arc::new(Mutex::new(Vec::new()));
    let ear = told.clone();
    let alice = device.user_told(ALICE, move |command| ear.lock().unwrap().push(command));
    let key = alice.generate("key", Algorithm::Aes256Siv).unwrap();
    device.reboot();
    let blob = key.seal(b"", b"text").unwrap();
    device.reboot();
    key.unseal(b"", &blob).unwrap();
    device.reboot();
    let rotated = key.rotate();
    assert_eq!(restarted(rotated), (Command::Rotate, Effect::Unknown));
    key.rotate().unwrap();
    assert_eq!(*told.lock().unwrap(), [Command::Seal, Command::Unseal]);
}

#[test]
fn components_that_were_entered_are_lost() {
    let device = Device::fresh();
    let [alice, bob, carol] = [ALICE, BOB, CAROL].map(|uid| device.user(uid));
    let start = || {
        let creation = alice.create("joint").algorithm(Algorithm::Aes128Cmac);
        creation.assemble(&[uid_identity(BOB), uid_identity(CAROL)])
    };
    let ceremony = start().unwrap();
    let id = ceremony.id().to_string();
    bob.component_enter(&id, &[1; 16]).unwrap();
    device.reboot();
    let entered = carol.component_enter(&id, &[2; 16]);
    assert_eq!(
        restarted(entered),
        (Command::ComponentEnter, Effect::Unknown)
    );
    let entered = carol.component_enter(&id, &[2; 16]);
    assert_eq!(status(entered), Status::NoCeremony);
    assert_eq!(status(bob.component_show(&id)), Status::NoCeremony);
    assert_eq!(status(alice.key("joint")), Status::NotFound);
    // It is begun again, and the place of the lost one is free.
    let id = start().unwrap().id().to_string();
    bob.component_enter(&id, &[1; 16]).unwrap();
    carol.component_enter(&id, &[2; 16]).unwrap();
    alice.key("joint").unwrap().mac(b"message").unwrap();
}
