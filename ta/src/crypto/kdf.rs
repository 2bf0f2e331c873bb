//! Key derivation: NIST SP 800-108r1 in counter mode with AES-CMAC as PRF.
//!
//! `K(i) = CMAC(K_in, [i]_32 || label || 0x00 || context || [L]_32)`, all big-endian, L in bits.

use aes::{Aes128, Aes256};
use aes_siv::siv::Aes256Siv;
use claviger_proto::Status;
use cmac::Cmac;
use kbkdf::{Counter, Kbkdf, Params};
use zeroize::{Zeroize, Zeroizing};

type WithAes128<K> = Counter<Cmac<Aes128>, K>;
type WithAes256<K> = Counter<Cmac<Aes256>, K>;

/// Derives 16 bytes from a 16-byte or 32 bytes from a 32-byte key, as long as the key itself.
///
/// # Errors
/// [`Status::Internal`] if the key is of another length.
pub fn derive_alike(
    key: &[u8],
    label: &[u8],
    context: &[u8],
) -> Result<crate::crypto::Secret, Status> {
    match key.len() {
        16 => {
            let mut derived = WithAes128::<Aes128>::default()
                .derive(params(key, label, context))
                .map_err(|_| Status::Internal)?;
            let secret = crate::crypto::Secret::new(&derived);
            derived.zeroize();
            secret
        }
        _ => crate::crypto::Secret::new(derive_32(key, label, context)?.as_slice()),
    }
}

/// Derives 32 bytes from a 16- or 32-byte key.
///
/// # Errors
/// [`Status::Internal`] if the key is of another length.
pub fn derive_32(key: &[u8], label: &[u8], context: &[u8]) -> Result<Zeroizing<[u8; 32]>, Status> {
    let params = params(key, label, context);
    let mut derived = match key.len() {
        16 => WithAes128::<Aes256>::default().derive(params),
        32 => WithAes256::<Aes256>::default().derive(params),
        _ => return Err(Status::Internal),
    }
    .map_err(|_| Status::Internal)?;
    let copy = Zeroizing::new(derived.into());
    derived.zeroize();
    Ok(copy)
}

/// Derives 64 bytes, an AES-256-SIV key, from a 32-byte key.
///
/// # Errors
/// [`Status::Internal`] only if the arithmetic of SP 800-108 were exceeded.
pub fn derive_64(
    key: &[u8; 32],
    label: &[u8],
    context: &[u8],
) -> Result<Zeroizing<[u8; 64]>, Status> {
    let mut derived = WithAes256::<Aes256Siv>::default()
        .derive(params(key, label, context))
        .map_err(|_| Status::Internal)?;
    let copy = Zeroizing::new(derived.into());
    derived.zeroize();
    Ok(copy)
}

fn params<'a>(key: &'a [u8], label: &'a [u8], context: &'a [u8]) -> Params<'a, 'a, 'a> {
    Params::builder(key)
        .with_label(label)
        .with_context(context)
        .build()
}
