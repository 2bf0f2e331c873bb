//! Ed25519 (RFC 8032).

use claviger_proto::{Status, limits};
use ed25519_dalek::{Signer, SigningKey};

/// Signs a message.
///
/// # Errors
/// [`Status::MessageTooLong`] past one payload; [`Status::Internal`] if the seed has not 32 bytes.
#[inline(never)]
pub fn sign(seed: &[u8], message: &[u8]) -> Result<[u8; 64], Status> {
    if message.len() > limits::PAYLOAD {
        return Err(Status::MessageTooLong);
    }
    Ok(key(seed)?.sign(message).to_bytes())
}

/// The public key, as RFC 8032 encodes it.
///
/// # Errors
/// [`Status::Internal`] if the seed has not 32 bytes.
#[inline(never)]
pub fn public_key(seed: &[u8]) -> Result<[u8; 32], Status> {
    Ok(key(seed)?.verifying_key().to_bytes())
}

fn key(seed: &[u8]) -> Result<SigningKey, Status> {
    Ok(SigningKey::from_bytes(
        seed.try_into().map_err(|_| Status::Internal)?,
    ))
}
