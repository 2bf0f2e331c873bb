//! Wrapped keys ([`claviger_proto::wrapped`]): out of the trusted application and back.
//!
//! ```text
//! V || C = AES-256-SIV(KDF(secret of the vault, "claviger wrapped v1", vault id),
//!                      AD = the front, record || family || generations)
//! record       as in a slot, with one version
//! family       one byte of length and so many bytes; none: 0
//! generations  of the owner (4), of the family (4; 0 without one), when it was wrapped
//! ```

use claviger_proto::{
    Home, Identity, Label, Status,
    blob::Suite,
    limits,
    message::KeyDescription,
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
    vault::KeyRecord,
};

/// Bytes of a wrapped key's content at most.
const CONTENT: usize = limits::WRAPPED - HEADER - TAG;

impl<P: Platform> Keyring<P> {
    /// Wraps a key into the payload.
    ///
    /// # Errors
    /// [`Status::Internal`] if it did not fit; a status of storage.
    #[inline(never)]
    pub fn wrap(
        &mut self,
        platform: &mut P,
        record: &KeyRecord,
        family: Option<Label>,
        payload: &mut Payload,
    ) -> Result<KeyDescription, Status> {
        let generations = self.generations(platform, &record.owner, family.as_ref())?;
        let mut bytes = Zeroizing::new([0; CONTENT]);
        let mut to = Writer::new(bytes.as_mut_slice());
        let left = encode(record, family.as_ref(), generations, &mut to).ok_or(Status::Internal)?;
        let used = CONTENT.saturating_sub(left);
        let content = bytes.get_mut(..used).ok_or(Status::Internal)?;
        let key = self.vault.wrapping_key(platform)?;
        let tag = siv::seal(Suite::Aes256Siv, key.as_slice(), [&FRONT], content)?;
        payload.set(&FRONT)?;
        payload.append(&tag)?;
        payload.append(content)?;
        Ok(record.describe(record.counters, Home::Wrapped, family))
    }

    /// Takes the wrapped key off the payload's front.
    ///
    /// # Errors
    /// [`Status::BadPayload`] if there are fewer bytes; [`Status::NotAuthentic`];
    /// [`Status::Revoked`]; a status of storage.
    pub(super) fn unwrap(
        &mut self,
        platform: &mut P,
        payload: &mut Payload,
        length: u32,
    ) -> Result<&KeyRecord, Status> {
        let (bytes, _) = payload.split(length as usize)?;
        let digest = Sha256::digest(&*bytes).into();
        let place = match self.unwrapped.find(&digest) {
            Some(place) => place,
            None => {
                let (record, family) = self.open(platform, bytes)?;
                self.unwrapped.insert(digest, record, family)?
            }
        };
        payload.drop_front(length as usize)?;
        self.unwrapped.get(place).ok_or(Status::Internal)
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
    ) -> Result<u32, Status> {
        self.unwrapped.forget(owner);
        self.vault.next_generation(platform, owner, family, caller)
    }

    fn generations(
        &mut self,
        platform: &mut P,
        owner: &Identity,
        family: Option<&Label>,
    ) -> Result<[u32; 2], Status> {
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
        bytes: &[u8],
    ) -> Result<(KeyRecord, Option<Label>), Status> {
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
        let (record, family, generations) = decode(content).ok_or(Status::NotAuthentic)?;
        if generations != self.generations(platform, &record.owner, family.as_ref())? {
            return Err(Status::Revoked);
        }
        Ok((record, family))
    }
}

/// Says how many bytes are left.
fn encode(
    record: &KeyRecord,
    family: Option<&Label>,
    generations: [u32; 2],
    to: &mut Writer<'_>,
) -> Option<usize> {
    record.encode(to)?;
    to.put_short(family.map_or("", Label::as_str).as_bytes())?;
    for generation in generations {
        to.put(&generation.to_be_bytes())?;
    }
    Some(to.left())
}

fn decode(bytes: &[u8]) -> Option<(KeyRecord, Option<Label>, [u32; 2])> {
    let mut from = Reader::new(bytes);
    let record = KeyRecord::decode(&mut from)?;
    let family = from.take_optional_label()?;
    let generations = [from.take_u32()?, from.take_u32()?];
    from.rest()
        .is_empty()
        .then_some((record, family, generations))
}
