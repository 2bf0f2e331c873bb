//! Steps that use keys.

use super::*;

impl Run<'_> {
    /// Uses a key, for which the request is made by `ask`.
    pub(super) fn use_key<R: Debug>(
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

    /// Has a key make something of a context and a text, and keeps it.
    fn make(
        &mut self,
        kind: Kind,
        name: &'static str,
        target: Target,
        work: Work,
        (context, text): (Vec<u8>, Vec<u8>),
        ask: impl FnOnce(&Handle, &[u8], &[u8]) -> Result<(KeyVersion, Vec<u8>), Error>,
    ) {
        let ask = |handle: &Handle| ask(handle, &context, &text);
        let used = self.use_key(name, &target, work, |key| Ok(key.version), ask);
        if let Some((key, version, (answer, bytes))) = used {
            self.same(&target, &answer.version, &version);
            let made = Made {
                by: target,
                lineage: key.lineage,
                version,
                context,
                text,
                bytes,
            };
            self.keep(kind, made);
        }
    }

    fn keep(&mut self, kind: Kind, made: Made) {
        let kept = &mut self.made[kind as usize];
        if kept.len() < KEPT {
            kept.push(made);
        } else {
            let place = self.rng.below(KEPT);
            kept[place] = made;
        }
    }

    /// A made thing, and what it shall be tried with: mostly the key that made it, as it was made.
    fn tried(&mut self, kind: Kind, usages: &[Usage]) -> Option<(Target, Made, bool)> {
        let kept = &self.made[kind as usize];
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

    pub(super) fn seal(&mut self) {
        let target = self.target(&[Usage::Seal, Usage::Derive]);
        let (context, text) = (self.context(), self.bytes(40));
        let deterministic = self.odds(30);
        let work = Work {
            permission: Permission::Seal,
            also: None,
            context: Some(context.len() as u32),
            bytes: text.len(),
        };
        let stuff = (context, text);
        self.make(
            Kind::Sealed,
            "seal",
            target,
            work,
            stuff,
            |handle, context, text| {
                let request = SealRequest {
                    key: handle.key.clone(),
                    context: context.len() as u32,
                    deterministic,
                    index: 0,
                    last: true,
                };
                handle.ask(&request, &[context, text])
            },
        );
    }

    pub(super) fn context(&mut self) -> Vec<u8> {
        let length = *self.rng.choose(&[0, 1, 4, 16, 16, 1024]);
        self.rng.bytes(length)
    }

    pub(super) fn unseal(&mut self) {
        let Some((target, made, intact)) = self.tried(Kind::Sealed, &[Usage::Seal]) else {
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

    pub(super) fn reseal(&mut self) {
        let Some((target, made, intact)) = self.tried(Kind::Sealed, &[Usage::Seal]) else {
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
            self.keep(Kind::Sealed, made);
        }
    }

    pub(super) fn mac(&mut self) {
        let target = self.target(&[Usage::Mac, Usage::Derive]);
        let text = self.bytes(40);
        let work = plain(Permission::Mac);
        let stuff = (Vec::new(), text);
        self.make(Kind::Tag, "mac", target, work, stuff, |handle, _, text| {
            let key = handle.key.clone();
            handle.ask(&MacRequest { key }, &[text])
        });
    }

    pub(super) fn verify(&mut self) {
        let Some((target, mut made, mut intact)) = self.tried(Kind::Tag, &[Usage::Mac]) else {
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

    pub(super) fn version_of(&mut self, made: &Made) -> Option<u32> {
        match self.rng.below(10) {
            0 => Some(self.rng.below(12) as u32),
            1..4 => None,
            _ => Some(made.version),
        }
    }

    pub(super) fn encrypt(&mut self) {
        let target = self.target(&[Usage::Encrypt, Usage::Derive]);
        let (context, text) = (self.context(), self.bytes(40));
        let work = Work {
            permission: Permission::Encrypt,
            also: None,
            context: Some(context.len() as u32),
            bytes: text.len(),
        };
        let stuff = (context, text);
        self.make(
            Kind::Encrypted,
            "encrypt",
            target,
            work,
            stuff,
            |handle, context, text| {
                let request = EncryptRequest {
                    key: handle.key.clone(),
                    aad: context.len() as u32,
                };
                handle.ask(&request, &[context, text])
            },
        );
    }

    pub(super) fn decrypt(&mut self) {
        let Some((target, made, intact)) = self.tried(Kind::Encrypted, &[Usage::Encrypt]) else {
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

    pub(super) fn sign(&mut self) {
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
                handle.ask(
                    &SignRequest {
                        key,
                        prehash: false,
                    },
                    &[&text],
                )
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

    pub(super) fn public_key(&mut self) {
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
