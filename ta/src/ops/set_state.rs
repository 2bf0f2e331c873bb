//! `set-state`.

use claviger_proto::{State, Status, audit::Event, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy, vault::Note};

/// Changes a key's state, by the transitions of NIST SP 800-57 and no others. A destroyed key's
/// secrets are gone.
#[inline(never)]
pub(crate) fn set_state<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: SetStateRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let note = Note::new(session.caller.identity()?, Event::StateChanged);
    let Service {
        keyring, platform, ..
    } = service;
    keyring
        .vault
        .update(platform, &owner, label, note, |record| {
            if !record.state.may_become(request.state) {
                return Err(Status::InvalidTransition);
            }
            record.state = request.state;
            if request.state == State::Destroyed {
                record.versions.clear();
            }
            Ok(request.state as u32)
        })?;
    keyring.describe_stored(platform, &owner, label)
}
