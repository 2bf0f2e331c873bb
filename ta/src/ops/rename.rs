//! `rename` and `chown`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy};

/// Gives a key another label.
#[inline(never)]
pub(crate) fn rename<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RenameRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let caller = session.caller.identity()?;
    let Service {
        keyring, platform, ..
    } = service;
    let to = request.to;
    let vault = &mut keyring.vault;
    vault.rename(platform, &owner, label, to.clone(), caller)?;
    keyring.describe_stored(platform, &owner, &to)
}

/// Gives a key to another owner.
#[inline(never)]
pub(crate) fn chown<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ChownRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let caller = session.caller.identity()?;
    let Service {
        keyring, platform, ..
    } = service;
    let vault = &mut keyring.vault;
    vault.give(platform, &owner, label, caller, |record| {
        policy::give(record, request.to)
    })?;
    keyring.describe_stored(platform, &request.to, label)
}
