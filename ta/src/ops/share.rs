//! `share`: a key for k of n holders ([`claviger_proto::shares`]).

use claviger_proto::{
    Digits, Export, State, Status,
    audit::Event,
    limits,
    message::*,
    shares::{
        BLINDING, ENCAPSULATED, HASH, Manifest, PUBLIC, SEALED, ShareSet, SharedVersion, TAG,
        share_info,
    },
};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::{
    Platform, Service, Session,
    crypto::{check_value, ecdh::x25519, ecdsa::p256, hpke, shamir},
    exchange::Payload,
    platform::random,
    policy,
    shares::{commitment, sign},
    vault::KeyRecord,
};

/// The holders' public keys.
type Holders = heapless::Vec<[u8; PUBLIC], { limits::SHARES }>;

/// Gives out shares of all versions of a key to the holders that its policy fixed: new ones at each
/// call, which do not combine with those given before.
#[inline(never)]
pub(crate) fn share<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ShareRequest,
    payload: &mut Payload,
) -> Result<ShareResponse, Status> {
    let (owner, label) = policy::managed(&session.caller, &request.key)?;
    let Service {
        keyring, platform, ..
    } = service;
    let key = keyring.vault.find(platform, &owner, label)?.clone();
    let (Export::Shares, Some(shares)) = (key.policy.export, &key.policy.shares) else {
        return Err(Status::NotExportable);
    };
    if key.state != State::Active {
        return Err(Status::WrongState);
    }
    policy::expect_level(&key.policy, platform)?;
    let holders = holders(payload.bytes(), shares)?;
    let device = keyring.vault.device_key(platform)?;
    let mut manifest = manifest(&key, shares, Digits(random(platform)?))?;
    manifest.device = p256::public_key(device.as_bytes())?;
    // Known before it is out.
    let caller = session.caller.identity()?;
    keyring
        .vault
        .record(platform, Some(caller), Event::Shared, |record| {
            record.owner = Some(owner);
            record.label = Some(label.clone());
            record.detail = shares.shares.into();
        })?;
    let length = manifest.text_len().saturating_add(SEALED);
    let given = payload.resize(length.saturating_mul(holders.len()))?;
    let sealed = split(platform, &key, &mut manifest, given, length).and_then(|()| {
        let covered = manifest.encode()?;
        let hash = Sha256::digest(&covered).into();
        seal(platform, &holders, &hash, given, length).map(|()| covered)
    });
    let covered = match sealed {
        Ok(covered) => covered,
        Err(error) => {
            given.zeroize();
            return Err(error);
        }
    };
    payload.append(&covered)?;
    payload.append(&sign(platform, &device, &covered)?)?;
    Ok(ShareResponse {
        set: manifest.set,
        shares: shares.shares,
        length: u32::try_from(length).map_err(|_| Status::Internal)?,
    })
}

/// The holders, if they are those of the policy, and none holds two shares.
fn holders(bytes: &[u8], shares: &SharePolicy) -> Result<Holders, Status> {
    let (keys, rest) = bytes.as_chunks::<PUBLIC>();
    let holders = Holders::from_slice(keys).map_err(|_| Status::WrongRecipients)?;
    let repeated = |(place, one): (usize, &[u8; PUBLIC])| {
        let mut before = holders.iter().take(place);
        before.any(|other| x25519::same(other, one))
    };
    let right = rest.is_empty()
        && holders.len() == usize::from(shares.shares)
        && shares.recipients.0 == <[u8; 32]>::from(Sha256::digest(bytes))
        && !holders.iter().enumerate().any(repeated);
    right.then_some(holders).ok_or(Status::WrongRecipients)
}

/// What there is to say of the shares before they are made.
fn manifest(key: &KeyRecord, shares: &SharePolicy, set: ShareSet) -> Result<Manifest, Status> {
    let mut versions = heapless::Vec::new();
    for version in &key.versions {
        let secret = version.secret.as_bytes();
        let version = SharedVersion {
            number: version.number,
            length: u8::try_from(secret.len()).map_err(|_| Status::Internal)?,
            check_value: Digits(check_value(secret)?),
        };
        versions.push(version).map_err(|_| Status::Internal)?;
    }
    Ok(Manifest {
        set,
        owner: key.owner,
        key: key.label.clone(),
        id: key.id,
        algorithm: key.algorithm,
        usage: key.usage,
        children: key.children,
        policy: key.policy.clone(),
        shares: shares.clone(),
        versions,
        commitments: heapless::Vec::new(),
        device: [0; p256::PUBLIC],
    })
}

/// Writes the text of each share where it will be sealed, and commits to it.
#[inline(never)]
fn split<P: Platform>(
    platform: &mut P,
    key: &KeyRecord,
    manifest: &mut Manifest,
    given: &mut [u8],
    length: usize,
) -> Result<(), Status> {
    let SharePolicy {
        threshold, shares, ..
    } = manifest.shares;
    for text in given.chunks_exact_mut(length) {
        platform.random(text_of(text)?.get_mut(..BLINDING).ok_or(Status::Internal)?)?;
    }
    let mut at = BLINDING;
    for version in &key.versions {
        let secret = version.secret.as_bytes();
        let end = at.saturating_add(secret.len());
        let parts = shamir::split(platform, secret, threshold, shares)?;
        for (text, (_, part)) in given.chunks_exact_mut(length).zip(parts.iter()) {
            let place = text_of(text)?.get_mut(at..end).ok_or(Status::Internal)?;
            place.copy_from_slice(part);
        }
        at = end;
    }
    let attributes = Sha256::digest(manifest.attributes()?).into();
    for (index, text) in (1..).zip(given.chunks_exact_mut(length)) {
        let commitment = commitment(&attributes, index, text_of(text)?);
        let commitments = &mut manifest.commitments;
        commitments.push(commitment).map_err(|_| Status::Internal)?;
    }
    Ok(())
}

/// Seals each text to its holder, bound to the manifest of this hash.
fn seal<P: Platform>(
    platform: &mut P,
    holders: &Holders,
    manifest: &[u8; HASH],
    given: &mut [u8],
    length: usize,
) -> Result<(), Status> {
    for ((index, text), holder) in (1..).zip(given.chunks_exact_mut(length)).zip(holders) {
        let info = share_info(manifest, index);
        let sealed = hpke::seal(platform, holder, &info, b"", text_of(text)?)?;
        *text.first_chunk_mut().ok_or(Status::Internal)? = sealed.enc;
        *text.last_chunk_mut().ok_or(Status::Internal)? = sealed.tag;
    }
    Ok(())
}

/// What lies between the encapsulated key and the tag.
fn text_of(sealed: &mut [u8]) -> Result<&mut [u8], Status> {
    let end = sealed.len().checked_sub(TAG).ok_or(Status::Internal)?;
    sealed.get_mut(ENCAPSULATED..end).ok_or(Status::Internal)
}
