use std::{cell::Cell, rc::Rc};

use claviger_proto::Uuid;

use super::*;
use crate::samples::{ALICE, BOB};

const RULES: Rules = Rules {
    places: 16,
    share: 3,
    groups: 2,
    root: 2,
    identity: 9,
};

fn identity(login: Login, byte: u8) -> Option<Identity> {
    let id = Uuid([byte; 16]);
    Some(Identity { login, id })
}

fn owner(byte: u8) -> Who {
    let whose = identity(Login::User, byte);
    (Holder::of(whose, true), whose)
}

fn stranger(byte: u8) -> Who {
    let whose = identity(Login::User, byte);
    (Holder::of(whose, false), whose)
}

fn group(byte: u8) -> Who {
    let whose = identity(Login::Group, byte);
    (Holder::of(whose, true), whose)
}

const ROOT: Who = (Holder::Root, Some(Identity::ADMINISTRATOR));

/// What is there, as (who, when it came), in no order.
type Model = Vec<(Who, u32)>;

type Who = (Holder, Option<Identity>);

fn insert(table: &mut Table<(Who, u32)>, who: Who, when: u32) -> Result<Ticket, Status> {
    table.insert(who.0, who.1, (who, when))
}

fn there(table: &Table<(Who, u32)>) -> Model {
    let mut all: Model = table.iter().copied().collect();
    all.sort_by_key(|(_, when)| *when);
    all
}

fn held(model: &Model, holder: Holder) -> usize {
    model.iter().filter(|((one, _), _)| *one == holder).count()
}

fn share(holder: Holder) -> usize {
    match holder {
        Holder::Groups => RULES.groups,
        _ => RULES.share,
    }
}

#[test]
fn who_counts_as_one() {
    assert_eq!(
        Holder::of(Some(Identity::ADMINISTRATOR), false),
        Holder::Root
    );
    assert_eq!(Holder::of(Some(ALICE), true), Holder::Owner(ALICE));
    assert_eq!(Holder::of(Some(ALICE), false), Holder::Others);
    assert_eq!(Holder::of(None, true), Holder::Others);
    // Uid 0's group is a group, and a group is one of them also with keys.
    for login in [ALICE.id, BOB.id, Identity::ADMINISTRATOR.id] {
        let id = login;
        let group = Identity {
            login: Login::Group,
            id,
        };
        assert_eq!(Holder::of(Some(group), true), Holder::Groups);
    }
}

/// Whatever comes in whatever order, against a list that is looked through.
#[test]
fn shares_hold_whatever_comes() {
    let mut random = 1_u64;
    let mut below = |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    let (mut displaced, mut refused) = (0, 0);
    for _ in 0..200 {
        let mut table = Table::<(Who, u32)>::new(RULES);
        let mut model = Model::new();
        let kinds = 1 + below(8) as u8;
        for now in 0..100 {
            let byte = 1 + below(u64::from(kinds)) as u8;
            let who = match below(10) {
                0 => ROOT,
                1..4 => group(byte),
                4..6 => stranger(100 + byte),
                _ => owner(byte),
            };
            match below(8) {
                0 if !model.is_empty() => {
                    let one = model.remove(below(model.len() as u64) as usize);
                    let place = table.find(|other| *other == one).unwrap();
                    table.end(place);
                    continue;
                }
                // What is used is the oldest no more.
                1 if !model.is_empty() => {
                    let one = model.remove(below(model.len() as u64) as usize);
                    let place = table.find(|other| *other == one).unwrap();
                    table.get_mut(place).unwrap().1 = now;
                    model.push((one.0, now));
                    continue;
                }
                _ => {}
            }
            let (holder, whose) = who;
            let mine = held(&model, holder);
            let others = model.len() - held(&model, Holder::Root);
            let limit = match holder {
                Holder::Root => RULES.places,
                _ => RULES.places - RULES.root,
            };
            let used = match holder {
                Holder::Root => model.len(),
                _ => others,
            };
            let room = used < limit && model.len() < RULES.places;
            let theirs = model.iter().filter(|((_, one), _)| *one == whose).count();
            let inserted = insert(&mut table, who, now);
            let after = there(&table);
            let gone: Model = model
                .iter()
                .filter(|one| !after.contains(one))
                .copied()
                .collect();
            if inserted.is_err() {
                assert_eq!(inserted, Err(Status::Busy));
                assert!(gone.is_empty() && !room && mine == 0);
                let above = |one: &((Holder, _), u32)| held(&model, one.0.0) > share(one.0.0);
                assert!(!model.iter().any(above), "somebody could give way");
                refused += 1;
                continue;
            }
            assert!(after.contains(&(who, now)));
            if theirs >= RULES.identity {
                let oldest = model.iter().filter(|((_, one), _)| *one == whose);
                assert_eq!(gone, [*oldest.min_by_key(|(_, when)| *when).unwrap()]);
            } else if room {
                assert!(gone.is_empty());
            } else {
                let [((giver, giving), when)] = gone[..] else {
                    panic!("one gives way: {gone:?}")
                };
                displaced += 1;
                let has = held(&model, giver);
                if giver == holder {
                    let spared = if mine < share(holder) { 0 } else { mine + 1 };
                    let gives =
                        |one: &(Who, u32)| held(&model, one.0.0) > share(one.0.0).max(spared);
                    assert!(!model.iter().any(gives), "another had to give way");
                } else {
                    assert!(has > share(giver), "nobody is pushed below his share");
                    assert!(mine < share(holder) || has > mine + 1);
                    let most = |one: &((Holder, _), u32)| held(&model, one.0.0) <= has;
                    let above = |one: &&((Holder, _), u32)| held(&model, one.0.0) > share(one.0.0);
                    assert!(model.iter().filter(above).all(most));
                }
                let count = |whose| {
                    let theirs = |one: &&(Who, u32)| one.0 == (giver, whose);
                    model.iter().filter(theirs).count()
                };
                let most = model.iter().filter(|((one, _), _)| *one == giver);
                assert!(
                    most.into_iter()
                        .all(|((_, one), _)| count(*one) <= count(giving))
                );
                let older = |one: &((Holder, _), u32)| one.0 == (giver, giving) && one.1 < when;
                assert!(!model.iter().any(older), "the oldest");
            }
            model = after;
            assert!(model.len() <= RULES.places);
            assert!(model.len() - held(&model, Holder::Root) <= RULES.places - RULES.root);
        }
    }
    assert!(displaced > 1000 && refused > 10, "{displaced} {refused}");
}

/// One user with many groups, and strangers however many, leave every owner his share.
#[test]
fn many_identities_are_one() {
    for many in [group, stranger] {
        let mut table = Table::new(RULES);
        for (when, byte) in (1..=200).enumerate() {
            insert(&mut table, many(byte), when as u32).unwrap();
        }
        for byte in 1..=3 {
            for number in 0..RULES.share as u32 {
                insert(&mut table, owner(byte), 1000 + number).unwrap();
            }
        }
        for (when, byte) in (1..=200).enumerate() {
            insert(&mut table, many(byte), 2000 + when as u32).unwrap();
        }
        let model = there(&table);
        for byte in 1..=3 {
            assert_eq!(held(&model, owner(byte).0), RULES.share);
        }
        for number in 0..RULES.root as u32 {
            insert(&mut table, ROOT, 3000 + number).unwrap();
        }
        let model = there(&table);
        assert_eq!(held(&model, Holder::Root), RULES.root);
        assert_eq!(
            held(&model, many(1).0),
            RULES.places - RULES.root - 3 * RULES.share
        );
    }
}

#[test]
fn in_a_pool_who_has_most_gives_way_first() {
    let mut table = Table::new(RULES);
    insert(&mut table, stranger(1), 0).unwrap();
    for when in 1..100 {
        insert(&mut table, stranger(2), when).unwrap();
    }
    for byte in 3..=4 {
        for number in 0..2 {
            insert(&mut table, stranger(byte), 100 + number).unwrap();
        }
    }
    let model = there(&table);
    assert!(model.contains(&(stranger(1), 0)), "though it is the oldest");
}

#[test]
fn a_cache_takes_everyone() {
    let mut table = Table::new(RULES);
    for byte in 1..=100 {
        let (holder, whose) = owner(byte);
        let place = table.place_in_cache_for(holder, whose).unwrap();
        table.put(place, holder, whose, (owner(byte), 0)).unwrap();
        assert_eq!(table.get(place), Some(&(owner(byte), 0)));
    }
    let places = RULES.places - RULES.root;
    assert_eq!(there(&table).len(), places);
    insert(&mut table, ROOT, 0).unwrap();
    assert_eq!(there(&table).len(), places + 1);
}

#[test]
fn a_ticket_is_good_for_what_it_was_given_for() {
    let mut table = Table::new(RULES);
    let first = insert(&mut table, owner(1), 1).unwrap();
    assert!(table.has(&first));
    table.end(first.place);
    assert!(!table.has(&first));
    let second = insert(&mut table, owner(1), 1).unwrap();
    assert_eq!(first.place, second.place);
    assert!(table.has(&second) && !table.has(&first));
    table.clear();
    assert!(!table.has(&second) && table.is_empty());
}

#[test]
fn who_gets_a_first_key_is_one_of_the_others_no_more() {
    let mut table = Table::new(RULES);
    for when in 0..14 {
        insert(&mut table, stranger(1 + when as u8 % 3), when).unwrap();
    }
    table.regroup(|whose| Holder::of(whose, whose == stranger(2).1));
    // Of 14, 5 are the owner's: the others have most.
    insert(&mut table, owner(9), 20).unwrap();
    assert_eq!(held(&there(&table), Holder::Others), 13);
    let second = table
        .iter()
        .filter(|((_, whose), _)| *whose == stranger(2).1);
    assert_eq!(second.count(), 5);
}

struct Wiped(Rc<Cell<usize>>);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn what_goes_is_dropped_at_once() {
    let count = Rc::new(Cell::new(0));
    let mut table = Table::new(RULES);
    let mut tickets = Vec::new();
    for _ in 0..14 {
        let value = Wiped(Rc::clone(&count));
        tickets.push(table.insert(Holder::Others, None, value));
    }
    // One identity has nine at most.
    assert_eq!(count.get(), 5);
    table.end(tickets.pop().unwrap().unwrap().place);
    assert_eq!(count.get(), 6);
    table.retain(|_| false);
    assert_eq!(count.get(), 14);
}
