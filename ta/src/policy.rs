//! Who may do what with which key. Everything that decides about access stands here.

use claviger_proto::{Algorithm, Identity, Label, Status, Usage};

use crate::{
    platform::Platform,
    session::Caller,
    vault::{KeyRecord, Vault},
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

/// The caller's key with this label, to be used for this.
///
/// # Errors
/// [`Status::NotFound`], also for a key in which the caller has no part; [`Status::WrongUsage`];
/// those of [`Vault::find`].
pub fn usable<'a, P: Platform>(
    vault: &'a mut Vault<P>,
    platform: &mut P,
    caller: &Caller,
    label: &Label,
    usage: Usage,
) -> Result<&'a KeyRecord, Status> {
    let key = vault.find(platform, &caller.identity()?, label)?;
    if key.usage == usage {
        Ok(key)
    } else {
        Err(Status::WrongUsage)
    }
}

/// The usage that a new key gets.
///
/// # Errors
/// [`Status::UnsupportedUsage`] if the algorithm does not serve it, or if `export_derived` is
/// asked of a key that derives nothing for its callers.
pub fn settle_usage(
    algorithm: Algorithm,
    usage: Option<Usage>,
    export_derived: bool,
) -> Result<Usage, Status> {
    let usages = algorithm.usages();
    let usage = usage
        .or(usages.first().copied())
        .ok_or(Status::UnsupportedUsage)?;
    if !usages.contains(&usage) || (export_derived && usage != Usage::Challenge) {
        return Err(Status::UnsupportedUsage);
    }
    Ok(usage)
}
