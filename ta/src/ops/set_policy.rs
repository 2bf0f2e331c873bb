//! `set-policy`.

use claviger_proto::{Status, audit::Event, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy, vault::Note};

/// Tightens a key's policy; nothing is written where it is the same.
#[inline(never)]
pub(crate) fn set_policy<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: SetPolicyRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let note = Note::new(session.caller.identity()?, Event::PolicyTightened);
    let Service {
        keyring, platform, ..
    } = service;
    let record = keyring.vault.find(platform, &owner, label)?;
    policy::tighten(record, &request.policy)?;
    // What changes nothing is not worth a record in the audit log.
    if request.policy.is_same(&record.policy) {
        return keyring.describe_stored(platform, &owner, label);
    }
    keyring
        .vault
        .update(platform, &owner, label, note, |record| {
            policy::tighten(record, &request.policy)?;
            record.policy = request.policy;
            Ok(0)
        })?;
    keyring.describe_stored(platform, &owner, label)
}
