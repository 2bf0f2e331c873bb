//! `import`.

use claviger_proto::{Origin, Status, message::*};
use zeroize::Zeroize;

use super::new_key::NewKey;
use crate::{Platform, Service, Session, crypto::Secret, exchange::Payload};

/// Takes a key that Linux knows, until the vault is locked.
#[inline(never)]
pub(crate) fn import<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ImportRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    let ImportRequest {
        key: label,
        algorithm,
        usage,
        export_derived,
    } = request;
    let secret = Secret::import(algorithm, payload.bytes());
    payload.bytes_mut().zeroize();
    payload.clear();
    let Service {
        vault, platform, ..
    } = service;
    let new = NewKey {
        label,
        algorithm,
        usage,
        export_derived,
    };
    let record = new.with(platform, &session.caller, Origin::Imported, secret?)?;
    if vault.is_locked(platform)? {
        return Err(Status::Locked);
    }
    let description = record.describe();
    vault.insert(platform, record)?;
    Ok(description)
}
