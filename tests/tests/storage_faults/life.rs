//! What must hold of the life of a key whatever storage does: bounds, ratchets, revocations.

use claviger::{Algorithm, Client, Error, State, Status};
use claviger_proto::message::RevokeRequest;
use claviger_ta::{platform::StorageError, workstation::Fault};
use claviger_tests::{BOB, Handle, new_key};

use crate::{
    bench::{Bench, FIRST, Image, On, SECOND, report, slot},
    view::View,
};

const BOUND: u64 = 48;
/// A sixteenth.
const BLOCK: u64 = 3;

/// A key that may be used [`BOUND`] times, of which nothing is reserved.
fn counted() -> (Bench, Image) {
    Bench::new(|device| {
        let mut new = new_key("key", Algorithm::HmacSha256);
        new.policy.max_uses = Some(BOUND);
        Handle::generate(&device.user(0), new).unwrap();
    })
}

fn key(client: &Client) -> Handle {
    Handle::new(client, "key")
}

fn left(client: &Client) -> u64 {
    key(client).describe().unwrap().uses_left.unwrap()
}

fn used_up<T>(result: &Result<T, Error>) -> bool {
    let status = result.as_ref().err().and_then(Error::status);
    status == Some(Status::UsesExhausted)
}

/// How often the key can still be used; a device that is off answers nothing.
fn use_up(client: &Client) -> u64 {
    let uses = std::iter::from_fn(|| {
        let used = key(client).mac(b"message");
        assert!(used.is_ok() || used_up(&used), "{used:?}");
        used.ok()
    });
    uses.count() as u64
}

/// Every fault at every operation of a use that has to reserve.
fn faults(operations: u64) -> Vec<Fault> {
    let errors = [
        StorageError::Corrupt,
        StorageError::Unavailable,
        StorageError::NoSpace,
        StorageError::Other(7),
    ];
    (0..operations)
        .flat_map(|n| {
            let cuts = [Fault::CutBefore(n), Fault::Tear(n), Fault::CutAfter(n)];
            let failures = errors.map(|error| Fault::Fail(n, error));
            let after = errors.map(|error| Fault::FailAfter(n, error));
            cuts.into_iter().chain(failures).chain(after)
        })
        .collect()
}

/// What a use cost before it was answered stays cost, and what failed gave nothing.
#[test]
fn a_bound_holds_whatever_fails() {
    let (bench, image) = counted();
    let mut tried = 0;
    for used_before in [0, 1, BLOCK, BOUND - BLOCK - 1] {
        for warm in [false, true] {
            let start = || -> (On, u64) {
                let on = bench.with(&image);
                for _ in 0..used_before {
                    key(&on.root).mac(b"message").unwrap();
                }
                // A start ends a block; another, if it is to be warm, has none either.
                drop(on);
                let on = bench.switch_on();
                if warm {
                    on.root.list().unwrap();
                    key(&on.root).describe().unwrap();
                }
                let remaining = left(&on.root);
                bench.disk().disarm();
                (on, remaining)
            };
            let (on, _) = start();
            key(&on.root).mac(b"message").unwrap();
            let operations = bench.disk().disarm();
            assert!(operations > 1, "both copies: {operations}");
            for fault in faults(operations) {
                let (on, before) = start();
                bench.disk().arm(fault);
                let answer = key(&on.root).mac(b"message");
                bench.disk().disarm();
                let when = format!("{used_before}, warm {warm}, {fault:?}: {answer:?}");
                let released = u64::from(answer.is_ok());
                let on = match fault {
                    Fault::Fail(..) | Fault::FailAfter(..) => on,
                    _ => {
                        drop(on);
                        bench.switch_on()
                    }
                };
                let after = left(&on.root);
                assert!(after + released <= before, "{when}: {after} of {before}");
                assert!(after + 2 * BLOCK >= before, "{when}: {after} of {before}");
                assert_eq!(use_up(&on.root), after, "{when}");
                drop(on);
                assert_eq!(use_up(&bench.switch_on().root), 0, "{when}");
                tried += 1;
            }
        }
    }
    report(&format!("{tried} faults under a reservation"));
    assert!(tried > 150);
}

/// A key that is ratcheted, with a secret that is known outside.
fn chained() -> (Bench, Image) {
    Bench::new(|device| {
        let mut new = new_key("key", Algorithm::Aes256Cmac);
        new.ratchet = true;
        Handle::import(&device.user(0), new, &[7; 32]).unwrap();
    })
}

fn version(view: &View) -> &[u32] {
    &view.keys["key"].versions
}

/// After a step that was acknowledged neither copy holds what was before.
#[test]
fn a_step_leaves_nothing_of_the_old_key() {
    let (bench, image) = chained();
    let mut acknowledged = 0;
    let undisturbed = {
        let on = bench.with(&image);
        bench.disk().disarm();
        key(&on.root).rotate().unwrap();
        bench.disk().disarm()
    };
    let all = faults(undisturbed).into_iter().map(Some);
    for fault in all.chain([None]) {
        let on = bench.with(&image);
        let before = on.view();
        if let Some(fault) = fault {
            bench.disk().arm(fault);
        }
        let stepped = key(&on.root).rotate();
        bench.disk().disarm();
        drop(on);
        if stepped.is_err() {
            continue;
        }
        acknowledged += 1;
        let stored = bench.disk().image();
        for copy in [FIRST, SECOND] {
            let old = &image[&copy][slot(0)];
            let new = &stored[&copy][slot(0)];
            assert!(old != new, "{copy:?} after {fault:?}");
            // Nor does it come back when the other copy is lost.
            bench.disk().restore(stored.clone());
            bench.disk().lose(copy);
            let after = bench.switch_on().view();
            assert_eq!(version(&after), [2]);
            assert_ne!(after.keys["key"].proof, before.keys["key"].proof);
        }
        assert!(stored[&FIRST][slot(0)] == stored[&SECOND][slot(0)]);
    }
    report(&format!(
        "{acknowledged} ratchet steps acknowledged under faults"
    ));
    assert!(acknowledged > 0);
}

/// With one copy only, of which the other may come back, there is no step, nor any other change; what
/// changes nothing goes on, and a start mends.
#[test]
fn a_step_needs_both_copies() {
    for copy in [FIRST, SECOND] {
        let (bench, image) = Bench::new(|device| {
            let root = device.user(0);
            let mut new = new_key("key", Algorithm::Aes256Cmac);
            new.ratchet = true;
            Handle::import(&root, new, &[7; 32]).unwrap();
            Handle::generate(&root, new_key("other", Algorithm::HmacSha256)).unwrap();
        });
        bench.disk().restore(image);
        // The name of what is found corrupt stays held until the next start.
        bench.disk().corrupt_at_open(copy);
        let on = bench.switch_on();
        let before = on.view();
        assert_eq!(on.root.info().unwrap().vault.unwrap().degraded, 1);
        let refused = key(&on.root).rotate().unwrap_err().status();
        assert_eq!(refused, Some(Status::Degraded));
        assert_eq!(on.view(), before);
        let other = Handle::new(&on.root, "other");
        let refused = other.rotate().unwrap_err().status();
        assert_eq!(refused, Some(Status::Degraded));
        drop(on);
        let on = bench.switch_on();
        assert_eq!(on.root.info().unwrap().vault.unwrap().degraded, 0);
        let other = Handle::new(&on.root, "other");
        assert_eq!(other.rotate().unwrap().versions, [1, 2]);
        assert_eq!(key(&on.root).rotate().unwrap().versions, [2]);
        drop(on);
        for lost in [FIRST, SECOND] {
            let stored = bench.disk().image();
            bench.disk().lose(lost);
            let view = bench.switch_on().view();
            assert_eq!(version(&view), [2]);
            assert_eq!(view.keys["other"].versions, [1, 2]);
            bench.disk().restore(stored);
        }
    }
}

/// What was destroyed is destroyed in both copies once both serve.
#[test]
fn what_is_retired_or_destroyed_stays_so() {
    let (bench, image) = Bench::new(|device| {
        let root = device.user(0);
        Handle::generate(&root, new_key("key", Algorithm::Ed25519)).unwrap();
        key(&root).rotate().unwrap();
    });
    type Act = fn(&Handle) -> Result<claviger_proto::message::KeyDescription, Error>;
    let acts: [(Act, &[u32]); 2] = [
        (|key| key.retire(1), &[2]),
        (|key| key.set_state(State::Destroyed), &[]),
    ];
    for (act, expected) in acts {
        for degraded in [None, Some(FIRST), Some(SECOND)] {
            bench.disk().restore(image.clone());
            if let Some(copy) = degraded {
                bench.disk().corrupt_at_open(copy);
            }
            let mut on = bench.switch_on();
            if degraded.is_some() {
                let refused = act(&key(&on.root)).unwrap_err().status();
                assert_eq!(refused, Some(Status::Degraded));
                drop(on);
                // A start mends what was out of service.
                on = bench.switch_on();
            }
            act(&key(&on.root)).unwrap();
            drop(on);
            assert_eq!(version(&bench.switch_on().view()), expected);
            let stored = bench.disk().image();
            for copy in [FIRST, SECOND] {
                bench.disk().restore(stored.clone());
                bench.disk().lose(copy);
                let view = bench.switch_on().view();
                assert_eq!(version(&view), expected, "{copy:?} lost");
                let old = key(&bench.switch_on().root).public_key(Some(1));
                assert!(old.is_err());
            }
        }
    }
}

fn revoke(client: &Client) -> Result<(), Error> {
    let request = RevokeRequest {
        family: None,
        owner: None,
    };
    client.request(&request, &[]).map(drop)
}

/// A revocation whose record is lost is not forgotten: what may have been revoked does not serve.
#[test]
fn a_lost_revocation_does_not_bring_keys_back() {
    let (mut bench, image) = Bench::new(|device| drop(device.user(0).list()));
    let image = bench.wrap(&image);
    let operations = {
        let on = bench.with(&image);
        bench.disk().disarm();
        revoke(&on.root).unwrap();
        bench.disk().disarm()
    };
    let cuts = (0..operations).map(|n| Some(Fault::CutAfter(n)));
    let mut lost = 0;
    for cut in cuts.chain([None]) {
        let on = bench.with(&image);
        if let Some(cut) = cut {
            bench.disk().arm(cut);
        }
        let first = revoke(&on.root);
        bench.disk().disarm();
        drop(on);
        // One that was cut is done again.
        let on = bench.switch_on();
        if first.is_err() {
            revoke(&on.root).unwrap();
        }
        assert_eq!(on.view().wrapped, [Status::Revoked; 2]);
        drop(on);
        // It is the first thing in the vault; with it goes whatever was written beside it.
        for copy in [FIRST, SECOND] {
            for place in 0..4 {
                bench.disk().flip(copy, slot(place).start);
            }
        }
        let on = bench.switch_on();
        assert!(on.root.info().unwrap().vault.unwrap().damaged > 0);
        for status in on.view().wrapped {
            assert_eq!(status, Status::RecordDamaged, "{cut:?}");
            lost += 1;
        }
    }
    assert!(lost > 4);
}

/// What other callers' calls cost that storage fails, whatever it does with them, is theirs: nobody
/// loses uses that his key has reserved. Those that fail of his own cost him nothing either.
#[test]
fn a_failed_write_costs_nobody_else_uses() {
    const USES: u64 = 1600;
    let (bench, image) = Bench::new(|device| {
        let mut new = new_key("key", Algorithm::HmacSha256);
        new.policy.max_uses = Some(USES);
        Handle::generate(&device.user(0), new).unwrap();
    });
    for error in [
        StorageError::NoSpace,
        StorageError::Unavailable,
        StorageError::Corrupt,
        StorageError::Other(7),
    ] {
        for fault in [
            Fault::Fail(0, error),
            Fault::Fail(1, error),
            Fault::FailAfter(0, error),
            Fault::FailAfter(1, error),
        ] {
            let on = bench.with(&image);
            let bob = on.device.user(BOB);
            let mut failed = 0;
            for number in 0..16 {
                key(&on.root).mac(b"message").unwrap();
                bench.disk().arm(fault);
                let name = format!("k{number}");
                let new = new_key(&name, Algorithm::HmacSha256);
                failed += u32::from(Handle::generate(&bob, new).is_err());
                bench.disk().disarm();
            }
            let when = format!("{fault:?}, {failed} failed");
            assert_eq!(left(&on.root), USES - 16, "{when}");
            // Nor do calls that had to reserve more.
            let mut used = 16;
            while used + 100 < USES {
                bench.disk().arm(fault);
                used += u64::from(key(&on.root).mac(b"message").is_ok());
                bench.disk().disarm();
                for _ in 0..99 {
                    used += u64::from(key(&on.root).mac(b"message").is_ok());
                }
            }
            assert_eq!(left(&on.root), USES - used, "{when}");
            assert_eq!(use_up(&on.root), USES - used, "{when}");
            drop(on);
            assert_eq!(use_up(&bench.switch_on().root), 0, "{when}");
        }
    }
}
