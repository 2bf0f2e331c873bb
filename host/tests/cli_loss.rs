//! What a command line that goes wrong does not cost: no key, no file, nothing that serves once.

mod common;

use std::fs;

use common::Device;

/// A file that cannot be made.
const NOWHERE: &str = "no/such/file";

#[test]
fn a_file_that_may_be_the_only_one_is_not_replaced() {
    let device = Device::new();
    let generate = "generate unit --algorithm aes-128-siv --wrapped unit.key";
    device.line(generate, b"");
    let blob = device.line("seal @unit.key", b"data");
    device.line("shares keygen --out holder.key", b"");
    device.line("generate w --algorithm aes-128-siv --export wrapped", b"");
    for again in [
        generate,
        "shares keygen --out holder.key",
        "wrap w --out unit.key",
        "wrap w --out holder.key",
    ] {
        let before = (device.read("unit.key"), device.read("holder.key"));
        let (code, stderr) = device.refuses(again, b"");
        assert_eq!(code, 2, "{again}");
        assert!(stderr.contains("is there already"), "{stderr}");
        let after = (device.read("unit.key"), device.read("holder.key"));
        assert_eq!(before, after, "{again}");
    }
    assert_eq!(device.line("unseal @unit.key", &blob), b"data");
}

/// Makes a key `k` for two holders; gives the command line that shares it among them.
fn share_key(device: &Device) -> String {
    for number in 1..=2 {
        let pem = device.line(&format!("shares keygen --out h{number}.key"), b"");
        fs::write(device.path(&format!("h{number}.pem")), pem).unwrap();
    }
    let recipients = "--recipient h1.pem --recipient h2.pem";
    device.line(
        &format!("generate k --algorithm aes-256-siv --export shares --threshold 2 {recipients}"),
        b"",
    );
    format!("share k --out set {recipients}")
}

#[test]
fn a_set_of_shares_is_not_replaced() {
    let device = Device::new();
    let share = share_key(&device);
    // What is in the way is found before the device shares, and records that.
    fs::create_dir(device.path("set")).unwrap();
    device.write("set/share-2", b"another's");
    let (code, stderr) = device.refuses(&share, b"");
    assert!(
        code == 2 && stderr.contains("set/share-2 is there"),
        "{stderr}"
    );
    let log = device.line("audit read", b"");
    assert!(!String::from_utf8(log).unwrap().contains("shared"));
    assert!(!device.exists("set/share-1") && !device.exists("set/manifest"));
    fs::remove_file(device.path("set/share-2")).unwrap();
    device.line(&share, b"");
    let log = device.line("audit read", b"");
    assert!(String::from_utf8(log).unwrap().contains("shared"));
    let manifest = device.read("set/manifest");
    let (code, stderr) = device.refuses(&share, b"");
    assert_eq!(code, 2);
    assert!(stderr.contains("is there already"), "{stderr}");
    assert_eq!(device.read("set/manifest"), manifest);

    // Nor is a key made that could never be shared.
    let twice = "generate dup --algorithm aes-256-siv --export shares --threshold 2 \
                 --recipient h1.pem --recipient h1.pem";
    let (code, stderr) = device.refuses(twice, b"");
    assert_eq!(code, 2);
    assert!(stderr.contains("twice"), "{stderr}");
    assert_eq!(device.refuses("describe dup", b"").0, 1);
}

#[test]
fn what_began_ends_where_nobody_learns_of_it() {
    let device = Device::new();
    let share = share_key(&device);
    device.line(&share, b"");
    let pem = device.line("device-key", b"");
    fs::write(device.path("device.pem"), pem).unwrap();
    device.line("delete k", b"");
    let start = "restore start --manifest set/manifest --device-key device.pem --out";
    for nowhere in [NOWHERE, "/dev/full"] {
        let (code, _) = device.refuses(&format!("{start} {nowhere}"), b"");
        assert_eq!(code, 6, "{nowhere}");
    }
    device.line(&format!("{start} request"), b"");

    let components = "components start j --algorithm aes-128-cmac --custodian 1 --custodian 2";
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let words: Vec<_> = components.split_whitespace().collect();
    let mut process = device.process(&words);
    let status = process.stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(6));
    device.line(components, b"");
}

#[test]
fn a_challenge_is_not_spent_on_a_file_that_cannot_be() {
    let device = Device::new();
    device.line(
        "import c --algorithm aes-128-cmac --usage challenge --export-derived",
        &[7; 16],
    );
    let challenge = device.line("challenge c --me a --peer b", b"");
    let response = device.line("respond c --me b --peer a", &challenge);
    for nowhere in ["--session-key", "--out"] {
        let line = format!("confirm c {nowhere} {NOWHERE}");
        assert_eq!(device.refuses(&line, &response).0, 6);
    }
    device.line("confirm c --session-key session --out m3", &response);

    let (code, stderr) = device.refuses("challenge c --me a --peer a", b"");
    assert_eq!(code, 2);
    assert!(stderr.contains("--me and --peer"), "{stderr}");
}

#[test]
fn no_key_is_left_that_no_peer_can_have() {
    let device = Device::new();
    device.line("generate kem --algorithm x-wing", b"");
    let public = device.line("public-key kem --format raw", b"");
    fs::write(device.path("kem.pub"), public).unwrap();
    let line = "encapsulate --peer kem.pub --into z --algorithm kdf-cmac --ciphertext";
    assert_eq!(device.refuses(&format!("{line} /dev/full"), b"").0, 6);
    assert_eq!(device.refuses("describe z", b"").0, 1);
    device.line(&format!("{line} ciphertext"), b"");
}

#[test]
fn no_version_is_spent_on_what_none_may_protect() {
    let device = Device::new();
    let long = vec![7; 2 << 20];
    fs::write(device.path("long"), &long).unwrap();
    for bound in ["--rotate-after-bytes 256K", "--rotate-after-uses 4"] {
        let generate = format!("generate k --algorithm aes-256-siv {bound}");
        device.line(&generate, b"");
        for _ in 0..3 {
            let (code, stderr) = device.refuses("seal k --in long --out blob", b"");
            assert_eq!(code, 1);
            assert!(stderr.contains("in parts"), "{stderr}");
        }
        // Where nobody knows how long it is, it is seen on the way.
        let (code, stderr) = device.refuses("seal k --out blob", &long);
        assert_eq!(code, 1);
        assert!(stderr.contains("twice"), "{stderr}");
        assert!(!device.exists("blob"));
        // As much as there may be.
        let most = &long[..(512 << 10)];
        fs::write(device.path("most"), most).unwrap();
        device.line("seal k --in most --out blob", b"");
        assert_eq!(device.json("describe k", b"")["version"], 2);
        assert_eq!(device.line("unseal k --in blob", b""), most);
        fs::remove_file(device.path("blob")).unwrap();
        device.line("delete k", b"");
    }
}

#[test]
fn scripts_learn_what_is_missing() {
    let device = Device::new();
    let (code, stderr) = device.refuses("seal --json", b"");
    assert_eq!(code, 2);
    assert!(stderr.contains("<KEY>"), "{stderr}");
    let (_, stderr) = device.refuses("generate x --algorithm none --json", b"");
    assert!(stderr.contains("aes-256-siv"), "{stderr}");
}

#[test]
fn messages_name_what_is_wrong() {
    let device = Device::with_keys(&[
        ("s", "aes-256-siv"),
        ("g", "aes-128-gcm"),
        ("x", "x25519"),
        ("kem", "ml-kem-768"),
    ]);
    device.line(
        "import d --algorithm kdf-cmac --children kdf-cmac --format raw",
        &[7; 32],
    );
    for (name, bytes) in [
        ("text", b"text".to_vec()),
        ("large", vec![7; 200_000]),
        ("zero", vec![0; 32]),
    ] {
        fs::write(device.path(name), bytes).unwrap();
    }
    let long = "c".repeat(1025);
    for (line, code, why) in [
        (
            format!("seal s --context {long}"),
            1,
            "bytes of context: 1025 given, and 1024 at most",
        ),
        (
            format!("combine --source key=d#c --info {long} --secret out"),
            1,
            "bytes of info: 1025 given",
        ),
        (
            "import z --algorithm ecdsa-p256 --format raw --in zero".to_owned(),
            1,
            "not below the curve's order",
        ),
        ("seal @text --in text".to_owned(), 3, "no wrapped key"),
        ("seal @large --in text".to_owned(), 3, "no wrapped key"),
        ("seal @. --in text".to_owned(), 6, "is a directory"),
        ("agree s --peer text --secret out".to_owned(), 1, "usage"),
        (
            "combine --source agree=g,peer=text --secret out".to_owned(),
            1,
            "usage",
        ),
        (
            "decapsulate kem --ciphertext large --secret out".to_owned(),
            1,
            "than any ciphertext",
        ),
        ("catch-up g --in large".to_owned(), 3, "than a token"),
        (
            "encrypt g --in large".to_owned(),
            1,
            "with the associated data",
        ),
        ("unseal s --in .".to_owned(), 6, "is a directory"),
        ("reseal s .".to_owned(), 6, "no regular file"),
        ("seal s --in text --out .".to_owned(), 6, "is a directory"),
    ] {
        let (found, stderr) = device.refuses(&line, b"");
        assert_eq!(found, code, "{line}: {stderr}");
        assert!(stderr.contains(why), "{line}: {stderr}");
    }
    assert!(!device.exists("out"));
}
