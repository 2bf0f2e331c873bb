//! One key: what its policy, state and versions let be done with it.

use claviger_proto::{
    Algorithm, Digits, Export, Home, Identity, KeyId, Label, Origin, Permission, Permissions,
    State, Status, Usage, limits,
    message::{KeyDescription, Policy},
};

/// How a request names a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Where it is.
    pub(super) place: Place,
    /// Which child of it.
    pub(super) child: Option<Label>,
}

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In the vault, of this owner.
    Vault(Identity, Label),
    /// The wrapped key with this number.
    Wrapped(usize),
    /// What was the wrapped key with this number before a bit of it was turned.
    Forged(usize),
}

/// A count against a bound: what is reserved is durable, and counts as used after a restart.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) used: u64,
    pub(super) reserved: u64,
}

impl Count {
    /// Counts so many, and reserves `block` more if that goes beyond what is reserved.
    pub(super) fn add(&mut self, amount: u64, block: u64) {
        self.used += amount;
        if self.used > self.reserved {
            self.reserved += block.max(self.used - self.reserved);
        }
    }
}

/// A key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) label: Label,
    pub(super) owner: Identity,
    pub(super) id: KeyId,
    /// What of all that was renamed or given away it was last.
    pub(super) moves: u32,
    pub(super) algorithm: Algorithm,
    pub(super) usage: Usage,
    pub(super) children: Option<Algorithm>,
    pub(super) ratchet: bool,
    pub(super) state: State,
    pub(super) version: u32,
    pub(super) versions: Vec<u32>,
    pub(super) policy: Policy,
    pub(super) uses: Count,
    pub(super) version_uses: Count,
    pub(super) version_bytes: Count,
}

/// A key that Linux keeps.
#[derive(Debug, Clone)]
pub(super) struct Wrapped {
    pub(super) key: Key,
    pub(super) copy: bool,
    pub(super) family: Option<Label>,
    /// Revocations of its owner, and of its family, when it was wrapped.
    pub(super) born: [u32; 2],
}

/// What a call does with a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    /// What it needs.
    pub(super) permission: Permission,
    /// What else it needs.
    pub(super) also: Option<Permission>,
    /// Bytes of context or associated data.
    pub(super) context: Option<u32>,
    /// Bytes that are worked on.
    pub(super) bytes: usize,
}

/// The key that a call uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InUse {
    /// The key, or the key whose child it is, and which.
    pub(super) lineage: (KeyId, Option<Label>),
    /// What does the work.
    pub(super) algorithm: Algorithm,
    /// What produces.
    pub(super) version: u32,
    pub(super) versions: Vec<u32>,
}

impl InUse {
    /// Whether it has the secret of this version.
    pub(super) fn has(&self, version: u32) -> bool {
        self.versions.contains(&version)
    }
}

/// The families of uses of an algorithm.
pub(super) fn usages(algorithm: Algorithm) -> &'static [Usage] {
    match algorithm {
        Algorithm::Aes128Siv | Algorithm::Aes256Siv => &[Usage::Seal],
        Algorithm::Aes128Cmac => &[Usage::Mac, Usage::Challenge],
        Algorithm::HmacSha256 => &[Usage::Mac],
        Algorithm::Aes128Gcm => &[Usage::Encrypt],
        Algorithm::KdfCmac => &[Usage::Derive],
        Algorithm::Ed25519 | Algorithm::EcdsaP256 => &[Usage::Sign],
        other => unreachable!("{other:?} is not among those that are tried"),
    }
}

/// What a usage can permit.
pub(super) fn permissions(usage: Usage) -> &'static [Permission] {
    match usage {
        Usage::Seal => &[Permission::Seal, Permission::Unseal],
        Usage::Mac => &[Permission::Mac, Permission::VerifyMac],
        Usage::Sign => &[Permission::Sign],
        Usage::Challenge => &[Permission::Challenge],
        Usage::Encrypt => &[Permission::Encrypt, Permission::Decrypt],
        Usage::Derive => &[Permission::Derive],
        other => unreachable!("{other:?} is not among those that are tried"),
    }
}

/// Whether this protects anew.
pub(super) fn protects(permission: Permission) -> bool {
    matches!(
        permission,
        Permission::Seal
            | Permission::Mac
            | Permission::Sign
            | Permission::Challenge
            | Permission::Encrypt
            | Permission::Derive
    )
}

pub(super) fn within(some: Permissions, all: &[Permission]) -> bool {
    some.iter().all(|one| all.contains(&one))
}

pub(super) fn encrypts_boundedly(algorithm: Algorithm) -> bool {
    algorithm == Algorithm::Aes128Gcm
}

/// Whether a policy says what it can say of such a key.
pub(super) fn fits(policy: &Policy, key: &Key) -> bool {
    let possible = permissions(key.usage);
    let takes_bytes = |usage: Usage| usage == Usage::Seal || usage == Usage::Encrypt;
    let bytes = takes_bytes(key.usage)
        || key.usage == Usage::Derive
            && key
                .children
                .is_some_and(|algorithm| takes_bytes(usages(algorithm)[0]));
    let mut to: Vec<Identity> = policy.grants.iter().map(|grant| grant.to).collect();
    to.push(key.owner);
    to.sort_unstable();
    let distinct = to.windows(2).all(|pair| pair[0] != pair[1]);
    let grants = policy
        .grants
        .iter()
        .all(|grant| grant.may.iter().count() > 0 && within(grant.may, possible));
    let bounds = [
        policy.max_uses,
        policy.rotate_after_uses,
        policy.rotate_after_bytes,
    ];
    let rotates = policy.rotate_after_uses.is_some() || policy.rotate_after_bytes.is_some();
    let shared = match (policy.export, &policy.shares) {
        (Export::Shares, Some(shares)) => {
            (2..=8).contains(&shares.shares) && (2..=shares.shares).contains(&shares.threshold)
        }
        (Export::Shares, None) => false,
        (_, shares) => shares.is_none(),
    };
    within(policy.owner, possible)
        && distinct
        && grants
        && bounds.iter().all(|bound| *bound != Some(0))
        && policy.min_context <= 1024
        && (bytes || policy.min_context == 0)
        && (bytes || policy.rotate_after_bytes.is_none())
        && shared
        && (!policy.export_derived || matches!(key.usage, Usage::Challenge | Usage::Derive))
        && !(key.ratchet && rotates)
        && !(key.ratchet && policy.export != Export::Nothing)
        && !(policy.max_uses.is_some() && policy.export == Export::Shares)
}

/// Whether `new` lets nobody do more than `old`.
pub(super) fn is_tighter(old: &Policy, new: &Policy) -> bool {
    let bound = |old: Option<u64>, new: Option<u64>| match old {
        None => true,
        Some(old) => new.is_some_and(|new| new <= old),
    };
    let had = |identity: Identity| -> Vec<Permission> {
        let grants = old.grants.iter().filter(|grant| grant.to == identity);
        grants.flat_map(|grant| grant.may.iter()).collect()
    };
    let granted = |identity: Identity| old.grants.iter().any(|grant| grant.to == identity);
    within(new.owner, &old.owner.iter().collect::<Vec<_>>())
        && new
            .grants
            .iter()
            .all(|grant| granted(grant.to) && within(grant.may, &had(grant.to)))
        && bound(old.max_uses, new.max_uses)
        && bound(old.rotate_after_uses, new.rotate_after_uses)
        && bound(old.rotate_after_bytes, new.rotate_after_bytes)
        && new.min_context >= old.min_context
        && new.rollback_level >= old.rollback_level
        && match new.export {
            Export::Nothing => new.shares.is_none(),
            other => other == old.export && new.shares == old.shares,
        }
        && (old.export_derived || !new.export_derived)
        && (new.fixed_owner || !old.fixed_owner)
}

impl Key {
    pub(super) fn has_part(&self, who: Identity) -> bool {
        who == Identity::ADMINISTRATOR
            || who == self.owner
            || self.policy.grants.iter().any(|grant| grant.to == who)
    }

    /// Whether what it, or its children, encrypt is bounded for each version.
    pub(super) fn is_bounded(&self) -> bool {
        encrypts_boundedly(self.algorithm) || self.children.is_some_and(encrypts_boundedly)
    }

    pub(super) fn is_counted(&self) -> bool {
        let policy = &self.policy;
        policy.max_uses.is_some()
            || policy.rotate_after_uses.is_some()
            || policy.rotate_after_bytes.is_some()
            || self.is_bounded()
    }

    /// Whether it, or its child, may do this for this caller.
    pub(super) fn admits(
        &self,
        who: Identity,
        child: bool,
        work: &Work,
        rollback_level: u32,
    ) -> Result<(), Status> {
        let others = who != self.owner;
        for permission in [Some(work.permission), work.also].into_iter().flatten() {
            let may = if others {
                let grant = self.policy.grants.iter().find(|grant| grant.to == who);
                grant.ok_or(Status::NotFound)?.may
            } else {
                self.policy.owner
            };
            let own = if child {
                Permission::Derive
            } else {
                permission
            };
            if !permissions(self.usage).contains(&own) {
                return Err(Status::WrongUsage);
            }
            if may.iter().all(|one| one != own) {
                return Err(Status::NotPermitted);
            }
            if child {
                let algorithm = self.children.ok_or(Status::NoChildren)?;
                if !permissions(usages(algorithm)[0]).contains(&permission) {
                    return Err(Status::WrongUsage);
                }
            }
            let serves = match self.state {
                State::Active => true,
                State::Suspended | State::Deactivated => !protects(permission),
                State::Compromised => !protects(permission) && !others,
                _ => false,
            };
            if !serves {
                return Err(Status::WrongState);
            }
        }
        if work
            .context
            .is_some_and(|length| length < self.policy.min_context)
        {
            return Err(Status::ContextTooShort);
        }
        if self.policy.rollback_level > rollback_level {
            return Err(Status::RollbackLevel);
        }
        Ok(())
    }

    pub(super) fn add_version(&mut self) -> Result<(), Status> {
        if self.ratchet {
            self.versions.clear();
        }
        if self.versions.len() == limits::VERSIONS {
            return Err(Status::VersionsFull);
        }
        self.version += 1;
        self.versions.push(self.version);
        self.version_uses = Count::default();
        self.version_bytes = Count::default();
        Ok(())
    }

    /// Counts a use that was admitted; the version gives way before it if that is due.
    pub(super) fn count(&mut self, work: &Work) -> Result<(), Status> {
        let Policy {
            max_uses,
            rotate_after_uses,
            rotate_after_bytes,
            ..
        } = self.policy;
        if max_uses.is_some_and(|most| self.uses.used >= most) {
            return Err(Status::UsesExhausted);
        }
        let protects = protects(work.permission);
        let due = rotate_after_uses.is_some_and(|most| self.version_uses.used >= most)
            || rotate_after_bytes.is_some_and(|most| self.version_bytes.used >= most);
        if protects && due {
            self.add_version()?;
        }
        // A sixteenth of the bound is reserved at once, and no more than is left.
        let block = |bound: Option<u64>, most: u64| match bound {
            None => most,
            Some(bound) => (bound / 16).clamp(1, most),
        };
        if let Some(most) = max_uses {
            let left = most.saturating_sub(self.uses.reserved);
            self.uses.add(1, block(max_uses, 256).min(left));
        }
        let encrypts = self.is_bounded() && work.permission == Permission::Encrypt;
        if encrypts || protects && rotate_after_uses.is_some() {
            self.version_uses.add(1, block(rotate_after_uses, 4096));
        }
        if protects && rotate_after_bytes.is_some() {
            let most = block(rotate_after_bytes, 16 << 20);
            self.version_bytes.add(work.bytes as u64, most);
        }
        Ok(())
    }

    pub(super) fn in_use(&self, child: Option<&Label>) -> InUse {
        InUse {
            lineage: (self.id, child.cloned()),
            algorithm: match (child, self.children) {
                (Some(_), Some(algorithm)) => algorithm,
                _ => self.algorithm,
            },
            version: self.version,
            versions: self.versions.clone(),
        }
    }

    /// What is wrapped of it.
    pub(super) fn copy(&self) -> Key {
        let mut copy = self.clone();
        copy.versions = vec![copy.version];
        copy.policy.export = Export::Nothing;
        copy.policy.shares = None;
        copy
    }

    pub(super) fn describe(&self, home: Home, family: Option<&Label>) -> KeyDescription {
        let policy = &self.policy;
        let counted = policy.rotate_after_uses.is_some() || self.is_bounded();
        KeyDescription {
            key: self.label.clone(),
            id: self.id,
            algorithm: self.algorithm,
            usage: self.usage,
            children: self.children,
            ratchet: self.ratchet,
            origin: Origin::Generated,
            state: self.state,
            version: self.version,
            versions: self.versions.iter().copied().collect(),
            owner: self.owner,
            home,
            family: family.cloned(),
            uses_left: policy
                .max_uses
                .map(|most| most.saturating_sub(self.uses.used)),
            version_uses: counted.then_some(self.version_uses.used),
            version_bytes: policy.rotate_after_bytes.map(|_| self.version_bytes.used),
            policy: policy.clone(),
            // Whether there is one: the model knows no secrets.
            check_value: (!self.versions.is_empty() && self.algorithm != Algorithm::Ed25519)
                .then_some(SOME_CHECK_VALUE),
        }
    }
}

/// What stands for every check value.
const SOME_CHECK_VALUE: Digits<5> = Digits([0xcc; 5]);

/// A description in which [`SOME_CHECK_VALUE`] stands for whichever there is.
pub(super) fn shown(description: KeyDescription) -> KeyDescription {
    KeyDescription {
        check_value: description.check_value.map(|_| SOME_CHECK_VALUE),
        ..description
    }
}
