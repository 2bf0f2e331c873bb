//! What must be on the device, by its journal.

use std::collections::BTreeMap;

use claviger::{
    Algorithm, Error, Key, State,
    proto::{audit::Event, message::KeyDescription},
};
use claviger_tests::digits;

use crate::{
    change::Change,
    journal::{Entry, Trace},
};

/// What proofs are made of, and under which context.
pub(crate) const MESSAGE: &[u8] = b"claviger-load";
/// Wrapped keys of one family that are looked after.
const WRAPPED: usize = 6;

/// A key of the vault.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) description: KeyDescription,
    /// What each version made, by which it is known again.
    pub(crate) proofs: BTreeMap<u32, String>,
}

/// A wrapped key.
#[derive(Debug)]
pub(crate) struct Wrapped {
    pub(crate) family: String,
    pub(crate) revoked: bool,
    pub(crate) bytes: String,
    pub(crate) proof: String,
}

/// All that is known.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) keys: BTreeMap<String, Known>,
    pub(crate) wrapped: Vec<Wrapped>,
    /// What the audit log must tell, oldest first.
    pub(crate) history: Vec<(Event, String)>,
    /// What may have happened or not.
    pub(crate) in_flight: Option<Change>,
}

impl Model {
    /// What these entries tell.
    pub(crate) fn new(entries: Vec<Entry>) -> Model {
        let mut model = Model::default();
        for entry in entries {
            match entry {
                Entry::Begun(change) => model.in_flight = Some(change),
                Entry::Done(trace) => {
                    let change = model.in_flight.take().expect("it was begun");
                    model.apply(&change, *trace);
                }
                Entry::Undone => model.in_flight = None,
                Entry::UsesLeft { label, left } => model.set_uses_left(&label, left),
            }
        }
        model
    }

    /// Takes note of a change that happened.
    pub(crate) fn apply(&mut self, change: &Change, trace: Trace) {
        self.history.extend(change.event());
        match change {
            Change::Wrap { family } => self.add_wrapped(family, trace),
            Change::Revoke { family } => {
                for key in self.wrapped.iter_mut().filter(|key| key.family == *family) {
                    key.revoked = true;
                }
            }
            _ => {
                let label = change.label().expect("a change of a key").to_owned();
                let known = self.keys.remove(&label);
                let Some(description) = trace.key else { return };
                let mut proofs = known.map(|known| known.proofs).unwrap_or_default();
                proofs.retain(|version, _| description.versions.contains(version));
                if let Some(proof) = trace.proof {
                    proofs.entry(description.version).or_insert(proof);
                }
                self.keys.insert(
                    label,
                    Known {
                        description,
                        proofs,
                    },
                );
            }
        }
    }

    /// Takes note of how many calls may still use a key.
    pub(crate) fn set_uses_left(&mut self, label: &str, left: u64) {
        let known = self.keys.get_mut(label).expect("a key that is there");
        known.description.uses_left = Some(left);
    }

    /// The wrapped keys of a family that serve.
    pub(crate) fn serving<'a>(&'a self, family: &'a str) -> impl Iterator<Item = &'a Wrapped> {
        let of_family = move |key: &&Wrapped| key.family == family && !key.revoked;
        self.wrapped.iter().filter(of_family)
    }

    fn add_wrapped(&mut self, family: &str, trace: Trace) {
        let of_family = |key: &Wrapped| key.family == family;
        if self.wrapped.iter().filter(|key| of_family(key)).count() == WRAPPED {
            let oldest = self.wrapped.iter().position(of_family);
            self.wrapped.remove(oldest.expect("it was counted"));
        }
        self.wrapped.push(Wrapped {
            family: family.to_owned(),
            revoked: false,
            bytes: trace.wrapped.expect("a wrapped key has bytes"),
            proof: trace.proof.expect("a new key serves"),
        });
    }
}

/// What a key's primary version makes, if making it changes nothing.
pub(crate) fn proof_of(key: &Key) -> Result<Option<String>, Error> {
    let description = key.description();
    if description.state != State::Active || description.uses_left.is_some() {
        return Ok(None);
    }
    let bytes = match description.algorithm {
        Algorithm::Aes256Siv => key.seal(MESSAGE, MESSAGE)?.to_vec(),
        Algorithm::EcdsaP256 => key.public_key()?.raw(),
        _ => key.mac(MESSAGE)?,
    };
    Ok(Some(digits(&bytes)))
}
