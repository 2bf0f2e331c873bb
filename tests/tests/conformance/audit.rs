//! The audit log: what it tells, to whom, and that it cannot be altered or flooded.

use claviger::{
    Algorithm, Client, Origin, State, Status,
    audit::LogOf,
    identity::uid_identity,
    proto::{
        Command,
        audit::{Event, Record},
        limits,
    },
};
use claviger_tests::{ALICE, BOB, CAROL, Device, factory_reset, status};

/// The caller's records from number `from` on.
fn records(client: &Client, from: u64) -> Vec<Record> {
    let log = client.audit_log(LogOf::Caller).unwrap();
    let skip = from.checked_sub(log.first()).unwrap() as usize;
    log.records()[skip..].to_vec()
}

/// How many records there have been of this caller.
fn end(client: &Client) -> u64 {
    let log = client.audit_log(LogOf::Caller).unwrap();
    log.first() + log.records().len() as u64
}

#[test]
fn what_is_done_with_keys_is_recorded() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let start = end(&alice);
    let key = alice.generate("a", Algorithm::Aes256Siv).unwrap();
    let key = key.rotate().unwrap();
    let key = key.retire(1).unwrap();
    let key = key.suspend().unwrap();
    let mut policy = key.description().policy.clone();
    policy.min_context = 1;
    let key = key.tighten(&policy).unwrap();
    key.seal(b"context", b"uses are not recorded").unwrap_err();
    key.destroy().unwrap();
    alice.delete("a").unwrap();
    let wrapped = alice.create("w").algorithm(Algorithm::Aes256Siv).wrapped();
    wrapped.generate().unwrap();
    alice.revoke(None).unwrap();
    device
        .user(0)
        .delete_of("a", uid_identity(ALICE))
        .unwrap_err();

    let told: Vec<_> = records(&alice, start)
        .into_iter()
        .filter(|record| record.event != Event::Refused)
        .collect();
    let expected = [
        (Event::Created, Origin::Generated as u32),
        (Event::Rotated, 2),
        (Event::Retired, 1),
        (Event::StateChanged, State::Suspended as u32),
        (Event::PolicyTightened, 0),
        (Event::StateChanged, State::Destroyed as u32),
        (Event::Deleted, 0),
    ];
    let (revoked, keys) = told.split_last().unwrap();
    assert_eq!(keys.len(), expected.len());
    for (record, (event, detail)) in keys.iter().zip(expected) {
        assert_eq!((record.event, record.detail), (event, detail));
        assert_eq!(record.caller, Some(uid_identity(ALICE)));
        assert_eq!(record.owner, Some(uid_identity(ALICE)));
        assert_eq!(record.label.as_ref().unwrap().as_str(), "a");
        assert_eq!((record.status, record.count), (Status::Ok, 1));
        assert!(record.time > 1_600_000_000, "Linux says the time");
    }
    assert_eq!(revoked.event, Event::Revoked);
    assert_eq!(revoked.label, None);
    for (earlier, later) in told.iter().zip(&told[1..]) {
        assert!(earlier.sequence < later.sequence && earlier.boot <= later.boot);
    }
}

#[test]
fn a_log_is_its_callers_and_root_s() {
    let device = Device::fresh();
    let (alice, bob, root) = (device.user(ALICE), device.user(BOB), device.user(0));
    alice.generate("a", Algorithm::Aes256Siv).unwrap();
    bob.generate("b", Algorithm::Aes256Siv).unwrap();
    let of_alice = LogOf::Other(uid_identity(ALICE));
    assert_eq!(status(bob.audit_log(of_alice)), Status::AdministratorOnly);
    assert_eq!(
        status(bob.audit_checkpoint(of_alice, b"")),
        Status::AdministratorOnly
    );
    for other in [LogOf::Caller, of_alice, LogOf::Shared] {
        assert_eq!(
            status(bob.audit_release(other, 1)),
            Status::AdministratorOnly
        );
    }
    assert_eq!(status(bob.audit_strict()), Status::AdministratorOnly);
    assert_eq!(
        status(bob.audit_log(LogOf::Shared)),
        Status::AdministratorOnly
    );
    assert_eq!(
        status(device.public().audit_log(LogOf::Caller)),
        Status::LoginRequired
    );
    let log = root.audit_log(of_alice).unwrap();
    assert_eq!(log.of(), Some(uid_identity(ALICE)));
    assert_eq!(log.records().last().unwrap().event, Event::Created);
}

#[test]
fn refusals_are_counted_and_written_seldom() {
    let device = Device::fresh();
    let (alice, carol, root) = (device.user(ALICE), device.user(CAROL), device.user(0));
    alice.generate("a", Algorithm::Aes256Siv).unwrap();
    let quiet = end(&alice);
    let shared = |root: &Client| root.audit_log(LogOf::Shared).unwrap();
    let before = shared(&root);
    let before = before.first() + before.records().len() as u64;
    for _ in 0..100 {
        assert_eq!(status(carol.key("a")), Status::NotFound);
    }
    let log = shared(&root);
    let skip = (before - log.first()) as usize;
    let of_carol: Vec<_> = log.records()[skip..]
        .iter()
        .filter(|record| record.caller == Some(uid_identity(CAROL)))
        .collect();
    // On a device that other tests ran on, the interval may not be over.
    assert!(of_carol.len() <= 1, "{of_carol:?}");
    if !Device::REAL {
        let [refused] = of_carol[..] else {
            panic!("nothing was written")
        };
        assert_eq!(
            (refused.event, refused.status),
            (Event::Refused, Status::NotFound)
        );
        assert_eq!(refused.detail, Command::Describe.id());
        let label = refused.label.as_ref().map(|label| label.as_str());
        assert_eq!((refused.owner, label), (refused.caller, Some("a")));
    }
    assert_eq!(end(&alice), quiet, "no other's log heard of it");
}

#[test]
fn a_factory_reset_forgets_who_was_refused() {
    let device = Device::fresh();
    let (carol, root) = (device.user(CAROL), device.user(0));
    for _ in 0..3 {
        assert_eq!(status(carol.key("a")), Status::NotFound);
    }
    factory_reset(&root);
    assert_eq!(status(carol.key("a")), Status::NotFound);
    let log = root.audit_log(LogOf::Shared).unwrap();
    let of_carol = log
        .records()
        .iter()
        .filter(|record| record.caller == Some(uid_identity(CAROL)));
    let counts: Vec<_> = of_carol.map(|record| record.count).collect();
    assert_eq!(counts, [1]);
}

#[cfg(feature = "emulator")]
#[test]
fn what_was_counted_is_written_after_the_interval() {
    let device = Device::fresh();
    let bob = device.user(BOB);
    bob.generate("b", Algorithm::Aes256Siv).unwrap();
    for _ in 0..8 {
        assert_eq!(status(bob.key("a")), Status::NotFound);
    }
    device.workstation().wait(limits::AUDIT_INTERVAL);
    assert_eq!(status(bob.key("a")), Status::NotFound);
    let counts: Vec<_> = records(&bob, 1).iter().map(|record| record.count).collect();
    assert_eq!(counts, [1, 8]);
}

#[test]
fn nobody_displaces_what_is_known_of_another() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    alice.generate("a", Algorithm::Aes256Siv).unwrap();
    let before = alice.audit_log(LogOf::Caller).unwrap();
    for _ in 0..40 {
        bob.generate("b", Algorithm::Aes256Siv).unwrap();
        bob.delete("b").unwrap();
    }
    let log = bob.audit_log(LogOf::Caller).unwrap();
    assert!(log.first() > 0, "the oldest of this log gave way");
    let last = log.records().last().unwrap();
    assert_eq!(last.event, Event::Deleted);
    assert_eq!(alice.audit_log(LogOf::Caller).unwrap(), before);
}

#[test]
fn a_strict_log_refuses_when_full_until_it_was_kept_elsewhere() {
    let device = Device::fresh();
    let (bob, root) = (device.user(BOB), device.user(0));
    bob.generate("k", Algorithm::Aes256Siv).unwrap();
    root.audit_strict().unwrap();
    let key = bob.key("k").unwrap();
    let mut done = 0;
    let refused = loop {
        let made = bob.generate("b", Algorithm::Aes256Siv).map(drop);
        match made.and_then(|()| bob.delete("b")) {
            Ok(()) => done += 1,
            Err(error) => break error.status().unwrap(),
        }
        assert!(done < 100, "it never filled");
    };
    assert_eq!(refused, Status::AuditFull);
    assert!(done > 4);
    // Only what would have to be recorded is refused, and only to this caller.
    key.seal(b"", b"still sealed").unwrap();
    device
        .user(ALICE)
        .generate("a", Algorithm::Aes256Siv)
        .unwrap();

    let log = bob.audit_log(LogOf::Caller).unwrap();
    let end = log.first() + log.records().len() as u64;
    let of_bob = LogOf::Other(uid_identity(BOB));
    assert_eq!(
        status(root.audit_release(of_bob, end + 1)),
        Status::NoSuchRecord
    );
    root.audit_release(of_bob, end).unwrap();
    let _there = bob.delete("b");
    bob.generate("again", Algorithm::Aes256Siv).unwrap();
    let mut whole = log;
    whole.append(bob.audit_log(LogOf::Caller).unwrap()).unwrap();
    let signed = bob.audit_checkpoint(LogOf::Caller, b"").unwrap();
    whole
        .verify(&signed, &root.device_key().unwrap().public)
        .unwrap();

    factory_reset(&root);
}

#[test]
fn the_device_key_is_the_vault_s_and_takes_a_certificate_of_it() {
    let device = Device::fresh();
    let (alice, root) = (device.user(ALICE), device.user(0));
    let public = root.device_key().unwrap().public.raw();
    let certificate = |key: &[u8], length: usize| {
        let mut der = vec![0x30, 0x82];
        der.extend((length as u16 - 4).to_be_bytes());
        der.extend(key);
        der.resize(length, 0xaa);
        der
    };
    let good = certificate(&public, limits::CERTIFICATE);
    assert_eq!(
        status(alice.install_certificate(&good)),
        Status::AdministratorOnly
    );
    let mut other = public.clone();
    other[40] ^= 1;
    for bad in [
        certificate(&other, 400),
        good[..good.len() - 1].to_vec(),
        [&good[..400], &[0]].concat(),
        public.clone(),
        vec![],
    ] {
        assert_eq!(
            status(root.install_certificate(&bad)),
            Status::BadCertificate
        );
    }
    let long = certificate(&public, limits::CERTIFICATE + 1);
    assert_eq!(
        status(root.install_certificate(&long)),
        Status::PayloadTooLong
    );
    root.install_certificate(&certificate(&public, 300))
        .unwrap();
    root.install_certificate(&good).unwrap();
    assert_eq!(alice.device_key().unwrap().certificate, Some(good));

    factory_reset(&root);
    let fresh = root.device_key().unwrap();
    assert_ne!(fresh.public.raw(), public);
    assert_eq!(fresh.certificate, None);
}

#[cfg(feature = "emulator")]
#[test]
fn what_happened_outlives_a_power_cut_at_any_time() {
    let device = Device::fresh();
    // A session ends with the power.
    let alice = || device.user(ALICE);
    let mut expected = Vec::new();
    for round in 0..30 {
        alice().generate("a", Algorithm::Aes256Siv).unwrap();
        expected.push(Event::Created);
        if round % 3 == 0 {
            device.reboot();
        }
        alice().key("a").unwrap().rotate().unwrap();
        expected.push(Event::Rotated);
        if round % 4 == 0 {
            device.reboot();
        }
        alice().delete("a").unwrap();
        expected.push(Event::Deleted);
        if round % 5 == 0 {
            device.reboot();
        }
        let log = alice().audit_log(LogOf::Caller).unwrap();
        let told: Vec<_> = log.records().iter().map(|record| record.event).collect();
        assert_eq!(told, expected[log.first() as usize..], "round {round}");
    }
    let log = alice().audit_log(LogOf::Caller).unwrap();
    let signed = alice().audit_checkpoint(LogOf::Caller, b"").unwrap();
    log.verify(&signed, &alice().device_key().unwrap().public)
        .unwrap();
}
