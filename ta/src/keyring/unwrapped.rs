//! The wrapped keys in memory: those used last, so that using one again costs no unwrapping.

use alloc::vec::Vec;

use claviger_proto::{Identity, State, Status, limits, message::Policy};

use super::wrap::Wrapping;
use crate::{
    platform::{set_aside, take_out},
    vault::KeyRecord,
};

struct Kept {
    /// SHA-256 of its wrapped bytes.
    digest: [u8; 32],
    /// The clock when it was last used.
    used: u64,
    record: KeyRecord,
    wrapping: Wrapping,
}

/// The wrapped keys used last.
#[derive(Default)]
pub(super) struct Unwrapped {
    kept: Vec<Kept>,
    clock: u64,
}

impl Unwrapped {
    /// The key with this digest, if it is here; marks it as used.
    pub(super) fn find(&mut self, digest: &[u8; 32]) -> Option<usize> {
        let place = self.kept.iter().position(|kept| kept.digest == *digest)?;
        self.clock = self.clock.saturating_add(1);
        self.kept.get_mut(place)?.used = self.clock;
        Some(place)
    }

    pub(super) fn get(&self, place: usize) -> Option<(&KeyRecord, &Wrapping)> {
        let kept = self.kept.get(place)?;
        Some((&kept.record, &kept.wrapping))
    }

    /// Has a copy be what its key is by now.
    pub(super) fn set(&mut self, place: usize, policy: Policy, state: State) {
        if let Some(kept) = self.kept.get_mut(place) {
            kept.record.policy = policy;
            kept.record.state = state;
        }
    }

    /// Keeps a key, in place of its owner's oldest if that has as many as one owner may have, else
    /// of the oldest of the owner that has most; says where.
    pub(super) fn insert(
        &mut self,
        digest: [u8; 32],
        record: KeyRecord,
        wrapping: Wrapping,
    ) -> Result<usize, Status> {
        let count = |owner: &Identity| {
            let theirs = self.kept.iter().filter(|kept| kept.record.owner == *owner);
            theirs.count()
        };
        let owner = if count(&record.owner) >= limits::OWNER_UNWRAPPED {
            Some(record.owner)
        } else if self.kept.len() >= limits::UNWRAPPED {
            let owners = self.kept.iter().map(|kept| kept.record.owner);
            owners.max_by_key(count)
        } else {
            None
        };
        if let Some(owner) = owner {
            let theirs = self.kept.iter().enumerate();
            let oldest = theirs
                .filter(|(_, kept)| kept.record.owner == owner)
                .min_by_key(|(_, kept)| kept.used);
            if let Some((place, _)) = oldest {
                self.kept.swap_remove(place);
            }
        }
        self.clock = self.clock.saturating_add(1);
        set_aside(&mut self.kept, limits::UNWRAPPED)?;
        self.kept.push(Kept {
            digest,
            used: self.clock,
            record,
            wrapping,
        });
        Ok(self.kept.len().saturating_sub(1))
    }

    /// Forgets an owner's keys.
    pub(super) fn forget(&mut self, owner: &Identity) {
        take_out(&mut self.kept, |kept| kept.record.owner == *owner);
    }

    /// Forgets every key, and gives the memory back.
    pub(super) fn clear(&mut self) {
        self.kept = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use claviger_proto::{Algorithm, Digits, Label, Login, Usage, Uuid};

    use super::*;
    use crate::samples::{key_of, label};

    fn owner(byte: u8) -> Identity {
        Identity {
            login: Login::User,
            id: Uuid([byte; 16]),
        }
    }

    fn digest(owner: u8, number: u8) -> [u8; 32] {
        let mut digest = [owner; 32];
        digest[31] = number;
        digest
    }

    fn wrapping(family: Option<Label>) -> Wrapping {
        Wrapping {
            copy: false,
            family,
            generations: [0; 2],
        }
    }

    /// Keeps this owner's key with this number.
    fn insert(unwrapped: &mut Unwrapped, of: u8, number: u8) {
        let record = KeyRecord {
            owner: owner(of),
            id: Digits([number; 16]),
            ..key_of(Algorithm::Aes256Siv, Usage::Seal)
        };
        let place = unwrapped
            .insert(digest(of, number), record, wrapping(None))
            .unwrap();
        let (kept, _) = unwrapped.get(place).unwrap();
        assert_eq!((kept.owner, kept.id), (owner(of), Digits([number; 16])));
    }

    fn has(unwrapped: &Unwrapped, of: u8, number: u8) -> bool {
        let digest = digest(of, number);
        unwrapped.kept.iter().any(|kept| kept.digest == digest)
    }

    #[test]
    fn one_more_displaces_the_owners_own_that_was_not_used_longest() {
        let mut unwrapped = Unwrapped::default();
        insert(&mut unwrapped, 200, 0);
        let most = limits::OWNER_UNWRAPPED as u8;
        for number in 0..most {
            insert(&mut unwrapped, 1, number);
        }
        // The first is used again, so the second is now the oldest.
        let place = unwrapped.find(&digest(1, 0)).unwrap();
        assert_eq!(unwrapped.get(place).unwrap().0.id, Digits([0; 16]));
        insert(&mut unwrapped, 1, most);
        for number in 0..=most {
            assert_eq!(has(&unwrapped, 1, number), number != 1, "{number}");
        }
        assert!(has(&unwrapped, 200, 0), "no other's");
        assert_eq!(unwrapped.find(&digest(1, 1)), None);
    }

    #[test]
    fn when_all_is_full_whoever_has_most_gives_way() {
        let mut unwrapped = Unwrapped::default();
        // One has as many as one may have; others fill up the rest, each with fewer.
        for number in 0..limits::OWNER_UNWRAPPED as u8 {
            insert(&mut unwrapped, 1, number);
        }
        let rest = limits::UNWRAPPED - limits::OWNER_UNWRAPPED;
        for number in 0..rest as u8 {
            insert(&mut unwrapped, 2 + number / 4, number);
        }
        assert_eq!(unwrapped.kept.len(), limits::UNWRAPPED);
        insert(&mut unwrapped, 100, 0);
        assert_eq!(unwrapped.kept.len(), limits::UNWRAPPED);
        assert!(!has(&unwrapped, 1, 0));
        for number in 0..rest as u8 {
            assert!(has(&unwrapped, 2 + number / 4, number));
        }
        // However many come, nobody loses the last one to another who has more.
        for number in 1..=100 {
            insert(&mut unwrapped, 100, number);
            insert(&mut unwrapped, 101, number);
            assert!(unwrapped.kept.len() <= limits::UNWRAPPED);
        }
        for of in (1..2 + rest as u8 / 4).chain([100, 101]) {
            let theirs = unwrapped.kept.iter();
            let count = theirs.filter(|kept| kept.record.owner == owner(of)).count();
            assert!(
                (1..=limits::OWNER_UNWRAPPED).contains(&count),
                "{of}: {count}"
            );
        }
    }

    #[test]
    fn an_owners_keys_are_forgotten_together() {
        let mut unwrapped = Unwrapped::default();
        for number in 0..3 {
            insert(&mut unwrapped, 1, number);
            insert(&mut unwrapped, 2, number);
        }
        unwrapped.forget(&owner(1));
        for number in 0..3 {
            assert!(!has(&unwrapped, 1, number) && has(&unwrapped, 2, number));
        }
        unwrapped.clear();
        assert!(!has(&unwrapped, 2, 0));
    }

    #[test]
    fn each_comes_with_what_it_was_wrapped_with() {
        let mut unwrapped = Unwrapped::default();
        for (number, family) in [(1, None), (2, Some(label("family")))] {
            let record = KeyRecord {
                id: Digits([number; 16]),
                ..key_of(Algorithm::Aes256Siv, Usage::Seal)
            };
            unwrapped
                .insert(digest(1, number), record, wrapping(family))
                .unwrap();
        }
        for (number, family) in [(2, Some(label("family"))), (1, None)] {
            let place = unwrapped.find(&digest(1, number)).unwrap();
            let (record, wrapping) = unwrapped.get(place).unwrap();
            assert_eq!(record.id, Digits([number; 16]));
            assert_eq!(wrapping.family, family);
        }
    }
}
