//! `sign`.

use claviger_proto::{Algorithm, Status, Usage, message::*};

use crate::{
    Platform, Service, Session,
    crypto::{ecdsa, ed25519},
    exchange::Payload,
    policy,
};

/// Signs a digest (ECDSA) or a message (Ed25519).
#[inline(never)]
pub(crate) fn sign<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: SignRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        vault, platform, ..
    } = service;
    let key = policy::usable(vault, platform, &session.caller, &request.key, Usage::Sign)?;
    let secret = key.secret.as_bytes();
    let signature = match key.algorithm {
        Algorithm::EcdsaP256 => ecdsa::sign(platform, secret, payload.bytes())?,
        Algorithm::Ed25519 => ed25519::sign(secret, payload.bytes())?,
        _ => return Err(Status::WrongUsage),
    };
    payload.set(&signature)?;
    Ok(KeyVersion {
        version: key.version,
    })
}
