//! ECDSA over P-256 with SHA-256 digests (FIPS 186-5).

use claviger_proto::Status;
use p256::{
    NistP256, SecretKey,
    ecdsa::{Signature, SigningKey, signature::hazmat::RandomizedPrehashSigner},
    elliptic_curve::{Generate, sec1::ToSec1Point},
};
use zeroize::Zeroizing;

use crate::platform::{Platform, Rng};

/// Bytes of the digest that is signed.
pub const DIGEST: usize = 32;

/// A new private key: a scalar in [1, n-1], 32 bytes big-endian.
///
/// # Errors
/// [`Status::RandomFailed`].
#[inline(never)]
pub fn generate(platform: &mut impl Platform) -> Result<Zeroizing<[u8; 32]>, Status> {
    let key = SecretKey::try_generate_from_rng(&mut Rng(platform))?;
    Ok(Zeroizing::new(key.to_bytes().into()))
}

/// Whether `scalar` is a private key.
///
/// # Errors
/// [`Status::BadKey`] for 0, n and above, or another length.
pub fn check(scalar: &[u8]) -> Result<(), Status> {
    SecretKey::from_slice(scalar)
        .map(|_| ())
        .map_err(|_| Status::BadKey)
}

/// Signs a SHA-256 digest; r || s. The nonce is RFC 6979's with fresh randomness mixed in
/// (hedged): neither a bad random source nor a fault that repeats gives the key away.
///
/// # Errors
/// [`Status::BadPayload`] unless the digest has 32 bytes; [`Status::RandomFailed`].
#[inline(never)]
pub fn sign(
    platform: &mut impl Platform,
    scalar: &[u8],
    digest: &[u8],
) -> Result<[u8; 64], Status> {
    if digest.len() != DIGEST {
        return Err(Status::BadPayload);
    }
    let key = SigningKey::from_slice(scalar).map_err(|_| Status::Internal)?;
    let signature: Signature = key
        .sign_prehash_with_rng(&mut Rng(platform), digest)
        .map_err(|_| Status::RandomFailed)?;
    Ok(signature.to_bytes().into())
}

/// The public key: an uncompressed point (SEC 1, section 2.3.3), 65 bytes.
///
/// # Errors
/// [`Status::Internal`] if the scalar is no key: keys are checked when they are made.
#[inline(never)]
pub fn public_key(scalar: &[u8]) -> Result<[u8; 65], Status> {
    let key = p256::elliptic_curve::SecretKey::<NistP256>::from_slice(scalar)
        .map_err(|_| Status::Internal)?;
    let point = key.public_key().to_sec1_point(false);
    point.as_bytes().try_into().map_err(|_| Status::Internal)
}
