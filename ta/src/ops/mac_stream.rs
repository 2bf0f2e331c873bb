//! MACs of messages longer than a payload: one stream for each session, of a bounded size.
//!
//! The stream ends with the command that finishes it, whatever that says.

use claviger_proto::{Permission, Status, message::*};

use crate::{
    Platform, Service, Session,
    crypto::mac::MacState,
    exchange::Payload,
    keyring::{Keyring, Work},
    session::Stream,
};

/// Begins the session's stream; one under way is dropped.
#[inline(never)]
pub(crate) fn mac_start<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: MacStartRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    let permission = if request.verify {
        Permission::VerifyMac
    } else {
        Permission::Mac
    };
    let work = Work::new(permission);
    let vault = keyring.vault.id(platform)?;
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    payload.expect_empty()?;
    let version = match request.version {
        Some(_) if !request.verify => return Err(Status::BadHeader),
        version => version.unwrap_or(key.version()),
    };
    let secret = key.secret_of(version)?;
    let state = MacState::new(key.algorithm()?, secret.as_bytes())?;
    session.stream = Some(Stream {
        state,
        begun: Keyring::<P>::begun(&key, vault, version, permission),
        verify: request.verify,
    });
    Ok(KeyVersion { version })
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
        .state
        .update(payload.bytes());
    payload.clear();
    Ok(Done {})
}

/// Ends the stream with its tag.
#[inline(never)]
pub(crate) fn mac_finish<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    _request: MacFinishRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    let mut stream = session.take_stream(false)?;
    service
        .keyring
        .may_end(&mut service.platform, &session.caller, &stream.begun)?;
    stream.state.update(payload.bytes());
    payload.set(stream.state.finish().as_bytes())?;
    Ok(Done {})
}

/// Ends the stream with a check.
#[inline(never)]
pub(crate) fn verify_mac_finish<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    _request: VerifyMacFinishRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    let stream = session.take_stream(true)?;
    service
        .keyring
        .may_end(&mut service.platform, &session.caller, &stream.begun)?;
    stream.state.finish().verify(payload.bytes())?;
    payload.clear();
    Ok(Done {})
}
