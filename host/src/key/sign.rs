//! Signatures.

use std::{borrow::Cow, io::Read};

use claviger_proto::{Algorithm, Status, message::SignRequest};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::stream::Pieces;
use crate::{Error, Key, error::ProtocolError};

/// Bytes of a message that are read at a time.
pub(super) const PIECE: usize = 64 * 1024;

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    algorithm: Algorithm,
    version: u32,
    bytes: Vec<u8>,
}

impl Signature {
    /// What made it.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The version of the key that signed: whose public key verifies.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// r and s of ECDSA, each 32 (P-256) or 48 bytes (P-384) big-endian (as in JWS, RFC 7518), or
    /// the 64 bytes of R and S of Ed25519 (RFC 8032).
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.bytes
    }

    /// As X.509, TLS and openssl have it: for ECDSA the DER sequence of r and s (RFC 3279), for
    /// Ed25519 the same 64 bytes (RFC 8410).
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let der = match self.algorithm {
            Algorithm::EcdsaP256 => p256::ecdsa::Signature::from_slice(&self.bytes)
                .ok()
                .map(|signature| signature.to_der().as_bytes().to_vec()),
            Algorithm::EcdsaP384 => p384::ecdsa::Signature::from_slice(&self.bytes)
                .ok()
                .map(|signature| signature.to_der().as_bytes().to_vec()),
            _ => None,
        };
        der.unwrap_or_else(|| self.bytes.clone())
    }

    pub(super) fn new(
        algorithm: Algorithm,
        version: u32,
        bytes: &[u8],
    ) -> Result<Signature, Error> {
        let sound = match algorithm {
            Algorithm::EcdsaP256 => p256::ecdsa::Signature::from_slice(bytes).is_ok(),
            Algorithm::EcdsaP384 => p384::ecdsa::Signature::from_slice(bytes).is_ok(),
            _ => bytes.len() == 64,
        };
        if !sound {
            return Err(ProtocolError::Payload {
                command: "sign",
                length: bytes.len(),
            }
            .into());
        }
        Ok(Signature {
            algorithm,
            version,
            bytes: bytes.to_vec(),
        })
    }
}

impl Key {
    /// Signs a message: ECDSA over its SHA-256 (P-256) or SHA-384 (P-384), which is computed here,
    /// of any size; Ed25519 over the message itself, which is then limited to one payload
    /// ([`claviger_proto::limits::PAYLOAD`] bytes, less those of a wrapped key).
    ///
    /// # Errors
    /// [`Error::Ta`] with `MessageTooLong` for Ed25519 (nothing is sent then), `WrongUsage`,
    /// `NotPermitted`, `WrongState` or `NotFound`.
    pub fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        self.sign_input(&self.signed(message))
    }

    /// What is sent of a message to be signed: its digest, or itself.
    pub(super) fn signed<'a>(&self, message: &'a [u8]) -> Cow<'a, [u8]> {
        match self.algorithm() {
            Algorithm::EcdsaP256 => Sha256::digest(message).to_vec().into(),
            Algorithm::EcdsaP384 => Sha384::digest(message).to_vec().into(),
            _ => message.into(),
        }
    }

    /// Signs a stream: as [`Key::sign`], in constant memory.
    ///
    /// # Errors
    /// As [`Key::sign`]; [`Error::Stream`] if reading fails.
    pub fn sign_stream(&self, input: impl Read) -> Result<Signature, Error> {
        match self.algorithm() {
            Algorithm::EcdsaP256 => self.sign_input(&digest::<Sha256>(input)?),
            Algorithm::EcdsaP384 => self.sign_input(&digest::<Sha384>(input)?),
            _ => {
                let mut pieces = Pieces::new(input, self.room());
                match pieces.next()? {
                    Some((message, true)) => self.sign(message),
                    _ => Err(Error::Ta(Status::MessageTooLong)),
                }
            }
        }
    }

    /// Signs a digest that was computed elsewhere: with ECDSA the SHA-256 (P-256) or SHA-384
    /// (P-384) of the message, for which the signature is that of [`Key::sign`]; with Ed25519 its
    /// SHA-512, as Ed25519ph with an empty context (RFC 8032, section 5.1), which is no signature of
    /// Ed25519.
    ///
    /// # Errors
    /// [`Error::Ta`] with `BadPayload` for a digest of another length (nothing is sent then), or as
    /// [`Key::sign`].
    pub fn sign_digest(&self, digest: &[u8]) -> Result<Signature, Error> {
        match digest_len(self.algorithm()) {
            Some(length) if length != digest.len() => Err(Error::Ta(Status::BadPayload)),
            _ => self.sign_as(digest, self.algorithm() == Algorithm::Ed25519),
        }
    }

    /// Signs a stream of any size as Ed25519ph: its SHA-512 is computed here. For Ed25519 keys.
    ///
    /// # Errors
    /// As [`Key::sign`]; [`Error::Ta`] with `UnsupportedUsage` for other keys; [`Error::Stream`] if
    /// reading fails.
    pub fn sign_prehashed_stream(&self, input: impl Read) -> Result<Signature, Error> {
        if self.algorithm() != Algorithm::Ed25519 {
            return Err(Error::Ta(Status::UnsupportedUsage));
        }
        self.sign_as(&digest::<Sha512>(input)?, true)
    }

    /// Signs what is [`Key::signed`].
    pub(super) fn sign_input(&self, input: &[u8]) -> Result<Signature, Error> {
        self.sign_as(input, false)
    }

    fn sign_as(&self, input: &[u8], prehash: bool) -> Result<Signature, Error> {
        let input = match self.algorithm() {
            Algorithm::Ed25519 if input.len() > self.room() => {
                return Err(Error::Ta(Status::MessageTooLong));
            }
            // A key of another family is for the trusted application to refuse.
            _ => input.get(..self.room()).unwrap_or(input),
        };
        let request = SignRequest {
            key: self.reference(),
            prehash,
        };
        let parts = [self.front(), input];
        self.client.call(&request, &parts, |response, signature| {
            Signature::new(self.algorithm(), response.version, signature)
        })
    }
}

/// Bytes of the digest that [`Key::sign_digest`] takes.
pub(super) fn digest_len(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::EcdsaP256 => Some(32),
        Algorithm::EcdsaP384 => Some(48),
        Algorithm::Ed25519 => Some(64),
        _ => None,
    }
}

pub(super) fn digest<D: Digest>(input: impl Read) -> Result<Vec<u8>, Error> {
    let mut hash = D::new();
    let mut pieces = Pieces::new(input, PIECE);
    while let Some((piece, _)) = pieces.next()? {
        hash.update(piece);
    }
    Ok(hash.finalize().to_vec())
}
