//! Vaults of three to eight shards, at random: what ended stays ended.

use std::{collections::BTreeSet, env};

use claviger::{Algorithm, Error, Home, Status};
use claviger_proto::message::NewKey;
use claviger_ta::{
    platform::{Copy, ObjectId, StorageError},
    vault::{CAPACITY, SHARDS},
    workstation::{Fault, Hold, Workstation},
};
use claviger_tests::{Device, Handle, Rng, label, new_key, status};

use super::fixture::object;
use crate::bench::{Image, report};

/// How many sequences, unless `CLAVIGER_SEQUENCES` says otherwise.
const SEQUENCES: u64 = 60;
const STEPS: usize = 12;
/// Keys of each shard that may be deleted.
const KEYS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Lock,
    /// A key of this shard.
    Key(u8, usize),
    /// The record of this generation is in this shard.
    Family(u8),
}

/// A device that had so many shards, one after the other.
struct Grown {
    workstation: Workstation,
    images: Vec<(u8, Image)>,
    wrapped: Vec<Vec<u8>>,
}

fn owner(shard: u8) -> u32 {
    2000 + u32::from(shard)
}

fn name(shard: u8, key: usize) -> String {
    format!("{shard}/{key}")
}

impl Grown {
    fn new() -> Grown {
        let workstation = Workstation::in_memory();
        let device = Device::on(workstation.clone());
        let root = device.user(0);
        root.list().unwrap();
        let mut grown = Grown {
            workstation: workstation.clone(),
            images: vec![],
            wrapped: vec![],
        };
        let mut shards = 0;
        for number in 0..CAPACITY {
            let there = workstation.disk().image().len() as u8 / 2;
            if there > shards {
                shards = there;
                let user = device.user(owner(shards - 1));
                for key in 0..KEYS {
                    let made = user.generate(&name(shards - 1, key), Algorithm::Aes128Cmac);
                    made.unwrap();
                }
                let new = NewKey {
                    home: Home::Wrapped,
                    family: Some(label("f")),
                    ..new_key("wrapped", Algorithm::HmacSha256)
                };
                grown
                    .wrapped
                    .push(Handle::generate(&user, new).unwrap().front);
                if shards >= 3 {
                    grown.images.push((shards, workstation.disk().image()));
                }
                if usize::from(shards) == SHARDS {
                    break;
                }
            }
            let filler = root.generate(&format!("k{number}"), Algorithm::Aes128Cmac);
            filler.unwrap();
        }
        assert_eq!(grown.images.len(), SHARDS - 2);
        grown
    }

    fn end(&self, device: &Device, fact: Fact) -> Result<(), Error> {
        match fact {
            Fact::Lock => device.user(0).lock(),
            Fact::Key(shard, key) => device.user(owner(shard)).delete(&name(shard, key)),
            Fact::Family(shard) => device.user(owner(shard)).revoke(Some("f")).map(drop),
        }
    }

    fn ended(&self, device: &Device, fact: Fact) -> Option<bool> {
        let (answer, ended) = match fact {
            Fact::Lock => {
                let vault = device.user(0).info().ok()?.vault?;
                return vault.locked;
            }
            Fact::Key(shard, key) => {
                let user = device.user(owner(shard));
                let key = Handle::new(&user, &name(shard, key));
                (key.mac(b"m"), Status::NotFound)
            }
            Fact::Family(shard) => {
                let user = device.user(owner(shard));
                let key = Handle::wrapped(&user, &self.wrapped[usize::from(shard)]);
                (key.mac(b"m"), Status::Revoked)
            }
        };
        match answer {
            Ok(_) => Some(false),
            Err(error) => (error.status() == Some(ended)).then_some(true),
        }
    }
}

/// Some copies, or whole shards.
fn some(rng: &mut Rng, shards: u8) -> Vec<(ObjectId, Hold)> {
    let mut some = vec![];
    let hold = *rng.choose(&[Hold::Back, Hold::Back, Hold::Fast]);
    for shard in 0..shards {
        for copy in match rng.below(8) {
            0 => &[Copy::First][..],
            1 => &[Copy::Second],
            2 => &[Copy::First, Copy::Second],
            _ => &[],
        } {
            some.push((object(shard, *copy), hold));
        }
    }
    some
}

fn run(grown: &Grown, seed: u64, tried: &mut [u64; 4]) {
    let rng = &mut Rng::new(seed);
    let (shards, image) = rng.choose(&grown.images).clone();
    let workstation = grown.workstation.twin();
    let disk = workstation.disk();
    disk.restore(image);
    let mut facts = vec![Fact::Lock];
    for shard in 0..shards {
        facts.extend((0..KEYS).map(|key| Fact::Key(shard, key)));
        facts.push(Fact::Family(shard));
    }
    let mut known = BTreeSet::new();
    for step in 0..STEPS {
        let hidden = match rng.below(3) {
            0 => vec![],
            _ => some(rng, shards),
        };
        disk.hide(hidden.clone());
        let device = Device::on(workstation.clone());
        if rng.below(2) == 0 {
            drop(device.user(0).info());
        }
        disk.disarm();
        let at = rng.below(20) as u64;
        let fault = match rng.below(4) {
            0 => Some(Fault::Fail(at, StorageError::Other(7))),
            1 => Some(Fault::FailAfter(at, StorageError::Other(7))),
            2 => Some(Fault::Full(at)),
            _ => None,
        };
        if let Some(fault) = fault {
            disk.arm(fault);
            disk.hide_after_fault(some(rng, shards));
        }
        let fact = *rng.choose(&facts);
        let declares = rng.below(12) == 0;
        let acknowledged = if declares {
            let token = device.user(0).info().unwrap().confirmation.unwrap();
            device.user(0).declare_lost(&token.to_string()).map(drop)
        } else {
            grown.end(&device, fact)
        };
        disk.disarm();
        let when = format!("sequence {seed}, step {step}: {fact:?} {fault:?} {acknowledged:?}");
        if acknowledged.is_ok() && !declares {
            known.insert(fact);
            tried[1] += 1;
        }
        tried[2] += u64::from(acknowledged.is_ok() && declares);
        for fact in &facts {
            match grown.ended(&device, *fact) {
                Some(true) => {
                    known.insert(*fact);
                }
                Some(false) => assert!(!known.contains(fact), "{when}: {fact:?} {hidden:?}"),
                None => tried[3] += 1,
            }
        }
        tried[0] += 1;
        drop(device);
        disk.show();
    }
    let device = Device::on(workstation.clone());
    let root = device.user(0);
    let left = root.info().unwrap();
    if left.vault.unwrap().missing != 0 {
        let token = left.confirmation.unwrap().to_string();
        root.declare_lost(&token).unwrap();
    }
    for fact in &known {
        assert_ne!(grown.ended(&device, *fact), Some(false), "{seed}: {fact:?}");
    }
    root.generate("last", Algorithm::Aes128Cmac).unwrap();
    assert_eq!(
        status(root.declare_lost("00000000")),
        Status::BadConfirmation
    );
}

#[test]
#[ignore = "long: `cargo qemu soak` runs it"]
fn vaults_of_many_shards() {
    let sequences =
        env::var("CLAVIGER_SEQUENCES").map_or(SEQUENCES, |count| count.parse().unwrap());
    let grown = Grown::new();
    let mut tried = [0; 4];
    for seed in 0..sequences {
        run(&grown, seed, &mut tried);
    }
    let [boots, ended, declared, unsaid] = tried;
    report(&format!(
        "{sequences} sequences on vaults of three to eight shards: {boots} boots, {ended} endings \
         and {declared} losses acknowledged, {unsaid} looks at what nobody can tell"
    ));
    assert!(ended > sequences && unsaid > sequences);
}
