//! AES-SIV: deterministic authenticated encryption (RFC 5297), on AES and CMAC.
//!
//! `V = S2V(K1, AD_1 .. AD_n, P)`, `C = CTR(K2, V with bits 31 and 63 cleared, P)`.

use aes_siv::{
    KeyInit, Tag,
    siv::{Aes128Siv, Aes256Siv},
};
use claviger_proto::{
    Status,
    blob::{Suite, TAG},
};

/// Seals `text` in place and returns V.
///
/// # Errors
/// [`Status::Internal`] if the secret is not the suite's: keys are checked when they are made.
pub fn seal<const N: usize>(
    suite: Suite,
    secret: &[u8],
    associated: [&[u8]; N],
    text: &mut [u8],
) -> Result<[u8; TAG], Status> {
    match suite {
        Suite::Aes256Siv => seal_256(secret, associated, text),
        Suite::Aes128Siv => seal_128(secret, associated, text),
    }
}

/// Opens `text` in place.
///
/// # Errors
/// [`Status::NotAuthentic`], with `text` as it was.
pub fn open<const N: usize>(
    suite: Suite,
    secret: &[u8],
    associated: [&[u8]; N],
    tag: [u8; TAG],
    text: &mut [u8],
) -> Result<(), Status> {
    match suite {
        Suite::Aes256Siv => open_256(secret, associated, tag, text),
        Suite::Aes128Siv => open_128(secret, associated, tag, text),
    }
}

/// One function for each suite and direction, so that none's stack weighs on another's.
macro_rules! suite {
    ($seal:ident, $open:ident, $cipher:ty) => {
        #[inline(never)]
        fn $seal<const N: usize>(
            secret: &[u8],
            associated: [&[u8]; N],
            text: &mut [u8],
        ) -> Result<[u8; TAG], Status> {
            let mut cipher = <$cipher>::new_from_slice(secret).map_err(|_| Status::Internal)?;
            let tag = cipher
                .encrypt_inout_detached(associated, text.into())
                .map_err(|_| Status::Internal)?;
            Ok(tag.into())
        }

        #[inline(never)]
        fn $open<const N: usize>(
            secret: &[u8],
            associated: [&[u8]; N],
            tag: [u8; TAG],
            text: &mut [u8],
        ) -> Result<(), Status> {
            let mut cipher = <$cipher>::new_from_slice(secret).map_err(|_| Status::Internal)?;
            cipher
                .decrypt_inout_detached(associated, text.into(), &Tag::from(tag))
                .map_err(|_| Status::NotAuthentic)
        }
    };
}

suite!(seal_256, open_256, Aes256Siv);
suite!(seal_128, open_128, Aes128Siv);
