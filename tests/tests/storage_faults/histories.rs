//! Histories at random: changes, restarts, failures, cuts and damage to one copy, against a model
//! that is a map.

use std::collections::BTreeMap;

use claviger::{Error, Status};
use claviger_proto::KeyId;
use claviger_ta::{
    platform::{ObjectId, StorageError},
    vault::OBJECT,
    workstation::Fault,
};
use claviger_tests::Rng;

use crate::{
    bench::{Bench, On},
    scenarios::import,
};

const LABELS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const HISTORIES: u64 = 40;
const STEPS: usize = 60;

/// What must be there: the keys by label, and whether imports have ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Model {
    keys: BTreeMap<&'static str, KeyId>,
    locked: bool,
}

impl Model {
    /// What is there, as far as a client sees it.
    fn of(on: &On) -> Model {
        let view = on.view();
        assert_eq!((view.damaged, view.others), (0, 0));
        let named = |label: &String| *LABELS.iter().find(|known| *known == label).unwrap();
        Model {
            keys: view
                .keys
                .iter()
                .map(|(label, shown)| (named(label), shown.id))
                .collect(),
            locked: view.locked,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Import(&'static str),
    Delete(&'static str),
    Lock,
    Reset,
}

impl Change {
    fn random(rng: &mut Rng) -> Change {
        let label = *rng.choose(&LABELS);
        match rng.below(60) {
            0 => Change::Lock,
            1..4 => Change::Reset,
            4..40 => Change::Import(label),
            _ => Change::Delete(label),
        }
    }

    fn act(self, on: &On) -> Result<(), Error> {
        match self {
            Change::Import(label) => import(&on.root, label),
            Change::Delete(label) => on.root.delete(label),
            Change::Lock => on.root.lock(),
            Change::Reset => {
                let token = on.root.info()?.confirmation.unwrap();
                on.root.factory_reset(&token.to_string())
            }
        }
    }

    /// What refuses it, in this order, where nothing fails.
    fn refusal(self, model: &Model) -> Option<Status> {
        match self {
            Change::Import(_) if model.locked => Some(Status::Locked),
            Change::Import(label) if model.keys.contains_key(label) => Some(Status::AlreadyExists),
            Change::Delete(label) if !model.keys.contains_key(label) => Some(Status::NotFound),
            _ => None,
        }
    }

    /// Whether `after` is `before` with this done.
    fn done(self, before: &Model, after: &Model) -> bool {
        let mut expected = before.clone();
        match self {
            Change::Import(label) => match after.keys.get(label) {
                // Its id is drawn anew.
                Some(id) => drop(expected.keys.insert(label, *id)),
                None => return false,
            },
            Change::Delete(label) => drop(expected.keys.remove(label)),
            Change::Lock => expected.locked = true,
            Change::Reset => expected = Model::default(),
        }
        expected == *after
    }
}

fn random_fault(rng: &mut Rng) -> Fault {
    // Most changes of an open vault take few operations, opening it takes many.
    let most = *rng.choose(&[3, 6, 45]);
    let at = rng.below(most) as u64;
    let error = *rng.choose(&[
        StorageError::Corrupt,
        StorageError::Unavailable,
        StorageError::NoSpace,
        StorageError::OutOfMemory,
        StorageError::Other(7),
    ]);
    match rng.below(4) {
        0 => Fault::CutBefore(at),
        1 => Fault::CutAfter(at),
        2 => Fault::Fail(at, error),
        _ => Fault::FailAfter(at, error),
    }
}

/// Hurts one copy of something, so that nothing must be lost. All must be mended by then.
fn hurt_one_copy(bench: &Bench, rng: &mut Rng) {
    let objects: Vec<ObjectId> = bench.disk().image().into_keys().collect();
    if objects.len() < 2 {
        return;
    }
    let object = *rng.choose(&objects);
    let byte = rng.below(OBJECT);
    match rng.below(3) {
        0 => bench.disk().lose(object),
        1 => bench.disk().flip(object, byte),
        _ => bench.disk().corrupt(object, byte..byte + 1),
    }
}

#[test]
fn histories_are_those_of_a_map() {
    let (mut changes, mut faults, mut refusals, mut in_doubt) = (0, 0, 0, 0);
    for seed in 0..HISTORIES {
        let rng = &mut Rng::new(seed);
        let (bench, _) = Bench::new(|_| {});
        let mut on = bench.switch_on();
        let mut model = Model::of(&on);
        for step in 0..STEPS {
            let change = Change::random(rng);
            let disturbed = rng.below(3) == 0;
            let fault = random_fault(rng);
            if disturbed {
                bench.disk().arm(fault);
            }
            let result = change.act(&on);
            bench.disk().disarm();
            let cut = matches!(fault, Fault::CutBefore(_) | Fault::CutAfter(_));
            if disturbed && cut || rng.below(8) == 0 {
                on = bench.switch_on();
            }
            let after = Model::of(&on);
            let when = format!("history {seed}, step {step}: {change:?}: {result:?}, {fault:?}");
            let done = change.done(&model, &after);
            let refusal = change.refusal(&model);
            match &result {
                Ok(()) => assert!(done && refusal.is_none(), "{when}: {model:?} {after:?}"),
                Err(error) if !disturbed || error.status() == refusal => {
                    assert_eq!(error.status(), refusal, "{when}");
                    assert_eq!(after, model, "{when}");
                    refusals += 1;
                }
                Err(_) => {
                    assert!(done || after == model, "{when}: {model:?} {after:?}");
                    in_doubt += 1;
                }
            }
            model = after;
            changes += 1;
            if disturbed {
                faults += 1;
            }
            if rng.below(10) == 0 {
                // A copy that could not be mended then is mended now.
                assert_eq!(Model::of(&bench.switch_on()), model, "{when}");
                hurt_one_copy(&bench, rng);
                on = bench.switch_on();
                assert_eq!(Model::of(&on), model, "{when}, then damage to one copy");
            }
        }
    }
    println!(
        "{changes} changes, {faults} of them disturbed, {in_doubt} in doubt, {refusals} refused"
    );
    assert!(in_doubt > 100 && refusals > 500);
}
