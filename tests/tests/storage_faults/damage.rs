//! Damage to what is stored: to one copy it costs nothing, to both it costs what was hurt.

use claviger::{Algorithm, Status, audit::LogOf};
use claviger_proto::{audit::Event, limits, message::VaultInfo};
use claviger_ta::{
    platform::{Copy, ObjectId},
    vault::{OBJECT, SLOT, SLOTS, header::FORMAT},
};
use claviger_tests::{CAROL, Device, factory_reset, status};

use crate::{
    bench::{Bench, FIRST, Image, On, SECOND, report, slot},
    scenarios::import,
    view::View,
};

const LABELS: [&str; 4] = ["a", "bb", "ccc", "dddd"];

fn four_keys() -> (Bench, Image) {
    Bench::new(|device| {
        for label in LABELS {
            import(&device.user(0), label).unwrap();
        }
        device.user(0).lock().unwrap();
    })
}

fn vault(on: &On) -> VaultInfo {
    on.root.info().unwrap().vault.unwrap()
}

/// That all is as it was, and that what was hurt has been mended: the other copy may now be lost.
fn nothing_was_lost(bench: &Bench, before: &View, what: &str) {
    let on = bench.switch_on();
    assert_eq!(on.view(), *before, "{what}");
    assert!(vault(&on).repaired > 0, "{what}: it is told");
    drop(on);
    let on = bench.switch_on();
    assert_eq!(on.view(), *before, "{what}");
    assert_eq!(vault(&on).repaired, 0, "{what}: mended once");
    drop(on);
    for other in [FIRST, SECOND] {
        let mended = bench.disk().image();
        bench.disk().lose(other);
        assert_eq!(bench.switch_on().view(), *before, "{what}, then a loss");
        bench.disk().restore(mended);
    }
}

#[test]
fn one_copy_of_anything_may_be_lost() {
    let (bench, image) = four_keys();
    let before = bench.with(&image).view();
    let mut damages = 0;
    for copy in [FIRST, SECOND] {
        bench.disk().restore(image.clone());
        bench.disk().lose(copy);
        nothing_was_lost(&bench, &before, "an object lost");
        // OP-TEE notices a flipped bit and gives no part of a block: each, and then all.
        for start in (0..OBJECT).step_by(7 * SLOT) {
            bench.disk().restore(image.clone());
            bench.disk().corrupt(copy, start..start + SLOT);
            nothing_was_lost(&bench, &before, "a corrupt block");
            damages += 1;
        }
        bench.disk().restore(image.clone());
        bench.disk().corrupt(copy, 0..OBJECT);
        nothing_was_lost(&bench, &before, "a corrupt object");
        // What storage does not notice, the vault does.
        for byte in [0, 5, 16, 40, SLOT - 1, slot(0).start, slot(3).start + 20] {
            bench.disk().restore(image.clone());
            bench.disk().flip(copy, byte);
            nothing_was_lost(&bench, &before, "a flipped bit");
            damages += 1;
        }
        // An object cut short.
        for length in [0, 1, SLOT, OBJECT - 1] {
            let mut shorter = image.clone();
            shorter.get_mut(&copy).unwrap().truncate(length);
            bench.disk().restore(shorter);
            nothing_was_lost(&bench, &before, "an object cut short");
            damages += 1;
        }
    }
    report(&format!("{damages} damages to one copy"));
    assert!(damages > 60);
}

#[test]
fn copies_hurt_at_different_places_make_one_whole() {
    let (bench, image) = four_keys();
    let before = bench.with(&image).view();
    for (one, other) in [(0, 1), (1, 0), (2, 3), (3, 0)] {
        bench.disk().restore(image.clone());
        bench.disk().flip(FIRST, slot(one).start);
        bench.disk().flip(SECOND, slot(other).start);
        nothing_was_lost(&bench, &before, "flipped bits");
        bench.disk().restore(image.clone());
        bench.disk().flip(FIRST, 100);
        bench.disk().flip(SECOND, slot(other).start);
        nothing_was_lost(&bench, &before, "a header and a slot");
    }
    // Storage gives nothing more of what it found corrupt: the first copy is good until its spot,
    // the second until its own.
    for (first, second) in [(0, OBJECT / 2), (OBJECT / 2, OBJECT / 4)] {
        bench.disk().restore(image.clone());
        bench.disk().corrupt(FIRST, first..first + SLOT);
        bench.disk().corrupt(SECOND, second..second + SLOT);
        let after = bench.switch_on().view();
        assert_eq!(after.keys, before.keys);
        let behind = OBJECT - OBJECT / 2;
        assert!((1..=behind.div_ceil(SLOT) + 16).contains(&(after.damaged as usize)));
        assert_eq!(bench.switch_on().view(), after, "and stays so");
    }
}

/// A key that is hurt in both copies is lost, and stays counted; the others are not.
#[test]
fn what_both_copies_lost_is_lost() {
    let (bench, image) = four_keys();
    let before = bench.with(&image).view();
    for (number, label) in LABELS.iter().enumerate() {
        bench.disk().restore(image.clone());
        bench.disk().flip(FIRST, slot(number).start);
        bench.disk().flip(SECOND, slot(number).start + 100);
        for start in 1..=3 {
            let on = bench.switch_on();
            let mut expected = before.clone();
            expected.keys.remove(*label);
            expected.damaged = 1;
            assert_eq!(on.view(), expected, "start {start}");
            let asked = on.root.key(label).unwrap_err().status();
            assert_eq!(asked, Some(Status::NotFound));
        }
    }
}

/// The same while the vault is open: the first to ask is told, and all others go on.
#[test]
fn damage_under_an_open_vault() {
    let (bench, image) = four_keys();
    let on = bench.with(&image);
    let before = on.view();
    // More keys than are kept in memory, so that "a" must be read.
    for number in 0..70 {
        let label = format!("filler{number}");
        on.root.generate(&label, Algorithm::Aes128Cmac).unwrap();
    }
    for copy in [FIRST, SECOND] {
        bench.disk().flip(copy, slot(0).start);
    }
    let asked = on.root.key("a").unwrap_err().status();
    assert_eq!(asked, Some(Status::RecordDamaged));
    assert_eq!(vault(&on).damaged, 1);
    for label in &LABELS[1..] {
        let tag = on.root.key(label).unwrap().mac(b"proof").unwrap();
        assert_eq!(tag, before.keys[*label].proof);
    }
    // The label is free again.
    on.root.generate("a", Algorithm::Aes128Cmac).unwrap();
    drop(on);

    // One copy only, hurt so that storage itself notices: nobody is told anything.
    let on = bench.with(&image);
    for number in 0..70 {
        let label = format!("filler{number}");
        on.root.generate(&label, Algorithm::Aes128Cmac).unwrap();
    }
    bench.disk().corrupt(FIRST, slot(0));
    assert_eq!(
        on.root.key("a").unwrap().mac(b"proof").unwrap(),
        before.keys["a"].proof
    );
    assert!(vault(&on).repaired > 0);
}

/// A block that storage gives in neither copy.
#[test]
fn blocks_that_both_copies_lost() {
    let (bench, image) = four_keys();
    let before = bench.with(&image).view();
    bench.disk().restore(image);
    for copy in [FIRST, SECOND] {
        bench.disk().corrupt(copy, slot(1));
    }
    let on = bench.switch_on();
    let after = on.view();
    assert!(after.damaged > 0, "what was lost is counted");
    assert_eq!((after.vault, after.locked), (before.vault, before.locked));
    for (label, key) in &after.keys {
        assert_eq!(*key, before.keys[label]);
    }
    drop(on);
    let later = bench.switch_on().view();
    assert_eq!(later, after, "and stays so");
}

/// Shard by shard: what one lost, the others did not.
#[test]
fn shards_do_not_fall_together() {
    let (bench, image) = Bench::new(|device| {
        let carol = device.user(CAROL);
        for number in 0..SLOTS {
            import(&carol, &format!("k{number}")).unwrap();
        }
        import(&device.user(0), "second").unwrap();
        device.user(0).lock().unwrap();
    });
    let before = bench.with(&image).view();
    for copies in [vec![Copy::First, Copy::Second], vec![Copy::Second]] {
        for shard in [0, 1] {
            bench.disk().restore(image.clone());
            for copy in &copies {
                bench.disk().lose(ObjectId { shard, copy: *copy });
            }
            let on = bench.switch_on();
            let after = on.view();
            assert_eq!(after.vault, before.vault);
            if copies.len() == 1 {
                assert_eq!(after, before);
                continue;
            }
            assert_eq!(vault(&on).locked, None, "nobody can tell");
            assert_eq!(after.damaged, SLOTS as u32);
            assert_eq!(after.keys.contains_key("second"), shard == 0);
            // Pages of audit logs took as many places in the first shard.
            let pages = limits::AUDIT_PAGES as u32;
            let others = [pages, SLOTS as u32 - pages];
            assert_eq!(after.others, others[usize::from(shard)]);
            // Until it is declared lost, the rest is read-only; then new keys find a place, and a
            // reset makes all whole.
            let refused = on.root.generate("new", Algorithm::Aes128Cmac);
            assert_eq!(status(refused), Status::Incomplete);
            let token = on.root.info().unwrap().confirmation.unwrap();
            assert_eq!(on.root.declare_lost(&token.to_string()).unwrap(), 1);
            assert_eq!(vault(&on).locked, Some(true));
            on.root.generate("new", Algorithm::Aes128Cmac).unwrap();
            factory_reset(&on.root);
            assert_eq!((vault(&on).damaged, vault(&on).keys), (0, 0));
            assert_ne!(vault(&on).id, before.vault);
        }
    }
}

/// Without a single authentic header there is no vault; nothing is overwritten unasked.
#[test]
fn a_vault_without_a_header() {
    let (bench, image) = four_keys();
    for byte in [0, 16, 40] {
        bench.disk().restore(image.clone());
        bench.disk().flip(FIRST, byte);
        bench.disk().flip(SECOND, byte);
        let hurt = bench.disk().image();
        let on = bench.switch_on();
        let info = on.root.info().unwrap();
        assert_eq!(info.store, Status::StorageCorrupt.code());
        let listed = on.root.list().unwrap_err().status();
        assert_eq!(listed, Some(Status::StorageCorrupt));
        let made = import(&on.root, "new").unwrap_err().status();
        assert_eq!(made, Some(Status::StorageCorrupt));
        assert_eq!(bench.disk().image(), hurt);
        let token = info.confirmation.unwrap();
        on.root.factory_reset(&token.to_string()).unwrap();
        assert_eq!(vault(&on).keys, 0);
        import(&on.root, "new").unwrap();
    }
}

/// Storage deletes what it finds corrupt, as OP-TEE does. That there was a vault stays known all
/// the same: none is begun anew before a reset asks for it.
#[test]
fn a_vault_that_storage_deleted() {
    let (bench, image) = four_keys();
    let hurts: [&dyn Fn(ObjectId); 2] = [&|copy| bench.disk().corrupt(copy, 0..SLOT), &|copy| {
        bench.disk().corrupt_at_open(copy)
    }];
    for hurt in hurts {
        bench.disk().restore(image.clone());
        for copy in [FIRST, SECOND] {
            hurt(copy);
        }
        for start in 1..=3 {
            let on = bench.switch_on();
            for call in 1..=2 {
                let listed = on.root.list().unwrap_err().status();
                assert_eq!(
                    listed,
                    Some(Status::StorageCorrupt),
                    "start {start}, call {call}"
                );
            }
        }
        let on = bench.switch_on();
        factory_reset(&on.root);
        import(&on.root, "new").unwrap();
        drop(on);
        assert_eq!(bench.switch_on().view().keys.len(), 1);
    }
}

/// A repair is in the log of those who have none of their own: once, however much was mended.
#[test]
fn a_repair_is_recorded() {
    let (bench, image) = four_keys();
    bench.disk().restore(image);
    for place in [0, 2] {
        bench.disk().flip(FIRST, slot(place).start);
    }
    for start in 1..=2 {
        let on = bench.switch_on();
        on.root.list().unwrap();
        let log = on.root.audit_log(LogOf::Shared).unwrap();
        let repairs: Vec<_> = log
            .records()
            .iter()
            .filter(|record| record.event == Event::Repaired)
            .map(|record| (record.detail, record.caller))
            .collect();
        assert_eq!(repairs, [(2, None)], "start {start}");
    }
}

/// A vault of a format that came later is left alone.
#[test]
fn a_newer_vault_is_not_touched() {
    let (bench, image) = four_keys();
    for copies in [vec![FIRST], vec![SECOND], vec![FIRST, SECOND]] {
        let mut newer = image.clone();
        for copy in copies {
            newer.get_mut(&copy).unwrap()[4] = FORMAT + 1;
        }
        bench.disk().restore(newer.clone());
        let on = bench.switch_on();
        assert_eq!(on.root.info().unwrap().store, Status::VaultNewer.code());
        let made = import(&on.root, "new").unwrap_err().status();
        assert_eq!(made, Some(Status::VaultNewer));
        assert_eq!(bench.disk().image(), newer);
    }
}

/// Another device's vault, or the same one moved, is not this one's.
#[test]
fn a_vault_belongs_to_its_device() {
    let (_, image) = four_keys();
    let (bench, _) = four_keys();
    let on = bench.with(&image);
    assert_eq!(on.root.info().unwrap().store, Status::StorageCorrupt.code());
}

/// Slots that were swapped, within a copy or both, are not authentic at their new places.
#[test]
fn slots_stay_where_they_were() {
    let (bench, image) = four_keys();
    let before = bench.with(&image).view();
    let swap = |bytes: &mut Vec<u8>| {
        let (one, other) = (bytes[slot(0)].to_vec(), bytes[slot(1)].to_vec());
        bytes[slot(0)].copy_from_slice(&other);
        bytes[slot(1)].copy_from_slice(&one);
    };
    let mut swapped = image.clone();
    swap(swapped.get_mut(&FIRST).unwrap());
    bench.disk().restore(swapped.clone());
    nothing_was_lost(&bench, &before, "slots swapped");
    swap(swapped.get_mut(&SECOND).unwrap());
    bench.disk().restore(swapped);
    let after = bench.switch_on().view();
    assert_eq!(after.damaged, 2);
    assert_eq!(Vec::from_iter(after.keys.keys()), ["ccc", "dddd"]);
}

/// No size and no bit tells what is in a vault, or that anything is.
#[test]
fn what_is_stored_shows_nothing() {
    let (bench, empty) = Bench::new(|device| drop(device.user(0).list()));
    let on = bench.with(&empty);
    let secret = [0xa5; 32];
    let creation = on.root.create("a-label-to-be-looked-for");
    let creation = creation.algorithm(Algorithm::Aes256Cmac);
    creation.import(&secret).unwrap();
    let full = bench.disk().image();
    assert_eq!(Vec::from_iter(full.keys()), Vec::from_iter(empty.keys()));
    for bytes in full.values() {
        assert_eq!(bytes.len(), OBJECT);
        let shows = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
        assert!(!shows(&secret[..8]));
        assert!(!shows(b"a-label"));
    }
    let device = Device::fresh();
    drop(device.user(0).list());
    assert_eq!(device.workstation().disk().image().len(), full.len());
}
