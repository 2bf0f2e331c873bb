//! `rotate` and `retire`: versions come and go.

use claviger_proto::{Status, audit::Event, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy, vault::Note};

/// Adds a primary version; steps a ratcheted key.
#[inline(never)]
pub(crate) fn rotate<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RotateRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let caller = session.caller.identity()?;
    let Service {
        keyring, platform, ..
    } = service;
    keyring.rotate(platform, &owner, label, caller)?;
    keyring.describe_stored(platform, &owner, label)
}

/// Destroys the secret of an old version.
#[inline(never)]
pub(crate) fn retire<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RetireRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let caller = session.caller.identity()?;
    let Service {
        keyring, platform, ..
    } = service;
    let note = Note::new(caller, Event::Retired);
    keyring
        .vault
        .update(platform, &owner, label, note, |record| {
            if request.version == record.version {
                return Err(Status::PrimaryVersion);
            }
            let before = record.versions.len();
            record.keep_versions(|number| number != request.version);
            if record.versions.len() == before {
                return Err(Status::NoSuchVersion);
            }
            Ok(request.version)
        })?;
    keyring.describe_stored(platform, &owner, label)
}
