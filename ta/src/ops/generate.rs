//! `generate`.

use claviger_proto::{Origin, Status, message::*};

use super::new_key::keep;
use crate::{Platform, Service, Session, crypto::Secret, exchange::Payload, policy};

/// Makes a key.
#[inline(never)]
pub(crate) fn generate<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: GenerateRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let Service {
        keyring, platform, ..
    } = service;
    let settled = policy::settle(request.new, &session.caller)?;
    let secret = Secret::generate(platform, settled.new.algorithm)?;
    keep(
        keyring,
        platform,
        payload,
        settled,
        Origin::Generated,
        secret,
    )
}
