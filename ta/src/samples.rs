//! Keys and callers for the unit tests.

use claviger_proto::{
    Algorithm, Digits, Home, Identity, Label, Login, Origin, State, Usage, Uuid,
    message::{NewKey, Policy},
};

use crate::{
    crypto::Secret,
    vault::{Counters, KeyRecord, Tag, Version},
};

pub(crate) const ALICE: Identity = Identity {
    login: Login::User,
    id: Uuid([0xa1; 16]),
};

pub(crate) const BOB: Identity = Identity {
    login: Login::User,
    id: Uuid([0xb0; 16]),
};

/// Another identity than Bob's, with the same UUID.
pub(crate) const BOBS_GROUP: Identity = Identity {
    login: Login::Group,
    id: BOB.id,
};

pub(crate) fn label(text: &str) -> Label {
    Label::try_from(text).unwrap()
}

/// What a key-encryption key takes in: it must say so.
fn taken_in(algorithm: Algorithm) -> Option<Algorithm> {
    let unwraps = algorithm.usages().contains(&Usage::Unwrap);
    unwraps.then_some(Algorithm::Aes128Cmac)
}

/// A new key of the vault of which nothing special is asked.
pub(crate) fn new_key(algorithm: Algorithm) -> NewKey {
    NewKey {
        key: label("key"),
        algorithm,
        usage: None,
        children: taken_in(algorithm),
        ratchet: false,
        pre_activation: false,
        home: Home::Vault,
        family: None,
        policy: Policy::of(algorithm.usages()[0]),
        recipients: heapless::Vec::new(),
    }
}

/// Alice's key `key` with this usage, active, in its first version.
pub(crate) fn key_of(algorithm: Algorithm, usage: Usage) -> KeyRecord {
    let first = Version {
        number: 1,
        secret: Secret::new(&[7; 64][..algorithm.key_len()]).unwrap(),
    };
    KeyRecord {
        label: label("key"),
        owner: ALICE,
        id: Digits([1; 16]),
        tag: Tag::of([2; 16]),
        algorithm,
        usage,
        children: taken_in(algorithm),
        ratchet: false,
        origin: Origin::Imported,
        state: State::Active,
        policy: Policy::of(usage),
        version: 1,
        versions: [first].into_iter().collect(),
        counters: Counters::default(),
    }
}
