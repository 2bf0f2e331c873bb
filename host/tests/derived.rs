//! Wrapped, derived and combined keys as programs see them, and what software without a TEE makes
//! of the same secrets.

mod lib_common;

use claviger::{
    Algorithm, Client, ErrorKind, Home, Key, Origin, Permission, PublicKey, Status, Usage,
    authority::{self, Ratchet, Role, Source},
    identity::uid_identity,
    proto::{limits, ratchet::TOKEN},
    transport::emulator::Emulator,
};
use lib_common::{client, key, refused, two_users};
use ml_kem::{Decapsulate, DecapsulationKey768, Seed};

const SECRET: [u8; 32] = [7; 32];

fn hex(text: &str) -> Vec<u8> {
    let digits = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

/// Every use that a wrapped key can serve.
#[test]
fn wrapped_keys_serve_like_others() {
    let client = client();
    let wrapped = |algorithm| {
        let creation = client.create("w").algorithm(algorithm).wrapped();
        creation.generate().unwrap()
    };
    let seal = wrapped(Algorithm::Aes256Siv);
    let bytes = seal.wrapped_bytes().unwrap();
    assert!(bytes.len() <= limits::WRAPPED);
    assert!(client.list().unwrap().is_empty());
    let again = client.wrapped(bytes).unwrap();
    assert_eq!(again.description(), seal.description());
    assert_eq!(again.description().home, Home::Wrapped);
    let data = vec![1; 2 * limits::CHUNK];
    let blob = seal.seal(b"c", &data).unwrap();
    assert_eq!(again.unseal(b"c", &blob).unwrap(), data);
    assert_eq!(again.reseal(b"c", &blob).unwrap().len(), blob.len());

    let mac = wrapped(Algorithm::HmacSha256);
    for size in [limits::PAYLOAD - 1024, limits::PAYLOAD, 2 * limits::PAYLOAD] {
        let message = vec![2; size];
        let tag = mac.mac(&message).unwrap();
        mac.verify_mac(&message, &tag).unwrap();
        refused(mac.verify_mac(&message, &tag[1..]), Status::NotAuthentic);
    }
    let sign = wrapped(Algorithm::Ed25519);
    sign.public_key().unwrap();
    sign.sign(b"message").unwrap();
    refused(sign.sign(&vec![0; limits::PAYLOAD]), Status::MessageTooLong);
    let challenge = client
        .create("c")
        .algorithm(Algorithm::Aes128Cmac)
        .usage(Usage::Challenge)
        .wrapped()
        .import(&SECRET[..16])
        .unwrap();
    let m1 = challenge.challenge("a", "b").unwrap();
    let m2 = challenge.respond("b", "a", &m1).unwrap();
    assert_eq!(challenge.confirm(&m2).unwrap().peer.as_str(), "b");
}

#[test]
fn wrapped_keys_do_not_change_and_are_bound() {
    let (alice, bob) = two_users();
    let key = alice.create("w").wrapped().generate().unwrap();
    for refusal in [key.rotate(), key.suspend(), key.retire(1)] {
        refused(refusal, Status::Immutable);
    }
    refused(
        key.tighten(&key.description().policy.clone()),
        Status::Immutable,
    );
    refused(key.wrap(None), Status::Immutable);
    refused(
        alice.create("r").wrapped().max_uses(1).generate(),
        Status::Immutable,
    );
    refused(
        alice
            .create("g")
            .algorithm(Algorithm::Aes128Gcm)
            .wrapped()
            .generate(),
        Status::Immutable,
    );
    let bytes = key.wrapped_bytes().unwrap().to_vec();
    refused(bob.wrapped(&bytes), Status::NotFound);
    refused(client().wrapped(&bytes), Status::NotAuthentic);
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused(alice.wrapped(&bytes), Status::NotAuthentic);
    }
    for wrong in [&b""[..], b"CLVW", &[0; limits::WRAPPED + 1]] {
        refused(alice.wrapped(wrong), Status::NotAuthentic);
    }
    let granted = alice
        .create("w")
        .wrapped()
        .grant(uid_identity(1001), &[Permission::Seal])
        .generate()
        .unwrap();
    let his = bob.wrapped(granted.wrapped_bytes().unwrap()).unwrap();
    let blob = his.seal(b"", b"data").unwrap();
    refused(his.unseal(b"", &blob), Status::NotPermitted);
    assert_eq!(granted.unseal(b"", &blob).unwrap(), b"data");
}

#[test]
fn wrapped_keys_end_with_their_family() {
    let device = Emulator::memory();
    let open = |uid| {
        let emulator = device.as_user(uid);
        Client::builder().emulator(emulator).open().unwrap()
    };
    let client = open(1000);
    let family = |name| {
        let creation = client.create("w").wrapped().family(name);
        creation.generate().unwrap()
    };
    let (a, b) = (family("a"), family("b"));
    let first = client.revoke(Some("a")).unwrap();
    refused(a.refresh(), Status::Revoked);
    refused(a.seal(b"", b"x"), Status::Revoked);
    b.seal(b"", b"x").unwrap();
    let anew = family("a");
    anew.seal(b"", b"x").unwrap();
    client.revoke(None).unwrap();
    refused(b.seal(b"", b"x"), Status::Revoked);
    refused(anew.seal(b"", b"x"), Status::Revoked);
    let owner = uid_identity(1000);
    refused(open(1001).revoke_of(owner, None), Status::AdministratorOnly);
    assert!(open(0).revoke_of(owner, None).unwrap() > first);
    assert_eq!(
        client.revoke(Some("no name")).unwrap_err().kind(),
        ErrorKind::Malformed
    );
    refused(
        client.create("v").family("a").generate(),
        Status::UnsupportedUsage,
    );
}

#[test]
fn keys_that_may_leave_wrapped_do() {
    let client = client();
    let key = client.create("k").export_wrapped().generate().unwrap();
    key.rotate().unwrap();
    let wrapped = key.wrap(Some("f")).unwrap();
    let blob = key.seal(b"", b"data").unwrap();
    assert_eq!(wrapped.unseal(b"", &blob).unwrap(), b"data");
    assert_eq!(wrapped.description().versions, [2]);
    key.suspend().unwrap();
    refused(wrapped.seal(b"", b"data"), Status::WrongState);
    key.resume().unwrap();
    client.revoke(Some("f")).unwrap();
    refused(wrapped.unseal(b"", &blob), Status::Revoked);
    let copy = key.wrap(None).unwrap();
    key.rotate().unwrap();
    refused(copy.unseal(b"", &blob), Status::Revoked);
    let stays = client.generate("stays", Algorithm::Aes256Siv).unwrap();
    refused(stays.wrap(None), Status::NotExportable);
}

#[test]
fn wrapped_secrets_are_taken() {
    let client = client();
    let kek = client
        .create("kek")
        .algorithm(Algorithm::Aes128Kw)
        .children(Algorithm::Aes128Cmac)
        .import(&hex("000102030405060708090a0b0c0d0e0f"))
        .unwrap();
    // RFC 3394, 4.1: 128 bits of key data with a 128-bit key-encryption key.
    let wrapped = hex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
    let take = |label: &str| client.create(label).algorithm(Algorithm::Aes128Cmac);
    let key = take("k").unwrap(&kek, &wrapped, false).unwrap();
    assert_eq!(key.description().origin, Origin::Received);
    let known = take("known")
        .import(&hex("00112233445566778899aabbccddeeff"))
        .unwrap();
    assert_eq!(key.mac(b"m").unwrap(), known.mac(b"m").unwrap());
    refused(take("x").unwrap(&kek, &wrapped, true), Status::NotAuthentic);
    for creation in [
        client.create("x"),
        take("x").usage(Usage::Challenge),
        take("x").ratchet(),
    ] {
        let refusal = creation.unwrap(&kek, &wrapped, false);
        refused(refusal, Status::UnsupportedUsage);
    }
    refused(
        take("x").unwrap(&known, &wrapped, false),
        Status::WrongUsage,
    );
    kek.rotate().unwrap();
    refused(
        take("x").unwrap(&kek, &wrapped, false),
        Status::NotAuthentic,
    );
    let old = take("x").unwrap_version(&kek, 1, &wrapped, false).unwrap();
    assert_eq!(old.mac(b"m").unwrap(), known.mac(b"m").unwrap());
}

#[test]
fn children_are_what_software_derives() {
    for parent in [Algorithm::KdfCmac, Algorithm::HkdfSha256] {
        for children in Algorithm::ALL {
            let client = client();
            let creation = client.create("p").algorithm(parent).children(*children);
            let creation = creation.export_derived(true);
            if !children.is_derivable() {
                refused(creation.import(&SECRET), Status::UnsupportedUsage);
                assert!(authority::child(parent, &SECRET, Role::of(*children), "c").is_err());
                continue;
            }
            let child = creation.import(&SECRET).unwrap().child("c/1").unwrap();
            let software = authority::child(parent, &SECRET, Role::of(*children), "c/1").unwrap();
            assert_eq!(child.export_child().unwrap(), software, "{children:?}");
            assert_eq!(child.algorithm(), *children);
        }
    }
}

#[test]
fn children_serve_and_are_kept() {
    let client = client();
    let parent = client
        .create("p")
        .algorithm(Algorithm::KdfCmac)
        .children(Algorithm::Aes256Siv)
        .generate()
        .unwrap();
    let child = parent.child("c").unwrap();
    let blob = child.seal(b"", b"data").unwrap();
    assert_eq!(blob[8..24], child.id().0, "blobs name children");
    refused(
        parent.child("d").unwrap().unseal(b"", &blob),
        Status::NotAuthentic,
    );
    refused(parent.seal(b"", b"data"), Status::WrongUsage);
    refused(child.child("e"), Status::NoChildren);
    refused(child.rotate(), Status::NoChildren);
    refused(child.mac(b""), Status::WrongUsage);
    assert_eq!(
        parent.child("a b").unwrap_err().kind(),
        ErrorKind::Malformed
    );
    refused(key(Algorithm::Aes256Siv).child("c"), Status::NoChildren);
    refused(parent.export_child(), Status::NoChildren);
    refused(child.export_child(), Status::NotExportable);
    assert_eq!(child.refresh().unwrap().id(), child.id());

    for home in ["vault", "wrapped"] {
        let creation = client.create(home).algorithm(Algorithm::Aes256Siv);
        let creation = if home == "wrapped" {
            creation.wrapped()
        } else {
            creation
        };
        let kept = creation.derive(&child).unwrap();
        assert_eq!(kept.description().origin, Origin::Derived);
        assert_eq!(kept.wrapped_bytes().is_some(), home == "wrapped");
    }
    refused(
        client
            .create("x")
            .algorithm(Algorithm::HmacSha256)
            .derive(&child),
        Status::UnsupportedUsage,
    );
    refused(client.create("x").derive(&parent), Status::NoChildren);
    let before = parent.child("c").unwrap().seal(b"", b"1").unwrap();
    parent.rotate().unwrap();
    assert_eq!(child.unseal(b"", &before).unwrap(), b"1");
    let moved = child.reseal(b"", &before).unwrap();
    parent.retire(1).unwrap();
    assert_eq!(child.unseal(b"", &moved).unwrap(), b"1");
    let wrapped = client
        .create("w")
        .algorithm(Algorithm::HkdfSha256)
        .children(Algorithm::Aes128Cmac)
        .wrapped()
        .generate()
        .unwrap();
    wrapped.child("c").unwrap().mac(b"m").unwrap();
}

#[test]
fn ratchets_are_what_software_steps() {
    for (algorithm, secret) in [
        (Algorithm::Aes128Cmac, &SECRET[..16]),
        (Algorithm::Aes256Cmac, &SECRET),
        (Algorithm::HmacSha256, &SECRET),
    ] {
        let client = client();
        let creation = client.create("r").algorithm(algorithm).ratchet();
        let device = creation.import(secret).unwrap();
        let mut software = Ratchet::new(secret).unwrap();
        let agree = |device: &Key, software: &Ratchet| {
            let working = client.create("w").algorithm(algorithm);
            let working = working.import(&software.working_key()).unwrap();
            assert_eq!(device.mac(b"m").unwrap(), working.mac(b"m").unwrap());
            client.delete("w").unwrap();
        };
        agree(&device, &software);
        for _ in 0..3 {
            device.rotate().unwrap();
            software.step().unwrap();
            agree(&device, &software);
        }
        let token = software.token(4 + limits::CATCH_UP).unwrap();
        for bit in 0..8 * TOKEN {
            let mut token = token;
            token[bit / 8] ^= 1 << (bit % 8);
            assert!(device.catch_up(&token).is_err(), "{bit}");
        }
        let version = device.refresh().unwrap().description().version;
        assert_eq!(version, 4);
        assert_eq!(device.catch_up(&token).unwrap(), 4 + limits::CATCH_UP);
        software.catch_up_to(4 + limits::CATCH_UP).unwrap();
        agree(&device, &software);
        refused(device.catch_up(&token), Status::EpochReached);
        let resumed = Ratchet::at(software.version(), software.chain_key()).unwrap();
        let token = resumed.token(software.version() + 1).unwrap();
        device.catch_up(&token).unwrap();
    }
}

#[test]
fn ratchets_know_their_bounds() {
    for length in [0, 15, 17, 64] {
        assert!(Ratchet::new(&vec![0; length]).is_err());
    }
    let mut ratchet = Ratchet::at(10, &SECRET).unwrap();
    assert!(Ratchet::at(0, &SECRET).is_err());
    for version in [9, 10, 11 + limits::CATCH_UP] {
        assert!(ratchet.token(version).is_err());
    }
    assert!(ratchet.catch_up_to(10).is_err());
    assert!(Ratchet::at(u32::MAX, &SECRET).unwrap().step().is_err());
    assert!(!format!("{ratchet:?}").contains("7, 7"));
}

#[test]
fn ratcheted_parents_derive_of_their_working_key() {
    let client = client();
    let parent = client
        .create("p")
        .algorithm(Algorithm::KdfCmac)
        .children(Algorithm::Aes128Cmac)
        .ratchet()
        .export_derived(true)
        .import(&SECRET)
        .unwrap();
    parent.rotate().unwrap();
    let mut software = Ratchet::new(&SECRET).unwrap();
    software.step().unwrap();
    let (algorithm, working) = (Algorithm::Aes128Cmac, software.working_key());
    let expected =
        authority::child(Algorithm::KdfCmac, &working, Role::of(algorithm), "c").unwrap();
    let child = parent.child("c").unwrap();
    assert_eq!(child.export_child().unwrap(), expected);
}

/// An agreement key with this private key, whose outputs may leave.
fn agreement(client: &Client, algorithm: Algorithm, secret: &str) -> Key {
    client
        .create("own")
        .algorithm(algorithm)
        .export_derived(true)
        .import(&hex(secret))
        .unwrap()
}

#[test]
fn agreements_are_what_software_combines() {
    let vectors = [
        // RFC 7748, 5.2.
        (
            Algorithm::X25519,
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        // RFC 5903, 8.1.
        (
            Algorithm::EcdhP256,
            "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
            "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63\
             56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
            "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
        ),
    ];
    for (algorithm, own, peer, shared) in vectors {
        let client = client();
        let own = agreement(&client, algorithm, own);
        let peer = PublicKey::from_raw(algorithm, &hex(peer)).unwrap();
        let sources = client.combination().agree(&own, &peer);
        let sources = sources.salt(b"salt").info(b"info");
        let secret = &hex(shared);
        let software = |role, length| {
            let sources = [Source::Agreement { secret }];
            authority::combine(&sources, b"salt", b"info", role, length).unwrap()
        };
        for length in [1, 16, 64] {
            let device = sources.clone().export(length).unwrap();
            assert_eq!(device.bytes, software(None, length));
            assert_eq!(device.ciphertext, None);
        }
        let hmac = Algorithm::HmacSha256;
        let made = client.create("made").algorithm(hmac);
        let made = made.combine(sources.clone()).unwrap().key;
        assert_eq!(made.description().origin, Origin::Derived);
        let known = client.create("known").algorithm(hmac);
        let known = known.import(&software(Some(Role::of(hmac)), 32)).unwrap();
        assert_eq!(made.mac(b"m").unwrap(), known.mac(b"m").unwrap());
    }
}

#[test]
fn encapsulations_are_what_software_combines() {
    let seed: Vec<u8> = (0..64).collect();
    let client = client();
    let device = client
        .create("kem")
        .algorithm(Algorithm::MlKem768)
        .export_derived(true)
        .import(&seed)
        .unwrap();
    let public = device.public_key().unwrap();
    let here = client
        .combination()
        .encapsulate(&public)
        .export(32)
        .unwrap();
    let ciphertext = here.ciphertext.as_ref().unwrap();
    let there = client.combination().decapsulate(&device, ciphertext);
    assert_eq!(there.export(32).unwrap().bytes, here.bytes);

    let software = DecapsulationKey768::from_seed(Seed::try_from(&*seed).unwrap());
    let secret = software.decapsulate(ciphertext.as_slice().try_into().unwrap());
    let (secret, ciphertext) = (secret.as_slice(), ciphertext.as_slice());
    let sources = [Source::Kem { ciphertext, secret }];
    let expected = authority::combine(&sources, b"", b"", None, 32).unwrap();
    assert_eq!(here.bytes, expected);

    // X-Wing, into a wrapped key at one end.
    let x_wing = client.generate("x-wing", Algorithm::XWing).unwrap();
    let public = x_wing.public_key().unwrap();
    let session = |label: &str| client.create(label).algorithm(Algorithm::HmacSha256);
    let here = client.combination().encapsulate(&public);
    let here = session("here").wrapped().combine(here).unwrap();
    let there = client
        .combination()
        .decapsulate(&x_wing, &here.ciphertext.unwrap());
    let there = session("there").combine(there).unwrap().key;
    assert!(here.key.wrapped_bytes().is_some());
    assert_eq!(here.key.mac(b"m").unwrap(), there.mac(b"m").unwrap());
}

#[test]
fn the_order_and_names_of_sources_count() {
    let client = client();
    let parent = client
        .create("p")
        .algorithm(Algorithm::HkdfSha256)
        .children(Algorithm::KdfCmac)
        .export_derived(true)
        .import(&SECRET)
        .unwrap();
    let (a, b) = (parent.child("a").unwrap(), parent.child("b").unwrap());
    let of = |name: &str| {
        authority::child(
            Algorithm::HkdfSha256,
            &SECRET,
            Role::of(Algorithm::KdfCmac),
            name,
        )
        .unwrap()
    };
    let secrets = (of("a"), of("b"));
    let (first, second) = (
        Source::Key {
            name: "p#a",
            secret: &secrets.0,
        },
        Source::Key {
            name: "p#b",
            secret: &secrets.1,
        },
    );
    let expected = authority::combine(&[first, second], b"", b"i", None, 20).unwrap();
    let ab = client.combination().key(&a).key(&b).info(b"i");
    assert_eq!(ab.clone().export(20).unwrap().bytes, expected);
    let ba = client.combination().key(&b).key(&a).info(b"i");
    assert_ne!(ba.export(20).unwrap().bytes, expected);

    parent.rotate().unwrap();
    assert_ne!(ab.export(20).unwrap().bytes, expected);
}

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

#[test]
fn combinations_that_cannot_be_are_refused() {
    let client = client();
    let stays = client.generate("stays", Algorithm::X25519).unwrap();
    let peer = stays.public_key().unwrap();
    let sources = || client.combination().agree(&stays, &peer);
    refused(sources().export(32), Status::NotExportable);
    let session = |algorithm| client.create("s").algorithm(algorithm);
    refused(
        session(Algorithm::KdfCmac)
            .export_derived(true)
            .combine(sources()),
        Status::NotExportable,
    );
    refused(
        session(Algorithm::EcdsaP256).combine(sources()),
        Status::UnsupportedUsage,
    );
    refused(client.combination().export(32), Status::BadPayload);
    for length in [0, limits::DERIVED + 1] {
        refused(sources().export(length), Status::BadPayload);
    }
    let five = (0..5).fold(client.combination(), |all, _| all.agree(&stays, &peer));
    refused(five.export(32), Status::BadPayload);
    let long = vec![0; limits::INFO + 1];
    refused(sources().info(&long).export(32), Status::BadPayload);
    refused(sources().salt(&long).export(32), Status::BadPayload);
    let zero = PublicKey::from_raw(Algorithm::X25519, &[0; 32]).unwrap();
    let zero = client.combination().agree(&stays, &zero);
    refused(
        session(Algorithm::HmacSha256).combine(zero),
        Status::BadPublicKey,
    );
    let seal = key(Algorithm::Aes256Siv);
    refused(client.combination().key(&seal).export(1), Status::NotFound);
    let name = "p";
    let secret = &SECRET;
    for sources in [&[][..], &[Source::Key { name, secret }; 5]] {
        assert!(authority::combine(sources, b"", b"", None, 1).is_err());
    }
}

#[test]
fn public_keys_have_their_forms() {
    let client = client();
    for algorithm in [
        Algorithm::EcdsaP256,
        Algorithm::EcdsaP384,
        Algorithm::Ed25519,
        Algorithm::EcdhP256,
        Algorithm::X25519,
    ] {
        let key = client.create("k").algorithm(algorithm).wrapped();
        let public = key.generate().unwrap().public_key().unwrap();
        assert_eq!(public.algorithm(), algorithm);
        let (der, pem) = (public.to_der().unwrap(), public.to_pem().unwrap());
        assert_eq!(PublicKey::from_der(algorithm, &der).unwrap(), public);
        assert_eq!(PublicKey::from_pem(algorithm, &pem).unwrap(), public);
        assert_eq!(
            PublicKey::from_raw(algorithm, &public.raw()).unwrap(),
            public
        );
        assert!(public.to_jwk().unwrap().contains("crv"));
        for length in 0..der.len() {
            refused(
                PublicKey::from_der(algorithm, &der[..length]),
                Status::BadPublicKey,
            );
        }
        let other = match algorithm {
            Algorithm::Ed25519 => Algorithm::X25519,
            _ => Algorithm::Ed25519,
        };
        refused(PublicKey::from_pem(other, &pem), Status::BadPublicKey);
        refused(
            PublicKey::from_pem(algorithm, &pem.replace("PUBLIC", "PRIVATE")),
            Status::BadPublicKey,
        );
    }
    // RFC 8410, 10.1 has Ed25519; the structure of X25519 differs in the identifier alone.
    let public = PublicKey::from_raw(Algorithm::X25519, &[9; 32]).unwrap();
    let expected = [hex("302a300506032b656e032100"), vec![9; 32]].concat();
    assert_eq!(public.to_der().unwrap(), expected);
    for (algorithm, length) in [(Algorithm::MlKem768, 1184), (Algorithm::XWing, 1216)] {
        let public = client.create("k").algorithm(algorithm).wrapped();
        let public = public.generate().unwrap().public_key().unwrap();
        assert_eq!(public.raw().len(), length);
        assert_eq!(public.to_pem().unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(public.to_jwk().unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(
            PublicKey::from_raw(algorithm, &public.raw()).unwrap(),
            public
        );
        refused(
            PublicKey::from_raw(algorithm, &[0; 32]),
            Status::BadPublicKey,
        );
    }
}

#[test]
fn shares_are_for_the_recipients_that_the_policy_fixed() {
    let client = client();
    let recipients: Vec<_> = (1..=3)
        .map(|n| PublicKey::from_raw(Algorithm::X25519, &[n; 32]).unwrap())
        .collect();
    let key = client.create("k").export_shares(2, &recipients);
    let key = key.generate().unwrap();
    let shares = key.description().policy.shares.as_ref().unwrap();
    assert_eq!((shares.threshold, shares.shares), (2, 3));
    // SHA-256 of 32 bytes each of 1, 2 and 3, by Python's hashlib.
    assert_eq!(
        shares.recipients.to_string(),
        "8a2e491356cfdb05a1d13785e0794d7cd163f91af79a146c976b1d2ac643b679"
    );
    for threshold in [0, 1, 4] {
        refused(
            client
                .create("x")
                .export_shares(threshold, &recipients)
                .generate(),
            Status::BadPolicy,
        );
    }
}
