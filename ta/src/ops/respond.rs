//! `respond`: the second pass of mutual authentication.

use claviger_proto::{
    Permission, Status,
    auth::{Exchange, Message, Proof},
    message::*,
};

use crate::{
    Platform, Service, Session,
    challenge::{ExchangeKey, Pending, Role},
    exchange::Payload,
    keyring::Work,
    platform::random,
};

/// Answers M1 with M2 as the responder, and remembers it for the caller.
#[inline(never)]
pub(crate) fn respond<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RespondRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    let RespondRequest { key, me, peer } = request;
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
    let Message::Challenge { challenger_nonce } = Message::decode(payload.bytes())? else {
        return Err(Status::BadPayload);
    };
    let exchange_key = ExchangeKey::of(&key)?;
    let responder_nonce = random(platform)?;
    let exchange = Exchange {
        challenger: peer,
        responder: me,
        challenger_nonce,
        responder_nonce,
    };
    let tag = exchange_key.tag(&exchange, Proof::Responder)?;
    let pending = Pending {
        caller,
        key: (key.tag(), key.id()),
        role: Role::Responder,
        exchange,
    };
    challenges.remember(pending, |whose| keyring.vault.holder(whose))?;
    let tag = tag.as_bytes().try_into().map_err(|_| Status::Internal)?;
    payload.set(
        &Message::Response {
            challenger_nonce,
            responder_nonce,
            tag,
        }
        .encode(),
    )?;
    Ok(Done {})
}
