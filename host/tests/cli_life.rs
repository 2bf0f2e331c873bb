//! Versions, states and policies from the command line.

mod common;

use common::{Device, pattern};
use serde_json::{Value, json};

#[test]
fn versions_come_and_go() {
    let device = Device::with_keys(&[("s", "aes-256-siv")]);
    let old = device.line("seal s --context c", b"data");
    let rotated = device.json("rotate s", b"");
    assert_eq!(rotated["versions"], json!([1, 2]));
    assert_eq!(rotated["warning"], json!(null));
    let text = String::from_utf8(device.line("describe s", b"")).unwrap();
    assert!(text.contains("2, opens and checks 1 too"), "{text}");
    let new = device.line("reseal s --context c", &old);
    assert_eq!(device.refuses("retire s 2", b"").0, 1);
    device.line("retire s 1", b"");
    assert_eq!(device.line("unseal s --context c", &new), b"data");
    let (code, stderr) = device.refuses("unseal s --context c", &old);
    assert_eq!(code, 3);
    assert!(
        stderr.contains("version 1 of the key, which is retired"),
        "{stderr}"
    );
    let (code, stderr) = device.refuses("retire s 1", b"");
    assert_eq!(code, 1);
    assert!(stderr.contains("no such version"), "{stderr}");
    for bad in ["retire s", "retire s one", "rotate", "rotate a$b"] {
        assert_eq!(device.refuses(bad, b"").0, 2, "{bad}");
    }
    assert_eq!(device.refuses("rotate none", b"").0, 1);
}

#[test]
fn states_follow_each_other() {
    let device = Device::new();
    device.line("generate s --algorithm aes-256-siv --pre-activation", b"");
    assert_eq!(device.refuses("seal s", b"x").0, 1);
    let state = |verb: &str| device.json(&format!("{verb} s"), b"")["state"].clone();
    assert_eq!(state("activate"), "active");
    let blob = device.line("seal s", b"x");
    assert_eq!(state("suspend"), "suspended");
    let (code, stderr) = device.refuses("seal s", b"x");
    assert_eq!(code, 1);
    assert!(stderr.contains("hint"), "{stderr}");
    assert_eq!(device.line("unseal s", &blob), b"x");
    assert_eq!(state("resume"), "active");
    assert_eq!(state("deactivate"), "deactivated");
    assert_eq!(device.refuses("resume s", b"").0, 1);
    assert_eq!(state("compromise"), "compromised");
    assert_eq!(state("destroy"), "destroyed");
    assert_eq!(device.refuses("unseal s", &blob).0, 1);
    let listed = String::from_utf8(device.line("list", b"")).unwrap();
    assert!(listed.contains("destroyed"), "{listed}");
    device.line("delete s", b"");
}

#[test]
fn policies_are_made_shown_and_tightened() {
    let device = Device::new();
    let generate = "generate s --algorithm aes-256-siv --grant 1000=unseal,seal \
                    --grant gid:7=unseal --owner-may seal --max-uses 9 --min-context 3 \
                    --rotate-after-uses 100 --rotate-after-bytes 1G --export wrapped";
    let key = device.json(generate, b"");
    let policy = &key["policy"];
    assert_eq!(policy["owner"], json!(["seal"]));
    assert_eq!(policy["grants"][0]["may"], json!(["seal", "unseal"]));
    assert_eq!(policy["grants"][1]["to"]["group"], 7);
    assert_eq!(policy["rotate_after_bytes"], 1 << 30);
    assert_eq!(policy["export"], "wrapped");
    let shown = device.run_as(1000, &["describe", "s", "--owner", "0"], b"");
    let text = String::from_utf8(shown.stdout).unwrap();
    for part in [
        "owner may     seal\n",
        "uses left     9 of 9\n",
        "context       at least 3 bytes\n",
        "export        as a wrapped key\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(device.refuses("unseal s --context abc", b"").0, 3);
    let (code, stderr) = device.refuses("seal s --context ab", b"x");
    assert_eq!(code, 1);
    assert!(stderr.contains("the context is shorter"), "{stderr}");
    let blob = device.line("seal s --context abc", b"x");
    let (code, stderr) = device.refuses("unseal s --context abc", &blob);
    assert_eq!(code, 1);
    assert!(stderr.contains("does not let this caller"), "{stderr}");

    let run = |uid, line: &str, stdin: &[u8]| {
        device.run_as(uid, &line.split(' ').collect::<Vec<_>>(), stdin)
    };
    let unseal = "unseal s --context abc --owner 0";
    assert_eq!(run(1000, unseal, &blob).stdout, b"x");
    assert_eq!(run(1001, unseal, &blob).code, 1);
    let listed = run(1000, "list --owner 0", b"").stdout;
    assert!(String::from_utf8(listed).unwrap().starts_with("s "));

    let tightened = device.json(
        "tighten s --grant 1000=seal --no-grant gid:7 --no-export",
        b"",
    );
    let policy = &tightened["policy"];
    assert_eq!(policy["grants"].as_array().unwrap().len(), 1);
    assert_eq!(policy["export"], "nothing");
    assert_eq!(run(1000, unseal, &blob).code, 1);
    device.line(
        "tighten s --max-uses 6 --min-context 4 --rotate-after-uses 50 --rotate-after-bytes 1M \
         --rollback-level 0",
        b"",
    );
    for looser in [
        "--owner-may seal,unseal",
        "--grant 1000=seal,unseal",
        "--grant 1002=seal",
        "--max-uses 7",
        "--min-context 3",
        "--rotate-after-uses 51",
        "--rotate-after-bytes 1G",
    ] {
        let (code, stderr) = device.refuses(&format!("tighten s {looser}"), b"");
        assert_eq!(code, 1, "{looser}");
        assert!(stderr.contains("only be tightened"), "{looser}: {stderr}");
    }
    assert_eq!(run(1000, "tighten s --owner 0 --no-export", b"").code, 1);
}

/// Each process takes up what the one before had reserved.
#[test]
fn uses_are_counted_one_by_one() {
    let device = Device::new();
    device.line("generate s --algorithm aes-256-siv --max-uses 100", b"");
    for left in [99, 98, 97] {
        device.line("seal s", b"x");
        assert_eq!(device.json("describe s", b"")["uses_left"], left);
    }
}

#[test]
fn policies_that_make_no_sense_are_refused() {
    let device = Device::new();
    let generate = |rest: &str| {
        let line = format!("generate x --algorithm aes-256-siv {rest}");
        device.refuses(&line, b"")
    };
    for (code, rest) in [
        (2, "--grant 1000"),
        (2, "--grant no-such-user=seal"),
        (2, "--grant 1000=fly"),
        (2, "--owner-may"),
        (2, "--max-uses many"),
        (2, "--rotate-after-bytes 1T"),
        (2, "--export envelope"),
        (2, "--export shares"),
        (2, "--export wrapped --threshold 2 --recipient none"),
        (2, "--threshold 2"),
        (2, "--recipient none"),
        (2, "--family f"),
        (2, "--wrapped -"),
        (6, "--wrapped no/such"),
        (6, "--export shares --threshold 2 --recipient none"),
        (1, "--grant 1000=sign"),
        (1, "--grant 0=seal"),
        (1, "--max-uses 0"),
        (1, "--children aes-256-siv"),
        (1, "--ratchet"),
        (1, "--wrapped w --max-uses 3"),
    ] {
        assert_eq!(generate(rest).0, code, "{rest}");
    }
    assert!(
        generate("--grant 1000=sign")
            .1
            .contains("permits seal, unseal")
    );
    assert!(!device.exists("w"), "nothing appears");
    device.write("short", &[1; 31]);
    let (code, stderr) = generate("--export shares --threshold 2 --recipient short");
    assert_eq!(code, 1);
    assert!(stderr.contains("no public key of x25519"), "{stderr}");
}

#[test]
fn shares_name_their_recipients() {
    let device = Device::with_keys(&[("a", "x25519"), ("b", "x25519")]);
    for label in ["a", "b"] {
        let pem = device.line(&format!("public-key {label}"), b"");
        device.write(&format!("{label}.pem"), &pem);
        let raw = device.line(&format!("public-key {label} --format raw"), b"");
        device.write(&format!("{label}.raw"), &raw);
    }
    let shares = |label: &str, ending: &str| {
        let line = format!(
            "generate {label} --algorithm aes-256-siv --export shares --threshold 2 \
             --recipient a.{ending} --recipient b.{ending}"
        );
        device.json(&line, b"")["policy"]["shares"].clone()
    };
    let (pem, raw) = (shares("k", "pem"), shares("l", "raw"));
    assert_eq!(pem, raw);
    assert_eq!((&pem["threshold"], &pem["shares"]), (&json!(2), &json!(2)));
    let text = String::from_utf8(device.line("describe k", b"")).unwrap();
    assert!(
        text.contains("in 2 shares, 2 of which restore it"),
        "{text}"
    );
}

#[test]
fn many_files_are_resealed_in_place() {
    let device = Device::with_keys(&[("s", "aes-256-siv")]);
    for (name, size) in [("a", 0), ("b", 200_000)] {
        let blob = device.line("seal s --context c", &pattern(size));
        device.write(name, &blob);
    }
    let good = device.read("b");
    device.write("bad", &good[..150_000]);
    device.line("rotate s", b"");
    device.line("seal s --context c --out new", b"new");
    let before = device.read("new");

    let run = device.run(
        &[
            "reseal",
            "s",
            "--context",
            "c",
            "a",
            "bad",
            "b",
            "none",
            "new",
        ],
        b"",
    );
    assert_eq!(run.code, 3, "that of the first failure: {}", run.stderr);
    assert_eq!(
        String::from_utf8(run.stdout).unwrap(),
        "2 resealed, 1 at the newest version already, 2 failed\n"
    );
    assert!(
        run.stderr.contains("claviger: bad: not authentic"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("none: the file cannot be read"),
        "{}",
        run.stderr
    );
    assert_eq!(device.read("bad"), &good[..150_000]);
    assert_eq!(device.read("new"), before);
    assert_eq!(device.files(), ["a", "b", "bad", "device", "new"]);

    let again = device.json("reseal s --context c a b", b"");
    assert_eq!(
        again,
        json!({ "resealed": [], "newest": ["a", "b"], "failed": [] })
    );
    device.line("retire s 1", b"");
    for (name, size) in [("a", 0), ("b", 200_000)] {
        let opened = device.line(&format!("unseal s --context c --in {name}"), b"");
        assert_eq!(opened, pattern(size));
    }
    let run = device.run(&["reseal", "s", "bad", "--json"], b"");
    assert_eq!(run.code, 3);
    let object: Value = serde_json::from_slice(&run.stdout).unwrap();
    let failed = &object["failed"][0];
    assert_eq!(
        (&failed["file"], &failed["status"]),
        (&json!("bad"), &json!("not-authentic"))
    );
    assert_eq!(device.refuses("reseal s a --out b", b"").0, 2);
    assert_eq!(device.refuses("reseal s", b"no blob").0, 3);
    let object = device.json("reseal s --context c --in a --out c", b"");
    assert_eq!(object, json!({ "out": "c", "blob_bytes": 64 }));
}

#[test]
fn ratchets_say_what_they_do_not_promise() {
    let device = Device::new();
    device.line("generate r --algorithm aes-128-cmac --ratchet", b"");
    let run = device.run(&["rotate", "r"], b"");
    assert_eq!(run.code, 0);
    assert!(
        run.stderr.contains("no rollback protection"),
        "{}",
        run.stderr
    );
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(text.contains("2, ratcheted"), "{text}");
    let object = device.json("rotate r", b"");
    assert!(object["warning"].as_str().unwrap().contains("rollback"));
    assert_eq!(object["versions"], json!([3]));
}

#[test]
fn ratchets_catch_up() {
    let device = Device::new();
    let secret = [7; 32];
    device.line("import r --algorithm aes-256-cmac --ratchet", &secret);
    let mut server = claviger::authority::Ratchet::new(&secret).unwrap();
    let token = server.token(12).unwrap();
    let mut forged = token;
    forged[27] ^= 1;
    assert_eq!(device.refuses("catch-up r", &forged).0, 3);
    assert_eq!(device.refuses("catch-up r", b"token").0, 3);
    assert_eq!(device.refuses("catch-up r", &[0; 100]).0, 3);
    assert_eq!(device.json("catch-up r", &token), json!({ "version": 12 }));
    let (code, stderr) = device.refuses("catch-up r", &token);
    assert_eq!(code, 1);
    assert!(stderr.contains("at that epoch already"), "{stderr}");
    server.catch_up_to(12).unwrap();
    device.line("import w --algorithm aes-256-cmac", &server.working_key());
    assert_eq!(device.line("mac r", b"m"), device.line("mac w", b"m"));
}

#[test]
fn macs_and_public_keys_have_versions() {
    let device = Device::with_keys(&[("m", "hmac-sha256"), ("p", "ecdsa-p384")]);
    let tag = String::from_utf8(device.line("mac m", b"x")).unwrap();
    let tag = tag.trim();
    let public = device.line("public-key p", b"");
    device.line("rotate m", b"");
    device.line("rotate p", b"");
    assert_eq!(
        device.refuses(&format!("verify-mac m --tag {tag}"), b"x").0,
        3
    );
    device.line(&format!("verify-mac m --tag {tag} --key-version 1"), b"x");
    assert_eq!(
        device
            .refuses(&format!("verify-mac m --tag {tag} --key-version 9"), b"x")
            .0,
        1
    );
    assert_ne!(device.line("public-key p", b""), public);
    assert_eq!(device.line("public-key p --key-version 1", b""), public);
    assert_eq!(device.json("mac m", b"x")["version"], 2);
    assert_eq!(device.json("sign p", b"x")["version"], 2);
    assert_eq!(device.line("sign p --raw", b"x").len(), 96);
}

#[test]
fn what_was_encrypted_is_decrypted() {
    let device = Device::with_keys(&[("g", "aes-256-gcm"), ("c", "aes-128-ccm")]);
    for label in ["g", "c"] {
        let sent = device.line(&format!("encrypt {label} --aad h"), b"text");
        let decrypt = |rest: &str| format!("decrypt {label} --aad {rest}");
        assert_eq!(device.line(&decrypt("h"), &sent), b"text");
        assert_eq!(device.refuses(&decrypt("i"), &sent).0, 3);
        assert_eq!(device.refuses(&decrypt("h"), &sent[1..]).0, 3);
        assert_eq!(device.refuses(&decrypt("h"), b"").0, 3);
        device.line(&format!("rotate {label}"), b"");
        assert_eq!(device.refuses(&decrypt("h"), &sent).0, 3);
        assert_eq!(device.line(&decrypt("h --key-version 1"), &sent), b"text");
        let (code, stderr) = device.refuses(&format!("encrypt {label}"), &pattern(131_073));
        assert_eq!(code, 1);
        assert!(stderr.contains("claviger seal"), "{stderr}");
    }
    let run = device.run(&["encrypt", "g", "--out", "sent"], b"text");
    assert!(run.stderr.ends_with("key version: 2\n"), "{}", run.stderr);
    let object = device.json("decrypt g --in sent", b"");
    assert_eq!(object, json!({ "data": "dGV4dA==" }));
    let object = device.json("encrypt g --out sent", b"text");
    assert_eq!(
        object,
        json!({ "encrypted": null, "out": "sent", "version": 2 })
    );
    device.line("decrypt g --in sent --out text", b"");
    assert_eq!(device.read("text"), b"text");
}
