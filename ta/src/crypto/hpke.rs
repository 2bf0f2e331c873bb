//! HPKE (RFC 9180): encryption to a public key, in base mode and for one text, with
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM.
//!
//! What is sealed is confidential to the holder of the private key; who sealed it nobody can tell.
//! RFC 9180's ciphertext is the sealed text and its tag after it.

use core::convert::Infallible;

use ::hpke::{
    Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable,
    aead::{AeadTag, AesGcm256},
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    single_shot_open_inout_detached, single_shot_seal_inout_detached_with_rng,
};
use claviger_proto::Status;
use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use crate::platform::{Platform, random};

// The keys of this KEM are those of X25519 (RFC 9180, section 7.1).
pub use crate::crypto::{
    aead::TAG,
    ecdh::x25519::{generate, public_key},
};

/// Bytes of an encapsulated key.
pub const ENC: usize = 32;

/// What goes along with a sealed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// The encapsulated key: an ephemeral public key of X25519.
    pub enc: [u8; ENC],
    /// The tag.
    pub tag: [u8; TAG],
}

/// Seals `text` in place to a recipient's public key.
///
/// # Errors
/// [`Status::BadPublicKey`] if the key has not 32 bytes or is of small order (RFC 9180, section
/// 7.1.4), with `text` as it was; [`Status::RandomFailed`], the same.
pub fn seal(
    platform: &mut impl Platform,
    recipient: &[u8],
    info: &[u8],
    associated: &[u8],
    text: &mut [u8],
) -> Result<Sealed, Status> {
    let ephemeral = Zeroizing::new(random(platform)?);
    seal_with(&ephemeral, recipient, info, associated, text)
}

/// Seals with the ephemeral key pair that `DeriveKeyPair` (RFC 9180, section 7.1.3) makes of
/// these bytes.
///
/// # Errors
/// As [`seal`].
#[inline(never)]
pub(crate) fn seal_with(
    ephemeral: &[u8; 32],
    recipient: &[u8],
    info: &[u8],
    associated: &[u8],
    text: &mut [u8],
) -> Result<Sealed, Status> {
    type Suite = X25519HkdfSha256;
    let recipient = <Suite as Kem>::PublicKey::from_bytes(recipient);
    let recipient = recipient.map_err(|_| Status::BadPublicKey)?;
    let mut source = Once {
        bytes: Some(ephemeral),
        misused: false,
    };
    let sealed = single_shot_seal_inout_detached_with_rng::<AesGcm256, HkdfSha256, Suite>(
        &OpModeS::Base,
        &recipient,
        info,
        (&mut *text).into(),
        associated,
        &mut source,
    );
    if source.misused {
        text.fill(0);
        return Err(Status::Internal);
    }
    match sealed {
        Ok((enc, tag)) => Ok(Sealed {
            enc: enc.to_bytes().into(),
            tag: tag.to_bytes().into(),
        }),
        Err(HpkeError::EncapError) => Err(Status::BadPublicKey),
        Err(_) => Err(Status::Internal),
    }
}

/// Opens `text` in place with a private key of 32 bytes.
///
/// # Errors
/// [`Status::NotAuthentic`], with `text` as it was; [`Status::Internal`] if the private key has
/// another length.
#[inline(never)]
pub fn open(
    private: &[u8],
    info: &[u8],
    associated: &[u8],
    text: &mut [u8],
    sealed: &Sealed,
) -> Result<(), Status> {
    type Suite = X25519HkdfSha256;
    let private = <Suite as Kem>::PrivateKey::from_bytes(private).map_err(|_| Status::Internal)?;
    let enc = <Suite as Kem>::EncappedKey::from_bytes(&sealed.enc);
    let tag = AeadTag::<AesGcm256>::from_bytes(&sealed.tag);
    single_shot_open_inout_detached::<AesGcm256, HkdfSha256, Suite>(
        &OpModeR::Base,
        &private,
        &enc.map_err(|_| Status::Internal)?,
        info,
        text.into(),
        associated,
        &tag.map_err(|_| Status::Internal)?,
    )
    .map_err(|_| Status::NotAuthentic)
}

/// A random source of 32 bytes that were drawn before: the crate takes none that can fail. It asks
/// for these, once.
struct Once<'a> {
    bytes: Option<&'a [u8; 32]>,
    misused: bool,
}

impl TryRng for Once<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.misused = true;
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.misused = true;
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        match self.bytes.take() {
            Some(bytes) if out.len() == bytes.len() => out.copy_from_slice(bytes),
            _ => self.misused = true,
        }
        Ok(())
    }
}

impl TryCryptoRng for Once<'_> {}
