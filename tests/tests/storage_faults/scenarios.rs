//! What is done to a vault, and how one sees that it was done.

use claviger::{Algorithm, Client, Error};
use claviger_ta::vault::SLOTS;
use claviger_tests::{ALICE, Device};

use crate::bench::View;

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

/// Three keys of root's; the rest of the shard is Alice's.
fn a_full_shard(device: &Device) {
    three_keys(device);
    let alice = device.user(ALICE);
    for number in 3..SLOTS {
        import(&alice, &format!("k{number}")).unwrap();
    }
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
];
