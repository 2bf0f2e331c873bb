//! `list`, `list-all` and `list-granted`.

use claviger_proto::{Identity, Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy, vault::KeyRecord};

/// A page of keys: those of the owner in which the caller has a part.
#[inline(never)]
pub(crate) fn list<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ListRequest,
    payload: &mut Payload,
) -> Result<ListResponse, Status> {
    payload.expect_empty()?;
    let caller = &session.caller;
    let owner = request.owner.map_or_else(|| caller.identity(), Ok)?;
    let shown = |record: &KeyRecord| policy::has_part(record, caller);
    page(service, session, (Some(owner), request.cursor), shown)
}

/// A page of every owner's keys.
#[inline(never)]
pub(crate) fn list_all<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ListAllRequest,
    payload: &mut Payload,
) -> Result<ListResponse, Status> {
    payload.expect_empty()?;
    page(service, session, (None, request.cursor), |_| true)
}

/// A page of the keys of others that grant the caller something.
#[inline(never)]
pub(crate) fn list_granted<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ListGrantedRequest,
    payload: &mut Payload,
) -> Result<ListResponse, Status> {
    payload.expect_empty()?;
    let caller = session.caller.identity()?;
    page(service, session, (None, request.cursor), |record| {
        policy::is_granted(record, &caller)
    })
}

fn page<P: Platform>(
    service: &mut Service<P>,
    session: &Session,
    (owner, cursor): (Option<Identity>, u32),
    shown: impl Fn(&KeyRecord) -> bool,
) -> Result<ListResponse, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    let caller = session.caller.identity()?;
    let mut keys = heapless::Vec::new();
    let next = keyring.vault.walk(
        platform,
        owner.as_ref(),
        cursor as usize,
        |record| shown(record).then(|| record.summary(&caller)),
        |summary| keys.push(summary).is_ok(),
    )?;
    Ok(ListResponse {
        keys,
        next: next.and_then(|next| u32::try_from(next).ok()),
    })
}
