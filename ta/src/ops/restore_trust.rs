//! `restore-trust-add`, `-list` and `-remove`: of which devices a locked vault believes manifests of
//! shares, beside its own.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload};

/// Names a device.
#[inline(never)]
pub(crate) fn restore_trust_add<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RestoreTrustAddRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let caller = session.caller.identity()?;
    let Service {
        keyring, platform, ..
    } = service;
    keyring.vault.trust(platform, request.device, caller)?;
    Ok(Done {})
}

/// Says which devices were named.
#[inline(never)]
pub(crate) fn restore_trust_list<P: Platform>(
    service: &mut Service<P>,
    _session: &mut Session,
    _request: RestoreTrustListRequest,
    payload: &mut Payload,
) -> Result<RestoreTrustListResponse, Status> {
    payload.expect_empty()?;
    let Service {
        keyring, platform, ..
    } = service;
    let devices = keyring.vault.trusted(platform)?;
    Ok(RestoreTrustListResponse { devices })
}

/// Takes a device off the list.
#[inline(never)]
pub(crate) fn restore_trust_remove<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RestoreTrustRemoveRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let caller = session.caller.identity()?;
    let Service {
        keyring, platform, ..
    } = service;
    keyring.vault.distrust(platform, request.device, caller)?;
    Ok(Done {})
}
