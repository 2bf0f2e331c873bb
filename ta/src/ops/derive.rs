//! `derive`: a child of a derivation key, made a key of its own or let out.

use claviger_proto::{Origin, Permission, Status, message::*};

use super::new_key::keep;
use crate::{
    Platform, Service, Session, crypto::Secret, exchange::Payload, keyring::Work, policy,
};

/// Makes a key, or bytes that leave, of the child that calls would use under the same reference.
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
    let owner = session.caller.identity()?;
    let usage = match &request.output.new {
        Some(new) => Some(policy::settle(new, &owner)?),
        None => None,
    };
    let work = Work::new(Permission::Derive);
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    payload.expect_empty()?;
    policy::may_become(&key.record().policy, &request.output)?;
    let algorithm = key.algorithm()?;
    let secret = Secret::new(key.secret()?.as_bytes())?;
    let fits = match &request.output.new {
        Some(new) => new.algorithm == algorithm,
        None => request.output.length as usize == algorithm.key_len(),
    };
    if !fits {
        return Err(Status::UnsupportedUsage);
    }
    let key = match (request.output.new, usage) {
        (Some(new), Some(usage)) => {
            let origin = Origin::Derived;
            Some(keep(keyring, platform, owner, new, usage, origin, secret, payload)?)
        }
        _ => {
            payload.set(secret.as_bytes())?;
            None
        }
    };
    Ok(DerivedResponse { key, ciphertext: 0 })
}
