//! What names that collide in the index do to each other: nothing.

use claviger_proto::{Algorithm, Usage};

use super::*;
use crate::{
    samples::{ALICE, BOB, BOBS_GROUP, key_of, label},
    workstation::Workstation,
};

fn key(name: &str) -> KeyRecord {
    KeyRecord {
        label: label(name),
        ..key_of(Algorithm::Aes256Cmac, Usage::Mac)
    }
}

#[test]
fn families_that_collide_have_a_generation_each() {
    let mut platform = Workstation::in_memory();
    let families = ["f/alike/1", "f/alike/2", "f/alike/3"].map(label);
    let [first, others @ ..] = &families;
    let mut vault = Vault::default();
    let wrap = |vault: &mut Vault<_>, platform: &mut _, family| {
        let made = vault.generation_to_wrap(platform, &ALICE, Some(family));
        made.unwrap()
    };
    let before = wrap(&mut vault, &mut platform, first);
    let revoked = vault
        .next_generation(&mut platform, &ALICE, Some(first), ALICE)
        .unwrap();
    let others = others
        .iter()
        .map(|family| wrap(&mut vault, &mut platform, family));
    let expected: Vec<u64> = [revoked].into_iter().chain(others).collect();
    assert_ne!(before, revoked);
    for _ in 0..2 {
        let mut vault = Vault::default();
        for (family, expected) in families.iter().zip(&expected) {
            let generation = vault.generation(&mut platform, &ALICE, Some(family));
            assert_eq!(generation, Ok(*expected));
        }
    }
}

/// A record that is nowhere, although nothing is damaged, is not begun anew with a number that was
/// given.
#[test]
fn no_generation_is_given_twice_where_a_record_is_gone() {
    let mut platform = Workstation::in_memory();
    let mut vault = Vault::default();
    let families = ["f", "g"].map(label);
    let mut given = Vec::new();
    for family in &families {
        let number = vault.generation_to_wrap(&mut platform, &ALICE, Some(family));
        given.push(number.unwrap());
    }
    let open = vault.opened(&mut platform).unwrap();
    let records = |entry: &Entry| matches!(entry, Entry::Generation(_));
    while let Some(number) = open.index.find(0, records) {
        let sequence = open.sequence + 1;
        let (shard, place) = open::whereabouts(number);
        let content = Content::Tombstone;
        let bytes = open.slot_key.seal(shard, place, sequence, &content, &[]);
        let bytes = bytes.unwrap();
        open.write(platform.storage(), number, bytes.as_slice())
            .unwrap();
        open.index.set(number, Entry::Free);
        open.sequence = sequence;
    }
    let mut vault = Vault::default();
    for family in &families {
        let now = vault.generation(&mut platform, &ALICE, Some(family));
        assert!(!given.contains(&now.unwrap()));
        let number = vault.generation_to_wrap(&mut platform, &ALICE, Some(family));
        assert!(!given.contains(&number.unwrap()));
    }
}

#[test]
fn keys_that_collide_are_both_there() {
    let mut platform = Workstation::in_memory();
    let names = ["k/alike/1", "other", "k/alike/2", "k/alike/3"];
    let mut vault = Vault::default();
    for name in names {
        vault.insert(&mut platform, key(name), ALICE).unwrap();
    }
    for gone in names {
        let mut vault = Vault::default();
        let found = |vault: &mut Vault<_>, platform: &mut _, name| {
            vault.find(platform, &ALICE, &label(name)).is_ok()
        };
        let left = names.iter().skip_while(|name| **name != gone);
        for name in left {
            assert!(found(&mut vault, &mut platform, name), "{name}");
        }
        vault
            .remove(&mut platform, &ALICE, &label(gone), ALICE)
            .unwrap();
        assert!(!found(&mut vault, &mut platform, gone));
    }
}

/// Else one of a user's many identities counts as somebody else, and takes his quota.
#[test]
fn an_owners_hash_is_long() {
    for owner in [ALICE, BOB, BOBS_GROUP] {
        assert!(owner_hash(&owner) > u64::from(u32::MAX));
    }
}
