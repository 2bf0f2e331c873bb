//! Keys wrapped with AES (NIST SP 800-38F), to be unwrapped: AES-KW (RFC 3394) and AES-KWP
//! (RFC 5649), with AES-128 or AES-256 by the length of the wrapping key.

use aes_kw::{AesKw, AesKwp, KeyInit};
use claviger_proto::Status;
use zeroize::Zeroizing;

use crate::crypto::{SECRET_MAX, Secret};

/// A semiblock, the unit of both algorithms.
const SEMIBLOCK: usize = 8;

/// The longest wrapped key that fits a [`Secret`]: with the integrity check value before it.
pub const WRAPPED_MAX: usize = SECRET_MAX + SEMIBLOCK;

/// Unwraps a key of whole semiblocks, 16 to 64 bytes (RFC 3394, section 2.2.2).
///
/// # Errors
/// [`Status::NotAuthentic`] if the integrity check fails, or `wrapped` has a length that no
/// wrapping has; [`Status::BadKey`] past [`WRAPPED_MAX`] bytes; [`Status::Internal`] if the
/// wrapping key has neither 16 nor 32 bytes.
pub fn unwrap(wrapping: &[u8], wrapped: &[u8]) -> Result<Secret, Status> {
    // The library would take a single semiblock, which nothing authenticates.
    within(wrapped, 3 * SEMIBLOCK)?;
    match wrapping.len() {
        16 => kw_128(wrapping, wrapped),
        _ => kw_256(wrapping, wrapped),
    }
}

/// Unwraps a key of any length, 1 to 64 bytes (RFC 5649, section 3).
///
/// # Errors
/// As [`unwrap`].
pub fn unwrap_padded(wrapping: &[u8], wrapped: &[u8]) -> Result<Secret, Status> {
    within(wrapped, 2 * SEMIBLOCK)?;
    match wrapping.len() {
        16 => kwp_128(wrapping, wrapped),
        _ => kwp_256(wrapping, wrapped),
    }
}

fn within(wrapped: &[u8], least: usize) -> Result<(), Status> {
    if wrapped.len() < least {
        return Err(Status::NotAuthentic);
    }
    if wrapped.len() > WRAPPED_MAX {
        return Err(Status::BadKey);
    }
    Ok(())
}

/// One function for each algorithm and cipher, so that none's stack weighs on another's.
macro_rules! unwrapping {
    ($name:ident, $wrap:ident<$cipher:ident>) => {
        #[inline(never)]
        fn $name(wrapping: &[u8], wrapped: &[u8]) -> Result<Secret, Status> {
            let mut plain = Zeroizing::new([0; SECRET_MAX]);
            let key = $wrap::<aes::$cipher>::new_from_slice(wrapping)
                .map_err(|_| Status::Internal)?
                .unwrap_key(wrapped, plain.as_mut_slice())
                .map_err(|_| Status::NotAuthentic)?;
            Secret::new(key)
        }
    };
}

unwrapping!(kw_128, AesKw<Aes128>);
unwrapping!(kw_256, AesKw<Aes256>);
unwrapping!(kwp_128, AesKwp<Aes128>);
unwrapping!(kwp_256, AesKwp<Aes256>);
