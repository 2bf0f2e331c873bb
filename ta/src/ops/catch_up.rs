//! `catch-up`.

use claviger_proto::{
    KeyRef, Place, State, Status, limits,
    message::*,
    ratchet::{self, Token},
};

use crate::{
    Platform, Service, Session,
    crypto::{kdf, mac},
    exchange::Payload,
    policy,
};

/// Steps a ratcheted key to the epoch of a token that a holder of its current version made.
#[inline(never)]
pub(crate) fn catch_up<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: CatchUpRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let KeyRef {
        place: Place::Vault { owner, label },
        child: None,
    } = &request.key
    else {
        return Err(Status::Immutable);
    };
    let Service {
        keyring, platform, ..
    } = service;
    let owner = owner.map_or_else(|| session.caller.identity(), Ok)?;
    let caller = &session.caller;
    let place = keyring.vault.locate_for(platform, caller, &owner, label)?;
    let record = keyring.vault.at(place)?;
    if !policy::has_part(record, caller) {
        return Err(Status::NotFound);
    }
    if !record.ratchet {
        return Err(Status::WrongUsage);
    }
    if record.state != State::Active {
        return Err(Status::WrongState);
    }
    let token = Token::decode(payload.bytes())?;
    payload.clear();
    if token.to <= record.version {
        return Err(Status::EpochReached);
    }
    let chain = record.secret(token.from).ok_or(Status::NotAuthentic)?;
    let key = kdf::derive_alike(
        chain.as_bytes(),
        ratchet::EPOCH_LABEL,
        &token.from.to_be_bytes(),
    )?;
    mac::cmac(key.as_bytes(), &Token::covered(token.from, token.to))?.verify(&token.tag)?;
    let steps = token.to.saturating_sub(token.from);
    if steps > limits::CATCH_UP {
        return Err(Status::EpochTooFar);
    }
    let caller = session.caller.identity()?;
    let version = keyring.step(platform, &owner, label, caller, steps)?;
    Ok(KeyVersion { version })
}
