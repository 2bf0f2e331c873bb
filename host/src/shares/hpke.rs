//! HPKE (RFC 9180) as shares use it: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM, no associated data.

use std::convert::Infallible;

use ::hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable,
    aead::{AeadTag, AesGcm256},
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    single_shot_open_inout_detached, single_shot_seal_inout_detached_with_rng,
};
use claviger_proto::shares::{ENCAPSULATED, PUBLIC, TAG};
use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use super::ShareError;

type Suite = X25519HkdfSha256;

pub(super) fn random() -> Result<Zeroizing<[u8; 32]>, ShareError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| ShareError::Random)?;
    Ok(bytes)
}

pub(super) fn public_key(private: &[u8; 32]) -> [u8; PUBLIC] {
    // Any 32 bytes are a private key of X25519.
    let private = <Suite as Kem>::PrivateKey::from_bytes(private).expect("32 bytes");
    Suite::sk_to_pk(&private).to_bytes().into()
}

/// Encapsulated key, ciphertext, tag.
pub(super) fn seal(
    recipient: &[u8; PUBLIC],
    info: &[u8],
    text: &[u8],
) -> Result<Vec<u8>, ShareError> {
    let recipient = <Suite as Kem>::PublicKey::from_bytes(recipient);
    let recipient = recipient.map_err(|_| ShareError::NotARequest)?;
    let mut sealed = vec![0; ENCAPSULATED];
    sealed.extend(text);
    let (front, ciphertext) = sealed.split_at_mut(ENCAPSULATED);
    let (encapsulated, tag) =
        single_shot_seal_inout_detached_with_rng::<AesGcm256, HkdfSha256, Suite>(
            &OpModeS::Base,
            &recipient,
            info,
            ciphertext.into(),
            b"",
            &mut Drawn(random()?),
        )
        .map_err(|_| ShareError::NotARequest)?;
    front.copy_from_slice(&encapsulated.to_bytes());
    sealed.extend(tag.to_bytes());
    Ok(sealed)
}

pub(super) fn open(
    private: &[u8; 32],
    info: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, ShareError> {
    let (encapsulated, rest) = sealed
        .split_first_chunk::<ENCAPSULATED>()
        .ok_or(ShareError::NotAShare)?;
    let (ciphertext, tag) = rest
        .split_last_chunk::<TAG>()
        .ok_or(ShareError::NotAShare)?;
    let private = <Suite as Kem>::PrivateKey::from_bytes(private);
    let encapsulated = <Suite as Kem>::EncappedKey::from_bytes(encapsulated);
    let tag = AeadTag::<AesGcm256>::from_bytes(tag);
    let mut text = Zeroizing::new(ciphertext.to_vec());
    single_shot_open_inout_detached::<AesGcm256, HkdfSha256, Suite>(
        &OpModeR::Base,
        &private.map_err(|_| ShareError::NotAKey)?,
        &encapsulated.map_err(|_| ShareError::NotAShare)?,
        info,
        text.as_mut_slice().into(),
        b"",
        &tag.map_err(|_| ShareError::NotAShare)?,
    )
    .map_err(|_| ShareError::NotAuthentic)?;
    Ok(text)
}

/// Random numbers that were drawn before, since the crate takes no source that can fail: it asks
/// for 32 bytes, once.
struct Drawn(Zeroizing<[u8; 32]>);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("an ephemeral key is drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("an ephemeral key is drawn as bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(self.0.as_slice());
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
