//! The heap that opening the fullest vault takes: on a device there is 640 KiB in all.

use std::alloc::System;

use cap::Cap;
use claviger_proto::{
    Algorithm, Digits, Identity, Label, Origin, State, Usage, audit::Event, message::Policy,
};
use claviger_ta::{
    crypto::Secret,
    vault::{Counters, KEYS, KeyRecord, Note, Tag, Vault, Version, slot::EVENTS},
    workstation::Workstation,
};

/// What opening may take at its height: the rest is for the calls' memory and the keys in use.
const MOST: usize = 320 << 10;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const OWNER: Identity = Identity::ADMINISTRATOR;

fn label(number: usize) -> Label {
    Label::try_from(&*format!("key/{number}")).unwrap()
}

fn key(number: usize) -> KeyRecord {
    let secret = Secret::new(&[7; 16]).unwrap();
    KeyRecord {
        label: label(number),
        owner: OWNER,
        id: Digits([1; 16]),
        tag: Tag::of([2; 16]),
        algorithm: Algorithm::Aes128Cmac,
        usage: Usage::Mac,
        children: None,
        ratchet: false,
        origin: Origin::Generated,
        state: State::Active,
        policy: Policy::of(Usage::Mac),
        version: 1,
        versions: [Version { number: 1, secret }].into_iter().collect(),
        counters: Counters::default(),
    }
}

/// Of every slot come as many events as wait in one at most, though all but the last of them have
/// gone to their pages.
#[test]
fn the_fullest_vault_opens() {
    let mut device = Workstation::in_memory();
    let mut vault = Vault::default();
    for number in 0..KEYS {
        vault.insert(&mut device, key(number), OWNER).unwrap();
        for _ in 1..EVENTS {
            let note = Note::new(OWNER, Event::StateChanged);
            vault
                .update(&mut device, &OWNER, &label(number), note, |_| Ok(0))
                .unwrap();
        }
    }
    drop(vault);
    HEAP.set_limit(HEAP.allocated() + MOST).unwrap();
    let mut vault = Vault::default();
    let info = vault.info(&mut device);
    HEAP.set_limit(usize::MAX).unwrap();
    let info = info.unwrap();
    assert_eq!((info.keys as usize, info.free), (KEYS, 0));
}
