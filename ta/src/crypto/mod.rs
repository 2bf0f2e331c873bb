//! Keys at work: one file for each mechanism, over RustCrypto. Nothing here stores anything.

pub mod aead;
pub mod ecdh;
pub mod ecdsa;
pub mod ed25519;
pub mod hkdf;
pub mod hpke;
pub mod kdf;
pub mod kem;
pub mod key_wrap;
pub mod known_answers;
pub mod mac;
pub mod shamir;
pub mod siv;

use claviger_proto::{Algorithm, Status};
use zeroize::Zeroizing;

use crate::platform::Platform;

/// The longest secret of any algorithm, in bytes.
pub const SECRET_MAX: usize = 64;

/// A key's secret bytes: wiped when dropped, never printed, never compared.
#[derive(Clone)]
pub struct Secret {
    bytes: Zeroizing<[u8; SECRET_MAX]>,
    len: usize,
}

impl Secret {
    /// A copy of `bytes`.
    ///
    /// # Errors
    /// [`Status::BadKey`] if there are more than [`SECRET_MAX`].
    pub fn new(bytes: &[u8]) -> Result<Secret, Status> {
        let mut secret = Secret {
            bytes: Zeroizing::new([0; SECRET_MAX]),
            len: bytes.len(),
        };
        secret
            .bytes
            .get_mut(..bytes.len())
            .ok_or(Status::BadKey)?
            .copy_from_slice(bytes);
        Ok(secret)
    }

    /// A secret of `len` bytes that `fill` writes.
    ///
    /// # Errors
    /// [`Status::BadKey`] if that is more than [`SECRET_MAX`]; those of `fill`.
    pub fn with(
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), Status>,
    ) -> Result<Secret, Status> {
        let mut secret = Secret {
            bytes: Zeroizing::new([0; SECRET_MAX]),
            len,
        };
        fill(secret.bytes.get_mut(..len).ok_or(Status::BadKey)?)?;
        Ok(secret)
    }

    /// A new secret for `algorithm`.
    ///
    /// # Errors
    /// [`Status::RandomFailed`].
    pub fn generate(platform: &mut impl Platform, algorithm: Algorithm) -> Result<Secret, Status> {
        match algorithm {
            Algorithm::EcdsaP256 | Algorithm::EcdhP256 => {
                Secret::new(ecdsa::p256::generate(platform)?.as_slice())
            }
            Algorithm::EcdsaP384 => Secret::new(ecdsa::p384::generate(platform)?.as_slice()),
            other => Secret::with(other.key_len(), |bytes| platform.random(bytes)),
        }
    }

    /// Takes a secret that came from outside.
    ///
    /// # Errors
    /// [`Status::BadKey`] if these bytes are no key of this algorithm.
    pub fn import(algorithm: Algorithm, bytes: &[u8]) -> Result<Secret, Status> {
        if !algorithm.takes_key_len(bytes.len()) {
            return Err(Status::BadKey);
        }
        match algorithm {
            Algorithm::EcdsaP256 | Algorithm::EcdhP256 => ecdsa::p256::check(bytes)?,
            Algorithm::EcdsaP384 => ecdsa::p384::check(bytes)?,
            _ => {}
        }
        Secret::new(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Secret({} bytes)", self.len)
    }
}

/// The check value by which people tell that two devices hold the same secret: 5 bytes.
///
/// Of a secret of 16 or 32 bytes, and so of every AES-128 and AES-256 key, it is that of ANSI
/// X9.24-1:2017, annex A: the first bytes of `CMAC(secret, 16 zeros)`. Of any other it is that of a
/// key derived from it, `HKDF("", secret, "claviger check value", 32)`.
///
/// It tells nothing that helps against a random secret; one that can be guessed can be confirmed
/// with it, as with any tag made with it.
///
/// # Errors
/// [`Status::Internal`] only if the derivation contradicts itself.
pub fn check_value(secret: &[u8]) -> Result<[u8; 5], Status> {
    let mut derived = Zeroizing::new([0; 32]);
    let key = match secret.len() {
        16 | 32 => secret,
        _ => {
            hkdf::derive(b"", secret, b"claviger check value", derived.as_mut_slice())?;
            derived.as_slice()
        }
    };
    let tag = mac::cmac(key, &[0; 16])?;
    tag.as_bytes()
        .first_chunk()
        .copied()
        .ok_or(Status::Internal)
}
