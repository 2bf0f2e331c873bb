//! `lock`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload};

/// Ends imports until a factory reset.
#[inline(never)]
pub(crate) fn lock<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    _request: LockRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let caller = session.caller.identity()?;
    service.keyring.vault.lock(&mut service.platform, caller)?;
    // They come in the clear: no more would be taken.
    service.ceremonies.components.clear();
    Ok(Done {})
}
