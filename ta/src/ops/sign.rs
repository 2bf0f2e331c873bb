//! `sign`.

use claviger_proto::{Algorithm, Permission, Status, message::*};

use crate::{
    Platform, Service, Session,
    crypto::{ecdsa, ed25519},
    exchange::Payload,
    keyring::Work,
};

/// Signs a digest (ECDSA, Ed25519ph) or a message (Ed25519).
#[inline(never)]
pub(crate) fn sign<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: SignRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        keyring,
        nonces,
        platform,
        ..
    } = service;
    let work = Work::new(Permission::Sign);
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    let secret = key.secret()?;
    let (secret, message) = (secret.as_bytes(), payload.bytes());
    // What is mixed into the nonce of ECDSA need not be secret (RFC 6979, section 3.6).
    let mut added = || nonces.next::<16>(platform);
    match key.algorithm()? {
        Algorithm::Ed25519 if request.prehash => {
            payload.set(&ed25519::sign_prehashed(secret, message)?)?;
        }
        // Who asks for Ed25519ph must not get another signature.
        _ if request.prehash => return Err(Status::UnsupportedUsage),
        Algorithm::EcdsaP256 => {
            payload.set(&ecdsa::p256::sign_with(secret, message, &added()?)?)?;
        }
        Algorithm::EcdsaP384 => {
            payload.set(&ecdsa::p384::sign_with(secret, message, &added()?)?)?;
        }
        Algorithm::Ed25519 => payload.set(&ed25519::sign(secret, message)?)?,
        _ => return Err(Status::WrongUsage),
    }
    Ok(KeyVersion {
        version: key.version(),
    })
}
