//! Random steps, done by the device and by the model, which must agree on each.

mod changes;
mod choices;
mod uses;

use std::{collections::BTreeMap, fmt::Debug};

use claviger::{Client, Error, identity::gid_identity, identity::uid_identity};
use claviger_proto::{
    Algorithm, Digits, Export, Home, Identity, KeyId, KeyRef, Label, Permission, Permissions,
    State, Status, Usage, limits, message::*,
};
use claviger_tests::{ALICE, BOB, CAROL, Device, Handle, Rng, SENSORS, label};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use super::{
    key::{InUse, Place, Target, Work, permissions, shown},
    reference::Model,
};

const LABELS: [&str; 3] = ["a", "b", "c"];
const FAMILIES: [&str; 2] = ["f", "g"];
const CHILDREN: [&str; 2] = ["x", "y"];
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::Aes256Siv,
    Algorithm::Aes128Siv,
    Algorithm::Aes128Cmac,
    Algorithm::HmacSha256,
    Algorithm::KdfCmac,
    Algorithm::KdfCmac,
    Algorithm::Aes128Gcm,
    Algorithm::Ed25519,
];
/// Bytes that a key made and that are kept to be tried later, at most.
const KEPT: usize = 64;
/// Wrapped keys of which one is taken: the last ones.
const RECENT: usize = 12;

/// The key that made something: its id, or its parent's and its name.
type Lineage = (KeyId, Option<Label>);

/// The kinds of what keys make.
#[derive(Clone, Copy)]
enum Kind {
    Sealed,
    Tag,
    Encrypted,
}

/// What a key made.
#[derive(Clone)]
struct Made {
    by: Target,
    lineage: Lineage,
    version: u32,
    context: Vec<u8>,
    text: Vec<u8>,
    bytes: Vec<u8>,
}

/// How often each status was the answer.
pub(super) type Statuses = BTreeMap<u16, (Status, usize)>;

/// A device, a model, and what came of the steps until now.
pub(super) struct Run<'a> {
    #[cfg_attr(not(feature = "emulator"), expect(dead_code))]
    device: &'a Device,
    clients: Vec<(Identity, Client)>,
    model: Model,
    rng: Rng,
    wrapped: Vec<Vec<u8>>,
    /// By their [`Kind`].
    made: [Vec<Made>; 3],
    public: BTreeMap<(Lineage, u32), Vec<u8>>,
    /// How often each status was the answer.
    pub(super) statuses: Statuses,
    /// How often each command was done.
    pub(super) done: BTreeMap<&'static str, usize>,
    /// Which step this is, for a message.
    step: String,
}

impl<'a> Run<'a> {
    /// A run on this device, whose vault is empty.
    pub(super) fn new(device: &'a Device, seed: u64) -> Run<'a> {
        let users = [0, ALICE, BOB, CAROL];
        let users = users.map(|uid| (uid_identity(uid), device.user(uid)));
        let mut clients = Vec::from(users);
        clients.push((gid_identity(SENSORS), device.group(ALICE, SENSORS)));
        let level = clients[0].1.info().unwrap().rollback_level;
        Run {
            device,
            clients,
            model: Model::new(level),
            rng: Rng::new(seed),
            wrapped: Vec::new(),
            made: [const { Vec::new() }; 3],
            public: BTreeMap::new(),
            statuses: Statuses::new(),
            done: BTreeMap::new(),
            step: format!("seed {seed}, before the first step"),
        }
    }

    /// Does the step with this number.
    pub(super) fn step(&mut self, seed: u64, number: usize) {
        self.step = format!("seed {seed}, step {number}");
        match self.rng.below(100) {
            0..14 => self.generate(),
            14..18 => self.describe(),
            18..21 => self.list(),
            21..31 => self.seal(),
            31..39 => self.unseal(),
            39..44 => self.reseal(),
            44..52 => self.mac(),
            52..59 => self.verify(),
            59..64 => self.encrypt(),
            64..68 => self.decrypt(),
            68..71 => self.sign(),
            71..73 => self.public_key(),
            73..79 => self.rotate(),
            79..82 => self.retire(),
            82..86 => self.set_state(),
            86..91 => self.set_policy(),
            91..93 => self.delete(),
            93..95 => self.wrap(),
            95..96 => self.rename(),
            96..97 => self.chown(),
            97..98 => self.revoke(),
            98..99 => self.everything(),
            _ => self.restart(),
        }
    }

    /// Looks at all that there is.
    pub(super) fn everything(&mut self) {
        let places: Vec<_> = self.model.places().cloned().collect();
        for (owner, label) in places {
            self.see(&Target {
                place: Place::Vault(owner, label),
                child: None,
            });
        }
        for who in 0..self.clients.len() {
            for owner in 0..self.clients.len() {
                self.list_of(who, self.clients[owner].0);
            }
            self.list_of_others(who);
        }
    }

    /// The device and the model say the same of what was done just now.
    #[track_caller]
    fn agree<T: Debug, U>(
        &mut self,
        command: &'static str,
        what: &dyn Debug,
        expected: Result<T, Status>,
        got: Result<U, Error>,
    ) -> Option<(T, U)> {
        let step = &self.step;
        let got = got.map_err(|error| {
            error
                .status()
                .unwrap_or_else(|| panic!("{step}: {command} {what:?}: {error:?}"))
        });
        let wanted = expected.as_ref().err().copied().unwrap_or(Status::Ok);
        let answer = got.as_ref().err().copied().unwrap_or(Status::Ok);
        assert_eq!(answer, wanted, "{step}: {command} {what:?}");
        let seen = self.statuses.entry(answer.code()).or_insert((answer, 0));
        seen.1 += 1;
        if answer == Status::Ok {
            *self.done.entry(command).or_insert(0) += 1;
        }
        expected.ok().zip(got.ok())
    }

    #[track_caller]
    fn same<T: PartialEq + Debug>(&self, what: &dyn Debug, got: &T, expected: &T) {
        assert_eq!(got, expected, "{}: {what:?}", self.step);
    }

    /// Uid 0 sees of a key what the model says of it.
    fn see(&mut self, target: &Target) {
        let Place::Vault(owner, label) = &target.place else {
            return;
        };
        let target = Target {
            child: None,
            ..target.clone()
        };
        if self.model.peek(&target).is_some() {
            let expected = self.model.describe(Identity::ADMINISTRATOR, &target);
            let got = self.clients[0].1.describe_of(label.as_str(), *owner);
            if let Some((expected, got)) = self.agree("see", &target, expected, got) {
                self.same(&target, &shown(got), &expected);
            }
        }
    }
}

impl From<Place> for Target {
    fn from(place: Place) -> Target {
        Target { place, child: None }
    }
}

fn plain(permission: Permission) -> Work {
    Work {
        permission,
        also: None,
        context: None,
        bytes: 0,
    }
}

/// Asks with nothing in the payload.
fn bare<R>(client: &Client, request: &R) -> Result<KeyDescription, Error>
where
    R: claviger_proto::command::Request<Response = KeyDescription>,
{
    client
        .request(request, &[])
        .map(|(description, _)| description)
}
