//! Keys to be imported.

use claviger_proto::Algorithm;
use ed25519_dalek::SigningKey;
use pkcs8::{
    PrivateKeyInfoRef,
    der::{
        Decode,
        asn1::{ObjectIdentifier, OctetStringRef},
    },
};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use super::{
    KeyFileError, Pair, Thing, Type, armor, as_text, certificate, der, encrypted, jwk, openssh,
    public, text,
};
use crate::PublicKey;

/// The form of a key in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The bytes themselves: a symmetric key, a big-endian scalar, a seed.
    Raw,
    /// Hexadecimal digits of these.
    Hex,
    /// Base64 of these, of either alphabet.
    Base64,
    /// PKCS #8, encrypted or not, SEC 1 or OpenSSH, in PEM.
    Pem,
    /// PKCS #8, encrypted or not, or SEC 1, in DER.
    Der,
    /// A JSON Web Key.
    Jwk,
    /// A private key of OpenSSH.
    OpenSsh,
}

impl Format {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Raw => "raw",
            Format::Hex => "hex",
            Format::Base64 => "base64",
            Format::Pem => "pem",
            Format::Der => "der",
            Format::Jwk => "jwk",
            Format::OpenSsh => "openssh",
        }
    }
}

/// A key that was read from a file, to be imported.
pub struct PrivateKey {
    algorithm: Algorithm,
    format: Format,
    secret: Zeroizing<Vec<u8>>,
}

/// What a file says of a key.
struct Read {
    format: Format,
    secret: Zeroizing<Vec<u8>>,
    /// What it is for if nobody says otherwise.
    default: Option<Algorithm>,
    /// What it may be for. Empty if the file does not say.
    algorithms: Vec<Algorithm>,
    /// What the file calls it.
    thing: Thing,
}

impl PrivateKey {
    /// Reads a key. Without a format it is found out, and what could be meant in two ways is refused;
    /// without an algorithm it is the usual one of what the file names.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read(
        bytes: &[u8],
        format: Option<Format>,
        algorithm: Option<Algorithm>,
        passphrase: Option<&[u8]>,
    ) -> Result<PrivateKey, KeyFileError> {
        let read = match format {
            None => find(bytes, algorithm, passphrase)?,
            Some(format) => as_said(bytes, format, passphrase)?,
        };
        let chosen = match algorithm {
            Some(algorithm) if read.algorithms.is_empty() => algorithm,
            Some(algorithm) if read.algorithms.contains(&algorithm) => algorithm,
            Some(algorithm) => {
                let wanted = format!("a key for {}", algorithm.name());
                return Err(KeyFileError::no(
                    &Thing::Other(read.thing.to_string()),
                    wanted,
                ));
            }
            None => read.default.ok_or(KeyFileError::NoAlgorithm)?,
        };
        check(chosen, &read.secret, read.format)?;
        Ok(PrivateKey {
            algorithm: chosen,
            format: read.format,
            secret: read.secret,
        })
    }

    /// What it is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// In which form it was.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// What [`Creation::import`](crate::Creation::import) takes. What copies it wipes it.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.algorithm)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// What a file says, of which is known in which form it is.
fn as_said(bytes: &[u8], format: Format, passphrase: Option<&[u8]>) -> Result<Read, KeyFileError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match format {
        Format::Raw => Ok(unsaid(format, Zeroizing::new(bytes.to_vec()))),
        Format::Hex => {
            text::hex(text)
                .map(|secret| unsaid(format, secret))
                .ok_or(KeyFileError::Malformed(
                    "text: not pairs of hexadecimal digits",
                ))
        }
        Format::Base64 => text::base64(text)
            .map(|secret| unsaid(format, secret))
            .ok_or(KeyFileError::Malformed("text: not base64")),
        Format::Pem | Format::OpenSsh => from_pem(text, passphrase).and_then(|read| {
            match read.format == Format::OpenSsh || format == Format::Pem {
                true => Ok(read),
                false => Err(wrong(&read.thing)),
            }
        }),
        Format::Der => {
            let thing = der::identify(bytes);
            from_der(bytes, &thing.ok_or(MALFORMED)?, passphrase, None)
        }
        Format::Jwk => from_jwk(text),
    }
}

/// What a file says, in whatever form it is.
fn find(
    bytes: &[u8],
    algorithm: Option<Algorithm>,
    passphrase: Option<&[u8]>,
) -> Result<Read, KeyFileError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if armor::is_pem(text) {
        return from_pem(text, passphrase);
    }
    if jwk::is_json(text) {
        return from_jwk(text);
    }
    if openssh::public_line(text)?.is_some() {
        return Err(wrong(&Thing::PublicKey("OpenSSH".to_owned())));
    }
    if let Some(thing) = der::identify(bytes) {
        return from_der(bytes, &thing, passphrase, None);
    }
    let algorithm = algorithm.ok_or(KeyFileError::NoAlgorithm)?;
    raw_or_text(bytes, text, algorithm)
}

/// Bytes that say nothing of themselves: they are taken in the one way in which they can be meant.
/// What is written as text is not taken for raw bytes because its length happens to fit.
fn raw_or_text(bytes: &[u8], text: &[u8], algorithm: Algorithm) -> Result<Read, KeyFileError> {
    let raw = algorithm.takes_key_len(bytes.len());
    match as_text(text) {
        None if raw => Ok(unsaid(Format::Raw, Zeroizing::new(bytes.to_vec()))),
        Some((format, secret)) if raw => Err(KeyFileError::Ambiguous(format!(
            "raw, as {} bytes, or {}, as {} bytes",
            bytes.len(),
            format.name(),
            secret.len()
        ))),
        Some((format, secret)) if algorithm.takes_key_len(secret.len()) => {
            Ok(unsaid(format, secret))
        }
        Some((format, secret)) => {
            let (raw, name, text) = (bytes.len(), format.name(), secret.len());
            let given = format!("{raw}, which as {name} are {text}");
            Err(length(algorithm, given))
        }
        None => Err(length(algorithm, bytes.len().to_string())),
    }
}

fn length(algorithm: Algorithm, given: String) -> KeyFileError {
    let lengths: Vec<_> = (1..=128)
        .filter(|length| algorithm.takes_key_len(*length))
        .collect();
    let takes = match lengths[..] {
        [first, .., last] => format!("{first} to {last}"),
        [only] => only.to_string(),
        [] => "no".to_owned(),
    };
    KeyFileError::Length {
        algorithm,
        takes,
        given,
    }
}

fn unsaid(format: Format, secret: Zeroizing<Vec<u8>>) -> Read {
    Read {
        format,
        secret,
        default: None,
        algorithms: Vec::new(),
        thing: Thing::Nothing,
    }
}

const LABELS: [&str; 6] = [
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "EC PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "RSA PRIVATE KEY",
    "DSA PRIVATE KEY",
];

fn from_pem(text: &[u8], passphrase: Option<&[u8]>) -> Result<Read, KeyFileError> {
    let blocks = armor::blocks(text)?;
    let keys: Vec<_> = blocks
        .iter()
        .filter(|one| LABELS.contains(&one.label))
        .collect();
    let [key] = keys.as_slice() else {
        let first = blocks.first().map_or(Thing::Nothing, public::armored);
        return Err(match keys.len() {
            0 => wrong(&first),
            count => KeyFileError::Several {
                what: "private keys",
                count,
            },
        });
    };
    if key.encrypted {
        return Err(KeyFileError::Encryption(
            " (OpenSSL's own of before PKCS #8)".to_owned(),
        ));
    }
    let read = if key.label == "OPENSSH PRIVATE KEY" {
        let Pair { kind, secret, half } = openssh::private(&key.bytes, passphrase)?;
        // Their types are of signatures.
        pair(
            Format::OpenSsh,
            kind,
            secret,
            &[&half],
            &kind.algorithms()[..1],
        )?
    } else {
        let parameters = blocks.iter().find(|one| one.label == "EC PARAMETERS");
        let curve = parameters.and_then(|one| <ObjectIdentifier>::from_der(&one.bytes).ok());
        let thing = der::identify(&key.bytes).ok_or(MALFORMED)?;
        let read = from_der(&key.bytes, &thing, passphrase, curve.as_ref())?;
        Read {
            format: Format::Pem,
            ..read
        }
    };
    expect_halves(&read, &blocks)?;
    Ok(read)
}

/// A public key beside the private one, and the first of certificates, must be its.
fn expect_halves(read: &Read, blocks: &[armor::Block<'_>]) -> Result<(), KeyFileError> {
    let fits = |kind: &Type| {
        let mut all = kind.algorithms().iter();
        all.any(|one| read.algorithms.contains(one))
    };
    let Some(kind) = Type::ALL.into_iter().find(fits) else {
        return Ok(());
    };
    let expected = public_half(kind, &read.secret)?;
    let keys = blocks.iter().filter(|one| one.label == "PUBLIC KEY");
    for block in keys {
        let (other, point) = public::spki(&block.bytes)?;
        if other != kind || !is_same(&expected, &point) {
            return Err(KeyFileError::Mismatch);
        }
    }
    if let Some(block) = blocks.iter().find(|one| one.label == "CERTIFICATE") {
        let found = certificate::certificates(&block.bytes)?;
        let point = found.first().and_then(|one| one.public_key.as_deref());
        if !point.is_some_and(|point| is_same(&expected, point)) {
            return Err(KeyFileError::Mismatch);
        }
    }
    Ok(())
}

const MALFORMED: KeyFileError =
    KeyFileError::Malformed("DER: nothing that is known, or there is something behind its end");

/// `curve` is what stood before the key.
fn from_der(
    der: &[u8],
    thing: &Thing,
    passphrase: Option<&[u8]>,
    curve: Option<&ObjectIdentifier>,
) -> Result<Read, KeyFileError> {
    match thing {
        Thing::EncryptedPrivateKey => {
            let plain = encrypted::decrypt(der, passphrase)?;
            let info = PrivateKeyInfoRef::from_der(plain.as_bytes());
            from_pkcs8(&info.map_err(|_| KeyFileError::WrongPassphrase)?)
        }
        Thing::PrivateKey(_) => match PrivateKeyInfoRef::from_der(der) {
            Ok(info) => from_pkcs8(&info),
            Err(_) => match EcPrivateKey::from_der(der) {
                Ok(key) => from_sec1(&key, curve.cloned(), &[]),
                Err(_) => Err(KeyFileError::NotOffered(thing.to_string())),
            },
        },
        other => Err(wrong(other)),
    }
}

fn from_pkcs8(info: &PrivateKeyInfoRef<'_>) -> Result<Read, KeyFileError> {
    let kind = der::type_of(&info.algorithm)
        .map_err(|name| KeyFileError::NotOffered(Thing::PrivateKey(name).to_string()))?;
    let private = info.private_key.as_bytes();
    let half = info.public_key.as_ref().map(|half| {
        half.as_bytes()
            .ok_or(KeyFileError::Malformed("PKCS #8: its public key"))
    });
    let halves: Vec<_> = half.transpose()?.into_iter().collect();
    match kind {
        Type::P256 | Type::P384 => {
            let key = EcPrivateKey::from_der(private)
                .map_err(|_| KeyFileError::Malformed("PKCS #8: no SEC 1 key in it"))?;
            let parameters = info.algorithm.parameters;
            let curve = parameters.and_then(|parameters| parameters.decode_as().ok());
            from_sec1(&key, curve, &halves)
        }
        Type::Ed25519 | Type::X25519 => {
            let secret = <&OctetStringRef>::from_der(private)
                .ok()
                .filter(|secret| secret.as_bytes().len() == kind.len())
                .ok_or(KeyFileError::Malformed("PKCS #8: not 32 bytes in it"))?;
            let secret = Zeroizing::new(secret.as_bytes().to_vec());
            pair(Format::Der, kind, secret, &halves, kind.algorithms())
        }
    }
}

/// `curve` is what stands around the key: one of the two must name it, and both the same.
fn from_sec1(
    key: &EcPrivateKey<'_>,
    curve: Option<ObjectIdentifier>,
    halves: &[&[u8]],
) -> Result<Read, KeyFileError> {
    let inner = key.parameters.map(|EcParameters::NamedCurve(oid)| oid);
    let oid = match (inner, curve) {
        (Some(inner), Some(outer)) if inner != outer => {
            return Err(KeyFileError::Malformed("EC key: it names two curves"));
        }
        (inner, outer) => inner.or(outer).ok_or(KeyFileError::Malformed(
            "EC key: it names no curve (`openssl ecparam` writes one before it)",
        ))?,
    };
    let kind = der::curve(&oid)
        .map_err(|name| KeyFileError::NotOffered(Thing::PrivateKey(name).to_string()))?;
    let secret = padded(key.private_key, kind.len())
        .ok_or(KeyFileError::Malformed("EC key: its scalar is too long"))?;
    let halves: Vec<_> = halves.iter().copied().chain(key.public_key).collect();
    pair(Format::Der, kind, secret, &halves, kind.algorithms())
}

/// A number as so many bytes: some programs leave leading zeros out, or add one.
fn padded(scalar: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let zeros = scalar.iter().take_while(|byte| **byte == 0).count();
    let number = &scalar[zeros..];
    let start = length.checked_sub(number.len())?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    bytes[start..].copy_from_slice(number);
    Some(bytes)
}

fn from_jwk(text: &[u8]) -> Result<Read, KeyFileError> {
    let key = jwk::read(text)?;
    if let Some(secret) = key.symmetric()? {
        let symmetric = |algorithm: &Algorithm| !algorithm.has_public_half();
        let all: Vec<_> = Algorithm::ALL.iter().copied().filter(symmetric).collect();
        let left = key.limits(&all)?;
        // `use` and `key_ops` leave some, and the file does not say which: the command must.
        return Ok(Read {
            format: Format::Jwk,
            secret,
            default: key.said(),
            algorithms: left,
            thing: Thing::SymmetricKey,
        });
    }
    let Some(Pair { kind, secret, half }) = key.private()? else {
        return Err(wrong(&key.thing()));
    };
    let algorithms = key.limits(kind.algorithms())?;
    pair(Format::Jwk, kind, secret, &[&half], &algorithms)
}

/// A pair, of which every public half that is there must be right.
fn pair(
    format: Format,
    kind: Type,
    secret: Zeroizing<Vec<u8>>,
    halves: &[&[u8]],
    algorithms: &[Algorithm],
) -> Result<Read, KeyFileError> {
    let expected = public_half(kind, &secret)?;
    for half in halves {
        if !is_same(&expected, half) {
            return Err(KeyFileError::Mismatch);
        }
    }
    Ok(Read {
        format,
        secret,
        default: algorithms.first().copied(),
        algorithms: algorithms.to_vec(),
        thing: Thing::PrivateKey(kind.name().to_owned()),
    })
}

fn public_half(kind: Type, secret: &[u8]) -> Result<PublicKey, KeyFileError> {
    let scalar = |_| KeyFileError::Scalar(kind.name());
    let length = |_| KeyFileError::Malformed("key: another length");
    let algorithm = kind.algorithms()[0];
    let point = match kind {
        Type::P256 => {
            let key = p256::SecretKey::from_slice(secret).map_err(scalar)?;
            key.public_key().to_sec1_bytes().to_vec()
        }
        Type::P384 => {
            let key = p384::SecretKey::from_slice(secret).map_err(scalar)?;
            key.public_key().to_sec1_bytes().to_vec()
        }
        Type::Ed25519 => {
            let seed = Zeroizing::new(<[u8; 32]>::try_from(secret).map_err(length)?);
            SigningKey::from_bytes(&seed)
                .verifying_key()
                .to_bytes()
                .to_vec()
        }
        Type::X25519 => {
            let seed = Zeroizing::new(<[u8; 32]>::try_from(secret).map_err(length)?);
            let secret = x25519_dalek::StaticSecret::from(*seed);
            x25519_dalek::PublicKey::from(&secret).to_bytes().to_vec()
        }
    };
    PublicKey::from_raw(algorithm, &point).map_err(|_| KeyFileError::Point(kind.name()))
}

/// Whether this is the same public key, in whichever of its encodings.
fn is_same(expected: &PublicKey, point: &[u8]) -> bool {
    PublicKey::from_raw(expected.algorithm(), point).is_ok_and(|key| key == *expected)
}

/// Whether this is a key of the algorithm at all: the trusted application would refuse it without
/// saying why.
fn check(algorithm: Algorithm, secret: &[u8], format: Format) -> Result<(), KeyFileError> {
    if !algorithm.takes_key_len(secret.len()) {
        let form = match format {
            Format::Raw => String::new(),
            other => format!(" (as {})", other.name()),
        };
        return Err(length(algorithm, format!("{}{form}", secret.len())));
    }
    let kind = Type::ALL
        .into_iter()
        .find(|kind| kind.algorithms().contains(&algorithm));
    kind.map_or(Ok(()), |kind| public_half(kind, secret).map(drop))
}

fn wrong(found: &Thing) -> KeyFileError {
    KeyFileError::no(found, "a private or symmetric key")
}
