//! `restore-start`, `restore-share` and `restore-cancel`: a key from the shares of k holders
//! ([`claviger_proto::shares`]).
//!
//! Whoever asks says which device he trusts to have shared the key; should that be a forged one, the
//! key that he gets is known to the forger, as one that he agreed on with the forger would be. Its
//! origin says that it was received, and the audit log whose word was believed. A locked vault
//! believes only its own device and those that uid 0 named before the lock.

use claviger_proto::{
    Home, Origin, State, Status,
    audit::Event,
    limits,
    message::*,
    shares::{
        ENCAPSULATED, HASH, Manifest, RestoreRequest, SEALED, TAG, TEXT, restore_info, split_signed,
    },
};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    Platform, Service, Session,
    ceremonies::{Restore, Share},
    crypto::{Secret, check_value, ecdsa::p256, hpke},
    exchange::Payload,
    policy::{self, Settled},
    session::Caller,
    shares::{Bound, commitment, fingerprint, sign, verify},
    vault::{Counters, KeyRecord, Tag, Version},
};

/// Begins to restore a key under its label, as the caller's, and asks its holders for their shares.
#[inline(never)]
pub(crate) fn restore_start<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RestoreStartRequest,
    payload: &mut Payload,
) -> Result<RestoreStartResponse, Status> {
    let Service {
        keyring,
        platform,
        ceremonies,
        ..
    } = service;
    let (manifest, hash) = authentic(payload.bytes(), &request)?;
    keyring.vault.expect_trusted(platform, &manifest.device)?;
    let settled = settle(&manifest, &session.caller)?;
    let owner = settled.owner;
    keyring.vault.expect_free(platform, &owner, &manifest.key)?;
    let private = hpke::generate(platform)?;
    let device = keyring.vault.device_key(platform)?;
    let asked = RestoreRequest {
        set: manifest.set,
        manifest: hash,
        owner,
        public_key: hpke::public_key(private.as_slice())?,
        device: p256::public_key(device.as_bytes())?,
    }
    .encode();
    let signature = sign(platform, &device, &asked)?;
    let (key, expected) = (manifest.key.clone(), manifest.shares.threshold);
    let timeout = limits::RESTORE_SECONDS;
    let bound = Bound {
        attributes: Sha256::digest(manifest.attributes()?).into(),
        manifest: hash,
        request: Sha256::digest(asked).into(),
    };
    let restore = Restore::new(manifest, bound, private)?;
    let holder = |whose| keyring.vault.holder(whose);
    let restore = ceremonies
        .restores
        .begin(platform, owner, timeout, restore, holder)?;
    payload.set(&asked)?;
    payload.append(&signature)?;
    Ok(RestoreStartResponse {
        restore,
        key,
        expected,
        timeout,
    })
}

/// Takes a share; with the last that is wanted the key is restored. If that fails, the others stay
/// and the last can be given again.
#[inline(never)]
pub(crate) fn restore_share<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RestoreShareRequest,
    payload: &mut Payload,
) -> Result<RestoreShareResponse, Status> {
    let Service {
        keyring,
        platform,
        ceremonies,
        ..
    } = service;
    let caller = session.caller.identity()?;
    let restores = &mut ceremonies.restores;
    let ceremony = restores.find(&request.restore, |one| one.owner == caller)?;
    let restore = &mut ceremony.of;
    // The lock may have come since.
    let device = restore.manifest.device;
    keyring.vault.expect_trusted(platform, &device)?;
    if restore.has(request.index) {
        return Err(Status::AlreadyEntered);
    }
    let share = open(restore, request.index, payload.bytes_mut());
    payload.bytes_mut().zeroize();
    payload.clear();
    // Its memory was there from the beginning.
    restore.entered.push(share?);
    let threshold = restore.manifest.shares.threshold;
    let mut response = RestoreShareResponse {
        entered: u8::try_from(restore.entered.len()).map_err(|_| Status::Internal)?,
        expected: threshold,
        key: None,
    };
    if !restore.is_complete() {
        return Ok(response);
    }
    let record = restored(platform, restore, &session.caller);
    let kept = record.and_then(|record| {
        // Known before the key is there.
        keyring
            .vault
            .record(platform, Some(caller), Event::Restored, |event| {
                event.owner = Some(record.owner);
                event.label = Some(record.label.clone());
                event.device = Some(fingerprint(&device));
            })?;
        let description = record.describe(record.counters, Home::Vault, None);
        keyring.vault.insert(platform, record, caller)?;
        Ok(description)
    });
    match kept {
        Ok(description) => {
            response.key = Some(description);
            restores.end(&request.restore);
            Ok(response)
        }
        Err(error) => {
            let others = restore.entered.len().saturating_sub(1);
            restore.entered.truncate(others);
            Err(error)
        }
    }
}

/// Forgets the shares that are in.
#[inline(never)]
pub(crate) fn restore_cancel<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: RestoreCancelRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let caller = session.caller.identity()?;
    let administrator = session.caller.is_administrator();
    let restores = &mut service.ceremonies.restores;
    restores.find(&request.restore, |one| administrator || one.owner == caller)?;
    restores.end(&request.restore);
    Ok(Done {})
}

/// The manifest and its hash, if the device that the caller trusts signed it.
#[inline(never)]
fn authentic(
    signed: &[u8],
    request: &RestoreStartRequest,
) -> Result<(Manifest, [u8; HASH]), Status> {
    let (covered, signature) = split_signed(signed).ok_or(Status::NotAuthentic)?;
    let manifest = Manifest::decode(covered).ok_or(Status::NotAuthentic)?;
    if request.device != fingerprint(&manifest.device) {
        return Err(Status::NotAuthentic);
    }
    verify(&manifest.device, covered, signature)?;
    Ok((manifest, Sha256::digest(covered).into()))
}

/// Whether a key can be what the manifest says, as the caller's.
fn settle(manifest: &Manifest, caller: &Caller) -> Result<Settled, Status> {
    let takes = |length: u8| manifest.algorithm.takes_key_len(length.into());
    if !manifest
        .versions
        .iter()
        .all(|version| takes(version.length))
    {
        return Err(Status::BadKey);
    }
    if manifest.policy.fixed_owner && manifest.owner != caller.identity()? {
        return Err(Status::OwnerFixed);
    }
    let new = NewKey {
        key: manifest.key.clone(),
        algorithm: manifest.algorithm,
        usage: Some(manifest.usage),
        children: manifest.children,
        ratchet: false,
        pre_activation: false,
        home: Home::Vault,
        family: None,
        policy: manifest.policy.clone(),
        recipients: heapless::Vec::new(),
    };
    policy::settle_restored(new, caller)
}

/// Opens a share in place and checks it: whatever is wrong with it, it is not authentic.
#[inline(never)]
fn open(restore: &Restore, index: u8, sealed: &mut [u8]) -> Result<Share, Status> {
    let manifest = &restore.manifest;
    let expected = manifest.commitment(index).ok_or(Status::NotAuthentic)?;
    let length = manifest.text_len();
    if sealed.len() != length.saturating_add(SEALED) {
        return Err(Status::NotAuthentic);
    }
    let parts = hpke::Sealed {
        enc: *sealed.first_chunk().ok_or(Status::NotAuthentic)?,
        tag: *sealed.last_chunk().ok_or(Status::NotAuthentic)?,
    };
    let end = sealed.len().saturating_sub(TAG);
    let text = sealed
        .get_mut(ENCAPSULATED..end)
        .ok_or(Status::NotAuthentic)?;
    let bound = &restore.bound;
    let info = restore_info(&bound.manifest, &bound.request, index);
    hpke::open(restore.private.as_slice(), &info, b"", text, &parts)?;
    if commitment(&bound.attributes, index, text) != *expected {
        return Err(Status::NotAuthentic);
    }
    let mut share = Share {
        index,
        text: Zeroizing::new([0; TEXT]),
    };
    let place = share.text.get_mut(..length).ok_or(Status::Internal)?;
    place.copy_from_slice(text);
    Ok(share)
}

/// The key, of the shares that are in: as it was when they were made, with the id by which what it
/// sealed knows it. It is another record than that one, so wrapped copies of that one do not serve
/// as copies of this. How often it has been used since nobody knows, so whatever bounds the uses of
/// one version counts as reached: it opens what there is, and gives way by rotation.
#[inline(never)]
fn restored(
    platform: &mut impl Platform,
    restore: &Restore,
    caller: &Caller,
) -> Result<KeyRecord, Status> {
    let manifest = &restore.manifest;
    let settled = settle(manifest, caller)?;
    let mut versions = heapless::Vec::new();
    for (place, version) in manifest.versions.iter().enumerate() {
        let secret = restore.combine(place)?;
        if check_value(secret.as_bytes())? != version.check_value.0 {
            return Err(Status::NotAuthentic);
        }
        let version = Version {
            number: version.number,
            secret: Secret::import(manifest.algorithm, secret.as_bytes())?,
        };
        versions.push(version).map_err(|_| Status::Internal)?;
    }
    let primary = versions.last().ok_or(Status::Internal)?;
    let policy = settled.new.policy;
    let mut record = KeyRecord {
        label: settled.new.key,
        owner: settled.owner,
        id: manifest.id,
        tag: Tag::draw(platform)?,
        algorithm: manifest.algorithm,
        usage: settled.usage,
        children: manifest.children,
        ratchet: false,
        origin: Origin::Received,
        state: State::Active,
        version: primary.number,
        versions,
        counters: Counters::default(),
        policy,
    };
    let uses = [record.use_limit(), record.policy.rotate_after_uses];
    record.counters.version_uses = uses.into_iter().flatten().max().unwrap_or(0);
    record.counters.version_bytes = record.policy.rotate_after_bytes.unwrap_or(0);
    Ok(record)
}
