//! Clients in the midst of something.

use std::{
    sync::{Arc, Mutex},
    thread,
};

use claviger::{
    Algorithm, Client, Effect, Error, Status, TransportError, identity::uid_identity,
    proto::Command,
};
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
    let mut clients: Vec<Client> = (1..limits::CALLER_SESSIONS)
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
    // Sessions that died are not counted any more; those that came back are.
    clients.push(device.user(BOB));
    assert!(device.try_user(ALICE).is_err());
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

/// Who changed since the session was opened gets none of its own in that one's place.
#[cfg(not(feature = "emulator"))] // There, a client's user does not depend on the process's.
#[test]
fn a_session_comes_back_for_the_same_user_only() {
    let device = Device::fresh();
    device
        .user(ALICE)
        .generate("key", Algorithm::Aes256Siv)
        .unwrap();
    device
        .user(0)
        .generate("key", Algorithm::Aes256Siv)
        .unwrap();
    let left = device.left_by(ALICE);
    left.key("key").unwrap();
    device.reboot();
    for _ in 0..2 {
        let refused = left.key("key").unwrap_err();
        let expected = TransportError::AnotherUser { was: ALICE, is: 0 };
        assert_eq!(refused.to_string(), Error::from(expected).to_string());
    }
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

/// Calls under way and calls that wait, while the instance goes away again and again.
#[test]
fn calls_of_others_end_well() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let key = alice.generate("key", Algorithm::Aes256Cmac).unwrap();
    let tag = key.mac(b"message").unwrap();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let (client, tag) = (device.user(ALICE), &tag);
                scope.spawn(move || at_work(&client, &format!("own{number}"), tag))
            })
            .collect();
        let mut crashes = 0;
        while threads.iter().any(|thread| !thread.is_finished()) && crashes < 10 {
            alice.info().unwrap();
            device.reboot();
            crashes += 1;
        }
        let cut: usize = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum();
        println!("{crashes} crashes, {cut} calls cut by two of them");
        assert!(crashes > 0);
    });
    key.verify_mac(b"message", &tag).unwrap();
    assert_eq!(alice.info().unwrap().vault.unwrap().damaged, 0);
}

/// Calls of every sort of outcome; gives how many died twice, which is how often the library tries.
fn at_work(client: &Client, name: &str, tag: &[u8]) -> usize {
    let mut cut = 0;
    for _ in 0..15 {
        let verified = client
            .key("key")
            .and_then(|key| key.verify_mac(b"message", tag));
        match verified {
            Ok(()) => {}
            Err(Error::Transport(TransportError::Dead)) => cut += 1,
            Err(other) => panic!("{other:?}"),
        }
        let made = client.generate(name, Algorithm::Aes128Cmac);
        let restarted = matches!(made, Err(Error::Restarted { .. }));
        assert!(made.is_ok() || restarted || is(&made, Status::AlreadyExists));
        let deleted = client.delete(name);
        let restarted = matches!(deleted, Err(Error::Restarted { .. }));
        assert!(deleted.is_ok() || restarted || is(&deleted, Status::NotFound));
    }
    cut
}

fn is<T>(result: &Result<T, Error>, status: Status) -> bool {
    result.as_ref().err().and_then(Error::status) == Some(status)
}
