//! Keys made of others, and keys that leave or come in parts.

use claviger::{
    Algorithm, Client, PublicKey, Status,
    identity::uid_identity,
    shares::{Holder, Manifest, Request as Asked, Shared},
};
use claviger_proto::{
    Algorithm::{Aes128Cmac, Aes128Kw, Aes256Cmac, HmacSha256, KdfCmac, MlKem768, X25519},
    Digits, Export,
    audit::Event,
    message::{
        CombineRequest, ComponentEnterRequest, DeriveRequest, NewKey, Output, RestoreShareRequest,
        RevokeRequest, ShareRequest, Source, SourceKind, UnwrapRequest, WrapRequest,
    },
};
use sha2::{Digest, Sha256};

use claviger_tests::{ALICE, BOB, Handle, hex, label, new_key};

use super::{Call, Prepared, Scenario, Tells, made, same, three_keys};
use crate::{bench::On, view::View};

const CREATED: Tells = Tells::With(&[Event::Created]);

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "derive",
        prepare: |device| {
            derivation_key(&device.user(0), "parent");
            Prepared::new(|on| {
                let key = Handle::new(&on.root, "parent").child("child").key;
                let output = output(Aes256Cmac);
                Call::new(&on.root, DeriveRequest { key, output }, &[])
            })
        },
        done: made,
        tells: CREATED,
        status: Status::Ok,
    },
    Scenario {
        name: "combine",
        prepare: |device| {
            for name in ["one", "other"] {
                derivation_key(&device.user(0), name);
            }
            Prepared::new(|on| {
                let sources = ["one", "other"].map(|name| source(SourceKind::Key, name, 0));
                combine(on, &sources, &[])
            })
        },
        done: made,
        tells: CREATED,
        status: Status::Ok,
    },
    Scenario {
        name: "agree",
        prepare: |device| {
            let root = device.user(0);
            Handle::generate(&root, new_key("own", X25519)).unwrap();
            let peer = Handle::generate(&root, new_key("peer", X25519)).unwrap();
            let peer = peer.public_key(None).unwrap();
            Prepared::new(move |on| {
                let source = source(SourceKind::Agree, "own", peer.len());
                combine(on, &[source], &peer)
            })
        },
        done: made,
        tells: CREATED,
        status: Status::Ok,
    },
    Scenario {
        name: "encapsulate",
        prepare: |device| {
            let peer = Handle::generate(&device.user(0), new_key("peer", MlKem768)).unwrap();
            let peer = peer.public_key(None).unwrap();
            Prepared::new(move |on| {
                let source = Source {
                    kind: SourceKind::Encapsulate,
                    key: None,
                    version: None,
                    algorithm: Some(MlKem768),
                    bytes: peer.len() as u32,
                };
                combine(on, &[source], &peer)
            })
        },
        done: made,
        tells: CREATED,
        status: Status::Ok,
    },
    Scenario {
        name: "unwrap",
        prepare: |device| {
            let kek = new_key("kek", Aes128Kw);
            Handle::import(&device.user(0), kek, &[7; 16]).unwrap();
            // As in the conformance suite: AES-KW by OpenSSL.
            let wrapped = hex("05252dd59e9318c12e3c020901a313713d6acb5105806556");
            Prepared::new(move |on| {
                let request = UnwrapRequest {
                    key: label("kek").into(),
                    version: None,
                    padded: false,
                    new: new_key("new", Aes128Cmac),
                };
                Call::new(&on.root, request, &wrapped)
            })
        },
        done: made,
        tells: CREATED,
        status: Status::Ok,
    },
    Scenario {
        name: "the first component",
        prepare: |device| {
            three_keys(device);
            Prepared::new(|on| enter(on, begin_components(on), 1))
        },
        done: same,
        tells: Tells::With(&[Event::ComponentEntered]),
        status: Status::Ok,
    },
    Scenario {
        name: "the last component",
        prepare: |device| {
            three_keys(device);
            // That the first is in was told by then.
            Prepared::new(|on| {
                let ceremony = begin_components(on);
                enter(on, ceremony, 1).make().unwrap();
                enter(on, ceremony, 2)
            })
        },
        done: made,
        tells: CREATED,
        status: Status::Ok,
    },
    Scenario {
        name: "give out shares",
        prepare: |device| {
            three_keys(device);
            let holders = [0, 1].map(|_| Holder::generate().unwrap());
            let keys = shared_key(&device.user(0), &holders);
            Prepared::new(move |on| {
                let key = label("new").into();
                Call::new(&on.root, ShareRequest { key }, &keys)
            })
        },
        done: same,
        tells: Tells::With(&[Event::Shared]),
        status: Status::Ok,
    },
    Scenario {
        name: "the last share",
        prepare: |device| {
            three_keys(device);
            let root = device.user(0);
            let (holders, shared) = shared_out(&root);
            let device = root.device_key().unwrap().public;
            Prepared::new(move |on| {
                let manifest = Manifest::verify(&shared.manifest, &device).unwrap();
                let restore = on.root.restore(&manifest).unwrap();
                let asked = Asked::verify(restore.request(), &device).unwrap();
                let [first, last] = [0, 1].map(|place: usize| {
                    let share = holders[place].open(&manifest, &shared.shares[place]);
                    share
                        .unwrap()
                        .encrypt_to(&asked, asked.content().owner)
                        .unwrap()
                });
                restore.give(&first).unwrap();
                let request = RestoreShareRequest {
                    restore: restore.id(),
                    index: last.index,
                };
                Call::new(&on.root, request, &last.sealed)
            })
        },
        done: made,
        tells: Tells::Both(Event::Restored, Event::Created),
        status: Status::Ok,
    },
    Scenario {
        name: "give out a wrapped key",
        prepare: |device| {
            three_keys(device);
            let mut new = new_key("copied", HmacSha256);
            new.policy.export = Export::Wrapped;
            Handle::generate(&device.user(0), new).unwrap();
            Prepared::new(|on| {
                let (key, family) = (label("copied").into(), None);
                Call::new(&on.root, WrapRequest { key, family }, &[])
            })
        },
        done: same,
        tells: Tells::With(&[Event::Wrapped]),
        status: Status::Ok,
    },
    Scenario {
        name: "revoke all",
        prepare: |device| {
            three_keys(device);
            Prepared::new(|on| revoke(on, None))
        },
        done: |before, after| revoked(before, after, [Status::Revoked; 2]),
        tells: Tells::With(&[Event::Revoked]),
        status: Status::Ok,
    },
    Scenario {
        name: "revoke a family",
        prepare: |device| {
            three_keys(device);
            Prepared::new(|on| revoke(on, Some("fleet")))
        },
        done: |before, after| revoked(before, after, [Status::Ok, Status::Revoked]),
        tells: Tells::With(&[Event::Revoked]),
        status: Status::Ok,
    },
];

fn output(algorithm: Algorithm) -> Output {
    Output {
        new: Some(new_key("new", algorithm)),
        length: 0,
    }
}

pub(super) fn derivation_key(client: &Client, name: &str) -> Handle {
    let new = NewKey {
        children: Some(Aes256Cmac),
        ..new_key(name, KdfCmac)
    };
    Handle::generate(client, new).unwrap()
}

fn source(kind: SourceKind, name: &str, bytes: usize) -> Source {
    Source {
        kind,
        key: Some(label(name).into()),
        version: None,
        algorithm: None,
        bytes: bytes as u32,
    }
}

fn combine(on: &On, sources: &[Source], payload: &[u8]) -> Call {
    let request = CombineRequest {
        sources: sources.iter().cloned().collect(),
        salt: 0,
        info: 0,
        output: output(Aes256Cmac),
    };
    Call::new(&on.root, request, payload)
}

/// Root begins a key of Alice's and Bob's components.
pub(super) fn begin_components(on: &On) -> Digits<8> {
    let creation = on.root.create("new").algorithm(Aes128Cmac);
    let custodians = [ALICE, BOB].map(uid_identity);
    creation.assemble(&custodians).unwrap().id()
}

/// A custodian enters a component.
fn enter(on: &On, ceremony: Digits<8>, user: usize) -> Call {
    let request = ComponentEnterRequest { ceremony };
    Call::new(&on.users[user], request, &[user as u8; 16])
}

/// A key `new` of two shares, both of which restore it; gives the holders' public keys.
fn shared_key(client: &Client, holders: &[Holder; 2]) -> Vec<u8> {
    let recipients = holders.each_ref().map(Holder::public_key);
    let creation = client.create("new").algorithm(HmacSha256);
    creation.export_shares(2, &recipients).generate().unwrap();
    recipients.iter().flat_map(PublicKey::raw).collect()
}

/// A key `new` that is gone but for its shares.
fn shared_out(client: &Client) -> ([Holder; 2], Shared) {
    let holders = [0, 1].map(|_| Holder::generate().unwrap());
    shared_key(client, &holders);
    let recipients = holders.each_ref().map(Holder::public_key);
    let shared = client.key("new").unwrap().share(&recipients).unwrap();
    client.delete("new").unwrap();
    (holders, shared)
}

/// The signed manifest of a key that is gone, and the hash of the device's public key.
pub(super) fn deleted_but_shared(client: &Client) -> (Vec<u8>, [u8; 32]) {
    let (_, shared) = shared_out(client);
    let device = client.device_key().unwrap().public;
    (
        shared.manifest,
        Sha256::digest(device.to_der().unwrap()).into(),
    )
}

fn revoke(on: &On, family: Option<&str>) -> Call {
    let request = RevokeRequest {
        family: family.map(label),
        owner: None,
    };
    Call::new(&on.root, request, &[])
}

fn revoked(before: &View, after: &View, expected: [Status; 2]) -> bool {
    let revoked = View {
        wrapped: expected.to_vec(),
        ..before.clone()
    };
    revoked == *after
}
