//! The wrapped keys in memory: those used last, so that using one again costs no unwrapping.

use claviger_proto::{Identity, State, Status, limits, message::Policy};

use super::wrap::Wrapping;
use crate::{
    session::Caller,
    table::{Holder, Rules, Table},
    vault::KeyRecord,
};

/// How the keys kept are shared out among their owners.
const RULES: Rules = Rules {
    places: limits::UNWRAPPED,
    share: 2,
    groups: 2,
    root: 2,
    identity: limits::OWNER_UNWRAPPED,
};

struct Kept {
    /// SHA-256 of its wrapped bytes.
    digest: [u8; 32],
    /// To whom something was granted when it was wrapped.
    granted: heapless::Vec<Identity, { limits::GRANTS }>,
    record: KeyRecord,
    wrapping: Wrapping,
}

/// The wrapped keys used last.
pub(super) struct Unwrapped {
    kept: Table<Kept>,
    /// The vault's when they were unwrapped.
    epoch: u64,
}

impl Default for Unwrapped {
    fn default() -> Self {
        Unwrapped {
            kept: Table::new(RULES),
            epoch: 0,
        }
    }
}

impl Unwrapped {
    /// Forgets every key if the vault was opened since: it may have told of a revocation.
    pub(super) fn expect_epoch(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.kept.clear();
            self.epoch = epoch;
        }
    }

    /// The key with this digest, if it is here; marks it as used.
    pub(super) fn find(&mut self, digest: &[u8; 32]) -> Option<usize> {
        self.kept.find(|kept| kept.digest == *digest)
    }

    pub(super) fn get(&self, place: usize) -> Option<(&KeyRecord, &Wrapping)> {
        let kept = self.kept.get(place)?;
        Some((&kept.record, &kept.wrapping))
    }

    /// Whether this caller had a part in a key when it was wrapped.
    pub(super) fn has_part(&self, place: usize, caller: &Caller) -> bool {
        let kept = self.kept.get(place);
        caller.is_administrator()
            || kept.is_some_and(|kept| {
                caller.identity().is_ok_and(|identity| {
                    kept.record.owner == identity || kept.granted.contains(&identity)
                })
            })
    }

    /// Has a copy be what its key is by now.
    pub(super) fn set(&mut self, place: usize, policy: Policy, state: State) {
        if let Some(kept) = self.kept.get_mut(place) {
            kept.record.policy = policy;
            kept.record.state = state;
        }
    }

    /// Keeps a key, held by its owner as `holder`, in place of another that was not used for
    /// long; says where.
    pub(super) fn insert(
        &mut self,
        digest: [u8; 32],
        record: KeyRecord,
        wrapping: Wrapping,
        holder: Holder,
    ) -> Result<usize, Status> {
        let whose = Some(record.owner);
        let place = self.kept.place_in_cache_for(holder, whose)?;
        let grants = record.policy.grants.iter();
        let kept = Kept {
            digest,
            granted: grants.map(|grant| grant.to).collect(),
            record,
            wrapping,
        };
        self.kept.put(place, holder, whose, kept)?;
        Ok(place)
    }

    /// Forgets the key at `place`.
    pub(super) fn end(&mut self, place: usize) {
        self.kept.end(place);
    }

    /// Forgets an owner's keys.
    pub(super) fn forget(&mut self, owner: &Identity) {
        self.kept.retain(|kept| kept.record.owner != *owner);
    }

    /// Forgets every key, and gives the memory back.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
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

    fn holder(byte: u8) -> Holder {
        Holder::Owner(owner(byte))
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
            .insert(digest(of, number), record, wrapping(None), holder(of))
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
        let rest = limits::UNWRAPPED - RULES.root - limits::OWNER_UNWRAPPED;
        for number in 0..rest as u8 {
            insert(&mut unwrapped, 2 + number / 4, number);
        }
        insert(&mut unwrapped, 100, 0);
        assert!(!has(&unwrapped, 1, 0));
        for number in 0..rest as u8 {
            assert!(has(&unwrapped, 2 + number / 4, number));
        }
        // However many come, nobody loses the last one to another who has more.
        for number in 1..=100 {
            insert(&mut unwrapped, 100, number);
            insert(&mut unwrapped, 101, number);
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
                .insert(digest(1, number), record, wrapping(family), holder(1))
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
