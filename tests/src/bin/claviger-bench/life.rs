//! The life of a key.

use std::cell::Cell;

use claviger::{Algorithm, Client, authority::Ratchet};

use crate::measure::Bench;

pub(crate) fn life(bench: &Bench, client: &Client) {
    let key = client.generate("life", Algorithm::Aes256Siv).unwrap();
    let version = Cell::new(1);
    let rotate = || {
        key.rotate().unwrap();
        version.set(version.get() + 1);
    };
    let retire = || drop(key.retire(version.get() - 1).unwrap());
    rotate();
    bench.measure_on("rotate", 20, retire, |()| rotate());
    retire();
    bench.measure_on("retire", 20, rotate, |()| retire());

    let mut active = true;
    bench.measure("set-state", 20, || {
        active = !active;
        let changed = if active { key.resume() } else { key.suspend() };
        changed.unwrap()
    });
    let mut policy = key.description().policy.clone();
    bench.measure("set-policy", 20, || {
        policy.min_context += 1;
        key.tighten(&policy).unwrap()
    });
}

/// Steps of a key that is held elsewhere too.
pub(crate) fn ratchet(bench: &Bench, client: &Client) {
    let secret = [7; 16];
    let mut elsewhere = Ratchet::new(&secret).unwrap();
    let creation = client.create("ratchet").algorithm(Algorithm::Aes128Cmac);
    let key = creation.ratchet().import(&secret).unwrap();
    bench.measure("ratchet step", 20, || key.rotate().unwrap());
    let version = key.refresh().unwrap().description().version;
    elsewhere.catch_up_to(version).unwrap();
    for (name, steps, n) in [("catch-up by 1", 1, 20), ("catch-up by 1000", 1000, 5)] {
        let token = || {
            let to = elsewhere.version() + steps;
            let token = elsewhere.token(to).unwrap();
            elsewhere.catch_up_to(to).unwrap();
            token
        };
        bench.measure_on(name, n, token, |token| key.catch_up(&token).unwrap());
    }
}
