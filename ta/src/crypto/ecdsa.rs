//! ECDSA over P-256 with SHA-256 digests (FIPS 186-5).

use ::ecdsa::hazmat::sign_prehashed_rfc6979;
use claviger_proto::Status;
use p256::{
    NistP256, NonZeroScalar, SecretKey,
    elliptic_curve::{Generate, sec1::ToSec1Point},
};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::platform::{Platform, Rng, random};

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

/// Signs a SHA-256 digest; r || s. The nonce is RFC 6979's with 32 fresh random bytes mixed in
/// (its section 3.6, hedged): neither a bad random source nor a fault that repeats gives the key
/// away.
///
/// # Errors
/// [`Status::BadPayload`] unless the digest has 32 bytes; [`Status::RandomFailed`].
pub fn sign(
    platform: &mut impl Platform,
    scalar: &[u8],
    digest: &[u8],
) -> Result<[u8; 64], Status> {
    sign_with(scalar, digest, &random::<32>(platform)?)
}

/// Signs with these additional bytes for the nonce; with none, deterministically (RFC 6979).
///
/// # Errors
/// As [`sign`], and [`Status::Internal`] if the scalar is no key: keys are checked when made.
// Not through `SigningKey`: making one computes the public key, as costly as the signature.
#[inline(never)]
pub(crate) fn sign_with(scalar: &[u8], digest: &[u8], added: &[u8]) -> Result<[u8; 64], Status> {
    if digest.len() != DIGEST {
        return Err(Status::BadPayload);
    }
    let key = Zeroizing::new(NonZeroScalar::try_from(scalar).map_err(|_| Status::Internal)?);
    let (signature, _) = sign_prehashed_rfc6979::<NistP256, Sha256>(&key, digest, added);
    Ok(signature.to_bytes().into())
}

/// The public key: an uncompressed point (SEC 1, section 2.3.3), 65 bytes.
///
/// # Errors
/// [`Status::Internal`] if the scalar is no key: keys are checked when they are made.
#[inline(never)]
pub fn public_key(scalar: &[u8]) -> Result<[u8; 65], Status> {
    let key = SecretKey::from_slice(scalar).map_err(|_| Status::Internal)?;
    let point = key.public_key().to_sec1_point(false);
    point.as_bytes().try_into().map_err(|_| Status::Internal)
}
