//! JSON Web Keys (RFC 7517, RFC 7518, RFC 8037). Secrets are read where they lie: nothing copies them
//! but into memory that is wiped.

use std::borrow::Cow;

use base64ct::{Base64UrlUnpadded, Encoding};
use claviger_proto::{Algorithm, Usage};
use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{KeyFileError, Pair, Thing, Type};

#[derive(Deserialize)]
pub(super) struct Jwk<'a> {
    #[serde(borrow)]
    kty: Cow<'a, str>,
    #[serde(borrow, default)]
    crv: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    x: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    y: Option<Cow<'a, str>>,
    /// Without escapes, which base64 has none of, it is not copied.
    #[serde(default)]
    d: Option<&'a str>,
    #[serde(default)]
    k: Option<&'a str>,
    #[serde(borrow, default)]
    alg: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "use")]
    purpose: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    key_ops: Option<Vec<Cow<'a, str>>>,
}

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<Jwk<'a>>,
}

/// Whether the text is a JSON object.
pub(super) fn is_json(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// A JWK, or the only one of a set.
pub(super) fn read(text: &[u8]) -> Result<Jwk<'_>, KeyFileError> {
    if let Ok(mut set) = serde_json::from_slice::<Set<'_>>(text) {
        return match (set.keys.pop(), set.keys.len()) {
            (Some(key), 0) => Ok(key),
            (last, others) => Err(KeyFileError::Several {
                what: "JWKs",
                count: others + usize::from(last.is_some()),
            }),
        };
    }
    serde_json::from_slice(text)
        .map_err(|_| KeyFileError::Malformed("JWK: no kty, a member twice, or one of another type"))
}

impl Jwk<'_> {
    /// What it is, for messages.
    pub(super) fn thing(&self) -> Thing {
        match &*self.kty {
            "oct" => Thing::SymmetricKey,
            kty => {
                // What somebody else wrote does not reach a terminal as it is.
                let kind = self.crv.as_deref().unwrap_or(kty).escape_default();
                let kind = kind.to_string();
                match self.d {
                    Some(_) => Thing::PrivateKey(kind),
                    None => Thing::PublicKey(kind),
                }
            }
        }
    }

    fn kind(&self) -> Result<Type, KeyFileError> {
        let crv = self.crv.as_deref().unwrap_or_default();
        let kind = Type::named(crv).filter(|kind| match kind {
            Type::P256 | Type::P384 => self.kty == "EC",
            Type::Ed25519 | Type::X25519 => self.kty == "OKP",
        });
        kind.ok_or_else(|| match &*self.kty {
            "EC" | "OKP" if Type::named(crv).is_some() => {
                KeyFileError::Malformed("JWK: kty and crv contradict each other")
            }
            _ => KeyFileError::NotOffered(self.thing().to_string()),
        })
    }

    /// Type and raw form of a public key; `None` if this is no public key.
    pub(super) fn public(&self) -> Result<Option<(Type, Vec<u8>)>, KeyFileError> {
        if self.kty == "oct" || self.d.is_some() || self.k.is_some() {
            return Ok(None);
        }
        let kind = self.kind()?;
        Ok(Some((kind, self.point(kind)?)))
    }

    fn point(&self, kind: Type) -> Result<Vec<u8>, KeyFileError> {
        let coordinate = |field: &Option<Cow<'_, str>>| {
            let bytes = Base64UrlUnpadded::decode_vec(field.as_deref()?).ok()?;
            (bytes.len() == kind.len()).then_some(bytes)
        };
        let point = match kind {
            Type::P256 | Type::P384 => coordinate(&self.x)
                .zip(coordinate(&self.y))
                .map(|(x, y)| [&[4][..], &x, &y].concat()),
            Type::Ed25519 | Type::X25519 => coordinate(&self.x).filter(|_| self.y.is_none()),
        };
        point.ok_or(KeyFileError::Malformed(
            "JWK: a coordinate is missing, of another length, or not base64url",
        ))
    }

    /// A private key; `None` if this is none.
    pub(super) fn private(&self) -> Result<Option<Pair>, KeyFileError> {
        let Some(d) = self.d else {
            return Ok(None);
        };
        let kind = self.kind()?;
        let secret = secret(d).filter(|bytes| bytes.len() == kind.len());
        let secret = secret.ok_or(KeyFileError::Malformed(
            "JWK: d has another length, or is not base64url",
        ))?;
        let half = self.point(kind)?;
        Ok(Some(Pair { kind, secret, half }))
    }

    /// The bytes of a symmetric key; `None` if this is none.
    pub(super) fn symmetric(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyFileError> {
        match (&*self.kty, self.k) {
            ("oct", Some(k)) => secret(k)
                .map(Some)
                .ok_or(KeyFileError::Malformed("JWK: k is not base64url")),
            ("oct", None) => Err(KeyFileError::Malformed("JWK: no k")),
            _ => Ok(None),
        }
    }

    /// Which of these algorithms `alg`, `use` and `key_ops` leave.
    ///
    /// # Errors
    /// [`KeyFileError::Wrong`] if none.
    pub(super) fn limits(&self, algorithms: &[Algorithm]) -> Result<Vec<Algorithm>, KeyFileError> {
        let fits = |algorithm: &Algorithm| {
            let usage = algorithm.usages().first().copied();
            let signs = matches!(usage, Some(Usage::Sign | Usage::Mac));
            let alg = self
                .alg
                .as_deref()
                .is_none_or(|alg| serves(*algorithm, alg));
            let purpose = match self.purpose.as_deref() {
                Some("sig") => signs,
                Some("enc") => !signs,
                _ => true,
            };
            let does = |operation: &Cow<'_, str>| match &**operation {
                "sign" | "verify" => signs,
                "deriveKey" | "deriveBits" => {
                    matches!(usage, Some(Usage::Agree | Usage::Derive))
                }
                "encrypt" | "decrypt" => matches!(usage, Some(Usage::Encrypt | Usage::Seal)),
                "wrapKey" | "unwrapKey" => usage == Some(Usage::Unwrap),
                _ => true,
            };
            let operations = self.key_ops.as_ref();
            alg && purpose && operations.is_none_or(|all| all.is_empty() || all.iter().any(does))
        };
        let left: Vec<_> = algorithms.iter().copied().filter(fits).collect();
        if left.is_empty() {
            let said = [&self.alg, &self.purpose].into_iter().flatten();
            let said: Vec<_> = said.map(|text| text.escape_default().to_string()).collect();
            let found = format!("{} marked for other use: {}", self.thing(), said.join(", "));
            return Err(KeyFileError::Wrong {
                found,
                wanted: format!("a key of {}", super::names(algorithms)),
                hint: Some(
                    "alg, use and key_ops of a JWK are believed: change them if they are wrong",
                ),
            });
        }
        Ok(left)
    }

    /// The only algorithm that `alg` names, of a symmetric key.
    pub(super) fn said(&self) -> Option<Algorithm> {
        let alg = self.alg.as_deref()?;
        let mut all = Algorithm::ALL.iter().copied();
        all.find(|algorithm| !algorithm.has_public_half() && serves(*algorithm, alg))
    }
}

/// Whether a key of this algorithm is one for JOSE's `alg` (RFC 7518, RFC 8037, RFC 9864).
fn serves(algorithm: Algorithm, alg: &str) -> bool {
    let names: &[&str] = match algorithm {
        Algorithm::EcdsaP256 => &["ES256"],
        Algorithm::EcdsaP384 => &["ES384"],
        Algorithm::Ed25519 => &["EdDSA", "Ed25519"],
        Algorithm::EcdhP256 | Algorithm::X25519 => return alg.starts_with("ECDH-ES"),
        Algorithm::HmacSha256 => &["HS256"],
        Algorithm::Aes128Gcm => &["A128GCM"],
        Algorithm::Aes256Gcm => &["A256GCM"],
        Algorithm::Aes128Kw => &["A128KW"],
        Algorithm::Aes256Kw => &["A256KW"],
        _ => &[],
    };
    names.contains(&alg)
}

fn secret(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let length = Base64UrlUnpadded::decode(text, bytes.as_mut_slice())
        .ok()?
        .len();
    bytes.truncate(length);
    Some(bytes)
}
