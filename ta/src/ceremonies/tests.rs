use claviger_proto::{Algorithm, Login, Uuid};
use std::vec::Vec as Bytes;

use super::*;
use crate::{
    policy,
    samples::{ALICE, BOB, BOBS_GROUP, new_key},
    session::Caller,
};

fn components(custodians: &[Identity]) -> Components {
    Components {
        settled: policy::settle(new_key(Algorithm::Aes128Cmac), &Caller::Identified(ALICE))
            .unwrap(),
        custodians: heapless::Vec::from_slice(custodians).unwrap(),
        entered: heapless::Vec::new(),
    }
}

fn component(byte: u8) -> Secret {
    Secret::new(&[byte; 16]).unwrap()
}

fn key(entered: &[(Identity, u8)], last: &Secret) -> Result<Option<Bytes<u8>>, Status> {
    let mut components = components(&[ALICE, BOB, BOBS_GROUP]);
    for (whose, byte) in entered {
        assert!(matches!(components.with(&component(*byte)), Ok(None)));
        components.entered.push((*whose, component(*byte))).unwrap();
    }
    let key = components.with(last)?;
    Ok(key.map(|key| key.as_bytes().to_vec()))
}

#[test]
fn a_key_is_the_exclusive_or_of_all_components() {
    let two = [(BOB, 0x0f), (ALICE, 0x33)];
    let last = Secret::new(&[0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3c]).unwrap();
    let mut expected = [0x3c; 16];
    expected[0] ^= 0x55;
    expected[15] = 0;
    assert_eq!(key(&two, &last), Ok(Some(expected.to_vec())));
    assert_eq!(key(&two[..1], &last), Ok(None));
    assert_eq!(key(&[], &last), Ok(None));
}

#[test]
fn what_is_no_component_is_refused() {
    let two = [(BOB, 0x0f), (ALICE, 0x33)];
    for entered in [&two[..], &two[..1], &[]] {
        for len in [0, 1, 15, 17, 64] {
            let wrong = Secret::new(&[1; 64][..len]).unwrap();
            assert_eq!(key(entered, &wrong), Err(Status::BadKey));
        }
        assert_eq!(key(entered, &component(0)), Err(Status::BadKey));
    }
    for repeated in [0x0f, 0x33] {
        assert_eq!(key(&two, &component(repeated)), Err(Status::BadKey));
    }
    // All of it zeros.
    assert_eq!(key(&two, &component(0x3c)), Err(Status::BadKey));
    assert_eq!(key(&two[..1], &component(0x3c)), Ok(None));
}

fn ceremony(id: u8, owner: Identity) -> Ceremony<u8> {
    Ceremony {
        id: Digits([id; 8]),
        handle: Digits([id; 4]),
        owner,
        began: 1000,
        seconds: 60,
        of: id,
    }
}

fn owner(byte: u8) -> Identity {
    Identity {
        login: Login::User,
        id: Uuid([byte; 16]),
    }
}

#[test]
fn a_ceremony_ends_in_its_time() {
    let one = ceremony(1, ALICE);
    assert_eq!(one.seconds_left(1000), 60);
    assert_eq!(one.seconds_left(1059), 1);
    assert_eq!(one.seconds_left(1060), 0);
    assert_eq!(one.seconds_left(u64::MAX), 0);
    // A clock that went back is no clock.
    assert_eq!(one.seconds_left(999), 0);
}

fn holder(whose: Option<Identity>) -> Holder {
    Holder::of(whose, true)
}

#[test]
fn few_wait_and_one_of_each_owner() {
    let mut pending = Pending::default();
    let places = (limits::CEREMONIES - RULES.root) as u8;
    for id in 1..=places {
        assert_eq!(pending.put(ceremony(id, owner(id)), holder), Ok(()));
        let again = pending.put(ceremony(100, owner(id)), holder);
        assert_eq!(again, Err(Status::QuotaExceeded));
    }
    let refused = pending.put(ceremony(100, ALICE), holder);
    assert_eq!(refused, Err(Status::Busy));
    let root = Identity::ADMINISTRATOR;
    assert_eq!(pending.put(ceremony(101, root), holder), Ok(()));

    let found = pending.find(&Digits([2; 8]), |one| one.owner == owner(2));
    assert_eq!(found.map(|one| one.of), Ok(2));
    let others = pending.find(&Digits([2; 8]), |one| one.owner == owner(1));
    assert_eq!(others.map(|one| one.of), Err(Status::NoCeremony));
    let none = pending.find(&Digits([9; 8]), |_| true);
    assert_eq!(none.map(|one| one.of), Err(Status::NoCeremony));

    pending.end(&Digits([9; 8]));
    assert_eq!(pending.iter().count(), limits::CEREMONIES);
    pending.end(&Digits([2; 8]));
    assert!(pending.iter().all(|one| one.of != 2));
    assert_eq!(pending.put(ceremony(5, ALICE), holder), Ok(()));
    pending.clear();
    assert!(pending.is_empty());
}

/// One user with many groups keeps nobody from beginning.
#[test]
fn groups_give_way() {
    let mut pending = Pending::default();
    for id in 1..=30 {
        let group = Identity {
            login: Login::Group,
            ..owner(id)
        };
        assert_eq!(pending.put(ceremony(id, group), holder), Ok(()));
    }
    for id in 31..=33 {
        assert_eq!(pending.put(ceremony(id, owner(id)), holder), Ok(()));
    }
    for id in 31..=33 {
        assert!(pending.iter().any(|one| one.of == id));
    }
}
