//! Public keys and the forms in which others take them.

use base64ct::{Base64UrlUnpadded, Encoding};
use claviger_proto::{Algorithm, Status, message::PublicKeyRequest};
use ed25519_dalek::VerifyingKey;
use p256::{
    elliptic_curve::sec1::ToSec1Point,
    pkcs8::{
        DecodePublicKey, EncodePublicKey, LineEnding, ObjectIdentifier,
        der::{Decode, pem},
        spki::SubjectPublicKeyInfoRef,
    },
};
use serde::Serialize;

use crate::{Error, Key};

const PEM_LABEL: &str = "PUBLIC KEY";
/// id-X25519 (RFC 8410).
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
/// All of a SubjectPublicKeyInfo of X25519 before the 32 bytes (RFC 8410, section 4).
const X25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00,
];
/// Bytes of the encapsulation keys of ML-KEM-768 (FIPS 203) and X-Wing.
const ML_KEM: usize = 1184;
const X_WING: usize = ML_KEM + 32;

/// The public half of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    inner: Inner,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Inner {
    P256(p256::PublicKey),
    P384(p384::PublicKey),
    Ed25519(VerifyingKey),
    X25519([u8; 32]),
    /// An encapsulation key, which has only one form.
    Kem(Vec<u8>),
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
    /// What its private half does.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A public key of this algorithm in the form of [`PublicKey::raw`]; points may be compressed.
    ///
    /// # Errors
    /// [`Error::Ta`] with `BadPublicKey`.
    pub fn from_raw(algorithm: Algorithm, bytes: &[u8]) -> Result<PublicKey, Error> {
        PublicKey::parse(algorithm, bytes).ok_or(Error::Ta(Status::BadPublicKey))
    }

    /// A public key of X25519 (RFC 7748).
    pub(crate) fn x25519(public: [u8; 32]) -> PublicKey {
        PublicKey {
            algorithm: Algorithm::X25519,
            inner: Inner::X25519(public),
        }
    }

    /// A public key of this algorithm as a SubjectPublicKeyInfo in DER, as [`PublicKey::to_der`]
    /// has it.
    ///
    /// # Errors
    /// [`Error::Ta`] with `BadPublicKey`, also if it is one of another algorithm.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<PublicKey, Error> {
        let inner = match algorithm {
            Algorithm::EcdsaP256 | Algorithm::EcdhP256 => p256::PublicKey::from_public_key_der(der)
                .ok()
                .map(Inner::P256),
            Algorithm::EcdsaP384 => p384::PublicKey::from_public_key_der(der)
                .ok()
                .map(Inner::P384),
            Algorithm::Ed25519 => VerifyingKey::from_public_key_der(der)
                .ok()
                .map(Inner::Ed25519),
            Algorithm::X25519 => SubjectPublicKeyInfoRef::from_der(der)
                .ok()
                .filter(|info| info.algorithm.oid == X25519 && info.algorithm.parameters.is_none())
                .and_then(|info| info.subject_public_key.as_bytes()?.try_into().ok())
                .map(Inner::X25519),
            _ => None,
        };
        let inner = inner.ok_or(Error::Ta(Status::BadPublicKey))?;
        Ok(PublicKey { algorithm, inner })
    }

    /// The same in PEM (RFC 7468).
    ///
    /// # Errors
    /// As [`PublicKey::from_der`].
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<PublicKey, Error> {
        match pem::decode_vec(text.as_bytes()) {
            Ok((PEM_LABEL, der)) => PublicKey::from_der(algorithm, &der),
            _ => Err(Error::Ta(Status::BadPublicKey)),
        }
    }

    fn parse(algorithm: Algorithm, bytes: &[u8]) -> Option<PublicKey> {
        let inner = match algorithm {
            Algorithm::EcdsaP256 | Algorithm::EcdhP256 => {
                Inner::P256(p256::PublicKey::from_sec1_bytes(bytes).ok()?)
            }
            Algorithm::EcdsaP384 => Inner::P384(p384::PublicKey::from_sec1_bytes(bytes).ok()?),
            Algorithm::Ed25519 => {
                Inner::Ed25519(VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?)
            }
            Algorithm::X25519 => Inner::X25519(bytes.try_into().ok()?),
            Algorithm::MlKem768 if bytes.len() == ML_KEM => Inner::Kem(bytes.to_vec()),
            Algorithm::XWing if bytes.len() == X_WING => Inner::Kem(bytes.to_vec()),
            _ => return None,
        };
        Some(PublicKey { algorithm, inner })
    }

    /// The uncompressed point of SEC 1 for P-256 (65 bytes) and P-384 (97 bytes), the encodings of
    /// RFC 8032 for Ed25519 and of RFC 7748 for X25519 (32 bytes), the encapsulation key of
    /// ML-KEM-768 (FIPS 203, 1184 bytes) or X-Wing (1216 bytes).
    #[must_use]
    pub fn raw(&self) -> Vec<u8> {
        match &self.inner {
            Inner::P256(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Inner::P384(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Inner::Ed25519(key) => key.to_bytes().to_vec(),
            Inner::X25519(key) => key.to_vec(),
            Inner::Kem(key) => key.clone(),
        }
    }

    /// A SubjectPublicKeyInfo (RFC 5280, RFC 5480, RFC 8410) in DER.
    ///
    /// # Errors
    /// [`Error::PublicKeyForm`] for ML-KEM-768 and X-Wing, which have the raw form only.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        let document = match &self.inner {
            Inner::P256(key) => key.to_public_key_der(),
            Inner::P384(key) => key.to_public_key_der(),
            Inner::Ed25519(key) => key.to_public_key_der(),
            Inner::X25519(key) => return Ok([&X25519_SPKI[..], key].concat()),
            Inner::Kem(_) => return Err(self.only_raw()),
        };
        Ok(document.map_err(|_| Error::PublicKey)?.into_vec())
    }

    /// The same in PEM (RFC 7468).
    ///
    /// # Errors
    /// As [`PublicKey::to_der`].
    pub fn to_pem(&self) -> Result<String, Error> {
        pem::encode_string(PEM_LABEL, LineEnding::LF, &self.to_der()?).map_err(|_| Error::PublicKey)
    }

    /// A JSON Web Key: `EC` on `P-256` or `P-384` (RFC 7518), `OKP` on `Ed25519` or `X25519`
    /// (RFC 8037).
    ///
    /// # Errors
    /// As [`PublicKey::to_der`].
    pub fn to_jwk(&self) -> Result<String, Error> {
        let (kty, crv) = match &self.inner {
            Inner::P256(_) => ("EC", "P-256"),
            Inner::P384(_) => ("EC", "P-384"),
            Inner::Ed25519(_) => ("OKP", "Ed25519"),
            Inner::X25519(_) => ("OKP", "X25519"),
            Inner::Kem(_) => return Err(self.only_raw()),
        };
        let raw = self.raw();
        let field = Base64UrlUnpadded::encode_string;
        let (x, y) = match (kty, raw.as_slice()) {
            ("EC", [_, point @ ..]) => {
                let (x, y) = point.split_at(point.len() / 2);
                (field(x), Some(field(y)))
            }
            _ => (field(&raw), None),
        };
        serde_json::to_string(&Jwk { kty, crv, x, y }).map_err(|_| Error::PublicKey)
    }

    fn only_raw(&self) -> Error {
        Error::PublicKeyForm(self.algorithm)
    }
}

impl Key {
    /// The public half of the primary version of a signature, agreement or KEM key.
    ///
    /// # Errors
    /// [`Error::Ta`] with `WrongUsage` for other keys, `WrongState` for a destroyed one, or
    /// `NotFound`; [`Error::PublicKey`] if what comes back is no public key.
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        self.public_key_with(None)
    }

    /// The public half of a version that is not retired.
    ///
    /// # Errors
    /// As [`Key::public_key`], and [`Error::Ta`] with `NoSuchVersion`.
    pub fn public_key_of(&self, version: u32) -> Result<PublicKey, Error> {
        self.public_key_with(Some(version))
    }

    fn public_key_with(&self, version: Option<u32>) -> Result<PublicKey, Error> {
        let request = PublicKeyRequest {
            key: self.reference(),
            version,
        };
        self.client
            .call(&request, &[self.front()], |response, bytes| {
                PublicKey::parse(response.algorithm, bytes).ok_or(Error::PublicKey)
            })
    }
}
