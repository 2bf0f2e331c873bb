//! What guards something does not begin anew with the instance.

use claviger::{Algorithm, Client, Error, Status, audit::LogOf};
use claviger_proto::{audit::Event, message::MacStartRequest};
use claviger_tests::{ALICE, Device, Handle, label, new_key, status};

const BOUND: u64 = 32;
/// What is reserved at once, and so what a crash costs at most: a sixteenth.
const BLOCK: u64 = 2;

fn counted(client: &Client) -> Handle {
    let mut new = new_key("key", Algorithm::HmacSha256);
    new.policy.max_uses = Some(BOUND);
    Handle::generate(client, new).unwrap()
}

/// Whether a use was granted; if not, because the bound is reached.
fn granted<T>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => true,
        refused => {
            assert_eq!(status(refused), Status::UsesExhausted);
            false
        }
    }
}

/// Someone who crashes the instance after every use gets fewer of them, never more.
#[test]
fn a_bound_on_uses_holds_over_crashes() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let key = counted(&alice);
    let mut uses = 0;
    while granted(key.mac(b"message")) {
        uses += 1;
        assert!(uses <= BOUND, "granted {uses} of {BOUND}");
        // With a block of uses reserved, and with all but one of a block used.
        if uses % 3 != 0 {
            device.reboot();
        }
    }
    println!("{uses} of {BOUND} uses were granted");
    assert!(uses >= BOUND / BLOCK, "a crash costs at most a block");
    assert_eq!(key.describe().unwrap().uses_left, Some(0));
    device.reboot();
    assert!(!granted(key.mac(b"message")));
}

/// A stream is a use from its beginning on.
#[test]
fn a_stream_that_a_crash_ended_was_a_use() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let key = counted(&alice);
    let mut begun = 0;
    loop {
        let request = MacStartRequest {
            key: label("key").into(),
            verify: false,
            version: None,
        };
        // The session's own restart is not what this is about.
        alice.info().unwrap();
        if !granted(alice.request(&request, &[])) {
            break;
        }
        begun += 1;
        assert!(begun <= BOUND, "begun {begun} of {BOUND}");
        device.reboot();
    }
    assert!(begun >= BOUND / BLOCK);
    assert!(!granted(key.mac(b"message")));
}

/// Each start has its number, and the chain goes on where it was.
#[test]
fn the_audit_chain_goes_on() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let before = alice.audit_log(LogOf::Caller).unwrap();
    let start = before.first() + before.records().len() as u64;
    let signed_before = alice.audit_checkpoint(LogOf::Caller, b"before").unwrap();
    for round in 0..4 {
        let name = format!("key{round}");
        alice.generate(&name, Algorithm::Aes256Siv).unwrap();
        device.reboot();
        // Comes back by itself.
        alice.info().unwrap();
    }
    let log = alice.audit_log(LogOf::Caller).unwrap();
    let new = &log.records()[(start - log.first()) as usize..];
    let created: Vec<_> = new
        .iter()
        .filter(|record| record.event == Event::Created)
        .collect();
    assert_eq!(created.len(), 4);
    for (earlier, later) in created.iter().zip(&created[1..]) {
        assert!(later.boot > earlier.boot, "{earlier:?} {later:?}");
        assert!(later.sequence > earlier.sequence);
    }
    let device_key = alice.device_key().unwrap().public;
    let signed = alice.audit_checkpoint(LogOf::Caller, b"after").unwrap();
    log.verify(&signed, &device_key).unwrap();
    let [earlier, later] =
        [&signed_before, &signed].map(|signed| signed.verify(&device_key).unwrap());
    assert!(later.boot >= earlier.boot + 4, "{earlier:?} {later:?}");
}
