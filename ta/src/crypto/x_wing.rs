//! X-Wing (draft-connolly-cfrg-xwing-kem): encapsulation of a shared secret that stays secret as
//! long as one of X25519 and ML-KEM-768 does.
//!
//! ```text
//! seed -> SHAKE256 -> seed of ML-KEM (64) || private key of X25519 (32)
//! shared = SHA3-256(ML-KEM's || X25519's || X25519's ciphertext || X25519's public key || "\.//^\")
//! ```
//!
//! Public keys and ciphertexts are those of ML-KEM-768 with those of X25519 after them. As in the
//! draft, public keys of small order are taken for X25519's part: ML-KEM's still protects the
//! secret then.

use claviger_proto::Status;
use x_wing::{
    Ciphertext, Decapsulate, DecapsulationKey, Decapsulator, EncapsulationKey, KeyExport,
    TryKeyInit,
};
use zeroize::{Zeroize, Zeroizing};

use crate::platform::{Platform, random};

/// Bytes of a private key.
pub const SEED: usize = x_wing::DECAPSULATION_KEY_SIZE;
/// Bytes of a public key.
pub const PUBLIC: usize = x_wing::ENCAPSULATION_KEY_SIZE;
/// Bytes of a ciphertext.
pub const CIPHERTEXT: usize = x_wing::CIPHERTEXT_SIZE;

/// The public key, written to `public`.
///
/// # Errors
/// [`Status::Internal`] if the seed has not [`SEED`] bytes.
#[inline(never)]
pub fn public_key(seed: &[u8], public: &mut [u8; PUBLIC]) -> Result<(), Status> {
    *public = key(seed)?.encapsulation_key().to_bytes().into();
    Ok(())
}

/// A new shared secret, and its ciphertext written to `ciphertext`.
///
/// # Errors
/// [`Status::BadPublicKey`] unless `public` has [`PUBLIC`] bytes and its ML-KEM part passes the
/// modulus check (FIPS 203, section 7.2); [`Status::RandomFailed`].
pub fn encapsulate(
    platform: &mut impl Platform,
    public: &[u8],
    ciphertext: &mut [u8; CIPHERTEXT],
) -> Result<Zeroizing<[u8; 32]>, Status> {
    let randomness = Zeroizing::new(random(platform)?);
    encapsulate_with(&randomness, public, ciphertext)
}

/// Encapsulates with this randomness: 32 bytes for ML-KEM, and X25519's ephemeral key.
///
/// # Errors
/// As [`encapsulate`].
#[inline(never)]
pub(crate) fn encapsulate_with(
    randomness: &[u8; 64],
    public: &[u8],
    ciphertext: &mut [u8; CIPHERTEXT],
) -> Result<Zeroizing<[u8; 32]>, Status> {
    let key = EncapsulationKey::new_from_slice(public).map_err(|_| Status::BadPublicKey)?;
    let (made, mut shared) = key.encapsulate_deterministic(randomness.into());
    *ciphertext = made.into();
    let copy = Zeroizing::new(shared.into());
    shared.zeroize();
    Ok(copy)
}

/// The shared secret of a ciphertext. Of one that was altered or made for another key it is a
/// secret that nobody else knows: that shows only when it is used.
///
/// # Errors
/// [`Status::BadPayload`] unless the ciphertext has [`CIPHERTEXT`] bytes; [`Status::Internal`] if
/// the seed has not [`SEED`].
#[inline(never)]
pub fn decapsulate(seed: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<[u8; 32]>, Status> {
    let ciphertext: &[u8; CIPHERTEXT] = ciphertext.try_into().map_err(|_| Status::BadPayload)?;
    let mut shared = key(seed)?.decapsulate(<&Ciphertext>::from(ciphertext));
    let copy = Zeroizing::new(shared.into());
    shared.zeroize();
    Ok(copy)
}

fn key(seed: &[u8]) -> Result<DecapsulationKey, Status> {
    let seed = Zeroizing::new(<[u8; SEED]>::try_from(seed).map_err(|_| Status::Internal)?);
    Ok(DecapsulationKey::from(*seed))
}
