//! AES-GCM and AES-CCM: for protocols that need them.

use std::collections::BTreeSet;

use claviger::{Algorithm, Client, Export, Home, Status};
use claviger_proto::{
    limits::{CHUNK, PAYLOAD},
    message::{DecryptRequest, EncryptRequest},
};
use claviger_tests::{ALICE, Device, Handle, Rng, new_key, status};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Each algorithm with the bytes of its nonce (SP 800-38D; RFC 9053 for CCM).
const ALGORITHMS: [(Algorithm, usize); 4] = [
    (Algorithm::Aes128Gcm, 12),
    (Algorithm::Aes256Gcm, 12),
    (Algorithm::Aes128Ccm, 13),
    (Algorithm::Aes256Ccm, 13),
];
const TAG: usize = 16;

fn make(client: &Client, algorithm: Algorithm) -> Handle {
    Handle::generate(client, new_key(algorithm.name(), algorithm)).unwrap()
}

/// The longest text: 16 bits count the bytes of a CCM message.
fn longest(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Aes128Ccm | Algorithm::Aes256Ccm => 65_535,
        _ => CHUNK,
    }
}

#[test]
fn what_was_encrypted_is_decrypted() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let text = Rng::new(20).bytes(CHUNK);
    for (algorithm, nonce) in ALGORITHMS {
        let key = make(&client, algorithm);
        let longest = longest(algorithm);
        for size in [0, 1, 15, 16, 17, 4096, longest - 1, longest] {
            for aad in [&b""[..], b"a", &text[..1024]] {
                let sealed = key.encrypt(aad, &text[..size]).unwrap();
                assert_eq!(sealed.len(), nonce + size + TAG);
                let opened = key.decrypt(aad, &sealed, None).unwrap();
                assert!(opened == text[..size], "{algorithm:?} {size}");
            }
        }
        let longer = key.encrypt(b"", &vec![7; longest + 1]);
        let expected = if longest < CHUNK {
            Status::MessageTooLong
        } else {
            Status::PayloadTooLong
        };
        assert_eq!(status(longer), expected, "{algorithm:?}");
    }
}

/// GCM, by an implementation that shares nothing with ours (ring); CCM has its vectors.
#[test]
fn gcm_is_decrypted_elsewhere() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for (algorithm, by) in [
        (Algorithm::Aes128Gcm, &AES_128_GCM),
        (Algorithm::Aes256Gcm, &AES_256_GCM),
    ] {
        let secret = Rng::new(21).bytes(algorithm.key_len());
        let new = new_key(algorithm.name(), algorithm);
        let key = Handle::import(&client, new, &secret).unwrap();
        let theirs = LessSafeKey::new(UnboundKey::new(by, &secret).unwrap());
        for size in [0, 1, 16, 1000] {
            let text = vec![7; size];
            let sealed = key.encrypt(b"context", &text).unwrap();
            let (nonce, rest) = sealed.split_first_chunk().unwrap();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let mut rest = rest.to_vec();
            let opened = theirs.open_in_place(nonce, Aad::from(b"context"), &mut rest);
            assert_eq!(opened.unwrap(), text);

            let mut sealed = text.clone();
            let nonce = Nonce::assume_unique_for_key([9; 12]);
            theirs
                .seal_in_place_append_tag(nonce, Aad::from(b"context"), &mut sealed)
                .unwrap();
            let sealed = [&[9; 12], &sealed[..]].concat();
            assert_eq!(key.decrypt(b"context", &sealed, None).unwrap(), text);
        }
    }
}

#[test]
fn each_nonce_is_drawn() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for (algorithm, nonce) in ALGORITHMS {
        let key = make(&client, algorithm);
        let sealed = (0..64).map(|_| key.encrypt(b"", b"data").unwrap());
        let nonces: BTreeSet<_> = sealed.map(|sealed| sealed[..nonce].to_vec()).collect();
        assert_eq!(nonces.len(), 64);
        assert_eq!(key.describe().unwrap().version_uses, Some(64));
        key.decrypt(b"", &key.encrypt(b"", b"data").unwrap(), None)
            .unwrap();
        assert_eq!(
            key.describe().unwrap().version_uses,
            Some(65),
            "what is decrypted is not counted"
        );
        assert_eq!(key.rotate().unwrap().version_uses, Some(0));
    }
}

#[test]
fn every_change_shows() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for (algorithm, nonce) in ALGORITHMS {
        let key = make(&client, algorithm);
        let sealed = key.encrypt(b"aad", b"data").unwrap();
        for bit in 0..8 * sealed.len() {
            let mut wrong = sealed.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let opened = key.decrypt(b"aad", &wrong, None);
            assert_eq!(status(opened), Status::NotAuthentic, "bit {bit}");
        }
        for length in 0..sealed.len() {
            let opened = key.decrypt(b"aad", &sealed[..length], None);
            assert_eq!(status(opened), Status::NotAuthentic, "{length}");
        }
        for aad in [&b""[..], b"aae", b"aa", b"aad\0"] {
            let opened = key.decrypt(aad, &sealed, None);
            assert_eq!(status(opened), Status::NotAuthentic, "{aad:?}");
        }
        // The border between the two is authentic too.
        let shifted = key.decrypt(b"aadd", &sealed[..nonce + TAG], None);
        assert_eq!(status(shifted), Status::NotAuthentic);
        let other = Handle::generate(&client, new_key("other", algorithm)).unwrap();
        let opened = other.decrypt(b"aad", &sealed, None);
        assert_eq!(status(opened), Status::NotAuthentic);
        other.delete().unwrap();
    }
}

/// What the library never sends, asked of the trusted application itself.
#[test]
fn lengths_that_contradict() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for (algorithm, _) in ALGORITHMS {
        let key = make(&client, algorithm);
        for aad in [5, u32::MAX] {
            let encrypt = EncryptRequest {
                key: key.key.clone(),
                aad,
            };
            let refused = client.request(&encrypt, b"four");
            assert_eq!(status(refused), Status::BadPayload);
            let decrypt = DecryptRequest {
                key: key.key.clone(),
                aad,
                version: None,
            };
            let refused = client.request(&decrypt, b"four");
            assert_eq!(status(refused), Status::BadPayload);
        }
        // All of a payload may be associated data.
        let request = EncryptRequest {
            key: key.key.clone(),
            aad: PAYLOAD as u32,
        };
        let aad = vec![7; PAYLOAD];
        let (_, sealed) = client.request(&request, &aad).unwrap();
        let room = PAYLOAD - sealed.len();
        let sealed = key.encrypt(&aad[..room], b"").unwrap();
        assert_eq!(key.decrypt(&aad[..room], &sealed, None).unwrap(), b"");
    }
}

/// Data at rest are better sealed: such a key never leaves the vault's counting.
#[test]
fn keys_of_random_nonces_are_counted_wherever_they_are() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for (algorithm, _) in ALGORITHMS {
        let mut wrapped = new_key("wrapped", algorithm);
        wrapped.home = Home::Wrapped;
        let made = Handle::generate(&client, wrapped);
        assert_eq!(status(made), Status::Immutable);
        let mut exported = new_key("exported", algorithm);
        exported.policy.export = Export::Wrapped;
        let exported = Handle::generate(&client, exported).unwrap();
        assert_eq!(status(exported.wrap(None)), Status::Immutable);
        exported.delete().unwrap();
        // Children share their parent's bound, and are no keys of their own.
        let mut parent = new_key("parent", Algorithm::KdfCmac);
        parent.children = Some(algorithm);
        let parent = Handle::generate(&client, parent).unwrap();
        for child in ["a", "b", "a"] {
            let child = parent.child(child);
            let sealed = child.encrypt(b"", b"data").unwrap();
            assert_eq!(child.decrypt(b"", &sealed, None).unwrap(), b"data");
        }
        assert_eq!(parent.describe().unwrap().version_uses, Some(3));
        let copy = parent.child("a").derive(new_key("copy", algorithm));
        assert_eq!(status(copy), Status::UnsupportedUsage);
        parent.delete().unwrap();
    }
}
