//! `derive`: a child of a derivation key, made a key of its own or let out.

use claviger_proto::{Permission, Status, message::*};

use super::new_key::become_key;
use crate::{Platform, Service, Session, crypto::Secret, exchange::Payload, keyring::Work, policy};

/// Makes a key, or bytes that leave, of a child: the one that calls use under the same reference,
/// or, in a role that this one has not, another one.
#[inline(never)]
pub(crate) fn derive<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: DeriveRequest,
    payload: &mut Payload,
) -> Result<DerivedResponse, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    if request.key.child.is_none() {
        return Err(Status::NoChildren);
    }
    let Output { new, length } = request.output;
    let settle = |new| policy::settle(new, &session.caller);
    let settled = new.map(settle).transpose()?;
    let work = Work::new(Permission::Derive);
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    payload.expect_empty()?;
    let algorithm = key.algorithm()?;
    let fits = match &settled {
        // Of a key under random nonces there must be one only: it counts its uses.
        Some(settled) => settled.new.algorithm == algorithm && algorithm.use_limit().is_none(),
        None => length as usize == algorithm.key_len(),
    };
    if !fits {
        return Err(Status::UnsupportedUsage);
    }
    policy::may_become(key.record(), &session.caller, settled.as_ref())?;
    let secret = match &settled {
        Some(settled) => key.child_as(&settled.role())?,
        None => Secret::new(key.secret()?.as_bytes())?,
    };
    let key = become_key(keyring, platform, payload, settled, secret)?;
    Ok(DerivedResponse { key, ciphertext: 0 })
}
