//! `challenge`: the first pass of mutual authentication.

use claviger_proto::{
    Status, Usage,
    auth::{Exchange, Message, NONCE},
    message::*,
};

use crate::{
    Platform, Service, Session,
    challenge::{Pending, Role},
    exchange::Payload,
    platform::random,
    policy,
};

/// Makes M1 as the challenger, and remembers it for the caller.
#[inline(never)]
pub(crate) fn challenge<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ChallengeRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let ChallengeRequest { key, me, peer } = request;
    // Whoever has the peer's own name could answer itself.
    if me == peer {
        return Err(Status::BadHeader);
    }
    let Service {
        vault,
        platform,
        challenges,
        ..
    } = service;
    let caller = session.caller.identity()?;
    let key = policy::usable(vault, platform, &session.caller, &key, Usage::Challenge)?;
    let challenger_nonce = random(platform)?;
    challenges.remember(Pending {
        caller,
        key: key.id,
        role: Role::Challenger,
        exchange: Exchange {
            challenger: me,
            responder: peer,
            challenger_nonce,
            responder_nonce: [0; NONCE],
        },
    })?;
    payload.set(&Message::Challenge { challenger_nonce }.encode())?;
    Ok(Done {})
}
