//! The life of a key.

use std::collections::BTreeSet;

use claviger::{Algorithm, Error, Home, Origin, State, Status, Usage, identity::uid_identity};
use claviger_proto::{
    limits,
    message::{KeySummary, ListRequest, Policy},
};
use claviger_tests::{ALICE, Device, creation, status};
use hex_literal::hex;

/// n, the order of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3).
const P256_ORDER: [u8; 32] =
    hex!("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

/// That of P-384 (section 3.2.1.4).
const P384_ORDER: [u8; 48] = hex!(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
);

#[test]
fn a_key_is_what_was_asked_for() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for algorithm in Algorithm::ALL {
        let usages = algorithm.usages().iter().copied().map(Some).chain([None]);
        for usage in usages {
            let label = format!("{}/{}", algorithm.name(), usage.map_or("-", Usage::name));
            let mut creation = creation(&client, &label, *algorithm);
            if let Some(usage) = usage {
                creation = creation.usage(usage);
            }
            let made = creation.generate().unwrap();
            let description = made.description();
            assert_eq!(description.key.as_str(), label);
            assert_eq!(description.algorithm, *algorithm);
            assert_eq!(description.usage, usage.unwrap_or(algorithm.usages()[0]));
            assert_eq!(description.origin, Origin::Generated);
            assert_eq!(description.state, State::Active);
            assert_eq!(description.version, 1);
            assert_eq!(description.versions, [1]);
            assert_eq!(description.policy, Policy::of(description.usage));
            assert_eq!(
                (description.home, description.ratchet),
                (Home::Vault, false)
            );
            let takes_in = description.usage == Usage::Unwrap;
            assert_eq!(description.family, None);
            assert_eq!(description.children.is_some(), takes_in);
            let bounded = description.version_uses;
            let counted = algorithm.use_limit().map(|_| 0);
            assert_eq!((bounded, description.uses_left), (counted, None));
            assert_eq!(description.owner, uid_identity(ALICE));
            assert_eq!(client.describe(&label).unwrap(), *description);
            assert_eq!(client.key(&label).unwrap().description(), description);
        }
    }
}

#[test]
fn an_algorithm_serves_its_own_usages_only() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for algorithm in Algorithm::ALL {
        for usage in Usage::ALL {
            let creation = creation(&client, "key", *algorithm).usage(*usage);
            if algorithm.usages().contains(usage) {
                // Derived keys may leave where there are any.
                let exporting = creation.export_derived(true);
                let derives = [
                    Usage::Challenge,
                    Usage::Derive,
                    Usage::Agree,
                    Usage::Decapsulate,
                    Usage::Unwrap,
                ];
                if derives.contains(usage) {
                    let made = exporting.generate().unwrap();
                    assert!(made.description().policy.export_derived);
                    client.delete("key").unwrap();
                } else {
                    assert_eq!(status(exporting.generate()), Status::BadPolicy);
                }
            } else {
                let secret = vec![1; algorithm.key_len()];
                assert_eq!(
                    status(creation.clone().generate()),
                    Status::UnsupportedUsage
                );
                assert_eq!(status(creation.import(&secret)), Status::UnsupportedUsage);
            }
        }
    }
    assert_eq!(client.list().unwrap(), []);
}

#[test]
fn imports_have_the_length_of_their_algorithm() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for algorithm in Algorithm::ALL {
        for length in 0..=80 {
            let creation = creation(&client, "key", *algorithm);
            let imported = creation.import(&vec![1; length]);
            let right = match algorithm {
                Algorithm::Aes256Siv | Algorithm::MlKem768 => length == 64,
                Algorithm::EcdsaP384 => length == 48,
                Algorithm::Aes128Cmac
                | Algorithm::Aes128Gcm
                | Algorithm::Aes128Ccm
                | Algorithm::Aes128Kw => length == 16,
                Algorithm::HmacSha256 => (16..=64).contains(&length),
                _ => length == 32,
            };
            if right {
                let origin = imported.unwrap().description().origin;
                assert_eq!(origin, Origin::Imported);
                client.delete("key").unwrap();
            } else {
                assert_eq!(status(imported), Status::BadKey, "{algorithm:?} {length}");
            }
        }
    }
}

#[test]
fn scalars_are_in_range() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for (algorithm, order) in [
        (Algorithm::EcdsaP256, &P256_ORDER[..]),
        (Algorithm::EcdhP256, &P256_ORDER),
        (Algorithm::EcdsaP384, &P384_ORDER),
    ] {
        let import = |scalar: &[u8]| {
            let creation = client.create("key").algorithm(algorithm);
            creation.import(scalar)
        };
        let length = order.len();
        let mut largest = order.to_vec();
        largest[length - 1] -= 1;
        let mut smallest = vec![0; length];
        smallest[length - 1] = 1;
        for bad in [&vec![0; length], order, &vec![0xff; length]] {
            assert_eq!(status(import(bad)), Status::BadKey, "{algorithm:?}");
        }
        for good in [smallest, largest] {
            import(&good).unwrap();
            client.delete("key").unwrap();
        }
    }
}

#[test]
fn nothing_is_made_over_a_key() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let made = client.generate("key", Algorithm::Aes128Cmac).unwrap();
    let tag = made.mac(b"message").unwrap();
    for algorithm in Algorithm::ALL {
        let creation = || creation(&client, "key", *algorithm);
        assert_eq!(status(creation().generate()), Status::AlreadyExists);
        let secret = vec![1; algorithm.key_len()];
        assert_eq!(status(creation().import(&secret)), Status::AlreadyExists);
    }
    assert_eq!(client.describe("key").unwrap(), *made.description());
    made.verify_mac(b"message", &tag).unwrap();
}

#[test]
fn what_was_deleted_is_gone() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let first = client.generate("key", Algorithm::Aes128Cmac).unwrap();
    let tag = first.mac(b"message").unwrap();
    client.delete("key").unwrap();
    assert_eq!(status(client.key("key")), Status::NotFound);
    assert_eq!(status(client.delete("key")), Status::NotFound);
    assert_eq!(status(first.mac(b"message")), Status::NotFound);
    assert_eq!(client.list().unwrap(), []);

    let second = client.generate("key", Algorithm::Aes128Cmac).unwrap();
    assert_ne!(second.description().id, first.description().id);
    assert_ne!(second.mac(b"message").unwrap(), tag);
}

#[test]
fn labels_are_checked_before_anything_is_sent() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let longest = "x".repeat(64);
    client.generate(&longest, Algorithm::Aes128Cmac).unwrap();
    client.generate("A-Z.0_9:/", Algorithm::Aes128Cmac).unwrap();
    for bad in ["", &"x".repeat(65), "a b", "\"", "\\u0041", "é", "a\0"] {
        let made = client.generate(bad, Algorithm::Aes128Cmac);
        assert!(matches!(made, Err(Error::Name { .. })), "{bad:?}");
    }
    // Labels are compared exactly.
    assert_eq!(status(client.key("a-z.0_9:/")), Status::NotFound);
    assert_eq!(status(client.key(&longest[1..])), Status::NotFound);
    assert_eq!(client.list().unwrap().len(), 2);
}

#[test]
fn a_listing_has_every_key_once() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let other = device.user(claviger_tests::BOB);
    let labels: BTreeSet<String> = (0..2 * limits::PAGE + 3).map(|n| format!("k{n}")).collect();
    for label in &labels {
        client.generate(label, Algorithm::Aes128Cmac).unwrap();
    }
    other.generate("not-hers", Algorithm::Aes128Cmac).unwrap();
    let listed = client.list().unwrap();
    for summary in &listed {
        let description = client.describe(summary.key.as_str()).unwrap();
        let expected = KeySummary {
            key: description.key,
            id: description.id,
            algorithm: description.algorithm,
            usage: description.usage,
            origin: description.origin,
            state: description.state,
            version: description.version,
            owner: description.owner,
            may: description.policy.owner,
        };
        assert_eq!(*summary, expected);
    }
    assert_eq!(listed.len(), labels.len());
    let named: BTreeSet<String> = listed.iter().map(|key| key.key.to_string()).collect();
    assert_eq!(named, labels);
    assert_eq!(other.list().unwrap().len(), 1);
}

#[test]
fn a_listing_goes_on_while_keys_come_and_go() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let label = |n: usize| format!("k{n}");
    let count = 3 * limits::PAGE;
    for n in 0..count {
        client.generate(&label(n), Algorithm::Aes128Cmac).unwrap();
    }
    let mut seen = Vec::new();
    let mut cursor = Some(0);
    let mut pages = 0;
    while let Some(at) = cursor {
        let request = ListRequest {
            cursor: at,
            owner: None,
        };
        let (page, payload) = client.request(&request, &[]).unwrap();
        assert!(payload.is_empty());
        assert!(page.keys.len() <= limits::PAGE);
        seen.extend(page.keys.iter().map(|key| key.key.to_string()));
        // One that was listed, one that was not yet, and a new one in the freed slot.
        if pages < 2 {
            client.delete(&label(pages)).unwrap();
            client.delete(&label(count - 1 - pages)).unwrap();
            let new = format!("new{pages}");
            client.generate(&new, Algorithm::Aes128Cmac).unwrap();
        }
        pages += 1;
        cursor = page.next;
    }
    assert!(pages >= 3);
    for n in 2..count - 2 {
        let times = seen.iter().filter(|seen| **seen == label(n)).count();
        assert_eq!(times, 1, "{}", label(n));
    }
    // Past the end there is nothing, and nothing breaks.
    for cursor in [100_000, u32::MAX] {
        let request = ListRequest {
            cursor,
            owner: None,
        };
        let (page, _) = client.request(&request, &[]).unwrap();
        assert_eq!((page.keys.len(), page.next), (0, None));
    }
}

#[test]
fn the_vault_counts_its_keys() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let vault = || client.info().unwrap().vault.unwrap();
    let free_is = |free: u32| {
        // A log that was there before may need a page just now.
        let pages = if Device::REAL { 2 } else { 0 };
        assert!((free - pages..=free).contains(&vault().free));
    };
    // What is done is logged, on pages that take slots too: here they are made before.
    for number in 0..2 {
        client.generate("a", Algorithm::Aes128Cmac).unwrap();
        device.user(0).generate("b", Algorithm::Aes128Cmac).unwrap();
        client.delete("a").unwrap();
        device.user(0).delete("b").unwrap();
        assert_eq!(vault().keys, 0, "{number}");
    }
    let empty = vault();
    assert_eq!((empty.keys, empty.damaged), (0, 0));
    client.generate("a", Algorithm::Aes128Cmac).unwrap();
    device.user(0).generate("b", Algorithm::Aes128Cmac).unwrap();
    assert_eq!(vault().keys, 2);
    free_is(empty.free - 2);
    client.delete("a").unwrap();
    assert_eq!(vault().keys, 1);
    free_is(empty.free - 1);
}
