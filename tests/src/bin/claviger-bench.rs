//! Measures commands on the device on which it runs, as root: one JSON object a line, times in
//! microseconds. Keys that it makes stay; it is meant for a device that is thrown away.
//!
//! The floor of everything is an invoke without parameters, which the trusted application refuses
//! before it looks at anything.

use std::time::Instant;

use claviger::{
    Algorithm, Client, Login,
    proto::{Command, frame::PREFIX, limits},
};
use claviger_tests::{bare::BareSession, frames::frame};

/// Keys for the last rows: more than are kept in memory by far.
const MANY: usize = 1000;

fn main() {
    let cold = timed(open);
    let client = open();
    report("open session, cold", vec![cold]);
    measure("open session, warm", 50, open);

    let mut bare = BareSession::open();
    measure("empty invoke", 500, || bare.invoke_without(0));
    // Wrong in its first field: what every call costs before more of it is looked at.
    let info = Command::Info.id();
    let nonsense = [0xff; PREFIX];
    measure("one-memref invoke", 500, || {
        client.raw_within(info, &nonsense, 4096).unwrap()
    });
    let request = frame(b"{}", b"");
    measure("info", 200, || {
        client.raw_within(info, &request, 8192).unwrap()
    });

    small_operations(&client);
    sealing(&client);
    keys(&client);
}

fn open() -> Client {
    Client::builder().login(Login::User).open().unwrap()
}

fn small_operations(client: &Client) {
    let cmac = client.generate("cmac", Algorithm::Aes128Cmac).unwrap();
    let hmac = client.generate("hmac", Algorithm::HmacSha256).unwrap();
    let p256 = client.generate("p256", Algorithm::EcdsaP256).unwrap();
    let ed25519 = client.generate("ed25519", Algorithm::Ed25519).unwrap();
    let data = vec![7; 4096];
    measure("mac 16 B", 500, || cmac.mac(&data[..16]).unwrap());
    measure("mac 4 KiB", 300, || cmac.mac(&data).unwrap());
    measure("hmac 32 B", 500, || hmac.mac(&data[..32]).unwrap());
    measure("P-256 sign", 200, || p256.sign(&data[..32]).unwrap());
    measure("Ed25519 sign", 200, || ed25519.sign(&data[..32]).unwrap());
    measure("random 32 B", 300, || client.random(32).unwrap());
}

fn sealing(client: &Client) {
    let key = client.generate("siv", Algorithm::Aes256Siv).unwrap();
    let data = vec![7; limits::CHUNK];
    for (name, size) in [
        ("seal 1 KiB", 1024),
        ("seal 4 KiB", 4096),
        ("seal 64 KiB", limits::CHUNK),
    ] {
        measure(name, 200, || key.seal(b"context", &data[..size]).unwrap());
    }
    let sealed = key.seal(b"context", &data).unwrap();
    measure("unseal 64 KiB", 200, || {
        key.unseal(b"context", &sealed).unwrap()
    });
}

fn keys(client: &Client) {
    let generate = |number: usize| {
        let label = format!("key{number}");
        client.generate(&label, Algorithm::Aes128Cmac).unwrap()
    };
    let mut made = 0;
    measure("generate stored", 10, || {
        made += 1;
        generate(made - 1)
    });
    measure("find among 10, in memory", 100, || {
        client.describe("key3").unwrap()
    });
    for number in made..MANY {
        generate(number);
        if number.is_multiple_of(50) {
            eprintln!("{number} of {MANY} keys");
        }
    }
    // The next ones are read anew: those used before them are kept in memory, these are not.
    let mut next = 0;
    measure("find among 1000, stored", 50, || {
        next += 7;
        client.describe(&format!("key{next}")).unwrap()
    });
    measure("find among 1000, in memory", 100, || {
        client.describe("key999").unwrap()
    });
    measure("find among 1000, absent", 50, || {
        client.describe("absent").unwrap_err()
    });
    measure("generate stored among 1000", 5, || {
        made += MANY;
        generate(made)
    });
    measure("delete among 1000", 5, || {
        next += 1;
        client.delete(&format!("key{next}")).unwrap();
    });
}

/// Microseconds that it takes.
fn timed<T>(act: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    let result = act();
    let time = start.elapsed().as_secs_f64() * 1e6;
    drop(result);
    time
}

/// Measures it `n` times, after once unmeasured where it is done often.
fn measure<T>(name: &str, n: usize, mut act: impl FnMut() -> T) {
    if n >= 100 {
        drop(act());
    }
    report(name, (0..n).map(|_| timed(&mut act)).collect());
}

fn report(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let (min, median, n) = (times[0], times[times.len() / 2], times.len());
    println!(r#"{{"name":"{name}","min_us":{min:.2},"median_us":{median:.2},"n":{n}}}"#);
}
