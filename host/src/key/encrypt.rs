//! AES-GCM and AES-CCM, for protocols that need them; data at rest are better sealed.

use claviger_proto::{
    Status, limits,
    message::{DecryptRequest, EncryptRequest},
};
use zeroize::Zeroizing;

use crate::{Error, Key};

/// What [`Key::encrypt`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encrypted {
    /// The version of the key that encrypted, which [`Key::decrypt_version`] wants to be told.
    pub version: u32,
    /// Nonce (12 bytes for GCM, 13 for CCM), ciphertext, tag (16 bytes).
    pub bytes: Vec<u8>,
}

impl Key {
    /// Encrypts at most [`limits::CHUNK`] bytes (one less with CCM) under a nonce that the TEE
    /// draws, and authenticates `aad` with them.
    ///
    /// ```
    /// # #[cfg(feature = "emulator")] {
    /// # use claviger::{Algorithm, Client, transport::emulator::Emulator};
    /// # let client = Client::builder().emulator(Emulator::memory()).open()?;
    /// let key = client.generate("link", Algorithm::Aes128Gcm)?;
    /// let sent = key.encrypt(b"header", b"text")?;
    /// let key = key.rotate()?;
    /// let text = key.decrypt_version(sent.version, b"header", &sent.bytes)?;
    /// assert_eq!(*text, b"text");
    /// # }
    /// # Ok::<(), claviger::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Ta`] with `PayloadTooLong`, `ContextTooShort` for `aad`, `UseLimit` after 2^32
    /// encryptions with one version, or as for any use of a key.
    pub fn encrypt(&self, aad: &[u8], text: &[u8]) -> Result<Encrypted, Error> {
        if text.len() > limits::CHUNK {
            return Err(Error::Ta(Status::PayloadTooLong));
        }
        let request = EncryptRequest {
            key: self.reference(),
            aad: self.aad(aad, text)?,
        };
        let parts = [self.front(), aad, text];
        self.client.call(&request, &parts, |response, bytes| {
            Ok(Encrypted {
                version: response.version,
                bytes: bytes.to_vec(),
            })
        })
    }

    /// Decrypts what the primary version encrypted.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotAuthentic` if anything was altered or is of another version, or as
    /// for any use of a key.
    pub fn decrypt(&self, aad: &[u8], bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.decrypt_with(None, aad, bytes)
    }

    /// Decrypts what this version encrypted.
    ///
    /// # Errors
    /// As [`Key::decrypt`], and [`Error::Ta`] with `NoSuchVersion`.
    pub fn decrypt_version(
        &self,
        version: u32,
        aad: &[u8],
        bytes: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.decrypt_with(Some(version), aad, bytes)
    }

    fn decrypt_with(
        &self,
        version: Option<u32>,
        aad: &[u8],
        bytes: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let request = DecryptRequest {
            key: self.reference(),
            aad: self.aad(aad, bytes)?,
            version,
        };
        let parts = [self.front(), aad, bytes];
        self.client.call(&request, &parts, |_, text| {
            Ok(Zeroizing::new(text.to_vec()))
        })
    }

    /// The length of associated data that fit into a payload with the text.
    fn aad(&self, aad: &[u8], text: &[u8]) -> Result<u32, Error> {
        if aad.len().saturating_add(text.len()) > self.room() {
            return Err(Error::Ta(Status::PayloadTooLong));
        }
        u32::try_from(aad.len()).map_err(|_| Error::Ta(Status::PayloadTooLong))
    }
}
