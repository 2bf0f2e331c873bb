//! `mac` and `verify-mac` of one message.

use claviger_proto::{Permission, Status, message::*};

use crate::{Platform, Service, Session, crypto, exchange::Payload, keyring::Work};

/// A MAC of the payload.
#[inline(never)]
pub(crate) fn mac<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: MacRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    let work = Work::new(Permission::Mac);
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    let secret = key.secret()?;
    let tag = crypto::mac::mac(key.algorithm()?, secret.as_bytes(), payload.bytes())?;
    payload.set(tag.as_bytes())?;
    Ok(KeyVersion {
        version: key.version(),
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
        keyring, platform, ..
    } = service;
    let work = Work::new(Permission::VerifyMac);
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    let version = request.version.unwrap_or(key.version());
    let secret = key.secret_of(version)?;
    let (tag, message) = payload.split(request.tag as usize)?;
    crypto::mac::mac(key.algorithm()?, secret.as_bytes(), message)?.verify(tag)?;
    payload.clear();
    Ok(KeyVersion { version })
}
