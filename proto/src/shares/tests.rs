use std::vec::Vec as Bytes;

use super::*;
use crate::{Login, Permission, Uuid};

fn identity(login: Login, byte: u8) -> Identity {
    Identity {
        login,
        id: Uuid([byte; 16]),
    }
}

fn manifest() -> Manifest {
    let shares = SharePolicy {
        threshold: 2,
        shares: 3,
        recipients: Digits([0xa3; 32]),
    };
    Manifest {
        set: Digits([0xa0; 16]),
        owner: identity(Login::Group, 0xa1),
        key: Label::try_from("a/b").unwrap(),
        id: Digits([0xa2; 16]),
        algorithm: Algorithm::KdfCmac,
        usage: Usage::Derive,
        children: Some(Algorithm::Aes128Gcm),
        policy: Policy {
            owner: Permissions::of(&[Permission::Derive]),
            grants: [Grant {
                to: identity(Login::User, 0xa4),
                may: Permissions::of(&[Permission::Derive]),
            }]
            .into_iter()
            .collect(),
            max_uses: None,
            min_context: 0x0102,
            rotate_after_uses: Some(0x0304),
            rotate_after_bytes: None,
            export: Export::Shares,
            shares: Some(shares.clone()),
            export_derived: true,
            rollback_level: 1000,
            fixed_owner: true,
        },
        shares,
        versions: [(1, 16), (0x0506, 32)]
            .map(|(number, length)| SharedVersion {
                number,
                length,
                check_value: Digits([length; 5]),
            })
            .into_iter()
            .collect(),
        commitments: [0xb1, 0xb2, 0xb3]
            .map(|byte| Digits([byte; 32]))
            .into_iter()
            .collect(),
        device: [0xc0; DEVICE],
    }
}

fn manifest_bytes() -> Bytes<u8> {
    let mut bytes = b"CLVS\x02\0\0\0".to_vec();
    bytes.extend([0xa0; 16]);
    bytes.push(2);
    bytes.extend([0xa1; 16]);
    bytes.extend(b"\x03a/b");
    bytes.extend([0xa2; 16]);
    bytes.extend([17, 8, 9, 3]);
    bytes.extend([4, 0, 0, 0, 1, 2, 0, 0, 3, 232]);
    bytes.extend([0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([1, 1]);
    bytes.extend([0xa4; 16]);
    bytes.extend([4, 0]);
    bytes.extend([2, 3]);
    bytes.extend([0xa3; 32]);
    bytes.extend([2, 0, 0, 0, 1, 16, 16, 16, 16, 16, 16]);
    bytes.extend([0, 0, 5, 6, 32, 32, 32, 32, 32, 32]);
    bytes.extend([0xc0; 65]);
    bytes.extend([0xb1; 32]);
    bytes.extend([0xb2; 32]);
    bytes.extend([0xb3; 32]);
    bytes
}

#[test]
fn a_manifest_is_these_bytes() {
    let bytes = manifest_bytes();
    assert_eq!(manifest().encode().unwrap(), *bytes);
    let attributes = &bytes[..bytes.len() - 3 * 32];
    assert_eq!(manifest().attributes().unwrap(), *attributes);
    assert_eq!(Manifest::decode(&bytes), Some(manifest()));
    for len in 0..bytes.len() {
        assert_eq!(Manifest::decode(&bytes[..len]), None);
    }
    assert_eq!(Manifest::decode(&[&bytes[..], &[0]].concat()), None);
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut other = bytes.clone();
            other[place] ^= 1 << bit;
            // One form for each manifest: what reads differently is written differently.
            if let Some(read) = Manifest::decode(&other) {
                assert_eq!(read.encode().unwrap(), *other);
            }
        }
    }
}

#[test]
fn the_longest_manifest_fits() {
    let mut longest = manifest();
    longest.key = Label::try_from(&*"k".repeat(Label::MAX)).unwrap();
    longest.shares.shares = limits::SHARES as u8;
    longest.policy.shares = Some(longest.shares.clone());
    let grant = longest.policy.grants[0].clone();
    longest.policy.grants.resize(limits::GRANTS, grant).unwrap();
    let version = longest.versions[1];
    longest.versions = (1..=limits::VERSIONS as u32)
        .map(|number| SharedVersion { number, ..version })
        .collect();
    longest.commitments = (0..limits::SHARES as u8)
        .map(|byte| Digits([byte; 32]))
        .collect();
    assert_eq!(longest.encode().unwrap().len(), MANIFEST);
}

#[test]
fn a_manifest_that_makes_no_sense_is_none() {
    let refused = |change: fn(&mut Manifest)| {
        let mut other = manifest();
        change(&mut other);
        assert_eq!(other.encode().unwrap_err(), Status::Internal);
    };
    refused(|m| m.policy.max_uses = Some(1));
    refused(|m| m.policy.export = Export::Nothing);
    refused(|m| m.policy.shares = None);
    refused(|m| m.versions.clear());
    refused(|m| m.versions[0].number = 0);
    refused(|m| m.versions[1].number = 1);
    refused(|m| m.versions[0].length = 0);
    refused(|m| m.versions[0].length = 65);
    refused(|m| {
        m.commitments.pop();
    });
    for (threshold, shares) in [(1, 3), (4, 3), (2, 9)] {
        let mut other = manifest();
        (other.shares.threshold, other.shares.shares) = (threshold, shares);
        other.policy.shares = Some(other.shares.clone());
        assert_eq!(other.encode().unwrap_err(), Status::Internal);
    }
}

#[test]
fn a_text_is_parted_as_the_versions_are_long() {
    let manifest = manifest();
    assert_eq!(manifest.text_len(), 32 + 16 + 32);
    let text: Bytes<u8> = (0..80).collect();
    let parts: Bytes<_> = manifest.parts(&text).collect();
    assert_eq!(parts.len(), 2);
    assert_eq!((parts[0].0.number, parts[0].1), (1, &text[32..48]));
    assert_eq!((parts[1].0.number, parts[1].1), (0x0506, &text[48..]));
    assert_eq!(manifest.parts(&text[..79]).count(), 1);

    assert_eq!(manifest.commitment(0), None);
    assert_eq!(manifest.commitment(3), Some(&Digits([0xb3; 32])));
    assert_eq!(manifest.commitment(4), None);
}

#[test]
fn a_request_is_these_bytes() {
    let request = RestoreRequest {
        set: Digits([0xa0; 16]),
        manifest: [0xa3; 32],
        owner: identity(Login::User, 0xa1),
        public_key: [0xa2; 32],
        device: [0xc0; 65],
    };
    let mut bytes = b"CLVR\x02\0\0\0".to_vec();
    bytes.extend([0xa0; 16]);
    bytes.extend([0xa3; 32]);
    bytes.push(1);
    bytes.extend([0xa1; 16]);
    bytes.extend([0xa2; 32]);
    bytes.extend([0xc0; 65]);
    assert_eq!(request.encode(), *bytes);
    assert_eq!(RestoreRequest::decode(&bytes), Some(request));
    for len in 0..bytes.len() {
        assert_eq!(RestoreRequest::decode(&bytes[..len]), None);
    }
    bytes.push(0);
    assert_eq!(RestoreRequest::decode(&bytes), None);
}

#[test]
fn what_shares_are_bound_to_is_these_bytes() {
    let (one, two) = ([0xa0; 32], [0xb0; 32]);
    let expected = [&b"claviger commitment v2"[..], &one, &[7]].concat();
    assert_eq!(committed(&one, 7), *expected);
    let expected = [&b"claviger share v2"[..], &one, &[7]].concat();
    assert_eq!(share_info(&one, 7), *expected);
    let expected = [&b"claviger restore v2"[..], &one, &two, &[7]].concat();
    assert_eq!(restore_info(&one, &two, 7), *expected);
}
