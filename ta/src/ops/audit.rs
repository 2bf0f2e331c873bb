//! The audit logs: read, signed, bounded.

use claviger_proto::{Identity, Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy, shares::sign};

/// A page of a log.
#[inline(never)]
pub(crate) fn audit_read<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: AuditReadRequest,
    payload: &mut Payload,
) -> Result<AuditPage, Status> {
    payload.expect_empty()?;
    let of = log(service, session, request.of, request.shared)?;
    let vault = &mut service.keyring.vault;
    let show = |bytes: &[u8]| payload.set(bytes);
    vault.read_log(&mut service.platform, of, request.from, show)
}

/// Signs where a log stands.
#[inline(never)]
pub(crate) fn audit_checkpoint<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: AuditCheckpointRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    let nonce = heapless::Vec::from_slice(payload.bytes()).map_err(|_| Status::BadPayload)?;
    let of = log(service, session, request.of, request.shared)?;
    let Service {
        keyring, platform, ..
    } = service;
    let checkpoint = keyring.vault.checkpoint(platform, of, nonce)?.encode();
    let key = keyring.vault.device_key(platform)?;
    let signature = sign(platform, &key, &checkpoint)?;
    payload.set(&checkpoint)?;
    payload.append(&signature)?;
    Ok(Done {})
}

/// Has key events refused that find no place in a full log.
#[inline(never)]
pub(crate) fn audit_strict<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    _request: AuditStrictRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let caller = session.caller.identity()?;
    let vault = &mut service.keyring.vault;
    vault.refuse_unlogged(&mut service.platform, caller)?;
    Ok(Done {})
}

/// Lets records be overwritten.
#[inline(never)]
pub(crate) fn audit_release<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: AuditReleaseRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let of = log(service, session, request.of, request.shared)?;
    let caller = session.caller.identity()?;
    let Service {
        keyring, platform, ..
    } = service;
    let vault = &mut keyring.vault;
    vault.release_log(platform, of, request.keep, caller)?;
    Ok(Done {})
}

/// The log that a request is about: whose, and whether the shared one instead. That one is for
/// uid 0 only: it tells of several.
fn log<P: Platform>(
    service: &mut Service<P>,
    session: &Session,
    of: Option<Identity>,
    shared: bool,
) -> Result<Option<Identity>, Status> {
    let whose = policy::subject(&session.caller, of)?;
    let log = match (of, shared) {
        (Some(_), true) => return Err(Status::BadHeader),
        (None, true) => None,
        (_, false) => {
            let vault = &mut service.keyring.vault;
            vault.log_of(&mut service.platform, whose)?
        }
    };
    if log.is_none() && !session.caller.is_administrator() {
        return Err(Status::AdministratorOnly);
    }
    Ok(log)
}
