//! The challenges of mutual authentication that wait for their answer ([`claviger_proto::auth`]).
//!
//! They are kept in memory only: a restart forgets them all, which refuses what was begun before.

use claviger_proto::{
    Algorithm, Identity, KeyId, Status,
    auth::{self, Exchange, Proof},
    limits,
};
use zeroize::Zeroizing;

use crate::{
    crypto::{
        kdf,
        mac::{MacTag, mac},
    },
    keyring::InUse,
    table::{Holder, Rules, Table},
    vault::Tag,
};

/// One side of an exchange, begun and not yet confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Who began it, and alone can end it.
    pub caller: Identity,
    /// With which key, or child of it.
    pub key: (Tag, KeyId),
    /// Which side the caller is.
    pub role: Role,
    /// What is known so far: a challenger does not know the responder's nonce yet (zeros).
    pub exchange: Exchange,
}

/// A side of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// B, who sent M1 and awaits M2.
    Challenger,
    /// A, who sent M2 and awaits M3.
    Responder,
}

/// How what is pending is shared out: a challenge waits for an answer of the other side, which soon
/// comes.
const RULES: Rules = Rules {
    places: 32,
    share: 2,
    groups: 2,
    root: 4,
    identity: limits::CHALLENGES,
};

/// Everything that is pending.
pub struct Challenges {
    pending: Table<Pending>,
}

impl Default for Challenges {
    fn default() -> Self {
        Challenges {
            pending: Table::new(RULES),
        }
    }
}

impl Challenges {
    /// Remembers a challenge. One caller has at most [`limits::CHALLENGES`]: a further one
    /// displaces its oldest. `holder` says as whom a caller holds places.
    ///
    /// # Errors
    /// [`Status::Busy`] if others have taken all places, none more than its share;
    /// [`Status::OutOfMemory`].
    pub fn remember(
        &mut self,
        pending: Pending,
        holder: impl Fn(Option<Identity>) -> Holder,
    ) -> Result<(), Status> {
        let whose = Some(pending.caller);
        let place = self.pending.place_by(whose, &holder)?;
        self.pending.put(place, holder(whose), whose, pending)?;
        Ok(())
    }

    /// Takes the caller's challenge of this role and nonces, whatever comes of it: each serves
    /// once.
    ///
    /// # Errors
    /// [`Status::NoChallenge`] if there is none.
    pub fn redeem(
        &mut self,
        caller: Identity,
        key: (Tag, KeyId),
        role: Role,
        challenger_nonce: &[u8; auth::NONCE],
        responder_nonce: Option<&[u8; auth::NONCE]>,
    ) -> Result<Pending, Status> {
        self.take(|pending| {
            pending.caller == caller
                && pending.key == key
                && pending.role == role
                && pending.exchange.challenger_nonce == *challenger_nonce
                && responder_nonce.is_none_or(|nonce| pending.exchange.responder_nonce == *nonce)
        })
        .ok_or(Status::NoChallenge)
    }

    /// Forgets everything, and gives the memory back.
    pub fn clear(&mut self) {
        self.pending.clear();
    }

    /// Removes one that is `wanted`.
    fn take(&mut self, wanted: impl Fn(&Pending) -> bool) -> Option<Pending> {
        let place = self.pending.find(wanted)?;
        let pending = self.pending.get(place).cloned();
        self.pending.end(place);
        pending
    }

    /// Everything pending.
    #[cfg(feature = "workstation")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter()
    }
}

/// K': the key of the exchange, derived so that a MAC of the exchange's messages is no proof. K serves
/// challenges only: whoever imported it a second time, to make MACs, can compute K' with them.
pub struct ExchangeKey {
    algorithm: Algorithm,
    secret: crate::crypto::Secret,
}

impl ExchangeKey {
    /// Derives K' from a key.
    ///
    /// # Errors
    /// [`Status::Internal`] if the key is no CMAC key, which its usage rules out.
    pub fn of(key: &InUse<'_>) -> Result<ExchangeKey, Status> {
        Ok(ExchangeKey {
            algorithm: key.algorithm()?,
            secret: kdf::derive_alike(key.secret()?.as_bytes(), auth::LABEL, b"")?,
        })
    }

    /// A proof's tag.
    ///
    /// # Errors
    /// As [`ExchangeKey::of`].
    pub fn tag(&self, exchange: &Exchange, proof: Proof) -> Result<MacTag, Status> {
        mac(
            self.algorithm,
            self.secret.as_bytes(),
            &exchange.tag_input(proof),
        )
    }

    /// S: the session key of an exchange.
    ///
    /// # Errors
    /// As [`ExchangeKey::of`].
    pub fn session_key(
        &self,
        exchange: &Exchange,
    ) -> Result<Zeroizing<[u8; auth::SESSION_KEY]>, Status> {
        kdf::derive_32(
            self.secret.as_bytes(),
            auth::SESSION_LABEL,
            &exchange.session_context(),
        )
    }
}

#[cfg(test)]
mod tests {
    use claviger_proto::{Digits, Login, PartyName, Uuid};

    use super::*;

    fn pending(caller: u8, nonce: u8) -> Pending {
        Pending {
            caller: Identity {
                login: Login::User,
                id: Uuid([caller; 16]),
            },
            key: (Tag::of([2; 16]), Digits([1; 16])),
            role: Role::Challenger,
            exchange: Exchange {
                challenger: PartyName::try_from("b").unwrap(),
                responder: PartyName::try_from("a").unwrap(),
                challenger_nonce: [nonce; 16],
                responder_nonce: [0; 16],
            },
        }
    }

    fn redeem(challenges: &mut Challenges, pending: &Pending) -> Result<Pending, Status> {
        let nonce = &pending.exchange.challenger_nonce;
        challenges.redeem(pending.caller, pending.key, pending.role, nonce, None)
    }

    fn owner(whose: Option<Identity>) -> Holder {
        Holder::of(whose, true)
    }

    #[test]
    fn a_caller_displaces_its_own_oldest_only() {
        let mut challenges = Challenges::default();
        let other = pending(2, 0);
        challenges.remember(other.clone(), owner).unwrap();
        for nonce in 0..=limits::CHALLENGES as u8 {
            challenges.remember(pending(1, nonce), owner).unwrap();
        }
        assert_eq!(
            redeem(&mut challenges, &pending(1, 0)),
            Err(Status::NoChallenge)
        );
        for nonce in 1..=limits::CHALLENGES as u8 {
            assert_eq!(
                redeem(&mut challenges, &pending(1, nonce)),
                Ok(pending(1, nonce))
            );
        }
        assert_eq!(redeem(&mut challenges, &other), Ok(other.clone()));
        assert_eq!(
            redeem(&mut challenges, &other),
            Err(Status::NoChallenge),
            "it serves once"
        );
    }

    #[test]
    fn callers_together_are_refused_at_the_limit_and_lose_nothing() {
        let mut challenges = Challenges::default();
        for place in 0..(RULES.places - RULES.root) as u8 {
            challenges.remember(pending(place, 0), owner).unwrap();
        }
        let refused = challenges.remember(pending(200, 0), owner);
        assert_eq!(refused, Err(Status::Busy));
        for place in 0..(RULES.places - RULES.root) as u8 {
            assert!(redeem(&mut challenges, &pending(place, 0)).is_ok());
        }
    }

    #[test]
    fn strangers_take_no_owners_challenge() {
        let mut challenges = Challenges::default();
        let holder = |whose| Holder::of(whose, whose == Some(pending(1, 0).caller));
        for nonce in 0..2 {
            challenges.remember(pending(1, nonce), holder).unwrap();
        }
        for stranger in 2..200 {
            challenges.remember(pending(stranger, 0), holder).unwrap();
        }
        for nonce in 0..2 {
            assert!(redeem(&mut challenges, &pending(1, nonce)).is_ok());
        }
    }
}
