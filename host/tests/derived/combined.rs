//! Keys of several sources, public keys, recipients of shares.

use claviger::{
    Algorithm, Client, ErrorKind, Key, Origin, PublicKey, Status,
    authority::{self, Role, Source},
    proto::limits,
};
use ml_kem::{Decapsulate, DecapsulationKey768, Seed};

use crate::{
    SECRET, hex,
    lib_common::{client, key, refused},
};

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
        let public = own.public_key().unwrap();
        let sources = client.combination().agree(&own, &peer);
        let sources = sources.salt(b"salt").info(b"info");
        let secret = &hex(shared);
        let software = |role, length| {
            let ends = [&peer, &public];
            let sources = [Source::Agreement { ends, secret }];
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

/// X25519 knows no private key's top bits, and several public keys for one point: the secret is the
/// same then, and the key is not.
#[test]
fn an_agreement_is_of_two_public_keys() {
    let client = client();
    let own = "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4";
    let own = agreement(&client, Algorithm::X25519, own);
    let peer = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    let mut same_point = peer.clone();
    same_point[31] |= 0x80;
    let [one, other] = [peer, same_point].map(|peer| {
        let peer = PublicKey::from_raw(Algorithm::X25519, &peer).unwrap();
        let sources = client.combination().agree(&own, &peer);
        sources.export(32).unwrap().bytes
    });
    assert_ne!(one, other);
    let client = self::client();
    let own = "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433";
    let own = agreement(&client, Algorithm::EcdhP256, own);
    let ends = [
        own.public_key().unwrap(),
        client
            .create("peer")
            .algorithm(Algorithm::EcdhP256)
            .export_derived(true)
            .generate()
            .and_then(|peer| peer.public_key())
            .unwrap(),
    ];
    let peer = client.key("peer").unwrap();
    let here = client.combination().agree(&own, &ends[1]).export(32);
    let there = client.combination().agree(&peer, &ends[0]).export(32);
    assert_eq!(here.unwrap().bytes, there.unwrap().bytes);
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
    refused(
        PublicKey::from_raw(Algorithm::X25519, &[0; 32]),
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
