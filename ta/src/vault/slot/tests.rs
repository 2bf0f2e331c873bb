use claviger_proto::{
    Algorithm, Digits, Export, Home, Login, Origin, Permission, Permissions, State, Usage, Uuid,
    message::{Grant, Policy, SharePolicy},
};
use std::{vec, vec::Vec};

use super::*;
use crate::{
    crypto::Secret,
    vault::{Counters, Tag, Version},
};

fn key() -> KeyRecord {
    KeyRecord {
        label: Label::try_from("telemetry").unwrap(),
        owner: Identity {
            login: Login::Group,
            id: Uuid([0xaa; 16]),
        },
        id: Digits([0xbb; 16]),
        tag: Tag::of([0xba; 16]),
        algorithm: Algorithm::HmacSha256,
        usage: Usage::Mac,
        children: None,
        ratchet: true,
        origin: Origin::Imported,
        state: State::Active,
        policy: Policy {
            grants: [Grant {
                to: Identity {
                    login: Login::User,
                    id: Uuid([0xdd; 16]),
                },
                may: Permissions::of(&[Permission::VerifyMac]),
            }]
            .into_iter()
            .collect(),
            max_uses: Some(0x11),
            min_context: 0x12,
            rotate_after_uses: Some(0x13),
            rotate_after_bytes: Some(0x14),
            export: Export::Shares,
            shares: Some(SharePolicy {
                threshold: 2,
                shares: 3,
                recipients: Digits([0xee; 32]),
            }),
            export_derived: true,
            rollback_level: 0x15,
            ..Policy::of(Usage::Mac)
        },
        version: 0x01020304,
        versions: [(3, 0xc3), (0x01020304, 0xcc)]
            .map(|(number, byte)| Version {
                number,
                secret: Secret::new(&[byte; 20]).unwrap(),
            })
            .into_iter()
            .collect(),
        counters: Counters {
            uses: 0x21,
            version_uses: 0x22,
            version_bytes: 0x23,
        },
    }
}

fn slot_key() -> SlotKey {
    SlotKey(Zeroizing::new([7; 64]), [0, 0, 0x0102, 0, 0, 0, 0, 0])
}

/// An event of [`key`].
fn event(sequence: u64) -> Record {
    Record {
        sequence,
        boot: 0x31,
        time: 0x32,
        event: Event::Rotated,
        status: Status::Ok,
        count: 1,
        detail: 0x33,
        caller: Some(Identity {
            login: Login::User,
            id: Uuid([0x99; 16]),
        }),
        owner: Some(key().owner),
        label: Some(key().label),
        device: None,
    }
}

/// What [`event`] is in a slot.
fn event_bytes(sequence: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, sequence, 3, 1];
    bytes.extend([0x99; 16]);
    bytes.extend([0, 0, 0, 0x31, 0, 0, 0, 0, 0, 0, 0, 0x32, 0, 0, 0, 0x33]);
    bytes
}

fn encoded(content: &Content, events: &[Record]) -> [u8; SLOT - TAG] {
    let mut bytes = [0; SLOT - TAG];
    encode(content, 0x0a, events, &mut bytes).unwrap();
    bytes
}

/// Kind and sequence number, these bytes, and zeros to the end.
fn expected(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [&[kind, 0, 0, 0, 0, 0, 0, 0, 0x0a], &parts.concat()[..]].concat();
    bytes.resize(SLOT - TAG, 0);
    bytes
}

fn key_bytes() -> Vec<u8> {
    let mut bytes = vec![2];
    bytes.extend([0xaa; 16]);
    bytes.extend(b"\x09telemetry");
    bytes.extend([0xbb; 16]);
    bytes.extend([0xba; 16]);
    bytes.extend([5, 2, 0, 2, 2, 3, 1, 2, 3, 4]);
    for number in [0x21, 0x22, 0x23] {
        bytes.extend([0, 0, 0, 0, 0, 0, 0, number]);
    }
    bytes.extend([0, 0x0c, 2, 0, 0, 0, 0x12, 0, 0, 0, 0x15]);
    for number in [0x11, 0x13, 0x14] {
        bytes.extend([0, 0, 0, 0, 0, 0, 0, number]);
    }
    bytes.extend([2, 3]);
    bytes.extend([0xee; 32]);
    bytes.extend([1, 1]);
    bytes.extend([0xdd; 16]);
    bytes.extend([0, 8, 2, 0, 0, 0, 3, 20]);
    bytes.extend([0xc3; 20]);
    bytes.extend([1, 2, 3, 4, 20]);
    bytes.extend([0xcc; 20]);
    bytes
}

#[test]
fn a_key_lies_as_the_table_says() {
    let content = Content::Key(key());
    for count in 0..=EVENTS as u8 {
        let events: Vec<Record> = (0..count).map(|at| event(at.into())).collect();
        let mut parts = vec![vec![count]];
        parts.extend((0..count).map(event_bytes));
        let bytes = encoded(&content, &events);
        assert_eq!(bytes[..], expected(2, &[&parts.concat(), &key_bytes()]));
        let Some((0x0a, Content::Key(_), again)) = decode(&bytes) else {
            panic!("it does not decode");
        };
        assert_eq!(again[..], events);
    }
}

#[test]
fn what_a_key_was_stands_with_the_event() {
    let mut policy = key().policy;
    policy.fixed_owner = true;
    let fixed = KeyRecord { policy, ..key() };
    let mut key_bytes = key_bytes();
    let flags = 1 + 16 + 10 + 16 + 16 + 5;
    assert_eq!(key_bytes[flags], 3);
    key_bytes[flags] = 7;
    let owner = Identity {
        login: Login::User,
        id: Uuid([0x77; 16]),
    };
    let renamed = |label: Option<&str>| Record {
        event: Event::Renamed,
        label: label.map(|label| Label::try_from(label).unwrap()),
        ..event(9)
    };
    let given_away = Record {
        event: Event::GivenAway,
        owner: Some(owner),
        ..event(9)
    };
    for (event, number, was) in [
        (renamed(Some("old")), 23, b"\x03old".to_vec()),
        (renamed(None), 23, b"\0".to_vec()),
        (given_away, 24, [&[1], &[0x77; 16][..]].concat()),
    ] {
        let events = [event];
        let mut bytes = event_bytes(9);
        bytes[8] = number;
        let parts: [&[u8]; 4] = [&[1], &bytes, &was, &key_bytes];
        let encoded = encoded(&Content::Key(fixed.clone()), &events);
        assert_eq!(encoded[..], expected(2, &parts));
        let Some((0x0a, Content::Key(again), told)) = decode(&encoded) else {
            panic!("it does not decode");
        };
        assert!(again.policy.fixed_owner);
        assert_eq!(told[..], events);
    }
}

#[test]
fn a_tombstone_says_what_lay_there() {
    assert_eq!(encoded(&Content::Tombstone, &[])[..], expected(1, &[&[0]]));
    let events = [event(8), event(9)];
    let bytes = encoded(&Content::Tombstone, &events);
    let subject = [&[2], &[0xaa; 16][..], b"\x09telemetry"].concat();
    let parts: [&[u8]; 4] = [&[2], &event_bytes(8), &event_bytes(9), &subject];
    assert_eq!(bytes[..], expected(1, &parts));
    let Some((0x0a, Content::Tombstone, again)) = decode(&bytes) else {
        panic!("it does not decode");
    };
    assert_eq!(again[..], events);
}

#[test]
fn the_largest_of_each_fits() {
    let label = Label::try_from(&*"l".repeat(64)).unwrap();
    let mut largest = key();
    largest.label = label.clone();
    let grant = largest.policy.grants[0].clone();
    while largest.policy.grants.push(grant.clone()).is_ok() {}
    largest.versions.clear();
    let secret = Secret::new(&[1; 64]).unwrap();
    while largest.add_version(secret.clone()).is_ok() {}
    let page = Page {
        of: Some(largest.owner),
        number: 1,
        first: 2,
        before: [3; 32],
        released: 4,
        bytes: heapless::Vec::from_array([5; limits::AUDIT_PAGE]),
    };
    let event = Record {
        owner: Some(largest.owner),
        label: Some(label),
        ..event(1)
    };
    let events = [(); EVENTS + 1].map(|()| event.clone());
    // Whose it was fits beside any key; what it was called does not beside the very largest.
    let given_away = Record {
        event: Event::GivenAway,
        ..event.clone()
    };
    let mut renamed = Record {
        event: Event::Renamed,
        ..event.clone()
    };
    let content = Content::Key(largest.clone());
    assert!(fits(&content, &[given_away]));
    assert!(!fits(&content, core::slice::from_ref(&renamed)));
    renamed.label = None;
    assert!(fits(&content, &[renamed]));
    // That a page was written is no event.
    for (content, most) in [
        (Content::Key(largest), 1),
        (
            Content::Certificate(Certificate::from_array([6; limits::CERTIFICATE])),
            1,
        ),
        (Content::Page(page), 0),
    ] {
        assert!(fits(&content, &events[..most]));
        assert!(!fits(&content, &events[..=most]));
    }
    assert!(fits(&Content::Tombstone, &events[..EVENTS]));
}

#[test]
fn a_generation_lies_as_the_table_says() {
    let mut generation = Generation {
        owner: key().owner,
        family: Some(key().label),
        number: 0x0506,
    };
    let owner = [&[2], &[0xaa; 16][..]].concat();
    for family in [&b"\x09telemetry"[..], b"\0"] {
        let bytes = encoded(&Content::Generation(generation.clone()), &[]);
        let parts: [&[u8]; 4] = [&[0], &owner, family, &[0, 0, 0, 0, 0, 0, 5, 6]];
        assert_eq!(bytes[..], expected(3, &parts));
        let Some((0x0a, Content::Generation(again), _)) = decode(&bytes) else {
            panic!("it does not decode");
        };
        assert_eq!(again, generation);
        generation.family = None;
    }
}

#[test]
fn a_page_lies_as_the_table_says() {
    let mut page = Page {
        of: Some(key().owner),
        number: 0x0102,
        first: 0x0304,
        before: [0xab; 32],
        released: 0x0506,
        bytes: heapless::Vec::from_slice(b"records").unwrap(),
    };
    let numbers = [&[0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4], &[0xab; 32][..]].concat();
    let rest = b"\0\0\0\0\0\0\x05\x06\0\x07records";
    for of in [[&[2], &[0xaa; 16][..]].concat(), vec![0; 17]] {
        let bytes = encoded(&Content::Page(page.clone()), &[]);
        assert_eq!(bytes[..], expected(4, &[&[0], &of, &numbers, rest]));
        let Some((0x0a, Content::Page(again), _)) = decode(&bytes) else {
            panic!("it does not decode");
        };
        assert_eq!(again.of, page.of);
        assert_eq!((again.number, again.first), (page.number, page.first));
        assert_eq!(
            (again.before, again.released, again.bytes),
            (page.before, page.released, page.bytes.clone())
        );
        page.of = None;
    }
}

#[test]
fn a_certificate_lies_as_the_table_says() {
    let certificate = Certificate::from_slice(&[0x30; 0x102]).unwrap();
    let bytes = encoded(&Content::Certificate(certificate.clone()), &[]);
    assert_eq!(bytes[..], expected(5, &[&[0, 1, 2], &[0x30; 0x102]]));
    let Some((0x0a, Content::Certificate(again), _)) = decode(&bytes) else {
        panic!("it does not decode");
    };
    assert_eq!(again, certificate);
}

#[test]
fn what_is_sealed_opens_in_its_place_only() {
    let sealed = slot_key()
        .seal(3, 9, 5, &Content::Key(key()), &[event(5)])
        .unwrap();
    let mut work = *sealed;
    let Ok(Some((5, Content::Key(opened), _))) = slot_key().open(3, 9, &mut work) else {
        panic!("it does not open");
    };
    let shown = |key: &KeyRecord| key.describe(key.counters, Home::Vault, None);
    assert_eq!(shown(&opened), shown(&key()));
    assert_eq!(opened.counters, key().counters);
    assert_eq!(opened.secret(3).unwrap().as_bytes(), [0xc3; 20]);
    assert_eq!(opened.secret(0x01020304).unwrap().as_bytes(), [0xcc; 20]);
    for (shard, place) in [(2, 9), (3, 8), (3, 0)] {
        let mut work = *sealed;
        assert!(
            slot_key().open(shard, place, &mut work).is_err(),
            "{shard} {place}"
        );
    }
    for byte in 0..SLOT {
        let mut work = *sealed;
        work[byte] ^= 0x10;
        assert!(slot_key().open(3, 9, &mut work).is_err(), "byte {byte}");
    }
    assert!(matches!(slot_key().open(3, 9, &mut [0; SLOT]), Ok(None)));
}

/// V of one genuine record with C of another of the same place; a record of another vault, or of what
/// the shard was before.
#[test]
fn records_of_one_place_do_not_mix() {
    let keys = [
        slot_key(),
        SlotKey(Zeroizing::new([8; 64]), slot_key().1),
        SlotKey(slot_key().0, [0, 0, 0x0102, 1, 0, 0, 0, 0]),
    ];
    let content = Content::Key(key());
    let sealed = keys
        .each_ref()
        .map(|maker| [5, 6].map(|sequence| *maker.seal(3, 9, sequence, &content, &[]).unwrap()));
    for (maker, sealed) in sealed.iter().enumerate() {
        for (opener, key) in keys.iter().enumerate() {
            for mut bytes in *sealed {
                let opened = key.open(3, 9, &mut bytes).is_ok();
                assert_eq!(opened, maker == opener, "{maker} {opener}");
            }
        }
        let mut mixed = sealed[0];
        mixed[..TAG].copy_from_slice(&sealed[1][..TAG]);
        assert!(keys[maker].open(3, 9, &mut mixed).is_err());
    }
}

#[test]
fn an_authentic_slot_of_impossible_content_is_damaged() {
    let plain = encoded(&Content::Key(key()), &[]);
    // By the tables: events 9, owner 10, label 27, id 37, tag 53, numbers 69, version 75,
    // counters 79, policy 103, shares 138, grants 172, versions 192, zeros from 243.
    for (byte, value) in [
        (0, 6),
        (9, 1),
        (9, 5),
        (10, 3),
        (27, 65),
        (28, b' '),
        (69, 0),
        (70, 0),
        (71, 99),
        (72, 0),
        (73, 0),
        (74, 8),
        (103, 0xf0),
        (105, 3),
        (172, 9),
        (173, 3),
        (190, 0xf0),
        (192, 9),
        (197, 65),
        (243, 1),
        (SLOT - TAG - 1, 1),
    ] {
        let mut other = plain;
        other[byte] = value;
        assert!(decode(&other).is_none(), "byte {byte} = {value}");
    }
    assert_eq!(plain[242], 0xcc, "the last byte of the last secret");
}
