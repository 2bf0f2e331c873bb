//! Ratcheted keys.

use aes::{Aes128, Aes256};
use claviger_proto::{
    limits,
    ratchet::{EPOCH_LABEL, KEY_LABEL, LABEL, TOKEN, Token},
};
use cmac::{Cmac, KeyInit, Mac};
use zeroize::Zeroizing;

use super::{
    AuthorityError,
    derive::{from_128_to_16, from_256_to_32},
};

/// The other holder of a ratcheted key ([`claviger_proto::ratchet`]): steps as the device does,
/// with no message between them.
///
/// ```
/// use claviger::{Algorithm, Client, authority::Ratchet};
/// # #[cfg(feature = "emulator")] {
/// # use claviger::transport::emulator::Emulator;
/// # let client = Client::builder().emulator(Emulator::memory()).open()?;
/// let secret = [7; 32];
/// let device = client
///     .create("uplink")
///     .algorithm(Algorithm::Aes256Cmac)
///     .ratchet()
///     .import(&secret)?;
/// let mut server = Ratchet::new(&secret)?;
///
/// server.step()?;
/// let device = device.rotate()?; //              each on its own
/// assert_eq!(device.description().version, server.version());
///
/// let token = server.token(40)?; //              the device slept through some epochs
/// server.catch_up_to(40)?;
/// assert_eq!(device.catch_up(&token)?, 40);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is not promised
/// That a step destroys what it started from holds for this value; what was copied from it, and
/// what [`Ratchet::at`] was given, are the caller's to wipe.
#[derive(Clone)]
pub struct Ratchet {
    version: u32,
    chain: Chain,
}

/// K(n).
#[derive(Clone)]
enum Chain {
    Short(Zeroizing<[u8; 16]>),
    Long(Zeroizing<[u8; 32]>),
}

impl Ratchet {
    /// At version 1, with the secret that the device was given: 16 or 32 bytes.
    ///
    /// # Errors
    /// [`AuthorityError::KeyLength`].
    pub fn new(secret: &[u8]) -> Result<Ratchet, AuthorityError> {
        Ratchet::at(1, secret)
    }

    /// At a version that was reached before, with what [`Ratchet::chain_key`] was then.
    ///
    /// # Errors
    /// [`AuthorityError::KeyLength`]; [`AuthorityError::Version`] for 0.
    pub fn at(version: u32, chain_key: &[u8]) -> Result<Ratchet, AuthorityError> {
        let chain = if let Ok(key) = chain_key.try_into() {
            Chain::Short(Zeroizing::new(key))
        } else if let Ok(key) = chain_key.try_into() {
            Chain::Long(Zeroizing::new(key))
        } else {
            return Err(AuthorityError::KeyLength(chain_key.len()));
        };
        if version == 0 {
            return Err(AuthorityError::Version(version));
        }
        Ok(Ratchet { version, chain })
    }

    /// The version, or epoch, that it is at.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// K(n), to be kept, as secret as it is, until [`Ratchet::at`].
    #[must_use]
    pub fn chain_key(&self) -> &[u8] {
        self.chain.bytes()
    }

    /// W(n), which does the work: the key of MACs, or the parent of [`child`](super::child).
    #[must_use]
    pub fn working_key(&self) -> Zeroizing<Vec<u8>> {
        let key = self.chain.derive(KEY_LABEL, self.version);
        Zeroizing::new(key.bytes().to_vec())
    }

    /// Steps to the next version, and destroys this one.
    ///
    /// # Errors
    /// [`AuthorityError::Version`] past the last number.
    pub fn step(&mut self) -> Result<(), AuthorityError> {
        let next = self
            .version
            .checked_add(1)
            .ok_or(AuthorityError::Version(self.version))?;
        self.chain = self.chain.derive(LABEL, next);
        self.version = next;
        Ok(())
    }

    /// Steps to this version.
    ///
    /// # Errors
    /// [`AuthorityError::Version`] if it is not ahead.
    pub fn catch_up_to(&mut self, version: u32) -> Result<(), AuthorityError> {
        if version <= self.version {
            return Err(AuthorityError::Version(version));
        }
        while self.version < version {
            self.step()?;
        }
        Ok(())
    }

    /// A token that takes a device that is at this version to a later one: at most
    /// [`limits::CATCH_UP`] steps.
    ///
    /// # Errors
    /// [`AuthorityError::Version`] if it is not ahead, or too far.
    pub fn token(&self, to: u32) -> Result<[u8; TOKEN], AuthorityError> {
        let steps = to.checked_sub(self.version);
        if !steps.is_some_and(|steps| (1..=limits::CATCH_UP).contains(&steps)) {
            return Err(AuthorityError::Version(to));
        }
        let key = self.chain.derive(EPOCH_LABEL, self.version);
        let tag = key.cmac(&Token::covered(self.version, to));
        let from = self.version;
        Ok(Token { from, to, tag }.encode())
    }
}

impl Chain {
    fn bytes(&self) -> &[u8] {
        match self {
            Chain::Short(key) => &**key,
            Chain::Long(key) => &**key,
        }
    }

    /// KDF(K, label, `[version]_32`), as long as K.
    fn derive(&self, label: &[u8], version: u32) -> Chain {
        let context = version.to_be_bytes();
        match self {
            Chain::Short(key) => Chain::Short(from_128_to_16(key, label, &context)),
            Chain::Long(key) => Chain::Long(from_256_to_32(key, label, &context)),
        }
    }

    fn cmac(&self, message: &[u8]) -> [u8; 16] {
        match self {
            Chain::Short(key) => {
                let mac = Cmac::<Aes128>::new((&**key).into());
                mac.chain_update(message).finalize().into_bytes().into()
            }
            Chain::Long(key) => {
                let mac = Cmac::<Aes256>::new((&**key).into());
                mac.chain_update(message).finalize().into_bytes().into()
            }
        }
    }
}

impl std::fmt::Debug for Ratchet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ratchet")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
