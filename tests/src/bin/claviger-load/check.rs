//! Whether the device is as its journal says.

use std::collections::BTreeMap;

use claviger::{
    Algorithm, Client, Key, State, Status,
    audit::LogOf,
    proto::{audit::Event, message::KeyDescription},
};
use claviger_tests::{digits, hex, status};

use crate::{
    change::Change,
    journal::{Entry, Journal, Trace},
    model::{MESSAGE, Model, Wrapped, proof_of},
};

/// What became of the change that was in flight when the power was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InFlight {
    /// There was none.
    None,
    /// It happened.
    Done,
    /// It did not happen.
    Undone,
}

/// Checks everything, and settles what became of the change in flight.
///
/// # Panics
/// If anything is not as it must be.
pub(crate) fn check(client: &Client, journal: &mut Journal, model: &mut Model) -> InFlight {
    let info = client.info().unwrap();
    let vault = info.vault.expect("the vault opens");
    assert_eq!((vault.damaged, vault.degraded), (0, 0), "{vault:?}");
    let found: BTreeMap<String, KeyDescription> = client
        .list()
        .unwrap()
        .iter()
        .map(|key| {
            let label = key.key.as_str();
            (label.to_owned(), client.describe(label).unwrap())
        })
        .collect();
    settle_uses(journal, model, &found);
    let in_flight = settle_change(client, journal, model, &found);

    assert!(
        model.keys.keys().eq(found.keys()),
        "expected {:?}, found {:?}",
        model.keys.keys(),
        found.keys()
    );
    for (label, known) in &model.keys {
        assert_eq!(known.description, found[label], "{label}");
    }
    check_proofs(client, model);
    for wrapped in &model.wrapped {
        assert_eq!(serves(client, wrapped), !wrapped.revoked, "{wrapped:?}");
    }
    check_audit_log(client, model);
    in_flight
}

/// A cut may cost a counted key what was reserved: a sixteenth of its bound.
fn settle_uses(journal: &mut Journal, model: &mut Model, found: &BTreeMap<String, KeyDescription>) {
    let used = match &model.in_flight {
        Some(Change::Use { label }) => Some(label.clone()),
        _ => None,
    };
    let mut changed = Vec::new();
    for (label, description) in found {
        let known = model.keys.get(label).map(|known| &known.description);
        let Some(before) = known.and_then(|known| known.uses_left) else {
            continue;
        };
        let left = description.uses_left.expect("it is counted");
        let reserved = description.policy.max_uses.unwrap() / 16;
        let in_flight = u64::from(used.as_ref() == Some(label));
        assert!(
            left <= before && left + reserved + in_flight >= before,
            "{label}: {left} of {before} uses left"
        );
        if left != before {
            changed.push((label.clone(), left));
        }
    }
    for (label, left) in changed {
        model.set_uses_left(&label, left);
        journal.append(&Entry::UsesLeft { label, left });
    }
}

fn settle_change(
    client: &Client,
    journal: &mut Journal,
    model: &mut Model,
    found: &BTreeMap<String, KeyDescription>,
) -> InFlight {
    let Some(change) = model.in_flight.take() else {
        return InFlight::None;
    };
    let trace = match (&change, change.label()) {
        // Its use was settled, if it was counted, and its proof is gone.
        (Change::Use { .. } | Change::Wrap { .. }, _) => None,
        (_, Some(label)) => {
            let before = model.keys.get(label).map(|known| &known.description);
            let after = found.get(label);
            if before == after {
                None
            } else {
                assert!(
                    change.makes(before, after),
                    "{change:?} was cut: {before:?} became {after:?}"
                );
                Some(trace_of(client, label, after))
            }
        }
        (Change::Revoke { family }, None) => {
            let mut served = model.serving(family).map(|key| serves(client, key));
            let first = served.next().expect("there was one to be revoked");
            assert!(served.all(|serves| serves == first), "half of {family}");
            (!first).then(Trace::default)
        }
        (_, None) => unreachable!("{change:?} changes a key"),
    };
    let Some(trace) = trace else {
        journal.append(&Entry::Undone);
        return InFlight::Undone;
    };
    journal.append(&Entry::Done(Box::new(trace.clone())));
    model.apply(&change, trace);
    InFlight::Done
}

fn trace_of(client: &Client, label: &str, found: Option<&KeyDescription>) -> Trace {
    let proof = found.map(|_| proof_of(&client.key(label).unwrap()).unwrap());
    Trace {
        key: found.cloned(),
        proof: proof.flatten(),
        wrapped: None,
    }
}

/// The secrets are those from before.
fn check_proofs(client: &Client, model: &Model) {
    for (label, known) in &model.keys {
        let description = &known.description;
        // One of a counted key would count.
        if description.state == State::Destroyed || description.uses_left.is_some() {
            continue;
        }
        let key = client.key(label).unwrap();
        for (version, proof) in &known.proofs {
            assert!(
                proves(&key, *version, &hex(proof)),
                "{label}, version {version}: another secret"
            );
        }
    }
}

fn proves(key: &Key, version: u32, proof: &[u8]) -> bool {
    match key.algorithm() {
        Algorithm::Aes256Siv => key.unseal(MESSAGE, proof).unwrap() == MESSAGE,
        Algorithm::EcdsaP256 => key.public_key_of(version).unwrap().raw() == proof,
        _ => {
            let verified = key.verify_mac_version(version, MESSAGE, proof);
            verified.map_or_else(
                |error| {
                    assert_eq!(error.status(), Some(Status::NotAuthentic), "{error}");
                    false
                },
                |()| true,
            )
        }
    }
}

/// Whether a wrapped key serves; if not, it is because it was revoked.
fn serves(client: &Client, wrapped: &Wrapped) -> bool {
    match client.wrapped(&hex(&wrapped.bytes)) {
        Ok(key) => {
            assert_eq!(digits(&key.mac(MESSAGE).unwrap()), wrapped.proof);
            true
        }
        refused => {
            assert_eq!(status(refused), Status::Revoked);
            false
        }
    }
}

/// The chain is whole, and ends with what was done, in its order.
fn check_audit_log(client: &Client, model: &Model) {
    let log = client.audit_log(LogOf::Caller).unwrap();
    let signed = client.audit_checkpoint(LogOf::Caller, b"").unwrap();
    let device = client.device_key().unwrap().public;
    log.verify(&signed, &device).unwrap();
    let told: Vec<(Event, String)> = log
        .records()
        .iter()
        .filter(|record| record.event != Event::Refused)
        .map(|record| {
            let label = record.label.as_ref().map(|label| label.as_str().to_owned());
            (record.event, label.unwrap_or_default())
        })
        .collect();
    let history = &model.history;
    assert!(
        history.ends_with(&told) && (log.first() > 0 || told.len() == history.len()),
        "the audit log ends with {told:?}; it was {:?}",
        &history[history.len().saturating_sub(told.len())..]
    );
}
