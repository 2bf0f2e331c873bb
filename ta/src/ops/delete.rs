//! `delete`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy};

/// Destroys a key.
#[inline(never)]
pub(crate) fn delete<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: DeleteRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let owner = policy::subject(&session.caller, request.owner)?;
    service
        .vault
        .remove(&mut service.platform, &owner, &request.key)?;
    Ok(Done {})
}
