//! What everything that makes a key has in common.

use claviger_proto::{Digits, Home, Origin, State, Status, message::KeyDescription};

use crate::{
    Platform,
    crypto::Secret,
    exchange::Payload,
    keyring::Keyring,
    platform::random,
    policy::Settled,
    vault::{Counters, KeyRecord, Tag, Version},
};

/// The key that was asked for, with this secret.
pub(super) fn record(
    platform: &mut impl Platform,
    settled: Settled,
    origin: Origin,
    secret: Secret,
) -> Result<KeyRecord, Status> {
    let Settled { owner, new, usage } = settled;
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
        tag: Tag::draw(platform)?,
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
    payload: &mut Payload,
    settled: Settled,
    origin: Origin,
    secret: Secret,
) -> Result<KeyDescription, Status> {
    let (home, family) = (settled.new.home, settled.new.family.clone());
    let caller = settled.owner;
    let record = record(platform, settled, origin, secret)?;
    match home {
        Home::Wrapped => keyring.wrap(platform, &record, (false, family), payload),
        _ => {
            let description = record.describe(record.counters, Home::Vault, None);
            keyring.vault.insert(platform, record, caller)?;
            payload.clear();
            Ok(description)
        }
    }
}

/// Makes a derived secret the key that was asked for, or leaves it as it is in the payload.
pub(super) fn become_key<P: Platform>(
    keyring: &mut Keyring<P>,
    platform: &mut P,
    payload: &mut Payload,
    settled: Option<Settled>,
    secret: Secret,
) -> Result<Option<KeyDescription>, Status> {
    match settled {
        Some(settled) => {
            keep(keyring, platform, payload, settled, Origin::Derived, secret).map(Some)
        }
        None => {
            payload.set(secret.as_bytes())?;
            Ok(None)
        }
    }
}
