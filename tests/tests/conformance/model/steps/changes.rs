//! Steps that make, look at and change keys.

use super::*;

impl Run<'_> {
    pub(super) fn generate(&mut self) {
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
            self.same(&what, &shown(description), &expected);
            self.same(&what, &bytes.is_empty(), &(home == Home::Vault));
            if home == Home::Wrapped {
                self.wrapped.push(bytes);
            }
        }
        self.see(&place.into());
    }

    pub(super) fn describe(&mut self) {
        let target = self.target(Usage::ALL);
        let who = self.caller(&target);
        let handle = self.handle(who, &target);
        let identity = self.clients[who].0;
        let expected = self.model.describe(identity, &target);
        let what = (identity, target);
        if let Some((expected, got)) = self.agree("describe", &what, expected, handle.describe()) {
            self.same(&what, &shown(got), &expected);
        }
    }

    pub(super) fn list(&mut self) {
        let who = self.rng.below(self.clients.len());
        let owner = self.rng.below(self.clients.len());
        self.list_of(who, self.clients[owner].0);
    }

    pub(super) fn list_of(&mut self, who: usize, owner: Identity) {
        let (identity, client) = self.clients[who].clone();
        let mut got = client.list_of(owner).unwrap();
        got.sort_by(|one, other| one.key.cmp(&other.key));
        let expected = self.model.list(identity, owner);
        self.same(&("list", identity, owner), &got, &expected);
    }

    /// What this caller may use of others, and what uid 0 is shown of all.
    pub(super) fn list_of_others(&mut self, who: usize) {
        let (identity, client) = self.clients[who].clone();
        let by_name = |mut keys: Vec<KeySummary>| {
            keys.sort_by(|one, other| (one.owner, &one.key).cmp(&(other.owner, &other.key)));
            keys
        };
        let got = client.list_granted().map(by_name).unwrap();
        let expected = self.model.list_granted(identity);
        self.same(&("list-granted", identity), &got, &expected);
        let expected = self.model.list_all(identity);
        let got = client.list_all().map(by_name);
        if let Some((expected, got)) = self.agree("list-all", &identity, expected, got) {
            self.same(&("list-all", identity), &got, &expected);
        }
    }

    /// Changes a key, by the request that `ask` makes: a wrapped one is named there and not sent.
    pub(super) fn change(
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
            self.same(&what, &shown(got), &expected);
        }
        self.see(target);
    }

    /// A key to be changed: seldom a wrapped one, for which there is only one answer.
    pub(super) fn changed(&mut self) -> Target {
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

    pub(super) fn rotate(&mut self) {
        let target = self.changed();
        self.change(
            "rotate",
            |model, who, target| model.rotate(who, target),
            &target,
            |handle, key| bare(&handle.client, &RotateRequest { key }),
        );
    }

    pub(super) fn retire(&mut self) {
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

    pub(super) fn set_state(&mut self) {
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

    pub(super) fn set_policy(&mut self) {
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
                8 if self.odds(20) => policy.fixed_owner = new.fixed_owner,
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

    pub(super) fn delete(&mut self) {
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

    pub(super) fn rename(&mut self) {
        let target = self.changed();
        let to = self.one_of(&LABELS);
        self.change(
            "rename",
            |model, who, target| model.rename(who, target, &to),
            &target,
            |handle, key| {
                let to = to.clone();
                bare(&handle.client, &RenameRequest { key, to })
            },
        );
    }

    pub(super) fn chown(&mut self) {
        let target = self.changed();
        let to = self.rng.below(self.clients.len());
        let to = self.clients[to].0;
        let who = if self.odds(90) {
            0
        } else {
            self.caller(&target)
        };
        let handle = self.handle(who, &target);
        let identity = self.clients[who].0;
        let before = self.model.peek(&target);
        let expected = self.model.chown(identity, &target, to);
        let key = handle.key.clone();
        let got = bare(&handle.client, &ChownRequest { key, to });
        let what = (identity, &target, to, before);
        if let Some((expected, got)) = self.agree("chown", &what, expected, got) {
            self.same(&what, &shown(got), &expected);
        }
        self.see(&target);
    }

    pub(super) fn wrap(&mut self) {
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
            self.same(&what, &shown(description), &expected);
            self.wrapped.push(bytes);
        }
    }

    pub(super) fn revoke(&mut self) {
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
    pub(super) fn restart(&mut self) {
        self.device.reboot();
        for (_, client) in &self.clients {
            client.info().unwrap();
        }
        self.model.restart();
        self.everything();
    }

    /// A real device is not switched off here.
    #[cfg(not(feature = "emulator"))]
    pub(super) fn restart(&mut self) {
        self.everything();
    }
}
