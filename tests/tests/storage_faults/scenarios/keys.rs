//! The life of a key.

use std::sync::OnceLock;

use claviger::{
    Algorithm, Permission, Permissions, State, Status, Usage, authority::Ratchet,
    identity::uid_identity,
};
use claviger_proto::{
    audit::Event,
    message::{
        CatchUpRequest, ChownRequest, DeleteRequest, GenerateRequest, Grant, ImportRequest, Policy,
        RenameRequest, RetireRequest, RotateRequest, SetPolicyRequest, SetStateRequest,
        SignRequest,
    },
    ratchet,
};
use claviger_ta::{
    crypto::{kdf, mac},
    vault::SLOTS,
};
use claviger_tests::{ALICE, BOB, CAROL, Device, Handle, label, new_key};

use super::{Call, Prepared, Scenario, Tells, changed, import, made, three_keys};
use crate::{
    bench::On,
    view::{View, name},
};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "import",
        prepare: |device| {
            three_keys(device);
            Prepared::new(import_new)
        },
        done: made,
        tells: Tells::With(&[Event::Created]),
        status: Status::Ok,
    },
    Scenario {
        name: "generate",
        prepare: |device| {
            three_keys(device);
            let new = new_key("new", Algorithm::Aes128Cmac);
            Prepared::new(move |on| Call::new(&on.root, GenerateRequest { new: new.clone() }, &[]))
        },
        done: made,
        tells: Tells::With(&[Event::Created]),
        status: Status::Ok,
    },
    Scenario {
        name: "import into a slot that was used",
        prepare: |device| {
            three_keys(device);
            device.user(0).delete("a").unwrap();
            Prepared::new(import_new)
        },
        done: made,
        tells: Tells::With(&[Event::Created]),
        status: Status::Ok,
    },
    Scenario {
        name: "import into a new shard",
        prepare: |device| {
            a_full_shard(device);
            Prepared::new(import_new)
        },
        done: made,
        tells: Tells::With(&[Event::Created]),
        status: Status::Ok,
    },
    Scenario {
        name: "delete",
        prepare: |device| {
            three_keys(device);
            Prepared::new(|on| {
                let key = label("bb").into();
                Call::new(&on.root, DeleteRequest { key }, &[])
            })
        },
        done: |before, after| deleted(before, after, "bb"),
        tells: Tells::With(&[Event::Deleted]),
        status: Status::Ok,
    },
    Scenario {
        name: "delete another's",
        prepare: |device| {
            three_keys(device);
            import(&device.user(ALICE), "hers").unwrap();
            import(&device.user(BOB), "hers").unwrap();
            Prepared::new(|on| {
                let key = Handle::of(&on.root, uid_identity(ALICE), "hers").key;
                Call::new(&on.root, DeleteRequest { key }, &[])
            })
        },
        done: |before, after| deleted(before, after, &name(ALICE, "hers")),
        tells: Tells::With(&[Event::Deleted]),
        status: Status::Ok,
    },
    Scenario {
        name: "rotate",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| {
                let key = label("signer").into();
                Call::new(&on.root, RotateRequest { key }, &[])
            })
        },
        done: |before, after| changed(before, after, "signer", |key| key.versions.push(3)),
        tells: Tells::With(&[Event::Rotated]),
        status: Status::Ok,
    },
    Scenario {
        name: "rotation by the policy",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| {
                let key = label("counted").into();
                Call::new(
                    &on.root,
                    SignRequest {
                        key,
                        prehash: false,
                    },
                    b"message",
                )
            })
        },
        done: |before, after| changed(before, after, "counted", |key| key.versions.push(2)),
        tells: Tells::With(&[Event::Rotated]),
        status: Status::Ok,
    },
    Scenario {
        name: "retire",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| {
                let (key, version) = (label("signer").into(), 1);
                Call::new(&on.root, RetireRequest { key, version }, &[])
            })
        },
        done: |before, after| {
            changed(before, after, "signer", |key| {
                key.versions.remove(0);
                key.proof.drain(..32);
            })
        },
        tells: Tells::With(&[Event::Retired]),
        status: Status::Ok,
    },
    Scenario {
        name: "suspend",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| set_state(on, State::Suspended))
        },
        done: |before, after| changed(before, after, "signer", |key| key.state = State::Suspended),
        tells: Tells::With(&[Event::StateChanged]),
        status: Status::Ok,
    },
    Scenario {
        name: "destroy",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| set_state(on, State::Destroyed))
        },
        done: |before, after| {
            changed(before, after, "signer", |key| {
                key.state = State::Destroyed;
                key.versions.clear();
                key.proof.clear();
            })
        },
        tells: Tells::With(&[Event::StateChanged]),
        status: Status::Ok,
    },
    Scenario {
        name: "tighten bounds",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| {
                set_policy(
                    on,
                    Policy {
                        max_uses: Some(9),
                        ..granted()
                    },
                )
            })
        },
        done: |before, after| changed(before, after, "signer", |key| key.policy.max_uses = Some(9)),
        tells: Tells::With(&[Event::PolicyTightened]),
        status: Status::Ok,
    },
    Scenario {
        name: "take back a grant",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| set_policy(on, Policy::of(Usage::Sign)))
        },
        done: |before, after| changed(before, after, "signer", |key| key.policy.grants.clear()),
        tells: Tells::With(&[Event::PolicyTightened]),
        status: Status::Ok,
    },
    Scenario {
        name: "rename",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| {
                let (key, to) = (label("signer").into(), label("writer"));
                Call::new(&on.root, RenameRequest { key, to }, &[])
            })
        },
        done: |before, after| moved(before, after, "signer", "writer"),
        tells: Tells::With(&[Event::Renamed, Event::Now]),
        status: Status::Ok,
    },
    Scenario {
        name: "chown",
        prepare: |device| {
            a_life(device);
            import(&device.user(ALICE), "hers").unwrap();
            Prepared::new(|on| {
                let key = Handle::of(&on.root, uid_identity(ALICE), "hers").key;
                let to = uid_identity(BOB);
                Call::new(&on.root, ChownRequest { key, to }, &[])
            })
        },
        done: |before, after| moved(before, after, &name(ALICE, "hers"), &name(BOB, "hers")),
        // In the logs of root, Alice and Bob.
        tells: Tells::With(&[
            Event::GivenAway,
            Event::Now,
            Event::GivenAway,
            Event::Now,
            Event::GivenAway,
            Event::Now,
        ]),
        status: Status::Ok,
    },
    Scenario {
        name: "a ratchet's step",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| {
                let key = label("chain").into();
                Call::new(&on.root, RotateRequest { key }, &[])
            })
        },
        done: |before, after| stepped(before, after, 2),
        tells: Tells::With(&[Event::Rotated]),
        status: Status::Ok,
    },
    Scenario {
        name: "a ratchet catches up",
        prepare: |device| {
            a_life(device);
            Prepared::new(|on| {
                let token = Ratchet::new(&CHAIN).unwrap().token(5).unwrap();
                let key = label("chain").into();
                Call::new(&on.root, CatchUpRequest { key }, &token)
            })
        },
        done: |before, after| stepped(before, after, 5),
        tells: Tells::With(&[Event::Rotated]),
        status: Status::Ok,
    },
];

const CHAIN: [u8; 32] = [7; 32];

fn import_new(on: &On) -> Call {
    let new = new_key("new", Algorithm::Aes128Cmac);
    Call::new(&on.root, ImportRequest { new }, &[3; 16])
}

fn set_state(on: &On, state: State) -> Call {
    let key = label("signer").into();
    Call::new(&on.root, SetStateRequest { key, state }, &[])
}

fn set_policy(on: &On, policy: Policy) -> Call {
    let key = label("signer").into();
    Call::new(&on.root, SetPolicyRequest { key, policy }, &[])
}

fn moved(before: &View, after: &View, from: &str, to: &str) -> bool {
    let mut expected = before.clone();
    let key = expected.keys.remove(from).unwrap();
    expected.keys.insert(to.to_owned(), key);
    expected == *after
}

fn deleted(before: &View, after: &View, label: &str) -> bool {
    let mut without = before.clone();
    without.keys.remove(label).is_some() && without == *after
}

/// Three keys of root's; the rest of the shard is Carol's, and pages of her audit log.
pub(super) fn a_full_shard(device: &Device) {
    static CAROLS: OnceLock<usize> = OnceLock::new();
    let carols = CAROLS.get_or_init(|| {
        let room = 0..SLOTS;
        let full = |carols: &usize| {
            let device = Device::fresh();
            fill(&device, *carols);
            import(&device.user(0), "new").unwrap();
            device.workstation().disk().image().len() == 4
        };
        room.rev().take_while(full).last().unwrap()
    });
    fill(device, *carols);
    assert_eq!(device.workstation().disk().image().len(), 2, "one shard");
}

fn fill(device: &Device, carols: usize) {
    three_keys(device);
    let carol = device.user(CAROL);
    for number in 0..carols {
        import(&carol, &format!("k{number}")).unwrap();
    }
}

fn granted() -> Policy {
    let mut policy = Policy::of(Usage::Sign);
    let grant = Grant {
        to: uid_identity(BOB),
        may: Permissions::of(&[Permission::Sign]),
    };
    policy.grants.push(grant).unwrap();
    policy
}

/// A key in two versions that is granted to Bob, one that is counted, and one that is ratcheted.
fn a_life(device: &Device) {
    three_keys(device);
    let root = device.user(0);
    let mut signer = new_key("signer", Algorithm::Ed25519);
    signer.policy = granted();
    Handle::generate(&root, signer).unwrap().rotate().unwrap();
    let mut counted = new_key("counted", Algorithm::Ed25519);
    counted.policy.rotate_after_uses = Some(1);
    let counted = Handle::generate(&root, counted).unwrap();
    counted.sign(b"message").unwrap();
    let mut chain = new_key("chain", Algorithm::Aes256Cmac);
    chain.ratchet = true;
    Handle::import(&root, chain, &CHAIN).unwrap();
}

/// Whether the chain is at this version now, by the formula of the contract.
fn stepped(before: &View, after: &View, to: u32) -> bool {
    let tag = |chain: &[u8], epoch: u32| {
        let key = kdf::derive_alike(chain, ratchet::KEY_LABEL, &epoch.to_be_bytes()).unwrap();
        let tag = mac::cmac(key.as_bytes(), b"proof").unwrap();
        tag.as_bytes().to_vec()
    };
    assert_eq!(before.keys["chain"].proof, tag(&CHAIN, 1));
    let chain = (2..=to).fold(CHAIN.to_vec(), |chain, epoch| {
        let next = kdf::derive_alike(&chain, ratchet::LABEL, &epoch.to_be_bytes()).unwrap();
        next.as_bytes().to_vec()
    });
    changed(before, after, "chain", |key| {
        key.versions = vec![to];
        key.proof = tag(&chain, to);
    })
}
