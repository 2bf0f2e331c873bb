//! A key as the vault holds it.

use claviger_proto::{
    Algorithm, Identity, KeyId, Label, Origin, State, Usage, message::KeyDescription,
};

use crate::crypto::Secret;

/// A key: what `describe` shows of it, and its secret.
#[derive(Debug)]
pub struct KeyRecord {
    /// Its name, unique for its owner.
    pub label: Label,
    /// Whose it is.
    pub owner: Identity,
    /// Random, drawn when it was made.
    pub id: KeyId,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its usage.
    pub usage: Usage,
    /// Whether session keys derived from it may leave.
    pub export_derived: bool,
    /// How it came here.
    pub origin: Origin,
    /// Its state.
    pub state: State,
    /// The version that produces.
    pub version: u32,
    /// The secret of that version.
    pub secret: Secret,
}

impl KeyRecord {
    /// Everything but the secret.
    #[must_use]
    pub fn describe(&self) -> KeyDescription {
        KeyDescription {
            key: self.label.clone(),
            id: self.id,
            algorithm: self.algorithm,
            usage: self.usage,
            export_derived: self.export_derived,
            origin: self.origin,
            state: self.state,
            version: self.version,
            owner: self.owner,
        }
    }

    /// Whether this is the key with this label of this owner.
    pub(super) fn is(&self, owner: &Identity, label: &Label) -> bool {
        self.owner == *owner && self.label == *label
    }
}
