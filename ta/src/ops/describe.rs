//! `describe`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload};

/// Everything about a key but its secret.
#[inline(never)]
pub(crate) fn describe<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: DescribeRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    let description = keyring.describe(platform, &session.caller, &request.key, payload)?;
    payload.expect_empty()?;
    Ok(description)
}
