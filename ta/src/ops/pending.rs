//! `pending-list` and `pending-cancel`: what waits for parts that people give.

use claviger_proto::{Digits, Identity, Label, Status, message::*};

use crate::{
    Platform, Service, Session,
    ceremonies::{Ceremonies, Ceremony},
    exchange::Payload,
    policy,
};

/// Shows what waits: the caller's, to uid 0 everyone's.
#[inline(never)]
pub(crate) fn pending_list<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    _request: PendingListRequest,
    payload: &mut Payload,
) -> Result<PendingListResponse, Status> {
    payload.expect_empty()?;
    let whose = whose(session, None)?;
    let now = service.platform.uptime()?;
    let Ceremonies {
        components,
        restores,
    } = &service.ceremonies;
    let components = components.iter().map(|one| {
        let key = &one.of.settled.new.key;
        summary(one, PendingKind::Components, key, now)
    });
    let restores = restores.iter().map(|one| {
        let key = &one.of.manifest.key;
        summary(one, PendingKind::Restore, key, now)
    });
    let shown = |one: &PendingSummary| whose.is_none_or(|whose| one.owner == whose);
    Ok(PendingListResponse {
        pending: components.chain(restores).filter(shown).collect(),
    })
}

/// Ends one that waits, or all: the caller's, for uid 0 anyone's.
#[inline(never)]
pub(crate) fn pending_cancel<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: PendingCancelRequest,
    payload: &mut Payload,
) -> Result<PendingCancelResponse, Status> {
    payload.expect_empty()?;
    let PendingCancelRequest { id, owner } = request;
    let whose = whose(session, owner)?;
    let ends = |handle: Digits<4>, owner: Identity| {
        id.is_none_or(|id| id == handle) && whose.is_none_or(|whose| whose == owner)
    };
    let ceremonies = &mut service.ceremonies;
    let waited = waiting(ceremonies);
    ceremonies
        .components
        .retain(|one| !ends(one.handle, one.owner));
    ceremonies
        .restores
        .retain(|one| !ends(one.handle, one.owner));
    let cancelled = waited.saturating_sub(waiting(ceremonies));
    if cancelled == 0 && id.is_some() {
        return Err(Status::NoCeremony);
    }
    Ok(PendingCancelResponse {
        cancelled: u32::try_from(cancelled).map_err(|_| Status::Internal)?,
    })
}

/// How many wait.
fn waiting(ceremonies: &Ceremonies) -> usize {
    let components = ceremonies.components.iter().count();
    components.saturating_add(ceremonies.restores.iter().count())
}

/// Whose is meant: the caller's, or for uid 0 whoever's it names, or everyone's.
fn whose(session: &Session, owner: Option<Identity>) -> Result<Option<Identity>, Status> {
    if owner.is_none() && session.caller.is_administrator() {
        return Ok(None);
    }
    policy::subject(&session.caller, owner).map(Some)
}

fn summary<T>(one: &Ceremony<T>, kind: PendingKind, key: &Label, now: u64) -> PendingSummary {
    let age = now.saturating_sub(one.began);
    PendingSummary {
        id: one.handle,
        kind,
        owner: one.owner,
        key: key.clone(),
        age: u32::try_from(age).unwrap_or(u32::MAX),
        timeout: one.seconds_left(now),
    }
}
