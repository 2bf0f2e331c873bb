//! What others offer too: the same operations by the library and by the command, for the table in
//! which they stand beside those.

use std::process::{Command, Stdio};

use claviger::{Algorithm, Client};

use crate::{
    clients,
    measure::{Bench, What},
};

/// Bytes of messages, and of data.
const SMALL: [usize; 6] = [16, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10];
const LARGE: [usize; 5] = [1 << 10, 4 << 10, 64 << 10, 256 << 10, 1 << 20];
const INPUT: &str = "/tmp/bench-input";
const OUTPUT: &str = "/tmp/bench-output";

pub(crate) fn all(bench: &Bench, client: &Client) {
    macs(bench, client);
    encryption(bench, client);
    signatures(bench, client);
    keys(bench, client);
    clients::eight(bench, client);
}

/// How often: what takes long is done seldom.
fn often(size: usize) -> usize {
    if size > 16 << 10 { 50 } else { 200 }
}

fn macs(bench: &Bench, client: &Client) {
    let data = vec![7; 64 << 10];
    for (name, label, algorithm) in [
        ("CMAC", "compared-cmac", Algorithm::Aes256Cmac),
        ("HMAC-SHA256", "compared-hmac", Algorithm::HmacSha256),
    ] {
        let key = client.generate(label, algorithm).unwrap();
        for size in SMALL {
            let message = &data[..size];
            bench.measure((name, size), often(size), || key.mac(message).unwrap());
        }
        for size in [16, 64 << 10] {
            command(bench, (name, size), &data[..size], &["mac", label]);
        }
    }
}

fn encryption(bench: &Bench, client: &Client) {
    let data = vec![7; 1 << 20];
    let siv = client
        .generate("compared-siv", Algorithm::Aes256Siv)
        .unwrap();
    for size in LARGE {
        let data = &data[..size];
        let n = often(size);
        bench.measure(("seal", size), n, || siv.seal(b"context", data).unwrap());
        let sealed = siv.seal(b"context", data).unwrap();
        bench.measure(("unseal", size), n, || {
            siv.unseal(b"context", &sealed).unwrap()
        });
    }
    for size in [1 << 10, 1 << 20] {
        let words = ["seal", "compared-siv", "--out", OUTPUT];
        command(bench, ("seal", size), &data[..size], &words);
    }
    let gcm = client
        .generate("compared-gcm", Algorithm::Aes256Gcm)
        .unwrap();
    for size in LARGE.into_iter().filter(|size| *size <= 64 << 10) {
        let data = &data[..size];
        let n = often(size);
        let encrypt = || gcm.encrypt(b"", data).unwrap();
        bench.measure(("AES-GCM encrypt", size), n, encrypt);
        let encrypted = encrypt().bytes;
        bench.measure(("AES-GCM decrypt", size), n, || {
            gcm.decrypt(b"", &encrypted).unwrap()
        });
    }
}

/// To verify takes no key that is kept: whoever verifies does so by a library of his own.
fn signatures(bench: &Bench, client: &Client) {
    let message = [7; 32];
    for (name, label, algorithm) in [
        ("ECDSA P-256", "compared-p256", Algorithm::EcdsaP256),
        ("Ed25519", "compared-ed25519", Algorithm::Ed25519),
    ] {
        let key = client.generate(label, algorithm).unwrap();
        let sign = || key.sign(&message).unwrap();
        bench.measure(&format!("{name} sign"), 100, sign);
        let words = ["sign", label, "--out", OUTPUT];
        command(bench, &format!("{name} sign"), &message, &words);
    }
    let pair = |label: &str| {
        let creation = client.create(label).algorithm(Algorithm::EcdhP256);
        creation.export_derived(true).generate().unwrap()
    };
    let (ours, theirs) = (pair("ours-p256"), pair("theirs-p256"));
    let theirs = theirs.public_key().unwrap();
    bench.measure("ECDH P-256", 50, || {
        let sources = client.combination().agree(&ours, &theirs);
        sources.export(32).unwrap()
    });
}

/// A key that is wrapped is what others call a session's: nothing is stored.
fn keys(bench: &Bench, client: &Client) {
    for (name, algorithm) in [
        ("generate AES key", Algorithm::Aes256Cmac),
        ("generate P-256 pair", Algorithm::EcdsaP256),
    ] {
        let mut number = 0;
        let mut creation = || {
            number += 1;
            let label = format!("{name}/{number}").replace(' ', "-");
            client.create(&label).algorithm(algorithm)
        };
        bench.measure(&format!("{name}, session"), 50, || {
            creation().wrapped().generate().unwrap()
        });
        bench.measure(&format!("{name}, stored"), 10, || {
            creation().generate().unwrap()
        });
    }
    let mut number = 0;
    bench.measure("delete key, stored", 5, || {
        number += 1;
        // The first are those of a session, of which nothing is stored.
        let label = format!("generate-AES-key/{}", 50 + number);
        client.delete(&label).unwrap();
    });
    bench.measure("find by label", 100, || {
        client.key("compared-cmac").unwrap()
    });
}

/// The command, from its start to its end: it opens a session, finds the key, and closes.
fn command(bench: &Bench, what: impl Into<What>, input: &[u8], words: &[&str]) {
    std::fs::write(INPUT, input).unwrap();
    bench.measure(what.into().by_command(), 20, || {
        let mut command = Command::new("claviger");
        command.args(words).args(["--in", INPUT]);
        let ran = command.stdout(Stdio::null()).status().unwrap();
        assert!(ran.success(), "{words:?}");
    });
}
