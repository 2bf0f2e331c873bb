//! `declare-lost`.

use claviger_proto::{Digits, Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, platform};

/// Declares the missing shards of the vault lost, so that the others can be changed again.
#[inline(never)]
pub(crate) fn declare_lost<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: DeclareLostRequest,
    payload: &mut Payload,
) -> Result<DeclareLostResponse, Status> {
    payload.expect_empty()?;
    if request.confirmation != service.confirmation {
        return Err(Status::BadConfirmation);
    }
    let caller = session.caller.identity()?;
    // Before: each serves once.
    service.confirmation = Digits(platform::random(&mut service.platform)?);
    let Service {
        keyring, platform, ..
    } = service;
    let shards = keyring.declare_lost(platform, caller)?;
    Ok(DeclareLostResponse { shards })
}
