//! `import`.

use claviger_proto::{Digits, Origin, State, Status, message::*};
use zeroize::Zeroize;

use crate::{
    Platform, Service, Session, crypto::Secret, exchange::Payload, platform, policy,
    vault::KeyRecord,
};

/// Takes a key that Linux knows, until the vault is locked.
#[inline(never)]
pub(crate) fn import<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ImportRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    let ImportRequest {
        key,
        algorithm,
        usage,
        export_derived,
    } = request;
    let secret = Secret::import(algorithm, payload.bytes());
    payload.bytes_mut().zeroize();
    payload.clear();
    let record = KeyRecord {
        label: key,
        owner: session.caller.identity()?,
        id: Digits(platform::random(&mut service.platform)?),
        algorithm,
        usage: policy::settle_usage(algorithm, usage, export_derived)?,
        export_derived,
        origin: Origin::Imported,
        state: State::Active,
        version: 1,
        secret: secret?,
    };
    if service.vault.is_locked(&mut service.platform)? {
        return Err(Status::Locked);
    }
    let description = record.describe();
    service.vault.insert(&mut service.platform, record)?;
    Ok(description)
}
