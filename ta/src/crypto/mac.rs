//! Message authentication: AES-CMAC (RFC 4493, NIST SP 800-38B) and HMAC-SHA-256 (RFC 2104).

use aes::{Aes128Enc, Aes256Enc};
use claviger_proto::{Algorithm, Status};
use cmac::{Cmac, KeyInit, Mac};
use hmac::Hmac;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// A MAC under way.
pub enum MacState {
    /// AES-128-CMAC.
    Aes128(Cmac<Aes128Enc>),
    /// AES-256-CMAC.
    Aes256(Cmac<Aes256Enc>),
    /// HMAC-SHA-256.
    HmacSha256(Hmac<Sha256>),
}

/// A finished tag: 16 bytes of CMAC, 32 of HMAC-SHA-256.
pub struct MacTag {
    bytes: [u8; 32],
    len: usize,
}

impl MacState {
    /// Begins a MAC.
    ///
    /// # Errors
    /// [`Status::WrongUsage`] if `algorithm` makes no MACs; [`Status::Internal`] if the secret is
    /// not of its length.
    pub fn new(algorithm: Algorithm, secret: &[u8]) -> Result<MacState, Status> {
        let state = match algorithm {
            Algorithm::Aes128Cmac => Cmac::new_from_slice(secret).map(MacState::Aes128),
            Algorithm::Aes256Cmac => Cmac::new_from_slice(secret).map(MacState::Aes256),
            Algorithm::HmacSha256 => Hmac::new_from_slice(secret).map(MacState::HmacSha256),
            _ => return Err(Status::WrongUsage),
        };
        state.map_err(|_| Status::Internal)
    }

    /// Feeds the next bytes of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            MacState::Aes128(mac) => mac.update(bytes),
            MacState::Aes256(mac) => mac.update(bytes),
            MacState::HmacSha256(mac) => mac.update(bytes),
        }
    }

    /// Ends the message.
    #[must_use]
    pub fn finish(self) -> MacTag {
        match self {
            MacState::Aes128(mac) => MacTag::new(&mac.finalize().into_bytes()),
            MacState::Aes256(mac) => MacTag::new(&mac.finalize().into_bytes()),
            MacState::HmacSha256(mac) => MacTag::new(&mac.finalize().into_bytes()),
        }
    }
}

impl MacTag {
    fn new(tag: &[u8]) -> MacTag {
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().zip(tag) {
            *place = *byte;
        }
        MacTag {
            bytes,
            len: tag.len(),
        }
    }

    /// The tag.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Whether `tag` is this one, whole: a shortened tag is none. Takes the same time wherever
    /// they differ.
    ///
    /// # Errors
    /// [`Status::NotAuthentic`].
    pub fn verify(&self, tag: &[u8]) -> Result<(), Status> {
        if self.as_bytes().ct_eq(tag).into() {
            Ok(())
        } else {
            Err(Status::NotAuthentic)
        }
    }
}

/// AES-CMAC of one message, under a key of 16 or 32 bytes.
///
/// # Errors
/// [`Status::Internal`] for a key of another length.
pub fn cmac(key: &[u8], message: &[u8]) -> Result<MacTag, Status> {
    match key.len() {
        16 => mac(Algorithm::Aes128Cmac, key, message),
        _ => mac(Algorithm::Aes256Cmac, key, message),
    }
}

/// The MAC of one message.
///
/// # Errors
/// As [`MacState::new`].
#[inline(never)]
pub fn mac(algorithm: Algorithm, secret: &[u8], message: &[u8]) -> Result<MacTag, Status> {
    let mut state = MacState::new(algorithm, secret)?;
    state.update(message);
    Ok(state.finish())
}
