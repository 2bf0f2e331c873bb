//! `wrap`, `revoke` and `unwrap`.

use claviger_proto::{Export, Origin, Permission, Status, audit::Event, message::*};
use zeroize::Zeroize;

use super::new_key::keep;
use crate::{
    Platform, Service, Session,
    crypto::{Secret, key_wrap},
    exchange::Payload,
    keyring::Work,
    policy,
    vault::KeyRecord,
};

/// Gives out a key of the vault as a wrapped key, with its primary version. The copy serves while
/// the key does, in that version, and as its policy is by then.
#[inline(never)]
pub(crate) fn wrap<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: WrapRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    payload.expect_empty()?;
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let Service {
        keyring, platform, ..
    } = service;
    let record = keyring.vault.find(platform, &owner, label)?;
    if record.policy.export != Export::Wrapped {
        return Err(Status::NotExportable);
    }
    if !record.state.serves(Permission::Seal, false) {
        return Err(Status::WrongState);
    }
    policy::expect_level(&record.policy, platform)?;
    if record.is_counted() {
        return Err(Status::Immutable);
    }
    let mut copy: KeyRecord = record.clone();
    let primary = copy.version;
    copy.keep_versions(|number| number == primary);
    // What is wrapped does not leave in another form.
    copy.policy.export = Export::Nothing;
    // Known before it is out.
    let caller = session.caller.identity()?;
    keyring
        .vault
        .record(platform, Some(caller), Event::Wrapped, |record| {
            record.owner = Some(owner);
            record.label = Some(label.clone());
        })?;
    keyring.wrap(platform, &copy, (true, request.family), payload)
}

/// Ends wrapped keys that were made before.
#[inline(never)]
pub(crate) fn revoke<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RevokeRequest,
    payload: &mut Payload,
) -> Result<Generation, Status> {
    payload.expect_empty()?;
    let caller = session.caller.identity()?;
    let owner = policy::subject(&session.caller, request.owner)?;
    let Service {
        keyring, platform, ..
    } = service;
    let generation = keyring.revoke(platform, &owner, request.family.as_ref(), caller)?;
    Ok(Generation { generation })
}

/// Takes a key that came wrapped by AES-KW or AES-KWP, of the one role that the key-encryption key
/// brings in. A locked vault takes it too, under a key-encryption key that came before the lock. One
/// that was generated here is known outside only to whoever was given its shares: he would choose the
/// bytes that come in.
#[inline(never)]
pub(crate) fn unwrap<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: UnwrapRequest,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    // A child would take in keys of the algorithm that it has itself.
    if request.key.child.is_some() {
        return Err(Status::NoChildren);
    }
    let settled = policy::settle(request.new, &session.caller)?;
    let work = Work::new(Permission::Unwrap);
    let locked = keyring.vault.is_locked(platform)?;
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    policy::may_become(key.record(), &session.caller, Some(&settled))?;
    let role = key.record().children;
    let default = settled.new.algorithm.usages().first() == Some(&settled.usage);
    if role != Some(settled.new.algorithm) || !default || settled.new.ratchet {
        return Err(Status::UnsupportedUsage);
    }
    let came_before = matches!(key.record().origin, Origin::Imported | Origin::Assembled);
    if locked && !came_before {
        return Err(Status::Locked);
    }
    let secret = key.secret_of(request.version.unwrap_or(key.version()))?;
    let unwrapped = if request.padded {
        key_wrap::unwrap_padded(secret.as_bytes(), payload.bytes())
    } else {
        key_wrap::unwrap(secret.as_bytes(), payload.bytes())
    };
    payload.bytes_mut().zeroize();
    payload.clear();
    let secret = Secret::import(settled.new.algorithm, unwrapped?.as_bytes())?;
    keep(
        keyring,
        platform,
        payload,
        settled,
        Origin::Received,
        secret,
    )
}
