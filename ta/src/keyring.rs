//! The keys that calls use, wherever they are: in the vault or wrapped, themselves or children.

mod in_use;
mod stream;
mod unwrapped;
mod wrap;

use claviger_proto::{
    Home, Identity, KeyRef, Label, Permission, Place, Status, audit::Event, limits,
    message::KeyDescription, ratchet,
};

use crate::{
    crypto::{Secret, kdf},
    exchange::Payload,
    platform::Platform,
    policy,
    session::Caller,
    vault::{Counters, KeyRecord, Note, Vault},
};
pub use in_use::{InUse, Role, Working};
pub use stream::Begun;
use unwrapped::Unwrapped;

/// The most that is reserved at once of a bound: what a crash may cost.
const AHEAD: Counters = Counters {
    uses: 256,
    version_uses: 4096,
    version_bytes: 16 << 20,
};

/// Every key that there is.
pub struct Keyring<P: Platform> {
    /// Keys at rest.
    pub vault: Vault<P>,
    unwrapped: Unwrapped,
}

impl<P: Platform> Default for Keyring<P> {
    fn default() -> Self {
        Keyring {
            vault: Vault::default(),
            unwrapped: Unwrapped::default(),
        }
    }
}

/// What a call does with a key.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    permission: Permission,
    also: Option<Permission>,
    context: Option<usize>,
    beside: usize,
    begins: bool,
}

impl Work {
    /// This, with a payload that is all worked on.
    #[must_use]
    pub fn new(permission: Permission) -> Work {
        Work {
            permission,
            also: None,
            context: None,
            beside: 0,
            begins: true,
        }
    }

    /// And this with what was made before.
    #[must_use]
    pub fn also(self, permission: Permission) -> Work {
        Work {
            also: Some(permission),
            ..self
        }
    }

    /// Under a context, or associated data, of so many bytes at the payload's front.
    #[must_use]
    pub fn context(self, length: usize) -> Work {
        Work {
            context: Some(length),
            beside: self.beside.saturating_add(length),
            ..self
        }
    }

    /// With so many bytes in the payload that are not worked on.
    #[must_use]
    pub fn beside(self, length: usize) -> Work {
        Work {
            beside: self.beside.saturating_add(length),
            ..self
        }
    }

    /// With so many bytes in the payload that are not worked on; goes on with what was begun,
    /// which must not see the version change.
    #[must_use]
    pub fn continues(self, beside: usize) -> Work {
        Work {
            begins: false,
            ..self.beside(beside)
        }
    }
}

impl<P: Platform> Keyring<P> {
    /// The key that a request names, for this work: admits the caller, counts the use, and rotates
    /// the key first if its policy says so. A wrapped key's bytes are taken off the payload.
    ///
    /// # Errors
    /// Those of [`policy::permits`] and [`policy::serves`]; [`Status::ContextTooShort`]; [`Status::RollbackLevel`];
    /// [`Status::UsesExhausted`]; [`Status::UseLimit`]; [`Status::VersionsFull`];
    /// [`Status::Superseded`] for more of what was begun, far past what a version may do;
    /// [`Status::NoChildren`]; for a wrapped key [`Status::NotAuthentic`] and [`Status::Revoked`];
    /// a status of storage.
    pub fn use_key<'a>(
        &'a mut self,
        platform: &mut P,
        caller: &Caller,
        key: &'a KeyRef,
        payload: &mut Payload,
        work: Work,
    ) -> Result<InUse<'a>, Status> {
        let identity = caller.identity()?;
        let child = key.child.as_ref();
        match &key.place {
            Place::Vault { owner, label } => {
                let owner = owner.unwrap_or(identity);
                let mut place = self.vault.locate_for(platform, caller, &owner, label)?;
                let record = self.vault.at(place)?;
                admit(record, platform, &identity, child, &work)?;
                if record.is_counted() {
                    let bytes = payload.len().saturating_sub(work.beside);
                    place = self.count(platform, place, identity, &work, bytes)?;
                }
                let record = self.vault.at(place)?;
                let wrapping = None;
                Ok(InUse {
                    record,
                    wrapping,
                    child,
                })
            }
            Place::Wrapped { length } => {
                let place = self.unwrap(platform, caller, payload, *length)?;
                let original = self.original(platform, place)?;
                let (record, _) = self.unwrapped.get(place).ok_or(Status::Internal)?;
                admit(record, platform, &identity, child, &work)?;
                // What a policy counts by now is counted where it is kept.
                if let Some(original) = original.filter(|_| record.is_counted()) {
                    let bytes = payload.len().saturating_sub(work.beside);
                    self.count(platform, original, identity, &work, bytes)?;
                    // That may have been the end of the copy's version.
                    self.original(platform, place)?;
                }
                let (record, wrapping) = self.unwrapped.get(place).ok_or(Status::Internal)?;
                let wrapping = Some(wrapping);
                Ok(InUse {
                    record,
                    wrapping,
                    child,
                })
            }
        }
    }

    /// The key that a request names, to be looked at by whoever has a part in it.
    ///
    /// # Errors
    /// [`Status::NotFound`]; for a wrapped key [`Status::NotAuthentic`] and [`Status::Revoked`]; a
    /// status of storage.
    pub fn look<'a>(
        &'a mut self,
        platform: &mut P,
        caller: &Caller,
        key: &'a KeyRef,
        payload: &mut Payload,
    ) -> Result<InUse<'a>, Status> {
        let (record, wrapping) = match &key.place {
            Place::Vault { owner, label } => {
                let owner = owner.map_or_else(|| caller.identity(), Ok)?;
                let place = self.vault.locate_for(platform, caller, &owner, label)?;
                (self.vault.at(place)?, None)
            }
            Place::Wrapped { length } => {
                let place = self.unwrap(platform, caller, payload, *length)?;
                self.original(platform, place)?;
                let (record, wrapping) = self.unwrapped.get(place).ok_or(Status::Internal)?;
                (record, Some(wrapping))
            }
        };
        if policy::has_part(record, caller) {
            let child = key.child.as_ref();
            Ok(InUse {
                record,
                wrapping,
                child,
            })
        } else {
            Err(Status::NotFound)
        }
    }

    /// What there is to say of a key to whoever has a part in it.
    ///
    /// # Errors
    /// As [`Keyring::look`]; [`Status::NoChildren`] for a child, of which nothing is kept.
    pub fn describe(
        &mut self,
        platform: &mut P,
        caller: &Caller,
        key: &KeyRef,
        payload: &mut Payload,
    ) -> Result<KeyDescription, Status> {
        if key.child.is_some() {
            return Err(Status::NoChildren);
        }
        let mut described = self.described(platform, caller, key, payload)?;
        // A secret that can be guessed can be confirmed with it.
        if !caller.is_administrator() && caller.identity()? != described.owner {
            described.check_value = None;
        }
        Ok(described)
    }

    fn described(
        &mut self,
        platform: &mut P,
        caller: &Caller,
        key: &KeyRef,
        payload: &mut Payload,
    ) -> Result<KeyDescription, Status> {
        let key = self.look(platform, caller, key, payload)?;
        match key.wrapping {
            None => {
                let (owner, label) = (key.record.owner, key.record.label.clone());
                self.describe_stored(platform, &owner, &label)
            }
            Some(wrapping) => {
                let (copy, family) = (wrapping.copy, wrapping.family.clone());
                let record = key.record;
                let described = record.describe(record.counters, Home::Wrapped, family);
                if !copy {
                    return Ok(described);
                }
                let stored = self.describe_stored(platform, &described.owner, &described.key)?;
                Ok(KeyDescription {
                    uses_left: stored.uses_left,
                    version_uses: stored.version_uses,
                    version_bytes: stored.version_bytes,
                    ..described
                })
            }
        }
    }

    /// What there is to say of a key of the vault.
    ///
    /// # Errors
    /// As [`Vault::find`].
    pub fn describe_stored(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
    ) -> Result<KeyDescription, Status> {
        let place = self.vault.locate(platform, owner, label)?;
        let used = self.vault.used(place)?;
        Ok(self.vault.at(place)?.describe(used, Home::Vault, None))
    }

    /// Adds a primary version to a key of the vault.
    ///
    /// # Errors
    /// [`Status::WrongState`] unless it is active; [`Status::VersionsFull`]; those of
    /// [`Vault::update`].
    pub fn rotate(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
        caller: Identity,
    ) -> Result<(), Status> {
        let record = self.vault.find(platform, owner, label)?;
        if !record.state.serves(Permission::Seal, false) {
            return Err(Status::WrongState);
        }
        if record.ratchet {
            return self.step(platform, owner, label, caller, 1).map(drop);
        }
        let secret = Secret::generate(platform, record.algorithm)?;
        let add = |record: &mut KeyRecord| {
            record
                .add_version(secret)
                .map_err(|_| Status::VersionsFull)?;
            Ok(record.version)
        };
        let note = Note::new(caller, Event::Rotated);
        self.vault
            .update(platform, owner, label, note, add)
            .map(drop)
    }

    /// Steps a ratcheted key; what it was before is overwritten in both copies.
    ///
    /// # Errors
    /// [`Status::Degraded`]; [`Status::VersionsFull`] past the last number; those of
    /// [`Vault::update`].
    pub fn step(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        label: &Label,
        caller: Identity,
        steps: u32,
    ) -> Result<u32, Status> {
        let step = |record: &mut KeyRecord| {
            for _ in 0..steps {
                let next = record.version.checked_add(1).ok_or(Status::VersionsFull)?;
                let chain = record.secret(record.version).ok_or(Status::NoSuchVersion)?;
                let chain =
                    kdf::derive_alike(chain.as_bytes(), ratchet::LABEL, &next.to_be_bytes())?;
                record.versions.clear();
                record.add_version(chain).map_err(|_| Status::Internal)?;
            }
            Ok(record.version)
        };
        let note = Note::new(caller, Event::Rotated);
        let record = self.vault.update(platform, owner, label, note, step)?;
        Ok(record.version)
    }

    /// Declares missing shards lost, and forgets the wrapped keys whose revocation may have been
    /// there.
    ///
    /// # Errors
    /// As [`Vault::declare_lost`].
    pub fn declare_lost(&mut self, platform: &mut P, caller: Identity) -> Result<u32, Status> {
        self.unwrapped.clear();
        self.vault.declare_lost(platform, caller)
    }

    /// Destroys every key, also those that Linux keeps.
    ///
    /// # Errors
    /// As [`Vault::reset`].
    pub fn reset(&mut self, platform: &mut P) -> Result<(), Status> {
        self.unwrapped.clear();
        self.vault.reset(platform)
    }

    /// Counts a use against the bounds of the key at this place of the vault; says where it is
    /// then.
    fn count(
        &mut self,
        platform: &mut P,
        place: usize,
        caller: Identity,
        work: &Work,
        bytes: usize,
    ) -> Result<usize, Status> {
        let place = self.vault.ready_to_count(platform, place)?;
        let used = self.vault.used(place)?;
        let record = self.vault.at(place)?;
        let (owner, label) = (record.owner, record.label.clone());
        let policy = &record.policy;
        let reached = |bound: Option<u64>, used: u64| bound.is_some_and(|bound| used >= bound);
        if reached(policy.max_uses, used.uses) {
            return Err(Status::UsesExhausted);
        }
        let produces = work.permission.produces();
        let encrypts = work.permission == Permission::Encrypt;
        let limit = record.use_limit().filter(|_| encrypts);
        let due = reached(policy.rotate_after_uses, used.version_uses)
            || reached(policy.rotate_after_bytes, used.version_bytes);
        let counts_uses = limit.is_some() || produces && policy.rotate_after_uses.is_some();
        let counts_bytes = produces && policy.rotate_after_bytes.is_some();
        let amount = Counters {
            uses: policy.max_uses.is_some().into(),
            version_uses: counts_uses.into(),
            version_bytes: if counts_bytes { bytes as u64 } else { 0 },
        };
        // What was begun may go on, but not for ever: its beginning is for the caller to claim.
        let twice = |bound: Option<u64>, used: u64| {
            reached(bound.map(|bound| bound.saturating_mul(2)), used)
        };
        let overdue = twice(policy.rotate_after_uses, used.version_uses)
            || twice(policy.rotate_after_bytes, used.version_bytes);
        if produces && due && work.begins {
            self.rotate(platform, &owner, &label, caller)?;
        } else if produces && overdue {
            return Err(Status::Superseded);
        } else if reached(limit, used.version_uses) {
            return Err(Status::UseLimit);
        }
        self.vault.charge(platform, &owner, &label, amount, ahead)
    }
}

/// How much of a key's bounds is reserved at once: a sixteenth, within limits.
fn ahead(key: &KeyRecord) -> Counters {
    let policy = &key.policy;
    let part =
        |bound: Option<u64>, most: u64| bound.map_or(most, |bound| (bound >> 4).clamp(1, most));
    let left = policy
        .max_uses
        .unwrap_or(u64::MAX)
        .saturating_sub(key.counters.uses);
    Counters {
        uses: part(policy.max_uses, AHEAD.uses).min(left),
        version_uses: part(policy.rotate_after_uses, AHEAD.version_uses),
        version_bytes: part(policy.rotate_after_bytes, AHEAD.version_bytes),
    }
}

/// Whether this caller may do this work with this key, or with a child of it.
fn admit(
    record: &KeyRecord,
    platform: &impl Platform,
    caller: &Identity,
    child: Option<&Label>,
    work: &Work,
) -> Result<(), Status> {
    for permission in [Some(work.permission), work.also].into_iter().flatten() {
        if child.is_none() || permission == Permission::Derive {
            policy::permits(record, caller, permission)?;
        } else {
            policy::permits(record, caller, Permission::Derive)?;
            let algorithm = record.children.ok_or(Status::NoChildren)?;
            let usage = algorithm.usages().first().ok_or(Status::WrongUsage)?;
            if !usage.permissions().contains(permission) {
                return Err(Status::WrongUsage);
            }
        }
        policy::serves(record, caller, permission)?;
    }
    if child.is_some() && record.children.is_none() {
        return Err(Status::NoChildren);
    }
    let policy = &record.policy;
    let short = |length: usize| length < policy.min_context as usize;
    if work.context.is_some_and(short) {
        return Err(Status::ContextTooShort);
    }
    policy::expect_level(policy, platform)
}

const _: () = assert!(limits::DERIVED == crate::crypto::SECRET_MAX);

#[cfg(all(test, feature = "workstation"))]
mod tests;
