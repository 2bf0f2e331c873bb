//! Signatures, verified by an implementation that shares nothing with ours (ring).

use claviger::{Algorithm, Key, Status};
use claviger_proto::{limits::PAYLOAD, message::SignRequest};
use claviger_tests::{Device, Rng, status};
use hex_literal::hex;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey,
    VerificationAlgorithm,
};
use sha2::{Digest, Sha512};

fn key(device: &Device, algorithm: Algorithm) -> Key {
    device.user(0).generate("key", algorithm).unwrap()
}

fn verifies(
    key: &Key,
    by: &'static dyn VerificationAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let public = key.public_key().unwrap().raw();
    UnparsedPublicKey::new(by, public)
        .verify(message, signature)
        .is_ok()
}

#[test]
fn ecdsa_is_verified_elsewhere() {
    let device = Device::fresh();
    let key = key(&device, Algorithm::EcdsaP256);
    let message = Rng::new(6).bytes(2 * PAYLOAD);
    for size in [0, 1, 55, 56, 64, PAYLOAD, PAYLOAD + 1, message.len()] {
        let message = &message[..size];
        for signature in [key.sign(message), key.sign_stream(message)] {
            let signature = signature.unwrap();
            assert!(verifies(
                &key,
                &ECDSA_P256_SHA256_FIXED,
                message,
                signature.raw()
            ));
            assert!(verifies(
                &key,
                &ECDSA_P256_SHA256_ASN1,
                message,
                &signature.to_der()
            ));
            assert!(!verifies(
                &key,
                &ECDSA_P256_SHA256_FIXED,
                b"other",
                signature.raw()
            ));
        }
    }
}

#[test]
fn ed25519_is_verified_elsewhere() {
    let device = Device::fresh();
    let key = key(&device, Algorithm::Ed25519);
    let message = Rng::new(7).bytes(PAYLOAD + 1);
    for size in [0, 1, 127, 128, 129, PAYLOAD] {
        let message = &message[..size];
        let signature = key.sign(message).unwrap();
        assert!(verifies(&key, &ED25519, message, signature.raw()));
        assert!(!verifies(&key, &ED25519, b"other", signature.raw()));
        assert_eq!(key.sign_stream(message).unwrap(), signature);
    }
    assert_eq!(status(key.sign(&message)), Status::MessageTooLong);
    let streamed = key.sign_stream(message.as_slice());
    assert_eq!(status(streamed), Status::MessageTooLong);
}

/// Fresh randomness goes into every nonce, so that a fault that repeats gives nothing away.
#[test]
fn ecdsa_is_hedged_and_ed25519_repeats() {
    let device = Device::fresh();
    let client = device.user(0);
    let ecdsa = client.generate("ecdsa", Algorithm::EcdsaP256).unwrap();
    let mut nonces: Vec<_> = (0..8)
        .map(|_| ecdsa.sign(b"message").unwrap().raw()[..32].to_vec())
        .collect();
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 8);
    let ed25519 = client.generate("ed25519", Algorithm::Ed25519).unwrap();
    assert_eq!(
        ed25519.sign(b"message").unwrap(),
        ed25519.sign(b"message").unwrap()
    );
}

#[test]
fn ecdsa_signs_digests_and_nothing_else() {
    let device = Device::fresh();
    let key = key(&device, Algorithm::EcdsaP256);
    let client = device.user(0);
    for length in [0, 1, 31, 33, 64, PAYLOAD] {
        let request = SignRequest {
            key: key.description().key.clone().into(),
            prehash: false,
        };
        let signed = client.request(&request, &vec![7; length]);
        assert_eq!(status(signed), Status::BadPayload, "{length}");
    }
}

#[test]
fn ed25519ph_is_that_of_rfc_8032_and_not_ed25519() {
    let device = Device::fresh();
    let client = device.user(0);
    // RFC 8032, section 7.3.
    let seed = hex!("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
    let expected = hex!(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    );
    let creation = client.create("rfc").algorithm(Algorithm::Ed25519);
    let key = creation.import(&seed).unwrap();
    let digest = Sha512::digest(b"abc");
    assert_eq!(key.sign_digest(&digest).unwrap().raw(), expected);
    let streamed = key.sign_prehashed_stream(&b"abc"[..]).unwrap();
    assert_eq!(streamed.raw(), expected);
    assert!(!verifies(&key, &ED25519, b"abc", &expected));
    assert!(!verifies(&key, &ED25519, &digest, &expected));
    // More than one payload, and nothing at all.
    for message in [vec![7; 3 * PAYLOAD], Vec::new()] {
        let one = key.sign_prehashed_stream(&*message).unwrap();
        let other = key.sign_digest(&Sha512::digest(&message)).unwrap();
        assert_eq!(one.raw(), other.raw());
    }
    for length in [0, 32, 63, 65] {
        let request = SignRequest {
            key: key.description().key.clone().into(),
            prehash: true,
        };
        let signed = client.request(&request, &vec![7; length]);
        assert_eq!(status(signed), Status::BadPayload, "{length}");
    }
    // Nobody gets another signature than he asked for.
    for (algorithm, length) in [(Algorithm::EcdsaP256, 32), (Algorithm::EcdsaP384, 48)] {
        let other = client.generate(algorithm.name(), algorithm).unwrap();
        let request = SignRequest {
            key: other.description().key.clone().into(),
            prehash: true,
        };
        for length in [length, 64] {
            let signed = client.request(&request, &vec![7; length]);
            assert_eq!(status(signed), Status::UnsupportedUsage);
        }
        assert_eq!(
            status(other.sign_prehashed_stream(&b"abc"[..])),
            Status::UnsupportedUsage
        );
        assert_eq!(
            status(other.sign_digest(&[7; 64])),
            Status::BadPayload,
            "a digest of another function"
        );
    }
}

#[test]
fn keys_are_not_each_others() {
    let device = Device::fresh();
    let client = device.user(0);
    for (algorithm, by) in [
        (
            Algorithm::EcdsaP256,
            &ECDSA_P256_SHA256_FIXED as &'static dyn VerificationAlgorithm,
        ),
        (Algorithm::Ed25519, &ED25519),
    ] {
        let label = |n: usize| format!("{}{n}", algorithm.name());
        let one = client.generate(&label(1), algorithm).unwrap();
        let other = client.generate(&label(2), algorithm).unwrap();
        let signature = one.sign(b"message").unwrap();
        assert!(verifies(&one, by, b"message", signature.raw()));
        assert!(!verifies(&other, by, b"message", signature.raw()));
        // The public key is the key's, not the call's.
        assert_eq!(one.public_key().unwrap(), one.public_key().unwrap());
    }
}
