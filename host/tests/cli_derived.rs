//! Wrapped, derived and combined keys from the command line.

mod common;

use std::{fs, os::unix::fs::PermissionsExt};

use claviger::{
    Algorithm,
    authority::{self, Role, Source},
};
use common::Device;
use serde_json::json;

#[test]
fn wrapped_keys_are_files() {
    let device = Device::new();
    let key = device.json(
        "generate w --algorithm aes-256-siv --wrapped w.clv --family f --grant 1000=unseal",
        b"",
    );
    assert_eq!(
        (&key["home"], &key["family"]),
        (&json!("wrapped"), &json!("f"))
    );
    assert!(device.line("list", b"").is_empty());
    let text = String::from_utf8(device.line("describe @w.clv", b"")).unwrap();
    assert!(text.contains("wrapped, of family f"), "{text}");
    let blob = device.line("seal @w.clv", b"data");
    assert_eq!(device.line("unseal @w.clv", &blob), b"data");
    let run = device.run_as(1000, &["unseal", "@w.clv"], &blob);
    assert_eq!(run.stdout, b"data");
    assert_eq!(device.run_as(1001, &["unseal", "@w.clv"], &blob).code, 1);
    assert_eq!(device.refuses("rotate @w.clv", b"").0, 1);
    assert_eq!(device.refuses("delete @w.clv", b"").0, 2);
    assert_eq!(device.refuses("seal @w.clv --owner 1000", b"x").0, 2);
    assert_eq!(device.refuses("seal @none", b"x").0, 6);
    let mut bytes = device.read("w.clv");
    bytes[30] ^= 1;
    device.write("forged", &bytes);
    device.write("long", &[0; 2000]);
    for file in ["forged", "long"] {
        assert_eq!(
            device.refuses(&format!("seal @{file}"), b"x").0,
            3,
            "{file}"
        );
    }

    device.line("generate k --algorithm aes-128-cmac --export wrapped", b"");
    device.line("wrap k --out k.clv --family g", b"");
    assert_eq!(device.line("mac k", b"m"), device.line("mac @k.clv", b"m"));
    assert_eq!(device.refuses("wrap k --out -", b"").0, 2);
    assert_eq!(device.refuses("wrap k", b"").0, 2);
    let object = device.json("revoke --family f", b"");
    assert_eq!(object["family"], json!("f"));
    assert!(object["generation"].as_u64().unwrap() > 0);
    let (code, stderr) = device.refuses("unseal @w.clv", &blob);
    assert_eq!(code, 1);
    assert!(stderr.contains("revoked"), "{stderr}");
    device.line("mac @k.clv", b"m");
    assert_eq!(device.refuses("revoke", b"").0, 2);
    assert_eq!(device.refuses("revoke --all --family f", b"").0, 2);
    assert_eq!(
        device
            .run_as(1000, &["revoke", "--all", "--owner", "0"], b"")
            .code,
        1
    );
    device.line("revoke --all", b"");
    assert_eq!(device.refuses("mac @k.clv", b"m").0, 1);
    device.line("generate stays --algorithm ed25519", b"");
    let (code, stderr) = device.refuses("wrap stays --out s.clv", b"");
    assert_eq!(code, 1);
    assert!(stderr.contains("does not let it leave"), "{stderr}");
    assert!(!device.exists("s.clv"));
}

#[test]
fn keys_come_wrapped() {
    let device = Device::new();
    let kek: Vec<u8> = (0..16).collect();
    let import = "import kek --algorithm aes-128-kw --children aes-128-cmac";
    device.line(import, &kek);
    assert_eq!(
        device
            .refuses("generate other --algorithm aes-128-kw", b"")
            .0,
        1
    );
    // RFC 3394, 4.1.
    let wrapped = [
        0x1f, 0xa6, 0x8b, 0x0a, 0x81, 0x12, 0xb4, 0x47, 0xae, 0xf3, 0x4b, 0xd8, 0xfb, 0x5a, 0x7b,
        0x82, 0x9d, 0x3e, 0x86, 0x23, 0x71, 0xd2, 0xcf, 0xe5,
    ];
    device.write("wrapped", &wrapped);
    device.line("lock", b"");
    let unwrap = "unwrap m --algorithm aes-128-cmac --kek kek --in wrapped";
    assert_eq!(device.refuses(&format!("{unwrap} --padded"), b"").0, 3);
    assert_eq!(device.json(unwrap, b"")["origin"], "received");
    assert_eq!(device.refuses(unwrap, b"").0, 1);
    let other = "unwrap n --algorithm aes-256-cmac --kek kek --in wrapped";
    assert_eq!(device.refuses(other, b"").0, 1);
    assert_eq!(
        device
            .refuses("unwrap n --algorithm aes-128-cmac", &wrapped)
            .0,
        2
    );
    device.line("rotate kek", b"");
    let line = "unwrap n --algorithm aes-128-cmac --kek kek --kek-version 1 --wrapped n.clv";
    device.line(line, &wrapped);
    assert_eq!(device.line("mac m", b"x"), device.line("mac @n.clv", b"x"));
    let refused = "unwrap o --algorithm aes-128-cmac --kek kek --kek-version 9";
    assert_eq!(device.refuses(refused, &wrapped).0, 1);
}

#[test]
fn children_are_named_behind_their_parents() {
    let device = Device::new();
    let secret = [5; 32];
    let line = "import p --algorithm hkdf-sha256 --children aes-128-cmac --export-derived";
    device.line(line, &secret);
    let text = String::from_utf8(device.line("describe p", b"")).unwrap();
    assert!(text.contains("children"), "{text}");
    let tag = device.line("mac p#line/3", b"m");
    assert_ne!(tag, device.line("mac p#line/4", b"m"));
    let derived = device.json("derive p#line/3 --into line-3", b"");
    assert_eq!(
        (&derived["origin"], &derived["algorithm"]),
        (&json!("derived"), &json!("aes-128-cmac"))
    );
    assert_eq!(device.line("mac line-3", b"m"), tag);
    device.line("derive p#line/3 --into w --wrapped w.clv", b"");
    assert_eq!(device.line("mac @w.clv", b"m"), tag);

    device.line("derive p#line/3 --secret secret", b"");
    let expected = authority::child(
        Algorithm::HkdfSha256,
        &secret,
        Role::of(Algorithm::Aes128Cmac),
        "line/3",
    )
    .unwrap();
    assert_eq!(device.read("secret"), *expected);
    let mode = fs::metadata(device.path("secret"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    for (code, line) in [
        (1, "derive p --into x --algorithm aes-128-cmac"),
        (1, "derive p#c --into x --algorithm aes-256-siv"),
        (1, "derive p#c --into p"),
        (1, "describe p#c"),
        (1, "delete p#c"),
        (1, "rotate p#c"),
        (1, "mac line-3#c"),
        (1, "seal p#c"),
        (2, "mac p#"),
        (2, "mac p#c#d"),
        (2, "derive p#c"),
        (2, "derive p#c --secret -"),
        (2, "derive p#c --secret s --into x"),
        (2, "derive p#c --secret s --ratchet"),
    ] {
        assert_eq!(device.refuses(line, b"").0, code, "{line}");
    }
    assert!(!device.exists("s"));

    device.line(
        "generate q --algorithm kdf-cmac --children aes-256-siv",
        b"",
    );
    let blob = device.line("seal q#c", b"data");
    assert_eq!(device.line("unseal q#c", &blob), b"data");
    let (code, stderr) = device.refuses("unseal q#d", &blob);
    assert_eq!(code, 3);
    assert!(stderr.contains("q now has id"), "{stderr}");
    assert!(
        device
            .refuses("unseal q#c --context x", &blob)
            .1
            .contains("another context")
    );
    let (code, stderr) = device.refuses("derive q#c --secret s", b"");
    assert_eq!(code, 1);
    assert!(stderr.contains("does not let it leave"), "{stderr}");
    device.line(
        "generate v --algorithm kdf-cmac --children hmac-sha256 --wrapped v.clv",
        b"",
    );
    device.line("mac @v.clv#c", b"m");
}

#[test]
fn two_sides_agree() {
    let device = Device::new();
    for algorithm in ["x25519", "ecdh-p256"] {
        for (side, peer) in [("a", "b"), ("b", "a")] {
            let line = format!("generate {side} --algorithm {algorithm} --export-derived");
            device.line(&line, b"");
            let format = if side == "a" { "der" } else { "pem" };
            let public = device.line(&format!("public-key {side} --format {format}"), b"");
            device.write(&format!("{side}.pub"), &public);
            device.write(&format!("{peer}.none"), b"");
        }
        for (side, peer) in [("a", "b"), ("b", "a")] {
            let agree = format!("agree {side} --peer {peer}.pub --info v1 --salt 0a0b");
            device.line(&format!("{agree} --secret {side}.secret --length 48"), b"");
            device.line(
                &format!("{agree} --into s{side} --algorithm hmac-sha256"),
                b"",
            );
            assert_eq!(device.refuses(&format!("{agree} --into x"), b"").0, 2);
            assert_eq!(
                device
                    .refuses(&format!("{agree} --secret s --length 65"), b"")
                    .0,
                1
            );
        }
        assert_eq!(device.read("a.secret"), device.read("b.secret"));
        assert_eq!(device.read("a.secret").len(), 48);
        assert_eq!(device.line("mac sa", b"m"), device.line("mac sb", b"m"));
        assert_eq!(device.refuses("agree a --peer b.none --secret s", b"").0, 1);
        let other = "agree a --peer b.pub --into x --algorithm ecdsa-p256";
        assert_eq!(device.refuses(other, b"").0, 1);
        for label in ["a", "b", "sa", "sb"] {
            device.line(&format!("delete {label}"), b"");
        }
    }
}

#[test]
fn a_ciphertext_tells_the_key() {
    let device = Device::with_keys(&[("m", "ml-kem-768"), ("x", "x-wing")]);
    for label in ["m", "x"] {
        assert_eq!(device.refuses(&format!("public-key {label}"), b"").0, 1);
        let public = device.line(&format!("public-key {label} --format raw"), b"");
        device.write("public", &public);
        let here = "encapsulate --peer public --ciphertext ct --into here --algorithm hmac-sha256";
        let object = device.json(here, b"");
        assert_eq!(object["ciphertext_file"], "ct");
        let there =
            format!("decapsulate {label} --ciphertext ct --into there --algorithm hmac-sha256");
        device.line(&there, b"");
        assert_eq!(
            device.line("mac here", b"m"),
            device.line("mac there", b"m")
        );
        device.write("short", &device.read("ct")[1..]);
        let short =
            format!("decapsulate {label} --ciphertext short --into y --algorithm hmac-sha256");
        assert_eq!(device.refuses(&short, b"").0, 1);
        let leave = format!("decapsulate {label} --ciphertext ct --secret s");
        assert_eq!(device.refuses(&leave, b"").0, 1);
        device.line("encapsulate --peer public --ciphertext ct --secret s", b"");
        assert_eq!(device.read("s").len(), 32);
        fs::remove_file(device.path("s")).unwrap();
        device.line("delete here", b"");
        device.line("delete there", b"");
    }
    device.write("public", &[1; 100]);
    let line = "encapsulate --peer public --ciphertext ct --secret s";
    let (code, stderr) = device.refuses(line, b"");
    assert_eq!(code, 1);
    assert!(stderr.contains("ml-kem-768 or x-wing"), "{stderr}");
    assert_eq!(
        device
            .refuses("encapsulate --peer public --secret s", b"")
            .0,
        2
    );
}

#[test]
fn sources_are_combined_in_their_order() {
    let device = Device::new();
    let secret = [5; 32];
    for label in ["p", "q"] {
        let line = format!("import {label} --algorithm kdf-cmac --export-derived");
        device.line(&line, &secret);
    }
    device.line("generate a --algorithm x25519 --export-derived", b"");
    let public = device.line("public-key a", b"");
    device.write("a.pem", &public);
    let combine = |sources: &[&str], out: &str| {
        let sources: Vec<_> = sources
            .iter()
            .map(|one| format!("--source {one}"))
            .collect();
        format!("combine {} --info i --secret {out}", sources.join(" "))
    };
    device.line(&combine(&["key=p", "key=q"], "pq"), b"");
    device.line(&combine(&["key=q", "key=p"], "qp"), b"");
    assert_ne!(device.read("pq"), device.read("qp"));
    let source = |name| Source::Key {
        name,
        secret: &secret,
    };
    let expected = authority::combine(&[source("p"), source("q")], b"", b"i", None, 32).unwrap();
    assert_eq!(device.read("pq"), *expected);

    device.line(&combine(&["key=p,owner=0", "key=q"], "same"), b"");
    assert_eq!(device.read("same"), device.read("pq"));
    device.line("rotate p", b"");
    device.line(&combine(&["key=p", "key=q"], "new"), b"");
    assert_ne!(device.read("new"), device.read("pq"));
    device.line("generate k --algorithm x-wing", b"");
    let kem = device.line("public-key k --format raw", b"");
    device.write("k.pub", &kem);
    let mixed = "combine --source key=p --source agree=a,peer=a.pem --source encapsulate=k.pub \
                 --ciphertext ct --into here --algorithm aes-128-cmac";
    device.line(mixed, b"");
    device.line("rotate k", b"");
    let back = "combine --source key=p --source agree=a,peer=a.pem \
                --source decapsulate=k,ciphertext=ct,version=1 --into there \
                --algorithm aes-128-cmac";
    device.line(back, b"");
    assert_eq!(
        device.line("mac here", b"m"),
        device.line("mac there", b"m")
    );

    for (code, line) in [
        (2, "combine --secret s".to_owned()),
        (2, combine(&["p"], "s")),
        (2, combine(&["encapsulate=k.pub"], "s")),
        (2, combine(&["key=p"], "s --ciphertext ct")),
        (1, combine(&["key=p"; 5], "s")),
        (1, combine(&["key=none"], "s")),
        (1, combine(&["key=a"], "s")),
        (2, combine(&["key=p,version=1"], "s")),
        (1, combine(&["decapsulate=k,ciphertext=ct,version=9"], "s")),
        (6, combine(&["agree=a,peer=none"], "s")),
    ] {
        assert_eq!(device.refuses(&line, b"").0, code, "{line}");
    }
    assert!(!device.exists("s"));
}
