//! `public-key`.

use claviger_proto::{Algorithm, State, Status, message::*};

use crate::{
    Platform, Service, Session,
    crypto::{
        ecdh::x25519,
        ecdsa, ed25519,
        kem::{ml_kem_768, x_wing},
    },
    exchange::Payload,
};

/// The public half of a key, for whoever has a part in it.
#[inline(never)]
pub(crate) fn public_key<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: PublicKeyRequest,
    payload: &mut Payload,
) -> Result<PublicKeyResponse, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    let key = keyring.look(platform, &session.caller, &request.key, payload)?;
    payload.expect_empty()?;
    if key.state() == State::Destroyed {
        return Err(Status::WrongState);
    }
    let version = request.version.unwrap_or(key.version());
    let algorithm = key.algorithm()?;
    let secret = match algorithm {
        Algorithm::EcdsaP256
        | Algorithm::EcdsaP384
        | Algorithm::EcdhP256
        | Algorithm::Ed25519
        | Algorithm::X25519
        | Algorithm::MlKem768
        | Algorithm::XWing => key.secret_of(version)?,
        _ => return Err(Status::WrongUsage),
    };
    let secret = secret.as_bytes();
    match algorithm {
        Algorithm::EcdsaP256 | Algorithm::EcdhP256 => {
            payload.set(&ecdsa::p256::public_key(secret)?)?;
        }
        Algorithm::EcdsaP384 => payload.set(&ecdsa::p384::public_key(secret)?)?,
        Algorithm::Ed25519 => payload.set(&ed25519::public_key(secret)?)?,
        Algorithm::X25519 => payload.set(&x25519::public_key(secret)?)?,
        Algorithm::MlKem768 => ml_kem_768::public_key(secret, payload.resize_to()?)?,
        _ => x_wing::public_key(secret, payload.resize_to()?)?,
    }
    Ok(PublicKeyResponse { algorithm, version })
}
