//! What the contract says of keys, once more and in plain data: no cryptography, no storage, every
//! rule where it applies. Written from the documentation of `claviger-proto`, not from the trusted
//! application.

use std::collections::BTreeMap;

use claviger_proto::{
    Algorithm, Digits, Export, Home, Identity, KeyId, Label, Origin, Permissions, State, Status,
    Usage,
    message::{KeyDescription, KeySummary, NewKey, Policy},
};

use super::key::*;

/// All keys.
#[derive(Debug)]
pub(super) struct Model {
    keys: BTreeMap<(Identity, Label), Key>,
    wrapped: Vec<Wrapped>,
    /// How often an owner's wrapped keys, or those of a family, were revoked, and the last number.
    revocations: BTreeMap<(Identity, Option<Label>), (u32, u64)>,
    /// How often an owner's were revoked in all when root did that last.
    ended: BTreeMap<Identity, u32>,
    rollback_level: u32,
    /// How often a key was renamed or given away.
    moves: u32,
}

impl Model {
    /// Nobody has any key, on a device with this rollback protection.
    pub(super) fn new(rollback_level: u32) -> Model {
        Model {
            keys: BTreeMap::new(),
            wrapped: Vec::new(),
            revocations: BTreeMap::new(),
            ended: BTreeMap::new(),
            rollback_level,
            moves: 0,
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
                let now = self.unwrap(*number).ok();
                let key = now.as_ref().unwrap_or(&wrapped.key);
                Some(key.describe(Home::Wrapped, None))
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
            moves: 0,
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
        let shares = policy.shares.as_ref().map_or(0, |shares| shares.shares);
        if new.recipients.len() != usize::from(shares) {
            return Err(Status::WrongRecipients);
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

    /// A wrapped key, if it still serves at all: a copy is what its key is by now, but for the
    /// versions and that it does not leave again.
    fn unwrap(&self, number: usize) -> Result<Key, Status> {
        let wrapped = &self.wrapped[number];
        let key = &wrapped.key;
        if wrapped.born != self.generations(key.owner, wrapped.family.as_ref()) {
            return Err(Status::Revoked);
        }
        if !wrapped.copy {
            return Ok(key.clone());
        }
        let original = self.keys.get(&(key.owner, key.label.clone()));
        let same = |it: &&Key| (it.id, it.version, it.moves) == (key.id, key.version, key.moves);
        let original = original.filter(same);
        Ok(original.ok_or(Status::Revoked)?.copy())
    }

    /// As [`Model::unwrap`], for who had a part in it when it was wrapped.
    fn unwrap_for(&self, who: Identity, number: usize) -> Result<Key, Status> {
        match self.wrapped[number].key.has_part(who) {
            true => self.unwrap(number),
            false => Err(Status::NotFound),
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
                let key = self.unwrap_for(who, *number)?;
                key.admits(who, child.is_some(), &work, level)?;
                if key.is_counted() {
                    let original = self.keys.get_mut(&(key.owner, key.label.clone()));
                    original.ok_or(Status::Revoked)?.count(&work)?;
                    self.unwrap(*number)?;
                }
                Ok(key.in_use(child))
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

    fn look(&self, who: Identity, place: &Place) -> Result<(Key, Home, Option<&Label>), Status> {
        let (key, home, family) = match place {
            Place::Forged(_) => return Err(Status::NotAuthentic),
            Place::Wrapped(number) => {
                let family = self.wrapped[*number].family.as_ref();
                (self.unwrap_for(who, *number)?, Home::Wrapped, family)
            }
            Place::Vault(owner, label) => {
                let key = self.keys.get(&(*owner, label.clone()));
                (key.ok_or(Status::NotFound)?.clone(), Home::Vault, None)
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
        let mut described = key.describe(home, family);
        if who != key.owner && who != Identity::ADMINISTRATOR {
            described.check_value = None;
        }
        Ok(described)
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
        self.listed(who, |key| key.owner == owner && key.has_part(who))
    }

    /// `list-granted`, by owner and label.
    pub(super) fn list_granted(&self, who: Identity) -> Vec<KeySummary> {
        self.listed(who, |key| key.policy.grants.iter().any(|one| one.to == who))
    }

    /// `list-all`, by owner and label.
    pub(super) fn list_all(&self, who: Identity) -> Result<Vec<KeySummary>, Status> {
        match who == Identity::ADMINISTRATOR {
            true => Ok(self.listed(who, |_| true)),
            false => Err(Status::AdministratorOnly),
        }
    }

    fn listed(&self, who: Identity, shown: impl Fn(&Key) -> bool) -> Vec<KeySummary> {
        let may = |key: &Key| {
            let grant = key.policy.grants.iter().find(|grant| grant.to == who);
            match grant {
                _ if key.owner == who => key.policy.owner,
                Some(grant) => grant.may,
                None => Permissions::NONE,
            }
        };
        let shown = self.keys.values().filter(|key| shown(key));
        shown
            .map(|key| KeySummary {
                key: key.label.clone(),
                id: key.id,
                algorithm: key.algorithm,
                usage: key.usage,
                origin: Origin::Generated,
                state: key.state,
                version: key.version,
                owner: key.owner,
                may: may(key),
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

    /// `rename`.
    pub(super) fn rename(
        &mut self,
        who: Identity,
        target: &Target,
        to: &Label,
    ) -> Result<KeyDescription, Status> {
        let (owner, label) = Self::managed(who, target)?;
        if !self.keys.contains_key(&(owner, label.clone())) {
            return Err(Status::NotFound);
        }
        self.moved((owner, label), (owner, to.clone()))
    }

    /// `chown`.
    pub(super) fn chown(
        &mut self,
        who: Identity,
        target: &Target,
        to: Identity,
    ) -> Result<KeyDescription, Status> {
        if who != Identity::ADMINISTRATOR {
            return Err(Status::AdministratorOnly);
        }
        let place = Self::managed(who, target)?;
        let key = self.keys.get(&place).ok_or(Status::NotFound)?;
        let policy = &key.policy;
        if policy.fixed_owner {
            return Err(Status::OwnerFixed);
        }
        let mut granted = policy.grants.iter().filter(|grant| grant.to == to);
        let mine: Vec<_> = policy.owner.iter().collect();
        if granted.any(|grant| !within(grant.may, &mine)) {
            return Err(Status::GrantToOwner);
        }
        let label = place.1.clone();
        self.moved(place, (to, label))
    }

    /// Wrapped copies know the key by the number of its moves.
    fn moved(
        &mut self,
        from: (Identity, Label),
        to: (Identity, Label),
    ) -> Result<KeyDescription, Status> {
        if self.keys.contains_key(&to) {
            return Err(Status::AlreadyExists);
        }
        let mut key = self.keys.remove(&from).ok_or(Status::NotFound)?;
        self.moves += 1;
        (key.owner, key.label) = to.clone();
        key.moves = self.moves;
        key.policy.grants.retain(|grant| grant.to != to.0);
        let description = key.describe(Home::Vault, None);
        self.keys.insert(to, key);
        Ok(description)
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
        let key = self.keys.get(&place).ok_or(Status::NotFound)?;
        if key.policy.export != Export::Wrapped {
            return Err(Status::NotExportable);
        }
        if key.state != State::Active {
            return Err(Status::WrongState);
        }
        if key.policy.rollback_level > self.rollback_level {
            return Err(Status::RollbackLevel);
        }
        if key.is_counted() {
            return Err(Status::Immutable);
        }
        let copy = key.copy();
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
    ) -> Result<u64, Status> {
        if who != owner && who != Identity::ADMINISTRATOR {
            return Err(Status::AdministratorOnly);
        }
        // Nothing is kept of a family from before all was revoked, nor of what root ended.
        let [all, _] = self.generations(owner, None);
        let ended = self.ended.get(&owner).copied().unwrap_or(0);
        let since = if family.is_some() { all } else { ended };
        let wrapped = |one: &Wrapped| {
            one.key.owner == owner
                && one.born[0] >= since
                && (family.is_none() || one.family == family)
        };
        if !self.wrapped.iter().any(wrapped) {
            return Err(Status::NothingWrapped);
        }
        let everything = family.is_none();
        let revoked = self.revocations.entry((owner, family)).or_default();
        revoked.0 += 1;
        let before = revoked.1;
        if everything {
            if who != owner {
                self.ended.insert(owner, revoked.0);
            }
            let families = self.revocations.iter_mut();
            let theirs = families.filter(|((of, family), _)| *of == owner && family.is_some());
            theirs.for_each(|(_, (_, number))| *number = 0);
        }
        Ok(before)
    }

    /// Which generation it was.
    pub(super) fn revoked(&mut self, owner: Identity, family: Option<Label>, generation: u64) {
        self.revocations.entry((owner, family)).or_default().1 = generation;
    }
}
