//! Key derivation: NIST SP 800-108r1 in counter mode with AES-CMAC as PRF.
//!
//! `K(i) = CMAC(K_in, [i]_32 || label || 0x00 || context || [L]_32)`, all big-endian, L in bits;
//! the output is the first bytes of `K(1) || K(2) || ...`.

use aes::{Aes128Enc, Aes256Enc};
use claviger_proto::Status;
use cmac::{Cmac, KeyInit, Mac};
use zeroize::{Zeroize, Zeroizing};

use crate::crypto::Secret;

/// Derives as much as `out` holds from a 16- or 32-byte key. L is part of what is derived from, so
/// a shorter output is not the beginning of a longer one.
///
/// # Errors
/// [`Status::Internal`] if the key is of another length.
pub fn derive_into(key: &[u8], label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Status> {
    let bits = out.len().checked_mul(8).ok_or(Status::Internal)?;
    let bits = u32::try_from(bits).map_err(|_| Status::Internal)?;
    counter_mode(key, &[label, &[0], context, &bits.to_be_bytes()], out)
}

/// `K(i) = CMAC(K_in, [i]_32 || fixed input)` for any fixed input, in parts (SP 800-108r1, section
/// 4.1).
///
/// # Errors
/// [`Status::Internal`] if the key has neither 16 nor 32 bytes.
pub fn counter_mode(key: &[u8], fixed_input: &[&[u8]], out: &mut [u8]) -> Result<(), Status> {
    match key.len() {
        16 => with::<Cmac<Aes128Enc>>(key, fixed_input, out),
        32 => with::<Cmac<Aes256Enc>>(key, fixed_input, out),
        _ => Err(Status::Internal),
    }
}

/// Derives 16 bytes from a 16-byte or 32 bytes from a 32-byte key, as long as the key itself.
///
/// # Errors
/// As [`derive_into`].
pub fn derive_alike(key: &[u8], label: &[u8], context: &[u8]) -> Result<Secret, Status> {
    let mut derived = Zeroizing::new([0; 32]);
    let out = derived.get_mut(..key.len()).ok_or(Status::Internal)?;
    derive_into(key, label, context, out)?;
    Secret::new(out)
}

/// Derives 32 bytes from a 16- or 32-byte key.
///
/// # Errors
/// As [`derive_into`].
pub fn derive_32(key: &[u8], label: &[u8], context: &[u8]) -> Result<Zeroizing<[u8; 32]>, Status> {
    let mut derived = Zeroizing::new([0; 32]);
    derive_into(key, label, context, derived.as_mut_slice())?;
    Ok(derived)
}

/// Derives 64 bytes, an AES-256-SIV key, from a 32-byte key.
///
/// # Errors
/// As [`derive_into`].
pub fn derive_64(
    key: &[u8; 32],
    label: &[u8],
    context: &[u8],
) -> Result<Zeroizing<[u8; 64]>, Status> {
    let mut derived = Zeroizing::new([0; 64]);
    derive_into(key, label, context, derived.as_mut_slice())?;
    Ok(derived)
}

// Written out, since crate kbkdf fixes the output's length in its types.
#[inline(never)]
fn with<Prf: Mac + KeyInit + Clone>(
    key: &[u8],
    fixed_input: &[&[u8]],
    out: &mut [u8],
) -> Result<(), Status> {
    let keyed = Prf::new_from_slice(key).map_err(|_| Status::Internal)?;
    for (counter, block) in (1_u32..).zip(out.chunks_mut(Prf::output_size())) {
        let mut prf = keyed.clone();
        prf.update(&counter.to_be_bytes());
        for part in fixed_input {
            prf.update(part);
        }
        let mut derived = prf.finalize().into_bytes();
        for (place, byte) in block.iter_mut().zip(&derived) {
            *place = *byte;
        }
        derived.zeroize();
    }
    Ok(())
}
