//! `factory-reset`.

use claviger_proto::{Digits, Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, platform, refusals::Refusals};

/// Destroys every key and begins a new vault, with a new id and unlocked.
#[inline(never)]
pub(crate) fn factory_reset<P: Platform>(
    service: &mut Service<P>,
    _session: &mut Session,
    request: FactoryResetRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    if request.confirmation != service.confirmation {
        return Err(Status::BadConfirmation);
    }
    // Before: what fails half way is finished by the next call.
    service.confirmation = Digits(platform::random(&mut service.platform)?);
    service.challenges.clear();
    service.ceremonies.clear();
    service.refusals = Refusals::default();
    service.keyring.reset(&mut service.platform)?;
    Ok(Done {})
}
