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
    let opened = service.keyring.vault.info(&mut service.platform);
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
            keys: vault::KEYS as u32,
            owner_keys: limits::OWNER_KEYS as u32,
            versions: limits::VERSIONS as u32,
            grants: limits::GRANTS as u32,
            wrapped: limits::WRAPPED as u32,
            owner_wrapped: limits::OWNER_UNWRAPPED as u32,
            batch: limits::BATCH as u32,
            sessions: limits::SESSIONS as u32,
            caller_sessions: limits::CALLER_SESSIONS as u32,
            audit_logs: limits::AUDIT_LOGS as u32,
            audit_log: (limits::AUDIT_PAGES * limits::AUDIT_PAGE) as u32,
            challenges: limits::CHALLENGES as u32,
            custodians: limits::CUSTODIANS as u32,
            shares: limits::SHARES as u32,
            ceremonies: limits::CEREMONIES as u32,
            component_seconds: limits::COMPONENT_SECONDS,
            restore_seconds: limits::RESTORE_SECONDS,
        },
        marks: facts.marks,
    })
}
