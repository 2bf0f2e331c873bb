//! `generate`.

use claviger_proto::{Origin, Status, message::*};

use super::new_key::NewKey;
use crate::{Platform, Service, Session, crypto::Secret, exchange::Payload};

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
        key: label,
        algorithm,
        usage,
        export_derived,
    } = request;
    let Service {
        vault, platform, ..
    } = service;
    let secret = Secret::generate(platform, algorithm)?;
    let new = NewKey {
        label,
        algorithm,
        usage,
        export_derived,
    };
    let record = new.with(platform, &session.caller, Origin::Generated, secret)?;
    let description = record.describe();
    vault.insert(platform, record)?;
    Ok(description)
}
