//! What DER holds, by its content: a wrong label or name is not believed.

use pkcs8::{
    EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef,
    der::{
        Decode, Encode, Tag, Tagged,
        asn1::{Any, AnyRef, ObjectIdentifier},
    },
    spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef},
};
use sec1::{EcParameters, EcPrivateKey};
use x509_cert::{Certificate, crl::CertificateList, request::CertReq};

use super::{Thing, Type};

/// id-ecPublicKey (RFC 5480).
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// RFC 8410.
pub(super) const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Types and curves for which there is no algorithm here, or not in such a file.
const NAMES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.113549.1.3.1", "Diffie-Hellman"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.111", "X448"),
    ("1.3.101.113", "Ed448"),
    ("1.3.132.1.12", "ECDH"),
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.2.156.10197.1.301", "SM2"),
    ("2.16.840.1.101.3.4.4.1", "ML-KEM-512"),
    (
        "2.16.840.1.101.3.4.4.2",
        "ML-KEM-768 (which is taken in its raw form)",
    ),
    ("2.16.840.1.101.3.4.4.3", "ML-KEM-1024"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
];

fn name(oid: &ObjectIdentifier) -> String {
    let text = oid.to_string();
    let known = NAMES.iter().find(|(number, _)| *number == text);
    known.map_or(text, |(_, name)| (*name).to_owned())
}

/// The type of a curve.
pub(super) fn curve(oid: &ObjectIdentifier) -> Result<Type, String> {
    match *oid {
        P256 => Ok(Type::P256),
        P384 => Ok(Type::P384),
        _ => Err(name(oid)),
    }
}

/// The type that an AlgorithmIdentifier names, or else what people call it.
pub(super) fn type_of(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Type, String> {
    match (algorithm.oid, algorithm.parameters) {
        (EC, Some(parameters)) => match parameters.decode_as::<ObjectIdentifier>() {
            Ok(oid) => curve(&oid),
            Err(_) => Err("EC with explicit parameters".to_owned()),
        },
        (EC, None) => Err("EC without a curve".to_owned()),
        (ED25519, None) => Ok(Type::Ed25519),
        (X25519, None) => Ok(Type::X25519),
        (oid, _) => Err(name(&oid)),
    }
}

/// What these bytes are, if they are anything that has a name. Nothing stands behind it.
pub(super) fn identify(der: &[u8]) -> Option<Thing> {
    let named = |kind: Result<Type, String>| match kind {
        Ok(one) => one.name().to_owned(),
        Err(name) => name,
    };
    if let Ok(key) = SubjectPublicKeyInfoRef::from_der(der) {
        return Some(Thing::PublicKey(named(type_of(&key.algorithm))));
    }
    if let Ok(key) = PrivateKeyInfoRef::from_der(der) {
        return Some(Thing::PrivateKey(named(type_of(&key.algorithm))));
    }
    if let Ok(key) = EcPrivateKey::from_der(der) {
        return Some(Thing::PrivateKey(match key.parameters {
            Some(EcParameters::NamedCurve(oid)) => named(curve(&oid)),
            None => "EC without a curve".to_owned(),
        }));
    }
    if Certificate::from_der(der).is_ok() {
        return Some(Thing::Certificate);
    }
    if CertReq::from_der(der).is_ok() {
        return Some(Thing::CertificateRequest);
    }
    if <CertificateList>::from_der(der).is_ok() {
        return Some(Thing::RevocationList);
    }
    if is_encrypted(der) {
        return Some(Thing::EncryptedPrivateKey);
    }
    // Of a curve that has a name: many raw keys begin like some other identifier.
    if let Ok(oid) = <ObjectIdentifier>::from_der(der)
        && curve(&oid).map_or_else(|name| name != oid.to_string(), |_| true)
    {
        return Some(Thing::Parameters);
    }
    by_shape(der)
}

/// Whether this is an EncryptedPrivateKeyInfo, in whatever way it is encrypted.
pub(super) fn is_encrypted(der: &[u8]) -> bool {
    EncryptedPrivateKeyInfoRef::from_der(der).is_ok()
        || fields(der).is_some_and(|fields| match fields.as_slice() {
            [algorithm, data] => {
                data.tag() == Tag::OctetString
                    && algorithm
                        .to_der()
                        .is_ok_and(|der| AlgorithmIdentifierRef::from_der(&der).is_ok())
            }
            _ => false,
        })
}

/// What has no type of its own here.
fn by_shape(der: &[u8]) -> Option<Thing> {
    let fields = fields(der)?;
    let tags: Vec<Tag> = fields.iter().map(Tagged::tag).collect();
    let integers = tags.iter().all(|tag| *tag == Tag::Integer);
    let first = fields.first().map(|field| field.value());
    Some(match (tags.len(), integers) {
        (2, true) => Thing::PublicKey("RSA".to_owned()),
        (9, true) => Thing::PrivateKey("RSA".to_owned()),
        (6, true) => Thing::PrivateKey("DSA".to_owned()),
        (2 | 3, false) if first == Some(&[3]) && tags.get(1) == Some(&Tag::Sequence) => {
            Thing::Pkcs12
        }
        // With explicit parameters, or with more than there should be.
        (2..=4, false) if first == Some(&[1]) && tags.get(1) == Some(&Tag::OctetString) => {
            Thing::PrivateKey("EC with explicit parameters".to_owned())
        }
        (5 | 6, false) if first == Some(&[1]) && tags.get(1) == Some(&Tag::Sequence) => {
            Thing::Parameters
        }
        _ => return None,
    })
}

fn fields(der: &[u8]) -> Option<Vec<Any>> {
    AnyRef::from_der(der)
        .ok()
        .filter(|any| any.tag() == Tag::Sequence)?;
    Vec::<Any>::from_der(der).ok()
}
