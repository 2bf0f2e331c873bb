//! Changes of a device's keys: which there are, how each is asked for, what it must leave.

use claviger::{
    Algorithm, Client, Error, Export, Home, Key, Origin, Permission, State,
    identity::uid_identity,
    proto::{
        audit::Event,
        message::{KeyDescription, Policy},
    },
};
use claviger_tests::{ALICE, BOB, Rng, digits, hex};
use serde::{Deserialize, Serialize};

use crate::{
    journal::Trace,
    model::{Model, proof_of},
};

/// Keys of the vault that there may be.
const LABELS: usize = 24;
/// Families of wrapped keys.
const FAMILIES: usize = 3;
/// Calls for which a counted key serves.
const USES: u64 = 1600;

/// A change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Change {
    /// A key is generated.
    Generate {
        label: String,
        algorithm: Algorithm,
        max_uses: Option<u64>,
    },
    /// A ratcheted key is imported; its secret in hexadecimal digits.
    Import { label: String, secret: String },
    /// A key is deleted.
    Delete { label: String },
    /// A key gets its next version; a ratcheted one steps.
    Rotate { label: String },
    /// An old version is destroyed.
    Retire { label: String, version: u32 },
    /// A key goes to another state.
    SetState { label: String, state: State },
    /// A key's policy is replaced.
    Tighten { label: String, policy: Box<Policy> },
    /// A counted key is used.
    Use { label: String },
    /// A wrapped key is made.
    Wrap { family: String },
    /// The wrapped keys of a family are ended.
    Revoke { family: String },
}

impl Change {
    /// A change that this device takes.
    pub(crate) fn random(rng: &mut Rng, model: &Model) -> Change {
        let label = format!("key/{}", rng.below(LABELS));
        let family = format!("family/{}", rng.below(FAMILIES));
        match (rng.below(10), model.keys.get(&label)) {
            (0, _) if model.serving(&family).next().is_some() => Change::Revoke { family },
            (0 | 1, _) => Change::Wrap { family },
            (_, None) => new_key(rng, label),
            (_, Some(known)) => of_key(rng, label, &known.description),
        }
    }

    /// The key that it changes.
    pub(crate) fn label(&self) -> Option<&str> {
        match self {
            Change::Generate { label, .. }
            | Change::Import { label, .. }
            | Change::Delete { label }
            | Change::Rotate { label }
            | Change::Retire { label, .. }
            | Change::SetState { label, .. }
            | Change::Tighten { label, .. }
            | Change::Use { label } => Some(label),
            Change::Wrap { .. } | Change::Revoke { .. } => None,
        }
    }

    /// What the audit log tells of it, if anything.
    pub(crate) fn event(&self) -> Option<(Event, String)> {
        let event = match self {
            Change::Generate { .. } | Change::Import { .. } => Event::Created,
            Change::Delete { .. } => Event::Deleted,
            Change::Rotate { .. } => Event::Rotated,
            Change::Retire { .. } => Event::Retired,
            Change::SetState { .. } => Event::StateChanged,
            Change::Tighten { .. } => Event::PolicyTightened,
            Change::Revoke { family } => return Some((Event::Revoked, family.clone())),
            Change::Use { .. } | Change::Wrap { .. } => return None,
        };
        self.label().map(|label| (event, label.to_owned()))
    }

    /// Asks for it.
    pub(crate) fn ask(&self, client: &Client) -> Result<Trace, Error> {
        let changed = |key: Key| {
            Ok(Trace {
                proof: proof_of(&key)?,
                key: Some(key.description().clone()),
                wrapped: None,
            })
        };
        match self {
            Change::Generate {
                label,
                algorithm,
                max_uses,
            } => {
                let mut creation = client.create(label).algorithm(*algorithm);
                for user in [ALICE, BOB] {
                    creation = creation.grant(uid_identity(user), &[granted(*algorithm)]);
                }
                if let Some(uses) = max_uses {
                    creation = creation.max_uses(*uses);
                }
                changed(creation.generate()?)
            }
            Change::Import { label, secret } => {
                let creation = client.create(label).algorithm(Algorithm::Aes128Cmac);
                changed(creation.ratchet().import(&hex(secret))?)
            }
            Change::Delete { label } => client.delete(label).map(|()| Trace::default()),
            Change::Rotate { label } => changed(client.key(label)?.rotate()?),
            Change::Retire { label, version } => changed(client.key(label)?.retire(*version)?),
            Change::SetState { label, state } => {
                let key = client.key(label)?;
                changed(match state {
                    State::Active => key.resume(),
                    State::Suspended => key.suspend(),
                    State::Deactivated => key.deactivate(),
                    State::Compromised => key.compromise(),
                    _ => key.destroy(),
                }?)
            }
            Change::Tighten { label, policy } => changed(client.key(label)?.tighten(policy)?),
            Change::Use { label } => {
                let key = client.key(label)?;
                let tag = key.mac(b"counted")?;
                Ok(Trace {
                    key: Some(key.refresh()?.description().clone()),
                    proof: Some(digits(&tag)),
                    wrapped: None,
                })
            }
            Change::Wrap { family } => {
                let creation = client.create("wrapped").algorithm(Algorithm::Aes128Cmac);
                let key = creation.wrapped().family(family).generate()?;
                Ok(Trace {
                    key: None,
                    proof: proof_of(&key)?,
                    wrapped: key.wrapped_bytes().map(digits),
                })
            }
            Change::Revoke { family } => client.revoke(Some(family)).map(|_| Trace::default()),
        }
    }

    /// Whether `after` is what it makes of `before`.
    pub(crate) fn makes(
        &self,
        before: Option<&KeyDescription>,
        after: Option<&KeyDescription>,
    ) -> bool {
        let (Some(before), Some(after)) = (before, after) else {
            return match (self, before, after) {
                (
                    Change::Generate {
                        algorithm,
                        max_uses,
                        ..
                    },
                    None,
                    Some(new),
                ) => {
                    new.algorithm == *algorithm
                        && new.policy.max_uses == *max_uses
                        && new.policy.grants.len() == 2
                        && is_new(new, Origin::Generated)
                        && !new.ratchet
                }
                (Change::Import { .. }, None, Some(new)) => {
                    new.algorithm == Algorithm::Aes128Cmac
                        && is_new(new, Origin::Imported)
                        && new.ratchet
                }
                (Change::Delete { .. }, Some(_), None) => true,
                _ => false,
            };
        };
        let mut expected = before.clone();
        match self {
            Change::Rotate { .. } => {
                expected.version += 1;
                if expected.ratchet {
                    expected.versions.clear();
                }
                expected.versions.push(expected.version).unwrap();
                // Another secret, whose value nobody knows before; pairs have none.
                if before.check_value.is_some() {
                    if after.check_value.is_none() || after.check_value == before.check_value {
                        return false;
                    }
                    expected.check_value = after.check_value;
                }
            }
            Change::Retire { version, .. } => expected.versions.retain(|old| old != version),
            Change::SetState { state, .. } => {
                expected.state = *state;
                if *state == State::Destroyed {
                    expected.versions.clear();
                    expected.check_value = None;
                }
            }
            Change::Tighten { policy, .. } => expected.policy.clone_from(policy),
            Change::Use { .. } => {
                expected.uses_left = before.uses_left.and_then(|left| left.checked_sub(1));
            }
            _ => return false,
        }
        expected == *after
    }
}

fn is_new(key: &KeyDescription, origin: Origin) -> bool {
    key.origin == origin
        && key.state == State::Active
        && (key.version, &key.versions[..]) == (1, &[1])
        && (key.home, key.policy.export) == (Home::Vault, Export::Nothing)
        && key.family.is_none()
        && key.uses_left == key.policy.max_uses
}

fn granted(algorithm: Algorithm) -> Permission {
    match algorithm {
        Algorithm::Aes256Siv => Permission::Unseal,
        Algorithm::EcdsaP256 => Permission::Sign,
        _ => Permission::VerifyMac,
    }
}

fn new_key(rng: &mut Rng, label: String) -> Change {
    let mac = Algorithm::Aes128Cmac;
    let (algorithm, max_uses) = match rng.below(6) {
        0 => (Algorithm::Aes256Siv, None),
        1 => (Algorithm::EcdsaP256, None),
        2 => (Algorithm::HmacSha256, None),
        3 => (mac, None),
        4 => (mac, Some(USES)),
        _ => {
            let secret = digits(&rng.bytes(16));
            return Change::Import { label, secret };
        }
    };
    Change::Generate {
        label,
        algorithm,
        max_uses,
    }
}

fn of_key(rng: &mut Rng, label: String, key: &KeyDescription) -> Change {
    let active = key.state == State::Active;
    let old = key.versions.iter().find(|version| **version != key.version);
    let states: Vec<State> = [
        State::Active,
        State::Suspended,
        State::Deactivated,
        State::Compromised,
        State::Destroyed,
    ]
    .into_iter()
    .filter(|state| key.state.may_become(*state))
    .collect();
    match (rng.below(12), old) {
        (0..3, _) if key.uses_left.is_some_and(|left| left > 0) && active => Change::Use { label },
        (3..6, _) if active && (key.ratchet || !key.versions.is_full()) => Change::Rotate { label },
        (6 | 7, Some(version)) => Change::Retire {
            label,
            version: *version,
        },
        (6 | 8, _) if !states.is_empty() => Change::SetState {
            label,
            state: *rng.choose(&states),
        },
        (7 | 9, _) if !key.policy.grants.is_empty() => {
            let mut policy = Box::new(key.policy.clone());
            policy.grants.pop();
            Change::Tighten { label, policy }
        }
        (5 | 10, _) if active && key.uses_left.is_some() => Change::Use { label },
        _ => Change::Delete { label },
    }
}
