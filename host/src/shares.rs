//! Shares of a key: made on one device, restored on another, and the part of those who hold them,
//! which needs no TEE.
//!
//! A key's policy fixes for whom and how many ([`Creation::export_shares`]); [`Key::share`] gives
//! each holder's share, encrypted to it, and a manifest that the device signed.
//! [`claviger_proto::shares`] is the format. To restore, a device signs a request; each holder
//! checks manifest and request by the devices' public keys, which it has from elsewhere, opens its
//! share and encrypts it to the request, for the owner that it expects. Shares open under the
//! manifest that they were made with and no other, whoever signed that. Any k of them bring the key back, with all its versions,
//! its policy and its id. No share is ever in the clear in Linux but in its holder's hands.
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! use claviger::{Algorithm, Client, shares::{Holder, Manifest, Request}};
//! # use claviger::transport::emulator::Emulator;
//! # let client = Client::builder().emulator(Emulator::memory()).open()?;
//! # let other = Client::builder().emulator(Emulator::memory()).open()?;
//!
//! // Each of three holders keeps a key pair and gives its public key.
//! let holders = [Holder::generate()?, Holder::generate()?, Holder::generate()?];
//! let recipients = holders.each_ref().map(Holder::public_key);
//! let key = client
//!     .create("fleet/root")
//!     .algorithm(Algorithm::HkdfSha256)
//!     .export_shares(2, &recipients)
//!     .generate()?;
//! let shared = key.share(&recipients)?;
//! let device = client.device_key()?.public; // noted when the device was made
//!
//! // On another device, whose public key is known too:
//! let manifest = Manifest::verify(&shared.manifest, &device)?;
//! let restore = other.restore(&manifest)?;
//!
//! // Each holder, anywhere:
//! let request = Request::verify(restore.request(), &other.device_key()?.public)?;
//! let [first, _, third] = [0, 1, 2].map(|place| {
//!     let share = holders[place].open(&manifest, &shared.shares[place])?;
//!     // The request says whose the key will be; the holder knows whose it is to be.
//!     let owner = claviger::identity::uid_identity(claviger::identity::effective_uid());
//!     share.encrypt_to(&request, owner)
//! });
//!
//! restore.give(&first?)?;
//! let restored = restore.give(&third?)?.key.unwrap();
//! assert_eq!(restored.id, key.id());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nobody knows how often a version was used after it was shared. So whatever bounds one version counts
//! as reached: a restored key of GCM or CCM decrypts, and refuses `encrypt` (`UseLimit`) until it was
//! [rotated](Key::rotate); one that its policy has rotated after so many uses or bytes rotates at the
//! next. And it is another record than the one that was lost: wrapped copies of that one, and streams
//! and challenges begun with it, have ended.
//!
//! What it does not do: a set of shares cannot be revoked, and brings the key back as it was when
//! they were made, policy and all, whatever became of it since. A holder's own device sees its
//! share; k holders together have the key.
//!
//! [`Creation::export_shares`]: crate::Creation::export_shares

mod holder;
mod hpke;

use std::str::FromStr;

use claviger_proto::{
    Digits, limits,
    message::{
        RestoreCancelRequest, RestoreShareRequest, RestoreShareResponse, RestoreStartRequest,
        RestoreTrustAddRequest, RestoreTrustListRequest, RestoreTrustRemoveRequest, ShareRequest,
    },
    shares::{self, HASH, RestoreRequest, SEALED, split_signed},
};
use p256::ecdsa::signature::Verifier;
use sha2::{Digest, Sha256};

pub use self::holder::{Holder, Share};
use crate::{Client, Error, Key, PublicKey, error::ProtocolError};

/// Why a share, or what goes with it, is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The bytes are no signed manifest.
    #[error("these bytes are no manifest of shares")]
    NotAManifest,
    /// The bytes are no signed request.
    #[error("these bytes are no request for shares")]
    NotARequest,
    /// The bytes are no sealed share.
    #[error("these bytes are no share")]
    NotAShare,
    /// The device did not sign this.
    #[error("this is not signed by that device's key")]
    Signature,
    /// The request asks for other shares.
    #[error("the request is for another set of shares")]
    OtherSet,
    /// The request asks for these shares by another manifest: the key would get other attributes.
    #[error(
        "the request is by another manifest of this set: the key would not be what this manifest says"
    )]
    OtherManifest,
    /// The key would be another's.
    #[error("the request is for the key to be another owner's")]
    OtherOwner,
    /// The share does not open with this holder's key, or is not the one that the device made.
    #[error("the share is another holder's, of another set, or altered")]
    NotAuthentic,
    /// The bytes are no private key of X25519.
    #[error("this is no private key of X25519 (PKCS #8 in PEM)")]
    NotAKey,
    /// No random numbers.
    #[error("no random numbers")]
    Random,
}

/// What [`Key::share`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// One for each recipient, in their order.
    pub shares: Vec<SealedShare>,
    /// What goes along with every one of them: signed by the device, and no secret.
    pub manifest: Vec<u8>,
}

/// A share, encrypted to its holder or to a device that restores: no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedShare {
    /// Which share it is, from 1.
    pub index: u8,
    /// Encapsulated key, ciphertext and tag.
    pub sealed: Vec<u8>,
}

impl SealedShare {
    /// As a file: the index in one byte, then what is sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[self.index], &self.sealed[..]].concat()
    }

    /// Reads what [`SealedShare::to_bytes`] made.
    ///
    /// # Errors
    /// [`ShareError::NotAShare`].
    pub fn from_bytes(bytes: &[u8]) -> Result<SealedShare, ShareError> {
        match bytes {
            [index @ 1..=SHARES, sealed @ ..] if sealed.len() > SEALED => Ok(SealedShare {
                index: *index,
                sealed: sealed.to_vec(),
            }),
            _ => Err(ShareError::NotAShare),
        }
    }
}

const SHARES: u8 = limits::SHARES as u8;

/// A manifest that a device signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    signed: Vec<u8>,
    content: shares::Manifest,
    hash: [u8; HASH],
    attributes: [u8; HASH],
}

impl Manifest {
    /// Reads a manifest and checks that this device signed it.
    ///
    /// # Errors
    /// [`ShareError::NotAManifest`], [`ShareError::Signature`].
    pub fn verify(signed: &[u8], device: &PublicKey) -> Result<Manifest, ShareError> {
        let (covered, signature) = split_signed(signed).ok_or(ShareError::NotAManifest)?;
        let content = shares::Manifest::decode(covered).ok_or(ShareError::NotAManifest)?;
        verify(covered, signature, device, &content.device)?;
        let attributes = content.attributes().map_err(|_| ShareError::NotAManifest)?;
        Ok(Manifest {
            signed: signed.to_vec(),
            hash: Sha256::digest(covered).into(),
            attributes: Sha256::digest(attributes).into(),
            content,
        })
    }

    /// What the key is, and what each share must be.
    #[must_use]
    pub fn content(&self) -> &shares::Manifest {
        &self.content
    }
}

/// A request for shares that a device signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    content: RestoreRequest,
    hash: [u8; HASH],
}

impl Request {
    /// Reads a request and checks that this device signed it.
    ///
    /// # Errors
    /// [`ShareError::NotARequest`], [`ShareError::Signature`].
    pub fn verify(signed: &[u8], device: &PublicKey) -> Result<Request, ShareError> {
        let (covered, signature) = split_signed(signed).ok_or(ShareError::NotARequest)?;
        let content = RestoreRequest::decode(covered).ok_or(ShareError::NotARequest)?;
        verify(covered, signature, device, &content.device)?;
        Ok(Request {
            content,
            hash: Sha256::digest(covered).into(),
        })
    }

    /// Which shares are asked for, by whom, and who will own the key.
    #[must_use]
    pub fn content(&self) -> &RestoreRequest {
        &self.content
    }
}

/// Whether this device signed what names that one.
fn verify(
    covered: &[u8],
    signature: &[u8; shares::SIGNATURE],
    device: &PublicKey,
    named: &[u8; shares::DEVICE],
) -> Result<(), ShareError> {
    let raw = device.raw();
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&raw);
    let signature = p256::ecdsa::Signature::from_slice(signature);
    match (key, signature) {
        (Ok(key), Ok(signature)) if raw == named => key
            .verify(covered, &signature)
            .map_err(|_| ShareError::Signature),
        _ => Err(ShareError::Signature),
    }
}

impl Key {
    /// Gives out shares of all versions of the key to the recipients that its policy fixed, in the
    /// order in which it did. Each call makes a new set; shares of different sets do not combine.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotExportable` for a key whose policy does not share it,
    /// `WrongRecipients`, `WrongState` unless it is active, `AdministratorOnly` for another's key.
    pub fn share(&self, recipients: &[PublicKey]) -> Result<Shared, Error> {
        let keys: Vec<u8> = recipients.iter().flat_map(PublicKey::raw).collect();
        let request = ShareRequest {
            key: self.reference(),
        };
        let client = self.client();
        client.call(&request, &[&keys], |response, payload| {
            let length = response.length as usize;
            let all = length.saturating_mul(response.shares.into());
            let (shares, manifest) = payload
                .split_at_checked(all)
                .filter(|_| length > SEALED)
                .ok_or(ProtocolError::Payload {
                    command: "share",
                    length: payload.len(),
                })?;
            let shares = (1..).zip(shares.chunks_exact(length));
            Ok(Shared {
                shares: shares
                    .map(|(index, sealed)| SealedShare {
                        index,
                        sealed: sealed.to_vec(),
                    })
                    .collect(),
                manifest: manifest.to_vec(),
            })
        })
    }
}

impl Client {
    /// Begins to restore a key as the caller's, under its label. The device that shared it is the
    /// one by whose key the manifest was verified: a forged one's key would be known to the
    /// forger.
    ///
    /// # Errors
    /// [`Error::Ta`] with `UntrustedDevice` where the vault is locked and uid 0 did not name that
    /// device before ([`Client::restore_trust_add`]), `AlreadyExists` if the label is taken, `BadPolicy` if the key granted the
    /// caller something, `QuotaExceeded` if the caller restores another already, `Busy`;
    /// [`Error::Restarted`].
    pub fn restore(&self, manifest: &Manifest) -> Result<Restore, Error> {
        let request = RestoreStartRequest {
            device: fingerprint(&manifest.content.device),
        };
        self.call(&request, &[&manifest.signed], |response, request| {
            Ok(Restore {
                client: self.clone(),
                id: response.restore,
                request: request.to_vec(),
            })
        })
    }

    /// Names a device whose manifests of shares a locked vault believes, beside this one's own; for
    /// uid 0, before the lock. One that was named before stays.
    ///
    /// # Errors
    /// [`Error::PublicKey`] for another key than one of P-256; [`Error::Ta`] with `Locked`,
    /// `TrustFull`, `AdministratorOnly` or a status of the store.
    pub fn restore_trust_add(&self, device: &PublicKey) -> Result<(), Error> {
        let raw = device.raw().try_into().map_err(|_| Error::PublicKey)?;
        let device = fingerprint(&raw);
        self.ask(&RestoreTrustAddRequest { device }).map(drop)
    }

    /// The fingerprints of the devices that were named: SHA-256 of their keys'
    /// SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`Error::Ta`] with a status of the store.
    pub fn restore_trust_list(&self) -> Result<Vec<Digits<32>>, Error> {
        let response = self.ask(&RestoreTrustListRequest {})?;
        Ok(response.devices.to_vec())
    }

    /// Takes a device off the list; for uid 0, before the lock.
    ///
    /// # Errors
    /// [`Error::Ta`] with `Locked`, `NotTrusted`, `AdministratorOnly` or a status of the store.
    pub fn restore_trust_remove(&self, device: Digits<32>) -> Result<(), Error> {
        self.ask(&RestoreTrustRemoveRequest { device }).map(drop)
    }

    /// Gives a share to a restore that was begun elsewhere, by this caller.
    ///
    /// # Errors
    /// [`Error::Name`] for what is no name of a restore; those of [`Restore::give`].
    pub fn restore_share(
        &self,
        restore: &str,
        share: &SealedShare,
    ) -> Result<RestoreShareResponse, Error> {
        self.give(parse(restore)?, share)
    }

    /// Forgets the shares that were given to a restore; uid 0 may end anyone's.
    ///
    /// # Errors
    /// [`Error::Name`] for what is no name of a restore; [`Error::Ta`] with `NoCeremony`.
    pub fn restore_cancel(&self, restore: &str) -> Result<(), Error> {
        let restore = parse(restore)?;
        self.ask(&RestoreCancelRequest { restore }).map(drop)
    }

    fn give(&self, restore: Digits<8>, share: &SealedShare) -> Result<RestoreShareResponse, Error> {
        let request = RestoreShareRequest {
            restore,
            index: share.index,
        };
        self.call(&request, &[&share.sealed], |response, _| Ok(response))
    }
}

fn fingerprint(device: &[u8; shares::DEVICE]) -> Digits<32> {
    let hash = Sha256::new()
        .chain_update(shares::SPKI)
        .chain_update(device);
    Digits(hash.finalize().into())
}

fn parse(restore: &str) -> Result<Digits<8>, Error> {
    Digits::from_str(restore).map_err(|source| Error::name(restore, source))
}

/// A key that waits for its shares, for an hour.
#[derive(Debug, Clone)]
pub struct Restore {
    client: Client,
    id: Digits<8>,
    request: Vec<u8>,
}

impl Restore {
    /// What [`Client::restore_share`] and [`Client::restore_cancel`] name it by.
    #[must_use]
    pub fn id(&self) -> Digits<8> {
        self.id
    }

    /// What each holder gets: [`Request::verify`] reads it.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Gives a share that its holder encrypted to this restore; with the last that is wanted, the
    /// key is there. What is refused costs nothing of what was given before.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotAuthentic` for a share of another set, altered, or encrypted to
    /// something else, `AlreadyEntered`, `NoCeremony` when its time is over, or those of keeping
    /// the key; [`Error::Restarted`], which ends it.
    pub fn give(&self, share: &SealedShare) -> Result<RestoreShareResponse, Error> {
        self.client.give(self.id, share)
    }

    /// Forgets the shares that were given.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NoCeremony`.
    pub fn cancel(self) -> Result<(), Error> {
        let restore = self.id;
        self.client.ask(&RestoreCancelRequest { restore }).map(drop)
    }
}
