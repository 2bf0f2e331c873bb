//! `challenge`: the first pass of mutual authentication.

use claviger_proto::{
    Permission, Status,
    auth::{Exchange, Message, NONCE},
    message::*,
};

use crate::{
    Platform, Service, Session,
    challenge::{Pending, Role},
    exchange::Payload,
    keyring::Work,
    platform::random,
};

/// Makes M1 as the challenger, and remembers it for the caller.
#[inline(never)]
pub(crate) fn challenge<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ChallengeRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    let ChallengeRequest { key, me, peer } = request;
    // Whoever has the peer's own name could answer itself.
    if me == peer {
        return Err(Status::BadHeader);
    }
    let Service {
        keyring,
        platform,
        challenges,
        ..
    } = service;
    let caller = session.caller.identity()?;
    let work = Work::new(Permission::Challenge);
    let key = keyring.use_key(platform, &session.caller, &key, payload, work)?;
    payload.expect_empty()?;
    let key = (key.tag(), key.id());
    let challenger_nonce = random(platform)?;
    let pending = Pending {
        caller,
        key,
        role: Role::Challenger,
        exchange: Exchange {
            challenger: me,
            responder: peer,
            challenger_nonce,
            responder_nonce: [0; NONCE],
        },
    };
    challenges.remember(pending, |whose| keyring.vault.holder(whose))?;
    payload.set(&Message::Challenge { challenger_nonce }.encode())?;
    Ok(Done {})
}
