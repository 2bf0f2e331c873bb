//! What makes shares of a key trustworthy ([`claviger_proto::shares`]): commitments to them, and
//! the signatures of devices.

use claviger_proto::{
    Digits, Status,
    shares::{HASH, SIGNATURE, SPKI, committed},
};
use sha2::{Digest, Sha256};

use crate::{
    crypto::{Secret, ecdsa::p256},
    platform::Platform,
};

/// The hashes that the shares of a restore are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Of the manifest's attributes.
    pub attributes: [u8; HASH],
    /// Of the manifest.
    pub manifest: [u8; HASH],
    /// Of the request.
    pub request: [u8; HASH],
}

/// What a device is known by: SHA-256 of its public key's SubjectPublicKeyInfo.
#[must_use]
pub fn fingerprint(device: &[u8; p256::PUBLIC]) -> Digits<32> {
    let hash = Sha256::new().chain_update(SPKI).chain_update(device);
    Digits(hash.finalize().into())
}

/// The commitment to the text of a share of a key with attributes of this hash.
#[must_use]
pub fn commitment(attributes: &[u8; HASH], index: u8, text: &[u8]) -> Digits<32> {
    let hash = Sha256::new()
        .chain_update(committed(attributes, index))
        .chain_update(text)
        .finalize();
    Digits(hash.into())
}

/// The device's signature.
///
/// # Errors
/// [`Status::RandomFailed`].
pub(crate) fn sign(
    platform: &mut impl Platform,
    device: &Secret,
    covered: &[u8],
) -> Result<[u8; SIGNATURE], Status> {
    p256::sign(platform, device.as_bytes(), &Sha256::digest(covered))
}

/// Whether a device signed this.
///
/// # Errors
/// [`Status::NotAuthentic`] if not, whatever is wrong.
pub(crate) fn verify(
    device: &[u8; p256::PUBLIC],
    covered: &[u8],
    signature: &[u8; SIGNATURE],
) -> Result<(), Status> {
    p256::verify(device, &Sha256::digest(covered), signature).map_err(|_| Status::NotAuthentic)
}
