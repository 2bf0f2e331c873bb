//! `info`.

use claviger_proto::{Status, limits, message::*};

use crate::{Platform, Service, Session, exchange::Payload, platform::text, vault};

/// What runs, where, and what it can hold. Answers also where the vault does not open, and says
/// why it does not.
#[inline(never)]
pub(crate) fn info<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    _request: InfoRequest,
    payload: &mut Payload,
) -> Result<InfoResponse, Status> {
    payload.expect_empty()?;
    let opened = service.vault.info(&mut service.platform);
    let facts = service.platform.facts();
    Ok(InfoResponse {
        version: text(env!("CARGO_PKG_VERSION")),
        build: facts.build,
        platform: facts.name,
        insecure: facts.insecure,
        rollback_level: facts.rollback_level,
        instance: service.instance,
        confirmation: session
            .caller
            .is_administrator()
            .then_some(service.confirmation),
        store: opened.as_ref().err().copied().unwrap_or(Status::Ok).code(),
        vault: opened.ok(),
        limits: Limits {
            header: limits::HEADER as u32,
            payload: limits::PAYLOAD as u32,
            chunk: limits::CHUNK as u32,
            context: limits::CONTEXT as u32,
            random: limits::RANDOM as u32,
            keys: vault::CAPACITY as u32,
            challenges: limits::CHALLENGES as u32,
        },
        marks: facts.marks,
    })
}
