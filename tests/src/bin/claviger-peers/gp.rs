//! The core's cryptography by GlobalPlatform's API, as OP-TEE's own tool measures it: it opens a session, prepares one
//! operation, and has that done again and again on memory that stays shared.
//!
//! Its ciphers go on with one long message: no nonce, no tag and no setting up of a key is in their times. Its MACs are
//! whole ones. It tells the mean instead of the median.

use std::process::Command;

use claviger_tests::measure::{What, print};

use crate::{
    bulk::{CIPHER_SIZES, MAC_SIZES},
    rows::{left_out, repetitions},
};

/// It divides by a tenth of their number.
const FEWEST: usize = 10;

pub(crate) fn gp() {
    for size in MAC_SIZES {
        let tool = ["--hash-perf", "-a", "HMAC_SHA256"];
        measure("HMAC-SHA256", Some(size), &tool);
    }
    for size in CIPHER_SIZES {
        let tool = ["--aes-perf", "-k", "256", "-m"];
        for (operation, mode) in [
            ("AES-GCM encrypt", &["GCM"][..]),
            ("AES-GCM decrypt", &["GCM", "-d"]),
            ("AES-CTR", &["CTR"]),
        ] {
            measure(operation, Some(size), &[&tool, mode].concat());
        }
    }
    for (operation, algorithm) in [
        ("ECDSA P-256 sign", "ECDSA_SIGN"),
        ("ECDSA P-256 verify", "ECDSA_VERIFY"),
        // What it measures by this name is TEE_GenerateKey.
        ("generate P-256 pair, session", "ECDH"),
    ] {
        let tool = ["--asym-perf", "-d", "256", "-a", algorithm];
        measure(operation, None, &tool);
    }
}

fn measure(operation: &str, size: Option<usize>, tool: &[&str]) {
    let what = What {
        operation: operation.to_owned(),
        size,
        by: "gp",
    };
    let n = size.map_or(FEWEST, |size| repetitions(size).max(FEWEST));
    let mut xtest = Command::new("xtest");
    xtest.args(tool).args(["-w", "0", "-n", &n.to_string()]);
    if let Some(size) = size {
        xtest.args(["-s", &size.to_string()]);
    }
    let output = xtest.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    match (number(&text, "min="), number(&text, "mean=")) {
        (Some(min_us), Some(mean_us)) => print(what, min_us, mean_us, n, 0),
        _ => left_out(
            &what,
            format!("{text}{}", String::from_utf8_lossy(&output.stderr)),
        ),
    }
}

/// Of words such as `min=194.9us`.
fn number(text: &str, name: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    words.find_map(|word| word.strip_prefix(name)?.strip_suffix("us")?.parse().ok())
}
