//! Faults that pass: tee-supplicant has been started anew, the disk has room again.

use claviger::{Client, Error, Status};
use claviger_proto::message::VaultInfo;
use claviger_ta::{platform::StorageError, workstation::Fault};

use crate::{
    bench::{Bench, FIRST, Image, On, SECOND, report, slot},
    scenarios::import,
};

type Act = fn(&Client) -> Result<(), Error>;

fn one_key() -> (Bench, Image) {
    Bench::new(|device| import(&device.user(0), "a").unwrap())
}

fn vault(on: &On) -> VaultInfo {
    on.root.info().unwrap().vault.unwrap()
}

/// One failure at each operation of what `act` does, after `prepare`: it succeeds all the same, and
/// both copies have it.
fn one_failure_costs_nothing(bench: &Bench, image: &Image, prepare: fn(&On), act: Act) -> usize {
    let start = || {
        let on = bench.with(image);
        prepare(&on);
        bench.disk().disarm();
        on
    };
    let on = start();
    act(&on.root).unwrap();
    let operations = bench.disk().disarm();
    let goal = on.view().keys;
    let mut failures = 0;
    for n in 0..operations {
        for error in [StorageError::Unavailable, StorageError::Other(7)] {
            for fault in [Fault::Fail(n, error), Fault::FailAfter(n, error)] {
                let on = start();
                bench.disk().arm(fault);
                let answer = act(&on.root);
                bench.disk().disarm();
                answer.unwrap_or_else(|error| panic!("{fault:?} of {operations}: {error}"));
                assert_eq!(vault(&on).degraded, 0, "{fault:?}");
                drop(on);
                let stored = bench.disk().image();
                for copy in [FIRST, SECOND] {
                    bench.disk().restore(stored.clone());
                    bench.disk().lose(copy);
                    let keys = bench.switch_on().view().keys;
                    assert!(keys.keys().eq(goal.keys()), "{fault:?}, {copy:?} lost");
                }
                failures += 1;
            }
        }
    }
    failures
}

#[test]
fn what_fails_once_is_done_again() {
    let (bench, image) = one_key();
    let open = |on: &On| drop(on.view());
    let changes: [Act; 3] = [
        |client| import(client, "b"),
        |client| client.delete("a"),
        Client::lock,
    ];
    let mut failures = 0;
    for change in changes {
        failures += one_failure_costs_nothing(&bench, &image, open, change);
    }
    // Opening mends what the first copy lacks.
    let mut hurt = image;
    hurt.get_mut(&FIRST).unwrap()[slot(0).start] ^= 1;
    let list = |client: &Client| client.list().map(drop);
    failures += one_failure_costs_nothing(&bench, &hurt, |_| {}, list);
    hurt.remove(&FIRST);
    failures += one_failure_costs_nothing(&bench, &hurt, |_| {}, list);
    report(&format!("{failures} failures that passed cost nothing"));
    assert!(failures > 100);
}

/// A copy that could be neither mended nor removed: nothing is changed behind its back, and once it
/// can be mended, the next change does.
#[test]
fn what_could_not_be_mended_is_tried_again() {
    let (bench, image) = one_key();
    for copy in [FIRST, SECOND] {
        let mut hurt = image.clone();
        hurt.get_mut(&copy).unwrap()[slot(0).start] ^= 1;
        let on = bench.with(&hurt);
        bench.disk().arm(Fault::Full(0));
        assert_eq!(vault(&on).degraded, 1);
        let refused = import(&on.root, "b").unwrap_err().status();
        assert_eq!(refused, Some(Status::Degraded));
        bench.disk().disarm();
        import(&on.root, "b").unwrap();
        let now = vault(&on);
        assert_eq!((now.degraded, now.keys), (0, 2));
    }
}
