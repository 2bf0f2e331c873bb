//! What ended stays ended, whatever part of the store is shown, held back or shown again.

mod between;
mod facts;
mod fixture;
mod lost;
mod sampled;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use claviger_ta::{
    platform::{ObjectId, StorageError},
    vault::SLOT,
    workstation::{Fault, Hold, Workstation},
};

use self::{
    facts::Fact,
    fixture::{Fixture, OBJECTS},
};
use crate::bench::{Image, report};

/// Which of [`OBJECTS`]: a bit each.
type Subset = usize;

const EVERY: std::ops::Range<Subset> = 0..1 << OBJECTS.len();
/// What is held back from a fault on: nothing, a first copy, a second copy, each shard.
const AFTERWARDS: [Subset; 5] = [0, 0b0001, 0b1000, 0b0011, 0b1100];

fn held(subset: Subset, hold: Hold) -> impl Iterator<Item = (ObjectId, Hold)> {
    OBJECTS
        .into_iter()
        .enumerate()
        .filter(move |(place, _)| subset >> place & 1 == 1)
        .map(move |(_, id)| (id, hold))
}

/// What one worker tries on.
struct Bench<'a> {
    fixture: &'a Fixture,
    workstation: Workstation,
    boots: usize,
}

/// What a boot leaves.
struct Left {
    image: Image,
    /// Whether it was acknowledged that it has ended, or seen.
    known: bool,
}

impl Bench<'_> {
    /// Switches on with this stored and that held back, and looks.
    fn look(&mut self, fact: &Fact, left: &Left, subset: Subset, hold: Hold, when: &str) -> Left {
        let disk = self.workstation.disk();
        disk.restore(left.image.clone());
        disk.hide(held(subset, hold));
        self.boots += 1;
        let on = self.fixture.switch_on(&self.workstation);
        let seen = (fact.ended)(&on);
        assert!(
            !(left.known && seen == Some(false)),
            "{}: it is undone, {when}, then {subset:04b} {hold:?} held back",
            fact.name
        );
        drop(on);
        disk.show();
        Left {
            image: disk.image(),
            known: left.known || seen == Some(true),
        }
    }

    /// Ends it, with this held back; `disturb` arms what goes wrong.
    fn end(&mut self, fact: &Fact, subset: Subset, hold: Hold, disturb: impl Fn()) -> (Left, u64) {
        let disk = self.workstation.disk();
        disk.restore(self.fixture.image.clone());
        disk.hide(held(subset, hold));
        self.boots += 1;
        let on = self.fixture.switch_on(&self.workstation);
        disk.disarm();
        disturb();
        let acknowledged = (fact.end)(&on).is_ok();
        let operations = disk.disarm();
        let known = acknowledged || (fact.ended)(&on) == Some(true);
        drop(on);
        disk.show();
        let image = disk.image();
        (Left { image, known }, operations)
    }

    /// Every boot that follows, and after it one that shows what that one did not.
    fn follow(&mut self, fact: &Fact, left: &Left, when: &str) {
        let fast = AFTERWARDS.into_iter().map(|subset| (subset, Hold::Fast));
        for (subset, hold) in EVERY.map(|subset| (subset, Hold::Back)).chain(fast) {
            let next = self.look(fact, left, subset, hold, when);
            if next.known {
                let when = format!("{when}, then {subset:04b} {hold:?} held back");
                let others = EVERY.end - 1 - subset;
                self.look(fact, &next, others, Hold::Back, &when);
            }
        }
        // With everything shown, the copies are whole again.
        let last = self.look(fact, left, 0, Hold::Back, when);
        for id in left.image.keys().filter(|id| OBJECTS.contains(id)) {
            let whole = OBJECTS.iter().filter(|other| other.shard == id.shard);
            let whole = whole.filter(|other| last.image.contains_key(other)).count();
            assert_eq!(whole, 2, "{}: {when}", fact.name);
        }
    }

    fn try_all_of(&mut self, fact: &Fact) -> usize {
        let mut tried = BTreeSet::new();
        let mut outcomes = 0;
        let mut go_on = |bench: &mut Self, left: &Left, when: &str| {
            if tried.insert((left.known, shape(&bench.fixture.image, &left.image))) {
                bench.follow(fact, left, when);
                outcomes += 1;
            }
        };
        for hold in [Hold::Back, Hold::Fast, Hold::Never] {
            for subset in EVERY {
                let (left, _) = self.end(fact, subset, hold, || {});
                let when = format!("ended with {subset:04b} {hold:?} held back");
                go_on(self, &left, &when);
            }
        }
        let (_, operations) = self.end(fact, 0, Hold::Back, || {});
        let disk = self.workstation.disk().clone();
        for n in 0..operations {
            let error = StorageError::Other(7);
            for fault in [
                Fault::Fail(n, error),
                Fault::FailAfter(n, error),
                Fault::Full(n),
            ] {
                for then in AFTERWARDS {
                    let (left, _) = self.end(fact, 0, Hold::Back, || {
                        disk.arm(fault);
                        disk.hide_after_fault(held(then, Hold::Fast));
                    });
                    let when = format!("{fault:?}, {then:04b} held back from then on");
                    go_on(self, &left, &when);
                }
            }
        }
        outcomes
    }
}

/// Which slots of which copies are otherwise, and which copies are alike.
fn shape(before: &Image, after: &Image) -> Vec<(Vec<usize>, Option<ObjectId>)> {
    let of = |id: &ObjectId| {
        let Some(bytes) = after.get(id) else {
            return (vec![usize::MAX], None);
        };
        let old = before[id].as_chunks::<SLOT>().0;
        let new = bytes.as_chunks::<SLOT>().0;
        let changed = old.iter().zip(new).enumerate();
        let changed = changed.filter(|(_, (old, new))| old != new);
        let alike = after.iter().find(|(other, theirs)| {
            other.shard == id.shard && theirs.get(SLOT..) == bytes.get(SLOT..)
        });
        (
            changed.map(|(place, _)| place).collect(),
            alike.map(|(other, _)| *other),
        )
    };
    OBJECTS.iter().map(of).collect()
}

#[test]
fn what_ended_stays_ended() {
    let fixture = Fixture::new();
    let facts = facts::all();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut bench = Bench {
            fixture: &fixture,
            workstation: fixture.twin(),
            boots: 0,
        };
        let mut outcomes = 0;
        while let Some(fact) = facts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let on = fixture.switch_on(&fixture.twin());
            assert_eq!((fact.ended)(&on), Some(false), "{}", fact.name);
            (fact.end)(&on).unwrap();
            assert_eq!((fact.ended)(&on), Some(true), "{}", fact.name);
            outcomes += bench.try_all_of(fact);
        }
        (bench.boots, outcomes)
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let (boots, outcomes) = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().map(|worker| worker.join().unwrap());
        done.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    report(&format!(
        "{} facts ended in {outcomes} ways, looked at in {boots} boots with parts held back",
        facts.len()
    ));
    assert!(outcomes > 3 * facts.len());
}
