//! `list`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy};

/// A page of keys.
#[inline(never)]
pub(crate) fn list<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ListRequest,
    payload: &mut Payload,
) -> Result<ListResponse, Status> {
    payload.expect_empty()?;
    let owner = policy::subject(&session.caller, request.owner)?;
    let mut keys = heapless::Vec::new();
    let cursor = request.cursor as usize;
    let next = service
        .vault
        .walk(&mut service.platform, &owner, cursor, |description| {
            keys.push(description).is_ok()
        })?;
    Ok(ListResponse {
        keys,
        next: next.and_then(|next| u32::try_from(next).ok()),
    })
}
