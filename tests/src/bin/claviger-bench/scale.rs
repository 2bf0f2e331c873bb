//! What many keys cost: as many as the vault holds, and far more that are wrapped, of which it holds
//! nothing.

use claviger::{Algorithm, Client, Key, proto::message::ListRequest};
use claviger_tests::Device;

use crate::{
    measure::{Bench, timed},
    open,
};

/// Keys of the vault; after these, as many as it holds.
const STORED: [usize; 3] = [10, 100, 1000];
const WRAPPED: [usize; 4] = [100, 1000, 10_000, 100_000];
/// How often each is measured.
const N: usize = 5;

pub(crate) fn all(bench: &Bench, device: &Device) {
    let free = || open().info().unwrap().vault.unwrap().free as usize;
    let mut made = 0;
    let capacity = free();
    for count in STORED.into_iter().chain([capacity]) {
        // The one before ended with the instance.
        let client = open();
        while made + N < count {
            create(&client, made);
            made += 1;
            if made.is_multiple_of(100) {
                eprintln!("{made} of {capacity} keys");
            }
        }
        bench.measure(("create", count), N, || {
            made += 1;
            create(&client, made - 1)
        });
        stored(bench, device, count);
    }
    assert_eq!(free(), 0);
    device.user(0).delete(&label(0)).unwrap();
    wrapped(bench, &open());
}

fn label(number: usize) -> String {
    format!("scale/{number}")
}

fn create(client: &Client, number: usize) -> Key {
    client
        .generate(&label(number), Algorithm::Aes128Cmac)
        .unwrap()
}

/// What so many keys in the vault cost whoever uses some of them.
fn stored(bench: &Bench, device: &Device, count: usize) {
    let (mut loads, mut starts) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        device.reboot();
        let mut client = None;
        loads.push(timed(|| client = Some(open())));
        let client = client.unwrap();
        starts.push(timed(|| client.describe("absent").unwrap_err()));
    }
    bench.report(("load the trusted application", count), loads, 0);
    bench.report(("open the vault", count), starts, 0);
    let client = open();
    // None of them has been used since the start; they lie apart.
    let mut numbers = (0..count).step_by((count / N).max(1)).map(label).take(N);
    let mut keys = Vec::new();
    bench.measure(("find, first use", count), N, || {
        let key = client.key(&numbers.next().unwrap()).unwrap();
        key.mac(&[7; 16]).unwrap();
        keys.push(key);
    });
    bench.measure(("next use", count), N, || {
        keys[N - 1].mac(&[7; 16]).unwrap()
    });
    let page = ListRequest {
        cursor: 0,
        owner: None,
    };
    bench.measure(("list a page", count), N, || {
        client.request(&page, &[]).unwrap()
    });
    let last = keys.pop().unwrap();
    let again = last.description().key.as_str().to_owned();
    let mut number = 0;
    bench.measure_on(
        ("delete", count),
        N,
        || {
            number += 1;
            if number > 1 {
                client.generate(&again, Algorithm::Aes128Cmac).unwrap();
            }
        },
        |()| client.delete(&again).unwrap(),
    );
    client.generate(&again, Algorithm::Aes128Cmac).unwrap();
    heap(&client, "the vault's", count);
}

/// Wrapped keys are made, and some are used: the trusted application keeps none but those in use.
fn wrapped(bench: &Bench, client: &Client) {
    let create = |number: usize| {
        let label = format!("wrapped/{number}");
        let creation = client.create(&label).algorithm(Algorithm::Aes128Cmac);
        creation.wrapped().generate().unwrap()
    };
    let mut made = 0;
    for count in WRAPPED {
        while made + N < count {
            drop(create(made));
            made += 1;
            if made.is_multiple_of(10_000) {
                eprintln!("{made} wrapped keys");
            }
        }
        let mut keys = Vec::new();
        bench.measure(("create, wrapped", count), N, || {
            made += 1;
            keys.push(create(made - 1));
        });
        let mut turn = keys.iter();
        bench.measure(("first use, wrapped", count), N, || {
            turn.next().unwrap().mac(&[7; 16]).unwrap()
        });
        bench.measure(("next use, wrapped", count), N, || {
            keys[N - 1].mac(&[7; 16]).unwrap()
        });
        heap(client, "wrapped", count);
    }
}

/// A row of its own: bytes, not a time.
fn heap(client: &Client, whose: &str, count: usize) {
    let marks = client.info().unwrap().marks.expect("a test build");
    println!("heap with {count} keys, {whose}: {} bytes", marks.heap_now);
}
