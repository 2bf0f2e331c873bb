//! Signatures.

use std::io::Read;

use claviger_proto::{Algorithm, Status, limits, message::SignRequest};
use sha2::{Digest, Sha256};

use super::stream::Pieces;
use crate::{Error, Key, error::ProtocolError};

/// Bytes of a message that are read at a time.
const PIECE: usize = 64 * 1024;

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    algorithm: Algorithm,
    bytes: [u8; 64],
}

impl Signature {
    /// What made it.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// 64 bytes: r and s of ECDSA, each 32 bytes big-endian (as in JWS, RFC 7518), or R and S of
    /// Ed25519 (RFC 8032).
    #[must_use]
    pub fn raw(&self) -> &[u8; 64] {
        &self.bytes
    }

    /// As X.509, TLS and openssl have it: for ECDSA the DER sequence of r and s (RFC 3279), for
    /// Ed25519 the same 64 bytes (RFC 8410).
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        match p256::ecdsa::Signature::from_slice(&self.bytes) {
            Ok(signature) if self.algorithm == Algorithm::EcdsaP256 => {
                signature.to_der().as_bytes().to_vec()
            }
            _ => self.bytes.to_vec(),
        }
    }

    fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Signature, Error> {
        let refused = ProtocolError::Payload {
            command: "sign",
            length: bytes.len(),
        };
        let bytes: [u8; 64] = bytes.try_into().map_err(|_| refused.clone())?;
        if algorithm == Algorithm::EcdsaP256 {
            p256::ecdsa::Signature::from_slice(&bytes).map_err(|_| refused)?;
        }
        Ok(Signature { algorithm, bytes })
    }
}

impl Key {
    /// Signs a message: ECDSA over its SHA-256, which is computed here, of any size; Ed25519 over
    /// the message itself, which is then limited to [`limits::PAYLOAD`] bytes.
    ///
    /// # Errors
    /// [`Error::Ta`] with `MessageTooLong` for Ed25519 (nothing is sent then), `WrongUsage` or
    /// `NotFound`.
    pub fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        match self.description().algorithm {
            Algorithm::EcdsaP256 => self.sign_input(&Sha256::digest(message)),
            Algorithm::Ed25519 if message.len() > limits::PAYLOAD => {
                Err(Error::Ta(Status::MessageTooLong))
            }
            // A key of another family is for the trusted application to refuse.
            _ => self.sign_input(message.get(..limits::PAYLOAD).unwrap_or(message)),
        }
    }

    /// Signs a stream: as [`Key::sign`], in constant memory.
    ///
    /// # Errors
    /// As [`Key::sign`]; [`Error::Stream`] if reading fails.
    pub fn sign_stream(&self, input: impl Read) -> Result<Signature, Error> {
        if self.description().algorithm == Algorithm::EcdsaP256 {
            let mut hash = Sha256::new();
            let mut pieces = Pieces::new(input, PIECE);
            while let Some((piece, _)) = pieces.next()? {
                hash.update(piece);
            }
            return self.sign_input(&hash.finalize());
        }
        let mut pieces = Pieces::new(input, limits::PAYLOAD);
        match pieces.next()? {
            Some((message, true)) => self.sign(message),
            _ => Err(Error::Ta(Status::MessageTooLong)),
        }
    }

    fn sign_input(&self, input: &[u8]) -> Result<Signature, Error> {
        let algorithm = self.description().algorithm;
        self.client.call(
            &SignRequest { key: self.label() },
            &[input],
            |_, signature| Signature::new(algorithm, signature),
        )
    }
}
