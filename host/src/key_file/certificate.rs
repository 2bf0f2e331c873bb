//! Certificates (X.509).

use x509_cert::{
    Certificate,
    der::{Decode, Encode},
};

use super::{
    KeyFileError, Thing, armor, der, jwk, openssh,
    public::{armored, spki},
};

/// A certificate as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundCertificate {
    /// All of it.
    pub der: Vec<u8>,
    /// Its public key in raw form, if there is an algorithm for it.
    pub public_key: Option<Vec<u8>>,
}

/// The certificates in a file, PEM or DER; keys and other blocks around them are passed over.
///
/// # Errors
/// [`KeyFileError`], naming what the file holds if that is no certificate.
pub fn certificates(bytes: &[u8]) -> Result<Vec<FoundCertificate>, KeyFileError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if !armor::is_pem(text) {
        return one(bytes).map(|certificate| vec![certificate]);
    }
    let blocks = armor::blocks(text)?;
    let labels = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
    let found = blocks.iter().filter(|block| labels.contains(&block.label));
    let found = found
        .map(|block| one(&block.bytes))
        .collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        let other = blocks.first().map_or(Thing::Nothing, armored);
        return Err(wrong(&other));
    }
    Ok(found)
}

fn one(der: &[u8]) -> Result<FoundCertificate, KeyFileError> {
    let Ok(certificate) = Certificate::from_der(der) else {
        let found = match der::identify(der) {
            Some(thing) => thing,
            None if jwk::is_json(der) => Thing::Other("JSON".to_owned()),
            None if openssh::public_line(der).is_ok_and(|line| line.is_some()) => {
                Thing::PublicKey("OpenSSH".to_owned())
            }
            None => {
                return Err(KeyFileError::Malformed(
                    "certificate: neither PEM nor DER of one",
                ));
            }
        };
        return Err(wrong(&found));
    };
    let key = certificate.tbs_certificate().subject_public_key_info();
    let key = key.to_der().ok().and_then(|der| spki(&der).ok());
    Ok(FoundCertificate {
        der: der.to_vec(),
        public_key: key.map(|(_, point)| point),
    })
}

fn wrong(found: &Thing) -> KeyFileError {
    KeyFileError::no(found, "a certificate (X.509)")
}
