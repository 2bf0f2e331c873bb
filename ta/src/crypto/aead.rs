//! Authenticated encryption with a nonce: AES-GCM (NIST SP 800-38D) and AES-CCM (NIST SP 800-38C,
//! RFC 3610), with AES-128 or AES-256 by the length of the key.
//!
//! The nonce is the caller's: no two texts may be sealed under one key with the same one. Texts
//! are sealed and opened in place, with their tag of [`TAG`] bytes apart.

/// Bytes of a tag.
pub const TAG: usize = 16;

/// The functions of a mode: one for each cipher and direction, so that none's stack weighs on
/// another's.
macro_rules! mode {
    ($cipher_128:ty, $cipher_256:ty) => {
        mode!(seal_128, open_128, $cipher_128);
        mode!(seal_256, open_256, $cipher_256);
    };
    ($seal:ident, $open:ident, $cipher:ty) => {
        #[inline(never)]
        fn $seal(
            key: &[u8],
            nonce: &[u8; NONCE],
            associated: &[u8],
            text: &mut [u8],
        ) -> Result<[u8; TAG], Status> {
            <$cipher>::new_from_slice(key)
                .map_err(|_| Status::Internal)?
                .encrypt_inout_detached(nonce.into(), associated, text.into())
                .map(Into::into)
                .map_err(|_| Status::Internal)
        }

        #[inline(never)]
        fn $open(
            key: &[u8],
            nonce: &[u8; NONCE],
            associated: &[u8],
            text: &mut [u8],
            tag: &[u8; TAG],
        ) -> Result<(), Status> {
            <$cipher>::new_from_slice(key)
                .map_err(|_| Status::Internal)?
                .decrypt_inout_detached(nonce.into(), associated, text.into(), tag.into())
                .map_err(|_| Status::NotAuthentic)
        }
    };
}

/// AES-GCM.
pub mod gcm {
    use aes::{Aes128Enc, Aes256Enc};
    use aes_gcm::{
        AesGcm, KeyInit,
        aead::{AeadInOut, consts::U12},
    };
    use claviger_proto::Status;

    use super::TAG;

    /// Bytes of a nonce.
    pub const NONCE: usize = 12;

    mode!(AesGcm<Aes128Enc, U12>, AesGcm<Aes256Enc, U12>);

    /// Seals `text` in place and returns its tag.
    ///
    /// # Errors
    /// [`Status::Internal`] if the key has neither 16 nor 32 bytes.
    pub fn seal(
        key: &[u8],
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG], Status> {
        match key.len() {
            16 => seal_128(key, nonce, associated, text),
            _ => seal_256(key, nonce, associated, text),
        }
    }

    /// Opens `text` in place.
    ///
    /// # Errors
    /// [`Status::NotAuthentic`], with `text` as it was; [`Status::Internal`] if the key has
    /// neither 16 nor 32 bytes.
    pub fn open(
        key: &[u8],
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Status> {
        match key.len() {
            16 => open_128(key, nonce, associated, text, tag),
            _ => open_256(key, nonce, associated, text, tag),
        }
    }
}

/// AES-CCM with a length field of 2 bytes.
pub mod ccm {
    use aes::{Aes128Enc, Aes256Enc};
    use ccm::{
        AeadInOut, Ccm, KeyInit,
        consts::{U13, U16},
    };
    use claviger_proto::Status;

    use super::TAG;

    /// Bytes of a nonce.
    pub const NONCE: usize = 13;
    /// The longest text, in bytes.
    pub const TEXT_MAX: usize = 65_535;

    mode!(Ccm<Aes128Enc, U16, U13>, Ccm<Aes256Enc, U16, U13>);

    /// Seals `text` in place and returns its tag.
    ///
    /// # Errors
    /// [`Status::MessageTooLong`] past [`TEXT_MAX`]; [`Status::Internal`] if the key has neither
    /// 16 nor 32 bytes.
    pub fn seal(
        key: &[u8],
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG], Status> {
        if text.len() > TEXT_MAX {
            return Err(Status::MessageTooLong);
        }
        match key.len() {
            16 => seal_128(key, nonce, associated, text),
            _ => seal_256(key, nonce, associated, text),
        }
    }

    /// Opens `text` in place.
    ///
    /// # Errors
    /// [`Status::NotAuthentic`], with `text` as it was if it is past [`TEXT_MAX`] and zeros
    /// otherwise: this mode decrypts before it can verify. [`Status::Internal`] if the key has
    /// neither 16 nor 32 bytes.
    pub fn open(
        key: &[u8],
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Status> {
        // The library finds this out after it has decrypted, and leaves the plaintext.
        if text.len() > TEXT_MAX {
            return Err(Status::NotAuthentic);
        }
        match key.len() {
            16 => open_128(key, nonce, associated, text, tag),
            _ => open_256(key, nonce, associated, text, tag),
        }
    }
}
