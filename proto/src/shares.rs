//! Shares of a key: what k of n holders restore it from, on this device or another.
//!
//! A key whose policy fixed k, n and the holders is split for them (Shamir, byte by byte over
//! GF(2^8)), every version of it at once. Each share is encrypted to its holder by HPKE (RFC 9180,
//! base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM). With the shares goes a
//! manifest, signed by the device: what the key is, and what each share must be. To restore the key,
//! a device signs a request that names a key pair of its own, made for this alone; each holder opens
//! its share, checks it by the manifest, and encrypts it to that key. Integers are big-endian.
//!
//! ```text
//! manifest    = attributes || n commitments (32 each)
//! attributes  = "CLVS" || 2 (1) || 3 zeros || set (16, random) || owner of the key (17)
//!               || length of the label (1) || label || key id (16)
//!               || algorithm (1) || usage (1) || algorithm of its children (1; 0 none)
//!               || flags (1): bit 0 what is derived from it may leave, bit 1 its owner is fixed
//!               || permissions of its owner (2) || least context (4) || rollback level (4)
//!               || rotate after uses (8; 0 none) || rotate after bytes (8; 0 none)
//!               || number of grants (1) || grants
//!               || k (1) || n (1) || SHA-256 of the holders' public keys (32)
//!               || number of versions (1) || versions, the primary one last
//!               || public key of the device (65)
//! grant       = to (17) || permissions (2)
//! version     = number (4) || bytes of its secret (1) || check value of its secret (5)
//! request     = "CLVR" || 2 (1) || 3 zeros || set (16) || SHA-256(manifest) (32)
//!               || who will own the key (17) || public key of X25519 (32)
//!               || public key of the device (65)
//! signed      = manifest or request || r || s     ECDSA P-256 with SHA-256, by the device's key
//!
//! text        = blinding (32, random) || share of each version, in the manifest's order
//! commitment  = SHA-256("claviger commitment v2" || SHA-256(attributes) || index (1) || text)
//! sealed      = encapsulated key (32) || ciphertext || tag (16)
//! info        = "claviger share v2" || SHA-256(manifest) || index (1)         to the holder
//!             | "claviger restore v2" || SHA-256(manifest) || SHA-256(request) || index (1)
//!                                                                     to the device that restores
//! identity    = login (1) || UUID (16)            index: from 1, in the order of the holders
//! ```
//!
//! So a share is one of this key under this policy, and of nothing else. Whoever signs the attributes
//! anew with another policy, algorithm, usage or owner cannot use it: the commitments fit no text any
//! more, no holder's share opens under the other manifest, and what a holder encrypts to a request
//! for one manifest does not open in a restore of another.
//!
//! The polynomial of a byte is `f(x) = a_0 + a_1 x + .. + a_(k-1) x^(k-1)` over GF(2^8) modulo
//! `x^8 + x^4 + x^3 + x + 1`, `a_0` being the secret's byte and the others random; the share with
//! index x is `f(x)`, x = 1..n. With k of them,
//! `f(0) = sum over i of y_i * product over j != i of x_j / (x_j - x_i)`, where minus is plus.
//!
//! ```text
//! check value = the first 5 bytes of AES-CMAC(secret, 16 zeros)        of 16 or 32 bytes
//!             | the first 5 bytes of AES-CMAC(K, 16 zeros)             of any other number,
//!               K = HKDF-SHA256(salt "", secret, info "claviger check value", 32 bytes)
//! ```
//!
//! A commitment tells nothing of its share: the blinding alone is as much as SHA-256 can take in,
//! so a guess of the share, were it worth guessing, could not be tried on the commitment. Whoever
//! shows a text that fits it shows the share that the device made, since nobody finds two.
//!
//! A check value lets whoever has the manifest try guesses of the key; against random keys that is
//! of no use to anyone (see the trusted application's `check_value`).
//!
//! Format 1 of manifest and request had the set alone in commitments and info; it is not read.
//!
//! This module builds bytes; it computes neither hash nor signature.

use heapless::Vec;

use crate::{
    Algorithm, Digits, Export, Identity, KeyId, Label, Permissions, Status, Usage,
    fields::{Reader, Writer},
    limits,
    message::{Grant, Policy, SharePolicy},
};

/// Bytes of a holder's public key, and of one that a restore is done with.
pub const PUBLIC: usize = 32;
/// Bytes of the device's public key.
pub const DEVICE: usize = 65;
/// What stands before a device's public key in its SubjectPublicKeyInfo (RFC 5480). The fingerprint of
/// a device is the SHA-256 of the whole, as it is of every public key.
pub const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of its signature.
pub const SIGNATURE: usize = 64;
/// Bytes before the shares in a text.
pub const BLINDING: usize = 32;
/// Bytes of a text at most.
pub const TEXT: usize = BLINDING + limits::VERSIONS * SECRET;
/// Bytes of the encapsulated key of what is sealed.
pub const ENCAPSULATED: usize = 32;
/// Bytes of the tag of what is sealed.
pub const TAG: usize = 16;
/// Bytes by which what is sealed is longer than its text.
pub const SEALED: usize = ENCAPSULATED + TAG;
/// Bytes of a request, without its signature.
pub const REQUEST: usize = 8 + SET + HASH + IDENTITY + PUBLIC + DEVICE;
/// Bytes of a manifest at most, without its signature: every grant and version, the longest label.
pub const MANIFEST: usize = 8
    + SET
    + IDENTITY
    + (1 + Label::MAX)
    + 16
    + 4
    + (2 + 4 + 4 + 8 + 8)
    + (1 + limits::GRANTS * (IDENTITY + 2))
    + (2 + 32)
    + (1 + limits::VERSIONS * VERSION)
    + limits::SHARES * COMMITMENT
    + DEVICE;

/// The label of what a commitment is made of.
pub const COMMITMENT_LABEL: &[u8] = b"claviger commitment v2";
/// The label of the info of what is sealed to a holder.
pub const SHARE_LABEL: &[u8] = b"claviger share v2";
/// The label of the info of what is sealed to a device that restores.
pub const RESTORE_LABEL: &[u8] = b"claviger restore v2";

/// Bytes of a hash of a manifest, of its attributes, or of a request (SHA-256).
pub const HASH: usize = 32;

const SET: usize = 16;
const IDENTITY: usize = 17;
const COMMITMENT: usize = 32;
const SECRET: usize = 64;
const VERSION: usize = 4 + 1 + 5;
const BOUND: usize = 19 + 2 * HASH + 1;
const MANIFEST_FRONT: [u8; 8] = *b"CLVS\x02\0\0\0";
const REQUEST_FRONT: [u8; 8] = *b"CLVR\x02\0\0\0";

const _: () = assert!(MANIFEST + SIGNATURE == 805);
const _: () = assert!(RESTORE_LABEL.len() + 2 * HASH + 1 == BOUND);

/// The shares of one key that were made at once.
pub type ShareSet = Digits<SET>;

/// What a text is committed to with, before the text, `attributes` being the hash of the manifest's.
///
/// What is made here and by [`share_info`] and [`restore_info`] has three lengths: no two make the
/// same bytes.
#[must_use]
pub fn committed(attributes: &[u8; HASH], index: u8) -> Vec<u8, BOUND> {
    join([COMMITMENT_LABEL, attributes, &[], &[index]])
}

/// The info of what is sealed to a holder, `manifest` being the hash of the manifest.
#[must_use]
pub fn share_info(manifest: &[u8; HASH], index: u8) -> Vec<u8, BOUND> {
    join([SHARE_LABEL, manifest, &[], &[index]])
}

/// The info of what is sealed to a device that restores, `manifest` and `request` being the hashes
/// of those.
#[must_use]
pub fn restore_info(manifest: &[u8; HASH], request: &[u8; HASH], index: u8) -> Vec<u8, BOUND> {
    join([RESTORE_LABEL, manifest, request, &[index]])
}

fn join(parts: [&[u8]; 4]) -> Vec<u8, BOUND> {
    // The longest, with two hashes, fits.
    parts.into_iter().flatten().copied().take(BOUND).collect()
}

/// Parts what was signed from its signature.
#[must_use]
pub fn split_signed(bytes: &[u8]) -> Option<(&[u8], &[u8; SIGNATURE])> {
    bytes.split_last_chunk()
}

/// What was shared, and what each share must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Random: no two sets share it.
    pub set: ShareSet,
    /// Whose key it was.
    pub owner: Identity,
    /// What it was called.
    pub key: Label,
    /// Its random identifier.
    pub id: KeyId,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its usage.
    pub usage: Usage,
    /// What its children are, if it is a derivation key.
    pub children: Option<Algorithm>,
    /// Its policy: [`Export::Shares`], and no bound on its uses.
    pub policy: Policy,
    /// How it was shared out; as in its policy.
    pub shares: SharePolicy,
    /// Every version of it, the primary one last.
    pub versions: Vec<SharedVersion, { limits::VERSIONS }>,
    /// What the text of each share must come to.
    pub commitments: Vec<Digits<COMMITMENT>, { limits::SHARES }>,
    /// The device that shared it.
    pub device: [u8; DEVICE],
}

/// A version of a key that was shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedVersion {
    /// From 1.
    pub number: u32,
    /// Bytes of its secret, and of each share of it.
    pub length: u8,
    /// The check value of its secret.
    pub check_value: Digits<5>,
}

impl Manifest {
    /// The bytes that each commitment binds: all but the commitments.
    ///
    /// # Errors
    /// [`Status::Internal`] if they do not fit, which their lengths rule out.
    pub fn attributes(&self) -> Result<Vec<u8, MANIFEST>, Status> {
        let mut bytes = Vec::new();
        bytes
            .resize_default(MANIFEST)
            .map_err(|_| Status::Internal)?;
        let mut to = Writer::new(&mut bytes);
        let left = self.put(&mut to).map(|()| to.left());
        bytes.truncate(MANIFEST.saturating_sub(left.ok_or(Status::Internal)?));
        Ok(bytes)
    }

    /// The bytes that are signed.
    ///
    /// # Errors
    /// [`Status::Internal`] if the policy is none that [`Manifest::decode`] gives.
    pub fn encode(&self) -> Result<Vec<u8, MANIFEST>, Status> {
        let mut bytes = self.attributes()?;
        for commitment in &self.commitments {
            bytes
                .extend_from_slice(&commitment.0)
                .map_err(|_| Status::Internal)?;
        }
        if Manifest::decode(&bytes).as_ref() != Some(self) {
            return Err(Status::Internal);
        }
        Ok(bytes)
    }

    fn put(&self, to: &mut Writer<'_>) -> Option<()> {
        let policy = &self.policy;
        let flags = u8::from(policy.export_derived) | u8::from(policy.fixed_owner) << 1;
        to.put(&MANIFEST_FRONT)?;
        to.put(&self.set.0)?;
        to.put_identity(&self.owner)?;
        to.put_short(self.key.as_str().as_bytes())?;
        to.put(&self.id.0)?;
        to.put(&[
            self.algorithm as u8,
            self.usage as u8,
            self.children.map_or(0, |algorithm| algorithm as u8),
            flags,
        ])?;
        to.put(&policy.owner.bits().to_be_bytes())?;
        to.put(&policy.min_context.to_be_bytes())?;
        to.put(&policy.rollback_level.to_be_bytes())?;
        to.put_number(policy.rotate_after_uses)?;
        to.put_number(policy.rotate_after_bytes)?;
        to.put(&[u8::try_from(policy.grants.len()).ok()?])?;
        for grant in &policy.grants {
            to.put_identity(&grant.to)?;
            to.put(&grant.may.bits().to_be_bytes())?;
        }
        to.put(&[self.shares.threshold, self.shares.shares])?;
        to.put(&self.shares.recipients.0)?;
        to.put(&[u8::try_from(self.versions.len()).ok()?])?;
        for version in &self.versions {
            to.put(&version.number.to_be_bytes())?;
            to.put(&[version.length])?;
            to.put(&version.check_value.0)?;
        }
        to.put(&self.device)
    }

    /// Reads what was signed. It is not authentic yet.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Manifest> {
        let mut from = Reader::new(bytes);
        if from.take()? != MANIFEST_FRONT {
            return None;
        }
        let set = Digits(from.take()?);
        let owner = from.take_identity()?;
        let key = from.take_label()?;
        let id = Digits(from.take()?);
        let [algorithm, usage, children, flags] = from.take()?;
        let (policy, shares) = take_policy(&mut from, flags)?;
        let mut versions = Vec::<SharedVersion, _>::new();
        for _ in 0..from.take_byte()? {
            let version = SharedVersion {
                number: from.take_u32()?,
                length: from.take_byte()?,
                check_value: Digits(from.take()?),
            };
            let before = versions.last().map_or(0, |before| before.number);
            let rises = version.number > before;
            if !rises || !(1..=SECRET).contains(&usize::from(version.length)) {
                return None;
            }
            versions.push(version).ok()?;
        }
        let device = from.take()?;
        let mut commitments = Vec::new();
        for _ in 0..shares.shares {
            commitments.push(Digits(from.take()?)).ok()?;
        }
        let manifest = Manifest {
            set,
            owner,
            key,
            id,
            algorithm: Algorithm::try_from(algorithm).ok()?,
            usage: Usage::try_from(usage).ok()?,
            children: match children {
                0 => None,
                number => Some(Algorithm::try_from(number).ok()?),
            },
            policy,
            shares,
            versions,
            commitments,
            device,
        };
        let whole = from.rest().is_empty() && !manifest.versions.is_empty();
        whole.then_some(manifest)
    }

    /// Bytes of the text of each share.
    #[must_use]
    pub fn text_len(&self) -> usize {
        let shares = self.versions.iter().map(|one| usize::from(one.length));
        shares.fold(BLINDING, usize::saturating_add)
    }

    /// What the text of this share must come to, if there is such a share.
    #[must_use]
    pub fn commitment(&self, index: u8) -> Option<&Digits<COMMITMENT>> {
        let place = usize::from(index).checked_sub(1)?;
        self.commitments.get(place)
    }

    /// The part of a share's text that is of each version, in the order of the versions.
    pub fn parts<'a>(
        &'a self,
        text: &'a [u8],
    ) -> impl Iterator<Item = (&'a SharedVersion, &'a [u8])> {
        let mut rest = text.get(BLINDING..).unwrap_or_default();
        self.versions.iter().map_while(move |version| {
            let (part, behind) = rest.split_at_checked(version.length.into())?;
            rest = behind;
            Some((version, part))
        })
    }
}

fn take_policy(from: &mut Reader<'_>, flags: u8) -> Option<(Policy, SharePolicy)> {
    if flags > 3 {
        return None;
    }
    let owner = Permissions::from_bits(u16::from_be_bytes(from.take()?))?;
    let min_context = from.take_u32()?;
    let rollback_level = from.take_u32()?;
    let rotate_after_uses = from.take_number()?;
    let rotate_after_bytes = from.take_number()?;
    let mut grants = Vec::new();
    for _ in 0..from.take_byte()? {
        let grant = Grant {
            to: from.take_identity()?,
            may: Permissions::from_bits(u16::from_be_bytes(from.take()?))?,
        };
        grants.push(grant).ok()?;
    }
    let [threshold, count] = from.take()?;
    let shares = SharePolicy {
        threshold,
        shares: count,
        recipients: Digits(from.take()?),
    };
    let policy = Policy {
        owner,
        grants,
        max_uses: None,
        min_context,
        rotate_after_uses,
        rotate_after_bytes,
        export: Export::Shares,
        shares: Some(shares.clone()),
        export_derived: flags & 1 != 0,
        rollback_level,
        fixed_owner: flags & 2 != 0,
    };
    shares.fits().then_some((policy, shares))
}

/// What a device that restores a key asks of its holders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRequest {
    /// The shares that it wants.
    pub set: ShareSet,
    /// SHA-256 of the manifest by which it restores: what the key will be there.
    pub manifest: [u8; HASH],
    /// Whose the key will be there.
    pub owner: Identity,
    /// What to encrypt them to: good for this one restore.
    pub public_key: [u8; PUBLIC],
    /// The device that asks.
    pub device: [u8; DEVICE],
}

impl RestoreRequest {
    /// The bytes that are signed.
    #[must_use]
    pub fn encode(&self) -> [u8; REQUEST] {
        let owner = [self.owner.login as u8];
        let parts: [&[u8]; 7] = [
            &REQUEST_FRONT,
            &self.set.0,
            &self.manifest,
            &owner,
            &self.owner.id.0,
            &self.public_key,
            &self.device,
        ];
        let mut bytes = [0; REQUEST];
        for (place, byte) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *place = *byte;
        }
        bytes
    }

    /// Reads what was signed. It is not authentic yet.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<RestoreRequest> {
        let mut from = Reader::new(bytes);
        if from.take()? != REQUEST_FRONT {
            return None;
        }
        let request = RestoreRequest {
            set: Digits(from.take()?),
            manifest: from.take()?,
            owner: from.take_identity()?,
            public_key: from.take()?,
            device: from.take()?,
        };
        from.rest().is_empty().then_some(request)
    }
}

#[cfg(test)]
mod tests;
