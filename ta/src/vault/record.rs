//! A key as the vault holds it, and as a wrapped key carries it.
//!
//! ```text
//! record, integers big-endian; a short field is one byte of length and so many bytes
//!    1     login of the owner: 1 user, 2 group
//!   16     UUID of the owner
//!    .     label, short
//!   16     key id
//!   16     its [`Tag`]
//!    6     algorithm, usage, algorithm of children (0: none), origin, state (the numbers of the
//!          contract), flags: bit 0 derived keys may leave, bit 1 ratcheted, bit 2 the owner is fixed
//!    4     the version that produces
//!   24     three counters, see [`Counters`]
//!   11     policy: permissions of the owner (2), export (1), least context (4), rollback level (4)
//!   24     policy: most uses, uses and bytes after which a version gives way; 0: none
//!   34     policy: threshold, number of shares, recipients; zeros: no shares
//!    .     grants: one byte of count; for each login (1), UUID (16), permissions (2)
//!    .     versions: one byte of count; for each its number (4), its secret, short
//! ```

use claviger_proto::{
    Algorithm, Digits, Export, Home, Identity, KeyId, Label, Origin, Permissions, State, Status,
    Usage, limits,
    message::{Grant, KeyDescription, KeySummary, Policy, SharePolicy},
};

use crate::{
    crypto::{Secret, check_value},
    fields::{Reader, Writer},
    platform::{Platform, random},
};

const EXPORT_DERIVED: u8 = 1;
const RATCHET: u8 = 2;
const FIXED_OWNER: u8 = 4;

/// A key: what `describe` shows of it, and its secrets.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    /// Its name, unique for its owner.
    pub label: Label,
    /// Whose it is.
    pub owner: Identity,
    /// Random, drawn when the key was made: what it sealed knows it by that. Shares bring it back.
    pub id: KeyId,
    /// Which record this is.
    pub tag: Tag,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its usage.
    pub usage: Usage,
    /// What its children are.
    pub children: Option<Algorithm>,
    /// Whether its next version is computed from this one.
    pub ratchet: bool,
    /// How it came here.
    pub origin: Origin,
    /// Its state.
    pub state: State,
    /// Who may do what with it.
    pub policy: Policy,
    /// The version that produces.
    pub version: u32,
    /// Every version whose secret there is, oldest first.
    pub versions: heapless::Vec<Version, { limits::VERSIONS }>,
    /// How much of it is used up.
    pub counters: Counters,
}

/// Which record this is: random, drawn whenever a record is made, also by a restore. Wrapped copies
/// of the key carry it, and whatever is begun with the key remembers it; nothing else goes on with
/// either.
///
/// Label, id and version number of a key can be chosen from outside, by a manifest of shares. The
/// tag cannot: it never leaves the trusted application but inside a wrapped key, and no request
/// holds one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tag([u8; 16]);

impl Tag {
    /// Another one.
    ///
    /// # Errors
    /// [`Status::RandomFailed`].
    pub fn draw(platform: &mut impl Platform) -> Result<Tag, Status> {
        random(platform).map(Tag)
    }

    /// That of the tests, and of what the workstation keeps for the next process.
    #[cfg(any(test, feature = "workstation"))]
    #[must_use]
    pub const fn of(bytes: [u8; 16]) -> Tag {
        Tag(bytes)
    }

    /// For what the workstation keeps for the next process.
    #[cfg(feature = "workstation")]
    pub(crate) const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl core::fmt::Debug for Tag {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tag(..)")
    }
}

/// One version of a key.
#[derive(Debug, Clone)]
pub struct Version {
    /// From 1.
    pub number: u32,
    /// Its secret.
    pub secret: Secret,
}

/// What is reserved of a key's bounds, in storage: at a start, all of it counts as used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Calls that use the key.
    pub uses: u64,
    /// Calls that produce with its primary version.
    pub version_uses: u64,
    /// Bytes that its primary version seals or encrypts.
    pub version_bytes: u64,
}

impl Counters {
    /// The counters less what is not used yet of what is reserved.
    #[must_use]
    pub(super) fn less(self, unused: Counters) -> Counters {
        Counters {
            uses: self.uses.saturating_sub(unused.uses),
            version_uses: self.version_uses.saturating_sub(unused.version_uses),
            version_bytes: self.version_bytes.saturating_sub(unused.version_bytes),
        }
    }

    /// The counters and so much more.
    #[must_use]
    pub(super) fn more(self, added: Counters) -> Counters {
        Counters {
            uses: self.uses.saturating_add(added.uses),
            version_uses: self.version_uses.saturating_add(added.version_uses),
            version_bytes: self.version_bytes.saturating_add(added.version_bytes),
        }
    }

    /// Whether each is at most the other's.
    #[must_use]
    pub(super) fn within(self, other: Counters) -> bool {
        self.uses <= other.uses
            && self.version_uses <= other.version_uses
            && self.version_bytes <= other.version_bytes
    }
}

impl KeyRecord {
    /// Everything but the secrets; of its counters, `used` is what was truly used. The check value is
    /// for who made the key, its owner and uid 0 only.
    #[must_use]
    pub fn describe(&self, used: Counters, home: Home, family: Option<Label>) -> KeyDescription {
        let policy = &self.policy;
        let counted = policy.rotate_after_uses.is_some() || self.use_limit().is_some();
        let secret = self.secret(self.version);
        let secret = secret.filter(|_| !self.algorithm.has_public_half());
        KeyDescription {
            key: self.label.clone(),
            id: self.id,
            algorithm: self.algorithm,
            usage: self.usage,
            children: self.children,
            ratchet: self.ratchet,
            origin: self.origin,
            state: self.state,
            version: self.version,
            versions: self.versions.iter().map(|version| version.number).collect(),
            owner: self.owner,
            home,
            family,
            uses_left: policy.max_uses.map(|most| most.saturating_sub(used.uses)),
            version_uses: counted.then_some(used.version_uses),
            version_bytes: policy.rotate_after_bytes.map(|_| used.version_bytes),
            policy: policy.clone(),
            check_value: secret
                .and_then(|secret| check_value(secret.as_bytes()).ok())
                .map(Digits),
        }
    }

    /// What a list shows of it to this caller.
    #[must_use]
    pub fn summary(&self, caller: &Identity) -> KeySummary {
        let mut grants = self.policy.grants.iter();
        let granted = grants.find(|grant| grant.to == *caller);
        let may = match granted {
            _ if self.owner == *caller => self.policy.owner,
            Some(grant) => grant.may,
            None => Permissions::NONE,
        };
        KeySummary {
            key: self.label.clone(),
            id: self.id,
            algorithm: self.algorithm,
            usage: self.usage,
            origin: self.origin,
            state: self.state,
            version: self.version,
            owner: self.owner,
            may,
        }
    }

    /// The secret of a version that has not been retired.
    #[must_use]
    pub fn secret(&self, version: u32) -> Option<&Secret> {
        let found = self.versions.iter().rev().find(|one| one.number == version);
        found.map(|version| &version.secret)
    }

    /// Makes `secret` the primary version; those before it stay.
    ///
    /// # Errors
    /// The secret, if there is no place or no number for another version.
    pub fn add_version(&mut self, secret: Secret) -> Result<(), Secret> {
        let Some(number) = self.version.checked_add(1) else {
            return Err(secret);
        };
        self.versions
            .push(Version { number, secret })
            .map_err(|version| version.secret)?;
        self.version = number;
        self.counters.version_uses = 0;
        self.counters.version_bytes = 0;
        Ok(())
    }

    /// Leaves these versions; the others are wiped where they lie.
    pub fn keep_versions(&mut self, stays: impl Fn(u32) -> bool) {
        let mut kept = heapless::Vec::new();
        for version in self.versions.iter().filter(|one| stays(one.number)) {
            // There is room: it holds no more than all.
            let _fits = kept.push(version.clone());
        }
        self.versions.clear();
        self.versions = kept;
    }

    /// Whether this is the key with this label of this owner.
    pub(super) fn is(&self, owner: &Identity, label: &Label) -> bool {
        self.owner == *owner && self.label == *label
    }

    /// How often one version may encrypt, itself or by its children: those of one parent share what
    /// one key may.
    #[must_use]
    pub fn use_limit(&self) -> Option<u64> {
        self.algorithm.bound_of(self.children)
    }

    /// Whether anything about it is counted, and so has to be durable.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.policy.max_uses.is_some()
            || self.policy.rotate_after_uses.is_some()
            || self.policy.rotate_after_bytes.is_some()
            || self.use_limit().is_some()
    }

    /// The record as bytes.
    pub(crate) fn encode(&self, to: &mut Writer<'_>) -> Option<()> {
        let policy = &self.policy;
        to.put_identity(&self.owner)?;
        to.put_short(self.label.as_str().as_bytes())?;
        to.put(&self.id.0)?;
        to.put(&self.tag.0)?;
        let flag = |is: bool, bit: u8| if is { bit } else { 0 };
        let flags = flag(policy.export_derived, EXPORT_DERIVED)
            | flag(self.ratchet, RATCHET)
            | flag(policy.fixed_owner, FIXED_OWNER);
        to.put(&[
            self.algorithm as u8,
            self.usage as u8,
            self.children.map_or(0, |algorithm| algorithm as u8),
            self.origin as u8,
            self.state as u8,
            flags,
        ])?;
        to.put(&self.version.to_be_bytes())?;
        to.put(&self.counters.uses.to_be_bytes())?;
        to.put(&self.counters.version_uses.to_be_bytes())?;
        to.put(&self.counters.version_bytes.to_be_bytes())?;
        to.put(&policy.owner.bits().to_be_bytes())?;
        to.put(&[policy.export as u8])?;
        to.put(&policy.min_context.to_be_bytes())?;
        to.put(&policy.rollback_level.to_be_bytes())?;
        to.put_number(policy.max_uses)?;
        to.put_number(policy.rotate_after_uses)?;
        to.put_number(policy.rotate_after_bytes)?;
        match &policy.shares {
            Some(shares) => {
                to.put(&[shares.threshold, shares.shares])?;
                to.put(&shares.recipients.0)?;
            }
            None => to.put(&[0; 34])?,
        }
        to.put(&[u8::try_from(policy.grants.len()).ok()?])?;
        for grant in &policy.grants {
            to.put_identity(&grant.to)?;
            to.put(&grant.may.bits().to_be_bytes())?;
        }
        to.put(&[u8::try_from(self.versions.len()).ok()?])?;
        for version in &self.versions {
            to.put(&version.number.to_be_bytes())?;
            to.put_short(version.secret.as_bytes())?;
        }
        Some(())
    }

    /// Reads a record; what is behind it is left to the caller.
    pub(crate) fn decode(from: &mut Reader<'_>) -> Option<KeyRecord> {
        let owner = from.take_identity()?;
        let label = from.take_label()?;
        let id = Digits(from.take()?);
        let tag = Tag(from.take()?);
        let [algorithm, usage, children, origin, state, flags] = from.take()?;
        if flags & !(EXPORT_DERIVED | RATCHET | FIXED_OWNER) != 0 {
            return None;
        }
        let version = from.take_u32()?;
        let counters = Counters {
            uses: from.take_u64()?,
            version_uses: from.take_u64()?,
            version_bytes: from.take_u64()?,
        };
        let policy = decode_policy(from, flags)?;
        let mut versions = heapless::Vec::new();
        for _ in 0..from.take_byte()? {
            let version = Version {
                number: from.take_u32()?,
                secret: Secret::new(from.take_short()?).ok()?,
            };
            versions.push(version).ok()?;
        }
        Some(KeyRecord {
            label,
            owner,
            id,
            tag,
            algorithm: Algorithm::try_from(algorithm).ok()?,
            usage: Usage::try_from(usage).ok()?,
            children: match children {
                0 => None,
                number => Some(Algorithm::try_from(number).ok()?),
            },
            ratchet: flags & RATCHET != 0,
            origin: Origin::try_from(origin).ok()?,
            state: State::try_from(state).ok()?,
            policy,
            version,
            versions,
            counters,
        })
    }
}

fn decode_policy(from: &mut Reader<'_>, flags: u8) -> Option<Policy> {
    let owner = Permissions::from_bits(u16::from_be_bytes(from.take()?))?;
    let export = Export::try_from(from.take_byte()?).ok()?;
    let min_context = from.take_u32()?;
    let rollback_level = from.take_u32()?;
    let max_uses = from.take_number()?;
    let rotate_after_uses = from.take_number()?;
    let rotate_after_bytes = from.take_number()?;
    let [threshold, shares] = from.take()?;
    let recipients = Digits(from.take()?);
    let mut grants = heapless::Vec::new();
    for _ in 0..from.take_byte()? {
        let grant = Grant {
            to: from.take_identity()?,
            may: Permissions::from_bits(u16::from_be_bytes(from.take()?))?,
        };
        grants.push(grant).ok()?;
    }
    Some(Policy {
        owner,
        grants,
        max_uses,
        min_context,
        rotate_after_uses,
        rotate_after_bytes,
        export,
        shares: (threshold != 0).then_some(SharePolicy {
            threshold,
            shares,
            recipients,
        }),
        export_derived: flags & EXPORT_DERIVED != 0,
        rollback_level,
        fixed_owner: flags & FIXED_OWNER != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_shows_itself_to_nobody() {
        let shown = std::format!("{:?}", Tag::of([0xab; 16]));
        assert_eq!(shown, "Tag(..)");
    }
}
