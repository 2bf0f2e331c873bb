//! The device that every input begins with.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};

use claviger::{
    Algorithm, Client, Usage,
    audit::LogOf,
    identity::uid_identity,
    proto::{Home, message::NewKey},
    shares::{Holder, Manifest},
};
use claviger_proto::{Permission, Permissions, message::Grant};
use claviger_ta::platform::ObjectId;
use claviger_tests::{BOB, Handle, creation, label, new_key, new_key_for};

use crate::{Ground, Machine, client};

/// A device with keys, and what they made.
pub struct Start {
    /// Its disk.
    pub image: BTreeMap<ObjectId, Vec<u8>>,
    /// Bytes that mean something to some command: blobs, tags, messages, wrapped keys.
    pub material: Vec<Vec<u8>>,
    /// A log and a checkpoint, as files.
    pub audit: [Vec<u8>; 2],
    /// A signed manifest, a sealed share and a signed request, as files.
    pub shares: [Vec<u8>; 3],
}

impl Start {
    /// The bytes among the material that begin so.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn message(&self, front: &[u8]) -> &[u8] {
        let found = self.material.iter().find(|bytes| bytes.starts_with(front));
        found.unwrap()
    }
}

/// The same in every run.
pub fn start() -> &'static Start {
    static START: OnceLock<Start> = OnceLock::new();
    START.get_or_init(make)
}

fn make() -> Start {
    let ground = Ground::new(BTreeMap::new());
    let disk = ground.disk().clone();
    let machine = Arc::new(Mutex::new(Machine::start(ground)));
    let [root, alice] = [0, 1].map(|user| client(&machine, user));
    for user in [&root, &alice] {
        for algorithm in Algorithm::ALL {
            let creation = creation(user, algorithm.name(), *algorithm);
            creation.generate().unwrap();
        }
    }
    let counted = new_key("counted", Algorithm::Aes256Siv);
    let mut policy = counted.policy.clone();
    policy.max_uses = Some(100);
    policy.rotate_after_uses = Some(3);
    policy
        .grants
        .push(Grant {
            to: uid_identity(BOB),
            may: Permissions::of(&[Permission::Seal]),
        })
        .unwrap();
    let counted = Handle::generate(&alice, NewKey { policy, ..counted }).unwrap();
    let challenge = new_key_for("challenge", Algorithm::Aes128Cmac, Usage::Challenge);
    Handle::generate(&alice, challenge).unwrap();
    let ratcheted = NewKey {
        ratchet: true,
        ..new_key("ratchet", Algorithm::Aes256Cmac)
    };
    Handle::generate(&alice, ratcheted)
        .unwrap()
        .rotate()
        .unwrap();
    let wrapped = NewKey {
        home: Home::Wrapped,
        family: Some(label("family")),
        ..new_key("wrapped", Algorithm::Aes256Cmac)
    };
    Handle::generate(&alice, wrapped).unwrap();
    alice.revoke(Some("family")).unwrap();
    let shares = shares(&alice);
    let mut material = material(&alice, &counted);
    material.extend(shares.iter().cloned());
    let log = alice.audit_log(LogOf::Caller).unwrap();
    let checkpoint = alice.audit_checkpoint(LogOf::Caller, b"nonce").unwrap();
    Start {
        image: disk.image(),
        material,
        audit: [log.to_bytes(), checkpoint.to_bytes().to_vec()],
        shares,
    }
}

fn shares(alice: &Client) -> [Vec<u8>; 3] {
    let holders = [1, 2].map(|byte| Holder::from_bytes(&[byte; 32]).unwrap());
    let recipients = holders.map(|holder| holder.public_key());
    let key = alice
        .create("shared")
        .algorithm(Algorithm::HmacSha256)
        .export_shares(2, &recipients)
        .generate()
        .unwrap();
    let shared = key.share(&recipients).unwrap();
    let device = alice.device_key().unwrap().public;
    let manifest = Manifest::verify(&shared.manifest, &device).unwrap();
    alice.delete("shared").unwrap();
    let restore = alice.restore(&manifest).unwrap();
    let request = restore.request().to_vec();
    restore.cancel().unwrap();
    [shared.manifest, shared.shares[0].to_bytes(), request]
}

fn material(alice: &Client, counted: &Handle) -> Vec<Vec<u8>> {
    let seal = Handle::new(alice, Algorithm::Aes256Siv.name());
    let mac = Handle::new(alice, Algorithm::Aes128Cmac.name());
    let encrypt = Handle::new(alice, Algorithm::Aes256Gcm.name());
    let sign = Handle::new(alice, Algorithm::EcdsaP256.name());
    let agree = Handle::new(alice, Algorithm::X25519.name());
    let kem = Handle::new(alice, Algorithm::MlKem768.name());
    let wrapped = NewKey {
        home: Home::Wrapped,
        family: Some(label("family")),
        ..new_key("wrapped", Algorithm::Aes256Siv)
    };
    let wrapped = Handle::generate(alice, wrapped).unwrap();
    let challenge = alice.key("challenge").unwrap();
    let m1 = challenge.challenge("a", "b").unwrap();
    let m2 = challenge.respond("b", "a", &m1).unwrap();
    vec![
        [b"c", &seal.seal(b"c", b"text").unwrap()[..]].concat(),
        [b"c", &counted.seal(b"c", b"text").unwrap()[..]].concat(),
        [&mac.mac(&[7; 16]).unwrap()[..], &[7; 16]].concat(),
        [b"c", &encrypt.encrypt(b"c", b"text").unwrap()[..]].concat(),
        sign.sign(&[7; 32]).unwrap(),
        agree.public_key(None).unwrap(),
        kem.public_key(None).unwrap(),
        wrapped.front.clone(),
        [
            &wrapped.front[..],
            b"c",
            &wrapped.seal(b"c", b"text").unwrap(),
        ]
        .concat(),
        m1,
        m2,
    ]
}
