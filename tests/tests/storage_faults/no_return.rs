//! What was destroyed, used up, revoked or locked does not come back, whatever becomes of storage.

use claviger::{Algorithm, Client, Error, Home, Status, identity::uid_identity};
use claviger_proto::message::{ComponentEnterRequest, ComponentStartRequest};
use claviger_ta::{
    platform::{Copy, ObjectId, StorageError},
    vault::{SHARDS, SLOT, SLOTS},
    workstation::{Fault, Hold, Workstation},
};
use claviger_tests::{ALICE, BOB, Device, Handle, factory_reset, new_key, status};

use crate::bench::{FIRST, SECOND, report, slot};

/// Keys for which there is room in the first shard.
const FEW: usize = SLOTS - 20;

const fn next_shard(copy: Copy) -> ObjectId {
    ObjectId { shard: 1, copy }
}

/// A device whose first shard is nearly full, with a wrapped key of root's.
fn nearly_full() -> (Workstation, Handle) {
    let workstation = Workstation::in_memory();
    let root = Device::on(workstation.clone()).user(0);
    for number in 0..FEW {
        let made = root.generate(&format!("k{number}"), Algorithm::Aes128Cmac);
        made.unwrap();
    }
    let wrapped = wrapped_key(&root);
    (workstation, wrapped)
}

fn wrapped_key(client: &Client) -> Handle {
    let mut new = new_key("wrapped", Algorithm::Aes256Cmac);
    new.home = Home::Wrapped;
    Handle::generate(client, new).unwrap()
}

/// Cuts the power at every operation of making keys, until a second shard is made, and gives each
/// device on which that shard is there, in both copies, and does not count.
fn unfinished_shards(each: impl Fn(Workstation, Handle)) {
    let (workstation, wrapped) = nearly_full();
    let before = workstation.disk().image();
    let mut unfinished = 0;
    for operation in 0.. {
        let disk = workstation.disk();
        disk.restore(before.clone());
        let root = Device::on(workstation.clone()).user(0);
        disk.arm(Fault::CutAfter(operation));
        let cut = (0..40).any(|number| {
            let made = root.generate(&format!("more{number}"), Algorithm::Aes128Cmac);
            made.is_err()
        });
        disk.disarm();
        if !cut {
            break;
        }
        let image = disk.image();
        let there = |copy| image.contains_key(&next_shard(copy));
        if !there(Copy::First) || !there(Copy::Second) {
            continue;
        }
        each(workstation.clone(), wrapped.clone());
        unfinished += 1;
        // The cuts that follow are in changes of a whole second shard.
        if unfinished == 4 {
            break;
        }
    }
    report(&format!("{unfinished} cuts in making a shard"));
    assert_eq!(unfinished, 4);
}

/// What is left when both copies of the first shard are destroyed.
fn without_first_shard(workstation: &Workstation) -> Device {
    for copy in [FIRST, SECOND] {
        workstation.disk().corrupt(copy, 0..SLOT);
    }
    Device::on(workstation.clone())
}

#[test]
fn a_reset_leaves_nothing_of_an_unfinished_shard() {
    unfinished_shards(|workstation, wrapped| {
        let root = Device::on(workstation.clone()).user(0);
        factory_reset(&root);
        let image = workstation.disk().image();
        assert!(image.keys().all(|id| id.shard == 0), "a shard is left");
        assert_eq!(status(wrapped.by(&root).mac(b"m")), Status::NotAuthentic);
        let root = without_first_shard(&workstation).user(0);
        let gone = status(wrapped.by(&root).mac(b"m"));
        assert_eq!(gone, Status::StorageCorrupt);
    });
}

#[test]
fn a_lock_outlives_an_unfinished_shard() {
    unfinished_shards(|workstation, _| {
        let root = Device::on(workstation.clone()).user(0);
        root.lock().unwrap();
        let locked = root.info().unwrap().vault.unwrap();
        let root = without_first_shard(&workstation).user(0);
        let left = root.info().unwrap().vault;
        assert!(left.is_none_or(|vault| vault.id == locked.id && vault.locked == Some(true)));
    });
}

/// A key of 16 uses, whose second copy is then found corrupt, and cannot be made anew.
fn one_copy(workstation: &Workstation, corrupt: impl Fn()) -> Result<(), Error> {
    let alice = Device::on(workstation.clone()).user(ALICE);
    let mut new = new_key("key", Algorithm::Aes256Cmac);
    new.policy.max_uses = Some(16);
    Handle::generate(&alice, new).unwrap();
    corrupt();
    let device = Device::on(workstation.clone());
    let key = Handle::new(&device.user(ALICE), "key");
    (0..16).try_for_each(|_| key.mac(b"m").map(drop))?;
    device.user(0).lock()
}

/// Where nobody knows whether a copy is gone, it may be back by the next start: nothing is changed
/// that it would undo.
#[test]
fn a_copy_that_may_be_there_still_undoes_nothing() {
    let workstation = Workstation::in_memory();
    let disk = workstation.disk().clone();
    let refused = one_copy(&workstation, || disk.corrupt_and_kept(SECOND));
    assert_eq!(status(refused), Status::Degraded);
    disk.heal();
    let key = Handle::new(&Device::on(workstation).user(ALICE), "key");
    let served = (0..100).take_while(|_| key.mac(b"m").is_ok()).count();
    assert_eq!(served, 16);

    // So it is with a name that is held, until the next start.
    for workstation in [
        Workstation::in_memory(),
        Workstation::in_memory().detecting_rollback(),
    ] {
        let disk = workstation.disk().clone();
        let refused = one_copy(&workstation, || disk.corrupt_at_open(SECOND));
        assert_eq!(status(refused), Status::Degraded);
        let root = Device::on(workstation).user(0);
        root.lock().unwrap();
    }
}

#[test]
fn no_generation_comes_back() {
    let workstation = Workstation::in_memory();
    let device = Device::on(workstation.clone());
    let (root, alice) = (device.user(0), device.user(ALICE));
    for number in 0..30 {
        let made = root.generate(&format!("k{number}"), Algorithm::Aes128Cmac);
        made.unwrap();
    }
    assert_eq!(status(alice.revoke(None)), Status::NothingWrapped);
    wrapped_key(&alice);
    let first = alice.revoke(None).unwrap();
    let wrapped = wrapped_key(&alice);
    wrapped.mac(b"m").unwrap();
    let second = alice.revoke(None).unwrap();
    assert!(second > first);
    assert_eq!(status(wrapped.mac(b"m")), Status::Revoked);
    drop(device);
    // With the record, everything is lost that was written last.
    for copy in [FIRST, SECOND] {
        workstation.disk().corrupt(copy, slot(15));
    }
    let alice = Device::on(workstation.clone()).user(ALICE);
    let wrapped = wrapped.by(&alice);
    assert_eq!(status(wrapped.mac(b"m")), Status::RecordDamaged);
    for _ in 0..40 {
        assert!(alice.revoke(None).unwrap() > second);
        assert_eq!(status(wrapped.mac(b"m")), Status::Revoked);
    }
}

/// It is not begun anew, unasked and unlocked, because nothing more could be written for a moment:
/// not by the instance that found that out, nor by the next one.
#[test]
fn a_destroyed_vault_stays_shut_where_no_trace_could_be_left() {
    let mut without = 0;
    for (operation, again) in (0..40).flat_map(|at| [(at, false), (at, true)]) {
        let workstation = Workstation::in_memory();
        let disk = workstation.disk().clone();
        let root = Device::on(workstation.clone()).user(0);
        root.lock().unwrap();
        drop(root);
        let mut root = without_first_shard(&workstation).user(0);
        disk.arm(Fault::Fail(operation, StorageError::NoSpace));
        assert!(root.list().is_err());
        disk.disarm();
        let last = ObjectId {
            shard: SHARDS as u8 - 1,
            copy: Copy::Second,
        };
        without += usize::from(!disk.image().contains_key(&last));
        if again {
            root = Device::on(workstation.clone()).user(0);
        }
        for _ in 0..2 {
            assert_eq!(status(root.list()), Status::StorageCorrupt, "{operation}");
        }
        drop(root);
        let root = Device::on(workstation.clone()).user(0);
        assert_eq!(status(root.list()), Status::StorageCorrupt);
        factory_reset(&root);
        root.list().unwrap();
    }
    assert!(without > 0, "a trace could always be left");
}

/// What a reset that failed left does not end the vault when it goes on and a part is lost.
#[test]
fn a_reset_that_failed_ends_nothing_later() {
    let (workstation, _) = nearly_full();
    let disk = workstation.disk();
    let root = Device::on(workstation.clone()).user(0);
    for number in 0..30 {
        let made = root.generate(&format!("more{number}"), Algorithm::Aes128Cmac);
        made.unwrap();
    }
    drop(root);
    let objects: Vec<_> = disk.image().into_keys().collect();
    assert_eq!(objects.len(), 4);
    disk.hide(objects.iter().map(|id| (*id, Hold::Fast)));
    let root = Device::on(workstation.clone()).user(0);
    let token = root.info().unwrap().confirmation.unwrap().to_string();
    assert!(root.factory_reset(&token).is_err());
    drop(root);
    assert!(disk.image().len() > objects.len(), "it left nothing");
    disk.show();
    let root = Device::on(workstation.clone()).user(0);
    root.lock().unwrap();
    let vault = root.info().unwrap().vault.unwrap().id;
    drop(root);
    for copy in [Copy::First, Copy::Second] {
        disk.lose(next_shard(copy));
    }
    let root = Device::on(workstation.clone()).user(0);
    let left = root.info().unwrap().vault.unwrap();
    assert_eq!((left.id, left.missing), (vault, 1));
}

/// A reset that is finished by two calls more leaves a vault that opens.
#[test]
fn a_reset_that_failed_twice_leaves_a_vault() {
    let mut twice = 0;
    for (first, second) in (0..8).flat_map(|first| (0..90).map(move |second| (first, second))) {
        let workstation = Workstation::in_memory();
        let disk = workstation.disk();
        let root = Device::on(workstation.clone()).user(0);
        let before = root.info().unwrap();
        let token = before.confirmation.unwrap().to_string();
        disk.arm(Fault::FailAfter(first, StorageError::NoSpace));
        let reset = root.factory_reset(&token);
        disk.arm(Fault::Fail(second, StorageError::NoSpace));
        let failed = root.list();
        disk.disarm();
        twice += usize::from(reset.is_err() && failed.is_err());
        assert_eq!(root.list().unwrap(), [], "{first} {second}");
    }
    assert!(twice > 0);
}

/// What is not finished by the call that asked for it is finished by a later one.
#[test]
fn a_reset_that_is_finished_late_forgets_ceremonies() {
    let mut late = 0;
    for operation in 0..60 {
        let workstation = Workstation::in_memory();
        let device = Device::on(workstation.clone());
        let (root, alice, bob) = (device.user(0), device.user(ALICE), device.user(BOB));
        let mut request = ComponentStartRequest {
            new: new_key("key", Algorithm::Aes128Cmac),
            custodians: Default::default(),
        };
        for uid in [ALICE, BOB] {
            request.custodians.push(uid_identity(uid)).unwrap();
        }
        let ceremony = alice.request(&request, &[]).unwrap().0.ceremony;
        let enter = |client: &Client| client.request(&ComponentEnterRequest { ceremony }, &[7; 16]);
        enter(&alice).unwrap();
        let before = root.info().unwrap();
        let token = before.confirmation.unwrap().to_string();
        workstation
            .disk()
            .arm(Fault::Fail(operation, StorageError::NoSpace));
        let reset = root.factory_reset(&token);
        workstation.disk().disarm();
        let after = root.info().unwrap().vault.unwrap().id;
        if reset.is_ok() || after == before.vault.unwrap().id {
            continue;
        }
        late += 1;
        assert_eq!(status(enter(&bob)), Status::NoCeremony);
        assert_eq!(status(root.factory_reset(&token)), Status::BadConfirmation);
    }
    assert!(late > 0, "no reset was finished late");
}
