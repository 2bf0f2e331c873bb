//! Mutual authentication of two holders of one key ([`claviger_proto::auth`] is the protocol,
//! [`crate::authority`] the side that has no TEE).

use claviger_proto::{
    PartyName,
    auth::{self, Message},
    message::{ChallengeRequest, ConfirmRequest, RespondRequest},
};
use zeroize::Zeroizing;

use crate::{Error, Key, error::ProtocolError};

/// What [`Key::confirm`] found out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Confirmed {
    /// Who the other side proved to be.
    pub peer: PartyName,
    /// What to send to it: M3 if M2 was confirmed, nothing if M3 was.
    pub reply: Vec<u8>,
    /// The session key, if it was asked for.
    pub session_key: Option<SessionKey>,
}

/// 32 bytes that both sides of an exchange derived, and nobody else knows.
pub struct SessionKey(Zeroizing<[u8; auth::SESSION_KEY]>);

impl SessionKey {
    pub(crate) fn new(bytes: Zeroizing<[u8; auth::SESSION_KEY]>) -> SessionKey {
        SessionKey(bytes)
    }

    /// The bytes. What copies them wipes them.
    #[must_use]
    pub fn expose(&self) -> &[u8; auth::SESSION_KEY] {
        &self.0
    }
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

impl Key {
    /// Begins an exchange as the challenger: `me` wants `peer` to prove itself. The message goes
    /// to it; its answer goes to [`Key::confirm`], of the same user, once, before a restart of
    /// the trusted application.
    ///
    /// # Errors
    /// [`Error::Name`] for a bad name; [`Error::Ta`] with `WrongUsage`, `NotFound` or `Busy`.
    pub fn challenge(&self, me: &str, peer: &str) -> Result<Vec<u8>, Error> {
        let request = ChallengeRequest {
            key: self.reference(),
            me: party(me)?,
            peer: party(peer)?,
        };
        self.client
            .call(&request, &[self.front()], |_, message| Ok(message.to_vec()))
    }

    /// Answers a challenge as the responder, and challenges the challenger in turn. What it sends
    /// back goes to [`Key::confirm`].
    ///
    /// # Errors
    /// As [`Key::challenge`]; [`Error::Message`] if `message` is no challenge.
    pub fn respond(&self, me: &str, peer: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
        let request = RespondRequest {
            key: self.reference(),
            me: party(me)?,
            peer: party(peer)?,
        };
        match Message::decode(message) {
            Ok(Message::Challenge { .. }) => {}
            _ => return Err(Error::Message),
        }
        self.client
            .call(&request, &[self.front(), message], |_, answer| {
                Ok(answer.to_vec())
            })
    }

    /// Checks the answer to a challenge (and then `reply` goes to the other side), or the reply
    /// to a response (and then there is no more to send).
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotAuthentic` if the other side does not hold this key or is not who
    /// it should be, `NoChallenge` if none is pending for this message; [`Error::Message`] if it
    /// is neither.
    pub fn confirm(&self, message: &[u8]) -> Result<Confirmed, Error> {
        self.confirm_with(message, false)
    }

    /// As [`Key::confirm`], and gives a session key that both sides now share.
    ///
    /// # Errors
    /// As [`Key::confirm`]; [`Error::Ta`] with `NotExportable` if the key's derived keys may not
    /// leave the TEE.
    pub fn confirm_with_session_key(&self, message: &[u8]) -> Result<Confirmed, Error> {
        self.confirm_with(message, true)
    }

    fn confirm_with(&self, message: &[u8], session_key: bool) -> Result<Confirmed, Error> {
        let reply = match Message::decode(message) {
            Ok(Message::Response { .. }) => auth::MESSAGE,
            Ok(Message::Confirmation { .. }) => 0,
            _ => return Err(Error::Message),
        };
        let request = ConfirmRequest {
            key: self.reference(),
            session_key,
        };
        self.client
            .call(&request, &[self.front(), message], |response, payload| {
                let refused = || ProtocolError::Payload {
                    command: "confirm",
                    length: payload.len(),
                };
                let (reply, rest) = payload.split_at_checked(reply).ok_or_else(refused)?;
                let session_key = match (session_key, rest) {
                    (false, []) => None,
                    (true, bytes) => {
                        let mut key = Zeroizing::new([0; auth::SESSION_KEY]);
                        if bytes.len() != key.len() {
                            return Err(refused().into());
                        }
                        key.copy_from_slice(bytes);
                        Some(SessionKey::new(key))
                    }
                    (false, _) => return Err(refused().into()),
                };
                Ok(Confirmed {
                    peer: response.peer,
                    reply: reply.to_vec(),
                    session_key,
                })
            })
    }
}

pub(crate) fn party(text: &str) -> Result<PartyName, Error> {
    PartyName::try_from(text).map_err(|source| Error::name(text, source))
}
