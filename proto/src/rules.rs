//! What a new key and a policy may say together. The trusted application refuses by these rules;
//! by the same ones a client says which of them it was.

use core::fmt;

use crate::{
    Algorithm, Export, Home, Identity, Status, Usage, limits,
    message::{NewKey, Policy},
};

/// A rule that a new key, or a policy, breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What the trusted application answers.
    pub status: Status,
    /// The field of [`NewKey`] or [`Policy`] that breaks it.
    pub field: &'static str,
    /// The rule.
    pub rule: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.rule)
    }
}

impl core::error::Error for Fault {}

/// The first of these rules that is broken: whether it is kept, the field, the rule.
fn first(status: Status, rules: &[(bool, &'static str, &'static str)]) -> Result<(), Fault> {
    let broken = rules.iter().find(|(kept, ..)| !kept);
    broken.map_or(Ok(()), |(_, field, rule)| {
        Err(Fault {
            status,
            field,
            rule,
        })
    })
}

impl NewKey {
    /// The usage that this key gets, if what is asked of it fits together. `owner` is who will own
    /// it, where that is known.
    ///
    /// # Errors
    /// The rule that it breaks, with [`Status::UnsupportedUsage`], [`Status::Immutable`] for a
    /// wrapped key with anything that would have to change, or [`Status::BadPolicy`].
    pub fn settle(&self, owner: Option<&Identity>) -> Result<Usage, Fault> {
        let usages = self.algorithm.usages();
        let usage = self.usage.or(usages.first().copied());
        let usage = usage.filter(|usage| usages.contains(usage)).ok_or(Fault {
            status: Status::UnsupportedUsage,
            field: "usage",
            rule: "the algorithm does not serve it",
        })?;
        let policy = &self.policy;
        let (derives, unwraps) = (usage == Usage::Derive, usage == Usage::Unwrap);
        let vault = self.home != Home::Wrapped;
        first(
            Status::Immutable,
            &[
                (
                    vault || !self.ratchet,
                    "ratchet",
                    "a wrapped key takes no steps",
                ),
                (
                    vault || !self.pre_activation,
                    "pre_activation",
                    "a wrapped key cannot be activated",
                ),
                (
                    vault || policy.max_uses.is_none(),
                    "max_uses",
                    "a wrapped key is not counted",
                ),
                (
                    vault || policy.rotate_after_uses.is_none(),
                    "rotate_after_uses",
                    "a wrapped key is not counted",
                ),
                (
                    vault || policy.rotate_after_bytes.is_none(),
                    "rotate_after_bytes",
                    "a wrapped key is not counted",
                ),
                (
                    vault || self.algorithm.bound_of(self.children).is_none(),
                    "algorithm",
                    "its encryptions, or those of its children, are counted, and a wrapped key is not",
                ),
                (
                    vault || policy.export == Export::Nothing,
                    "export",
                    "a wrapped key is outside already",
                ),
            ],
        )?;
        first(
            Status::UnsupportedUsage,
            &[
                (
                    self.children.is_none() || derives || unwraps,
                    "children",
                    "only derivation and key-encryption keys have any",
                ),
                (
                    !derives || self.children.is_none_or(Algorithm::is_derivable),
                    "children",
                    "keys of that algorithm cannot be derived",
                ),
                (
                    !unwraps || self.children.is_some(),
                    "children",
                    "a key-encryption key must say of which algorithm the keys are that it takes in",
                ),
                (
                    !unwraps
                        || !self
                            .children
                            .is_some_and(|children| children.usages().contains(&Usage::Unwrap)),
                    "children",
                    "a key-encryption key takes in no other: what that one takes in, whoever unwraps it would say",
                ),
                (
                    !self.ratchet || usage.is_ratchetable(),
                    "ratchet",
                    "only MAC and derivation keys are ratcheted",
                ),
                (
                    self.family.is_none() || !vault,
                    "family",
                    "only wrapped keys are of one",
                ),
            ],
        )?;
        policy.fits(usage, self.children, self.ratchet, owner)?;
        first(
            Status::BadPolicy,
            &[(
                self.recipients.is_empty() || policy.shares.is_some(),
                "recipients",
                "they are of a key that leaves in shares",
            )],
        )?;
        Ok(usage)
    }
}

impl Policy {
    /// Whether this policy says nothing that makes no sense for such a key; `owner` where it is
    /// known.
    ///
    /// # Errors
    /// The rule that it breaks, with [`Status::BadPolicy`].
    pub fn fits(
        &self,
        usage: Usage,
        children: Option<Algorithm>,
        ratchet: bool,
        owner: Option<&Identity>,
    ) -> Result<(), Fault> {
        let permissions = usage.permissions();
        let grants = || self.grants.iter();
        let mut others = grants();
        let mut twice = false;
        while let Some(grant) = others.next() {
            twice |= others.clone().any(|other| other.to == grant.to);
        }
        let children = children.filter(|_| usage == Usage::Derive);
        let child_usage = children.and_then(|algorithm| algorithm.usages().first());
        let takes_bytes = |usage: &Usage| matches!(usage, Usage::Seal | Usage::Encrypt);
        let bytes = takes_bytes(&usage) || child_usage.is_some_and(takes_bytes);
        let rotates = self.rotate_after_uses.is_some() || self.rotate_after_bytes.is_some();
        let (export, shares) = (self.export, &self.shares);
        let derives = matches!(
            usage,
            Usage::Challenge | Usage::Derive | Usage::Agree | Usage::Decapsulate | Usage::Unwrap
        );
        const AT_LEAST_ONE: &str = "a bound is at least 1";
        const NO_BYTES: &str = "only keys that seal or encrypt, or whose children do, take bytes";
        first(
            Status::BadPolicy,
            &[
                (
                    self.owner.within(permissions),
                    "owner",
                    "a permission is none of the key's usage",
                ),
                (
                    grants().all(|grant| grant.may.within(permissions)),
                    "grants",
                    "a permission is none of the key's usage",
                ),
                (
                    grants().all(|grant| !grant.may.is_empty()),
                    "grants",
                    "a grant permits something",
                ),
                (!twice, "grants", "one user or group has one grant"),
                (
                    grants().all(|grant| Some(&grant.to) != owner),
                    "grants",
                    GRANT_TO_OWNER,
                ),
                (self.max_uses != Some(0), "max_uses", AT_LEAST_ONE),
                (
                    self.rotate_after_uses != Some(0),
                    "rotate_after_uses",
                    AT_LEAST_ONE,
                ),
                (
                    self.rotate_after_bytes != Some(0),
                    "rotate_after_bytes",
                    AT_LEAST_ONE,
                ),
                (
                    self.min_context as usize <= limits::CONTEXT,
                    "min_context",
                    "no context is longer than 1024 bytes",
                ),
                (self.min_context == 0 || bytes, "min_context", NO_BYTES),
                (
                    self.rotate_after_bytes.is_none() || bytes,
                    "rotate_after_bytes",
                    NO_BYTES,
                ),
                (
                    shares.is_some() || export != Export::Shares,
                    "shares",
                    "a key that leaves in shares must say for whom, and how many restore it",
                ),
                (
                    shares.is_none() || export == Export::Shares,
                    "shares",
                    "they are of a key that leaves in shares",
                ),
                (
                    shares.as_ref().is_none_or(|shares| shares.fits()),
                    "shares",
                    "there are 2 to 8, and 2 to as many as there are restore the key",
                ),
                (
                    derives || !self.export_derived,
                    "export_derived",
                    "only challenge, derivation, agreement, KEM and key-encryption keys have it",
                ),
                // The next version of a ratcheted key comes of steps that both sides take, and what
                // is destroyed by a step must not be elsewhere.
                (
                    !(ratchet && rotates),
                    match self.rotate_after_uses {
                        Some(_) => "rotate_after_uses",
                        None => "rotate_after_bytes",
                    },
                    "a ratcheted key steps when both its holders do",
                ),
                (
                    !(ratchet && export != Export::Nothing),
                    "export",
                    "a ratcheted key does not leave: what a step destroys must be nowhere else",
                ),
                (
                    !(self.max_uses.is_some() && export == Export::Shares),
                    "max_uses",
                    "what is restored from shares could be used anew",
                ),
            ],
        )
    }

    /// Whether this policy is nowhere looser than the one before.
    ///
    /// # Errors
    /// What is looser, with [`Status::PolicyLoosened`].
    pub fn tightens(&self, old: &Policy) -> Result<(), Fault> {
        const AT_MOST: &str = "it may only be lowered";
        const AT_LEAST: &str = "it may only be raised";
        let fewer = |old: Option<u64>, new: Option<u64>| match (old, new) {
            (None, _) => true,
            (Some(old), Some(new)) => new <= old,
            (Some(_), None) => false,
        };
        let grants = self.grants.iter().all(|grant| {
            let had = old.grants.iter().find(|had| had.to == grant.to);
            had.is_some_and(|had| grant.may.within(had.may))
        });
        let export = match self.export {
            Export::Nothing => self.shares.is_none(),
            same => same == old.export && self.shares == old.shares,
        };
        first(
            Status::PolicyLoosened,
            &[
                (
                    self.owner.within(old.owner),
                    "owner",
                    "the owner gets no new permission",
                ),
                (grants, "grants", "nobody gets a new permission"),
                (fewer(old.max_uses, self.max_uses), "max_uses", AT_MOST),
                (
                    fewer(old.rotate_after_uses, self.rotate_after_uses),
                    "rotate_after_uses",
                    AT_MOST,
                ),
                (
                    fewer(old.rotate_after_bytes, self.rotate_after_bytes),
                    "rotate_after_bytes",
                    AT_MOST,
                ),
                (self.min_context >= old.min_context, "min_context", AT_LEAST),
                (
                    self.rollback_level >= old.rollback_level,
                    "rollback_level",
                    AT_LEAST,
                ),
                (export, "export", "it may only be ended"),
                (
                    old.export_derived || !self.export_derived,
                    "export_derived",
                    "it may only be ended",
                ),
                (
                    self.fixed_owner || !old.fixed_owner,
                    "fixed_owner",
                    "it is for good",
                ),
            ],
        )
    }

    /// Whether it lets exactly the same be done as the other.
    #[must_use]
    pub fn is_same(&self, other: &Policy) -> bool {
        // In whatever order grants stand.
        self.tightens(other).is_ok() && other.tightens(self).is_ok()
    }
}

/// The rule against a grant to the owner: where the owner is not known, it is the one that is left.
pub const GRANT_TO_OWNER: &str = "the owner needs no grant: what it may do stands in owner";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Login, Permission, Permissions, Uuid, message::Grant};

    fn new_key(algorithm: Algorithm) -> NewKey {
        NewKey {
            key: Label::try_from("k").unwrap(),
            algorithm,
            usage: None,
            children: None,
            ratchet: false,
            pre_activation: false,
            home: Home::Vault,
            family: None,
            recipients: heapless::Vec::new(),
            policy: Policy::of(algorithm.usages()[0]),
        }
    }

    fn grant(byte: u8, may: Permission) -> Grant {
        let to = Identity {
            login: Login::User,
            id: Uuid([byte; 16]),
        };
        let may = Permissions::of(&[may]);
        Grant { to, may }
    }

    /// A change that breaks one rule, and the field that is named then.
    type Case = (&'static str, fn(&mut NewKey));

    #[test]
    fn what_breaks_a_rule_is_named() {
        let cases: &[Case] = &[
            ("usage", |new| new.usage = Some(Usage::Mac)),
            ("children", |new| new.children = Some(Algorithm::Aes128Cmac)),
            ("ratchet", |new| new.ratchet = true),
            ("family", |new| new.family = Some(new.key.clone())),
            ("owner", |new| {
                new.policy.owner = Permissions::of(&[Permission::Mac]);
            }),
            ("grants", |new| {
                new.policy.grants.push(grant(1, Permission::Sign)).unwrap();
            }),
            ("grants", |new| {
                for _ in 0..2 {
                    new.policy.grants.push(grant(1, Permission::Seal)).unwrap();
                }
            }),
            ("grants", |new| {
                new.policy.grants.push(grant(7, Permission::Seal)).unwrap();
            }),
            ("max_uses", |new| new.policy.max_uses = Some(0)),
            ("rotate_after_uses", |new| {
                new.policy.rotate_after_uses = Some(0);
            }),
            ("rotate_after_bytes", |new| {
                new.policy.rotate_after_bytes = Some(0);
            }),
            ("min_context", |new| new.policy.min_context = 1025),
            ("shares", |new| new.policy.export = Export::Shares),
            ("export_derived", |new| new.policy.export_derived = true),
            ("max_uses", |new| {
                new.home = Home::Wrapped;
                new.policy.max_uses = Some(1);
            }),
            ("export", |new| {
                new.home = Home::Wrapped;
                new.policy.export = Export::Wrapped;
            }),
        ];
        let owner = grant(7, Permission::Seal).to;
        let plain = new_key(Algorithm::Aes256Siv);
        assert_eq!(plain.settle(Some(&owner)), Ok(Usage::Seal));
        for (field, change) in cases {
            let mut new = plain.clone();
            change(&mut new);
            let fault = new.settle(Some(&owner)).unwrap_err();
            assert_eq!(fault.field, *field, "{fault}");
        }
        let fault = new_key(Algorithm::Aes256Kw).settle(None).unwrap_err();
        assert_eq!(fault.field, "children");
    }

    #[test]
    fn the_same_policy_in_another_order_is_the_same() {
        let mut one = Policy::of(Usage::Seal);
        let grants = [grant(1, Permission::Seal), grant(2, Permission::Unseal)];
        one.grants = grants.iter().cloned().collect();
        let mut other = one.clone();
        other.grants = grants.iter().rev().cloned().collect();
        assert!(one.is_same(&other));
        other.grants.pop();
        assert!(!one.is_same(&other) && !other.is_same(&one));
    }
}
