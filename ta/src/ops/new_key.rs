//! What everything that makes a key has in common.

use claviger_proto::{
    Digits, Home, Identity, Origin, State, Status, Usage,
    message::{KeyDescription, NewKey},
};

use crate::{
    Platform,
    crypto::Secret,
    exchange::Payload,
    keyring::Keyring,
    platform::random,
    vault::{Counters, KeyRecord, Version},
};

/// The key that was asked for, of a usage that [`crate::policy::settle`] gave, with this secret.
pub(super) fn record(
    platform: &mut impl Platform,
    owner: Identity,
    new: NewKey,
    usage: Usage,
    origin: Origin,
    secret: Secret,
) -> Result<KeyRecord, Status> {
    // Both sides of a ratchet derive with it.
    if new.ratchet && !matches!(secret.as_bytes().len(), 16 | 32) {
        return Err(Status::BadKey);
    }
    let first = Version { number: 1, secret };
    let mut versions = heapless::Vec::new();
    versions.push(first).map_err(|_| Status::Internal)?;
    Ok(KeyRecord {
        label: new.key,
        owner,
        id: Digits(random(platform)?),
        algorithm: new.algorithm,
        usage,
        children: new.children,
        ratchet: new.ratchet,
        origin,
        state: if new.pre_activation {
            State::PreActivation
        } else {
            State::Active
        },
        policy: new.policy,
        version: 1,
        versions,
        counters: Counters::default(),
    })
}

/// Makes the key that was asked for and keeps it, or leaves it wrapped in the payload.
#[inline(never)]
pub(super) fn keep<P: Platform>(
    keyring: &mut Keyring<P>,
    platform: &mut P,
    owner: Identity,
    new: NewKey,
    usage: Usage,
    origin: Origin,
    secret: Secret,
    payload: &mut Payload,
) -> Result<KeyDescription, Status> {
    let (home, family) = (new.home, new.family.clone());
    let record = record(platform, owner, new, usage, origin, secret)?;
    match home {
        Home::Wrapped => keyring.wrap(platform, &record, family, payload),
        _ => {
            let description = record.describe(record.counters, Home::Vault, None);
            keyring.vault.insert(platform, record)?;
            payload.clear();
            Ok(description)
        }
    }
}
