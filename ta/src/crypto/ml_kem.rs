//! ML-KEM-768 (FIPS 203): encapsulation of a shared secret to a public key, also against quantum
//! computers.
//!
//! The private key is kept as its seed d || z (FIPS 203, section 7.1); the decapsulation key is
//! computed from it at each use. Public keys and ciphertexts go through the caller's arrays, which
//! keeps them from being copied over the stack.

use claviger_proto::Status;
use ml_kem::{Decapsulate, DecapsulationKey768, EncapsulationKey768, KeyExport, Seed, TryKeyInit};
use zeroize::{Zeroize, Zeroizing};

use crate::platform::{Platform, random};

/// Bytes of a private key.
pub const SEED: usize = 64;
/// Bytes of a public key.
pub const PUBLIC: usize = 1184;
/// Bytes of a ciphertext.
pub const CIPHERTEXT: usize = 1088;

/// The public key, written to `public` (`ML-KEM.KeyGen_internal`, FIPS 203, algorithm 16).
///
/// # Errors
/// [`Status::Internal`] if the seed has not [`SEED`] bytes.
#[inline(never)]
pub fn public_key(seed: &[u8], public: &mut [u8; PUBLIC]) -> Result<(), Status> {
    *public = key(seed)?.encapsulation_key().to_bytes().into();
    Ok(())
}

/// A new shared secret, and its ciphertext written to `ciphertext` (`ML-KEM.Encaps`, FIPS 203,
/// algorithm 20).
///
/// # Errors
/// [`Status::BadPublicKey`] unless `public` has [`PUBLIC`] bytes and passes the modulus check (FIPS
/// 203, section 7.2); [`Status::RandomFailed`].
pub fn encapsulate(
    platform: &mut impl Platform,
    public: &[u8],
    ciphertext: &mut [u8; CIPHERTEXT],
) -> Result<Zeroizing<[u8; 32]>, Status> {
    let randomness = Zeroizing::new(random(platform)?);
    encapsulate_with(&randomness, public, ciphertext)
}

/// Encapsulates with this randomness m (`ML-KEM.Encaps_internal`, FIPS 203, algorithm 17).
///
/// # Errors
/// As [`encapsulate`].
#[inline(never)]
pub(crate) fn encapsulate_with(
    randomness: &[u8; 32],
    public: &[u8],
    ciphertext: &mut [u8; CIPHERTEXT],
) -> Result<Zeroizing<[u8; 32]>, Status> {
    let key = EncapsulationKey768::new_from_slice(public).map_err(|_| Status::BadPublicKey)?;
    let (made, mut shared) = key.encapsulate_deterministic(randomness.into());
    *ciphertext = made.into();
    let copy = Zeroizing::new(shared.into());
    shared.zeroize();
    Ok(copy)
}

/// The shared secret of a ciphertext (`ML-KEM.Decaps`, FIPS 203, algorithm 21). Of one that was
/// altered or made for another key it is a secret that nobody else knows: that shows only when it
/// is used.
///
/// # Errors
/// [`Status::BadPayload`] unless the ciphertext has [`CIPHERTEXT`] bytes; [`Status::Internal`] if
/// the seed has not [`SEED`].
#[inline(never)]
pub fn decapsulate(seed: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<[u8; 32]>, Status> {
    let ciphertext: &[u8; CIPHERTEXT] = ciphertext.try_into().map_err(|_| Status::BadPayload)?;
    let mut shared = key(seed)?.decapsulate(ciphertext.into());
    let copy = Zeroizing::new(shared.into());
    shared.zeroize();
    Ok(copy)
}

fn key(seed: &[u8]) -> Result<DecapsulationKey768, Status> {
    let seed = Zeroizing::new(Seed::try_from(seed).map_err(|_| Status::Internal)?);
    Ok(DecapsulationKey768::from_seed(*seed))
}
