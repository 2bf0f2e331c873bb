//! Keys and certificates in the forms in which other programs write them.
//!
//! One reader for every place: lenient about layout, as OpenSSL is (text around a PEM block, lines of
//! any length, CR LF, a byte order mark), strict about meaning (curve, point, lengths, nothing behind
//! the end). What is the wrong thing is named as what it is.
//!
//! | form | public keys | private keys | symmetric keys |
//! |---|---|---|---|
//! | PEM, DER | SubjectPublicKeyInfo | PKCS #8, also encrypted (PBES2); SEC 1 | - |
//! | JWK (RFC 7517, RFC 8037) | `EC`, `OKP` | `EC`, `OKP` | `oct` |
//! | OpenSSH | one line | `openssh-key-v1`, also encrypted | - |
//! | text | - | hexadecimal or base64 of the raw form | the same |
//! | raw | as [`PublicKey::raw`](crate::PublicKey::raw) | scalar or seed | the bytes |
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! use claviger::{Client, key_file::PrivateKey};
//! # use claviger::transport::emulator::Emulator;
//! # let client = Client::builder().emulator(Emulator::memory()).open()?;
//! let jwk = br#"{"kty":"oct","alg":"HS256","k":"AAECAwQFBgcICQoLDA0ODw"}"#;
//! let key = PrivateKey::read(jwk, None, None, None)?;
//! let key = client.create("api").algorithm(key.algorithm()).import(key.secret())?;
//! assert!(key.description().check_value.is_some());
//! # }
//! # Ok::<(), claviger::Error>(())
//! ```

mod armor;
mod certificate;
mod der;
mod encrypted;
mod error;
mod jwk;
mod openssh;
mod private;
mod public;
mod text;

use claviger_proto::Algorithm;
use zeroize::Zeroizing;

pub(crate) use self::public::{from_pem, from_spki, read as read_public};
pub use self::{
    certificate::{FoundCertificate, certificates},
    error::KeyFileError,
    private::{Format, PrivateKey},
};

/// A type of key pair that files name, and for which there is an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    P256,
    P384,
    Ed25519,
    X25519,
}

impl Type {
    const ALL: [Type; 4] = [Type::P256, Type::P384, Type::Ed25519, Type::X25519];

    /// What such a key can be for; the first is the usual.
    const fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Type::P256 => &[Algorithm::EcdsaP256, Algorithm::EcdhP256],
            Type::P384 => &[Algorithm::EcdsaP384],
            Type::Ed25519 => &[Algorithm::Ed25519],
            Type::X25519 => &[Algorithm::X25519],
        }
    }

    /// What files call it.
    const fn name(self) -> &'static str {
        match self {
            Type::P256 => "P-256",
            Type::P384 => "P-384",
            Type::Ed25519 => "Ed25519",
            Type::X25519 => "X25519",
        }
    }

    fn named(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Bytes of its private form, and of a coordinate.
    const fn len(self) -> usize {
        match self {
            Type::P384 => 48,
            Type::P256 | Type::Ed25519 | Type::X25519 => 32,
        }
    }
}

/// A key pair as a file has it; whether both halves belong together is not said.
struct Pair {
    kind: Type,
    secret: Zeroizing<Vec<u8>>,
    /// The public half, in raw form.
    half: Vec<u8>,
}

/// What a file turned out to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Thing {
    /// A public key of this type, as people call it.
    PublicKey(String),
    PrivateKey(String),
    EncryptedPrivateKey,
    Certificate,
    CertificateRequest,
    RevocationList,
    Parameters,
    Pkcs12,
    SymmetricKey,
    /// Something that has a name.
    Other(String),
    Nothing,
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Thing::PublicKey(kind) => return write!(f, "a public key of type {kind}"),
            Thing::PrivateKey(kind) => return write!(f, "a private key of type {kind}"),
            Thing::Other(name) => name,
            Thing::EncryptedPrivateKey => "an encrypted private key",
            Thing::Certificate => "a certificate",
            Thing::CertificateRequest => "a certificate request",
            Thing::RevocationList => "a certificate revocation list",
            Thing::Parameters => "the parameters of a curve, and no key",
            Thing::Pkcs12 => "a PKCS #12 container",
            Thing::SymmetricKey => "a symmetric key",
            Thing::Nothing => "nothing of the kind",
        })
    }
}

/// What bytes mean if they are text: hexadecimal digits (perhaps behind `0x`, with white space and
/// colons between) or base64. They may not be meant as they are then.
#[must_use]
pub fn as_text(bytes: &[u8]) -> Option<(Format, Zeroizing<Vec<u8>>)> {
    match text::hex(bytes) {
        Some(meant) => Some((Format::Hex, meant)),
        None => text::base64(bytes).map(|meant| (Format::Base64, meant)),
    }
}

/// Names of algorithms, for a sentence.
fn names(algorithms: &[Algorithm]) -> String {
    let names: Vec<_> = algorithms.iter().map(|one| one.name()).collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests;
