//! Signatures, checked with public keys: without the TEE.

use std::io::Read;

use claviger_proto::{Algorithm, Status};
use ed25519_dalek::VerifyingKey;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{
    Sha256, Sha384, Sha512,
    digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update, array::Array, consts::U64},
};

use super::{
    public::Inner,
    sign::{PIECE, digest, digest_len},
    stream::Pieces,
};
use crate::{Error, Key, PublicKey};

/// What a signature was made over.
#[derive(Debug)]
#[non_exhaustive]
pub enum Signed<R> {
    /// A message, of any size.
    Message(R),
    /// A message, as Ed25519ph.
    Prehashed(R),
    /// The digest of a message that [`Key::sign_digest`] takes.
    Digest(Vec<u8>),
}

impl PublicKey {
    /// Checks a signature over a message: DER or r || s for ECDSA, 64 bytes for Ed25519, as
    /// [`Signature`](crate::Signature) has them.
    ///
    /// # Errors
    /// As [`PublicKey::verify_stream`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        self.verify_stream(Signed::Message(message), signature)
    }

    /// Checks a signature over a stream, in constant memory.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotAuthentic` if it is not one of this key over this, `WrongUsage` if
    /// keys of this algorithm make no signatures, `UnsupportedUsage` for [`Signed::Prehashed`] with
    /// another key than one of Ed25519, `BadPayload` for a digest of another length;
    /// [`Error::Stream`] if reading fails.
    pub fn verify_stream(&self, signed: Signed<impl Read>, signature: &[u8]) -> Result<(), Error> {
        verify_any(&[self], signed, signature).map(drop)
    }
}

impl Key {
    /// Checks a signature of this key, outside the TEE; says which version made it. Without a version,
    /// all that are not retired are tried.
    ///
    /// # Errors
    /// As [`PublicKey::verify_stream`] and [`Key::public_key_of`].
    pub fn verify_signature_stream(
        &self,
        version: Option<u32>,
        signed: Signed<impl Read>,
        signature: &[u8],
    ) -> Result<u32, Error> {
        let versions = match version {
            Some(version) => vec![version],
            // The newest is the likeliest.
            None => self.description.versions.iter().rev().copied().collect(),
        };
        let keys = versions.iter().map(|version| self.public_key_of(*version));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<_> = keys.iter().collect();
        let place = verify_any(&keys, signed, signature)?;
        versions.get(place).copied().ok_or(NOT_AUTHENTIC)
    }
}

const NOT_AUTHENTIC: Error = Error::Ta(Status::NotAuthentic);

/// Which of these keys, all of one algorithm, made the signature. What is signed is read once.
fn verify_any(
    keys: &[&PublicKey],
    signed: Signed<impl Read>,
    signature: &[u8],
) -> Result<usize, Error> {
    let Some(first) = keys.first() else {
        return Err(Error::Ta(Status::WrongState));
    };
    let algorithm = first.algorithm();
    let length = digest_len(algorithm).ok_or(Error::Ta(Status::WrongUsage))?;
    let digest = match (signed, algorithm) {
        (Signed::Digest(digest), _) if digest.len() != length => {
            return Err(Error::Ta(Status::BadPayload));
        }
        (Signed::Digest(digest), _) => digest,
        (Signed::Prehashed(input), Algorithm::Ed25519) => digest::<Sha512>(input)?,
        (Signed::Prehashed(_), _) => return Err(Error::Ta(Status::UnsupportedUsage)),
        (Signed::Message(input), Algorithm::EcdsaP256) => digest::<Sha256>(input)?,
        (Signed::Message(input), Algorithm::EcdsaP384) => digest::<Sha384>(input)?,
        (Signed::Message(input), _) => return stream(keys, input, signature),
    };
    let made = |key: &&PublicKey| is_signature(key, &digest, signature);
    keys.iter().position(made).ok_or(NOT_AUTHENTIC)
}

/// As [`verify_any`], of Ed25519 over the message itself.
fn stream(keys: &[&PublicKey], input: impl Read, signature: &[u8]) -> Result<usize, Error> {
    let signature = ed25519_dalek::Signature::from_slice(signature).ok();
    let begin = |key: &&PublicKey| match (&key.inner, &signature) {
        (Inner::Ed25519(key), Some(signature)) => key.verify_stream(signature).ok(),
        _ => None,
    };
    let mut all: Vec<_> = keys.iter().map(begin).collect();
    let mut pieces = Pieces::new(input, PIECE);
    while let Some((piece, _)) = pieces.next()? {
        for one in all.iter_mut().flatten() {
            one.update(piece);
        }
    }
    let made = all
        .into_iter()
        .position(|one| one.is_some_and(|one| one.finalize_and_verify().is_ok()));
    made.ok_or(NOT_AUTHENTIC)
}

/// Whether it is a signature over this digest, in either form of ECDSA's.
fn is_signature(key: &PublicKey, digest: &[u8], signature: &[u8]) -> bool {
    match &key.inner {
        Inner::P256(key) => {
            let key = p256::ecdsa::VerifyingKey::from(key);
            let forms = [
                p256::ecdsa::Signature::from_der(signature),
                p256::ecdsa::Signature::from_slice(signature),
            ];
            let mut forms = forms.into_iter().flatten();
            forms.any(|form| key.verify_prehash(digest, &form).is_ok())
        }
        Inner::P384(key) => {
            let key = p384::ecdsa::VerifyingKey::from(key);
            let forms = [
                p384::ecdsa::Signature::from_der(signature),
                p384::ecdsa::Signature::from_slice(signature),
            ];
            let mut forms = forms.into_iter().flatten();
            forms.any(|form| key.verify_prehash(digest, &form).is_ok())
        }
        Inner::Ed25519(key) => is_prehashed(key, digest, signature),
        Inner::X25519(_) | Inner::Kem(_) => false,
    }
}

fn is_prehashed(key: &VerifyingKey, digest: &[u8], signature: &[u8]) -> bool {
    let Ok(digest) = <[u8; 64]>::try_from(digest) else {
        return false;
    };
    ed25519_dalek::Signature::from_slice(signature).is_ok_and(|signature| {
        key.verify_prehashed_strict(Digested(Array(digest)), None, &signature)
            .is_ok()
    })
}

/// A digest that was computed elsewhere, where the library asks for the hash function.
#[derive(Default)]
struct Digested(Array<u8, U64>);

impl HashMarker for Digested {}

impl OutputSizeUser for Digested {
    type OutputSize = U64;
}

impl Update for Digested {
    fn update(&mut self, _data: &[u8]) {}
}

impl FixedOutput for Digested {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}
