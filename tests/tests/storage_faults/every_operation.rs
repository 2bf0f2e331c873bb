//! Every change, with the power cut and with storage failing at every single operation.

use claviger_proto::Status;
use claviger_ta::{platform::StorageError, workstation::Fault};

use crate::{
    bench::{Bench, Image, On, View},
    scenarios::{SCENARIOS, Scenario, import},
};

/// Every way in which an operation fails.
const ERRORS: [StorageError; 8] = [
    StorageError::NotFound,
    StorageError::Corrupt,
    StorageError::Unavailable,
    StorageError::NoSpace,
    StorageError::Rollback,
    StorageError::InUse,
    StorageError::OutOfMemory,
    StorageError::Other(7),
];

/// A change that is cut short has happened or not, and nothing else has.
struct Judge<'a> {
    scenario: &'a Scenario,
    before: View,
}

impl Judge<'_> {
    #[track_caller]
    fn judge(&self, after: &View, succeeded: bool, when: &str) -> bool {
        let name = self.scenario.name;
        let done = (self.scenario.done)(&self.before, after);
        assert!(
            done || !succeeded,
            "{name}: {when}: success was said, and it is not so: {after:?}"
        );
        assert!(
            done || *after == self.before,
            "{name}: {when}: neither before nor after: {after:?}"
        );
        done
    }
}

/// Runs `each` with a device on which the change can be tried, once just switched on and once
/// with its vault open, and with how often storage is asked by then and by the change.
fn for_each_start(
    scenario: &Scenario,
    mut each: impl FnMut(&Bench, &dyn Fn() -> On, &Judge<'_>, u64),
) {
    let (mut bench, image) = Bench::new(scenario.prepare);
    bench.wrap(&image);
    let judge = Judge {
        scenario,
        before: bench.with(&image).view(),
    };
    for warm in [false, true] {
        let start = || {
            let on = bench.with(&image);
            if warm {
                on.view();
            }
            bench.disk().disarm();
            on
        };
        let on = start();
        (scenario.act)(&on.root).unwrap();
        let operations = bench.disk().disarm();
        assert!(judge.judge(&on.view(), true, "undisturbed"));
        assert!(judge.judge(&bench.switch_on().view(), true, "undisturbed, later"));
        each(&bench, &start, &judge, operations);
    }
}

#[test]
fn cuts_leave_a_change_done_or_undone() {
    let mut cuts = 0;
    for scenario in SCENARIOS {
        let mut outcomes = [0, 0];
        for_each_start(scenario, |bench, start, judge, operations| {
            for n in 0..operations {
                for fault in [Fault::CutBefore(n), Fault::Tear(n), Fault::CutAfter(n)] {
                    let on = start();
                    bench.disk().arm(fault);
                    let result = (scenario.act)(&on.root);
                    bench.disk().disarm();
                    drop(on);
                    let when = format!("{fault:?} of {operations}");
                    // The last operation may be one that is not waited for.
                    let after = bench.switch_on().view();
                    let done = judge.judge(&after, result.is_ok(), &when);
                    outcomes[usize::from(done)] += 1;
                    // Once is for ever.
                    assert_eq!(bench.switch_on().view(), after, "{when}");
                    cuts += 1;
                }
            }
        });
        assert!(
            outcomes.iter().all(|count| *count > 0),
            "{}: cuts fell before and after it was done: {outcomes:?}",
            scenario.name
        );
    }
    println!("{cuts} cuts");
    assert!(cuts > 500);
}

#[test]
fn failures_leave_a_change_done_or_undone() {
    let mut failures = 0;
    for scenario in SCENARIOS {
        for_each_start(scenario, |bench, start, judge, operations| {
            for n in 0..operations {
                // Most of what a cold start does is reading: it fails in fewer ways.
                let errors = if n + 12 < operations {
                    &ERRORS[..3]
                } else {
                    &ERRORS
                };
                for error in errors.iter().copied() {
                    for fault in [Fault::Fail(n, error), Fault::FailAfter(n, error)] {
                        let on = start();
                        bench.disk().arm(fault);
                        let result = (scenario.act)(&on.root);
                        bench.disk().disarm();
                        let when = format!("{fault:?} of {operations}: {result:?}");
                        // The same instance sees at once what the next one will.
                        let at_once = on.view();
                        judge.judge(&at_once, result.is_ok(), &when);
                        drop(on);
                        assert_eq!(bench.switch_on().view(), at_once, "{when}");
                        failures += 1;
                    }
                }
            }
        });
    }
    println!("{failures} failures");
    assert!(failures > 3_000);
}

/// The power is cut again while what the first cut left is being mended.
#[test]
fn cuts_while_mending() {
    let mut cuts = 0;
    for scenario in SCENARIOS {
        for_each_start(scenario, |bench, start, judge, operations| {
            // Reading changes nothing: cuts among the first reads are all alike, and among the last.
            for n in operations.saturating_sub(8)..operations {
                let on = start();
                bench.disk().arm(Fault::CutAfter(n));
                let result = (scenario.act)(&on.root);
                bench.disk().disarm();
                drop(on);
                let left: Image = bench.disk().image();
                let settled = bench.switch_on().view();
                let done = judge.judge(&settled, result.is_ok(), "mended");
                let mending = operations_to_open(bench, &left);
                for m in mending.saturating_sub(8)..mending {
                    for fault in [Fault::CutBefore(m), Fault::Tear(m), Fault::CutAfter(m)] {
                        let on = bench.with(&left);
                        bench.disk().arm(fault);
                        drop(on.root.list());
                        bench.disk().disarm();
                        drop(on);
                        let after = bench.switch_on().view();
                        let when = format!("cut after {n}, then {fault:?}");
                        let still = judge.judge(&after, result.is_ok(), &when);
                        assert_eq!(still, done, "{when}: what was settled stays");
                        cuts += 1;
                    }
                }
            }
        });
    }
    println!("{cuts} cuts while mending");
    assert!(cuts > 1_000);
}

fn operations_to_open(bench: &Bench, image: &Image) -> u64 {
    let on = bench.with(image);
    bench.disk().disarm();
    on.root.list().unwrap();
    bench.disk().disarm()
}

/// Making the vault of a new device.
#[test]
fn cuts_at_the_first_start() {
    let (bench, nothing) = Bench::new(|_| {});
    assert!(nothing.is_empty());
    let operations = operations_to_open(&bench, &nothing);
    let mut cuts = 0;
    for n in 0..operations {
        for fault in [Fault::CutBefore(n), Fault::CutAfter(n)] {
            let on = bench.with(&nothing);
            bench.disk().arm(fault);
            let made = on.root.list();
            bench.disk().disarm();
            drop(on);
            let after = bench.switch_on();
            let view = after.view();
            assert!(view.keys.is_empty() && !view.locked && view.damaged == 0);
            import(&after.root, "a").unwrap();
            assert_eq!(bench.switch_on().view().vault, view.vault);
            assert!(made.is_err() || fault == Fault::CutAfter(operations - 1));
            cuts += 1;
        }
    }
    println!("{cuts} cuts at the first start");
    assert!(cuts >= 8);
}

/// Storage that stays away: keys in memory serve on, everything else says why not.
#[test]
fn a_store_that_is_away_comes_back() {
    let (bench, image) = Bench::new(|device| import(&device.user(0), "a").unwrap());
    let on = bench.with(&image);
    let before = on.view();
    let key = on.root.key("a").unwrap();
    // Off until it is disarmed.
    bench.disk().arm(Fault::CutBefore(0));
    let unavailable = |result: Result<(), claviger::Error>| {
        let status = result.unwrap_err().status();
        assert_eq!(status, Some(Status::StorageUnavailable));
    };
    unavailable(import(&on.root, "new"));
    unavailable(on.root.delete("a"));
    unavailable(on.root.lock());
    unavailable(on.root.list().map(drop));
    unavailable(on.root.key("absent").map(drop));
    let info = on.root.info().unwrap();
    assert_eq!(info.store, Status::StorageUnavailable.code());
    assert_eq!(info.vault, None);
    bench.disk().disarm();
    assert_eq!(on.view(), before);
    key.mac(b"message").unwrap();
}
