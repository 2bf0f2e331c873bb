//! `set-policy`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy};

/// Tightens a key's policy.
#[inline(never)]
pub(crate) fn set_policy<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: SetPolicyRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let Service {
        keyring, platform, ..
    } = service;
    keyring.vault.update(platform, &owner, label, |record| {
        policy::tighten(record, &request.policy)?;
        record.policy = request.policy;
        Ok(())
    })?;
    keyring.describe_stored(platform, &owner, label)
}
