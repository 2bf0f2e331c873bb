//! Public keys.

use claviger_proto::Algorithm;
use pkcs8::{der::Decode, spki::SubjectPublicKeyInfoRef};

use super::{Format, KeyFileError, Thing, Type, armor, as_text, der, jwk, names, openssh};
use crate::PublicKey;

/// A public key of one of these algorithms, in whatever form it is.
pub(crate) fn read(bytes: &[u8], algorithms: &[Algorithm]) -> Result<PublicKey, KeyFileError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if armor::is_pem(text) {
        return from_pem(text, algorithms);
    }
    if jwk::is_json(text) {
        let key = jwk::read(text)?;
        let Some((kind, point)) = key.public()? else {
            return Err(wrong(&key.thing(), algorithms));
        };
        return take(kind, &point, &key.limits(kind.algorithms())?, algorithms);
    }
    if let Some(line) = openssh::public_line(text)? {
        let (kind, point) = openssh::public(&line)?;
        // Their types are of signatures.
        return take(kind, &point, &kind.algorithms()[..1], algorithms);
    }
    if der::identify(bytes).is_some() {
        return from_spki(bytes, algorithms);
    }
    raw(bytes, algorithms)
}

/// A public key of one of these algorithms in PEM.
pub(crate) fn from_pem(text: &[u8], algorithms: &[Algorithm]) -> Result<PublicKey, KeyFileError> {
    let blocks = armor::blocks(text)?;
    let keys: Vec<_> = blocks
        .iter()
        .filter(|one| one.label == "PUBLIC KEY")
        .collect();
    match keys.as_slice() {
        [key] => from_spki(&key.bytes, algorithms),
        [] => {
            let other = blocks.first().map_or(Thing::Nothing, armored);
            Err(wrong(&other, algorithms))
        }
        _ => Err(KeyFileError::Several {
            what: "PUBLIC KEY",
            count: keys.len(),
        }),
    }
}

/// What a block of PEM is.
pub(super) fn armored(block: &armor::Block<'_>) -> Thing {
    if block.encrypted {
        return Thing::EncryptedPrivateKey;
    }
    match block.label {
        "OPENSSH PRIVATE KEY" => Thing::PrivateKey("OpenSSH".to_owned()),
        "TRUSTED CERTIFICATE" => Thing::Certificate,
        label => der::identify(&block.bytes)
            .unwrap_or_else(|| Thing::Other(format!("a block {label:?}"))),
    }
}

/// A public key of one of these algorithms as a SubjectPublicKeyInfo in DER.
pub(crate) fn from_spki(der: &[u8], algorithms: &[Algorithm]) -> Result<PublicKey, KeyFileError> {
    match der::identify(der).ok_or(MALFORMED)? {
        Thing::PublicKey(_) => {
            let (kind, point) = spki(der)?;
            take(kind, &point, kind.algorithms(), algorithms)
        }
        other => Err(wrong(&other, algorithms)),
    }
}

/// Type and raw form of a SubjectPublicKeyInfo.
pub(super) fn spki(der: &[u8]) -> Result<(Type, Vec<u8>), KeyFileError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| MALFORMED)?;
    let kind = der::type_of(&info.algorithm)
        .map_err(|name| KeyFileError::NotOffered(Thing::PublicKey(name).to_string()))?;
    let point = info.subject_public_key.as_bytes().ok_or(MALFORMED)?;
    Ok((kind, point.to_vec()))
}

const MALFORMED: KeyFileError =
    KeyFileError::Malformed("DER: no SubjectPublicKeyInfo, or something behind its end");

/// The key, if it may be of one of these algorithms.
fn take(
    kind: Type,
    point: &[u8],
    limits: &[Algorithm],
    algorithms: &[Algorithm],
) -> Result<PublicKey, KeyFileError> {
    let fits = algorithms.iter().find(|one| limits.contains(one));
    let Some(algorithm) = fits else {
        let found = Thing::PublicKey(kind.name().to_owned()).to_string();
        let found = match kind.algorithms().iter().any(|one| algorithms.contains(one)) {
            true => format!("{found} for {}", names(limits)),
            false => found,
        };
        return Err(wrong(&Thing::Other(found), algorithms));
    };
    PublicKey::from_raw(*algorithm, point).map_err(|_| KeyFileError::Point(kind.name()))
}

fn raw(bytes: &[u8], algorithms: &[Algorithm]) -> Result<PublicKey, KeyFileError> {
    let written = as_text(bytes).map(|(format, _)| match format {
        Format::Hex => "text: hexadecimal digits",
        _ => "text: base64",
    });
    if let Some(name) = written {
        return Err(wrong(&Thing::Other(name.to_owned()), algorithms));
    }
    let fits = |algorithm: &&Algorithm| PublicKey::raw_lengths(**algorithm).contains(&bytes.len());
    let fitting: Vec<_> = algorithms.iter().filter(fits).collect();
    let found = fitting
        .iter()
        .find_map(|algorithm| PublicKey::from_raw(**algorithm, bytes).ok());
    match (found, fitting.first()) {
        (Some(key), _) => Ok(key),
        (None, Some(algorithm)) => Err(KeyFileError::Point(algorithm.name())),
        (None, None) => Err(KeyFileError::Unknown {
            wanted: format!("public key of {}", names(algorithms)),
            length: bytes.len(),
        }),
    }
}

fn wrong(found: &Thing, algorithms: &[Algorithm]) -> KeyFileError {
    KeyFileError::no_public_key(found, format!("a public key of {}", names(algorithms)))
}
