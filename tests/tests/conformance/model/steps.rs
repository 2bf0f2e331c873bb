//! Random steps, done by the device and by the model, which must agree on each.

use std::{collections::BTreeMap, fmt::Debug};

use claviger::{Client, Error, identity::gid_identity, identity::uid_identity};
use claviger_proto::{
    Algorithm, Digits, Export, Home, Identity, KeyId, KeyRef, Label, Permission, Permissions,
    State, Status, Usage, message::*,
};
use claviger_tests::{ALICE, BOB, CAROL, Device, Handle, Rng, SENSORS, label};
use ring::signature::{ED25519, UnparsedPublicKey};

use super::reference::{InUse, Model, Place, Target, Work, permissions};

const LABELS: [&str; 3] = ["a", "b", "c"];
const FAMILIES: [&str; 2] = ["f", "g"];
const CHILDREN: [&str; 2] = ["x", "y"];
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::Aes256Siv,
    Algorithm::Aes128Siv,
    Algorithm::Aes128Cmac,
    Algorithm::HmacSha256,
    Algorithm::KdfCmac,
    Algorithm::KdfCmac,
    Algorithm::Aes128Gcm,
    Algorithm::Ed25519,
];
/// Bytes that a key made and that are kept to be tried later, at most.
const KEPT: usize = 64;
/// Wrapped keys of which one is taken: the last ones.
const RECENT: usize = 12;

/// The key that made something: its id, or its parent's and its name.
type Lineage = (KeyId, Option<Label>);

/// What a key made.
#[derive(Clone)]
struct Made {
    by: Target,
    lineage: Lineage,
    version: u32,
    context: Vec<u8>,
    text: Vec<u8>,
    bytes: Vec<u8>,
}

/// How often each status was the answer.
pub(super) type Statuses = BTreeMap<u16, (Status, usize)>;

/// A device, a model, and what came of the steps until now.
pub(super) struct Run<'a> {
    #[cfg_attr(not(feature = "emulator"), expect(dead_code))]
    device: &'a Device,
    clients: Vec<(Identity, Client)>,
    model: Model,
    rng: Rng,
    wrapped: Vec<Vec<u8>>,
    sealed: Vec<Made>,
    tags: Vec<Made>,
    encrypted: Vec<Made>,
    public: BTreeMap<(Lineage, u32), Vec<u8>>,
    /// How often each status was the answer.
    pub(super) statuses: Statuses,
    /// How often each command was done.
    pub(super) done: BTreeMap<&'static str, usize>,
    /// Which step this is, for a message.
    step: String,
}

impl<'a> Run<'a> {
    /// A run on this device, whose vault is empty.
    pub(super) fn new(device: &'a Device, seed: u64) -> Run<'a> {
        let users = [0, ALICE, BOB, CAROL];
        let users = users.map(|uid| (uid_identity(uid), device.user(uid)));
        let mut clients = Vec::from(users);
        clients.push((gid_identity(SENSORS), device.group(ALICE, SENSORS)));
        let level = clients[0].1.info().unwrap().rollback_level;
        Run {
            device,
            clients,
            model: Model::new(level),
            rng: Rng::new(seed),
            wrapped: Vec::new(),
            sealed: Vec::new(),
            tags: Vec::new(),
            encrypted: Vec::new(),
            public: BTreeMap::new(),
            statuses: Statuses::new(),
            done: BTreeMap::new(),
            step: format!("seed {seed}, before the first step"),
        }
    }

    /// Does the step with this number.
    pub(super) fn step(&mut self, seed: u64, number: usize) {
        self.step = format!("seed {seed}, step {number}");
        match self.rng.below(100) {
            0..14 => self.generate(),
            14..18 => self.describe(),
            18..21 => self.list(),
            21..31 => self.seal(),
            31..39 => self.unseal(),
            39..44 => self.reseal(),
            44..52 => self.mac(),
            52..59 => self.verify(),
            59..64 => self.encrypt(),
            64..68 => self.decrypt(),
            68..71 => self.sign(),
            71..73 => self.public_key(),
            73..79 => self.rotate(),
            79..82 => self.retire(),
            82..86 => self.set_state(),
            86..91 => self.set_policy(),
            91..93 => self.delete(),
            93..97 => self.wrap(),
            97..98 => self.revoke(),
            98..99 => self.everything(),
            _ => self.restart(),
        }
    }

    /// Looks at all that there is.
    pub(super) fn everything(&mut self) {
        let places: Vec<_> = self.model.places().cloned().collect();
        for (owner, label) in places {
            self.see(&Target {
                place: Place::Vault(owner, label),
                child: None,
            });
        }
        for who in 0..self.clients.len() {
            for owner in 0..self.clients.len() {
                self.list_of(who, self.clients[owner].0);
            }
        }
    }

    /// The device and the model say the same of what was done just now.
    #[track_caller]
    fn agree<T: Debug, U>(
        &mut self,
        command: &'static str,
        what: &dyn Debug,
        expected: Result<T, Status>,
        got: Result<U, Error>,
    ) -> Option<(T, U)> {
        let step = &self.step;
        let got = got.map_err(|error| {
            error
                .status()
                .unwrap_or_else(|| panic!("{step}: {command} {what:?}: {error:?}"))
        });
        let wanted = expected.as_ref().err().copied().unwrap_or(Status::Ok);
        let answer = got.as_ref().err().copied().unwrap_or(Status::Ok);
        assert_eq!(answer, wanted, "{step}: {command} {what:?}");
        let seen = self.statuses.entry(answer.code()).or_insert((answer, 0));
        seen.1 += 1;
        if answer == Status::Ok {
            *self.done.entry(command).or_insert(0) += 1;
        }
        expected.ok().zip(got.ok())
    }

    #[track_caller]
    fn same<T: PartialEq + Debug>(&self, what: &dyn Debug, got: &T, expected: &T) {
        assert_eq!(got, expected, "{}: {what:?}", self.step);
    }

    /// Uid 0 sees of a key what the model says of it.
    fn see(&mut self, target: &Target) {
        let Place::Vault(owner, label) = &target.place else {
            return;
        };
        let target = Target {
            child: None,
            ..target.clone()
        };
        if self.model.peek(&target).is_some() {
            let expected = self.model.describe(Identity::ADMINISTRATOR, &target);
            let got = self.clients[0].1.describe_of(label.as_str(), *owner);
            if let Some((expected, got)) = self.agree("see", &target, expected, got) {
                self.same(&target, &got, &expected);
            }
        }
    }
}

/// What is done, and with what.
impl Run<'_> {
    fn odds(&mut self, percent: usize) -> bool {
        self.rng.below(100) < percent
    }

    fn one_of(&mut self, texts: &[&str]) -> Label {
        label(self.rng.choose::<&str>(texts))
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.rng.below(most + 1);
        self.rng.bytes(length)
    }

    /// A key of one of these usages if there is one, or any, or one that there is not.
    fn target(&mut self, usages: &[Usage]) -> Target {
        let chance = self.rng.below(100);
        let count = self.model.wrapped();
        let recent = count.min(RECENT);
        let all: Vec<Target> = if chance < 25 && recent > 0 {
            (count - recent..count)
                .map(|number| Place::Wrapped(number).into())
                .collect()
        } else {
            let places = self.model.places().cloned();
            places
                .map(|(owner, label)| Place::Vault(owner, label).into())
                .collect()
        };
        let suits = |target: &&Target| {
            let key = self.model.peek(target);
            key.is_some_and(|key| usages.contains(&key.usage))
        };
        let suitable: Vec<Target> = all.iter().filter(suits).cloned().collect();
        let from = if suitable.is_empty() || chance.is_multiple_of(10) {
            all
        } else {
            suitable
        };
        if from.is_empty() || chance == 99 {
            let who = self.rng.below(self.clients.len());
            let name = self.one_of(&LABELS);
            return Place::Vault(self.clients[who].0, name).into();
        }
        let mut target = self.rng.choose(&from).clone();
        if let Place::Wrapped(number) = target.place
            && self.odds(4)
        {
            target.place = Place::Forged(number);
        }
        let parent = self.model.peek(&target);
        let parent = parent.is_some_and(|key| key.usage == Usage::Derive);
        if self.odds(if parent { 90 } else { 2 }) {
            target.child = Some(self.one_of(&CHILDREN));
        }
        target
    }

    /// Somebody to use or change it: its owner, one to whom it grants something, anybody.
    fn caller(&mut self, target: &Target) -> usize {
        let key = self.model.peek(target);
        let any = self.rng.below(self.clients.len());
        let find = |identity: Identity| self.clients.iter().position(|(who, _)| *who == identity);
        match (self.rng.below(100), key) {
            (0..60, Some(key)) => find(key.owner).unwrap(),
            (60..85, Some(key)) if !key.policy.grants.is_empty() => {
                find(self.rng.choose(&key.policy.grants).to).unwrap_or(any)
            }
            (85..90, _) => 0,
            _ => any,
        }
    }

    fn handle(&mut self, who: usize, target: &Target) -> Handle {
        let (identity, client) = self.clients[who].clone();
        let mut handle = match &target.place {
            Place::Vault(owner, label) if *owner == identity && self.odds(50) => {
                Handle::new(&client, label.as_str())
            }
            Place::Vault(owner, label) => Handle::of(&client, *owner, label.as_str()),
            Place::Wrapped(number) => Handle::wrapped(&client, &self.wrapped[*number]),
            Place::Forged(number) => {
                let mut bytes = self.wrapped[*number].clone();
                let place = self.rng.below(bytes.len());
                bytes[place] ^= 1 << self.rng.below(8);
                Handle::wrapped(&client, &bytes)
            }
        };
        handle.key.child = target.child.clone();
        handle
    }

    fn permissions(&mut self, usage: Usage, full: usize) -> Permissions {
        let all = permissions(usage);
        if self.odds(full) {
            return Permissions::of(all);
        }
        if self.odds(3) {
            return Permissions::of(&[*self.rng.choose(Permission::ALL)]);
        }
        let some: Vec<Permission> = all.iter().copied().filter(|_| self.odds(50)).collect();
        Permissions::of(&some)
    }

    fn grants(&mut self, usage: Usage) -> Vec<Grant> {
        let mut grants = Vec::new();
        for place in 0..self.clients.len() {
            if self.odds(25) {
                let to = self.clients[place].0;
                let may = self.permissions(usage, 70);
                grants.push(Grant { to, may });
            }
        }
        if self.odds(2) && !grants.is_empty() {
            grants.push(grants[0].clone());
        }
        grants
    }

    fn bound(&mut self, percent: usize, from: &[u64]) -> Option<u64> {
        if self.odds(percent) {
            return Some(*self.rng.choose(from));
        }
        self.odds(1).then_some(0)
    }

    fn policy(&mut self, usage: Usage, bytes: bool) -> Policy {
        let takes = if bytes { 25 } else { 1 };
        let export = match self.rng.below(100) {
            0..40 => Export::Wrapped,
            40..42 => Export::Shares,
            _ => Export::Nothing,
        };
        let shares = SharePolicy {
            threshold: 2,
            shares: self.rng.below(10) as u8,
            recipients: Digits([7; 32]),
        };
        let with_shares = self.odds(if export == Export::Shares { 80 } else { 1 });
        Policy {
            owner: self.permissions(usage, 85),
            grants: self.grants(usage).into_iter().collect(),
            max_uses: self.bound(12, &[1, 3, 20, 40, 100, 300]),
            min_context: if self.odds(takes) {
                *self.rng.choose(&[1, 4, 16, 1024, 1025])
            } else {
                0
            },
            rotate_after_uses: self.bound(12, &[1, 2, 5, 40, 100]),
            rotate_after_bytes: self.bound(takes / 2, &[1, 40, 300, 2000]),
            export,
            shares: with_shares.then_some(shares),
            export_derived: self.odds(if usage == Usage::Derive { 30 } else { 1 }),
            rollback_level: if self.odds(2) {
                1 << self.rng.below(12)
            } else {
                0
            },
        }
    }

    fn new_key(&mut self) -> (usize, NewKey) {
        let mut who = self.rng.below(self.clients.len());
        let algorithm = *self.rng.choose(&ALGORITHMS);
        let usage = *self.rng.choose(algorithm.usages());
        let usage = if self.odds(2) { Usage::Mac } else { usage };
        let children = if algorithm == Algorithm::KdfCmac {
            *self.rng.choose(&[
                None,
                Some(Algorithm::Aes128Cmac),
                Some(Algorithm::Aes128Cmac),
                Some(Algorithm::Aes128Siv),
                Some(Algorithm::Aes256Siv),
                Some(Algorithm::Aes128Gcm),
                Some(Algorithm::Ed25519),
                Some(Algorithm::EcdsaP256),
            ])
        } else {
            self.odds(2).then_some(Algorithm::Aes128Siv)
        };
        let works = children.unwrap_or(algorithm);
        let bytes = matches!(works.usages()[0], Usage::Seal | Usage::Encrypt);
        let wrapped = self.odds(20);
        let ratchetable = matches!(usage, Usage::Mac | Usage::Derive);
        let ratchet = self.odds(if ratchetable { 15 } else { 1 });
        let mut policy = self.policy(usage, bytes);
        // What is refused for one reason seldom shows another.
        if (wrapped || ratchet) && self.odds(80) {
            policy = Policy {
                max_uses: None,
                rotate_after_uses: None,
                rotate_after_bytes: None,
                export: Export::Nothing,
                shares: None,
                ..policy
            };
        }
        let owner = self.clients[who].0;
        if self.odds(90) {
            policy
                .grants
                .retain(|grant| grant.to != owner && !grant.may.is_empty());
        }
        let key = self.one_of(&LABELS);
        // Most labels are taken before long, so one that is free is looked for.
        let taken = |who: usize, clients: &[(Identity, Client)], model: &Model| {
            let place = Place::Vault(clients[who].0, key.clone());
            model.peek(&place.into()).is_some()
        };
        if self.odds(50) && policy.grants.is_empty() {
            for other in 0..self.clients.len() {
                if !taken(other, &self.clients, &self.model) {
                    who = other;
                }
            }
        }
        let home = if wrapped { Home::Wrapped } else { Home::Vault };
        let family = self.odds(if wrapped { 40 } else { 1 });
        let default = usage == algorithm.usages()[0] && self.odds(30);
        let new = NewKey {
            key,
            algorithm,
            usage: (!default).then_some(usage),
            children,
            ratchet,
            pre_activation: self.odds(4),
            home,
            family: family.then(|| self.one_of(&FAMILIES)),
            policy,
        };
        (who, new)
    }
}

/// One step each.
impl Run<'_> {
    fn generate(&mut self) {
        let (who, new) = self.new_key();
        let (identity, client) = self.clients[who].clone();
        let expected = self.model.generate(identity, &new);
        let (home, family) = (new.home, new.family.clone());
        let place = Place::Vault(identity, new.key.clone());
        let request = GenerateRequest { new };
        let got = client.request(&request, &[]);
        let what = (identity, request);
        if let Some((key, (description, bytes))) = self.agree("generate", &what, expected, got) {
            let expected = self.model.keep(key, home, family, description.id);
            self.same(&what, &description, &expected);
            self.same(&what, &bytes.is_empty(), &(home == Home::Vault));
            if home == Home::Wrapped {
                self.wrapped.push(bytes);
            }
        }
        self.see(&place.into());
    }

    fn describe(&mut self) {
        let target = self.target(Usage::ALL);
        let who = self.caller(&target);
        let handle = self.handle(who, &target);
        let identity = self.clients[who].0;
        let expected = self.model.describe(identity, &target);
        let what = (identity, target);
        if let Some((expected, got)) = self.agree("describe", &what, expected, handle.describe()) {
            self.same(&what, &got, &expected);
        }
    }

    fn list(&mut self) {
        let who = self.rng.below(self.clients.len());
        let owner = self.rng.below(self.clients.len());
        self.list_of(who, self.clients[owner].0);
    }

    fn list_of(&mut self, who: usize, owner: Identity) {
        let (identity, client) = self.clients[who].clone();
        let mut got = client.list_of(owner).unwrap();
        got.sort_by(|one, other| one.key.cmp(&other.key));
        let expected = self.model.list(identity, owner);
        self.same(&("list", identity, owner), &got, &expected);
    }

    /// Uses a key, for which the request is made by `ask`.
    fn use_key<R: Debug>(
        &mut self,
        name: &'static str,
        target: &Target,
        work: Work,
        then: impl FnOnce(&InUse) -> Result<u32, Status>,
        ask: impl FnOnce(&Handle) -> Result<R, Error>,
    ) -> Option<(InUse, u32, R)> {
        let who = self.caller(target);
        let handle = self.handle(who, target);
        let identity = self.clients[who].0;
        let expected = self.model.use_key(identity, target, work);
        let expected = expected.and_then(|key| then(&key).map(|version| (key, version)));
        let key = self.model.peek(target);
        let what = (identity, target, work, key);
        let agreed = self.agree(name, &what, expected, ask(&handle));
        self.see(target);
        agreed.map(|((key, version), answer)| (key, version, answer))
    }

    fn keep(kept: &mut Vec<Made>, rng: &mut Rng, made: Made) {
        if kept.len() < KEPT {
            kept.push(made);
        } else {
            let place = rng.below(KEPT);
            kept[place] = made;
        }
    }

    /// A made thing, and what it shall be tried with: mostly the key that made it, as it was made.
    fn tried(&mut self, kept: &[Made], usages: &[Usage]) -> Option<(Target, Made, bool)> {
        if kept.is_empty() {
            return None;
        }
        let mut made = self.rng.choose(kept).clone();
        let mut target = made.by.clone();
        if self.odds(15) {
            target = self.target(usages);
        } else if self.odds(5) && target.child.is_some() {
            target.child = Some(self.one_of(&CHILDREN));
        }
        let context = made.context.clone();
        if self.odds(10) {
            made.context = self.bytes(20);
        }
        let mut intact = context == made.context;
        if self.odds(4) {
            let place = self.rng.below(made.bytes.len());
            made.bytes[place] ^= 1 << self.rng.below(8);
            intact = false;
        }
        Some((target, made, intact))
    }

    fn seal(&mut self) {
        let target = self.target(&[Usage::Seal, Usage::Derive]);
        let (context, text) = (self.context(), self.bytes(40));
        let deterministic = self.odds(30);
        let work = Work {
            permission: Permission::Seal,
            also: None,
            context: Some(context.len() as u32),
            bytes: text.len(),
        };
        let parts = [context.as_slice(), &text];
        let used = self.use_key(
            "seal",
            &target,
            work,
            |key| Ok(key.version),
            |handle| {
                let request = SealRequest {
                    key: handle.key.clone(),
                    context: parts[0].len() as u32,
                    deterministic,
                    index: 0,
                    last: true,
                };
                handle.ask(&request, &parts)
            },
        );
        if let Some((key, version, (answer, bytes))) = used {
            self.same(&target, &answer.version, &version);
            let made = made(target, key, version, context, text, bytes);
            Self::keep(&mut self.sealed, &mut self.rng, made);
        }
    }

    fn context(&mut self) -> Vec<u8> {
        let length = *self.rng.choose(&[0, 1, 4, 16, 16, 1024]);
        self.rng.bytes(length)
    }

    fn unseal(&mut self) {
        let kept = std::mem::take(&mut self.sealed);
        let tried = self.tried(&kept, &[Usage::Seal]);
        self.sealed = kept;
        let Some((target, made, intact)) = tried else {
            return;
        };
        let work = Work {
            permission: Permission::Unseal,
            also: None,
            context: Some(made.context.len() as u32),
            bytes: 0,
        };
        let opens = |key: &InUse| opens(key, &made, intact);
        let used = self.use_key("unseal", &target, work, opens, |handle| {
            let request = UnsealRequest {
                key: handle.key.clone(),
                context: made.context.len() as u32,
                index: 0,
                last: true,
            };
            handle.ask(&request, &[&made.context, &made.bytes])
        });
        if let Some((_, version, (answer, text))) = used {
            self.same(&target, &(answer.version, text), &(version, made.text));
        }
    }

    fn reseal(&mut self) {
        let kept = std::mem::take(&mut self.sealed);
        let tried = self.tried(&kept, &[Usage::Seal]);
        self.sealed = kept;
        let Some((target, made, intact)) = tried else {
            return;
        };
        let work = Work {
            permission: Permission::Seal,
            also: Some(Permission::Unseal),
            context: Some(made.context.len() as u32),
            bytes: made.text.len(),
        };
        let opens = |key: &InUse| opens(key, &made, intact).map(|_| key.version);
        let used = self.use_key("reseal", &target, work, opens, |handle| {
            let request = ResealRequest {
                key: handle.key.clone(),
                context: made.context.len() as u32,
                index: 0,
                last: true,
            };
            handle.ask(&request, &[&made.context, &made.bytes])
        });
        if let Some((_, version, (answer, bytes))) = used {
            self.same(&target, &answer.version, &version);
            let made = Made {
                by: target,
                version,
                bytes,
                ..made
            };
            Self::keep(&mut self.sealed, &mut self.rng, made);
        }
    }

    fn mac(&mut self) {
        let target = self.target(&[Usage::Mac, Usage::Derive]);
        let text = self.bytes(40);
        let work = plain(Permission::Mac);
        let used = self.use_key(
            "mac",
            &target,
            work,
            |key| Ok(key.version),
            |handle| {
                let key = handle.key.clone();
                handle.ask(&MacRequest { key }, &[&text])
            },
        );
        if let Some((key, version, (answer, bytes))) = used {
            self.same(&target, &answer.version, &version);
            let made = made(target, key, version, Vec::new(), text, bytes);
            Self::keep(&mut self.tags, &mut self.rng, made);
        }
    }

    fn verify(&mut self) {
        let kept = std::mem::take(&mut self.tags);
        let tried = self.tried(&kept, &[Usage::Mac]);
        self.tags = kept;
        let Some((target, mut made, mut intact)) = tried else {
            return;
        };
        // The context is the message here.
        intact &= made.context.is_empty();
        made.text.extend(&made.context);
        let version = self.version_of(&made);
        let work = plain(Permission::VerifyMac);
        let checks = |key: &InUse| checks(key, &made, version, intact);
        let used = self.use_key("verify-mac", &target, work, checks, |handle| {
            let request = VerifyMacRequest {
                key: handle.key.clone(),
                tag: made.bytes.len() as u32,
                version,
            };
            handle.ask(&request, &[&made.bytes, &made.text])
        });
        if let Some((_, version, (answer, payload))) = used {
            self.same(&target, &(answer.version, payload), &(version, Vec::new()));
        }
    }

    fn version_of(&mut self, made: &Made) -> Option<u32> {
        match self.rng.below(10) {
            0 => Some(self.rng.below(12) as u32),
            1..4 => None,
            _ => Some(made.version),
        }
    }

    fn encrypt(&mut self) {
        let target = self.target(&[Usage::Encrypt, Usage::Derive]);
        let (context, text) = (self.context(), self.bytes(40));
        let work = Work {
            permission: Permission::Encrypt,
            also: None,
            context: Some(context.len() as u32),
            bytes: text.len(),
        };
        let used = self.use_key(
            "encrypt",
            &target,
            work,
            |key| Ok(key.version),
            |handle| {
                let request = EncryptRequest {
                    key: handle.key.clone(),
                    aad: context.len() as u32,
                };
                handle.ask(&request, &[&context, &text])
            },
        );
        if let Some((key, version, (answer, bytes))) = used {
            self.same(&target, &answer.version, &version);
            let made = made(target, key, version, context, text, bytes);
            Self::keep(&mut self.encrypted, &mut self.rng, made);
        }
    }

    fn decrypt(&mut self) {
        let kept = std::mem::take(&mut self.encrypted);
        let tried = self.tried(&kept, &[Usage::Encrypt]);
        self.encrypted = kept;
        let Some((target, made, intact)) = tried else {
            return;
        };
        let version = self.version_of(&made);
        let work = Work {
            context: Some(made.context.len() as u32),
            ..plain(Permission::Decrypt)
        };
        let checks = |key: &InUse| checks(key, &made, version, intact);
        let used = self.use_key("decrypt", &target, work, checks, |handle| {
            let request = DecryptRequest {
                key: handle.key.clone(),
                aad: made.context.len() as u32,
                version,
            };
            handle.ask(&request, &[&made.context, &made.bytes])
        });
        if let Some((_, version, (answer, text))) = used {
            self.same(&target, &(answer.version, text), &(version, made.text));
        }
    }

    fn sign(&mut self) {
        let target = self.target(&[Usage::Sign]);
        let text = self.bytes(40);
        let work = plain(Permission::Sign);
        let used = self.use_key(
            "sign",
            &target,
            work,
            |key| Ok(key.version),
            |handle| {
                let key = handle.key.clone();
                handle.ask(&SignRequest { key }, &[&text])
            },
        );
        if let Some((key, version, (answer, signature))) = used {
            self.same(&target, &answer.version, &version);
            // A public key that was seen is seen again whenever it is asked for.
            if let Some(public) = self.public.get(&(key.lineage, version)) {
                let public = UnparsedPublicKey::new(&ED25519, public);
                let verified = public.verify(&text, &signature).is_ok();
                self.same(&target, &verified, &true);
            }
        }
    }

    fn public_key(&mut self) {
        let target = self.target(&[Usage::Sign]);
        let who = self.caller(&target);
        let handle = self.handle(who, &target);
        let identity = self.clients[who].0;
        let version = self.odds(40).then(|| self.rng.below(4) as u32);
        let expected = self.model.public_key(identity, &target, version);
        let request = PublicKeyRequest {
            key: handle.key.clone(),
            version,
        };
        let what = (identity, &target, version);
        let got = handle.ask(&request, &[]);
        if let Some(((key, version), (answer, public))) =
            self.agree("public-key", &what, expected, got)
        {
            let expected = (Algorithm::Ed25519, version);
            self.same(&what, &(answer.algorithm, answer.version), &expected);
            let seen = self.public.entry((key.lineage, version));
            let seen = seen.or_insert_with(|| public.clone()).clone();
            self.same(&what, &public, &seen);
        }
    }

    /// Changes a key, by the request that `ask` makes: a wrapped one is named there and not sent.
    fn change(
        &mut self,
        name: &'static str,
        model: impl FnOnce(&mut Model, Identity, &Target) -> Result<KeyDescription, Status>,
        target: &Target,
        ask: impl FnOnce(&Handle, KeyRef) -> Result<KeyDescription, Error>,
    ) {
        let who = self.caller(target);
        let handle = self.handle(who, target);
        let identity = self.clients[who].0;
        let before = self.model.peek(target);
        let expected = model(&mut self.model, identity, target);
        let key = handle.key.clone();
        let got = ask(&handle, key);
        let what = (identity, target, before);
        if let Some((expected, got)) = self.agree(name, &what, expected, got) {
            self.same(&what, &got, &expected);
        }
        self.see(target);
    }

    /// A key to be changed: seldom a wrapped one, for which there is only one answer.
    fn changed(&mut self) -> Target {
        let mut target = self.target(Usage::ALL);
        for _ in 0..3 {
            if !matches!(target.place, Place::Vault(..)) {
                target = self.target(Usage::ALL);
            }
        }
        if self.odds(96) {
            target.child = None;
        }
        target
    }

    fn rotate(&mut self) {
        let target = self.changed();
        self.change(
            "rotate",
            |model, who, target| model.rotate(who, target),
            &target,
            |handle, key| bare(&handle.client, &RotateRequest { key }),
        );
    }

    fn retire(&mut self) {
        let target = self.changed();
        let version = match self.model.peek(&target) {
            Some(key) if self.odds(80) => {
                let first = key.versions.first().copied();
                first.unwrap_or(key.version)
            }
            _ => self.rng.below(10) as u32,
        };
        self.change(
            "retire",
            |model, who, target| model.retire(who, target, version),
            &target,
            |handle, key| bare(&handle.client, &RetireRequest { key, version }),
        );
    }

    fn set_state(&mut self) {
        let target = self.changed();
        let state = match self.model.peek(&target).map(|key| key.state) {
            // Else all keys would soon be at their ends.
            Some(State::PreActivation | State::Suspended) if self.odds(70) => State::Active,
            Some(State::Active) if self.odds(60) => State::Suspended,
            _ => *self.rng.choose(State::ALL),
        };
        self.change(
            "set-state",
            |model, who, target| model.set_state(who, target, state),
            &target,
            |handle, key| bare(&handle.client, &SetStateRequest { key, state }),
        );
    }

    fn set_policy(&mut self) {
        let target = self.changed();
        let before = self.model.peek(&target);
        let usage = before.as_ref().map_or(Usage::Seal, |key| key.usage);
        let bytes = self.odds(50);
        let mut policy = self.policy(usage, bytes);
        // One thing is changed, so that it is that which is judged.
        if let Some(key) = before.filter(|_| self.odds(95)) {
            let new = policy;
            policy = key.policy;
            match self.rng.below(10) {
                0 => policy.owner = new.owner,
                1 => policy.grants = new.grants,
                2 => policy.max_uses = new.max_uses,
                3 => policy.min_context = new.min_context,
                4 => policy.rotate_after_uses = new.rotate_after_uses,
                5 => policy.rotate_after_bytes = new.rotate_after_bytes,
                6 => (policy.export, policy.shares) = (new.export, new.shares),
                7 => policy.export_derived = new.export_derived,
                8 => policy.rollback_level = new.rollback_level,
                _ => drop(policy.grants.pop()),
            }
        }
        self.change(
            "set-policy",
            |model, who, target| model.set_policy(who, target, &policy),
            &target,
            |handle, key| {
                let policy = policy.clone();
                bare(&handle.client, &SetPolicyRequest { key, policy })
            },
        );
    }

    fn delete(&mut self) {
        let target = self.changed();
        let who = self.caller(&target);
        let handle = self.handle(who, &target);
        let identity = self.clients[who].0;
        let expected = self.model.delete(identity, &target);
        let key = handle.key.clone();
        let got = handle.client.request(&DeleteRequest { key }, &[]);
        self.agree("delete", &(identity, &target), expected, got);
        if let (Place::Vault(owner, label), None) = (&target.place, self.model.peek(&target)) {
            let got = self.clients[0].1.describe_of(label.as_str(), *owner);
            let expected: Result<(), _> = Err(Status::NotFound);
            self.agree("see", &target, expected, got);
        }
    }

    fn wrap(&mut self) {
        let mut target = self.changed();
        for _ in 0..3 {
            let export = self.model.peek(&target).map(|key| key.policy.export);
            if export != Some(Export::Wrapped) {
                target = self.changed();
            }
        }
        let who = self.caller(&target);
        let handle = self.handle(who, &target);
        let identity = self.clients[who].0;
        let family = self.odds(50).then(|| self.one_of(&FAMILIES));
        let expected = self.model.wrap(identity, &target, family.clone());
        let key = handle.key.clone();
        let got = handle.client.request(&WrapRequest { key, family }, &[]);
        let what = (identity, &target);
        if let Some((expected, (description, bytes))) = self.agree("wrap", &what, expected, got) {
            self.same(&what, &description, &expected);
            self.wrapped.push(bytes);
        }
    }

    fn revoke(&mut self) {
        let who = self.rng.below(self.clients.len());
        let owner = if self.odds(70) {
            who
        } else {
            self.rng.below(self.clients.len())
        };
        let (identity, client) = self.clients[who].clone();
        let owner = self.clients[owner].0;
        let family = self.odds(70).then(|| self.one_of(&FAMILIES));
        let named = (owner != identity || self.odds(50)).then_some(owner);
        let expected = self.model.revoke(identity, owner, family.clone());
        let request = RevokeRequest {
            family: family.clone(),
            owner: named,
        };
        let got = client.request(&request, &[]);
        let what = (identity, &request);
        if let Some((before, (now, _))) = self.agree("revoke", &what, expected, got) {
            self.same(&what, &(now.generation > before), &true);
            self.model.revoked(owner, family, now.generation);
        }
    }

    #[cfg(feature = "emulator")]
    fn restart(&mut self) {
        self.device.reboot();
        for (_, client) in &self.clients {
            client.info().unwrap();
        }
        self.model.restart();
        self.everything();
    }

    /// A real device is not switched off here.
    #[cfg(not(feature = "emulator"))]
    fn restart(&mut self) {
        self.everything();
    }
}

impl From<Place> for Target {
    fn from(place: Place) -> Target {
        Target { place, child: None }
    }
}

fn plain(permission: Permission) -> Work {
    Work {
        permission,
        also: None,
        context: None,
        bytes: 0,
    }
}

fn made(
    by: Target,
    key: InUse,
    version: u32,
    context: Vec<u8>,
    text: Vec<u8>,
    bytes: Vec<u8>,
) -> Made {
    Made {
        by,
        lineage: key.lineage,
        version,
        context,
        text,
        bytes,
    }
}

/// A blob says which version sealed it.
fn opens(key: &InUse, made: &Made, intact: bool) -> Result<u32, Status> {
    if intact && key.lineage == made.lineage && key.has(made.version) {
        Ok(made.version)
    } else {
        Err(Status::NotAuthentic)
    }
}

/// Of a tag or ciphertext the caller says which version made it.
fn checks(key: &InUse, made: &Made, said: Option<u32>, intact: bool) -> Result<u32, Status> {
    let version = said.unwrap_or(key.version);
    if !key.has(version) {
        Err(Status::NoSuchVersion)
    } else if intact && key.lineage == made.lineage && version == made.version {
        Ok(version)
    } else {
        Err(Status::NotAuthentic)
    }
}

/// Asks with nothing in the payload.
fn bare<R>(client: &Client, request: &R) -> Result<KeyDescription, Error>
where
    R: claviger_proto::command::Request<Response = KeyDescription>,
{
    client
        .request(request, &[])
        .map(|(description, _)| description)
}
