//! What is done, and with what.

use super::*;

impl Run<'_> {
    pub(super) fn odds(&mut self, percent: usize) -> bool {
        self.rng.below(100) < percent
    }

    pub(super) fn one_of(&mut self, texts: &[&str]) -> Label {
        label(self.rng.choose::<&str>(texts))
    }

    pub(super) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.rng.below(most + 1);
        self.rng.bytes(length)
    }

    /// A key of one of these usages if there is one, or any, or one that there is not.
    pub(super) fn target(&mut self, usages: &[Usage]) -> Target {
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
    pub(super) fn caller(&mut self, target: &Target) -> usize {
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

    pub(super) fn handle(&mut self, who: usize, target: &Target) -> Handle {
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

    pub(super) fn permissions(&mut self, usage: Usage, full: usize) -> Permissions {
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

    pub(super) fn grants(&mut self, usage: Usage) -> Vec<Grant> {
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

    pub(super) fn bound(&mut self, percent: usize, from: &[u64]) -> Option<u64> {
        if self.odds(percent) {
            return Some(*self.rng.choose(from));
        }
        self.odds(1).then_some(0)
    }

    pub(super) fn policy(&mut self, usage: Usage, bytes: bool) -> Policy {
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
        let shares = SharePolicy {
            recipients: Digits(Sha256::digest(recipients(&shares).concat()).into()),
            ..shares
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
            fixed_owner: self.odds(10),
        }
    }

    pub(super) fn new_key(&mut self) -> (usize, NewKey) {
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
            recipients: match &policy.shares {
                Some(shares) if !self.odds(20) => {
                    let keys = recipients(shares).into_iter().map(Digits);
                    keys.take(limits::SHARES).collect()
                }
                _ => [].into_iter().collect(),
            },
            policy,
        };
        (who, new)
    }
}

/// The public keys of as many as have a share.
fn recipients(shares: &SharePolicy) -> Vec<[u8; 32]> {
    let keys = (1..).map(|byte| [byte; 32]);
    keys.take(shares.shares.into()).collect()
}
