//! `describe`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy};

/// Everything about a key but its secret.
#[inline(never)]
pub(crate) fn describe<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: DescribeRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let owner = policy::subject(&session.caller, request.owner)?;
    Ok(service
        .vault
        .find(&mut service.platform, &owner, &request.key)?
        .describe())
}
