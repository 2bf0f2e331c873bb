//! `list`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy};

/// A page of keys: those of the owner in which the caller has a part.
#[inline(never)]
pub(crate) fn list<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ListRequest,
    payload: &mut Payload,
) -> Result<ListResponse, Status> {
    payload.expect_empty()?;
    let Service {
        keyring, platform, ..
    } = service;
    let caller = &session.caller;
    let owner = request.owner.map_or_else(|| caller.identity(), Ok)?;
    let mut keys = heapless::Vec::new();
    let next = keyring.vault.walk(
        platform,
        &owner,
        request.cursor as usize,
        |record| policy::has_part(record, caller),
        |summary| keys.push(summary).is_ok(),
    )?;
    Ok(ListResponse {
        keys,
        next: next.and_then(|next| u32::try_from(next).ok()),
    })
}
