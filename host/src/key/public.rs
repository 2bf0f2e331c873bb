//! Public keys and the forms in which others take them.

use base64ct::{Base64UrlUnpadded, Encoding};
use claviger_proto::{Algorithm, message::PublicKeyRequest};
use ed25519_dalek::VerifyingKey;
use p256::{
    elliptic_curve::sec1::ToSec1Point,
    pkcs8::{EncodePublicKey, LineEnding},
};
use serde::Serialize;

use crate::{Error, Key};

/// The public half of a signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Inner);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Inner {
    P256(p256::PublicKey),
    Ed25519(VerifyingKey),
}

/// A JSON Web Key (RFC 7517) on an elliptic curve (RFC 7518, RFC 8037).
#[derive(Serialize)]
struct Jwk<'a> {
    kty: &'a str,
    crv: &'a str,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

impl PublicKey {
    /// What it verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Inner::P256(_) => Algorithm::EcdsaP256,
            Inner::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The uncompressed point of SEC 1 (65 bytes) for P-256, the encoding of RFC 8032 (32 bytes)
    /// for Ed25519.
    #[must_use]
    pub fn raw(&self) -> Vec<u8> {
        match &self.0 {
            Inner::P256(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Inner::Ed25519(key) => key.to_bytes().to_vec(),
        }
    }

    /// A SubjectPublicKeyInfo (RFC 5280, RFC 5480, RFC 8410) in DER.
    ///
    /// # Errors
    /// [`Error::PublicKey`] if it cannot be encoded, which does not happen.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        let document = match &self.0 {
            Inner::P256(key) => key.to_public_key_der(),
            Inner::Ed25519(key) => key.to_public_key_der(),
        };
        Ok(document.map_err(|_| Error::PublicKey)?.into_vec())
    }

    /// The same in PEM (RFC 7468).
    ///
    /// # Errors
    /// As [`PublicKey::to_der`].
    pub fn to_pem(&self) -> Result<String, Error> {
        let pem = match &self.0 {
            Inner::P256(key) => key.to_public_key_pem(LineEnding::LF),
            Inner::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
        };
        pem.map_err(|_| Error::PublicKey)
    }

    /// A JSON Web Key: `EC` on `P-256` (RFC 7518) or `OKP` on `Ed25519` (RFC 8037).
    ///
    /// # Errors
    /// As [`PublicKey::to_der`].
    pub fn to_jwk(&self) -> Result<String, Error> {
        let raw = self.raw();
        let field = Base64UrlUnpadded::encode_string;
        let jwk = match (&self.0, raw.as_slice()) {
            (Inner::P256(_), [_, point @ ..]) => {
                let (x, y) = point.split_at(point.len() / 2);
                Jwk {
                    kty: "EC",
                    crv: "P-256",
                    x: field(x),
                    y: Some(field(y)),
                }
            }
            _ => Jwk {
                kty: "OKP",
                crv: "Ed25519",
                x: field(&raw),
                y: None,
            },
        };
        serde_json::to_string(&jwk).map_err(|_| Error::PublicKey)
    }
}

impl Key {
    /// The public half of a signing key.
    ///
    /// # Errors
    /// [`Error::Ta`] with `WrongUsage` for other keys, or `NotFound`; [`Error::PublicKey`] if
    /// what comes back is no public key.
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        let request = PublicKeyRequest { key: self.label() };
        self.client.call(&request, &[], |response, bytes| {
            let inner = match response.algorithm {
                Algorithm::EcdsaP256 => p256::PublicKey::from_sec1_bytes(bytes)
                    .map(Inner::P256)
                    .map_err(|_| Error::PublicKey)?,
                Algorithm::Ed25519 => bytes
                    .try_into()
                    .ok()
                    .and_then(|bytes| VerifyingKey::from_bytes(bytes).ok())
                    .map(Inner::Ed25519)
                    .ok_or(Error::PublicKey)?,
                _ => return Err(Error::PublicKey),
            };
            Ok(PublicKey(inner))
        })
    }
}
