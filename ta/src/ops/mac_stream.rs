//! MACs of messages longer than a payload: one stream for each session, of a bounded size.
//!
//! The stream ends with the command that finishes it, whatever that says.

use claviger_proto::{Status, Usage, message::*};

use crate::{Platform, Service, Session, crypto::mac::MacState, exchange::Payload, policy};

/// Begins the session's stream; one under way is dropped.
#[inline(never)]
pub(crate) fn mac_start<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: MacStartRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    payload.expect_empty()?;
    let Service {
        vault, platform, ..
    } = service;
    let key = policy::usable(vault, platform, &session.caller, &request.key, Usage::Mac)?;
    session.stream = Some(MacState::new(key.algorithm, key.secret.as_bytes())?);
    Ok(KeyVersion {
        version: key.version,
    })
}

/// Feeds the stream.
#[inline(never)]
pub(crate) fn mac_update<P: Platform>(
    _service: &mut Service<P>,
    session: &mut Session,
    _request: MacUpdateRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    session
        .stream
        .as_mut()
        .ok_or(Status::NoStream)?
        .update(payload.bytes());
    payload.clear();
    Ok(Done {})
}

/// Ends the stream with its tag.
#[inline(never)]
pub(crate) fn mac_finish<P: Platform>(
    _service: &mut Service<P>,
    session: &mut Session,
    _request: MacFinishRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    let mut stream = session.stream.take().ok_or(Status::NoStream)?;
    stream.update(payload.bytes());
    payload.set(stream.finish().as_bytes())?;
    Ok(Done {})
}

/// Ends the stream with a check.
#[inline(never)]
pub(crate) fn verify_mac_finish<P: Platform>(
    _service: &mut Service<P>,
    session: &mut Session,
    _request: VerifyMacFinishRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    let stream = session.stream.take().ok_or(Status::NoStream)?;
    stream.finish().verify(payload.bytes())?;
    payload.clear();
    Ok(Done {})
}
