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
    let new = request.new;
    let Service {
        keyring, platform, ..
    } = service;
    let owner = session.caller.identity()?;
    let usage = policy::settle(&new, &owner)?;
    let secret = Secret::generate(platform, new.algorithm)?;
    let origin = Origin::Generated;
    keep(keyring, platform, owner, new, usage, origin, secret, payload)
}
