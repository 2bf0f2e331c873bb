//! Logs and checkpoints: whatever is altered, left out, put in or taken from another shows.

use claviger::{
    Algorithm, Client, Identity, Status,
    audit::{AuditError, Expected, Log, LogOf, SignedCheckpoint},
    identity::uid_identity,
    proto::{
        Digits,
        audit::{Record, log_name},
    },
};
use claviger_tests::{ALICE, BOB, CAROL, Device, factory_reset, status};
use sha2::{Digest, Sha256};

/// A log as whoever has it may change it.
#[derive(Clone)]
struct Parts {
    vault: Digits<16>,
    of: Option<Identity>,
    first: u64,
    before: [u8; 32],
    records: Vec<Record>,
}

impl Parts {
    fn of(log: &Log) -> Parts {
        let before = log.to_bytes()[8 + 16 + 17 + 8..][..32].try_into().unwrap();
        Parts {
            vault: log.vault(),
            of: log.of(),
            first: log.first(),
            before,
            records: log.records().to_vec(),
        }
    }

    fn log(&self) -> Log {
        let parts = [
            &b"CLVL\x01\0\0\0"[..],
            &self.vault.0,
            &log_name(self.of.as_ref()),
            &self.first.to_be_bytes(),
            &self.before,
        ];
        let records: Vec<u8> = self.records.iter().flat_map(Record::encode).collect();
        Log::from_bytes(&[&parts.concat()[..], &records].concat()).unwrap()
    }

    /// Without the oldest records: anyone computes what is before the others.
    fn without_front(&self, count: usize) -> Parts {
        let mut parts = self.clone();
        for record in parts.records.drain(..count) {
            let link = [&parts.before[..], &record.encode()].concat();
            parts.before = Sha256::digest(link).into();
            parts.first += 1;
        }
        parts
    }

    fn with(&self, change: impl FnOnce(&mut Parts)) -> Parts {
        let mut parts = self.clone();
        change(&mut parts);
        parts
    }
}

fn read(client: &Client) -> Log {
    client.audit_log(LogOf::Caller).unwrap()
}

fn sign(client: &Client, nonce: &[u8]) -> SignedCheckpoint {
    client.audit_checkpoint(LogOf::Caller, nonce).unwrap()
}

/// Changes that fill so many pages that the oldest are overwritten.
fn change_much(client: &Client) {
    for _ in 0..40 {
        client.generate("k", Algorithm::Aes256Siv).unwrap();
        client.delete("k").unwrap();
    }
}

#[test]
fn a_checkpoint_tells_of_every_alteration() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    for label in ["a", "b", "c"] {
        alice.generate(label, Algorithm::Aes256Siv).unwrap();
    }
    let key = alice.device_key().unwrap().public;
    let log = alice.audit_log(LogOf::Caller).unwrap();
    let nonce = [7; 32];
    let signed = alice.audit_checkpoint(LogOf::Caller, &nonce).unwrap();
    assert_eq!(signed.verify(&key).unwrap().nonce, nonce);
    assert_eq!(log.verify(&signed, &key), Ok(log.records().len()));
    assert_eq!(
        status(alice.audit_checkpoint(LogOf::Caller, &[7; 33])),
        Status::BadPayload
    );

    // A later log has the same beginning; an older checkpoint still holds.
    alice.generate("d", Algorithm::Aes256Siv).unwrap();
    let later = alice.audit_log(LogOf::Caller).unwrap();
    assert_eq!(later.verify(&signed, &key), Ok(log.records().len()));
    let again = alice.audit_checkpoint(LogOf::Caller, b"").unwrap();
    assert_eq!(
        log.verify(&again, &key),
        Err(AuditError::Missing(
            log.first() + log.records().len() as u64
        ))
    );
    let mut joined = log.clone();
    joined.append(later).unwrap();
    joined.verify(&again, &key).unwrap();

    // Each byte of the log, but the front, which says what it is; and each of the checkpoint.
    let bytes = log.to_bytes();
    for place in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        let verified = Log::from_bytes(&altered).and_then(|log| log.verify(&signed, &key));
        assert!(verified.is_err(), "byte {place} of the log");
    }
    for place in 0..signed.to_bytes().len() {
        let mut altered = signed.to_bytes().to_vec();
        altered[place] ^= 1;
        let verified =
            SignedCheckpoint::from_bytes(&altered).and_then(|signed| log.verify(&signed, &key));
        assert!(verified.is_err(), "byte {place} of the checkpoint");
    }
    let other = device.user(BOB).audit_checkpoint(LogOf::Caller, b"");
    assert_eq!(log.verify(&other.unwrap(), &key), Err(AuditError::Other));
}

const ABC: [&str; 3] = ["a", "b", "c"];

/// A log of three changes, and its checkpoint.
fn three(client: &Client, labels: [&str; 3]) -> (Log, SignedCheckpoint) {
    for label in labels {
        client.generate(label, Algorithm::Aes256Siv).unwrap();
    }
    (read(client), sign(client, b"nonce"))
}

#[test]
fn no_record_is_moved_left_out_doubled_or_taken_from_another_log() {
    let device = Device::fresh();
    let (alice, bob, root) = (device.user(ALICE), device.user(BOB), device.user(0));
    // Logs outlive the keys of other tests.
    factory_reset(&root);
    let (log, signed) = three(&alice, ABC);
    let (of_bob, signed_of_bob) = three(&bob, ABC);
    let key = root.device_key().unwrap().public;
    factory_reset(&root);
    let (elsewhere, signed_elsewhere) = three(&alice, ["x", "y", "z"]);
    let key_elsewhere = root.device_key().unwrap().public;
    assert_ne!(elsewhere.vault(), log.vault());

    let whole = Parts::of(&log);
    let verified = |parts: &Parts| parts.log().verify(&signed, &key);
    let count = whole.records.len();
    assert!(count >= 3 && whole.first == 0);
    assert_eq!(verified(&whole), Ok(count));
    for at in 0..count {
        for other in at + 1..count {
            let swapped = whole.with(|parts| parts.records.swap(at, other));
            assert!(verified(&swapped).is_err(), "{at} and {other}");
        }
        let dropped = whole.with(|parts| drop(parts.records.remove(at)));
        assert!(verified(&dropped).is_err(), "{at} dropped");
        let doubled = whole.with(|parts| parts.records.insert(at, parts.records[at].clone()));
        // The second of the last two is behind what is covered.
        let expected = at == count - 1;
        assert_eq!(verified(&doubled).is_ok(), expected, "{at} doubled");
        for other in [&of_bob, &elsewhere] {
            let record = &other.records()[at];
            assert_ne!(*record, whole.records[at]);
            let put_in = whole.with(|parts| parts.records.insert(at, record.clone()));
            assert!(verified(&put_in).is_err(), "put in at {at}");
            let replaced = whole.with(|parts| parts.records[at] = record.clone());
            assert!(verified(&replaced).is_err(), "{at} replaced");
        }
    }
    // What is put in behind is not covered.
    let more = whole.with(|parts| parts.records.push(of_bob.records()[0].clone()));
    assert_eq!(verified(&more), Ok(count));

    // Whose log and which vault it is, and where it begins.
    for other in [&of_bob, &elsewhere].map(Parts::of) {
        let renamed = other.with(|parts| (parts.vault, parts.of) = (whole.vault, whole.of));
        assert!(verified(&renamed).is_err());
        assert!(verified(&whole.with(|parts| parts.before = other.before)).is_err());
    }
    assert!(verified(&whole.with(|parts| parts.of = of_bob.of())).is_err());
    assert!(verified(&whole.with(|parts| parts.vault = elsewhere.vault())).is_err());
    for cut in 1..=count {
        let cut_off = whole.without_front(cut);
        assert!(verified(&cut_off.with(|parts| parts.first = 0)).is_err());
        assert!(verified(&cut_off.with(|parts| parts.first -= 1)).is_err());
        assert!(verified(&cut_off.with(|parts| parts.first += 1)).is_err());
        assert!(verified(&cut_off.with(|parts| parts.before = whole.before)).is_err());
        let shifted = whole.with(|parts| {
            (parts.first, parts.before) = (cut_off.first, cut_off.before);
        });
        assert!(verified(&shifted).is_err(), "{cut}");
    }
    assert_eq!(
        verified(&whole.with(|parts| drop(parts.records.pop()))),
        Err(AuditError::Missing(count as u64 - 1))
    );

    // Another's checkpoint, of this vault and of another.
    assert_eq!(log.verify(&signed_of_bob, &key), Err(AuditError::Other));
    assert_eq!(
        log.verify(&signed_elsewhere, &key),
        Err(AuditError::Signature)
    );
    assert_eq!(
        log.verify(&signed_elsewhere, &key_elsewhere),
        Err(AuditError::Other)
    );
}

#[test]
fn a_front_that_was_cut_off_is_told_from_one_that_was_overwritten() {
    let device = Device::fresh();
    let bob = device.user(BOB);
    // Logs outlive the keys of other tests.
    factory_reset(&device.user(0));
    let key = bob.device_key().unwrap().public;
    let missing = |first, kept| Err(AuditError::FrontMissing { first, kept });
    let (old, signed_old) = three(&bob, ABC);
    for label in ABC {
        bob.delete(label).unwrap();
    }
    for cut in 1..=old.records().len() {
        let cut_off = Parts::of(&old).without_front(cut).log();
        assert_eq!(cut_off.verify(&signed_old, &key), missing(cut as u64, 0));
    }
    let middle = read(&bob).records().len() as u64;
    let signed_middle = sign(&bob, b"");
    change_much(&bob);
    // Read before the checkpoint or after, if nothing happens in between.
    let before = read(&bob);
    let signed = sign(&bob, b"");
    let log = read(&bob);
    assert_eq!(log, before);
    assert!(log.first() > middle, "overwritten");
    assert_eq!(signed.verify(&key).unwrap().first, log.first());
    assert_eq!(log.verify(&signed, &key), Ok(log.records().len()));
    for cut in [1, 2, log.records().len()] {
        let cut_off = Parts::of(&log).without_front(cut).log();
        let expected = missing(log.first() + cut as u64, log.first());
        assert_eq!(cut_off.verify(&signed, &key), expected);
    }
    // All that an older checkpoint covers may be gone.
    assert_eq!(
        log.verify(&signed_middle, &key),
        Err(AuditError::Missing(middle))
    );
    // What is overwritten between checkpoint and log is missing, unless it was read before.
    let mut changes = 0;
    let after = loop {
        bob.generate("k", Algorithm::Aes256Siv).unwrap();
        bob.delete("k").unwrap();
        let after = read(&bob);
        if after.first() > log.first() {
            break after;
        }
        changes += 1;
        assert!(changes < 40, "nothing is overwritten");
    };
    let expected = missing(after.first(), log.first());
    assert_eq!(after.verify(&signed, &key), expected);
    let count = log.records().len();
    let mut whole = log;
    whole.append(after).unwrap();
    assert_eq!(whole.verify(&signed, &key), Ok(count));
}

#[test]
fn a_verifier_says_what_it_expects() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let key = alice.device_key().unwrap().public;
    let (log, signed) = three(&alice, ABC);
    let checkpoint = signed.verify(&key).unwrap();
    let good = Expected {
        vault: Some(log.vault()),
        of: Some(Some(uid_identity(ALICE))),
        nonce: Some(b"nonce"),
    };
    assert_eq!(good.check(checkpoint), Ok(()));
    assert_eq!(Expected::default().check(checkpoint), Ok(()));
    let vault = Some(Digits([7; 16]));
    let other = Expected { vault, ..good };
    assert_eq!(other.check(checkpoint), Err(AuditError::OtherVault));
    for of in [None, Some(uid_identity(BOB))] {
        let other = Expected {
            of: Some(of),
            ..good
        };
        assert_eq!(other.check(checkpoint), Err(AuditError::OtherLog));
    }
    for nonce in [&b""[..], b"nonc", b"nonce ", b"Nonce"] {
        let other = Expected {
            nonce: Some(nonce),
            ..good
        };
        assert_eq!(other.check(checkpoint), Err(AuditError::OtherNonce));
    }
}

#[test]
fn a_log_goes_on_from_an_earlier_checkpoint() {
    let device = Device::fresh();
    let (bob, carol) = (device.user(BOB), device.user(CAROL));
    // Logs outlive the keys of other tests.
    factory_reset(&device.user(0));
    let key = bob.device_key().unwrap().public;
    let (old, yesterday) = three(&bob, ABC);
    bob.generate("d", Algorithm::Aes256Siv).unwrap();
    let (log, today) = (read(&bob), sign(&bob, b""));
    let since = |log: &Log, earlier, later| log.verify_since(earlier, later, &key);
    assert_eq!(since(&log, &yesterday, &today), Ok(1));
    assert_eq!(since(&log, &today, &today), Ok(0));
    let count = log.records().len() as u64;
    assert_eq!(
        since(&log, &today, &yesterday),
        Err(AuditError::Forked(count))
    );
    let (_, of_carol) = three(&carol, ABC);
    assert_eq!(since(&log, &of_carol, &today), Err(AuditError::Other));
    // What is in between must be there.
    change_much(&bob);
    let (log, signed) = (read(&bob), sign(&bob, b""));
    assert!(log.verify(&signed, &key).is_ok() && log.first() > count);
    let end = old.records().len() as u64;
    assert_eq!(
        since(&log, &yesterday, &signed),
        Err(AuditError::Missing(end))
    );
}

/// At rollback level 0 an old store can be put back; what was signed before that shows it.
#[cfg(feature = "emulator")]
#[test]
fn a_log_that_forked_is_no_continuation() {
    let device = Device::fresh();
    let disk = device.workstation();
    let disk = disk.disk();
    let make = |uid, label| {
        let made = device.user(uid).generate(label, Algorithm::Aes256Siv);
        made.map(drop).unwrap();
    };
    make(ALICE, "a");
    let key = device.user(ALICE).device_key().unwrap().public;
    let signed = || sign(&device.user(ALICE), b"");
    let old = disk.image();
    make(ALICE, "b");
    let earlier = signed();
    let records = earlier.verify(&key).unwrap().records;
    disk.restore(old.clone());
    device.reboot();
    for label in ["c", "d"] {
        make(ALICE, label);
        let (log, later) = (read(&device.user(ALICE)), signed());
        log.verify(&later, &key).unwrap();
        let forked = log.verify_since(&earlier, &later, &key);
        assert_eq!(forked, Err(AuditError::Forked(records)), "{label}");
    }

    // Where only another's log heard of what was undone.
    disk.restore(old.clone());
    device.reboot();
    make(BOB, "b");
    device.reboot();
    let earlier = signed();
    disk.restore(old);
    device.reboot();
    let (log, later) = (read(&device.user(ALICE)), signed());
    let [before, now] = [&earlier, &later].map(|signed| signed.verify(&key).unwrap());
    assert_eq!((before.records, before.head), (now.records, now.head));
    let forked = log.verify_since(&earlier, &later, &key);
    assert_eq!(forked, Err(AuditError::Forked(now.records)));
}
