//! Key derivation from a shared secret: HKDF with HMAC-SHA-256 (RFC 5869).
//!
//! ```text
//! PRK  = HMAC(salt, IKM)
//! T(i) = HMAC(PRK, T(i-1) || info || [i]_8), T(0) = "", OKM = the first bytes of T(1) || T(2) || ...
//! ```
//!
//! Salt, when empty, is zeros. Inputs in parts stand for their concatenation.

use ::hkdf::{Hkdf, HkdfExtract};
use claviger_proto::Status;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// The longest output, 255 blocks.
pub const OUTPUT_MAX: usize = 255 * 32;

/// Extracts a pseudorandom key (RFC 5869, section 2.2).
#[inline(never)]
#[must_use]
pub fn extract(salt: &[u8], ikm: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut extraction = HkdfExtract::<Sha256>::new(Some(salt));
    for part in ikm {
        extraction.input_ikm(part);
    }
    let (mut prk, _) = extraction.finalize();
    let copy = Zeroizing::new(prk.into());
    prk.zeroize();
    copy
}

/// Expands a pseudorandom key into all of `out` (RFC 5869, section 2.3).
///
/// # Errors
/// [`Status::Internal`] if `prk` has less than 32 bytes or `out` more than [`OUTPUT_MAX`].
#[inline(never)]
pub fn expand(prk: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), Status> {
    Hkdf::<Sha256>::from_prk(prk)
        .map_err(|_| Status::Internal)?
        .expand_multi_info(info, out)
        .map_err(|_| Status::Internal)
}

/// Both steps of RFC 5869.
///
/// # Errors
/// [`Status::Internal`] if `out` has more than [`OUTPUT_MAX`] bytes.
pub fn derive(salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), Status> {
    two_step(salt, &[ikm], &[info], out)
}

/// NIST SP 800-56C rev. 2, section 5: two-step derivation from a shared secret. Randomness
/// extraction with HMAC-SHA-256 and `salt`, then expansion by SP 800-108 in feedback mode as
/// RFC 5869 profiles it (HMAC-SHA-256, no IV, an 8-bit counter last); this is HKDF, which SP
/// 800-56C names as a version of it. `ikm` is the secret Z, with further shared secrets after it
/// where the scheme is hybrid (its section 2, Z' = Z || T); `fixed_info` is its FixedInfo.
///
/// # Errors
/// As [`derive()`].
pub fn two_step(
    salt: &[u8],
    ikm: &[&[u8]],
    fixed_info: &[&[u8]],
    out: &mut [u8],
) -> Result<(), Status> {
    expand(extract(salt, ikm).as_slice(), fixed_info, out)
}
