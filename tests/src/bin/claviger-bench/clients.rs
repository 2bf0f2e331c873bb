//! Several at once: the trusted application serves one after the other.

use std::{sync::Barrier, thread, time::Instant};

use claviger::{Algorithm, Client};

use crate::{measure::Bench, open};

const LABEL: &str = "by-clients";
/// MACs that each asks for.
const EACH: usize = 100;
/// How often that is measured.
const ROUNDS: usize = 5;

/// Whose session the threads of a program use.
#[derive(Clone, Copy)]
enum Session {
    Own,
    Shared,
}

pub(crate) fn all(bench: &Bench, client: &Client) {
    client.generate(LABEL, Algorithm::Aes256Cmac).unwrap();
    for count in [1, 2, 4, 8] {
        measure(bench, client, count, Session::Own);
        measure(bench, client, count, Session::Shared);
    }
}

pub(crate) fn eight(bench: &Bench, client: &Client) {
    client.generate(LABEL, Algorithm::Aes256Cmac).unwrap();
    measure(bench, client, 8, Session::Own);
}

/// The time from one answer to the next, whoever gets it; and, since all begin together and want as
/// much, how much sooner than the last the first has it all.
fn measure(bench: &Bench, client: &Client, count: usize, session: Session) {
    let (mut times, mut first, mut last) = (Vec::new(), 0.0, 0.0);
    for _ in 0..ROUNDS {
        let ends = round(client, count, session);
        first += ends[0];
        last += ends[count - 1];
        times.push(ends[count - 1] / (count * EACH) as f64);
    }
    let what = match session {
        Session::Own => format!("CMAC by {count} clients"),
        Session::Shared => format!("CMAC by {count} threads of one client"),
    };
    bench.report(&what, times, 0);
    println!(
        "{what}: the first was done after {:.0} % of the time",
        100.0 * first / last
    );
}

/// When each was done, in microseconds, the first of them first.
fn round(client: &Client, count: usize, session: Session) -> Vec<f64> {
    let start = Barrier::new(count);
    let work = || {
        let client = match session {
            Session::Own => open(),
            Session::Shared => client.clone(),
        };
        let key = client.key(LABEL).unwrap();
        key.mac(&[7; 16]).unwrap();
        start.wait();
        let begun = Instant::now();
        for _ in 0..EACH {
            key.mac(&[7; 16]).unwrap();
        }
        begun.elapsed().as_secs_f64() * 1e6
    };
    let mut ends: Vec<f64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    });
    ends.sort_by(f64::total_cmp);
    ends
}
