//! Histories at random: the lives of several users' keys, with restarts, failures and cuts of every
//! kind and damage to one copy, against a model that is plain data.

use std::collections::BTreeMap;

use claviger::{Algorithm, Client, Error, Status};
use claviger_proto::KeyId;
use claviger_ta::{
    platform::{ObjectId, StorageError},
    vault::OBJECT,
    workstation::Fault,
};
use claviger_tests::Rng;

use crate::{
    bench::{Bench, On, USERS, report},
    change::Change,
    view::{Told, View, left, verify_logs},
};

const HISTORIES: u64 = 40;
const STEPS: usize = 80;
/// Of a history in a strict vault: its logs are to be full.
const STRICT_STEPS: usize = 200;

/// What must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    /// Without the proofs of secrets.
    pub(crate) view: View,
    pub(crate) told: Told,
    /// Of which keys how many uses are left.
    pub(crate) left: BTreeMap<String, (KeyId, u64)>,
    /// How many copies are out of service until the next start.
    pub(crate) degraded: u32,
}

/// What versions of keys showed of their secrets when they were first seen.
type Secrets = BTreeMap<(KeyId, u32), Vec<u8>>;

impl Model {
    /// What a device shows; no secret is another than it was, nor that of another version.
    #[track_caller]
    fn of(on: &On, secrets: &mut Secrets) -> Model {
        let mut view = on.view();
        assert_eq!((view.damaged, view.others), (0, 0));
        for shown in view.keys.values_mut() {
            let proof = std::mem::take(&mut shown.proof);
            let each = match shown.algorithm {
                Algorithm::Ed25519 => shown.versions.clone(),
                // Only of the primary one is there a tag.
                _ => shown.versions.last().copied().into_iter().collect(),
            };
            if proof.is_empty() {
                continue;
            }
            for (version, proof) in each.iter().zip(proof.chunks(proof.len() / each.len())) {
                let known = secrets
                    .entry((shown.id, *version))
                    .or_insert_with(|| proof.into());
                assert_eq!(known, proof, "version {version} of {}", shown.id);
                let others = secrets.range((shown.id, 0)..(shown.id, *version));
                assert!(others.into_iter().all(|(_, other)| other != proof));
            }
        }
        let left = left(&on.users);
        let id = |name: &String| view.keys[name].id;
        let left = left
            .into_iter()
            .map(|(name, left)| (name.clone(), (id(&name), left)));
        Model {
            left: left.collect(),
            told: on.told(),
            degraded: on.root.info().unwrap().vault.unwrap().degraded,
            view,
        }
    }
}

/// What was tried.
#[derive(Default)]
struct Tried {
    changes: u32,
    faults: u32,
    in_doubt: u32,
    refusals: u32,
    full: u32,
}

fn random_fault(rng: &mut Rng) -> Fault {
    // Most changes of an open vault take few operations, opening it takes many.
    let most = *rng.choose(&[3, 6, 12, 45]);
    let at = rng.below(most) as u64;
    let error = *rng.choose(&[
        StorageError::NotFound,
        StorageError::Corrupt,
        StorageError::Unavailable,
        StorageError::NoSpace,
        StorageError::OutOfMemory,
        StorageError::Other(7),
    ]);
    match rng.below(6) {
        0 => Fault::CutBefore(at),
        1 => Fault::CutAfter(at),
        2 => Fault::Tear(at),
        3 => Fault::Full(at),
        4 => Fault::Fail(at, error),
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

/// One history; in a strict vault root now and then lets full logs be overwritten.
fn run(seed: u64, strict: bool, tried: &mut Tried) {
    let rng = &mut Rng::new(seed);
    let (mut bench, image) = Bench::new(|device| {
        let root = device.user(0);
        root.list().unwrap();
        if strict {
            root.audit_strict().unwrap();
        }
    });
    bench.wrap(&image);
    let mut on = bench.switch_on();
    let secrets = &mut Secrets::new();
    let mut model = Model::of(&on, secrets);
    for step in 0..if strict { STRICT_STEPS } else { STEPS } {
        let change = Change::random(rng, &model);
        let disturbed = rng.below(3) == 0;
        let fault = random_fault(rng);
        if disturbed {
            bench.disk().arm(fault);
        }
        let result = change.act(&on);
        bench.disk().disarm();
        let stopped = matches!(
            fault,
            Fault::CutBefore(_) | Fault::CutAfter(_) | Fault::Tear(_) | Fault::Full(_)
        );
        if disturbed && stopped || rng.below(8) == 0 {
            on = bench.switch_on();
        }
        let after = Model::of(&on, secrets);
        let when = format!(
            "history {seed}, strict {strict}, step {step}: {change:?}: {result:?}, {} {fault:?}",
            if disturbed { "under" } else { "not" }
        );
        let error = result.as_ref().err();
        change.judge(&model, &after, error, disturbed, &when);
        tried.changes += 1;
        tried.faults += u32::from(disturbed);
        tried.in_doubt += u32::from(disturbed && result.is_err());
        tried.refusals += u32::from(!disturbed && result.is_err());
        tried.full += u32::from(error.and_then(Error::status) == Some(Status::AuditFull));
        model = after;
        if rng.below(10) == 0 {
            // A copy that could not be mended then is mended now.
            model.degraded = 0;
            assert_eq!(Model::of(&bench.switch_on(), secrets), model, "{when}");
            hurt_one_copy(&bench, rng);
            on = bench.switch_on();
            let after = Model::of(&on, secrets);
            // OP-TEE holds the name of what it found corrupt until the next start.
            model.degraded = after.degraded;
            assert_eq!(after, model, "{when}, then damage to one copy");
        }
    }
    verify_logs(&on.root);
}

/// Who asks.
pub(crate) fn client(on: &On, uid: u32) -> &Client {
    let place = USERS.iter().position(|user| *user == uid);
    &on.users[place.unwrap()]
}

#[test]
fn histories_are_those_of_the_model() {
    let mut tried = Tried::default();
    for seed in 0..HISTORIES {
        run(seed, seed % 4 == 0, &mut tried);
    }
    let Tried {
        changes,
        faults,
        in_doubt,
        refusals,
        full,
    } = tried;
    report(&format!(
        "{changes} changes by several users in {HISTORIES} random histories, {faults} of them disturbed, \
         {in_doubt} in doubt, {refusals} refused, {full} by a full log"
    ));
    assert!(faults > 800 && in_doubt > 200 && refusals > 300 && full > 10);
}
