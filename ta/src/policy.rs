//! Who may do what with which key. Everything that decides about access stands here.

use claviger_proto::{
    Algorithm, Export, Home, Identity, KeyRef, Label, Permission, Place, Status, Usage, limits,
    message::{NewKey, Policy},
};
use sha2::{Digest, Sha256};

use crate::{
    crypto::ecdh::x25519,
    session::Caller,
    vault::{KeyRecord, use_limit},
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
        || caller.identity().is_ok_and(|identity| {
            key.owner == identity || key.policy.grants.iter().any(|grant| grant.to == identity)
        })
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
        let none = new.recipients.is_empty();
        return none.then_some(()).ok_or(Status::BadPolicy);
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
        x25519::check(&key.0)?;
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
    let usages = new.algorithm.usages();
    let usage = new
        .usage
        .or(usages.first().copied())
        .ok_or(Status::UnsupportedUsage)?;
    if !usages.contains(&usage) {
        return Err(Status::UnsupportedUsage);
    }
    let wrapped = new.home == Home::Wrapped;
    let changes = new.ratchet
        || new.pre_activation
        || is_counted(&new.policy)
        || use_limit(new.algorithm, new.children).is_some()
        || new.policy.export != Export::Nothing;
    if wrapped && changes {
        return Err(Status::Immutable);
    }
    let children = match new.children {
        None => true,
        Some(algorithm) if usage == Usage::Derive => algorithm.is_derivable(),
        Some(_) => usage == Usage::Unwrap,
    };
    // What comes under a key-encryption key has one role, whoever unwraps it. One that itself comes so
    // gets its role from who takes it in.
    let children = children && (usage != Usage::Unwrap || new.children.is_some());
    let ratchet = !new.ratchet || usage.is_ratchetable();
    if !children || !ratchet || (new.family.is_some() && !wrapped) {
        return Err(Status::UnsupportedUsage);
    }
    fits(&new.policy, usage, new.children, new.ratchet, &owner)?;
    Ok(Settled { owner, new, usage })
}

/// Whether `new` is nowhere looser than what a key has, and fits it.
///
/// # Errors
/// [`Status::PolicyLoosened`]; [`Status::BadPolicy`].
pub fn tighten(key: &KeyRecord, new: &Policy) -> Result<(), Status> {
    let old = &key.policy;
    let fewer = |old: Option<u64>, new: Option<u64>| match (old, new) {
        (None, _) => true,
        (Some(old), Some(new)) => new <= old,
        (Some(_), None) => false,
    };
    let grants = new.grants.iter().all(|grant| {
        let had = old.grants.iter().find(|had| had.to == grant.to);
        had.is_some_and(|had| grant.may.within(had.may))
    });
    let export = match new.export {
        Export::Nothing => new.shares.is_none(),
        same => same == old.export && new.shares == old.shares,
    };
    let tighter = new.owner.within(old.owner)
        && grants
        && fewer(old.max_uses, new.max_uses)
        && fewer(old.rotate_after_uses, new.rotate_after_uses)
        && fewer(old.rotate_after_bytes, new.rotate_after_bytes)
        && new.min_context >= old.min_context
        && new.rollback_level >= old.rollback_level
        && export
        && (old.export_derived || !new.export_derived);
    if !tighter {
        return Err(Status::PolicyLoosened);
    }
    fits(new, key.usage, key.children, key.ratchet, &key.owner)
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
        || (bytes && policy.min_context < source.policy.min_context)
    {
        return Err(Status::BadPolicy);
    }
    Ok(())
}

/// Whether a policy counts anything that a key of any algorithm may do.
fn is_counted(policy: &Policy) -> bool {
    policy.max_uses.is_some()
        || policy.rotate_after_uses.is_some()
        || policy.rotate_after_bytes.is_some()
}

/// Whether a policy says nothing that makes no sense for its key.
fn fits(
    policy: &Policy,
    usage: Usage,
    children: Option<Algorithm>,
    ratchet: bool,
    owner: &Identity,
) -> Result<(), Status> {
    let permissions = usage.permissions();
    let mut others = policy.grants.iter();
    let mut grants = true;
    while let Some(grant) = others.next() {
        grants &= grant.to != *owner
            && !grant.may.is_empty()
            && grant.may.within(permissions)
            && others.clone().all(|other| other.to != grant.to);
    }
    let children = children.filter(|_| usage == Usage::Derive);
    let child_usage = children.and_then(|algorithm| algorithm.usages().first());
    let takes_bytes = |usage: &Usage| matches!(usage, Usage::Seal | Usage::Encrypt);
    let bytes = takes_bytes(&usage) || child_usage.is_some_and(takes_bytes);
    let rotates = policy.rotate_after_uses.is_some() || policy.rotate_after_bytes.is_some();
    let numbers = [
        policy.max_uses,
        policy.rotate_after_uses,
        policy.rotate_after_bytes,
    ];
    let shares = match (policy.export, &policy.shares) {
        (Export::Shares, Some(shares)) => shares.fits(),
        (Export::Shares, None) => false,
        (_, shares) => shares.is_none(),
    };
    let derives = matches!(
        usage,
        Usage::Challenge | Usage::Derive | Usage::Agree | Usage::Decapsulate | Usage::Unwrap
    );
    let fits = policy.owner.within(permissions)
        && grants
        && !numbers.contains(&Some(0))
        && policy.min_context as usize <= limits::CONTEXT
        && (policy.min_context == 0 || bytes)
        && (policy.rotate_after_bytes.is_none() || bytes)
        && shares
        && (derives || !policy.export_derived)
        // The next version of a ratcheted key comes of steps that both sides take, and what is
        // destroyed by a step must not be elsewhere.
        && !(ratchet && (rotates || policy.export != Export::Nothing))
        // What is restored from shares could be used anew.
        && !(policy.max_uses.is_some() && policy.export == Export::Shares);
    if fits { Ok(()) } else { Err(Status::BadPolicy) }
}

#[cfg(test)]
mod tests;
