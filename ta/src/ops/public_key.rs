//! `public-key`.

use claviger_proto::{Algorithm, Status, Usage, message::*};

use crate::{
    Platform, Service, Session,
    crypto::{ecdsa, ed25519},
    exchange::Payload,
    policy,
};

/// The public half of a signing key.
#[inline(never)]
pub(crate) fn public_key<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: PublicKeyRequest,
    payload: &mut Payload,
) -> Result<PublicKeyResponse, Status> {
    payload.expect_empty()?;
    let Service {
        vault, platform, ..
    } = service;
    let key = policy::usable(vault, platform, &session.caller, &request.key, Usage::Sign)?;
    match key.algorithm {
        Algorithm::EcdsaP256 => payload.set(&ecdsa::public_key(key.secret.as_bytes())?)?,
        Algorithm::Ed25519 => payload.set(&ed25519::public_key(key.secret.as_bytes())?)?,
        _ => return Err(Status::WrongUsage),
    }
    Ok(PublicKeyResponse {
        algorithm: key.algorithm,
    })
}
