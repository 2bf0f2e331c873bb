//! Keys, and bytes, that are made of other keys; keys that leave encrypted.

use claviger::{
    Algorithm, Client, Key, PublicKey,
    proto::{KeyRef, Label, message::ShareRequest},
};

use crate::measure::Bench;

/// The key-encryption key of RFC 3394, section 4.6, is these bytes, 00 to 1F.
const KEK: [u8; 32] = {
    let mut bytes = [0; 32];
    let mut place = 0;
    while place < bytes.len() {
        bytes[place] = place as u8;
        place += 1;
    }
    bytes
};
/// And this is what it wraps 256 bits to.
const WRAPPED: [u8; 40] = [
    0x28, 0xc9, 0xf4, 0x04, 0xc4, 0xb8, 0x10, 0xf4, 0xcb, 0xcc, 0xb3, 0x5c, 0xfb, 0x87, 0xf8, 0x26,
    0x3f, 0x57, 0x86, 0xe2, 0xd8, 0x0e, 0xd3, 0x26, 0xcb, 0xc7, 0xf0, 0xe7, 0x1a, 0x99, 0xf4, 0x3b,
    0xfb, 0x98, 0x8b, 0x9b, 0x7a, 0x02, 0xdd, 0x21,
];

/// What comes of them leaves: storing it as a key is measured once, below.
pub(crate) fn agreements(bench: &Bench, client: &Client) {
    for algorithm in [Algorithm::EcdhP256, Algorithm::X25519] {
        let (ours, _) = key_pair(client, algorithm, "ours");
        let (_, theirs) = key_pair(client, algorithm, "theirs");
        bench.measure(&format!("agree {}", algorithm.name()), 100, || {
            let sources = client.combination().agree(&ours, &theirs);
            sources.export(32).unwrap()
        });
    }
    for algorithm in [Algorithm::MlKem768, Algorithm::XWing] {
        let name = algorithm.name();
        let (private, public) = key_pair(client, algorithm, "kem");
        let encapsulate = || {
            let sources = client.combination().encapsulate(&public);
            sources.export(32).unwrap()
        };
        bench.measure(&format!("encapsulate {name}"), 100, encapsulate);
        let there = encapsulate();
        let ciphertext = there.ciphertext.unwrap();
        let decapsulate = || {
            let sources = client.combination().decapsulate(&private, &ciphertext);
            sources.export(32).unwrap()
        };
        bench.measure(&format!("decapsulate {name}"), 100, decapsulate);
        assert_eq!(decapsulate().bytes, there.bytes);
    }
}

pub(crate) fn derivations(bench: &Bench, client: &Client) {
    let parent = |label: &str| {
        let creation = client.create(label).algorithm(Algorithm::HkdfSha256);
        let creation = creation.children(Algorithm::Aes128Cmac);
        creation.export_derived(true).generate().unwrap()
    };
    let (one, other) = (parent("one"), parent("other"));
    bench.measure("combine 2 keys", 200, || {
        let sources = client.combination().key(&one).key(&other);
        sources.export(32).unwrap()
    });
    let mut number = 0;
    bench.measure("derive stored", 10, || {
        number += 1;
        let label = format!("derived{number}");
        let creation = client.create(&label).algorithm(Algorithm::Aes128Cmac);
        creation.derive(&one.child(&label).unwrap()).unwrap()
    });
}

pub(crate) fn wrapping(bench: &Bench, client: &Client) {
    let key = client.create("to-wrap").export_wrapped();
    let key = key.generate().unwrap();
    bench.measure("wrap", 20, || key.wrap(Some("family")).unwrap());
    bench.measure("generate wrapped", 200, || {
        let creation = client.create("wrapped").wrapped().family("family");
        creation.generate().unwrap()
    });
    let kek = client.create("kek").algorithm(Algorithm::Aes256Kw);
    let kek = kek.children(Algorithm::HmacSha256).import(&KEK).unwrap();
    let received = |label: &str| client.create(label).algorithm(Algorithm::HmacSha256);
    bench.measure("unwrap AES-KW, wrapped", 200, || {
        let creation = received("received").wrapped();
        creation.unwrap(&kek, &WRAPPED, false).unwrap()
    });
    let mut number = 0;
    bench.measure("unwrap AES-KW, stored", 10, || {
        number += 1;
        let creation = received(&format!("received{number}"));
        creation.unwrap(&kek, &WRAPPED, false).unwrap()
    });
    bench.measure("revoke a family", 20, || {
        client.revoke(Some("family")).unwrap()
    });
    bench.measure("revoke all", 20, || client.revoke(None).unwrap());
}

pub(crate) fn shares(bench: &Bench, client: &Client) {
    let holders: Vec<PublicKey> = (1..=5)
        .map(|number| key_pair(client, Algorithm::X25519, &format!("holder{number}")).1)
        .collect();
    let key = client.create("to-share").export_shares(3, &holders);
    key.generate().unwrap();
    let request = ShareRequest {
        key: KeyRef::from(Label::try_from("to-share").unwrap()),
    };
    let holders: Vec<u8> = holders.iter().flat_map(PublicKey::raw).collect();
    bench.measure("share 3 of 5", 20, || {
        client.request(&request, &holders).unwrap()
    });
}

/// A key of which derived bytes may leave, and its public half.
fn key_pair(client: &Client, algorithm: Algorithm, role: &str) -> (Key, PublicKey) {
    let label = format!("{role}/{}", algorithm.name());
    let creation = client.create(&label).algorithm(algorithm);
    let key = creation.export_derived(true).generate().unwrap();
    let public = key.public_key().unwrap();
    (key, public)
}
