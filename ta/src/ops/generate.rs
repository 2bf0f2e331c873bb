//! `generate`.

use claviger_proto::{Digits, Origin, State, Status, message::*};

use crate::{
    Platform, Service, Session, crypto::Secret, exchange::Payload, platform, policy,
    vault::KeyRecord,
};

/// Makes a key.
#[inline(never)]
pub(crate) fn generate<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: GenerateRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let GenerateRequest {
        key,
        algorithm,
        usage,
        export_derived,
    } = request;
    let record = KeyRecord {
        label: key,
        owner: session.caller.identity()?,
        id: Digits(platform::random(&mut service.platform)?),
        algorithm,
        usage: policy::settle_usage(algorithm, usage, export_derived)?,
        export_derived,
        origin: Origin::Generated,
        state: State::Active,
        version: 1,
        secret: Secret::generate(&mut service.platform, algorithm)?,
    };
    let description = record.describe();
    service.vault.insert(&mut service.platform, record)?;
    Ok(description)
}
