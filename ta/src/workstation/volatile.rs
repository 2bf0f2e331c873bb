//! What an instance holds in memory only, as bytes: lets one emulated device outlive the processes
//! that use it, as a real one does.

use std::vec::Vec;

use claviger_proto::{Digits, Identity, Login, PartyName, Status, Uuid, auth::Exchange};

use crate::{
    Service,
    challenge::{Challenges, Pending, Role},
    platform::Platform,
};

impl<P: Platform> Service<P> {
    /// The instance id, the confirmation token and the pending challenges.
    #[must_use]
    pub fn suspend(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.instance.0);
        bytes.extend(self.confirmation.0);
        for pending in self.challenges.iter() {
            bytes.push(pending.caller.login as u8);
            bytes.extend(pending.caller.id.0);
            bytes.extend(pending.key.0);
            bytes.push(u8::from(pending.role == Role::Responder));
            for name in [&pending.exchange.challenger, &pending.exchange.responder] {
                bytes.push(name.as_str().len() as u8);
                bytes.extend(name.as_str().bytes());
            }
            bytes.extend(pending.exchange.challenger_nonce);
            bytes.extend(pending.exchange.responder_nonce);
        }
        bytes
    }

    /// Takes up what [`Service::suspend`] gave.
    ///
    /// # Errors
    /// [`Status::BadPayload`] for other bytes; nothing is changed then.
    pub fn resume(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let mut rest = bytes;
        let instance = Digits(take(&mut rest)?);
        let confirmation = Digits(take(&mut rest)?);
        let mut challenges = Challenges::default();
        while !rest.is_empty() {
            challenges.remember(pending(&mut rest)?)?;
        }
        self.instance = instance;
        self.confirmation = confirmation;
        self.challenges = challenges;
        Ok(())
    }
}

fn pending(rest: &mut &[u8]) -> Result<Pending, Status> {
    let login = match take(rest)? {
        [1] => Login::User,
        [2] => Login::Group,
        _ => return Err(Status::BadPayload),
    };
    let caller = Identity {
        login,
        id: Uuid(take(rest)?),
    };
    let key = Digits(take(rest)?);
    let role = match take(rest)? {
        [0] => Role::Challenger,
        [1] => Role::Responder,
        _ => return Err(Status::BadPayload),
    };
    let exchange = Exchange {
        challenger: name(rest)?,
        responder: name(rest)?,
        challenger_nonce: take(rest)?,
        responder_nonce: take(rest)?,
    };
    Ok(Pending {
        caller,
        key,
        role,
        exchange,
    })
}

fn name(rest: &mut &[u8]) -> Result<PartyName, Status> {
    let [len] = take(rest)?;
    let (name, after) = rest
        .split_at_checked(usize::from(len))
        .ok_or(Status::BadPayload)?;
    *rest = after;
    let name = core::str::from_utf8(name).map_err(|_| Status::BadPayload)?;
    PartyName::try_from(name).map_err(|_| Status::BadPayload)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Status> {
    let (field, after) = rest.split_first_chunk().ok_or(Status::BadPayload)?;
    *rest = after;
    Ok(*field)
}
