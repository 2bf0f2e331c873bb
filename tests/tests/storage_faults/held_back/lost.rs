//! What is missing is given up, and then it is gone: whatever is shown again.

use claviger::{Algorithm, Error, Status, audit::LogOf, identity::uid_identity};
use claviger_proto::{audit::Event, message::VaultInfo};
use claviger_ta::{
    platform::{Copy, StorageError},
    vault::SLOTS,
    workstation::{Fault, Hold, Workstation},
};
use claviger_tests::{ALICE, CAROL, factory_reset, status};

use super::fixture::{Fixture, On, object};
use crate::bench::report;

pub(super) const SHARDS: [u8; 2] = [0, 1];
const NAMES: [&str; 2] = ["one", "two"];

pub(super) fn both(shard: u8, hold: Hold) -> [(claviger_ta::platform::ObjectId, Hold); 2] {
    [Copy::First, Copy::Second].map(|copy| (object(shard, copy), hold))
}

pub(super) fn vault(on: &On<'_>) -> VaultInfo {
    on.root.info().unwrap().vault.unwrap()
}

pub(super) fn declare(on: &On<'_>) -> Result<u32, Error> {
    let token = on.root.info().unwrap().confirmation.unwrap();
    on.root.declare_lost(&token.to_string())
}

pub(super) fn serves(on: &On<'_>, shard: u8) -> Result<Vec<u8>, Error> {
    let name = format!("{}/destroyed", NAMES[usize::from(shard)]);
    on.key(&name).mac(b"m")
}

/// With this shard held back, or lost.
fn without(fixture: &Fixture, shard: u8, hold: Hold) -> (Workstation, On<'_>) {
    let twin = fixture.twin();
    twin.disk().hide(both(shard, hold));
    let on = fixture.switch_on(&twin);
    (twin, on)
}

#[test]
fn what_is_left_is_read_only() {
    let fixture = Fixture::new();
    for shard in SHARDS {
        for hold in [Hold::Back, Hold::Fast, Hold::Never] {
            let (twin, on) = without(&fixture, shard, hold);
            let other = 1 - shard;
            serves(&on, other).unwrap();
            let now = vault(&on);
            assert_eq!((now.missing, now.degraded, now.locked), (1, 0, None));
            assert!(now.read_only && now.damaged == SLOTS as u32);
            // Also to whom the key may not be known that is here.
            let carol = on.device.user(CAROL);
            for name in ["one/destroyed", "two/destroyed", "absent"] {
                let key = claviger_tests::Handle::of(&carol, uid_identity(ALICE), name);
                assert_eq!(status(key.mac(b"m")), Status::Incomplete);
            }
            assert_eq!(status(serves(&on, shard)), Status::Incomplete);
            let name = format!("{}/deleted", NAMES[usize::from(other)]);
            let stored = twin.disk().image();
            let refused: [Result<(), Error>; 9] = [
                on.key(&name).delete(),
                on.alice.generate("new", Algorithm::Aes128Cmac).map(drop),
                on.key(&name).rotate().map(drop),
                on.alice.revoke(None).map(drop),
                on.root.lock(),
                on.root.audit_strict(),
                on.root.audit_log(LogOf::Caller).map(drop),
                on.root.audit_checkpoint(LogOf::Caller, b"").map(drop),
                on.root.install_certificate(on.certificate(1)),
            ];
            for (number, refused) in refused.into_iter().enumerate() {
                assert_eq!(status(refused), Status::Incomplete, "{number}");
            }
            assert!(twin.disk().image() == stored, "something was changed");
            // Once it is shown again, the next change finds it.
            twin.disk().show();
            let made = on.alice.generate("new", Algorithm::Aes128Cmac);
            match hold {
                Hold::Never => assert_eq!(status(made), Status::Incomplete),
                _ => assert_eq!(made.map(drop).ok(), Some(())),
            }
        }
    }
}

#[test]
fn what_is_declared_lost_is_gone() {
    let fixture = Fixture::new();
    for shard in SHARDS {
        for hold in [Hold::Back, Hold::Never] {
            let (twin, on) = without(&fixture, shard, hold);
            let wrong = on.root.declare_lost("00000000");
            assert_eq!(status(wrong), Status::BadConfirmation);
            let token = on.root.info().unwrap().confirmation.unwrap().to_string();
            let not_root = on.alice.declare_lost(&token);
            assert_eq!(status(not_root), Status::AdministratorOnly);
            assert_eq!(declare(&on).unwrap(), 1);
            assert_eq!(status(declare(&on)), Status::NothingMissing);
            let now = vault(&on);
            assert_eq!((now.missing, now.degraded), (0, 0));
            assert!(!now.read_only && now.damaged == SLOTS as u32);
            assert_eq!(now.locked, Some(false));
            let log = on.root.audit_log(LogOf::Caller).unwrap();
            let told = log.records().iter();
            let told = told.filter(|record| record.event == Event::DeclaredLost);
            assert_eq!(told.count(), 1);
            // One record of a generation was in each shard: whose it was, his wrapped keys end.
            let lost = match shard {
                0 => "fleet",
                _ => "pair",
            };
            assert_eq!(status(on.wrapped(lost).mac(b"m")), Status::Revoked);
            drop(on);
            // It is shown again, and is refused.
            twin.disk().show();
            let on = fixture.switch_on(&twin);
            assert_eq!(status(serves(&on, shard)), Status::NotFound);
            serves(&on, 1 - shard).unwrap();
            assert_eq!(status(on.wrapped(lost).mac(b"m")), Status::Revoked);
            let name = format!("{}/destroyed", NAMES[usize::from(shard)]);
            on.alice.generate(&name, Algorithm::Aes256Cmac).unwrap();
            drop(on);
            // Its bytes are put back, below all that storage promises: they are of another time.
            let mut stored = twin.disk().image();
            for copy in [Copy::First, Copy::Second] {
                let id = object(shard, copy);
                stored.insert(id, fixture.image[&id].clone());
            }
            twin.disk().restore(stored);
            let on = fixture.switch_on(&twin);
            let name = format!("{}/tightened", NAMES[usize::from(shard)]);
            let refused = status(on.key(&name).mac(b"m"));
            assert!(matches!(refused, Status::Incomplete | Status::NotFound));
        }
    }
}

/// Under every failure: it is acknowledged only when it is so, and what it left is finished.
#[test]
fn what_is_declared_lost_under_faults() {
    let fixture = Fixture::new();
    let mut acknowledged = 0;
    let mut tried = 0;
    for shard in SHARDS {
        let operations = {
            let (twin, on) = without(&fixture, shard, Hold::Back);
            vault(&on);
            twin.disk().disarm();
            declare(&on).unwrap();
            twin.disk().disarm()
        };
        for n in 0..operations {
            let error = StorageError::Other(7);
            for fault in [
                Fault::Fail(n, error),
                Fault::FailAfter(n, error),
                Fault::Full(n),
                Fault::CutAfter(n),
            ] {
                let (twin, on) = without(&fixture, shard, Hold::Back);
                let disk = twin.disk();
                vault(&on);
                disk.arm(fault);
                if tried % 2 == 0 {
                    disk.hide_after_fault([(object(shard, Copy::First), Hold::Fast)]);
                }
                let declared = declare(&on);
                disk.disarm();
                drop(on);
                tried += 1;
                disk.show();
                let left = disk.image();
                let mut gone = declared.is_ok();
                acknowledged += usize::from(gone);
                // The old one alone, then all.
                for hidden in [Some(1 - shard), None] {
                    disk.restore(left.clone());
                    if let Some(hidden) = hidden {
                        disk.hide(both(hidden, Hold::Back));
                    }
                    let on = fixture.switch_on(&twin);
                    let answer = serves(&on, shard);
                    assert!(!gone || answer.is_err(), "{fault:?}: it is back");
                    if hidden.is_none() {
                        gone |= status_of(&answer) == Some(Status::NotFound);
                        let now = vault(&on);
                        assert_eq!((now.missing, now.read_only), (0, false), "{fault:?}");
                        assert_eq!(gone, now.damaged > 0, "{fault:?}");
                        on.alice.generate("new", Algorithm::Aes128Cmac).unwrap();
                        let log = on.root.audit_log(LogOf::Shared).unwrap();
                        let own = on.root.audit_log(LogOf::Caller).unwrap();
                        let told = log.records().iter().chain(own.records());
                        let told = told.filter(|record| record.event == Event::DeclaredLost);
                        let told = told.count();
                        assert!(!gone || (1..=2).contains(&told), "{fault:?}: {told}");
                    }
                }
            }
        }
    }
    report(&format!(
        "{tried} faults while a part is declared lost, {acknowledged} acknowledged"
    ));
    assert!(acknowledged > 10);
}

pub(super) fn status_of<T>(answer: &Result<T, Error>) -> Option<Status> {
    answer.as_ref().err().and_then(Error::status)
}

/// A reset with a part held back is none, or the part does not come back as a vault.
#[test]
fn a_reset_leaves_nothing_that_is_held_back() {
    let fixture = Fixture::new();
    for hold in [Hold::Back, Hold::Fast, Hold::Never] {
        for hidden in [&[0][..], &[1], &[0, 1]] {
            let twin = fixture.twin();
            let disk = twin.disk();
            for shard in hidden {
                disk.hide(both(*shard, hold));
            }
            let on = fixture.switch_on(&twin);
            let token = on.root.info().unwrap().confirmation.unwrap().to_string();
            let reset = on.root.factory_reset(&token);
            drop(on);
            disk.show();
            let left = disk.image();
            for shown in [&[0, 1][..], &[0], &[1]] {
                disk.restore(left.clone());
                for shard in SHARDS.iter().filter(|shard| !shown.contains(shard)) {
                    disk.hide(both(*shard, Hold::Back));
                }
                let on = fixture.switch_on(&twin);
                let old = SHARDS.map(|shard| serves(&on, shard).is_ok());
                assert!(
                    reset.is_err() || old == [false; 2],
                    "{hold:?} {hidden:?} {shown:?}"
                );
            }
            // What did not happen then happens now.
            disk.restore(left);
            let on = fixture.switch_on(&twin);
            factory_reset(&on.root);
            assert_eq!(vault(&on).keys, 0);
        }
    }
}

/// Of two records of one name the newest counts, also where an old shard is put back beside a newer
/// one, and the other one is removed.
#[test]
fn of_two_records_the_newest_counts() {
    let fixture = Fixture::new();
    let twin = fixture.twin();
    let on = fixture.switch_on(&twin);
    let name = "two/deleted";
    let old = on.key(name).mac(b"m").unwrap();
    on.device.user(CAROL).delete("k3").unwrap();
    on.key(name).delete().unwrap();
    on.alice.generate(name, Algorithm::Aes256Cmac).unwrap();
    let new = on.key(name).mac(b"m").unwrap();
    drop(on);
    let mut stored = twin.disk().image();
    for copy in [Copy::First, Copy::Second] {
        let id = object(1, copy);
        stored.insert(id, fixture.image[&id].clone());
    }
    twin.disk().restore(stored);
    for _ in 0..2 {
        let on = fixture.switch_on(&twin);
        let keys = on.alice.list().unwrap();
        let named = keys.iter().filter(|key| key.key.as_str() == name);
        assert_eq!(named.count(), 1);
        assert_eq!(on.key(name).mac(b"m").unwrap(), new);
        assert_eq!(vault(&on).damaged, 0);
    }
    let on = fixture.switch_on(&twin);
    on.key(name).delete().unwrap();
    assert_eq!(status(on.key(name).mac(b"m")), Status::NotFound);
    assert_ne!(old, new);
}
