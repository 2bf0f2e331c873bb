//! Counting: no bound is exceeded whatever is cut, and a cut costs no more than was reserved.

use claviger_proto::{
    Algorithm, Permissions, Usage,
    message::{Grant, Policy},
};
use std::vec::Vec;

use super::*;
use crate::{
    exchange::Exchange,
    samples::{ALICE, BOB, key_of, label},
    workstation::Workstation,
};

const CALLER: Caller = Caller::Identified(ALICE);

/// A device with one key of Alice's.
struct Bench {
    platform: Workstation,
    keyring: Keyring<Workstation>,
    exchange: Exchange,
}

impl Bench {
    fn new(record: KeyRecord) -> Bench {
        let mut bench = Bench {
            platform: Workstation::in_memory(),
            keyring: Keyring::default(),
            exchange: Exchange::new().unwrap(),
        };
        let vault = &mut bench.keyring.vault;
        vault.insert(&mut bench.platform, record, ALICE).unwrap();
        bench
    }

    /// As a power cut does it: what was in memory is lost.
    fn restart(&mut self) {
        self.keyring = Keyring::default();
    }

    /// Uses the key once for this, with a payload of so many bytes; says with which version.
    fn try_use(&mut self, work: Work, bytes: usize) -> Result<u32, Status> {
        self.exchange.payload().resize(bytes).unwrap();
        let key = KeyRef::from(label("key"));
        let payload = self.exchange.payload();
        let used = self
            .keyring
            .use_key(&mut self.platform, &CALLER, &key, payload, work)?;
        Ok(used.version())
    }

    /// Uses it until that is refused; says how often it was not, and why it is now.
    fn use_up(&mut self, work: Work) -> (u64, Status) {
        let mut uses = 0;
        loop {
            match self.try_use(work, 0) {
                Ok(_) => uses += 1,
                Err(status) => return (uses, status),
            }
        }
    }

    fn describe(&mut self) -> KeyDescription {
        self.keyring
            .describe_stored(&mut self.platform, &ALICE, &label("key"))
            .unwrap()
    }

    /// How often storage was asked since this was asked last.
    fn operations(&mut self) -> u64 {
        self.platform.storage().disarm()
    }
}

fn key(algorithm: Algorithm, change: impl FnOnce(&mut Policy)) -> KeyRecord {
    let mut record = key_of(algorithm, algorithm.usages()[0]);
    change(&mut record.policy);
    record
}

fn mac() -> Work {
    Work::new(Permission::Mac)
}

fn verify() -> Work {
    Work::new(Permission::VerifyMac)
}

fn seal() -> Work {
    Work::new(Permission::Seal)
}

#[test]
fn blocks_are_a_sixteenth_within_limits() {
    for (bound, used, expected) in [
        (1, 0, 1),
        (15, 0, 1),
        (16, 0, 1),
        (31, 0, 1),
        (32, 0, 2),
        (1000, 0, 62),
        (4096, 0, 256),
        (4111, 0, 256),
        (1 << 40, 0, 256),
        // No more than is left.
        (1000, 940, 60),
        (1000, 999, 1),
        (1000, 1000, 0),
    ] {
        let mut record = key(Algorithm::HmacSha256, |policy| {
            policy.max_uses = Some(bound)
        });
        record.counters.uses = used;
        assert_eq!(ahead(&record).uses, expected, "{bound} {used}");
    }
    for (bound, expected) in [(1, 1), (32, 2), (1 << 16, 4096), (1 << 32, 4096)] {
        let record = key(Algorithm::HmacSha256, |policy| {
            policy.rotate_after_uses = Some(bound);
        });
        assert_eq!(ahead(&record).version_uses, expected, "{bound}");
    }
    let record = key(Algorithm::Aes256Gcm, |_| {});
    assert_eq!(ahead(&record).version_uses, 4096);
    for (bound, expected) in [(1, 1), (1 << 20, 1 << 16), (1 << 40, 16 << 20)] {
        let record = key(Algorithm::Aes256Siv, |policy| {
            policy.rotate_after_bytes = Some(bound);
        });
        assert_eq!(ahead(&record).version_bytes, expected, "{bound}");
    }
}

#[test]
fn a_key_is_used_as_often_as_its_policy_says() {
    for bound in [1, 2, 15, 16, 17, 100, 5000] {
        let record = key(Algorithm::HmacSha256, |policy| {
            policy.max_uses = Some(bound)
        });
        let mut bench = Bench::new(record);
        assert_eq!(bench.describe().uses_left, Some(bound));
        let mut work = [mac(), verify()].into_iter().cycle();
        for used in 0..bound {
            bench.try_use(work.next().unwrap(), 9).unwrap();
            let left = bench.describe().uses_left;
            assert_eq!(left, Some(bound - used - 1), "{used} of {bound}");
        }
        for work in [mac(), verify()] {
            assert_eq!(bench.try_use(work, 9), Err(Status::UsesExhausted));
        }
        bench.restart();
        assert_eq!(bench.use_up(mac()), (0, Status::UsesExhausted));
    }
}

#[test]
fn a_cut_costs_one_block_and_gives_nothing_back() {
    for (bound, block) in [(10, 1), (160, 10), (10_000, 256)] {
        // Before the first use, in the middle of a block, at its end, behind it, at the end of all.
        for uses in [
            0,
            1,
            block / 2,
            block,
            block + 1,
            3 * block,
            bound - 1,
            bound,
        ] {
            let record = key(Algorithm::HmacSha256, |policy| {
                policy.max_uses = Some(bound)
            });
            let mut bench = Bench::new(record);
            for _ in 0..uses {
                bench.try_use(mac(), 9).unwrap();
            }
            bench.restart();
            let left = bench.describe().uses_left.unwrap();
            let (more, why) = bench.use_up(mac());
            assert_eq!((more, why), (left, Status::UsesExhausted));
            assert!(uses + more <= bound, "{uses} + {more} of {bound}");
            assert!(uses + more + block > bound, "{uses} + {more} of {bound}");
        }
        // A cut after every single use: still at least one use for each block.
        let record = key(Algorithm::HmacSha256, |policy| {
            policy.max_uses = Some(bound)
        });
        let mut bench = Bench::new(record);
        let mut uses = 0;
        while bench.try_use(mac(), 9).is_ok() {
            uses += 1;
            bench.restart();
        }
        assert_eq!(uses, bound.div_ceil(block), "{bound}");
    }
}

#[test]
fn only_a_new_block_is_written() {
    let record = key(Algorithm::HmacSha256, |policy| policy.max_uses = Some(1600));
    let mut bench = Bench::new(record);
    bench.try_use(mac(), 9).unwrap();
    bench.operations();
    for _ in 1..100 {
        bench.try_use(mac(), 9).unwrap();
    }
    assert_eq!(bench.operations(), 0, "what is reserved costs nothing");
    bench.try_use(mac(), 9).unwrap();
    let written = bench.operations();
    assert!((2..=4).contains(&written), "both copies: {written}");
    // A key that is not counted is never written.
    let mut bench = Bench::new(key(Algorithm::HmacSha256, |_| {}));
    bench.operations();
    for _ in 0..100 {
        bench.try_use(mac(), 9).unwrap();
    }
    assert_eq!(bench.operations(), 0);
}

#[test]
fn refused_calls_are_not_counted() {
    let record = key(Algorithm::Aes256Siv, |policy| {
        policy.max_uses = Some(3);
        policy.min_context = 4;
        policy.owner = Permissions::of(&[Permission::Seal]);
    });
    let mut bench = Bench::new(record);
    for (work, why) in [
        (seal().context(3), Status::ContextTooShort),
        (
            Work::new(Permission::Unseal).context(9),
            Status::NotPermitted,
        ),
        (mac(), Status::WrongUsage),
    ] {
        assert_eq!(bench.try_use(work, 20), Err(why));
    }
    assert_eq!(bench.describe().uses_left, Some(3));
    bench.try_use(seal().context(4), 20).unwrap();
    assert_eq!(bench.describe().uses_left, Some(2));
}

#[test]
fn a_version_gives_way_after_its_uses() {
    let record = key(Algorithm::HmacSha256, |policy| {
        policy.rotate_after_uses = Some(3);
    });
    let mut bench = Bench::new(record);
    let mut versions = Vec::new();
    for _ in 0..9 {
        // Checks are no use of the version.
        for _ in 0..2 {
            bench.try_use(verify(), 9).unwrap();
        }
        versions.push(bench.try_use(mac(), 9).unwrap());
    }
    assert_eq!(versions, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
    assert_eq!(bench.describe().version_uses, Some(3));
    // A cut may cost the rest of a block, here of one.
    bench.restart();
    assert_eq!(bench.describe().version_uses, Some(3));
    assert_eq!(bench.try_use(verify(), 9), Ok(3));
    assert_eq!(bench.try_use(mac(), 9), Ok(4));
    assert_eq!(bench.describe().version_uses, Some(1));
}

#[test]
fn what_was_reserved_for_a_version_is_not_its_successors() {
    let record = key(Algorithm::HmacSha256, |policy| {
        policy.rotate_after_uses = Some(160);
        policy.max_uses = Some(1600);
    });
    let mut bench = Bench::new(record);
    bench.try_use(mac(), 9).unwrap();
    bench
        .keyring
        .rotate(&mut bench.platform, &ALICE, &label("key"), ALICE)
        .unwrap();
    let description = bench.describe();
    assert_eq!(description.version_uses, Some(0));
    assert_eq!(description.uses_left, Some(1599), "those are the key's");
    for used in 1..=160 {
        assert_eq!(bench.try_use(mac(), 9), Ok(2), "{used}");
        assert_eq!(bench.describe().version_uses, Some(used));
    }
    assert_eq!(bench.try_use(mac(), 9), Ok(3));
    assert_eq!(bench.describe().uses_left, Some(1600 - 162));
}

#[test]
fn a_version_gives_way_after_its_bytes() {
    let record = key(Algorithm::Aes256Siv, |policy| {
        policy.rotate_after_bytes = Some(100);
    });
    let mut bench = Bench::new(record);
    for (bytes, version, total) in [
        (60, 1, 60),
        (40, 1, 100),
        (1, 2, 1),
        (500, 2, 501),
        (0, 3, 0),
    ] {
        // Neither context nor headers are text.
        let work = seal().context(8).beside(2);
        assert_eq!(bench.try_use(work, bytes + 10), Ok(version), "{bytes}");
        assert_eq!(bench.describe().version_bytes, Some(total));
    }
    bench.try_use(Work::new(Permission::Unseal), 5000).unwrap();
    assert_eq!(bench.describe().version_bytes, Some(0));
}

/// What was begun with a version is ended with it, but does not go on for ever: that it was begun
/// is for the caller to claim.
#[test]
fn what_goes_on_does_not_change_the_version() {
    let record = key(Algorithm::Aes256Siv, |policy| {
        policy.rotate_after_bytes = Some(30);
    });
    let mut bench = Bench::new(record);
    assert_eq!(bench.try_use(seal(), 30), Ok(1));
    for _ in 0..3 {
        assert_eq!(bench.try_use(seal().continues(0), 10), Ok(1));
    }
    assert_eq!(bench.describe().version_bytes, Some(60));
    let more = bench.try_use(seal().continues(0), 10);
    assert_eq!(more, Err(Status::Superseded), "twice what it may");
    assert_eq!(bench.try_use(seal(), 10), Ok(2));

    let record = key(Algorithm::Aes256Siv, |policy| {
        policy.rotate_after_uses = Some(2);
    });
    let mut bench = Bench::new(record);
    assert_eq!(bench.try_use(seal(), 10), Ok(1));
    for _ in 0..3 {
        assert_eq!(bench.try_use(seal().continues(0), 10), Ok(1));
    }
    let more = bench.try_use(seal().continues(0), 10);
    assert_eq!(more, Err(Status::Superseded));
    assert_eq!(bench.describe().version_uses, Some(4));
}

#[test]
fn a_full_key_waits_for_a_version_to_be_retired() {
    let record = key(Algorithm::HmacSha256, |policy| {
        policy.rotate_after_uses = Some(1);
    });
    let mut bench = Bench::new(record);
    for version in 1..=limits::VERSIONS as u32 {
        assert_eq!(bench.try_use(mac(), 9), Ok(version));
    }
    assert_eq!(bench.try_use(mac(), 9), Err(Status::VersionsFull));
    assert_eq!(bench.try_use(verify(), 9), Ok(limits::VERSIONS as u32));
    let note = Note::new(ALICE, Event::Retired);
    let retire = |record: &mut KeyRecord| {
        record.versions.remove(0);
        Ok(1)
    };
    let vault = &mut bench.keyring.vault;
    vault
        .update(&mut bench.platform, &ALICE, &label("key"), note, retire)
        .unwrap();
    assert_eq!(bench.try_use(mac(), 9), Ok(limits::VERSIONS as u32 + 1));
}

#[test]
fn random_nonces_bound_a_version() {
    let limit = 1_u64 << 32;
    let mut bounded = key(Algorithm::Aes128Gcm, |_| {});
    let mut parent = key(Algorithm::KdfCmac, |_| {});
    parent.children = Some(Algorithm::Aes256Ccm);
    for record in [&mut bounded, &mut parent] {
        record.counters.version_uses = limit - 2;
    }
    let encrypt = || Work::new(Permission::Encrypt);
    let mut bench = Bench::new(bounded);
    bench.try_use(encrypt(), 9).unwrap();
    bench.try_use(encrypt(), 9).unwrap();
    assert_eq!(bench.try_use(encrypt(), 9), Err(Status::UseLimit));
    bench.try_use(Work::new(Permission::Decrypt), 99).unwrap();
    bench.restart();
    assert_eq!(bench.try_use(encrypt(), 9), Err(Status::UseLimit));
    bench
        .keyring
        .rotate(&mut bench.platform, &ALICE, &label("key"), ALICE)
        .unwrap();
    assert_eq!(bench.try_use(encrypt(), 9), Ok(2));

    // Children share the bound of their parent; deriving is no encryption.
    let mut bench = Bench::new(parent);
    let use_child = |bench: &mut Bench, child: &str| {
        bench.exchange.payload().clear();
        let key = KeyRef {
            child: Some(label(child)),
            ..KeyRef::from(label("key"))
        };
        let payload = bench.exchange.payload();
        bench
            .keyring
            .use_key(&mut bench.platform, &CALLER, &key, payload, encrypt())
            .map(drop)
    };
    assert_eq!(use_child(&mut bench, "a"), Ok(()));
    assert_eq!(use_child(&mut bench, "b"), Ok(()));
    assert_eq!(use_child(&mut bench, "c"), Err(Status::UseLimit));
    bench.try_use(Work::new(Permission::Derive), 0).unwrap();
}

#[test]
fn a_tighter_bound_holds_at_once() {
    let record = key(Algorithm::HmacSha256, |policy| policy.max_uses = Some(1600));
    let mut bench = Bench::new(record);
    for _ in 0..10 {
        bench.try_use(mac(), 9).unwrap();
    }
    // A block of 100 is reserved by now.
    let note = Note::new(ALICE, Event::PolicyTightened);
    let tighten = |record: &mut KeyRecord| {
        record.policy.max_uses = Some(15);
        Ok(0)
    };
    let vault = &mut bench.keyring.vault;
    vault
        .update(&mut bench.platform, &ALICE, &label("key"), note, tighten)
        .unwrap();
    assert_eq!(bench.describe().uses_left, Some(5));
    assert_eq!(bench.use_up(mac()), (5, Status::UsesExhausted));
}

#[test]
fn grantees_use_up_the_same_bound() {
    let record = key(Algorithm::HmacSha256, |policy| {
        policy.max_uses = Some(10);
        let to = BOB;
        let may = Permissions::of(&[Permission::Mac]);
        policy.grants.push(Grant { to, may }).unwrap();
    });
    let mut bench = Bench::new(record);
    let bob = Caller::Identified(BOB);
    let key = KeyRef {
        place: Place::Vault {
            owner: Some(ALICE),
            label: label("key"),
        },
        child: None,
    };
    for _ in 0..4 {
        let payload = bench.exchange.payload();
        let used = bench
            .keyring
            .use_key(&mut bench.platform, &bob, &key, payload, mac());
        assert_eq!(used.unwrap().version(), 1);
    }
    assert_eq!(bench.describe().uses_left, Some(6));
    assert_eq!(bench.use_up(mac()), (6, Status::UsesExhausted));
}

/// Counting is exact with more keys than are kept in memory.
#[test]
fn keys_that_are_displaced_stay_counted() {
    let counted = key(Algorithm::HmacSha256, |policy| policy.max_uses = Some(1600));
    let mut bench = Bench::new(counted);
    for number in 0..100 {
        let record = KeyRecord {
            label: label(&std::format!("other{number}")),
            ..key_of(Algorithm::HmacSha256, Usage::Mac)
        };
        let vault = &mut bench.keyring.vault;
        vault.insert(&mut bench.platform, record, ALICE).unwrap();
    }
    for used in 1..=40 {
        bench.try_use(mac(), 9).unwrap();
        assert_eq!(bench.describe().uses_left, Some(1600 - used));
        // Enough others to displace it.
        for number in 0..70 {
            let other = label(&std::format!("other{number}"));
            let vault = &mut bench.keyring.vault;
            vault.find(&mut bench.platform, &ALICE, &other).unwrap();
        }
    }
}
