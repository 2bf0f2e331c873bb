//! What is done to a vault, and how one sees that it was done.

use std::sync::OnceLock;

use claviger::{Algorithm, Client, Error, State, Status, Usage};
use claviger_proto::{
    message::{Policy, RevokeRequest, SetPolicyRequest},
    ratchet,
};
use claviger_ta::{
    crypto::{kdf, mac},
    vault::SLOTS,
};
use claviger_tests::{ALICE, Device, Handle, label, new_key};

use crate::bench::{Shown, View};

/// One change of a vault.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Makes the vault to which it happens.
    pub(crate) prepare: fn(&Device),
    /// The change.
    pub(crate) act: fn(&Client) -> Result<(), Error>,
    /// Whether the second is the first after this change.
    pub(crate) done: fn(&View, &View) -> bool,
}

pub(crate) fn import(client: &Client, label: &str) -> Result<(), Error> {
    let creation = client.create(label).algorithm(Algorithm::Aes128Cmac);
    creation.import(&[label.len() as u8; 16]).map(drop)
}

fn three_keys(device: &Device) {
    for label in ["a", "bb", "ccc"] {
        import(&device.user(0), label).unwrap();
    }
}

/// Three keys of root's; the rest of the shard is Alice's, and pages of her audit log.
fn a_full_shard(device: &Device) {
    static ALICES: OnceLock<usize> = OnceLock::new();
    let alices = ALICES.get_or_init(|| {
        let room = 0..SLOTS;
        let full = |alices: &usize| {
            let device = Device::fresh();
            fill(&device, *alices);
            import(&device.user(0), "new").unwrap();
            device.workstation().disk().image().len() == 4
        };
        room.rev().take_while(full).last().unwrap()
    });
    fill(device, *alices);
    assert_eq!(device.workstation().disk().image().len(), 2, "one shard");
}

fn fill(device: &Device, alices: usize) {
    three_keys(device);
    let alice = device.user(ALICE);
    for number in 0..alices {
        import(&alice, &format!("k{number}")).unwrap();
    }
}

/// A key in two versions, one that is counted, and one that is ratcheted.
fn a_life(device: &Device) {
    three_keys(device);
    let root = device.user(0);
    Handle::generate(&root, new_key("signer", Algorithm::Ed25519)).unwrap();
    Handle::new(&root, "signer").rotate().unwrap();
    let mut counted = new_key("counted", Algorithm::Ed25519);
    counted.policy.rotate_after_uses = Some(1);
    let counted = Handle::generate(&root, counted).unwrap();
    counted.sign(b"message").unwrap();
    let mut chain = new_key("chain", Algorithm::Aes256Cmac);
    chain.ratchet = true;
    Handle::import(&root, chain, &[7; 32]).unwrap();
}

/// What `act` makes of a key, as far as that is known before.
fn changed(before: &View, after: &View, label: &str, act: impl FnOnce(&mut Shown)) -> bool {
    let mut expected = before.clone();
    let shown = expected.keys.get_mut(label).unwrap();
    act(shown);
    // The public key of a new version is not known before.
    let before = before.keys[label].versions.len();
    if shown.versions.len() > before {
        let Some((old, _)) = after.keys[label].proof.split_last_chunk::<32>() else {
            return false;
        };
        if shown.proof != old {
            return false;
        }
        shown.proof.clone_from(&after.keys[label].proof);
    }
    expected == *after
}

fn revoke(client: &Client, family: Option<&str>) -> Result<(), Error> {
    let request = RevokeRequest {
        family: family.map(label),
        owner: None,
    };
    client.request(&request, &[]).map(drop)
}

fn revoked(before: &View, after: &View, expected: [Status; 2]) -> bool {
    let revoked = View {
        wrapped: expected.to_vec(),
        ..before.clone()
    };
    revoked == *after
}

/// The tag of the chain's next version, by the formula of the contract.
fn next_tag(before: &View) -> Vec<u8> {
    let tag = |chain: &[u8], epoch: u32| {
        let key = kdf::derive_alike(chain, ratchet::KEY_LABEL, &epoch.to_be_bytes()).unwrap();
        let tag = mac::cmac(key.as_bytes(), b"proof").unwrap();
        tag.as_bytes().to_vec()
    };
    assert_eq!(before.keys["chain"].proof, tag(&[7; 32], 1));
    let next = kdf::derive_alike(&[7; 32], ratchet::LABEL, &2_u32.to_be_bytes()).unwrap();
    tag(next.as_bytes(), 2)
}

fn two_shards(device: &Device) {
    a_full_shard(device);
    import(&device.user(0), "dddd").unwrap();
}

fn reset(client: &Client) -> Result<(), Error> {
    // The token is in memory; asking for it must not be what fails.
    let token = client.info()?.confirmation.unwrap();
    client.factory_reset(&token.to_string())
}

fn made(before: &View, after: &View) -> bool {
    let mut without = after.clone();
    without.keys.remove("new").is_some() && without == *before
}

fn deleted(before: &View, after: &View) -> bool {
    let mut without = before.clone();
    without.keys.remove("bb").is_some() && without == *after
}

fn locked(before: &View, after: &View) -> bool {
    let locked = View {
        locked: true,
        ..before.clone()
    };
    locked == *after
}

fn empty(before: &View, after: &View) -> bool {
    after.vault != before.vault
        && after.keys.is_empty()
        && after.others == 0
        && !after.locked
        && after.damaged == 0
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "import",
        prepare: three_keys,
        act: |client| import(client, "new"),
        done: made,
    },
    Scenario {
        name: "generate",
        prepare: three_keys,
        act: |client| client.generate("new", Algorithm::Aes128Cmac).map(drop),
        done: made,
    },
    Scenario {
        name: "import into a slot that was used",
        prepare: |device| {
            three_keys(device);
            device.user(0).delete("a").unwrap();
        },
        act: |client| import(client, "new"),
        done: made,
    },
    Scenario {
        name: "import into a new shard",
        prepare: a_full_shard,
        act: |client| import(client, "new"),
        done: made,
    },
    Scenario {
        name: "delete",
        prepare: three_keys,
        act: |client| client.delete("bb"),
        done: deleted,
    },
    Scenario {
        name: "lock",
        prepare: three_keys,
        act: Client::lock,
        done: locked,
    },
    Scenario {
        name: "lock two shards",
        prepare: two_shards,
        act: Client::lock,
        done: locked,
    },
    Scenario {
        name: "factory reset",
        prepare: |device| {
            three_keys(device);
            device.user(0).lock().unwrap();
        },
        act: reset,
        done: empty,
    },
    Scenario {
        name: "factory reset of two shards",
        prepare: |device| {
            two_shards(device);
            device.user(0).lock().unwrap();
        },
        act: reset,
        done: empty,
    },
    Scenario {
        name: "rotate",
        prepare: a_life,
        act: |client| Handle::new(client, "signer").rotate().map(drop),
        done: |before, after| changed(before, after, "signer", |key| key.versions.push(3)),
    },
    Scenario {
        name: "rotation by the policy",
        prepare: a_life,
        act: |client| Handle::new(client, "counted").sign(b"message").map(drop),
        done: |before, after| changed(before, after, "counted", |key| key.versions.push(2)),
    },
    Scenario {
        name: "retire",
        prepare: a_life,
        act: |client| Handle::new(client, "signer").retire(1).map(drop),
        done: |before, after| {
            changed(before, after, "signer", |key| {
                key.versions.remove(0);
                key.proof.drain(..32);
            })
        },
    },
    Scenario {
        name: "suspend",
        prepare: a_life,
        act: |client| {
            Handle::new(client, "signer")
                .set_state(State::Suspended)
                .map(drop)
        },
        done: |before, after| changed(before, after, "signer", |key| key.state = State::Suspended),
    },
    Scenario {
        name: "destroy",
        prepare: a_life,
        act: |client| {
            Handle::new(client, "signer")
                .set_state(State::Destroyed)
                .map(drop)
        },
        done: |before, after| {
            changed(before, after, "signer", |key| {
                key.state = State::Destroyed;
                key.versions.clear();
                key.proof.clear();
            })
        },
    },
    Scenario {
        name: "tighten",
        prepare: a_life,
        act: |client| {
            let signer = Handle::new(client, "signer");
            let policy = Policy {
                max_uses: Some(9),
                ..Policy::of(Usage::Sign)
            };
            let key = signer.key.clone();
            signer.ask(&SetPolicyRequest { key, policy }, &[]).map(drop)
        },
        done: |before, after| changed(before, after, "signer", |key| key.policy.max_uses = Some(9)),
    },
    Scenario {
        name: "a ratchet's step",
        prepare: a_life,
        act: |client| Handle::new(client, "chain").rotate().map(drop),
        done: |before, after| {
            changed(before, after, "chain", |key| {
                key.versions = vec![2];
                key.proof = next_tag(before);
            }) && after.keys["chain"].proof == next_tag(before)
        },
    },
    Scenario {
        name: "revoke all",
        prepare: three_keys,
        act: |client| revoke(client, None),
        done: |before, after| revoked(before, after, [Status::Revoked; 2]),
    },
    Scenario {
        name: "revoke a family",
        prepare: three_keys,
        act: |client| revoke(client, Some("fleet")),
        done: |before, after| revoked(before, after, [Status::Ok, Status::Revoked]),
    },
];
