//! What a device says of itself, and its random numbers.

use std::collections::BTreeSet;

use claviger::{
    Client, Status,
    proto::{limits, message::RandomRequest},
};
use claviger_tests::{ALICE, Device, status};

#[test]
fn the_limits_are_the_contracts() {
    let device = Device::fresh();
    let info = device.public().info().unwrap();
    let shown = info.limits;
    let expected = [
        (shown.header, limits::HEADER),
        (shown.payload, limits::PAYLOAD),
        (shown.chunk, limits::CHUNK),
        (shown.context, limits::CONTEXT),
        (shown.random, limits::RANDOM),
        (shown.owner_keys, limits::OWNER_KEYS),
        (shown.versions, limits::VERSIONS),
        (shown.grants, limits::GRANTS),
        (shown.wrapped, limits::WRAPPED),
        (shown.owner_wrapped, limits::OWNER_UNWRAPPED),
        (shown.batch, limits::BATCH),
        (shown.sessions, limits::SESSIONS),
        (shown.caller_sessions, limits::CALLER_SESSIONS),
        (shown.audit_logs, limits::AUDIT_LOGS),
        (shown.audit_log, limits::AUDIT_PAGES * limits::AUDIT_PAGE),
        (shown.custodians, limits::CUSTODIANS),
        (shown.shares, limits::SHARES),
        (shown.ceremonies, limits::CEREMONIES),
        (shown.component_seconds, limits::COMPONENT_SECONDS as usize),
        (shown.restore_seconds, limits::RESTORE_SECONDS as usize),
        (shown.challenges, limits::CHALLENGES),
    ];
    for (shown, limit) in expected {
        assert_eq!(shown as usize, limit);
    }
    let vault = info.vault.unwrap();
    assert!(shown.keys >= 1024);
    // The rest are slots of the audit logs, of generations and of the certificate.
    let others = shown.keys - (vault.keys + vault.free + vault.damaged);
    assert!(Device::REAL || others == 0, "{others} of a new device");
    let logs = limits::AUDIT_PAGES * (limits::AUDIT_LOGS + 1);
    assert!(others as usize <= logs + 100, "{others}");
}

#[test]
fn it_says_what_it_is() {
    let device = Device::fresh();
    let info = device.user(0).info().unwrap();
    assert_eq!(info.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(info.insecure, !Device::REAL);
    assert_eq!(info.platform == "emulator", !Device::REAL);
    assert_eq!(info.store, Status::Ok.code());
    assert!(info.confirmation.is_some());
    let other = device.user(ALICE).info().unwrap();
    assert_eq!(other.instance, info.instance, "one instance serves all");
    assert_eq!(other.vault, info.vault);
}

/// What the tests that ran before this one used; a test build of the trusted application tells.
#[test]
fn heap_and_stack_suffice() {
    let device = Device::fresh();
    let marks = device.public().info().unwrap().marks;
    assert_eq!(
        marks.is_some(),
        Device::REAL,
        "the suite runs on a test build"
    );
    let Some(marks) = marks else { return };
    println!("{marks:?}");
    assert!(marks.heap_peak < marks.heap_size);
    assert!(marks.heap_now <= marks.heap_peak);
    assert!(marks.stack_peak < marks.stack_size);
}

#[test]
fn every_primitive_gives_its_known_answers() {
    let device = Device::fresh();
    let results = device.public().self_test().unwrap().results;
    assert!(results.iter().all(|result| result.passed), "{results:?}");
    let names: BTreeSet<_> = results.iter().map(|result| &*result.primitive).collect();
    assert_eq!(names.len(), results.len());
    for needed in [
        "aes-128-cmac",
        "aes-256-cmac",
        "hmac-sha256",
        "aes-128-siv",
        "aes-256-siv",
        "ecdsa-p256",
        "ecdsa-p384",
        "ed25519",
    ] {
        assert!(names.contains(needed), "{needed}");
    }
}

fn random(client: &Client, length: usize) -> Result<Vec<u8>, claviger::Error> {
    let length = length as u32;
    client
        .request(&RandomRequest { length }, &[])
        .map(|(_, bytes)| bytes)
}

#[test]
fn random_numbers_have_the_length_that_was_asked_for() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for length in [0, 1, 31, limits::RANDOM] {
        assert_eq!(random(&client, length).unwrap().len(), length);
    }
    for length in [limits::RANDOM + 1, limits::PAYLOAD, u32::MAX as usize] {
        assert_eq!(status(random(&client, length)), Status::PayloadTooLong);
    }
    let long = client.random(2 * limits::RANDOM + 5).unwrap();
    assert_eq!(long.len(), 2 * limits::RANDOM + 5);
}

/// Not a test of randomness: of nothing being left out or said twice.
#[test]
fn random_numbers_differ_everywhere() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let bytes = client.random(4 * limits::RANDOM).unwrap();
    let blocks: BTreeSet<_> = bytes.as_chunks::<16>().0.iter().collect();
    assert_eq!(blocks.len(), bytes.len() / 16);
    for value in 0..=u8::MAX {
        assert!(bytes.contains(&value), "{value}");
    }
}
