//! What is left by a call that failed, met by another one that did not see it.

use claviger::{Algorithm, Home, Status, identity::uid_identity};
use claviger_proto::{
    batch::Batched,
    message::{BatchRequest, NewKey},
};
use claviger_ta::{
    platform::{Copy, StorageError},
    vault::SLOT,
    workstation::{Fault, Hold, Workstation},
};
use claviger_tests::{ALICE, CAROL, Device, Handle, label, new_key, status};

use super::{
    facts::{self, Fact},
    fixture::{Fixture, object},
    lost::{SHARDS, both, declare, serves, status_of, vault},
};
use crate::bench::Image;

fn fact(name: &str) -> Fact {
    let mut facts = facts::all().into_iter();
    facts.find(|fact| fact.name == name).unwrap()
}

/// A device whose lock was cut when only one copy had its header.
fn lock_cut_short(fixture: &Fixture) -> Workstation {
    let header = |image: &Image, shard, copy| image[&object(shard, copy)][..SLOT].to_vec();
    for n in 0.. {
        let twin = fixture.twin();
        let on = fixture.switch_on(&twin);
        vault(&on);
        twin.disk().arm(Fault::CutAfter(n));
        let locked = on.root.lock();
        twin.disk().disarm();
        assert!(locked.is_err(), "no cut was between the two copies");
        let (before, after) = (&fixture.image, twin.disk().image());
        let [first, second] = [Copy::First, Copy::Second]
            .map(|copy| header(before, 0, copy) != header(&after, 0, copy));
        if first && !second {
            return twin;
        }
    }
    unreachable!()
}

/// Of two headers of one sequence one reaches every copy before it is seen.
#[test]
fn a_lock_meets_a_loss() {
    let fixture = Fixture::new();
    let lock = fact("lock");
    for then in [Hold::Fast, Hold::Back] {
        let twin = lock_cut_short(&fixture);
        let disk = twin.disk();
        disk.hide(both(0, Hold::Fast));
        let on = fixture.switch_on(&twin);
        assert_eq!(status(declare(&on)), Status::Incomplete);
        drop(on);
        disk.show();
        let on = fixture.switch_on(&twin);
        on.root.lock().unwrap();
        assert_eq!((lock.ended)(&on), Some(true));
        drop(on);
        let left = disk.image();
        for shard in SHARDS {
            disk.restore(left.clone());
            disk.hide(both(shard, then));
            let on = fixture.switch_on(&twin);
            let _refused = declare(&on);
            assert_ne!((lock.ended)(&on), Some(false), "without {shard}");
        }
    }
}

/// What is declared lost is not seen to be gone while it may come back.
#[test]
fn a_loss_that_may_come_back_ends_nothing() {
    let fixture = Fixture::new();
    for shard in SHARDS {
        for holds in [[Hold::Back, Hold::Fast], [Hold::Fast, Hold::Back]] {
            let twin = fixture.twin();
            let disk = twin.disk();
            let copies = [Copy::First, Copy::Second].map(|copy| object(shard, copy));
            disk.hide(copies.into_iter().zip(holds));
            let on = fixture.switch_on(&twin);
            assert_eq!(status(declare(&on)), Status::Degraded);
            let gone = status(serves(&on, shard)) == Status::NotFound;
            drop(on);
            disk.show();
            // The other shard is not there, nor the copy that was made anew.
            disk.hide(both(1 - shard, Hold::Back));
            let anew = copies.into_iter().zip(holds);
            disk.hide(anew.filter(|(_, hold)| *hold == Hold::Back));
            let back = serves(&fixture.switch_on(&twin), shard).is_ok();
            assert!(
                !(gone && back),
                "{shard} {holds:?}: it was gone, and is back"
            );
        }
    }
}

/// What is stored just before one more key makes a second shard.
fn full_shard() -> (Workstation, Image) {
    let workstation = Workstation::in_memory();
    let root = Device::on(workstation.clone()).user(0);
    // So that root's log is full and the shared one begun: neither needs a place more.
    for _ in 0..30 {
        root.generate("passing", Algorithm::Aes128Cmac).unwrap();
        root.delete("passing").unwrap();
    }
    workstation.disk().flip(object(0, Copy::Second), SLOT);
    let root = Device::on(workstation.clone()).user(0);
    let mut before = Image::new();
    for number in 0.. {
        let now = workstation.disk().image();
        if now.contains_key(&object(1, Copy::First)) {
            break;
        }
        before = now;
        let made = root.generate(&format!("k{number}"), Algorithm::Aes128Cmac);
        made.unwrap();
    }
    (workstation, before)
}

/// A shard that does not count holds no header that could be shown later.
#[test]
fn a_shard_that_never_counted_undoes_no_lock() {
    let (workstation, before) = full_shard();
    let disk = workstation.disk();
    let mut tried = 0;
    for n in 0..40 {
        disk.restore(before.clone());
        let root = Device::on(workstation.clone()).user(0);
        root.list().unwrap();
        disk.arm(Fault::Fail(n, StorageError::Other(7)));
        disk.hide_after_fault([(object(0, Copy::Second), Hold::Fast)]);
        let made = root.generate("another", Algorithm::Aes128Cmac);
        disk.disarm();
        disk.show();
        if made.is_ok() || !disk.image().contains_key(&object(1, Copy::First)) {
            continue;
        }
        tried += 1;
        disk.hide([(object(0, Copy::First), Hold::Back)]);
        let root = Device::on(workstation.clone()).user(0);
        root.lock().unwrap();
        disk.hide(both(0, Hold::Back));
        let root = Device::on(workstation.clone()).user(0);
        if let Ok(info) = root.info()
            && let Some(token) = info.confirmation
        {
            let _refused = root.declare_lost(&token.to_string());
        }
        let left = root.info().ok().and_then(|info| info.vault);
        let locked = left.and_then(|vault| vault.locked);
        assert_ne!(locked, Some(false), "after fault {n}");
    }
    assert!(tried > 0);
}

/// What a loss takes with it may have been written last of all: what is written then is in doubt all
/// the same.
#[test]
fn sequences_that_a_loss_took_are_not_given_again() {
    let fixture = Fixture::new();
    let twin = fixture.twin();
    let disk = twin.disk();
    let destroyed = fact("one/destroyed");
    for n in 0..4 {
        for held in [Copy::First, Copy::Second] {
            disk.restore(fixture.image.clone());
            let on = fixture.switch_on(&twin);
            let mut new = new_key("two/uses", Algorithm::Aes256Cmac);
            new.policy.max_uses = Some(400);
            let many = Handle::generate(&on.alice, new).unwrap();
            // Each write of these is of a record of the second shard only.
            for _ in 0..400 {
                many.mac(b"m").unwrap();
            }
            disk.hide(both(1, Hold::Back));
            assert_eq!(declare(&on).unwrap(), 1);
            disk.arm(Fault::Fail(n, StorageError::Other(7)));
            disk.hide_after_fault([(object(0, held), Hold::Fast)]);
            let known = (destroyed.end)(&on).is_ok();
            disk.disarm();
            let known = known || (destroyed.ended)(&on) == Some(true);
            drop(on);
            disk.show();
            let left = disk.image();
            for shown in [Copy::First, Copy::Second] {
                disk.restore(left.clone());
                disk.hide([(object(0, shown), Hold::Fast)]);
                let ended = (destroyed.ended)(&fixture.switch_on(&twin));
                assert!(
                    !known || ended != Some(false),
                    "fault {n}, {held:?}, {shown:?}"
                );
            }
        }
    }
}

/// A wrapped key that was unwrapped before a revocation was seen ends with the others.
#[test]
fn a_revocation_that_is_seen_ends_every_wrapped_key() {
    let fixture = Fixture::new();
    let twin = fixture.twin();
    let disk = twin.disk();
    let on = fixture.switch_on(&twin);
    let [cached, other] = ["imported", "other"].map(|name| {
        let new = NewKey {
            home: Home::Wrapped,
            family: Some(label("fleet")),
            ..new_key(name, Algorithm::HmacSha256)
        };
        Handle::generate(&on.alice, new).unwrap()
    });
    drop(on);
    let before = disk.image();
    let mut seen = 0;
    for n in 0..12 {
        disk.restore(before.clone());
        let on = fixture.switch_on(&twin);
        vault(&on);
        let [cached, other] = [&cached, &other].map(|key| key.by(&on.alice));
        disk.arm(Fault::Fail(n, StorageError::Other(7)));
        disk.hide_after_fault([(object(0, Copy::First), Hold::Fast)]);
        let revoked = on.alice.revoke(Some("fleet"));
        disk.disarm();
        let served = revoked.is_err() && cached.mac(b"m").is_ok();
        disk.show();
        on.alice.generate("new", Algorithm::Aes128Cmac).unwrap();
        if status_of(&other.mac(b"m")) == Some(Status::Revoked) {
            assert_eq!(status(cached.mac(b"m")), Status::Revoked, "fault {n}");
            seen += usize::from(served);
        }
    }
    assert!(seen > 0);
}

/// To whom has no part in a key, one that nobody can tell of is as one that is not there.
#[test]
fn a_stranger_hears_nothing_of_what_is_in_doubt() {
    let fixture = Fixture::new();
    let twin = fixture.twin();
    let disk = twin.disk();
    let counted = "one/counted";
    fixture.switch_on(&twin).key(counted).mac(b"m").unwrap();
    for missing in [&[][..], &both(1, Hold::Back)] {
        disk.hide(missing.iter().copied());
        disk.hide([(object(0, Copy::Second), Hold::Fast)]);
        let on = fixture.switch_on(&twin);
        assert_eq!(status(on.key(counted).mac(b"m")), Status::Degraded);
        let carol = on.device.user(CAROL);
        let said = [counted, "one/absent"].map(|name| {
            let key = Handle::of(&carol, uid_identity(ALICE), name);
            status(key.mac(b"m"))
        });
        assert_eq!(said[0], said[1]);
        drop(on);
        disk.show();
    }
}

/// Where every item would read the whole vault once more, a batch ends.
#[test]
fn a_batch_ends_where_storage_does_not_answer() {
    let fixture = Fixture::new();
    let twin = fixture.twin();
    twin.disk().hide([(object(0, Copy::Second), Hold::Fast)]);
    let on = fixture.switch_on(&twin);
    vault(&on);
    let request = BatchRequest {
        key: label("one/counted").into(),
        work: Batched::Mac,
        context: 0,
        tag: 0,
    };
    let item = [&[0, 0, 0, 1][..], b"m"].concat();
    let (answer, _) = on.alice.request(&request, &item.repeat(100)).unwrap();
    assert_eq!(answer.done, 1);
}
