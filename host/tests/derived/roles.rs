//! What a derived key is, and what it keeps of the key that it comes of.

use claviger::{
    Algorithm, Permission, Status, Usage,
    authority::{self, Role, Source},
    identity::uid_identity,
};

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
