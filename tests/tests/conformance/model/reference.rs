//! What the contract says of keys, once more and in plain data: no cryptography, no storage, every
//! rule where it applies. Written from the documentation of `claviger-proto`, not from the trusted
//! application.

use std::collections::BTreeMap;

use claviger_proto::{
    Algorithm, Digits, Export, Home, Identity, KeyId, Label, Origin, Permission, Permissions,
    State, Status, Usage, limits,
    message::{KeyDescription, KeySummary, NewKey, Policy},
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
struct Count {
    used: u64,
    reserved: u64,
}

impl Count {
    /// Counts so many, and reserves `block` more if that goes beyond what is reserved.
    fn add(&mut self, amount: u64, block: u64) {
        self.used += amount;
        if self.used > self.reserved {
            self.reserved += block.max(self.used - self.reserved);
        }
    }
}

/// A key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    label: Label,
    owner: Identity,
    id: KeyId,
    algorithm: Algorithm,
    usage: Usage,
    children: Option<Algorithm>,
    ratchet: bool,
    state: State,
    version: u32,
    versions: Vec<u32>,
    policy: Policy,
    uses: Count,
    version_uses: Count,
    version_bytes: Count,
}

/// A key that Linux keeps.
#[derive(Debug, Clone)]
struct Wrapped {
    key: Key,
    copy: bool,
    family: Option<Label>,
    /// Revocations of its owner, and of its family, when it was wrapped.
    born: [u32; 2],
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
    versions: Vec<u32>,
}

impl InUse {
    /// Whether it has the secret of this version.
    pub(super) fn has(&self, version: u32) -> bool {
        self.versions.contains(&version)
    }
}

/// All keys.
#[derive(Debug)]
pub(super) struct Model {
    keys: BTreeMap<(Identity, Label), Key>,
    wrapped: Vec<Wrapped>,
    /// How often an owner's wrapped keys, or those of a family, were revoked, and the last number.
    revocations: BTreeMap<(Identity, Option<Label>), (u32, u32)>,
    rollback_level: u32,
}

/// The families of uses of an algorithm.
fn usages(algorithm: Algorithm) -> &'static [Usage] {
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
fn protects(permission: Permission) -> bool {
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

fn within(some: Permissions, all: &[Permission]) -> bool {
    some.iter().all(|one| all.contains(&one))
}

fn encrypts_boundedly(algorithm: Algorithm) -> bool {
    algorithm == Algorithm::Aes128Gcm
}

/// Whether a policy says what it can say of such a key.
fn fits(policy: &Policy, key: &Key) -> bool {
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
fn is_tighter(old: &Policy, new: &Policy) -> bool {
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
}

impl Key {
    fn has_part(&self, who: Identity) -> bool {
        who == Identity::ADMINISTRATOR
            || who == self.owner
            || self.policy.grants.iter().any(|grant| grant.to == who)
    }

    /// Whether what it, or its children, encrypt is bounded for each version.
    fn is_bounded(&self) -> bool {
        encrypts_boundedly(self.algorithm) || self.children.is_some_and(encrypts_boundedly)
    }

    fn is_counted(&self) -> bool {
        let policy = &self.policy;
        policy.max_uses.is_some()
            || policy.rotate_after_uses.is_some()
            || policy.rotate_after_bytes.is_some()
            || self.is_bounded()
    }

    /// Whether it, or its child, may do this for this caller.
    fn admits(
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

    fn add_version(&mut self) -> Result<(), Status> {
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
    fn count(&mut self, work: &Work) -> Result<(), Status> {
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

    fn in_use(&self, child: Option<&Label>) -> InUse {
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

    fn describe(&self, home: Home, family: Option<&Label>) -> KeyDescription {
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
        }
    }
}

impl Model {
    /// Nobody has any key, on a device with this rollback protection.
    pub(super) fn new(rollback_level: u32) -> Model {
        Model {
            keys: BTreeMap::new(),
            wrapped: Vec::new(),
            revocations: BTreeMap::new(),
            rollback_level,
        }
    }

    /// The keys of the vault.
    pub(super) fn places(&self) -> impl Iterator<Item = &(Identity, Label)> {
        self.keys.keys()
    }

    /// The key at this place, whoever may see it.
    pub(super) fn peek(&self, target: &Target) -> Option<KeyDescription> {
        match &target.place {
            Place::Vault(owner, label) => {
                let key = self.keys.get(&(*owner, label.clone()));
                key.map(|key| key.describe(Home::Vault, None))
            }
            Place::Wrapped(number) | Place::Forged(number) => {
                let wrapped = self.wrapped.get(*number)?;
                Some(wrapped.key.describe(Home::Wrapped, None))
            }
        }
    }

    /// The number of wrapped keys that were ever made.
    pub(super) fn wrapped(&self) -> usize {
        self.wrapped.len()
    }

    /// The device is switched off and on: what is reserved counts as used.
    #[cfg(feature = "emulator")]
    pub(super) fn restart(&mut self) {
        for key in self.keys.values_mut() {
            for count in [&mut key.uses, &mut key.version_uses, &mut key.version_bytes] {
                count.used = count.reserved;
            }
        }
    }

    /// `generate`; the key waits for its id, with which it is kept.
    pub(super) fn generate(&self, who: Identity, new: &NewKey) -> Result<Key, Status> {
        let usage = new.usage.unwrap_or(usages(new.algorithm)[0]);
        if !usages(new.algorithm).contains(&usage) {
            return Err(Status::UnsupportedUsage);
        }
        let key = Key {
            label: new.key.clone(),
            owner: who,
            id: Digits([0; 16]),
            algorithm: new.algorithm,
            usage,
            children: new.children,
            ratchet: new.ratchet,
            state: if new.pre_activation {
                State::PreActivation
            } else {
                State::Active
            },
            version: 1,
            versions: vec![1],
            policy: new.policy.clone(),
            uses: Count::default(),
            version_uses: Count::default(),
            version_bytes: Count::default(),
        };
        let parent = usage == Usage::Derive;
        let wrapped = new.home == Home::Wrapped;
        let bounded = encrypts_boundedly(new.algorithm)
            || parent && new.children.is_some_and(encrypts_boundedly);
        let policy = &new.policy;
        let counted = policy.max_uses.is_some()
            || policy.rotate_after_uses.is_some()
            || policy.rotate_after_bytes.is_some()
            || bounded;
        if wrapped
            && (counted || new.ratchet || new.pre_activation || policy.export != Export::Nothing)
        {
            return Err(Status::Immutable);
        }
        let underivable = new.children == Some(Algorithm::EcdsaP256);
        if new.children.is_some() && !parent
            || underivable
            || new.ratchet && usage != Usage::Mac && !parent
            || new.family.is_some() && !wrapped
        {
            return Err(Status::UnsupportedUsage);
        }
        if !fits(policy, &key) {
            return Err(Status::BadPolicy);
        }
        if !wrapped && self.keys.contains_key(&(who, new.key.clone())) {
            return Err(Status::AlreadyExists);
        }
        Ok(key)
    }

    /// Keeps a key that was generated under this id; says what it is.
    pub(super) fn keep(
        &mut self,
        key: Key,
        home: Home,
        family: Option<Label>,
        id: KeyId,
    ) -> KeyDescription {
        let key = Key { id, ..key };
        let description = key.describe(home, family.as_ref());
        if home == Home::Wrapped {
            self.add_wrapped(key, false, family);
        } else {
            self.keys.insert((key.owner, key.label.clone()), key);
        }
        description
    }

    fn add_wrapped(&mut self, key: Key, copy: bool, family: Option<Label>) {
        let born = self.generations(key.owner, family.as_ref());
        self.wrapped.push(Wrapped {
            key,
            copy,
            family,
            born,
        });
    }

    fn generations(&self, owner: Identity, family: Option<&Label>) -> [u32; 2] {
        let count = |family: Option<&Label>| {
            let found = self.revocations.get(&(owner, family.cloned()));
            found.map_or(0, |(count, _)| *count)
        };
        [count(None), family.map_or(0, |family| count(Some(family)))]
    }

    /// The wrapped key and the key that it is a copy of, if it still serves at all.
    fn unwrap(&self, number: usize) -> Result<(&Wrapped, Option<&Key>), Status> {
        let wrapped = &self.wrapped[number];
        let key = &wrapped.key;
        if wrapped.born != self.generations(key.owner, wrapped.family.as_ref()) {
            return Err(Status::Revoked);
        }
        if !wrapped.copy {
            return Ok((wrapped, None));
        }
        let original = self.keys.get(&(key.owner, key.label.clone()));
        match original.filter(|it| (it.id, it.version) == (key.id, key.version)) {
            None => Err(Status::Revoked),
            original => Ok((wrapped, original)),
        }
    }

    /// A use of a key, or of a child: counted from here on, whatever comes of it.
    pub(super) fn use_key(
        &mut self,
        who: Identity,
        target: &Target,
        work: Work,
    ) -> Result<InUse, Status> {
        let child = target.child.as_ref();
        let level = self.rollback_level;
        match &target.place {
            Place::Forged(_) => Err(Status::NotAuthentic),
            Place::Wrapped(number) => {
                let (wrapped, original) = self.unwrap(*number)?;
                for key in original.into_iter().chain([&wrapped.key]) {
                    key.admits(who, child.is_some(), &work, level)?;
                }
                Ok(wrapped.key.in_use(child))
            }
            Place::Vault(owner, label) => {
                let key = self.keys.get_mut(&(*owner, label.clone()));
                let key = key.ok_or(Status::NotFound)?;
                key.admits(who, child.is_some(), &work, level)?;
                if key.is_counted() {
                    key.count(&work)?;
                }
                Ok(key.in_use(child))
            }
        }
    }

    fn look(&self, who: Identity, place: &Place) -> Result<(&Key, Home, Option<&Label>), Status> {
        let (key, home, family) = match place {
            Place::Forged(_) => return Err(Status::NotAuthentic),
            Place::Wrapped(number) => {
                let (wrapped, _) = self.unwrap(*number)?;
                (&wrapped.key, Home::Wrapped, wrapped.family.as_ref())
            }
            Place::Vault(owner, label) => {
                let key = self.keys.get(&(*owner, label.clone()));
                (key.ok_or(Status::NotFound)?, Home::Vault, None)
            }
        };
        if !key.has_part(who) {
            return Err(Status::NotFound);
        }
        Ok((key, home, family))
    }

    /// `describe`.
    pub(super) fn describe(
        &self,
        who: Identity,
        target: &Target,
    ) -> Result<KeyDescription, Status> {
        if target.child.is_some() {
            return Err(Status::NoChildren);
        }
        let (key, home, family) = self.look(who, &target.place)?;
        Ok(key.describe(home, family))
    }

    /// `public-key`: of which version.
    pub(super) fn public_key(
        &self,
        who: Identity,
        target: &Target,
        version: Option<u32>,
    ) -> Result<(InUse, u32), Status> {
        let (key, ..) = self.look(who, &target.place)?;
        if key.state == State::Destroyed {
            return Err(Status::WrongState);
        }
        if target.child.is_some() && key.children.is_none() {
            return Err(Status::NoChildren);
        }
        let used = key.in_use(target.child.as_ref());
        if used.algorithm != Algorithm::Ed25519 {
            return Err(Status::WrongUsage);
        }
        let version = version.unwrap_or(key.version);
        if !used.has(version) {
            return Err(Status::NoSuchVersion);
        }
        Ok((used, version))
    }

    /// `list`, by label.
    pub(super) fn list(&self, who: Identity, owner: Identity) -> Vec<KeySummary> {
        let theirs = self.keys.values().filter(|key| key.owner == owner);
        theirs
            .filter(|key| key.has_part(who))
            .map(|key| KeySummary {
                key: key.label.clone(),
                id: key.id,
                algorithm: key.algorithm,
                usage: key.usage,
                origin: Origin::Generated,
                state: key.state,
                version: key.version,
                owner: key.owner,
            })
            .collect()
    }

    /// The key that only its owner and uid 0 change, to be changed if `change` lets it.
    fn change(
        &mut self,
        who: Identity,
        target: &Target,
        change: impl FnOnce(&mut Key) -> Result<(), Status>,
    ) -> Result<KeyDescription, Status> {
        let place = Self::managed(who, target)?;
        let key = self.keys.get_mut(&place).ok_or(Status::NotFound)?;
        change(key)?;
        Ok(key.describe(Home::Vault, None))
    }

    fn managed(who: Identity, target: &Target) -> Result<(Identity, Label), Status> {
        if target.child.is_some() {
            return Err(Status::NoChildren);
        }
        match &target.place {
            Place::Vault(owner, label) if who == *owner || who == Identity::ADMINISTRATOR => {
                Ok((*owner, label.clone()))
            }
            Place::Vault(..) => Err(Status::AdministratorOnly),
            _ => Err(Status::Immutable),
        }
    }

    /// `rotate`.
    pub(super) fn rotate(
        &mut self,
        who: Identity,
        target: &Target,
    ) -> Result<KeyDescription, Status> {
        self.change(who, target, |key| {
            if key.state != State::Active {
                return Err(Status::WrongState);
            }
            key.add_version()
        })
    }

    /// `retire`.
    pub(super) fn retire(
        &mut self,
        who: Identity,
        target: &Target,
        version: u32,
    ) -> Result<KeyDescription, Status> {
        self.change(who, target, |key| {
            if version == key.version {
                return Err(Status::PrimaryVersion);
            }
            let place = key.versions.iter().position(|one| *one == version);
            key.versions.remove(place.ok_or(Status::NoSuchVersion)?);
            Ok(())
        })
    }

    /// `set-state`.
    pub(super) fn set_state(
        &mut self,
        who: Identity,
        target: &Target,
        state: State,
    ) -> Result<KeyDescription, Status> {
        self.change(who, target, |key| {
            let next: &[State] = match key.state {
                State::PreActivation => &[State::Active, State::Compromised, State::Destroyed],
                State::Active => &[
                    State::Suspended,
                    State::Deactivated,
                    State::Compromised,
                    State::Destroyed,
                ],
                State::Suspended => &[
                    State::Active,
                    State::Deactivated,
                    State::Compromised,
                    State::Destroyed,
                ],
                State::Deactivated => &[State::Compromised, State::Destroyed],
                State::Compromised => &[State::Destroyed],
                _ => &[],
            };
            if !next.contains(&state) {
                return Err(Status::InvalidTransition);
            }
            key.state = state;
            if state == State::Destroyed {
                key.versions.clear();
            }
            Ok(())
        })
    }

    /// `set-policy`.
    pub(super) fn set_policy(
        &mut self,
        who: Identity,
        target: &Target,
        policy: &Policy,
    ) -> Result<KeyDescription, Status> {
        self.change(who, target, |key| {
            if !is_tighter(&key.policy, policy) {
                return Err(Status::PolicyLoosened);
            }
            if !fits(policy, key) {
                return Err(Status::BadPolicy);
            }
            key.policy = policy.clone();
            Ok(())
        })
    }

    /// `delete`.
    pub(super) fn delete(&mut self, who: Identity, target: &Target) -> Result<(), Status> {
        let place = Self::managed(who, target)?;
        self.keys.remove(&place).ok_or(Status::NotFound).map(drop)
    }

    /// `wrap`.
    pub(super) fn wrap(
        &mut self,
        who: Identity,
        target: &Target,
        family: Option<Label>,
    ) -> Result<KeyDescription, Status> {
        let place = Self::managed(who, target)?;
        let mut copy = self.keys.get(&place).ok_or(Status::NotFound)?.clone();
        if copy.policy.export != Export::Wrapped {
            return Err(Status::NotExportable);
        }
        if copy.state != State::Active {
            return Err(Status::WrongState);
        }
        if copy.is_counted() {
            return Err(Status::Immutable);
        }
        copy.versions = vec![copy.version];
        copy.policy.export = Export::Nothing;
        let description = copy.describe(Home::Wrapped, family.as_ref());
        self.add_wrapped(copy, true, family);
        Ok(description)
    }

    /// `revoke`: above which number the generation is then.
    pub(super) fn revoke(
        &mut self,
        who: Identity,
        owner: Identity,
        family: Option<Label>,
    ) -> Result<u32, Status> {
        if who != owner && who != Identity::ADMINISTRATOR {
            return Err(Status::AdministratorOnly);
        }
        let revoked = self.revocations.entry((owner, family)).or_default();
        revoked.0 += 1;
        Ok(revoked.1)
    }

    /// Which generation it was.
    pub(super) fn revoked(&mut self, owner: Identity, family: Option<Label>, generation: u32) {
        self.revocations.entry((owner, family)).or_default().1 = generation;
    }
}
