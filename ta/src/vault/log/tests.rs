use claviger_proto::{
    Algorithm, Usage,
    limits::{AUDIT_LOGS, AUDIT_PAGES},
};
use std::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::*;
use crate::{
    platform::{Copy, ObjectId, StorageError},
    samples::{ALICE, BOB, key_of, label},
    vault::{KeyRecord, OBJECT, index::Entry, logs::chain, slot::EVENTS},
    workstation::{Fault, Workstation},
};

/// A vault and the device that it is in.
struct Bench {
    platform: Workstation,
    vault: Vault<Workstation>,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            platform: Workstation::in_memory(),
            vault: Vault::default(),
        }
    }

    fn restart(&mut self) {
        self.vault = Vault::default();
    }

    fn create(&mut self, name: &str, owner: Identity) {
        let record = KeyRecord {
            label: label(name),
            owner,
            ..key_of(Algorithm::Aes256Siv, Usage::Seal)
        };
        self.vault
            .insert(&mut self.platform, record, owner)
            .unwrap();
    }

    /// Changes Alice's key `a`, which the log tells with this number.
    fn change(&mut self, caller: Identity, number: u32) -> Result<(), Status> {
        let note = Note::new(caller, Event::StateChanged);
        let name = label("a");
        let change = |record: &mut KeyRecord| {
            record.counters.uses = number.into();
            Ok(number)
        };
        let vault = &mut self.vault;
        vault
            .update(&mut self.platform, &ALICE, &name, note, change)
            .map(drop)
    }

    /// The number that Alice's key `a` got last.
    fn changed(&mut self) -> u64 {
        let found = self.vault.find(&mut self.platform, &ALICE, &label("a"));
        found.unwrap().counters.uses
    }

    /// The numbers of the changes of keys that a log tells of.
    fn changes(&mut self, of: Identity) -> Vec<u32> {
        let records = self.read(of).into_iter().map(|(_, record)| record);
        let changes = records.filter(|record| record.event == Event::StateChanged);
        changes.map(|record| record.detail).collect()
    }

    fn delete(&mut self, name: &str, owner: Identity) {
        let name = label(name);
        self.vault
            .remove(&mut self.platform, &owner, &name, owner)
            .unwrap();
    }

    fn give(&mut self, from: Identity, to: Identity) -> Result<(), Status> {
        let (platform, name) = (&mut self.platform, label("a"));
        let root = Identity::ADMINISTRATOR;
        let vault = &mut self.vault;
        vault.give(platform, &from, &name, root, |record| {
            record.owner = to;
            Ok(())
        })
    }

    fn rename(&mut self, owner: Identity, from: &str, to: &str) -> Result<(), Status> {
        let (platform, from, to) = (&mut self.platform, label(from), label(to));
        self.vault.rename(platform, &owner, &from, to, owner)
    }

    /// Every record of a log that is kept; the chain holds.
    fn read_log_of(&mut self, log: Option<Identity>) -> Vec<Record> {
        self.read_of(log)
            .into_iter()
            .map(|(_, record)| record)
            .collect()
    }

    /// Every record of a log that is kept, with its number; the chain holds.
    fn read(&mut self, of: Identity) -> Vec<(u64, Record)> {
        self.read_of(Some(of))
    }

    fn read_of(&mut self, of: Option<Identity>) -> Vec<(u64, Record)> {
        let mut records = Vec::new();
        let mut from = Some(0);
        let mut head = None;
        while let Some(at) = from {
            let mut bytes = Vec::new();
            let show = |page: &[u8]| {
                bytes = page.to_vec();
                Ok(())
            };
            let page = self
                .vault
                .read_log(&mut self.platform, of, at, show)
                .unwrap();
            let mut chained = page.before.0;
            assert_eq!(head.unwrap_or(chained), chained, "the pages are one chain");
            let mut rest = bytes.as_slice();
            let mut number = page.first;
            while let Some((record, behind)) = Record::decode(rest) {
                chained = chain(&chained, &rest[..rest.len() - behind.len()]);
                records.push((number, record));
                number += 1;
                rest = behind;
            }
            assert_eq!(number - page.first, u64::from(page.records));
            head = Some(chained);
            from = page.next;
        }
        let checkpoint = self
            .vault
            .checkpoint(&mut self.platform, of, heapless::Vec::new())
            .unwrap();
        assert_eq!(Some(checkpoint.head.0), head);
        let oldest = records.first().map_or(0, |(number, _)| *number);
        assert_eq!(checkpoint.first, oldest);
        records
    }

    /// What happened to what, by the log.
    fn events(&mut self, of: Identity) -> Vec<(Event, String)> {
        let told = |(_, record): (u64, Record)| {
            let label = record
                .label
                .map_or_else(String::new, |label| label.to_string());
            (record.event, label)
        };
        self.read(of).into_iter().map(told).collect()
    }
}

fn created(name: &str) -> (Event, String) {
    (Event::Created, name.into())
}

fn deleted(name: &str) -> (Event, String) {
    (Event::Deleted, name.into())
}

/// The place of a key that was deleted still tells of that when a new key comes there.
#[test]
fn a_slot_that_is_used_again_loses_no_event() {
    for restarts in [false, true] {
        let mut bench = Bench::new();
        bench.create("a", ALICE);
        bench.delete("a", ALICE);
        if restarts {
            bench.restart();
        }
        bench.create("b", BOB);
        bench.create("c", ALICE);
        bench.delete("b", BOB);
        bench.create("d", ALICE);
        if restarts {
            bench.restart();
        }
        let alices = vec![created("a"), deleted("a"), created("c"), created("d")];
        assert_eq!(bench.events(ALICE), alices);
        assert_eq!(bench.events(BOB), vec![created("b"), deleted("b")]);
        for name in ["c", "d"] {
            let found = bench.vault.find(&mut bench.platform, &ALICE, &label(name));
            assert!(found.is_ok(), "{name}");
        }
    }
}

/// Pages are made while keys are: neither takes the other's place.
#[test]
fn keys_and_pages_share_the_slots() {
    // How often a key is deleted again decides at which change a page is full.
    for period in 1..=100 {
        let mut bench = Bench::new();
        let (mut kept, mut told) = (Vec::new(), 0);
        for number in 0..90 {
            let name = format!("k{number}");
            bench.create(&name, ALICE);
            told += 1;
            if number % period == period - 1 {
                bench.delete(&name, ALICE);
                told += 1;
            } else {
                kept.push(name);
            }
            if number == 60 {
                bench.restart();
            }
        }
        let numbers: Vec<u64> = bench
            .read(ALICE)
            .into_iter()
            .map(|(number, _)| number)
            .collect();
        let oldest = numbers[0];
        assert_eq!(numbers, Vec::from_iter(oldest..told), "period {period}");
        bench.restart();
        for name in &kept {
            let found = bench.vault.find(&mut bench.platform, &ALICE, &label(name));
            assert!(found.is_ok(), "period {period}: {name}");
        }
        let info = bench.vault.info(&mut bench.platform).unwrap();
        assert_eq!((info.keys as usize, info.damaged), (kept.len(), 0));
        let open = bench.vault.opened(&mut bench.platform).unwrap();
        let pages = open.index.count(|entry| *entry == Entry::Page);
        assert!(
            (1..=AUDIT_PAGES).contains(&pages),
            "period {period}: {pages}"
        );
    }
}

/// In a strict vault nothing overwrites what was not released: not what callers were refused, nor
/// what is nobody's doing.
#[test]
fn a_strict_vault_keeps_the_shared_log() {
    let mut bench = Bench::new();
    let Bench { platform, vault } = &mut bench;
    vault.refuse_unlogged(platform, ALICE).unwrap();
    let mut told = 0;
    let full = loop {
        match vault.record(platform, None, Event::Refused, |_| {}) {
            Ok(()) => told += 1,
            Err(status) => break status,
        }
        assert!(told < 1000, "it is never full");
    };
    assert_eq!(full, Status::AuditFull);
    let page = vault.read_log(platform, None, 0, |_| Ok(())).unwrap();
    assert_eq!(page.first, 0, "the oldest is still there");
    let checkpoint = vault.checkpoint(platform, None, heapless::Vec::new());
    assert_eq!(checkpoint.unwrap().records, told);
    vault.release_log(platform, None, told, ALICE).unwrap();
    vault
        .record(platform, None, Event::Refused, |_| {})
        .unwrap();
}

/// A change of a key in memory is a write to each copy, and nothing else.
#[test]
fn a_key_that_changes_again_costs_no_page() {
    let mut bench = Bench::new();
    bench.create("a", ALICE);
    let last = EVENTS as u32;
    for number in 1..=last {
        bench.platform.disk().disarm();
        bench.change(ALICE, number).unwrap();
        let operations = bench.platform.disk().disarm();
        assert_eq!(operations == 2, number < last, "{number}: {operations}");
    }
    assert_eq!(bench.changes(ALICE), Vec::from_iter(1..=last));
}

/// Those of several callers wait in one slot, each for its own log.
#[test]
fn events_of_several_callers_wait_together() {
    for changes in 0..12 {
        let mut bench = Bench::new();
        bench.create("a", ALICE);
        let by = |number: &u32| if number.is_multiple_of(3) { ALICE } else { BOB };
        for number in 0..changes {
            bench.change(by(&number), number).unwrap();
        }
        bench.restart();
        for caller in [ALICE, BOB] {
            if caller == BOB && changes < 2 {
                continue;
            }
            let expected = (0..changes).filter(|number| by(number) == caller);
            assert_eq!(bench.changes(caller), Vec::from_iter(expected));
        }
    }
}

/// Whatever storage does in the midst of changes of one key, each that was acknowledged is told
/// once, one that failed once or not at all, as the key itself says.
#[test]
fn no_change_is_told_twice_or_lost() {
    const CHANGES: u32 = 10;
    type Make = fn(u64) -> Fault;
    let faults: [Make; 4] = [
        Fault::CutBefore,
        Fault::CutAfter,
        |at| Fault::Fail(at, StorageError::Corrupt),
        |at| Fault::FailAfter(at, StorageError::Other(7)),
    ];
    for fault in faults {
        for at in 0.. {
            let mut bench = Bench::new();
            bench.create("a", ALICE);
            bench.platform.disk().arm(fault(at));
            let failed = (1..=CHANGES).find(|number| bench.change(ALICE, *number).is_err());
            let operations = bench.platform.disk().disarm();
            if failed.is_none() && operations <= at {
                assert!(at > 2 * u64::from(CHANGES));
                break;
            }
            for restarts in [false, true] {
                if restarts {
                    bench.restart();
                }
                let done = bench.changed();
                let acknowledged = failed.map_or(CHANGES, |number| number - 1).into();
                assert!((acknowledged..=acknowledged + 1).contains(&done), "{at}");
                assert_eq!(
                    bench.changes(ALICE),
                    Vec::from_iter(1..=done as u32),
                    "{at}"
                );
            }
        }
    }
}

/// A copy that a change finds corrupt is made anew, and the change is done.
#[test]
fn a_corrupt_copy_under_a_change_costs_nothing() {
    for copy in [Copy::First, Copy::Second] {
        let mut bench = Bench::new();
        bench.create("a", ALICE);
        let id = ObjectId { shard: 0, copy };
        bench.platform.disk().corrupt(id, 0..OBJECT);
        bench.change(ALICE, 1).unwrap();
        bench.change(ALICE, 2).unwrap();
        assert_eq!(bench.changes(ALICE), [1, 2]);
        for lost in [Copy::First, Copy::Second] {
            let lost = ObjectId {
                shard: 0,
                copy: lost,
            };
            bench.restart();
            bench.platform.disk().lose(lost);
            assert_eq!(bench.changed(), 2);
        }
        assert_eq!(bench.changes(ALICE), [1, 2]);
    }
}

/// A key given to another is told to root, to who had it and to who has it, each time once, also
/// where these share a log, and whatever is told later of the same slot.
#[test]
fn a_key_given_away_is_told_in_three_logs() {
    let root = Identity::ADMINISTRATOR;
    for others in [0, AUDIT_LOGS - 2, AUDIT_LOGS] {
        for restarts in 0..8_u32 {
            let mut bench = Bench::new();
            for other in 0..others {
                let id = claviger_proto::Uuid([
                    0xee,
                    other as u8,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                ]);
                bench.create("other", Identity { id, ..ALICE });
            }
            let again = |bench: &mut Bench, place: u32| {
                if restarts & 1 << place != 0 {
                    bench.restart();
                }
            };
            bench.create("a", ALICE);
            again(&mut bench, 0);
            bench.give(ALICE, BOB).unwrap();
            again(&mut bench, 1);
            bench.rename(BOB, "a", "b").unwrap();
            again(&mut bench, 2);
            bench.delete("b", BOB);
            bench.restart();
            let moved = [(Event::GivenAway, ALICE, "a"), (Event::Now, BOB, "a")];
            let renamed = [(Event::Renamed, BOB, "a"), (Event::Now, BOB, "b")];
            let made = [(Event::Created, ALICE, "a")];
            let gone = [(Event::Deleted, BOB, "b")];
            let callers = [root, ALICE, BOB];
            let logs = callers.map(|of| bench.vault.log_of(&mut bench.platform, of).unwrap());
            for log in logs {
                let is_told = |caller: &Identity| {
                    let mut all = callers.iter().zip(logs);
                    all.any(|(of, its)| of == caller && its == log)
                };
                let by = |caller: Identity, events: &[(Event, Identity, &'static str)]| {
                    let told = Some(events.to_vec()).filter(|_| is_told(&caller));
                    told.unwrap_or_default()
                };
                let expected = [
                    by(ALICE, &made),
                    moved.to_vec(),
                    by(BOB, &renamed),
                    by(BOB, &gone),
                ];
                let records = bench.read_log_of(log);
                let told: Vec<_> = records
                    .iter()
                    .map(|record| {
                        (
                            record.event,
                            record.owner.unwrap(),
                            record.label.as_ref().unwrap().as_str(),
                        )
                    })
                    .filter(|(.., label)| *label != "other")
                    .collect();
                assert_eq!(
                    told,
                    expected.concat(),
                    "{others} others, {restarts}: {log:?}"
                );
            }
        }
    }
}

/// In a strict vault a key is given away only where all three logs take what is told of it.
#[test]
fn a_full_log_of_anyone_it_concerns_refuses() {
    for full in [Identity::ADMINISTRATOR, ALICE, BOB] {
        let mut bench = Bench::new();
        bench.create("a", ALICE);
        let Bench { platform, vault } = &mut bench;
        vault.refuse_unlogged(platform, ALICE).unwrap();
        while vault
            .record(platform, Some(full), Event::Locked, |_| {})
            .is_ok()
        {}
        assert_eq!(bench.give(ALICE, BOB), Err(Status::AuditFull));
        let found = bench.vault.find(&mut bench.platform, &ALICE, &label("a"));
        assert!(found.is_ok(), "it is where it was");
    }
}
