//! Who may do what with which key. Everything that decides about access stands here.

use claviger_proto::{
    Export, Identity, KeyRef, Label, Permission, Place, Status, Usage,
    message::{NewKey, Policy},
};
use sha2::{Digest, Sha256};

use crate::{
    crypto::ecdh::x25519, keyring::Role, platform::Platform, session::Caller, vault::KeyRecord,
};

/// Whose keys a request is about: the caller's, or for uid 0 those of the owner that it names.
///
/// # Errors
/// [`Status::AdministratorOnly`] if another names an owner that it is not.
pub fn subject(caller: &Caller, owner: Option<Identity>) -> Result<Identity, Status> {
    let identity = caller.identity()?;
    match owner {
        None => Ok(identity),
        Some(owner) if owner == identity || caller.is_administrator() => Ok(owner),
        Some(_) => Err(Status::AdministratorOnly),
    }
}

/// The key of the vault that a request would change, if the caller may change it: its owner, or
/// uid 0.
///
/// # Errors
/// [`Status::AdministratorOnly`]; [`Status::Immutable`] for a wrapped key; [`Status::NoChildren`]
/// for a child, which is nowhere kept.
pub fn managed<'a>(caller: &Caller, key: &'a KeyRef) -> Result<(Identity, &'a Label), Status> {
    match key {
        KeyRef { child: Some(_), .. } => Err(Status::NoChildren),
        KeyRef {
            place: Place::Wrapped { .. },
            ..
        } => Err(Status::Immutable),
        KeyRef {
            place: Place::Vault { owner, label },
            ..
        } => Ok((subject(caller, *owner)?, label)),
    }
}

/// Whether this caller has a part in a key: its owner, uid 0, or who is granted something.
#[must_use]
pub fn has_part(key: &KeyRecord, caller: &Caller) -> bool {
    caller.is_administrator()
        || caller
            .identity()
            .is_ok_and(|identity| key.owner == identity || is_granted(key, &identity))
}

/// Whether a key grants this caller, who is not its owner, something.
#[must_use]
pub fn is_granted(key: &KeyRecord, caller: &Identity) -> bool {
    key.policy.grants.iter().any(|grant| grant.to == *caller)
}

/// Has a key be another owner's, who may do what the policy lets its owner do. A grant to the new
/// owner goes.
///
/// # Errors
/// [`Status::OwnerFixed`]; [`Status::GrantToOwner`] if that grant holds what its owner may not do:
/// nobody could do that any more, or he could do both.
pub fn give(key: &mut KeyRecord, to: Identity) -> Result<(), Status> {
    let policy = &mut key.policy;
    if policy.fixed_owner {
        return Err(Status::OwnerFixed);
    }
    let granted = policy.grants.iter().find(|grant| grant.to == to);
    if granted.is_some_and(|grant| !grant.may.within(policy.owner)) {
        return Err(Status::GrantToOwner);
    }
    policy.grants.retain(|grant| grant.to != to);
    key.owner = to;
    Ok(())
}

/// Whether this caller may do this with a key, by its policy.
///
/// # Errors
/// [`Status::NotFound`] to whom has no part in it; [`Status::WrongUsage`];
/// [`Status::NotPermitted`].
pub fn permits(key: &KeyRecord, caller: &Identity, permission: Permission) -> Result<(), Status> {
    let others = key.owner != *caller;
    let may = if others {
        let grant = key.policy.grants.iter().find(|grant| grant.to == *caller);
        grant.ok_or(Status::NotFound)?.may
    } else {
        key.policy.owner
    };
    if !key.usage.permissions().contains(permission) {
        return Err(Status::WrongUsage);
    }
    if !may.contains(permission) {
        return Err(Status::NotPermitted);
    }
    Ok(())
}

/// Whether a key in its state serves this to this caller.
///
/// # Errors
/// [`Status::WrongState`].
pub fn serves(key: &KeyRecord, caller: &Identity, permission: Permission) -> Result<(), Status> {
    if key.state.serves(permission, key.owner != *caller) {
        Ok(())
    } else {
        Err(Status::WrongState)
    }
}

/// A new key that may be made: what was asked of it fits together.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Whose it will be.
    pub owner: Identity,
    /// What was asked.
    pub new: NewKey,
    /// The usage that it gets.
    pub usage: Usage,
}

impl Settled {
    /// What the key is, if it is derived.
    #[must_use]
    pub fn role(&self) -> Role {
        Role {
            algorithm: self.new.algorithm,
            usage: self.usage,
            ratchet: self.new.ratchet,
            children: self.new.children,
        }
    }
}

/// Whether what is asked of a new key fits together.
///
/// # Errors
/// [`Status::UnsupportedUsage`]; [`Status::BadPolicy`]; [`Status::Immutable`] for a wrapped key
/// with anything that would have to change; [`Status::WrongRecipients`] and
/// [`Status::BadPublicKey`] for recipients to whom no shares could be given.
pub fn settle(new: NewKey, caller: &Caller) -> Result<Settled, Status> {
    let settled = settle_restored(new, caller)?;
    check_recipients(&settled.new)?;
    Ok(settled)
}

/// Whether the recipients are those of the policy, each is one to whom can be encrypted, and none
/// has two shares.
fn check_recipients(new: &NewKey) -> Result<(), Status> {
    let Some(shares) = &new.policy.shares else {
        return Ok(());
    };
    let keys = new.recipients.iter();
    let hash = keys.fold(Sha256::new(), |hash, key| hash.chain_update(key.0));
    if new.recipients.len() != usize::from(shares.shares)
        || shares.recipients.0 != <[u8; 32]>::from(hash.finalize())
    {
        return Err(Status::WrongRecipients);
    }
    let mut keys = new.recipients.iter();
    while let Some(key) = keys.next() {
        x25519::check_recipient(&key.0)?;
        if keys.clone().any(|other| x25519::same(&key.0, &other.0)) {
            return Err(Status::WrongRecipients);
        }
    }
    Ok(())
}

/// As [`settle`], of a key that was made elsewhere and whose recipients were checked there: only
/// their digest came with it.
///
/// # Errors
/// As [`settle`], but for those of recipients.
pub fn settle_restored(new: NewKey, caller: &Caller) -> Result<Settled, Status> {
    let owner = caller.identity()?;
    let usage = new.settle(Some(&owner)).map_err(|fault| fault.status)?;
    Ok(Settled { owner, new, usage })
}

/// Whether `new` is nowhere looser than what a key has, and fits it.
///
/// # Errors
/// [`Status::PolicyLoosened`]; [`Status::BadPolicy`].
pub fn tighten(key: &KeyRecord, new: &Policy) -> Result<(), Status> {
    let settled = new.tightens(&key.policy);
    let owner = Some(&key.owner);
    let settled = settled.and_then(|()| new.fits(key.usage, key.children, key.ratchet, owner));
    settled.map_err(|fault| fault.status)
}

/// Whether what comes of a key may become that: nothing leaves by way of another key that may not
/// leave itself, and no bound of a derivation key is shed by a copy of its child.
///
/// # Errors
/// [`Status::NotExportable`]; [`Status::NotPermitted`]; [`Status::BadPolicy`].
pub fn may_become(
    source: &KeyRecord,
    caller: &Caller,
    new: Option<&Settled>,
) -> Result<(), Status> {
    let leaves = match new.map(|settled| &settled.new.policy) {
        None => true,
        Some(policy) => policy.export == Export::Shares || policy.export_derived,
    };
    if leaves && !source.policy.export_derived {
        return Err(Status::NotExportable);
    }
    let Some(settled) = new.filter(|_| source.usage == Usage::Derive) else {
        return Ok(());
    };
    if source.is_counted() || source.owner != caller.identity()? {
        return Err(Status::NotPermitted);
    }
    let policy = &settled.new.policy;
    let bytes = matches!(settled.usage, Usage::Seal | Usage::Encrypt);
    if policy.rollback_level < source.policy.rollback_level
        || (source.policy.fixed_owner && !policy.fixed_owner)
        || (bytes && policy.min_context < source.policy.min_context)
    {
        return Err(Status::BadPolicy);
    }
    Ok(())
}

/// Whether the platform has the rollback protection that a key asks for, to be used or to leave.
///
/// # Errors
/// [`Status::RollbackLevel`].
pub fn expect_level(policy: &Policy, platform: &impl Platform) -> Result<(), Status> {
    if policy.rollback_level > 0 && platform.facts().rollback_level < policy.rollback_level {
        return Err(Status::RollbackLevel);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
