//! Wrapped keys ([`claviger_proto::wrapped`]): out of the trusted application and back.
//!
//! ```text
//! V || C = AES-256-SIV(KDF(secret of the vault, "claviger wrapped v1", vault id),
//!                      AD = the front, record || copy || family || generations)
//! record       as in a slot, with one version
//! copy         1 if a key of the vault was wrapped, which it serves no longer than; else 0
//! family       one byte of length and so many bytes; none: 0
//! generations  of the owner (8), of the family (8; 0 without one), when it was wrapped
//! ```

use claviger_proto::{
    Export, Home, Identity, Label, State, Status,
    blob::Suite,
    limits,
    message::{KeyDescription, Policy},
    wrapped::{FRONT, HEADER, TAG, is_wrapped},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Keyring;
use crate::{
    crypto::siv,
    exchange::Payload,
    fields::{Reader, Writer},
    platform::Platform,
    policy,
    session::Caller,
    vault::KeyRecord,
};

/// Bytes of a wrapped key's content at most.
const CONTENT: usize = limits::WRAPPED - HEADER - TAG;

impl<P: Platform> Keyring<P> {
    /// Wraps a key into the payload: whether it is a copy of a key of the vault, and of which
    /// family.
    ///
    /// # Errors
    /// [`Status::Internal`] if it did not fit; a status of storage.
    #[inline(never)]
    pub fn wrap(
        &mut self,
        platform: &mut P,
        record: &KeyRecord,
        wrapping: (bool, Option<Label>),
        payload: &mut Payload,
    ) -> Result<KeyDescription, Status> {
        let (copy, family) = wrapping;
        let wrapping = Wrapping {
            copy,
            generations: self.generations_to_wrap(platform, &record.owner, family.as_ref())?,
            family,
        };
        let mut bytes = Zeroizing::new([0; CONTENT]);
        let mut to = Writer::new(bytes.as_mut_slice());
        let left = encode(record, &wrapping, &mut to).ok_or(Status::Internal)?;
        let used = CONTENT.saturating_sub(left);
        let content = bytes.get_mut(..used).ok_or(Status::Internal)?;
        let key = self.vault.wrapping_key(platform)?;
        let tag = siv::seal(Suite::Aes256Siv, key.as_slice(), [&FRONT], content)?;
        payload.set(&FRONT)?;
        payload.append(&tag)?;
        payload.append(content)?;
        Ok(record.describe(record.counters, Home::Wrapped, wrapping.family))
    }

    /// Takes the wrapped key off the payload's front; says where it is kept.
    ///
    /// # Errors
    /// [`Status::BadPayload`] if there are fewer bytes; [`Status::NotAuthentic`];
    /// [`Status::NotFound`] to whom has no part in it; [`Status::Revoked`]; a status of storage.
    pub(super) fn unwrap(
        &mut self,
        platform: &mut P,
        caller: &Caller,
        payload: &mut Payload,
        length: u32,
    ) -> Result<usize, Status> {
        let (bytes, _) = payload.split(length as usize)?;
        self.unwrapped.expect_epoch(self.vault.epoch());
        let digest = Sha256::digest(&*bytes).into();
        let place = match self.unwrapped.find(&digest) {
            Some(place) => place,
            None => {
                let (record, wrapping) = self.open(platform, caller, bytes)?;
                self.unwrapped.expect_epoch(self.vault.epoch());
                let holder = self.vault.holder(Some(record.owner));
                self.unwrapped.insert(digest, record, wrapping, holder)?
            }
        };
        if !self.unwrapped.has_part(place, caller) {
            return Err(Status::NotFound);
        }
        payload.drop_front(length as usize)?;
        Ok(place)
    }

    /// Where the key of the vault is of which the key at `place` is a copy, if it is one: that must
    /// still be the same record, in the same version, with its secret. The copy gets the policy and the
    /// state that it has.
    ///
    /// # Errors
    /// [`Status::Revoked`] if it is not; a status of storage.
    pub(super) fn original(
        &mut self,
        platform: &mut P,
        place: usize,
    ) -> Result<Option<usize>, Status> {
        let (copy, wrapping) = self.unwrapped.get(place).ok_or(Status::Internal)?;
        if !wrapping.copy {
            return Ok(None);
        }
        let (tag, version) = (copy.tag, copy.version);
        let (owner, label) = (copy.owner, copy.label.clone());
        let found = match self.vault.locate(platform, &owner, &label) {
            Err(Status::NotFound) => {
                self.unwrapped.end(place);
                return Err(Status::Revoked);
            }
            found => found?,
        };
        let original = self.vault.at(found)?;
        let same = (original.tag, original.version) == (tag, version);
        if !same || original.state == State::Destroyed {
            // Nor is a secret kept that is destroyed.
            self.unwrapped.end(place);
            return Err(Status::Revoked);
        }
        // What is wrapped does not leave in another form.
        let policy = Policy {
            export: Export::Nothing,
            shares: None,
            ..original.policy.clone()
        };
        self.unwrapped.set(place, policy, original.state);
        Ok(Some(found))
    }

    /// Ends the wrapped keys of an owner, or of one family of his, that were made before; says
    /// which generation is now.
    ///
    /// # Errors
    /// As [`crate::vault::Vault::next_generation`].
    pub fn revoke(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
        caller: Identity,
    ) -> Result<u64, Status> {
        self.unwrapped.forget(owner);
        self.vault.next_generation(platform, owner, family, caller)
    }

    fn generations_to_wrap(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
    ) -> Result<[u64; 2], Status> {
        let all = self.vault.generation_to_wrap(platform, owner, None)?;
        let family = match family {
            Some(_) => self.vault.generation_to_wrap(platform, owner, family)?,
            None => 0,
        };
        Ok([all, family])
    }

    pub(super) fn generations(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
    ) -> Result<[u64; 2], Status> {
        let all = self.vault.generation(platform, owner, None)?;
        let family = match family {
            Some(_) => self.vault.generation(platform, owner, family)?,
            None => 0,
        };
        Ok([all, family])
    }

    #[inline(never)]
    fn open(
        &mut self,
        platform: &mut P,
        caller: &Caller,
        bytes: &[u8],
    ) -> Result<(KeyRecord, Wrapping), Status> {
        if bytes.len() > limits::WRAPPED || !is_wrapped(bytes) {
            return Err(Status::NotAuthentic);
        }
        let rest = bytes.get(HEADER..).ok_or(Status::NotAuthentic)?;
        let (tag, sealed) = rest.split_first_chunk().ok_or(Status::NotAuthentic)?;
        let mut content = Zeroizing::new([0; CONTENT]);
        let content = content
            .get_mut(..sealed.len())
            .ok_or(Status::NotAuthentic)?;
        content.copy_from_slice(sealed);
        let key = self.vault.wrapping_key(platform)?;
        siv::open(Suite::Aes256Siv, key.as_slice(), [&FRONT], *tag, content)?;
        let (record, wrapping) = decode(content).ok_or(Status::NotAuthentic)?;
        // Nor does it tell a stranger whether it was revoked.
        if !policy::has_part(&record, caller) {
            return Err(Status::NotFound);
        }
        let family = wrapping.family.as_ref();
        if wrapping.generations != self.generations(platform, &record.owner, family)? {
            return Err(Status::Revoked);
        }
        Ok((record, wrapping))
    }
}

/// What a wrapped key carries beside the key.
#[derive(Debug, Clone)]
pub(super) struct Wrapping {
    /// Whether it is a copy of a key of the vault.
    pub(super) copy: bool,
    /// What it is revoked with.
    pub(super) family: Option<Label>,
    /// Those of its owner and family when it was wrapped.
    pub(super) generations: [u64; 2],
}

/// Says how many bytes are left.
fn encode(record: &KeyRecord, wrapping: &Wrapping, to: &mut Writer<'_>) -> Option<usize> {
    record.encode(to)?;
    to.put(&[u8::from(wrapping.copy)])?;
    let family = wrapping.family.as_ref().map_or("", Label::as_str);
    to.put_short(family.as_bytes())?;
    for generation in wrapping.generations {
        to.put(&generation.to_be_bytes())?;
    }
    Some(to.left())
}

fn decode(bytes: &[u8]) -> Option<(KeyRecord, Wrapping)> {
    let mut from = Reader::new(bytes);
    let record = KeyRecord::decode(&mut from)?;
    let wrapping = Wrapping {
        copy: match from.take_byte()? {
            0 => false,
            1 => true,
            _ => return None,
        },
        family: from.take_optional_label()?,
        generations: [from.take_u64()?, from.take_u64()?],
    };
    from.rest().is_empty().then_some((record, wrapping))
}
