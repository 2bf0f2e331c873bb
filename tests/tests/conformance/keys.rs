//! The life of a key.

use std::collections::BTreeSet;

use claviger::{Algorithm, Error, Origin, State, Status, Usage, identity::uid_identity};
use claviger_proto::{limits, message::ListRequest};
use claviger_tests::{ALICE, Device, status};
use hex_literal::hex;

/// n, the order of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3).
const P256_ORDER: [u8; 32] =
    hex!("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

#[test]
fn a_key_is_what_was_asked_for() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for algorithm in Algorithm::ALL {
        let usages = algorithm.usages().iter().copied().map(Some).chain([None]);
        for usage in usages {
            let label = format!("{}/{}", algorithm.name(), usage.map_or("-", Usage::name));
            let mut creation = client.create(&label).algorithm(*algorithm);
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
            assert!(!description.export_derived);
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
            let creation = client.create("key").algorithm(*algorithm).usage(*usage);
            if algorithm.usages().contains(usage) {
                // Derived keys may leave where there are any.
                let exporting = creation.export_derived(true);
                if *usage == Usage::Challenge {
                    let made = exporting.generate().unwrap();
                    assert!(made.description().export_derived);
                    client.delete("key").unwrap();
                } else {
                    assert_eq!(status(exporting.generate()), Status::UnsupportedUsage);
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
            let creation = client.create("key").algorithm(*algorithm);
            let imported = creation.import(&vec![1; length]);
            let right = match algorithm {
                Algorithm::Aes256Siv => length == 64,
                Algorithm::Aes128Cmac => length == 16,
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
fn p256_scalars_are_in_range() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let import = |scalar: [u8; 32]| {
        let creation = client.create("key").algorithm(Algorithm::EcdsaP256);
        creation.import(&scalar)
    };
    let mut largest = P256_ORDER;
    largest[31] -= 1;
    let mut smallest = [0; 32];
    smallest[31] = 1;
    for bad in [[0; 32], P256_ORDER, [0xff; 32]] {
        assert_eq!(status(import(bad)), Status::BadKey);
    }
    for good in [smallest, largest] {
        import(good).unwrap();
        client.delete("key").unwrap();
    }
}

#[test]
fn nothing_is_made_over_a_key() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let made = client.generate("key", Algorithm::Aes128Cmac).unwrap();
    let tag = made.mac(b"message").unwrap();
    for algorithm in Algorithm::ALL {
        let creation = || client.create("key").algorithm(*algorithm);
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
    for description in &listed {
        assert_eq!(
            client.describe(description.key.as_str()).unwrap(),
            *description
        );
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
    let empty = vault();
    assert_eq!((empty.keys, empty.damaged), (0, 0));
    client.generate("a", Algorithm::Aes128Cmac).unwrap();
    device.user(0).generate("b", Algorithm::Aes128Cmac).unwrap();
    assert_eq!((vault().keys, vault().free), (2, empty.free - 2));
    client.delete("a").unwrap();
    assert_eq!((vault().keys, vault().free), (1, empty.free - 1));
}
