//! What `generate` and `import` have in common.

use claviger_proto::{Algorithm, Digits, Label, Origin, State, Status, Usage};

use crate::{
    Platform, crypto::Secret, platform::random, policy, session::Caller, vault::KeyRecord,
};

/// What a client asks of a new key.
pub(super) struct NewKey {
    pub(super) label: Label,
    pub(super) algorithm: Algorithm,
    pub(super) usage: Option<Usage>,
    pub(super) export_derived: bool,
}

impl NewKey {
    /// The key, to be kept for the caller.
    pub(super) fn with(
        self,
        platform: &mut impl Platform,
        caller: &Caller,
        origin: Origin,
        secret: Secret,
    ) -> Result<KeyRecord, Status> {
        Ok(KeyRecord {
            label: self.label,
            owner: caller.identity()?,
            id: Digits(random(platform)?),
            algorithm: self.algorithm,
            usage: policy::settle_usage(self.algorithm, self.usage, self.export_derived)?,
            export_derived: self.export_derived,
            origin,
            state: State::Active,
            version: 1,
            secret,
        })
    }
}
