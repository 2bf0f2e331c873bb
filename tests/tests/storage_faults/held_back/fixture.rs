//! A vault of two shards, with something in each that can be ended.

use std::collections::BTreeMap;

use claviger::{Algorithm, Client, Export, Home, Permission, Permissions, identity::uid_identity};
use claviger_proto::message::{Grant, NewKey};
use claviger_ta::{
    platform::{Copy, ObjectId},
    vault::SLOTS,
    workstation::Workstation,
};
use claviger_tests::{ALICE, BOB, CAROL, Device, Handle, label, new_key};

use crate::{bench::Image, scenarios::vault::certificate};

/// Uses that the counted keys have.
pub(super) const USES: u64 = 3;

/// Every object of the vault.
pub(super) const OBJECTS: [ObjectId; 4] = [
    object(0, Copy::First),
    object(0, Copy::Second),
    object(1, Copy::First),
    object(1, Copy::Second),
];

pub(super) const fn object(shard: u8, copy: Copy) -> ObjectId {
    ObjectId { shard, copy }
}

/// The device as it is before anything ends.
pub(super) struct Fixture {
    workstation: Workstation,
    pub(super) image: Image,
    /// Wrapped keys by their names.
    wrapped: BTreeMap<&'static str, Vec<u8>>,
    /// The certificates of the device's key: the one installed, and another one.
    certificates: [Vec<u8>; 2],
}

/// A device that is switched on.
pub(super) struct On<'a> {
    pub(super) fixture: &'a Fixture,
    pub(super) device: Device,
    pub(super) root: Client,
    pub(super) alice: Client,
    pub(super) bob: Client,
}

/// A wrapped key of this family.
fn wrapped_in(client: &Client, family: Option<&str>) -> Vec<u8> {
    let new = NewKey {
        home: Home::Wrapped,
        family: family.map(label),
        ..new_key("wrapped", Algorithm::HmacSha256)
    };
    Handle::generate(client, new).unwrap().front
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        let workstation = Workstation::in_memory();
        let device = Device::on(workstation.clone());
        let (root, alice, bob) = (device.user(0), device.user(ALICE), device.user(BOB));
        keys(&alice, "one");
        wrapped_in(&alice, Some("fleet"));
        let certificates = [1, 2].map(|number| certificate(&root, number));
        root.install_certificate(&certificates[0]).unwrap();
        // So that root's log is full.
        for _ in 0..30 {
            root.generate("passing", Algorithm::Aes128Cmac).unwrap();
            root.delete("passing").unwrap();
        }
        let carol = device.user(CAROL);
        let second = object(1, Copy::First);
        for number in 0..SLOTS {
            if workstation.disk().image().contains_key(&second) {
                break;
            }
            let filler = carol.generate(&format!("k{number}"), Algorithm::Aes128Cmac);
            filler.unwrap();
        }
        assert!(workstation.disk().image().contains_key(&second));
        keys(&alice, "two");
        wrapped_in(&bob, Some("pair"));
        let mut wrapped = BTreeMap::new();
        for (client, name) in [(&alice, "none"), (&alice, "fleet"), (&bob, "pair")] {
            let family = (name != "none").then_some(name);
            wrapped.insert(name, wrapped_in(client, family));
        }
        for name in ["one/copied", "two/copied"] {
            let copy = Handle::new(&alice, name).wrap(None).unwrap();
            wrapped.insert(name, copy.front);
        }
        // What waits in memory is on a page.
        for client in [&root, &alice, &bob] {
            client.audit_log(claviger::audit::LogOf::Caller).unwrap();
        }
        drop(device);
        // A start mends nothing.
        let image = workstation.disk().image();
        let fixture = Fixture {
            workstation,
            image,
            wrapped,
            certificates,
        };
        assert_eq!(fixture.image.len(), OBJECTS.len());
        fixture
    }

    /// Another device like it, which is switched off.
    pub(super) fn twin(&self) -> Workstation {
        let twin = self.workstation.twin();
        twin.disk().restore(self.image.clone());
        twin
    }

    pub(super) fn switch_on(&self, workstation: &Workstation) -> On<'_> {
        let device = Device::on(workstation.clone());
        On {
            fixture: self,
            root: device.user(0),
            alice: device.user(ALICE),
            bob: device.user(BOB),
            device,
        }
    }
}

impl On<'_> {
    /// The wrapped key of this name.
    pub(super) fn wrapped(&self, name: &str) -> Handle {
        let client = if name == "pair" {
            &self.bob
        } else {
            &self.alice
        };
        Handle::wrapped(client, &self.fixture.wrapped[name])
    }

    pub(super) fn certificate(&self, number: usize) -> &[u8] {
        &self.fixture.certificates[number]
    }

    pub(super) fn key(&self, name: &str) -> Handle {
        Handle::new(&self.alice, name)
    }
}

/// Alice's keys in one shard.
fn keys(alice: &Client, shard: &str) {
    let make = |name: &str, change: &dyn Fn(&mut NewKey)| {
        let mut new = new_key(&format!("{shard}/{name}"), Algorithm::Aes256Cmac);
        change(&mut new);
        Handle::generate(alice, new).unwrap()
    };
    make("deleted", &|_| {});
    make("tightened", &|new| {
        let (to, may) = (uid_identity(BOB), Permissions::of(&[Permission::Mac]));
        new.policy.grants.push(Grant { to, may }).unwrap();
    });
    make("retired", &|_| {}).rotate().unwrap();
    make("destroyed", &|_| {});
    make("counted", &|new| new.policy.max_uses = Some(USES));
    make("copied", &|new| new.policy.export = Export::Wrapped);
    make("stepped", &|new| new.ratchet = true);
}
