//! The other side, for whoever has no TEE: a fleet's server, a test. Software only: keys lie in
//! this process's memory.
//!
//! | what | here | on the device |
//! |---|---|---|
//! | mutual authentication ([`claviger_proto::auth`]) | [`SharedKey`] | [`Key::respond`](crate::Key::respond), [`Key::confirm`](crate::Key::confirm) |
//! | rotation without connectivity ([`claviger_proto::ratchet`]) | [`Ratchet`] | [`Key::rotate`](crate::Key::rotate), [`Key::catch_up`](crate::Key::catch_up) |
//! | children of derivation keys | [`child`] | [`Key::child`](crate::Key::child) |
//! | keys of several sources | [`combine`](fn@combine) | [`Creation::combine`](crate::Creation::combine) |
//!
//! The key of mutual authentication on the device is one with usage
//! [`Usage::Challenge`](claviger_proto::Usage::Challenge).
//!
//! ```
//! use claviger::{Algorithm, Client, Usage, authority::SharedKey};
//! # #[cfg(feature = "emulator")] {
//! # use claviger::transport::emulator::Emulator;
//! # let client = Client::builder().emulator(Emulator::memory()).open()?;
//! let secret = [7; 16]; // known to the fleet's server, and imported when the device was made
//! let device = client
//!     .create("fleet")
//!     .algorithm(Algorithm::Aes128Cmac)
//!     .usage(Usage::Challenge)
//!     .import(&secret)?;
//! let server = SharedKey::new(&secret)?;
//!
//! let (pending, m1) = server.challenge("server", "device-17")?;
//! let m2 = device.respond("device-17", "server", &m1)?; //  on the device
//! let (_session_key, m3) = pending.confirm(&m2)?; //        the device is authentic
//! assert_eq!(device.confirm(&m3)?.peer.as_str(), "server"); // and knows the server
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod combine;
mod derive;
mod ratchet;

use aes::{Aes128, Aes256};
use claviger_proto::{
    Algorithm, Label, PartyName, Status,
    auth::{self, Exchange, Message, NONCE, Proof, TAG},
    name::NameError,
};
use cmac::{Cmac, KeyInit, Mac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use self::derive::{from_128_to_16, from_128_to_32, from_256_to_32};
pub use self::{
    combine::{Source, combine},
    derive::{Role, child},
    ratchet::Ratchet,
};
use crate::SessionKey;

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// No key of this kind has so many bytes.
    #[error("such a key does not have {0} bytes")]
    KeyLength(usize),
    /// Keys of this algorithm derive nothing, or are not derived.
    #[error("{} keys have no part in derivation", .0.name())]
    Algorithm(Algorithm),
    /// More than a device takes.
    #[error("1 to 4 sources, at most 1024 bytes each of salt and info, 1 to 64 bytes derived")]
    Limit,
    /// The ratchet is at this version already, or past it, or it is further ahead than one call
    /// catches up.
    #[error("version {0} cannot be reached from here")]
    Version(u32),
    /// A name that nobody can have.
    #[error("{text:?} is no name: {source}")]
    Name {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// Both sides have this name: either could be answered with what it said itself.
    #[error("the two sides of an exchange have two names, not {0:?} twice")]
    SameName(String),
    /// The bytes are not the message that is due now.
    #[error("this is not the message that is due now")]
    Message,
    /// The other side does not hold the key, is not who it should be, or answers something else.
    #[error("the other side is not authentic")]
    NotAuthentic,
    /// No random numbers.
    #[error("no random numbers")]
    Random(#[source] getrandom::Error),
}

impl AuthorityError {
    /// The status that the trusted application has for this, if it has one.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match self {
            AuthorityError::KeyLength(_) => Some(Status::BadKey),
            AuthorityError::Algorithm(_) => Some(Status::UnsupportedUsage),
            AuthorityError::Message | AuthorityError::Limit => Some(Status::BadPayload),
            AuthorityError::Version(_) => Some(Status::NoSuchVersion),
            AuthorityError::NotAuthentic => Some(Status::NotAuthentic),
            AuthorityError::Random(_) => Some(Status::RandomFailed),
            AuthorityError::SameName(_) => Some(Status::BadHeader),
            AuthorityError::Name { .. } => None,
        }
    }
}

/// A key that is shared with a device, ready for exchanges: what it keeps is derived from it.
pub struct SharedKey {
    exchange: ExchangeKey,
}

/// K'.
#[derive(Clone)]
enum ExchangeKey {
    Aes128(Zeroizing<[u8; 16]>),
    Aes256(Zeroizing<[u8; 32]>),
}

/// A challenge that was sent, and awaits its answer.
#[must_use = "the answer is confirmed with this"]
pub struct Challenger {
    key: ExchangeKey,
    me: PartyName,
    peer: PartyName,
    nonce: [u8; NONCE],
}

/// A challenge that was answered, and awaits the challenger's proof.
#[must_use = "the challenger's proof is confirmed with this"]
pub struct Responder {
    key: ExchangeKey,
    exchange: Exchange,
}

impl SharedKey {
    /// A key of 16 (`aes-128-cmac`) or 32 bytes (`aes-256-cmac`).
    ///
    /// # Errors
    /// [`AuthorityError::KeyLength`] for any other length.
    pub fn new(key: &[u8]) -> Result<SharedKey, AuthorityError> {
        let exchange = if let Ok(key) = key.try_into() {
            ExchangeKey::Aes128(from_128_to_16(key, auth::LABEL, b""))
        } else if let Ok(key) = key.try_into() {
            ExchangeKey::Aes256(from_256_to_32(key, auth::LABEL, b""))
        } else {
            return Err(AuthorityError::KeyLength(key.len()));
        };
        Ok(SharedKey { exchange })
    }

    /// Begins an exchange: `me` wants `peer` to prove itself. Gives what awaits the answer, and
    /// M1, which goes to the peer.
    ///
    /// # Errors
    /// [`AuthorityError::Name`], [`AuthorityError::SameName`], [`AuthorityError::Random`].
    pub fn challenge(&self, me: &str, peer: &str) -> Result<(Challenger, Vec<u8>), AuthorityError> {
        let (me, peer) = parties(me, peer)?;
        Ok(self.challenge_with(me, peer, nonce()?))
    }

    /// Answers M1: gives what awaits the challenger's proof, and M2, which goes to the challenger.
    ///
    /// # Errors
    /// [`AuthorityError::Name`], [`AuthorityError::SameName`], [`AuthorityError::Random`];
    /// [`AuthorityError::Message`] if `message` is no M1.
    pub fn respond(
        &self,
        me: &str,
        peer: &str,
        message: &[u8],
    ) -> Result<(Responder, Vec<u8>), AuthorityError> {
        let (me, peer) = parties(me, peer)?;
        self.respond_with(me, peer, message, nonce()?)
    }

    fn challenge_with(
        &self,
        me: PartyName,
        peer: PartyName,
        nonce: [u8; NONCE],
    ) -> (Challenger, Vec<u8>) {
        let message = Message::Challenge {
            challenger_nonce: nonce,
        }
        .encode()
        .to_vec();
        (
            Challenger {
                key: self.exchange.clone(),
                me,
                peer,
                nonce,
            },
            message,
        )
    }

    fn respond_with(
        &self,
        me: PartyName,
        peer: PartyName,
        message: &[u8],
        nonce: [u8; NONCE],
    ) -> Result<(Responder, Vec<u8>), AuthorityError> {
        let Ok(Message::Challenge { challenger_nonce }) = Message::decode(message) else {
            return Err(AuthorityError::Message);
        };
        let exchange = Exchange {
            challenger: peer,
            responder: me,
            challenger_nonce,
            responder_nonce: nonce,
        };
        let tag = self.exchange.tag(&exchange, Proof::Responder);
        let answer = Message::Response {
            challenger_nonce,
            responder_nonce: nonce,
            tag,
        };
        let key = self.exchange.clone();
        Ok((Responder { key, exchange }, answer.encode().to_vec()))
    }
}

impl Challenger {
    /// Checks M2: the peer is authentic if this succeeds. Gives the session key, and M3, which
    /// proves this side to the peer.
    ///
    /// # Errors
    /// [`AuthorityError::Message`] if it is no M2, [`AuthorityError::NotAuthentic`] if it does
    /// not answer this challenge under this key and these names.
    pub fn confirm(self, message: &[u8]) -> Result<(SessionKey, Vec<u8>), AuthorityError> {
        let Ok(Message::Response {
            challenger_nonce,
            responder_nonce,
            tag,
        }) = Message::decode(message)
        else {
            return Err(AuthorityError::Message);
        };
        let exchange = Exchange {
            challenger: self.me,
            responder: self.peer,
            challenger_nonce: self.nonce,
            responder_nonce,
        };
        let expected = self.key.tag(&exchange, Proof::Responder);
        if challenger_nonce != self.nonce || !bool::from(expected.ct_eq(&tag)) {
            return Err(AuthorityError::NotAuthentic);
        }
        let tag = self.key.tag(&exchange, Proof::Challenger);
        let reply = Message::Confirmation {
            challenger_nonce,
            responder_nonce,
            tag,
        };
        Ok((self.key.session_key(&exchange), reply.encode().to_vec()))
    }
}

impl Responder {
    /// Checks M3: the challenger is authentic if this succeeds. Gives the session key.
    ///
    /// # Errors
    /// [`AuthorityError::Message`] if it is no M3, [`AuthorityError::NotAuthentic`] if it does
    /// not end this exchange.
    pub fn confirm(self, message: &[u8]) -> Result<SessionKey, AuthorityError> {
        let Ok(Message::Confirmation {
            challenger_nonce,
            responder_nonce,
            tag,
        }) = Message::decode(message)
        else {
            return Err(AuthorityError::Message);
        };
        let expected = self.key.tag(&self.exchange, Proof::Challenger);
        let ours = challenger_nonce == self.exchange.challenger_nonce
            && responder_nonce == self.exchange.responder_nonce;
        if !ours || !bool::from(expected.ct_eq(&tag)) {
            return Err(AuthorityError::NotAuthentic);
        }
        Ok(self.key.session_key(&self.exchange))
    }
}

impl ExchangeKey {
    fn tag(&self, exchange: &Exchange, proof: Proof) -> [u8; TAG] {
        let input = exchange.tag_input(proof);
        match self {
            ExchangeKey::Aes128(key) => {
                let mac = Cmac::<Aes128>::new((&**key).into());
                mac.chain_update(&input).finalize().into_bytes().into()
            }
            ExchangeKey::Aes256(key) => {
                let mac = Cmac::<Aes256>::new((&**key).into());
                mac.chain_update(&input).finalize().into_bytes().into()
            }
        }
    }

    fn session_key(&self, exchange: &Exchange) -> SessionKey {
        let context = exchange.session_context();
        SessionKey::new(match self {
            ExchangeKey::Aes128(key) => from_128_to_32(key, auth::SESSION_LABEL, &context),
            ExchangeKey::Aes256(key) => from_256_to_32(key, auth::SESSION_LABEL, &context),
        })
    }
}

fn nonce() -> Result<[u8; NONCE], AuthorityError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(AuthorityError::Random)?;
    Ok(nonce)
}

fn party(text: &str) -> Result<PartyName, AuthorityError> {
    PartyName::try_from(text).map_err(|source| AuthorityError::Name {
        text: text.to_owned(),
        source,
    })
}

fn parties(me: &str, peer: &str) -> Result<(PartyName, PartyName), AuthorityError> {
    if me == peer {
        return Err(AuthorityError::SameName(me.to_owned()));
    }
    Ok((party(me)?, party(peer)?))
}

fn label(text: &str) -> Result<Label, AuthorityError> {
    Label::try_from(text).map_err(|source| AuthorityError::Name {
        text: text.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
