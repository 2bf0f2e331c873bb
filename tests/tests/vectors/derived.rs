//! Derived, ratcheted, combined and agreed keys, against an implementation in another language that
//! was made from the specification (data/derived.py).

use claviger::{Algorithm, Client, PublicKey};
use claviger_tests::{Device, hex};

use crate::Count;

fn algorithm(name: &str) -> Algorithm {
    let mut all = Algorithm::ALL.iter().copied();
    all.find(|algorithm| algorithm.name() == name).unwrap()
}

/// The lines of this kind, without it.
fn lines(kind: &str) -> Vec<Vec<&'static str>> {
    include_str!("data/derived.txt")
        .lines()
        .filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))
        .map(|line| line.split(' ').collect())
        .collect()
}

fn forget(client: &Client, labels: &[&str]) {
    for label in labels {
        client.delete(label).unwrap();
    }
}

#[test]
fn children() {
    let device = Device::fresh();
    let client = device.user(0);
    let mut count = Count::default();
    for line in lines("child") {
        let [parent, secret, children, name, expected] = line[..] else {
            panic!("{line:?}");
        };
        if !count.next() {
            continue;
        }
        let creation = client.create("parent").algorithm(algorithm(parent));
        let creation = creation.children(algorithm(children)).export_derived(true);
        let parent = creation.import(&hex(secret)).unwrap();
        let child = parent.child(name).unwrap();
        assert_eq!(*child.export_child().unwrap(), hex(expected), "{line:?}");
        forget(&client, &["parent"]);
    }
    count.expect("children", 42, 0);
}

#[test]
fn ratchets() {
    let device = Device::fresh();
    let client = device.user(0);
    let mut count = Count::default();
    for line in lines("ratchet") {
        let [name, secret, version, tag, token] = line[..] else {
            panic!("{line:?}");
        };
        if !count.next() {
            continue;
        }
        let creation = || client.create("key").algorithm(algorithm(name)).ratchet();
        let key = creation().import(&hex(secret)).unwrap();
        assert_eq!(key.catch_up(&hex(token)).unwrap().to_string(), version);
        assert_eq!(key.mac(b"message").unwrap(), hex(tag), "{line:?}");
        forget(&client, &["key"]);
        // Step by step is as far.
        if version == "3" {
            let key = creation().import(&hex(secret)).unwrap();
            key.rotate().unwrap().rotate().unwrap();
            assert_eq!(key.mac(b"message").unwrap(), hex(tag), "{line:?}");
            forget(&client, &["key"]);
        }
    }
    count.expect("ratchets", 12, 0);
}

#[test]
fn combinations() {
    let device = Device::fresh();
    let client = device.user(0);
    let mut combined = 0;
    for line in lines("combined") {
        let [p, q, salt, info, length, expected] = line[..] else {
            panic!("{line:?}");
        };
        let import = |label: &str, secret: &str| {
            let creation = client.create(label).algorithm(Algorithm::HkdfSha256);
            creation.export_derived(true).import(&hex(secret)).unwrap()
        };
        let (p, q) = (import("p", p), import("q", q));
        let bytes = |field: &str| if field == "-" { Vec::new() } else { hex(field) };
        let sources = client.combination().key(&p).key(&q);
        let sources = sources.salt(&bytes(salt)).info(&bytes(info));
        let out = sources.export(length.parse().unwrap()).unwrap().bytes;
        assert_eq!(*out, hex(expected), "{line:?}");
        forget(&client, &["p", "q"]);
        combined += 1;
    }
    for line in lines("agreed") {
        let [name, private, public, expected] = line[..] else {
            panic!("{line:?}");
        };
        let creation = client.create("own").algorithm(algorithm(name));
        let own = creation.export_derived(true).import(&hex(private)).unwrap();
        let peer = PublicKey::from_raw(algorithm(name), &hex(public)).unwrap();
        let sources = client.combination().agree(&own, &peer).info(b"agreed");
        assert_eq!(
            *sources.export(32).unwrap().bytes,
            hex(expected),
            "{line:?}"
        );
        forget(&client, &["own"]);
        combined += 1;
    }
    assert_eq!(combined, 7);
}
