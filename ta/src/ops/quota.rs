//! `quota-show` and `quota-set`: how many keys of the vault an owner may have.

use claviger_proto::{Identity, Status, message::*};

use crate::{Platform, Service, Session, exchange::Payload, policy, vault::KEYS};

/// Shows how many keys an owner may have, and has.
#[inline(never)]
pub(crate) fn quota_show<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: QuotaShowRequest,
    payload: &mut Payload,
) -> Result<Quota, Status> {
    payload.expect_empty()?;
    let owner = policy::subject(&session.caller, request.owner)?;
    quota(service, owner)
}

/// Says how many keys an owner may have. Where he has more, they stay, and he gets no further ones.
#[inline(never)]
pub(crate) fn quota_set<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: QuotaSetRequest,
    payload: &mut Payload,
) -> Result<Quota, Status> {
    payload.expect_empty()?;
    let QuotaSetRequest { owner, keys } = request;
    if owner == Identity::ADMINISTRATOR {
        return Err(Status::NoQuota);
    }
    let keys = u16::try_from(keys).map_err(|_| Status::BadHeader)?;
    if usize::from(keys) > KEYS {
        return Err(Status::BadHeader);
    }
    let caller = session.caller.identity()?;
    let (vault, platform) = (&mut service.keyring.vault, &mut service.platform);
    vault.set_quota(platform, owner, keys, caller)?;
    quota(service, owner)
}

fn quota<P: Platform>(service: &mut Service<P>, owner: Identity) -> Result<Quota, Status> {
    let (vault, platform) = (&mut service.keyring.vault, &mut service.platform);
    let (keys, held, set) = vault.quota(platform, &owner)?;
    let number = |number: usize| u32::try_from(number).map_err(|_| Status::Internal);
    Ok(Quota {
        owner,
        keys: number(keys)?,
        held: number(held)?,
        set,
    })
}
