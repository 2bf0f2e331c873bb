//! Why a file is not the key that is wanted.

use claviger_proto::Algorithm;

use super::Thing;
use crate::ErrorKind;

/// Why a file cannot be read as the key or certificate that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It holds another thing.
    #[error("it holds {found}; wanted is {wanted}")]
    Wrong {
        /// What it holds.
        found: String,
        /// What is wanted.
        wanted: String,
        /// What to do.
        hint: Option<&'static str>,
    },
    /// It holds nothing that is known.
    #[error(
        "it holds no {wanted} in PEM, DER, JWK, OpenSSH or raw form, but {length} bytes of something else"
    )]
    Unknown {
        /// What is wanted.
        wanted: String,
        /// How much there is.
        length: usize,
    },
    /// It holds a key for which there is no algorithm.
    #[error("it holds {0}, and keys of that type are not offered")]
    NotOffered(String),
    /// It is broken.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// More than one could be meant.
    #[error("it holds {count} of {what}, where one is wanted")]
    Several {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// It can be read in several ways.
    #[error("it can be read in more than one way: {0}")]
    Ambiguous(String),
    /// The file does not say what its key is for.
    #[error("raw bytes and text do not say what the key is for: name its algorithm")]
    NoAlgorithm,
    /// A key of this algorithm has another length.
    #[error("{} takes {takes} raw bytes; given were {given}", .algorithm.name())]
    Length {
        /// What is wanted.
        algorithm: Algorithm,
        /// Which lengths it takes.
        takes: String,
        /// What was given.
        given: String,
    },
    /// A number that is no private key of its curve.
    #[error("the number in it is no private key of {0}: it is 0, or not below the curve's order")]
    Scalar(&'static str),
    /// Coordinates that are no public key.
    #[error(
        "the point in it is no public key of {0}: not on the curve, not canonical, or of small order"
    )]
    Point(&'static str),
    /// Its public half is of another private key.
    #[error("the public half in it is not that of the private key")]
    Mismatch,
    /// It is encrypted, and no passphrase was given.
    #[error("it is encrypted, and there is no passphrase")]
    PassphraseMissing,
    /// The passphrase does not open it.
    #[error("the passphrase does not open it, or it was altered")]
    WrongPassphrase,
    /// It is encrypted in a way that is not offered.
    #[error("it is encrypted in a way that is not offered{0}")]
    Encryption(String),
    /// Its passphrase is stretched by more work than is done for a file that anybody may have made.
    #[error("its passphrase is stretched by {0}")]
    Costly(String),
}

impl KeyFileError {
    /// Of what should be a public key.
    pub(super) fn no_public_key(found: &Thing, wanted: impl Into<String>) -> KeyFileError {
        KeyFileError::wrong(found, wanted.into(), hint_to_public(found))
    }

    /// Of what should be something else.
    pub(super) fn no(found: &Thing, wanted: impl Into<String>) -> KeyFileError {
        KeyFileError::wrong(found, wanted.into(), hint_to_open(found))
    }

    fn wrong(found: &Thing, wanted: String, hint: Option<&'static str>) -> KeyFileError {
        KeyFileError::Wrong {
            found: found.to_string(),
            wanted,
            hint,
        }
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            KeyFileError::WrongPassphrase => ErrorKind::NotAuthentic,
            KeyFileError::PassphraseMissing
            | KeyFileError::Ambiguous(_)
            | KeyFileError::NoAlgorithm => ErrorKind::Malformed,
            KeyFileError::Wrong { .. }
            | KeyFileError::Unknown { .. }
            | KeyFileError::NotOffered(_)
            | KeyFileError::Malformed(_)
            | KeyFileError::Several { .. }
            | KeyFileError::Length { .. }
            | KeyFileError::Scalar(_)
            | KeyFileError::Point(_)
            | KeyFileError::Mismatch
            | KeyFileError::Encryption(_)
            | KeyFileError::Costly(_) => ErrorKind::Refused,
        }
    }

    /// A name for scripts, where it says more than that the file is refused.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        match self {
            KeyFileError::PassphraseMissing => Some("passphrase-missing"),
            KeyFileError::WrongPassphrase => Some("wrong-passphrase"),
            KeyFileError::Ambiguous(_) => Some("ambiguous"),
            KeyFileError::NoAlgorithm => Some("algorithm-missing"),
            _ => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            KeyFileError::Wrong { hint, .. } => (*hint)?,
            KeyFileError::NotOffered(_) => {
                "the types are P-256, P-384, Ed25519 and X25519; ML-KEM-768 and X-Wing raw"
            }
            KeyFileError::Malformed(_) => {
                "`openssl pkey -in FILE -noout -text` may show what is wrong"
            }
            KeyFileError::Several { .. } => "put the one that is meant into a file of its own",
            KeyFileError::Ambiguous(_) => "--format says which is meant",
            KeyFileError::NoAlgorithm => "--algorithm ALG",
            KeyFileError::PassphraseMissing => {
                "--passphrase-file FILE or --passphrase-fd N, where the command has them; else \
                 `openssl pkey -in FILE` decrypts it"
            }
            KeyFileError::Encryption(_) => {
                "`openssl pkcs8 -topk8 -in FILE` writes it anew, with PBKDF2 and AES-256-CBC"
            }
            KeyFileError::Costly(_) => {
                "`openssl pkcs8 -topk8 -in FILE`, or `ssh-keygen -p -f COPY` for OpenSSH's form, \
                 writes it anew"
            }
            KeyFileError::Length { .. } => "`claviger import --help` has the forms of keys",
            KeyFileError::Unknown { .. }
            | KeyFileError::Scalar(_)
            | KeyFileError::Point(_)
            | KeyFileError::Mismatch
            | KeyFileError::WrongPassphrase => return None,
        };
        Some(hint.to_owned())
    }
}

/// How a public key is made of it.
fn hint_to_public(found: &Thing) -> Option<&'static str> {
    match found {
        Thing::Certificate => {
            Some("`openssl x509 -in FILE -pubkey -noout` writes a certificate's public key")
        }
        Thing::CertificateRequest => {
            Some("`openssl req -in FILE -pubkey -noout` writes a request's public key")
        }
        Thing::PrivateKey(_) | Thing::EncryptedPrivateKey => {
            Some("`openssl pkey -in FILE -pubout` writes its public half")
        }
        other => hint_to_open(other),
    }
}

/// How what is in a container is had.
fn hint_to_open(found: &Thing) -> Option<&'static str> {
    match found {
        Thing::Pkcs12 => Some("`openssl pkcs12 -in FILE -nodes` writes what is in it as PEM"),
        Thing::PublicKey(_)
        | Thing::PrivateKey(_)
        | Thing::EncryptedPrivateKey
        | Thing::Certificate
        | Thing::CertificateRequest
        | Thing::RevocationList
        | Thing::Parameters
        | Thing::SymmetricKey
        | Thing::Other(_)
        | Thing::Nothing => None,
    }
}
