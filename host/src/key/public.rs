//! Public keys and the forms in which others take them.

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use claviger_proto::{Algorithm, Status, message::PublicKeyRequest};
use ed25519_dalek::VerifyingKey;
use hex_literal::hex;
use p256::{
    elliptic_curve::sec1::ToSec1Point,
    pkcs8::{LineEnding, der::pem},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData};

use crate::{Error, Key, key_file};

const PEM_LABEL: &str = "PUBLIC KEY";
/// All of a SubjectPublicKeyInfo before the public key: of id-ecPublicKey on P-256 and P-384
/// (RFC 5480), of Ed25519 and X25519 (RFC 8410), of id-alg-ml-kem-768 (RFC 9935), and of X-Wing.
const P256_SPKI: [u8; 26] = hex!("3059301306072a8648ce3d020106082a8648ce3d030107034200");
const P384_SPKI: [u8; 23] = hex!("3076301006072a8648ce3d020106052b81040022036200");
const ED25519_SPKI: [u8; 12] = hex!("302a300506032b6570032100");
const X25519_SPKI: [u8; 12] = hex!("302a300506032b656e032100");
const ML_KEM_SPKI: [u8; 22] = hex!("308204b2300b0609608648016503040402038204a100");
const X_WING_SPKI: [u8; 24] = hex!("308204d4300d060b2b0601040183e62d81c87a038204c100");
/// Bytes of the encapsulation keys of ML-KEM-768 (FIPS 203) and X-Wing.
const ML_KEM: usize = 1184;
const X_WING: usize = ML_KEM + 32;

/// The public half of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    pub(super) inner: Inner,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inner {
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

    /// A public key of one of these algorithms in whichever form it is: see
    /// [`key_file`](crate::key_file).
    ///
    /// # Errors
    /// [`Error::KeyFile`], which names what is there instead.
    pub fn read(algorithms: &[Algorithm], bytes: &[u8]) -> Result<PublicKey, Error> {
        Ok(key_file::read_public(bytes, algorithms)?)
    }

    /// A public key of this algorithm as a SubjectPublicKeyInfo in DER, as [`PublicKey::to_der`]
    /// has it.
    ///
    /// # Errors
    /// [`Error::Ta`] with `BadPublicKey`, also if it is one of another algorithm.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<PublicKey, Error> {
        key_file::from_spki(der, &[algorithm]).map_err(|_| Error::Ta(Status::BadPublicKey))
    }

    /// The same in PEM (RFC 7468), in any layout that OpenSSL reads.
    ///
    /// # Errors
    /// As [`PublicKey::from_der`].
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<PublicKey, Error> {
        key_file::from_pem(text.as_bytes(), &[algorithm])
            .map_err(|_| Error::Ta(Status::BadPublicKey))
    }

    fn parse(algorithm: Algorithm, bytes: &[u8]) -> Option<PublicKey> {
        // The library also knows a one-byte form of infinity and forms that are hardly used.
        let is_point = matches!(bytes, [2..=4, ..]);
        let inner = match algorithm {
            Algorithm::EcdsaP256 | Algorithm::EcdhP256 if is_point => {
                Inner::P256(p256::PublicKey::from_sec1_bytes(bytes).ok()?)
            }
            Algorithm::EcdsaP384 if is_point => {
                Inner::P384(p384::PublicKey::from_sec1_bytes(bytes).ok()?)
            }
            Algorithm::Ed25519 => {
                let key = VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
                let is_canonical = key.to_edwards().compress().to_bytes() == key.to_bytes();
                Inner::Ed25519(Some(key).filter(|key| is_canonical && !key.is_weak())?)
            }
            Algorithm::X25519 => {
                let public = <[u8; 32]>::try_from(bytes).ok()?;
                // Of small order: the secret would be 0 under every private key.
                let zero = x25519_dalek::x25519([1; 32], public) == [0; 32];
                Inner::X25519(Some(public).filter(|_| !zero)?)
            }
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

    /// How many bytes [`PublicKey::from_raw`] takes.
    pub(crate) fn raw_lengths(algorithm: Algorithm) -> &'static [usize] {
        match algorithm {
            Algorithm::EcdsaP256 | Algorithm::EcdhP256 => &[33, 65],
            Algorithm::EcdsaP384 => &[49, 97],
            Algorithm::Ed25519 | Algorithm::X25519 => &[32],
            Algorithm::MlKem768 => &[ML_KEM],
            Algorithm::XWing => &[X_WING],
            _ => &[],
        }
    }

    /// By which people tell public keys apart: `SHA256:` and the base64, without padding, of the
    /// SHA-256 of the SubjectPublicKeyInfo. Those of ML-KEM-768 and X-Wing are as RFC 9935 and
    /// draft-connolly-cfrg-xwing-kem have them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::digest(self.spki());
        format!("SHA256:{}", Base64Unpadded::encode_string(&hash))
    }

    fn spki(&self) -> Vec<u8> {
        let front: &[u8] = match (&self.inner, self.algorithm) {
            (Inner::P256(_), _) => &P256_SPKI,
            (Inner::P384(_), _) => &P384_SPKI,
            (Inner::Ed25519(_), _) => &ED25519_SPKI,
            (Inner::X25519(_), _) => &X25519_SPKI,
            (Inner::Kem(_), Algorithm::MlKem768) => &ML_KEM_SPKI,
            (Inner::Kem(_), _) => &X_WING_SPKI,
        };
        [front, &self.raw()].concat()
    }

    /// As OpenSSH has it in one line, for signature keys: `ssh-ed25519`, `ecdsa-sha2-nistp256`,
    /// `ecdsa-sha2-nistp384`.
    ///
    /// # Errors
    /// [`Error::NoOpenSsh`] for other keys.
    pub fn to_openssh(&self, comment: &str) -> Result<String, Error> {
        let none = || Error::NoOpenSsh(self.algorithm);
        let data = match (self.algorithm, &self.inner) {
            (Algorithm::EcdsaP256 | Algorithm::EcdsaP384, _) => {
                KeyData::Ecdsa(EcdsaPublicKey::from_sec1_bytes(&self.raw()).map_err(|_| none())?)
            }
            (Algorithm::Ed25519, Inner::Ed25519(key)) => {
                KeyData::Ed25519(Ed25519PublicKey(key.to_bytes()))
            }
            _ => return Err(none()),
        };
        let line = ssh_key::PublicKey::new(data, comment).to_openssh();
        line.map(|line| line + "\n").map_err(|_| none())
    }

    /// A SubjectPublicKeyInfo (RFC 5280, RFC 5480, RFC 8410) in DER.
    ///
    /// # Errors
    /// [`Error::PublicKeyForm`] for ML-KEM-768 and X-Wing, which have the raw form only.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        match &self.inner {
            Inner::Kem(_) => Err(self.only_raw()),
            _ => Ok(self.spki()),
        }
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
