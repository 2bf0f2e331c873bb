//! Who began a blob: only the same caller goes on with it.
//!
//! ```text
//! nonce = r || first 6 bytes of CMAC(K, header with nonce r || 6 zeros || caller)
//! r     = 10 random bytes
//! K     = KDF(secret of the vault, "claviger blob v1", vault id)
//! ```
//!
//! Otherwise whoever may seal and not unseal could put chunks of his own behind another's, and try
//! guesses of a chunk on a blob that he has. A deterministic blob has no nonce: there he can.

use aes::Aes256Enc;
use claviger_proto::{
    Identity, Status,
    blob::{Header, Suite},
};
use cmac::{Cmac, KeyInit, Mac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    keyring::{InUse, Keyring},
    nonces::Nonces,
    platform::Platform,
    session::Caller,
};

/// Random bytes of a nonce.
const RANDOM: usize = 10;
/// The others: who began the blob.
const PROOF: usize = 6;

/// Who seals, as the nonces of his blobs tell it.
pub(super) struct Author {
    caller: Identity,
    key: Zeroizing<[u8; 32]>,
}

impl Author {
    /// This caller.
    ///
    /// # Errors
    /// That of a caller without identity; the status of opening the vault.
    pub(super) fn new<P: Platform>(
        keyring: &mut Keyring<P>,
        platform: &mut P,
        caller: &Caller,
    ) -> Result<Self, Status> {
        Ok(Author {
            caller: caller.identity()?,
            key: keyring.vault.blob_key(platform)?,
        })
    }

    /// The header of a blob that begins now; `chunk` is the plaintext bytes of each chunk.
    ///
    /// # Errors
    /// [`Status::WrongUsage`] if keys of that algorithm do not seal; [`Status::RandomFailed`].
    pub(super) fn begin(
        &self,
        nonces: &mut Nonces,
        platform: &mut impl Platform,
        key: &InUse<'_>,
        (deterministic, chunk): (bool, u32),
    ) -> Result<Header, Status> {
        let mut header = Header {
            suite: Suite::of(key.algorithm()?).ok_or(Status::WrongUsage)?,
            deterministic,
            key: key.id(),
            version: key.version(),
            chunk,
            nonce: [0; RANDOM + PROOF],
        };
        if !deterministic {
            header.nonce = self.nonce(header, nonces.next(platform)?)?;
        }
        Ok(header)
    }

    /// The header of a blob that this caller began before with this key, so.
    ///
    /// # Errors
    /// [`Status::BadPayload`]; [`Status::Superseded`]: a version that was rotated away seals
    /// nothing more, not even the rest of a blob.
    pub(super) fn continued(
        &self,
        bytes: &[u8],
        key: &InUse<'_>,
        (deterministic, chunk): (bool, u32),
    ) -> Result<Header, Status> {
        let header = Header::decode(bytes).map_err(|_| Status::BadPayload)?;
        let ours = Suite::of(key.algorithm()?) == Some(header.suite)
            && header.key == key.id()
            && (header.deterministic, header.chunk) == (deterministic, chunk);
        if !ours || header.version > key.version() {
            return Err(Status::BadPayload);
        }
        if !deterministic {
            let (random, _) = header.nonce.split_first_chunk().ok_or(Status::Internal)?;
            let nonce = self.nonce(header, *random)?;
            if !bool::from(nonce.ct_eq(&header.nonce)) {
                return Err(Status::BadPayload);
            }
        }
        if header.version < key.version() {
            return Err(Status::Superseded);
        }
        Ok(header)
    }

    fn nonce(
        &self,
        mut header: Header,
        random: [u8; RANDOM],
    ) -> Result<[u8; RANDOM + PROOF], Status> {
        header.nonce = [0; RANDOM + PROOF];
        let (front, _) = header.nonce.split_at_mut(RANDOM);
        front.copy_from_slice(&random);
        let tag = Cmac::<Aes256Enc>::new_from_slice(self.key.as_slice())
            .map_err(|_| Status::Internal)?
            .chain_update(header.encode())
            .chain_update([self.caller.login as u8])
            .chain_update(self.caller.id.0)
            .finalize()
            .into_bytes();
        let (_, proof) = header.nonce.split_at_mut(RANDOM);
        for (place, byte) in proof.iter_mut().zip(tag) {
            *place = byte;
        }
        Ok(header.nonce)
    }
}
