//! `mac` and `verify-mac` of one message.

use claviger_proto::{Status, Usage, message::*};

use crate::{Platform, Service, Session, crypto, exchange::Payload, policy};

/// A MAC of the payload.
#[inline(never)]
pub(crate) fn mac<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: MacRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        vault, platform, ..
    } = service;
    let key = policy::usable(vault, platform, &session.caller, &request.key, Usage::Mac)?;
    let tag = crypto::mac::mac(key.algorithm, key.secret.as_bytes(), payload.bytes())?;
    payload.set(tag.as_bytes())?;
    Ok(KeyVersion {
        version: key.version,
    })
}

/// Checks a MAC.
#[inline(never)]
pub(crate) fn verify_mac<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: VerifyMacRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        vault, platform, ..
    } = service;
    let key = policy::usable(vault, platform, &session.caller, &request.key, Usage::Mac)?;
    let (tag, message) = payload.split(request.tag as usize)?;
    crypto::mac::mac(key.algorithm, key.secret.as_bytes(), message)?.verify(tag)?;
    payload.clear();
    Ok(KeyVersion {
        version: key.version,
    })
}
