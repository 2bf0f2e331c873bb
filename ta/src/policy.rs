//! Who may do what with which key. Everything that decides about access stands here.

use claviger_proto::{Algorithm, Identity, Status, Usage};

use crate::{session::Caller, vault::KeyRecord};

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

/// Whether a key serves this usage. That the caller has a part in it at all was settled by
/// finding it under the caller's identity.
///
/// # Errors
/// [`Status::WrongUsage`].
pub fn allows(key: &KeyRecord, usage: Usage) -> Result<(), Status> {
    if key.usage == usage {
        Ok(())
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
