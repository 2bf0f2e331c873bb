//! What an instance holds in memory only, as bytes: lets one emulated device outlive the processes
//! that use it, as a real one does.

use std::vec::Vec;

use claviger_proto::{
    Digits, Identity, Status, auth::Exchange, codec, fields::Reader, limits, shares::Manifest,
};
use zeroize::Zeroizing;

use crate::{
    Caller, Service,
    ceremonies::{Ceremonies, Ceremony, Components, Restore, Share},
    challenge::{Challenges, Pending, Role},
    crypto::Secret,
    platform::Platform,
    policy,
    shares::Bound,
    table::Holder,
    vault::{Counters, Tag},
};

impl<P: Platform> Service<P> {
    /// The instance id, the confirmation token, the pending challenges and ceremonies, and what keys
    /// have reserved of their bounds.
    #[must_use]
    pub fn suspend(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.instance.0);
        bytes.extend(self.confirmation.0);
        bytes.push(self.challenges.iter().count() as u8);
        for pending in self.challenges.iter() {
            put_identity(&mut bytes, &pending.caller);
            let (tag, key) = pending.key;
            bytes.extend(tag.bytes());
            bytes.extend(key.0);
            bytes.push(u8::from(pending.role == Role::Responder));
            for name in [&pending.exchange.challenger, &pending.exchange.responder] {
                put_short(&mut bytes, name.as_str().as_bytes());
            }
            bytes.extend(pending.exchange.challenger_nonce);
            bytes.extend(pending.exchange.responder_nonce);
        }
        let Ceremonies {
            components,
            restores,
        } = &self.ceremonies;
        bytes.push(components.iter().count() as u8);
        for ceremony in components.iter() {
            put_ceremony(&mut bytes, ceremony);
            let mut new = [0; limits::HEADER];
            let len = codec::encode(&ceremony.of.settled.new, &mut new);
            put_long(&mut bytes, &new[..len.expect("it came in a header")]);
            bytes.push(ceremony.of.custodians.len() as u8);
            for custodian in &ceremony.of.custodians {
                put_identity(&mut bytes, custodian);
            }
            bytes.push(ceremony.of.entered.len() as u8);
            for (custodian, component) in &ceremony.of.entered {
                put_identity(&mut bytes, custodian);
                put_short(&mut bytes, component.as_bytes());
            }
        }
        bytes.push(restores.iter().count() as u8);
        for ceremony in restores.iter() {
            put_ceremony(&mut bytes, ceremony);
            let manifest = ceremony.of.manifest.encode();
            put_long(&mut bytes, &manifest.expect("it came encoded"));
            let bound = &ceremony.of.bound;
            for hash in [bound.attributes, bound.manifest, bound.request] {
                bytes.extend(hash);
            }
            bytes.extend(*ceremony.of.private);
            bytes.push(ceremony.of.entered.len() as u8);
            for share in &ceremony.of.entered {
                bytes.push(share.index);
                bytes.extend(*share.text);
            }
        }
        let reservations = self.keyring.vault.reservations();
        bytes.extend((reservations.len() as u16).to_be_bytes());
        for (slot, unused) in reservations {
            bytes.extend(slot.to_be_bytes());
            for count in [unused.uses, unused.version_uses, unused.version_bytes] {
                bytes.extend(count.to_be_bytes());
            }
        }
        bytes
    }

    /// Takes up what [`Service::suspend`] gave.
    ///
    /// # Errors
    /// [`Status::BadPayload`] for other bytes; nothing is changed then.
    pub fn resume(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let mut from = Reader::new(bytes);
        let instance = Digits(from.take().ok_or(Status::BadPayload)?);
        let confirmation = Digits(from.take().ok_or(Status::BadPayload)?);
        let challenges = challenges(&mut from).ok_or(Status::BadPayload)?;
        let ceremonies = ceremonies(&mut from).ok_or(Status::BadPayload)?;
        let reservations = reservations(&mut from).ok_or(Status::BadPayload)?;
        if !from.rest().is_empty() {
            return Err(Status::BadPayload);
        }
        self.instance = instance;
        self.confirmation = confirmation;
        self.challenges = challenges;
        self.ceremonies = ceremonies;
        if !reservations.is_empty() {
            let Service {
                keyring, platform, ..
            } = self;
            // Of a vault that does not open, nothing is used either.
            let _counts_as_used = keyring.vault.take_up(platform, &reservations);
        }
        Ok(())
    }
}

fn reservations(from: &mut Reader<'_>) -> Option<Vec<(u32, Counters)>> {
    let len = u16::from_be_bytes(from.take()?);
    let one = |_| {
        let slot = u32::from_be_bytes(from.take()?);
        let unused = Counters {
            uses: u64::from_be_bytes(from.take()?),
            version_uses: u64::from_be_bytes(from.take()?),
            version_bytes: u64::from_be_bytes(from.take()?),
        };
        Some((slot, unused))
    };
    (0..len).map(one).collect()
}

fn put_identity(bytes: &mut Vec<u8>, identity: &Identity) {
    bytes.push(identity.login as u8);
    bytes.extend(identity.id.0);
}

fn put_short(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.push(field.len() as u8);
    bytes.extend(field);
}

fn put_long(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend((field.len() as u16).to_be_bytes());
    bytes.extend(field);
}

fn put_ceremony<T>(bytes: &mut Vec<u8>, ceremony: &Ceremony<T>) {
    bytes.extend(ceremony.id.0);
    bytes.extend(ceremony.handle.0);
    put_identity(bytes, &ceremony.owner);
    bytes.extend(ceremony.began.to_be_bytes());
    bytes.extend(ceremony.seconds.to_be_bytes());
}

fn challenges(from: &mut Reader<'_>) -> Option<Challenges> {
    let mut challenges = Challenges::default();
    for _ in 0..from.take_byte()? {
        let pending = Pending {
            caller: from.take_identity()?,
            key: (Tag::of(from.take()?), Digits(from.take()?)),
            role: match from.take_byte()? {
                0 => Role::Challenger,
                1 => Role::Responder,
                _ => return None,
            },
            exchange: Exchange {
                challenger: from.take_label()?,
                responder: from.take_label()?,
                challenger_nonce: from.take()?,
                responder_nonce: from.take()?,
            },
        };
        let holder = |whose| Holder::of(whose, false);
        challenges.remember(pending, holder).ok()?;
    }
    Some(challenges)
}

fn ceremonies(from: &mut Reader<'_>) -> Option<Ceremonies> {
    let mut ceremonies = Ceremonies::default();
    for _ in 0..from.take_byte()? {
        let ceremony = ceremony(from, components)?;
        ceremonies
            .components
            .put(ceremony, |whose| Holder::of(whose, false))
            .ok()?;
    }
    for _ in 0..from.take_byte()? {
        let ceremony = ceremony(from, |_, from| restore(from))?;
        ceremonies
            .restores
            .put(ceremony, |whose| Holder::of(whose, false))
            .ok()?;
    }
    Some(ceremonies)
}

fn ceremony<T>(
    from: &mut Reader<'_>,
    of: impl FnOnce(Identity, &mut Reader<'_>) -> Option<T>,
) -> Option<Ceremony<T>> {
    let (id, handle) = (Digits(from.take()?), Digits(from.take()?));
    let owner = from.take_identity()?;
    Some(Ceremony {
        id,
        handle,
        owner,
        began: from.take_u64()?,
        seconds: from.take_u32()?,
        of: of(owner, from)?,
    })
}

fn components(owner: Identity, from: &mut Reader<'_>) -> Option<Components> {
    let new = codec::decode(from.take_long()?).ok()?;
    let settled = policy::settle(new, &Caller::Identified(owner)).ok()?;
    let mut custodians = heapless::Vec::new();
    for _ in 0..from.take_byte()? {
        custodians.push(from.take_identity()?).ok()?;
    }
    let mut entered = heapless::Vec::new();
    for _ in 0..from.take_byte()? {
        let custodian = from.take_identity()?;
        let component = Secret::new(from.take_short()?).ok()?;
        entered.push((custodian, component)).ok()?;
    }
    Some(Components {
        settled,
        custodians,
        entered,
    })
}

fn restore(from: &mut Reader<'_>) -> Option<Restore> {
    let manifest = Manifest::decode(from.take_long()?)?;
    let bound = Bound {
        attributes: from.take()?,
        manifest: from.take()?,
        request: from.take()?,
    };
    let private = Zeroizing::new(from.take()?);
    let mut restore = Restore::new(manifest, bound, private).ok()?;
    for _ in 0..from.take_byte()? {
        restore.entered.push(Share {
            index: from.take_byte()?,
            text: Zeroizing::new(from.take()?),
        });
    }
    Some(restore)
}
