//! Every change, with the power cut and with storage failing at every single operation.

use std::collections::BTreeSet;

use claviger_proto::{Command, Status};
use claviger_ta::{platform::StorageError, workstation::Fault};

use crate::{
    bench::{Bench, Image, report},
    judge::{Trial, status, try_all},
    scenarios::{self, import, reading},
    view::verify_logs,
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

/// Every command is tried below, or changes nothing when it does what it is asked for.
#[test]
fn no_command_that_writes_is_left_out() {
    let mut writes = BTreeSet::new();
    for scenario in scenarios::all() {
        let (trial, status) = (Trial::new(scenario), scenario.status);
        let (_on, call) = trial.start(true);
        // A refusal writes, whatever was asked for.
        if status == Status::Ok {
            writes.insert(call.command.id());
        }
    }
    let (bench, image, readings) = Bench::of(reading::prepare);
    for reading in readings {
        let on = bench.with(&image);
        let call = reading(&on);
        let command = call.command;
        call.make().unwrap();
        assert_eq!(bench.disk().image(), image, "{} writes", command.name());
        assert!(
            !writes.remove(&command.id()),
            "{} is there twice",
            command.name()
        );
        writes.insert(command.id());
    }
    // Of a vault of which a part is missing, there is no view: `held_back::lost` tries this one.
    writes.insert(Command::DeclareLost.id());
    for command in Command::ALL {
        let name = command.name();
        assert!(writes.contains(&command.id()), "{name} is in no scenario");
    }
}

#[test]
fn cuts_leave_a_change_done_or_undone() {
    let cuts = try_all(|trial| {
        let mut outcomes = [0, 0];
        for open in trial.starts() {
            let operations = trial.operations(open);
            for n in 0..operations {
                // What changes nothing cannot be cut in its midst, or after.
                let looks = !open && n < trial.opening;
                let all = [Fault::CutBefore(n), Fault::Tear(n), Fault::CutAfter(n)];
                for fault in &all[..if looks { 1 } else { 3 }] {
                    let (on, call) = trial.start(open);
                    trial.bench.disk().arm(*fault);
                    // The last operation may be one that is not waited for.
                    let succeeded = call.make().is_ok();
                    trial.bench.disk().disarm();
                    drop(on);
                    let when = format!("{fault:?} of {operations}");
                    let seen = trial.bench.switch_on().seen();
                    outcomes[usize::from(trial.judge(&seen, succeeded, &when))] += 1;
                    // Once is for ever.
                    let again = trial.bench.switch_on();
                    assert_eq!(again.seen(), seen, "{when}");
                    trial.end(&again, succeeded, &when);
                }
            }
        }
        assert!(
            !trial.shows() || outcomes.iter().all(|count| *count > 0),
            "{}: cuts fell before and after it was done: {outcomes:?}",
            trial.scenario.name
        );
        outcomes.iter().sum()
    });
    report(&format!(
        "{cuts} power cuts at every operation of every change"
    ));
    assert!(cuts > 2_000);
}

#[test]
fn failures_leave_a_change_done_or_undone() {
    let failures = try_all(|trial| {
        let mut failures = 0;
        for open in trial.starts() {
            let operations = trial.operations(open);
            for n in 0..operations {
                // What fails before the vault is open fails alike in every scenario.
                let looks = !open && n < trial.opening;
                let errors = &ERRORS[..if looks && trial.scenario.name != "import" {
                    3
                } else {
                    8
                }];
                let mut faults = vec![];
                for error in errors {
                    faults.push(Fault::Fail(n, *error));
                    if !looks {
                        faults.push(Fault::FailAfter(n, *error));
                    }
                }
                if !looks {
                    faults.push(Fault::Full(n));
                }
                for fault in faults {
                    fail(trial, open, fault);
                    failures += 1;
                }
            }
        }
        failures
    });
    report(&format!(
        "{failures} failures of storage at every operation of every change"
    ));
    assert!(failures > 8_000);
}

fn fail(trial: &Trial, open: bool, fault: Fault) {
    let disk = trial.bench.disk();
    let (on, call) = trial.start(open);
    disk.arm(fault);
    let answer = call.make();
    let name = trial.scenario.name;
    let when = format!("{name}: {fault:?}, open {open}: {:?}", status(&answer));
    let succeeded = answer.is_ok();
    // The same instance sees at once what the next one will, also while there is no space: but for
    // what it cannot write to both copies, of which nobody knows.
    let at_once = on.try_view();
    let vault = on.root.info().unwrap().vault;
    let in_doubt = vault.is_some_and(|vault| vault.read_only);
    disk.disarm();
    let stored: Image = disk.image();
    // Looking at the logs writes, where anything may be written.
    let told = (!matches!(fault, Fault::Full(_))).then(|| on.told());
    drop(on);
    let on = trial.bench.with(&stored);
    let seen = on.seen();
    let done = trial.judge(&seen, succeeded, &when);
    match at_once {
        Ok(_) if in_doubt => assert!(matches!(fault, Fault::Full(_)), "{when}"),
        Ok(at_once) => assert_eq!(seen.0, at_once, "{when}"),
        // A reset that has begun waits for space.
        Err(error) => {
            assert_eq!(error.status(), Some(Status::StorageFull), "{when}");
            let reset = name.starts_with("factory reset");
            assert!(reset && done && matches!(fault, Fault::Full(_)), "{when}");
        }
    }
    assert!(told.is_none_or(|told| told == seen.1), "{when}");
    drop(on);
    let on = trial.bench.switch_on();
    assert_eq!(on.seen(), seen, "{when}");
    trial.end(&on, succeeded, &when);
    if matches!(fault, Fault::Full(_)) {
        verify_logs(&on.root);
    }
}

/// The power is cut again while what the first cut left is being mended.
#[test]
fn cuts_while_mending() {
    let cuts = try_all(|trial| {
        let mut cuts = 0;
        let operations = trial.operations(true);
        for n in 0..operations {
            let (on, call) = trial.start(true);
            let disk = trial.bench.disk();
            disk.arm(Fault::CutAfter(n));
            let succeeded = call.make().is_ok();
            disk.disarm();
            drop(on);
            let left: Image = disk.image();
            let done = trial.judge(&trial.bench.switch_on().seen(), succeeded, "mended");
            let mending = operations_to_open(&trial.bench, &left);
            // Reading changes nothing: cuts among the first reads are all alike.
            for m in mending.saturating_sub(8)..mending {
                for fault in [Fault::CutBefore(m), Fault::Tear(m), Fault::CutAfter(m)] {
                    let on = trial.bench.with(&left);
                    disk.arm(fault);
                    drop(on.root.list());
                    disk.disarm();
                    drop(on);
                    let when = format!("cut after {n}, then {fault:?}");
                    let still = trial.judge(&trial.bench.switch_on().seen(), succeeded, &when);
                    assert_eq!(still, done, "{when}: what was settled stays");
                    cuts += 1;
                }
            }
        }
        cuts
    });
    report(&format!(
        "{cuts} power cuts while mending what another left"
    ));
    assert!(cuts > 2_000);
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
    report(&format!("{cuts} power cuts at the first start"));
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
