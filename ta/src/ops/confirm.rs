//! `confirm`: the check of the second pass, which makes the third, and the check of the third.

use claviger_proto::{
    Permission, Status,
    auth::{Message, Proof, SESSION_KEY},
    message::*,
};
use zeroize::Zeroizing;

use crate::{
    Platform, Service, Session,
    challenge::{ExchangeKey, Role},
    exchange::Payload,
    keyring::Work,
};

/// Checks the other side's proof against what is pending for the caller. What is pending serves
/// once: after a wrong proof both sides begin anew.
#[inline(never)]
pub(crate) fn confirm<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ConfirmRequest,
    payload: &mut Payload,
) -> Result<ConfirmResponse, Status> {
    let Service {
        keyring,
        platform,
        challenges,
        ..
    } = service;
    let caller = session.caller.identity()?;
    let work = Work::new(Permission::Challenge);
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    if request.session_key && !key.record().policy.export_derived {
        return Err(Status::NotExportable);
    }
    let bound = (key.tag(), key.id());
    let exchange_key = ExchangeKey::of(&key)?;
    let (peer, exchange) = match Message::decode(payload.bytes())? {
        Message::Challenge { .. } => return Err(Status::BadPayload),
        Message::Response {
            challenger_nonce,
            responder_nonce,
            tag,
        } => {
            let role = Role::Challenger;
            let pending = challenges.redeem(caller, bound, role, &challenger_nonce, None)?;
            let mut exchange = pending.exchange;
            exchange.responder_nonce = responder_nonce;
            exchange_key
                .tag(&exchange, Proof::Responder)?
                .verify(&tag)?;
            let tag = exchange_key.tag(&exchange, Proof::Challenger)?;
            let tag = tag.as_bytes().try_into().map_err(|_| Status::Internal)?;
            let reply = Message::Confirmation {
                challenger_nonce,
                responder_nonce,
                tag,
            };
            payload.set(&reply.encode())?;
            (exchange.responder.clone(), exchange)
        }
        Message::Confirmation {
            challenger_nonce,
            responder_nonce,
            tag,
        } => {
            let role = Role::Responder;
            let nonce = Some(&responder_nonce);
            let pending = challenges.redeem(caller, bound, role, &challenger_nonce, nonce)?;
            let exchange = pending.exchange;
            exchange_key
                .tag(&exchange, Proof::Challenger)?
                .verify(&tag)?;
            payload.clear();
            (exchange.challenger.clone(), exchange)
        }
    };
    if request.session_key {
        let session_key: Zeroizing<[u8; SESSION_KEY]> = exchange_key.session_key(&exchange)?;
        payload.append(session_key.as_slice())?;
    }
    Ok(ConfirmResponse { peer })
}
