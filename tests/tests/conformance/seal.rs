//! Sealing and unsealing what was not tampered with.

use claviger::{Algorithm, Key, Permission, Status, identity::uid_identity};
use claviger_proto::{
    KeyRef, Place,
    blob::{self, Header, Suite},
    limits::{CHUNK, CONTEXT},
    message::{SealRequest, UnsealRequest},
};
use claviger_tests::{ALICE, BOB, Device, Rng, status};

const SUITES: [(Algorithm, Suite); 2] = [
    (Algorithm::Aes256Siv, Suite::Aes256Siv),
    (Algorithm::Aes128Siv, Suite::Aes128Siv),
];

/// Around every boundary of blocks and chunks.
const SIZES: [usize; 12] = [
    0,
    1,
    15,
    16,
    17,
    4096,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK - 1,
    2 * CHUNK,
    2 * CHUNK + 17,
];

fn key(device: &Device) -> Key {
    let client = device.user(ALICE);
    client.generate("key", Algorithm::Aes256Siv).unwrap()
}

#[test]
fn what_was_sealed_is_unsealed() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let data = Rng::new(1).bytes(SIZES[SIZES.len() - 1]);
    for (algorithm, suite) in SUITES {
        let key = client.generate(algorithm.name(), algorithm).unwrap();
        for size in SIZES {
            for deterministic in [false, true] {
                let data = &data[..size];
                let sealed = if deterministic {
                    key.seal_deterministic(b"context", data)
                } else {
                    key.seal(b"context", data)
                }
                .unwrap();
                let chunks = size.div_ceil(CHUNK).max(1);
                assert_eq!(sealed.len(), blob::HEADER + chunks * blob::TAG + size);
                let header = Header::decode(&sealed).unwrap();
                assert_eq!(header.suite, suite);
                assert_eq!(header.deterministic, deterministic);
                assert_eq!(header.key, key.description().id);
                assert_eq!(header.version, key.description().version);
                assert_eq!(header.chunk as usize, CHUNK);
                assert!(key.unseal(b"context", &sealed).unwrap() == data, "{size}");
            }
        }
    }
}

#[test]
fn equal_data_show_only_if_asked_for() {
    let device = Device::fresh();
    let key = key(&device);
    let random = || key.seal(b"", b"data").unwrap();
    let (first, second) = (random(), random());
    assert_ne!(first, second);
    // Not even a chunk is the same.
    assert_ne!(first[blob::HEADER..], second[blob::HEADER..]);
    assert_ne!(
        Header::decode(&first).unwrap().nonce,
        Header::decode(&second).unwrap().nonce
    );

    let seal = |context: &[u8], data: &[u8]| key.seal_deterministic(context, data).unwrap();
    assert_eq!(seal(b"a", b"data"), seal(b"a", b"data"));
    assert_ne!(seal(b"a", b"data"), seal(b"b", b"data"));
    assert_ne!(seal(b"a", b"data"), seal(b"a", b"date"));
}

#[test]
fn the_context_must_be_the_same() {
    let device = Device::fresh();
    let key = key(&device);
    let longest = vec![7; CONTEXT];
    let contexts: [&[u8]; 5] = [b"", b"\0", b"a", b"aa", &longest];
    for sealing in contexts {
        let sealed = key.seal(sealing, b"data").unwrap();
        for unsealing in contexts {
            let opened = key.unseal(unsealing, &sealed);
            if sealing == unsealing {
                assert_eq!(opened.unwrap(), b"data");
            } else {
                assert_eq!(status(opened), Status::NotAuthentic);
            }
        }
    }
    let longer = vec![7; CONTEXT + 1];
    assert_eq!(status(key.seal(&longer, b"")), Status::PayloadTooLong);
    let sealed = key.seal(b"", b"").unwrap();
    assert_eq!(status(key.unseal(&longer, &sealed)), Status::PayloadTooLong);
}

/// The border between context and data is authentic too.
#[test]
fn context_and_data_are_not_one_string() {
    let device = Device::fresh();
    let key = key(&device);
    let sealed = key.seal_deterministic(b"ab", b"cd").unwrap();
    let other = key.seal_deterministic(b"a", b"bcd").unwrap();
    assert_ne!(sealed[blob::HEADER..], other[blob::HEADER..]);
    assert_eq!(status(key.unseal(b"a", &sealed)), Status::NotAuthentic);
}

#[test]
fn streams_and_slices_are_the_same() {
    let device = Device::fresh();
    let key = key(&device);
    let data = Rng::new(2).bytes(2 * CHUNK + 17);
    for size in [0, 1, CHUNK, CHUNK + 1, data.len()] {
        let data = &data[..size];
        let mut streamed = Vec::new();
        let read = key
            .seal_stream_deterministic(b"c", data, &mut streamed)
            .unwrap();
        assert_eq!(read, size as u64);
        assert!(streamed == key.seal_deterministic(b"c", data).unwrap());

        let mut sealed = Vec::new();
        assert_eq!(
            key.seal_stream(b"c", data, &mut sealed).unwrap(),
            size as u64
        );
        assert!(key.unseal(b"c", &sealed).unwrap() == data);
        let mut opened = Vec::new();
        let written = key
            .unseal_stream(b"c", sealed.as_slice(), &mut opened)
            .unwrap();
        assert_eq!(written, size as u64);
        assert!(opened == data);
    }
}

#[test]
fn a_label_made_anew_is_another_key() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let creation = client.create("key").algorithm(Algorithm::Aes256Siv);
    let first = creation.clone().import(&[7; 64]).unwrap();
    let sealed = first.seal(b"", b"data").unwrap();
    client.delete("key").unwrap();
    // Even of the same bytes.
    let second = creation.import(&[7; 64]).unwrap();
    assert_eq!(status(second.unseal(b"", &sealed)), Status::NotAuthentic);
    let other = device.user(BOB).create("key").import(&[7; 64]).unwrap();
    assert_eq!(status(other.unseal(b"", &sealed)), Status::NotAuthentic);
}

/// What the library never sends, asked of the trusted application itself.
#[test]
fn chunks_are_sealed_only_as_a_blob_has_them() {
    let device = Device::fresh();
    let key = key(&device);
    let client = device.user(ALICE);
    let request = SealRequest {
        key: key.description().key.clone().into(),
        context: 0,
        deterministic: true,
        index: 0,
        last: false,
    };
    let seal = |request: &SealRequest, parts: &[&[u8]]| client.request(request, &parts.concat());
    let full = vec![7; CHUNK];
    let (_, first) = seal(&request, &[&full]).unwrap();
    let header = &first[..blob::HEADER];
    let second = SealRequest {
        index: 1,
        ..request.clone()
    };
    let end = SealRequest {
        last: true,
        ..second.clone()
    };
    seal(&second, &[header, &full]).unwrap();
    seal(&end, &[header, b"x"]).unwrap();

    let other = client.generate("other", Algorithm::Aes256Siv).unwrap();
    let others = other.seal_deterministic(b"", b"").unwrap();
    let random = key.seal(b"", b"").unwrap();
    let mut damaged = header.to_vec();
    damaged[0] ^= 1;
    let mut smaller = header.to_vec();
    smaller[28..32].copy_from_slice(&1_u32.to_be_bytes());
    let beyond = SealRequest {
        context: CONTEXT as u32 + 1,
        ..request.clone()
    };
    let more_context = SealRequest {
        context: 2,
        last: true,
        ..request.clone()
    };
    let cases: [(&str, &SealRequest, &[&[u8]]); 11] = [
        ("not full and not last", &request, &[&full[1..]]),
        ("longer than a chunk", &request, &[&full, b"x"]),
        ("longer than a chunk", &second, &[header, &full, b"x"]),
        ("an empty end behind others", &end, &[header]),
        ("half a header", &end, &[&header[..40]]),
        ("no header", &end, &[]),
        (
            "another key's header",
            &end,
            &[&others[..blob::HEADER], b"x"],
        ),
        (
            "a random blob's header",
            &end,
            &[&random[..blob::HEADER], b"x"],
        ),
        ("no blob's header", &end, &[&damaged, b"x"]),
        ("another chunk size", &end, &[&smaller, b"x"]),
        ("a context past the payload", &more_context, &[b"x"]),
    ];
    for (what, request, parts) in cases {
        assert_eq!(status(seal(request, parts)), Status::BadPayload, "{what}");
    }
    let payload = vec![7; CONTEXT + 1];
    assert_eq!(status(seal(&beyond, &[&payload])), Status::BadPayload);
    let unseal = UnsealRequest {
        key: key.description().key.clone().into(),
        context: CONTEXT as u32 + 1,
        index: 0,
        last: true,
    };
    let opened = client.request(&unseal, &payload);
    assert_eq!(status(opened), Status::BadPayload);
}

/// Whoever may seal, and not unseal, neither goes on with another's blob nor tries guesses on it.
#[test]
fn who_began_a_blob_alone_goes_on_with_it() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let creation = alice.create("key").algorithm(Algorithm::Aes256Siv);
    let key = creation
        .grant(uid_identity(BOB), &[Permission::Seal])
        .generate()
        .unwrap();
    let theirs = bob.key_of(uid_identity(ALICE), "key").unwrap();
    let full = vec![7; CHUNK];
    let blob = key.seal(b"", &[&full[..], b"tail"].concat()).unwrap();
    let place = Place::Vault {
        owner: Some(uid_identity(ALICE)),
        label: key.description().key.clone(),
    };
    let chunk = |last| SealRequest {
        key: KeyRef {
            place: place.clone(),
            child: None,
        },
        context: 0,
        deterministic: false,
        index: 1,
        last,
    };
    let header = &blob[..blob::HEADER];
    let tail = &blob[blob::HEADER + blob::TAG + CHUNK..];
    // Alice herself could seal the same again.
    let request = chunk(true);
    let (_, again) = alice
        .request(&request, &[header, b"tail"].concat())
        .unwrap();
    assert_eq!(again, tail);
    for (last, text) in [(true, &b"tail"[..]), (true, b"other"), (false, &full)] {
        let request = chunk(last);
        let refused = bob.request(&request, &[header, text].concat());
        assert_eq!(status(refused), Status::BadPayload);
    }
    // Nor with one that he began, under any other nonce or in another's name.
    let his = theirs.seal(b"", b"").unwrap();
    bob.request(&chunk(true), &[&his[..blob::HEADER], b"x"].concat())
        .unwrap();
    let refused = alice.request(&request, &[&his[..blob::HEADER], b"x"].concat());
    assert_eq!(status(refused), Status::BadPayload);
    for bit in 8 * 4..8 * blob::HEADER {
        let mut other = his[..blob::HEADER].to_vec();
        other[bit / 8] ^= 1 << (bit % 8);
        let refused = bob.request(&chunk(true), &[&other[..], b"x"].concat());
        assert_eq!(status(refused), Status::BadPayload, "bit {bit}");
    }
}
