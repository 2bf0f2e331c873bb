//! `import`.

use claviger_proto::{Origin, Status, message::*};
use zeroize::Zeroize;

use super::new_key::keep;
use crate::{Platform, Service, Session, crypto::Secret, exchange::Payload, policy};

/// Takes a key that Linux knows, until the vault is locked.
#[inline(never)]
pub(crate) fn import<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ImportRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    let secret = Secret::import(request.new.algorithm, payload.bytes());
    payload.bytes_mut().zeroize();
    payload.clear();
    let Service {
        keyring, platform, ..
    } = service;
    let settled = policy::settle(request.new, &session.caller)?;
    let secret = secret?;
    if keyring.vault.is_locked(platform)? {
        return Err(Status::Locked);
    }
    keep(
        keyring,
        platform,
        payload,
        settled,
        Origin::Imported,
        secret,
    )
}
