//! Keys in files, signatures checked without the device: as other programs write and read them.

mod common;

use std::fs;

use assert_cmd::Command;
use common::{Device, pattern, program};

/// A file that another program made: see `data/keys/make.py`.
fn made(name: &str) -> String {
    format!("{}/tests/data/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn content(name: &str) -> Vec<u8> {
    fs::read(made(name)).unwrap()
}

fn fingerprint(name: &str) -> String {
    String::from_utf8(content(&format!("good/{name}.fingerprint"))).unwrap()
}

#[test]
fn keys_come_in_as_people_have_them() {
    let device = Device::new();
    device.write("passphrase", b"correct horse\n");
    for (place, (file, options, algorithm, pair)) in [
        ("p256-pkcs8.pem", "", "ecdsa-p256", "p256"),
        ("p256-sec1-parameters.pem", "", "ecdsa-p256", "p256"),
        (
            "p256-sec1-31-bytes.der",
            " --algorithm ecdh-p256",
            "ecdh-p256",
            "p256",
        ),
        (
            "p384-encrypted.pem",
            " --passphrase-file passphrase",
            "ecdsa-p384",
            "p384",
        ),
        (
            "ed25519-encrypted.openssh",
            " --passphrase-file passphrase",
            "ed25519",
            "ed25519",
        ),
        ("x25519.jwk", " --format jwk", "x25519", "x25519"),
        ("ed25519.raw", " --algorithm ed25519", "ed25519", "ed25519"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = made(&format!("good/{file}"));
        let key = device.json(&format!("import k{place} --in {file}{options}"), b"");
        assert_eq!(key["algorithm"], algorithm, "{file}");
        assert_eq!(key["fingerprint"], fingerprint(pair), "{file}");
        assert!(key["check_value"].is_null());
        let text = device.ok_text(&["describe", &format!("k{place}")]);
        assert!(text.contains(&fingerprint(pair)), "{text}");
    }
    // The same key has the same check value, however it comes. Python's `cryptography` computed it.
    let digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    for (label, options, bytes) in [
        ("raw", "", (0..32).collect::<Vec<u8>>()),
        ("hex", "", format!("{digits}\n").into_bytes()),
        ("jwk", " --format jwk", content("good/oct.jwk")),
        ("said", " --format hex", digits.as_bytes().to_vec()),
    ] {
        let line = format!("import {label} --algorithm aes-256-gcm{options}");
        let key = device.json(&line, &bytes);
        assert_eq!(key["check_value"], "377822c093", "{label}");
        assert!(key["fingerprint"].is_null());
        let text = device.ok_text(&["describe", label]);
        assert!(text.contains("377822c093"), "{text}");
    }
    let hs256 = device.json(&format!("import hs --in {}", made("good/hs256.jwk")), b"");
    assert_eq!(hs256["algorithm"], "hmac-sha256");
    let made_here = device.json("generate g --algorithm aes-128-siv", b"");
    assert_eq!(made_here["check_value"].as_str().unwrap().len(), 10);
}

#[test]
fn what_is_no_key_is_refused_and_named() {
    let device = Device::new();
    device.write("wrong", b"battery staple");
    let encrypted = made("good/p256-encrypted.pem");
    let digits = "00112233445566778899aabbccddeeff";
    for (line, stdin, code, said) in [
        (
            format!("import x --in {encrypted}"),
            "",
            2,
            "there is no passphrase",
        ),
        (
            format!("import x --in {encrypted} --passphrase-file wrong"),
            "",
            3,
            "the passphrase does not open it",
        ),
        (
            "import x --algorithm aes-256-cmac".to_owned(),
            digits,
            2,
            "raw, as 32 bytes, or hex",
        ),
        (
            "import x --algorithm hmac-sha256".to_owned(),
            digits,
            2,
            "--format says which",
        ),
        ("import x".to_owned(), digits, 2, "name its algorithm"),
        (
            "import x --passphrase-fd 0".to_owned(),
            "",
            2,
            "can be read once only",
        ),
        (
            "import x --passphrase-fd 0 --passphrase-file wrong".to_owned(),
            "",
            2,
            "cannot be used with",
        ),
        (
            format!("import x --in {}", made("bad/rsa.pem")),
            "",
            1,
            "type RSA",
        ),
        (
            format!("import x --in {}", made("bad/p521.openssh")),
            "",
            1,
            "type ecdsa-sha2-nistp521",
        ),
        (
            format!("import x --in {}", made("bad/mismatch-sec1.der")),
            "",
            1,
            "the public half",
        ),
        (
            format!("import x --in {}", made("bad/certificate-p256.pem")),
            "",
            1,
            "a certificate",
        ),
        (
            format!(
                "import x --algorithm ed25519 --in {}",
                made("good/p256-pkcs8.pem")
            ),
            "",
            1,
            "of type P-256; wanted is a key for ed25519",
        ),
        (
            format!("import x --format der --in {}", made("bad/empty")),
            "",
            1,
            "malformed DER",
        ),
    ] {
        let (found, stderr) = device.refuses(&line, stdin.as_bytes());
        assert_eq!(found, code, "{line}: {stderr}");
        assert!(stderr.contains(said), "{line}: {stderr}");
    }
    // For scripts.
    let line = ["import", "x", "--algorithm", "aes-256-cmac", "--json"];
    let run = device.run(&line, digits.as_bytes());
    assert_eq!(run.error()["error"]["status"], "ambiguous");
    let run = device.run(&["import", "x", "--json", "--in", &encrypted], b"");
    assert_eq!(run.error()["error"]["status"], "passphrase-missing");
    let rsa = made("bad/rsa.pem");
    let run = device.run(&["import", "x", "--json", "--in", &rsa], b"");
    assert_eq!(run.error()["error"]["status"], "bad-key");
    assert!(device.ok_text(&["list"]).is_empty());
}

#[test]
fn a_passphrase_comes_by_a_descriptor_too() {
    let device = Device::new();
    device.write("passphrase", b"correct horse\r\nand more");
    let encrypted = made("good/p256-encrypted-scrypt.der");
    let mut shell = Command::new("sh");
    shell
        .args([
            "-c",
            r#""$0" import k --in "$1" --passphrase-fd 7 7<passphrase"#,
        ])
        .args([program().to_str().unwrap(), &encrypted])
        .env("CLAVIGER_EMULATOR", device.store())
        .env("CLAVIGER_EMULATOR_UID", "0")
        .current_dir(device.path("."));
    shell.assert().success();
    let line = format!("import l --in {encrypted} --passphrase-fd 0");
    device.line(&line, b"correct horse");
    let (one, other) = (
        device.json("describe k", b""),
        device.json("describe l", b""),
    );
    assert_eq!(one["fingerprint"], other["fingerprint"]);
}

#[test]
fn public_keys_are_taken_in_every_form_and_other_things_named() {
    let device = Device::with_keys(&[("dh", "ecdh-p256"), ("x", "x25519")]);
    for form in [
        "p256-public.pem",
        "p256-public.der",
        "p256-public.jwk",
        "p256-public.raw",
        "p256-compressed.raw",
        "layout-one-line.pem",
        "layout-76-columns.pem",
        "layout-blank-lines.pem",
        "layout-byte-order-mark.pem",
        "layout-crlf.pem",
        "layout-other-blocks.pem",
    ] {
        let label = form.replace('.', "-");
        let peer = made(&format!("good/{form}"));
        let line = format!("agree dh --peer {peer} --into {label} --algorithm aes-256-cmac");
        let first = device.json(&line, b"");
        // All are one public key.
        assert_eq!(
            first["check_value"],
            device.json("describe p256-public-pem", b"")["check_value"]
        );
    }
    let agree = "agree x --into y --algorithm aes-256-cmac --peer";
    let recipients = format!(
        "generate y --algorithm aes-256-siv --export shares --threshold 2 --recipient {} --recipient",
        made("good/x25519-public.pem")
    );
    let restore = "restore start --manifest none --out r --device-key";
    let audit = "audit verify --log none --checkpoint none --device-key";
    let verify = "verify --signature none --public-key";
    let encapsulate = "encapsulate --ciphertext c --into y --algorithm kdf-cmac --peer";
    device.write("none", b"");
    for (line, file, said) in [
        (
            agree,
            "bad/certificate-p256.pem",
            "it holds a certificate; wanted is",
        ),
        (
            agree,
            "good/x25519-pkcs8.pem",
            "it holds a private key of type X25519",
        ),
        (agree, "bad/x25519-zero.pem", "of small order"),
        (
            agree,
            "good/p256-public.pem",
            "a public key of type P-256; wanted is",
        ),
        (&recipients, "bad/x25519-zero.pem", "of small order"),
        (
            &recipients,
            "bad/certificate-p256.pem",
            "it holds a certificate",
        ),
        (restore, "bad/request.pem", "it holds a certificate request"),
        (
            audit,
            "good/p256-encrypted.pem",
            "it holds an encrypted private key",
        ),
        (verify, "bad/rsa-public.pem", "type RSA"),
        (
            verify,
            "good/x25519-public.pem",
            "a public key of type X25519; wanted is",
        ),
        (
            encapsulate,
            "good/p256-public.pem",
            "wanted is a public key of ml-kem-768 or x-wing",
        ),
    ] {
        let (code, stderr) = device.refuses(&format!("{line} {}", made(file)), b"");
        assert_eq!(code, 1, "{line} {file}: {stderr}");
        assert!(stderr.contains(said), "{line} {file}: {stderr}");
    }
    for (file, said) in [
        (
            "good/p256-public.pem",
            "it holds a public key of type P-256; wanted is a certificate",
        ),
        ("good/p256-pkcs8.pem", "it holds a private key"),
        ("bad/request.pem", "it holds a certificate request"),
        ("bad/certificate.der", "none whose public key"),
        ("good/p256-with-certificate.pem", "none whose public key"),
    ] {
        let line = format!("install-certificate --in {}", made(file));
        let (code, stderr) = device.refuses(&line, b"");
        assert_eq!(code, 1, "{file}: {stderr}");
        assert!(stderr.contains(said), "{file}: {stderr}");
    }
}

#[test]
fn signatures_of_other_programs_are_verified_without_a_device() {
    let device = Device::new();
    let message = content("good/message.raw");
    let run = |line: &str, stdin: &[u8]| {
        let mut command = Command::new(program());
        command
            .args(line.split(' '))
            .env_remove("CLAVIGER_EMULATOR")
            .current_dir(device.path("."))
            .write_stdin(stdin);
        command.output().unwrap().status.code().unwrap()
    };
    for name in ["p256", "p384", "ed25519"] {
        let signature = made(&format!("good/{name}-signature.raw"));
        for form in ["public.pem", "public.jwk"] {
            let key = made(&format!("good/{name}-{form}"));
            let line = format!("verify --public-key {key} --signature {signature}");
            assert_eq!(run(&line, &message), 0, "{name}");
            assert_eq!(run(&line, b"a messagf"), 3, "{name}");
            assert_eq!(run(&line, b""), 3, "{name}");
        }
        let ssh = made(&format!("good/{name}.ssh"));
        let line = format!("verify --public-key {ssh} --signature {signature}");
        assert_eq!(run(&line, &message), 0, "{name}");
        let mut altered = fs::read(&signature).unwrap();
        let last = altered.len() - 1;
        altered[last] ^= 1;
        for wrong in [
            &altered[..],
            &altered[..last],
            b"",
            &[7; 64],
            &[0; 64],
            &[0; 2000],
        ] {
            device.write("wrong", wrong);
            let line = format!("verify --public-key {ssh} --signature wrong");
            assert_eq!(run(&line, &message), 3, "{name}: {}", wrong.len());
        }
    }
    let key = made("good/p256-public.pem");
    for line in [
        "verify --signature x".to_owned(),
        format!("verify k --public-key {key} --signature x"),
        format!("verify --public-key {key} --signature - --in -"),
        format!("verify --public-key {key} --signature x --key-version 1"),
    ] {
        assert_eq!(run(&line, b""), 2, "{line}");
    }
}

#[test]
fn what_is_signed_is_verified_in_every_form() {
    let device = Device::with_keys(&[("a", "ecdsa-p256"), ("b", "ecdsa-p384"), ("e", "ed25519")]);
    device.write("long", &pattern(3 << 20));
    device.write("short", b"a message");
    for (key, options, message) in [
        ("a", "", "long"),
        ("a", " --raw", "short"),
        ("b", "", "short"),
        ("b", " --raw", "long"),
        ("e", "", "short"),
        ("e", " --ed25519ph", "long"),
        ("e", " --ed25519ph", "short"),
    ] {
        device.line(
            &format!("sign {key}{options} --in {message} --out sig"),
            b"",
        );
        let ph = options.replace(" --raw", "");
        let verified = device.json(
            &format!("verify {key} --signature sig --in {message}{ph}"),
            b"",
        );
        assert_eq!(verified["authentic"], true);
        assert_eq!(verified["version"], 1, "{key}{options}");
        for format in ["pem", "der", "jwk", "ssh", "raw"] {
            device.line(
                &format!("public-key {key} --format {format} --out pub"),
                b"",
            );
            let line = format!("verify --public-key pub --signature sig --in {message}{ph}");
            assert_eq!(device.json(&line, b"")["authentic"], true, "{key} {format}");
        }
        let other = if message == "long" { "short" } else { "long" };
        let line = format!("verify {key} --signature sig --in {other}{ph}");
        assert_eq!(device.refuses(&line, b"").0, 3);
    }
    // Ed25519ph is not Ed25519.
    device.line("sign e --in short --out pure", b"");
    device.line("sign e --in short --ed25519ph --out ph", b"");
    assert_ne!(device.read("pure"), device.read("ph"));
    let line = "verify e --in short --signature";
    assert_eq!(device.refuses(&format!("{line} ph"), b"").0, 3);
    assert_eq!(
        device.refuses(&format!("{line} pure --ed25519ph"), b"").0,
        3
    );
    // An older version is found, and can be asked for.
    device.line("rotate e", b"");
    assert_eq!(device.json(&format!("{line} pure"), b"")["version"], 1);
    assert_eq!(
        device
            .refuses(&format!("{line} pure --key-version 2"), b"")
            .0,
        3
    );
    device.line(&format!("{line} pure --key-version 1"), b"");
}

#[test]
fn a_digest_is_signed_and_verified() {
    let device = Device::with_keys(&[("a", "ecdsa-p256"), ("b", "ecdsa-p384"), ("e", "ed25519")]);
    // SHA-256, SHA-384 and SHA-512 of "abc" (FIPS 180-2).
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let sha384 = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc23\
                  58baeca134c825a7";
    let sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a8\
                  36ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    for (key, digest, options) in [
        ("a", sha256, ""),
        ("b", sha384, ""),
        ("e", sha512, " --ed25519ph"),
    ] {
        device.line(
            &format!("sign {key} --digest {digest}{options} --out sig"),
            b"",
        );
        device.line(&format!("verify {key} --signature sig{options}"), b"abc");
        device.line(
            &format!("verify {key} --signature sig --digest {digest}{options}"),
            b"",
        );
        assert_eq!(
            device
                .refuses(&format!("verify {key} --signature sig{options}"), b"abd")
                .0,
            3
        );
    }
    for (line, said) in [
        (
            format!("sign a --digest {sha384}"),
            "SHA-256, 32 bytes; given were 48",
        ),
        (
            format!("sign b --digest {sha256}"),
            "SHA-384, 48 bytes; given were 32",
        ),
        (
            format!("sign e --digest {sha512}"),
            "--ed25519ph signs the SHA-512",
        ),
        (
            format!("sign e --ed25519ph --digest {sha256}"),
            "SHA-512, 64 bytes",
        ),
        ("sign a --ed25519ph".to_owned(), "is for ed25519 keys"),
        (
            format!("sign a --digest {sha256} --in x"),
            "cannot be used with",
        ),
        (
            format!("verify a --signature sig --digest {sha384}"),
            "SHA-256, 32 bytes",
        ),
    ] {
        let (code, stderr) = device.refuses(&line, b"");
        assert_eq!(code, 2, "{line}: {stderr}");
        assert!(stderr.contains(said), "{line}: {stderr}");
    }
    let (code, stderr) = device.fails(&["sign", "e"], &pattern(133_233));
    assert_eq!(code, 1);
    assert!(
        stderr.contains("at most 133232 bytes; --ed25519ph"),
        "{stderr}"
    );
}

#[test]
fn a_public_key_goes_to_a_file_in_every_form() {
    let device = Device::with_keys(&[("x", "x25519")]);
    device.line(
        &format!("import e --in {}", made("good/ed25519-pkcs8.pem")),
        b"",
    );
    for (format, expected) in [("pem", "ed25519-public.pem"), ("ssh", "ed25519.ssh")] {
        device.line(&format!("public-key e --format {format} --out pub"), b"");
        let read = String::from_utf8(device.read("pub")).unwrap();
        let expected = String::from_utf8(content(&format!("good/{expected}"))).unwrap();
        // Of a line of OpenSSH's, not the comment.
        assert_eq!(read.trim().trim_end_matches(" e"), expected.trim());
    }
    let object = device.json("public-key e --format der --out pub", b"");
    assert_eq!(object["out"], "pub");
    assert_eq!(device.read("pub").len(), 44);
    let (code, stderr) = device.refuses("public-key x --format ssh --out none", b"");
    assert_eq!(code, 1);
    assert!(stderr.contains("OpenSSH has no keys of x25519"), "{stderr}");
    assert!(!device.exists("none"));
}
