//! Operations of all kinds in a row: what they cost at the end is what they cost at the beginning,
//! and nothing is left behind by them.

use std::{collections::BTreeMap, time::Instant};

use claviger::{Algorithm, Client, Key, Status};
use claviger_tests::{status, supplicant};

use crate::resources::{Process, Resources};

/// The same operations come again after so many.
const ROUND: u64 = 100;
/// What is compared: the first operations and the last.
const WINDOW: u64 = 1000;
/// What latencies may differ by, in per cent. Counted instructions repeat to 1 or 2.
const TOLERANCE: f64 = 5.0;
/// KiB that a process may have grown by in the end, or Linux have fewer: what 100,000 operations would leave is more
/// at 21 bytes each.
const SLACK: u64 = 2048;
/// Ranges of memory that a process may have more in the end: those of the C library.
const RANGES: usize = 4;

/// What there is to work with.
struct Work {
    client: Client,
    mac: Key,
    counted: Key,
    seal: Key,
    blob: Vec<u8>,
    sign: Key,
    wrapped: Key,
    child: Key,
    rotated: Key,
}

/// Nanoseconds that each call took, by what it was.
type Times = BTreeMap<&'static str, Vec<u64>>;

/// Does `operations` operations.
///
/// # Panics
/// If one fails, if anything grew, or if latencies differ.
pub(crate) fn run(operations: u64) {
    assert!(
        operations >= 2 * WINDOW && operations.is_multiple_of(ROUND),
        "at least {} operations, and a multiple of {ROUND}",
        2 * WINDOW
    );
    supplicant::put_first();
    let mut work = Work::new();
    let (mut first, mut last) = (Times::new(), Times::new());
    // Once unmeasured: what is held for as long as it may be used again, is held by then.
    for number in 0..WINDOW {
        work.operate(number);
    }
    let before = Resources::now(&work.client);
    for number in 0..operations {
        let start = Instant::now();
        let what = work.operate(number);
        let time = start.elapsed().as_nanos() as u64;
        if number < WINDOW {
            first.entry(what).or_default().push(time);
        }
        if number >= operations - WINDOW {
            last.entry(what).or_default().push(time);
        }
        if (number + 1).is_multiple_of(operations / 20) {
            println!("{} of {operations} operations", number + 1);
        }
    }
    let after = Resources::now(&work.client);
    println!("before {before:?}");
    println!("after  {after:?}");
    compare(&first, &last);
    assert!(after.heap <= before.heap, "the TA's heap");
    has_not_grown("this process", before.client, after.client);
    has_not_grown("tee-supplicant", before.supplicant, after.supplicant);
    assert!(
        after.available + SLACK >= before.available,
        "Linux's memory"
    );
}

fn has_not_grown(who: &str, before: Process, after: Process) {
    assert!(
        after.descriptors <= before.descriptors
            && after.threads <= before.threads
            && after.mappings <= before.mappings + RANGES
            && after.size <= before.size + SLACK,
        "{who} has grown from {before:?} to {after:?}"
    );
}

fn compare(first: &Times, last: &Times) {
    println!("us of counted instructions, medians: of the first {WINDOW} and of the last");
    let mut worst = 0.0_f64;
    let mut line = |what: &str, first: u64, last: u64| {
        let change = (last as f64 / first as f64 - 1.0) * 100.0;
        worst = worst.max(change.abs());
        let [first, last] = [first, last].map(|time| time as f64 / 1000.0);
        println!("{what:<24} {first:>12.1} {last:>12.1} {change:>+6.1} %");
    };
    for (what, times) in first {
        line(what, median(times), median(&last[what]));
    }
    let sum = |times: &Times| times.values().flatten().sum();
    line("all, summed", sum(first), sum(last));
    assert!(worst <= TOLERANCE, "latencies differ by {worst:.1} %");
}

fn median(times: &[u64]) -> u64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

impl Work {
    fn new() -> Work {
        let client = Client::open().unwrap();
        let create = |label: &str, algorithm| client.create(label).algorithm(algorithm);
        let seal = create("seal", Algorithm::Aes256Siv).generate().unwrap();
        let parent = create("parent", Algorithm::KdfCmac).children(Algorithm::Aes128Cmac);
        let counted = create("counted", Algorithm::Aes128Cmac).max_uses(1 << 40);
        Work {
            mac: create("mac", Algorithm::Aes128Cmac).generate().unwrap(),
            counted: counted.generate().unwrap(),
            blob: seal.seal(b"context", &[7; 1024]).unwrap().to_vec(),
            seal,
            sign: create("sign", Algorithm::EcdsaP256).generate().unwrap(),
            wrapped: create("wrapped", Algorithm::Aes128Cmac)
                .wrapped()
                .generate()
                .unwrap(),
            child: parent.generate().unwrap().child("child").unwrap(),
            rotated: create("rotated", Algorithm::Aes128Cmac).generate().unwrap(),
            client,
        }
    }

    /// Does the operation with this number, and says what it was.
    fn operate(&mut self, number: u64) -> &'static str {
        let message = &[7; 16];
        match number % ROUND {
            10 => {
                let key = self.client.generate("passing", Algorithm::Aes128Cmac);
                key.unwrap();
                "generate"
            }
            20 => {
                self.client.delete("passing").unwrap();
                "delete"
            }
            30 => {
                self.rotated = self.rotated.rotate().unwrap();
                "rotate"
            }
            40 => {
                let old = self.rotated.description().versions[0];
                self.rotated = self.rotated.retire(old).unwrap();
                "retire"
            }
            50 => {
                self.rotated.suspend().unwrap();
                "suspend"
            }
            60 => {
                self.rotated.resume().unwrap();
                "resume"
            }
            70 => {
                let session = Client::open().unwrap();
                session.random(16).unwrap();
                "session opened and closed"
            }
            80 => {
                self.client.list().unwrap();
                "list"
            }
            90 => {
                self.client.info().unwrap();
                "info"
            }
            other => match other % 9 {
                0 => {
                    self.mac.mac(message).unwrap();
                    "mac"
                }
                1 => {
                    self.counted.mac(message).unwrap();
                    "mac, counted"
                }
                2 => {
                    self.wrapped.mac(message).unwrap();
                    "mac, wrapped"
                }
                3 => {
                    self.child.mac(message).unwrap();
                    "mac, child"
                }
                4 => {
                    self.seal.seal(b"context", &[7; 1024]).unwrap();
                    "seal"
                }
                5 => {
                    self.seal.unseal(b"context", &self.blob).unwrap();
                    "unseal"
                }
                6 => {
                    let refused = self.seal.unseal(b"another", &self.blob);
                    assert_eq!(status(refused), Status::NotAuthentic);
                    "unseal, refused"
                }
                7 => {
                    self.sign.sign(message).unwrap();
                    "sign"
                }
                _ => {
                    assert_eq!(status(self.client.key("absent")), Status::NotFound);
                    "describe, refused"
                }
            },
        }
    }
}
