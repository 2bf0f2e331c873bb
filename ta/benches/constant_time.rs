//! Whether what works on secrets takes a time that tells nothing of them, by the method of dudect
//! (Reparaz, Balasch, Verbauwhede 2017): each row times two classes of inputs, in random order, and
//! compares them by Welch's t-test. A |t| past 10 is a leak and fails; an idle machine shows less
//! than 5.
//!
//! ```sh
//! cargo bench -p claviger-ta --features workstation --bench constant_time
//! ```

use std::{hint::black_box, process::ExitCode, time::Instant};

use claviger_proto::{Algorithm, blob::Suite};
use claviger_ta::{
    crypto::{ecdh::x25519, ecdsa::p256, key_wrap, mac, shamir, siv},
    workstation::Workstation,
};

const QUICK: usize = 200_000;
const SLOW: usize = 4_000;
/// What is slower than this part of all is an interruption.
const KEPT: f64 = 0.9;
/// Past this, the classes differ.
const LEAK: f64 = 10.0;
/// A name, and what gives t.
type Row = (&'static str, fn() -> f64);

const ROWS: [Row; 8] = [
    ("what leaks is seen", leaky),
    ("verify a CMAC: first or last byte wrong", cmac),
    ("verify an HMAC: first or last byte wrong", hmac),
    ("open AES-SIV: first or last byte wrong", open_siv),
    ("unwrap AES-KW: first or last byte wrong", unwrap),
    ("combine shares: of zeros or of chance", combine),
    ("sign with P-256: one key or many", sign),
    ("agree with X25519: one key or many", agree),
];

fn main() -> ExitCode {
    let mut failed = 0;
    for (name, row) in ROWS {
        let t = row();
        let leaks = t.abs() > LEAK;
        let ok = leaks == (name == ROWS[0].0);
        failed += usize::from(!ok);
        println!(
            "test {name} ... {} (t = {t:+.1})",
            if ok { "ok" } else { "FAILED" }
        );
    }
    let passed = ROWS.len() - failed;
    let all = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {all}. {passed} passed; {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Times `act` on inputs of both classes, made by `make` (true for the first one), and gives t.
fn compare<I, T>(
    n: usize,
    mut make: impl FnMut(bool) -> I,
    mut act: impl FnMut(&mut I) -> T,
) -> f64 {
    let choices: Vec<bool> = (0..n).map(|_| random::<1>()[0] & 1 == 0).collect();
    let inputs: Vec<I> = choices.iter().map(|first| make(*first)).collect();
    let mut times = Vec::with_capacity(n);
    for (first, mut input) in choices.into_iter().zip(inputs) {
        let start = Instant::now();
        black_box(act(black_box(&mut input)));
        times.push((start.elapsed().as_nanos() as f64, first));
    }
    times.sort_by(|one, other| one.0.total_cmp(&other.0));
    times.truncate((n as f64 * KEPT) as usize);
    let class = |wanted: bool| {
        let theirs = times.iter().filter(|(_, first)| *first == wanted);
        Class::of(theirs.map(|(time, _)| *time).collect())
    };
    let (first, second) = (class(true), class(false));
    (first.mean - second.mean) / (first.error + second.error).sqrt()
}

/// What Welch's test wants to know of a class.
struct Class {
    mean: f64,
    /// The variance by the number.
    error: f64,
}

impl Class {
    fn of(times: Vec<f64>) -> Class {
        let n = times.len() as f64;
        let mean = times.iter().sum::<f64>() / n;
        let squares = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
        Class {
            mean,
            error: squares / (n - 1.0) / n,
        }
    }
}

/// A tag with one bit wrong: in its first byte or in its last.
fn wrong<const N: usize>(mut tag: [u8; N], first: bool) -> [u8; N] {
    tag[if first { 0 } else { N - 1 }] ^= 0x10;
    tag
}

/// A comparison that ends at the first difference: what this program is for.
fn leaky() -> f64 {
    let right = random::<1024>();
    compare(
        QUICK,
        |first| wrong(right, first),
        |tag| {
            tag.iter()
                .zip(&right)
                .all(|(byte, right)| black_box(byte) == right)
        },
    )
}

fn verify<const N: usize>(algorithm: Algorithm) -> f64 {
    let (secret, message) = (random::<32>(), random::<16>());
    let tag = mac::mac(algorithm, &secret, &message).unwrap();
    let tag: [u8; N] = tag.as_bytes().try_into().unwrap();
    compare(
        QUICK,
        |first| wrong(tag, first),
        |tag| mac::mac(algorithm, &secret, &message).unwrap().verify(tag),
    )
}

fn cmac() -> f64 {
    verify::<16>(Algorithm::Aes256Cmac)
}

fn hmac() -> f64 {
    verify::<32>(Algorithm::HmacSha256)
}

fn open_siv() -> f64 {
    let secret = random::<64>();
    let mut text = random::<64>();
    let tag = siv::seal(Suite::Aes256Siv, &secret, [b"ad"], &mut text).unwrap();
    compare(
        QUICK,
        |first| (wrong(tag, first), text),
        |(tag, text)| siv::open(Suite::Aes256Siv, &secret, [b"ad"], *tag, text),
    )
}

fn unwrap() -> f64 {
    let (secret, wrapped) = (random::<32>(), random::<40>());
    compare(
        QUICK,
        |first| wrong(wrapped, first),
        |wrapped| key_wrap::unwrap(&secret, wrapped),
    )
}

fn combine() -> f64 {
    compare(
        QUICK,
        |zeros| {
            if zeros {
                [[0; 32]; 3]
            } else {
                [random(), random(), random()]
            }
        },
        |[a, b, c]| shamir::combine(&[(1, &a[..]), (2, &b[..]), (5, &c[..])]),
    )
}

fn sign() -> f64 {
    // A scalar with a leading zero byte is one of the curve for sure.
    let scalar = || {
        let mut scalar = random::<32>();
        scalar[0] = 0;
        scalar
    };
    let (fixed, digest) = (scalar(), random::<32>());
    let mut platform = Workstation::in_memory();
    compare(
        SLOW,
        |one| if one { fixed } else { scalar() },
        |scalar| p256::sign(&mut platform, scalar, &digest),
    )
}

fn agree() -> f64 {
    let fixed = random::<32>();
    let peer = x25519::public_key(&random::<32>()).unwrap();
    compare(
        SLOW,
        |one| if one { fixed } else { random() },
        |private| x25519::agree(private, &peer),
    )
}
