//! What a derived key is, and what it keeps of the key that it comes of.

use claviger::{
    Algorithm, Permission, Status, Usage,
    authority::{self, Role, Source},
    identity::uid_identity,
};

use sha2::{Digest, Sha256};

use crate::{
    SECRET,
    lib_common::{client, refused, two_users},
};

/// No two roles share a secret: what one may show is never the other.
#[test]
fn each_role_is_another_key() {
    let client = client();
    let cmac = Algorithm::Aes128Cmac;
    let parent = client
        .create("p")
        .algorithm(Algorithm::KdfCmac)
        .children(cmac)
        .import(&SECRET)
        .unwrap();
    let child = parent.child("c").unwrap();
    let (name, secret) = ("p", &SECRET);
    let mut secrets = Vec::new();
    for ratchet in [false, true] {
        let role = Role {
            ratchet,
            ..Role::of(cmac)
        };
        let derived = authority::child(Algorithm::KdfCmac, secret, role, "c").unwrap();
        let sources = [Source::Key { name, secret }];
        let combined = authority::combine(&sources, b"", b"", Some(role), 16).unwrap();
        let creation = |label: &str| {
            let creation = client.create(label).algorithm(cmac);
            if ratchet {
                creation.ratchet()
            } else {
                creation
            }
        };
        let sources = client.combination().key(&parent);
        for (device, software) in [
            (creation("device").derive(&child), &derived),
            (
                creation("combined").combine(sources).map(|made| made.key),
                &combined,
            ),
        ] {
            let known = creation("known").import(software).unwrap();
            assert_eq!(device.unwrap().mac(b"m").unwrap(), known.mac(b"m").unwrap());
            client.delete("known").unwrap();
        }
        for label in ["device", "combined"] {
            client.delete(label).unwrap();
        }
        secrets.extend([derived, combined]);
    }
    let challenge = Role {
        usage: Usage::Challenge,
        ..Role::of(cmac)
    };
    secrets.push(authority::child(Algorithm::KdfCmac, secret, challenge, "c").unwrap());
    for (place, secret) in secrets.iter().enumerate() {
        assert!(!secrets[..place].contains(secret));
    }
}

#[test]
fn what_is_derived_sheds_no_bound() {
    let (alice, bob) = two_users();
    let parent = |label: &str| {
        let creation = alice.create(label).algorithm(Algorithm::KdfCmac);
        creation.children(Algorithm::Aes256Siv)
    };
    let counted = parent("counted").max_uses(9).generate().unwrap();
    refused(
        alice.create("x").derive(&counted.child("c").unwrap()),
        Status::NotPermitted,
    );
    let context = parent("context").min_context(4).generate().unwrap();
    let child = context.child("c").unwrap();
    refused(alice.create("x").derive(&child), Status::BadPolicy);
    alice.create("x").min_context(4).derive(&child).unwrap();
    let granted = parent("granted").grant(uid_identity(1001), &[Permission::Derive]);
    granted.generate().unwrap();
    let his = bob.key_of(uid_identity(1000), "granted").unwrap();
    let his = his.child("c").unwrap();
    his.seal(b"", b"data").unwrap();
    refused(bob.create("x").derive(&his), Status::NotPermitted);

    let fixed = parent("fixed").fixed_owner().generate().unwrap();
    let child = fixed.child("c").unwrap();
    refused(alice.create("y").derive(&child), Status::BadPolicy);
    alice.create("y").fixed_owner().derive(&child).unwrap();

    let gcm = alice
        .create("gcm")
        .algorithm(Algorithm::KdfCmac)
        .children(Algorithm::Aes128Gcm)
        .generate()
        .unwrap();
    let once = || alice.create("once").algorithm(Algorithm::Aes128Gcm);
    let child = gcm.child("c").unwrap();
    child.encrypt(b"", b"text").unwrap();
    refused(once().derive(&child), Status::UnsupportedUsage);
    refused(
        once().combine(alice.combination().key(&gcm)),
        Status::UnsupportedUsage,
    );
}

/// What comes in under a key-encryption key, or of a derivation key, belongs to what that is: under
/// one secret with two roles, a key could be taken in as another kind of key.
#[test]
fn other_children_make_another_key() {
    let client = client();
    let kw = Algorithm::Aes256Kw;
    let parent = client
        .create("p")
        .algorithm(Algorithm::KdfCmac)
        .children(kw)
        .import(&SECRET)
        .unwrap();
    let child = parent.child("c").unwrap();
    let (name, secret) = ("p", &SECRET);
    let mut secrets = Vec::new();
    for children in [Algorithm::KdfCmac, Algorithm::Aes256Cmac] {
        let role = Role {
            children: Some(children),
            ..Role::of(kw)
        };
        let derived = authority::child(Algorithm::KdfCmac, secret, role, "c").unwrap();
        let sources = [Source::Key { name, secret }];
        let combined = authority::combine(&sources, b"", b"", Some(role), 32).unwrap();
        let creation = |label: &str| client.create(label).algorithm(kw).children(children);
        let sources = client.combination().key(&parent);
        for (device, software) in [
            (creation("device").derive(&child).unwrap(), &derived),
            (
                creation("combined").combine(sources).unwrap().key,
                &combined,
            ),
        ] {
            let known = creation("known").import(software).unwrap();
            let value = |key: &claviger::Key| key.description().check_value;
            assert!(value(&known).is_some());
            assert_eq!(value(&device), value(&known));
            client.delete("known").unwrap();
        }
        for label in ["device", "combined"] {
            client.delete(label).unwrap();
        }
        secrets.extend([derived, combined]);
    }
    for (place, secret) in secrets.iter().enumerate() {
        assert!(!secrets[..place].contains(secret));
    }
}

/// HMAC fills a short key up with zeros and hashes a long one: the salt's length tells them apart.
#[test]
fn every_other_salt_makes_another_key() {
    let client = client();
    let parent = client
        .create("p")
        .algorithm(Algorithm::HkdfSha256)
        .export_derived(true)
        .import(&SECRET)
        .unwrap();
    let long = [7; 65];
    let hash = Sha256::digest(long);
    let salts: [&[u8]; 5] = [b"", b"\0", b"\0\0", &long, &hash];
    let mut seen = Vec::new();
    for salt in salts {
        let sources = [Source::Key {
            name: "p",
            secret: &SECRET,
        }];
        let here = authority::combine(&sources, salt, b"", None, 16).unwrap();
        let there = client.combination().key(&parent).salt(salt).export(16);
        assert_eq!(there.unwrap().bytes, here);
        assert!(!seen.contains(&here));
        seen.push(here);
    }
}
