//! Ed25519 and Ed25519ph (RFC 8032). Both sign under one key: Ed25519ph hashes a prefix of its own
//! (`dom2`), so that no signature of one is a signature of the other.

use claviger_proto::{Status, limits};
use ed25519_dalek::{Signer, SigningKey};
use sha2::digest::{
    FixedOutput, HashMarker, Output, OutputSizeUser, Update, array::Array, consts::U64,
};

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

/// Signs the SHA-512 digest of a message as Ed25519ph, with an empty context.
///
/// # Errors
/// [`Status::BadPayload`] unless the digest has 64 bytes; [`Status::Internal`] if the seed has not 32
/// bytes.
#[inline(never)]
pub fn sign_prehashed(seed: &[u8], digest: &[u8]) -> Result<[u8; 64], Status> {
    let digest = <[u8; 64]>::try_from(digest).map_err(|_| Status::BadPayload)?;
    let signed = key(seed)?.sign_prehashed(Digested(Array(digest)), None);
    Ok(signed.map_err(|_| Status::Internal)?.to_bytes())
}

/// A digest that was computed elsewhere, where the library asks for the hash function.
#[derive(Default)]
struct Digested(Array<u8, U64>);

impl HashMarker for Digested {}

impl OutputSizeUser for Digested {
    type OutputSize = U64;
}

impl Update for Digested {
    fn update(&mut self, _data: &[u8]) {}
}

impl FixedOutput for Digested {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.0);
    }
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
