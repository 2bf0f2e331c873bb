//! `delete`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy};

/// Destroys a key and what is known about it.
#[inline(never)]
pub(crate) fn delete<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: DeleteRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let caller = session.caller.identity()?;
    let Service {
        keyring, platform, ..
    } = service;
    keyring.vault.remove(platform, &owner, label, caller)?;
    Ok(Done {})
}
