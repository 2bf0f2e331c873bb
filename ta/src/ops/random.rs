//! `random`.

use claviger_proto::{Status, limits, message::*};

use crate::{Platform, Service, Session, exchange::Payload};

/// Random bytes of the platform.
#[inline(never)]
pub(crate) fn random<P: Platform>(
    service: &mut Service<P>,
    _session: &mut Session,
    request: RandomRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let length = request.length as usize;
    if length > limits::RANDOM {
        return Err(Status::PayloadTooLong);
    }
    service.platform.random(payload.resize(length)?)?;
    Ok(Done {})
}
