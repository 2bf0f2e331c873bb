//! Components, shares and restores from the command line: each call a process of its own.

mod common;

use std::{fs, os::unix::fs::PermissionsExt};

use common::Device;
use serde_json::json;

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim().to_owned()
}

fn start(device: &Device) -> String {
    let start = "components start joint --algorithm aes-128-cmac --custodian 1000 --custodian 1001";
    text(device.line(start, b""))
}

#[test]
fn custodians_put_a_key_together() {
    let device = Device::new();
    let id = start(&device);
    let shown = device.run_as(1001, &["components", "show", &id], b"");
    let shown = text(shown.stdout);
    for part in ["joint", "aes-128-cmac", "16 bytes", "nobody", "root (0)"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let first = "0x00112233 44556677\n88:99:aa:bb:ccddeeff\n";
    let enter = ["components", "enter", &id, "--hex"];
    let run = device.run_as(1000, &enter, first.as_bytes());
    let expected = "1 of 2 are in; check value of this one: ";
    assert!(text(run.stdout).starts_with(expected), "{}", run.stderr);
    let second: Vec<u8> = (0..16).map(|place| (0x11 * place) ^ place).collect();
    let enter = ["components", "enter", &id, "--json"];
    let object = device.run_as(1001, &enter, &second).object();
    assert_eq!(
        (&object["key"], &object["origin"]),
        (&json!("joint"), &json!("assembled"))
    );
    assert_eq!(object["owner"]["user"], 0);

    // The key is 00 01 02 ... 0f.
    let whole: Vec<u8> = (0..16).collect();
    device.line("import whole --algorithm aes-128-cmac", &whole);
    assert_eq!(
        device.line("mac joint", b"m"),
        device.line("mac whole", b"m")
    );
    let value = device.line("mac whole", &[0; 16]);
    let value = &text(value)[..10];
    assert_eq!(object["key_check_value"], *value);
    let (code, stderr) = device.refuses(&format!("components show {id}"), b"");
    assert_eq!(code, 1);
    assert!(stderr.contains("no such ceremony"), "{stderr}");
}

#[test]
fn what_is_wrong_with_a_component_is_said() {
    let device = Device::new();
    let id = start(&device);
    let enter = |uid: u32, more: &[&str], bytes: &[u8]| {
        let arguments = [&["components", "enter", &id], more].concat();
        let run = device.run_as(uid, &arguments, bytes);
        (run.code, run.stderr)
    };
    let (code, stderr) = enter(1000, &[], &[7; 15]);
    assert_eq!(code, 1);
    assert!(stderr.contains("components show"), "{stderr}");
    assert_eq!(enter(1000, &["--hex"], b"00112").0, 1);
    // Text is not taken for bytes because its length happens to fit.
    for (written, hint) in [
        (&b"0011223344556677"[..], "--hex"),
        (b"SGVsbG8gd29ybGQh", "base64"),
    ] {
        let (code, stderr) = enter(1000, &[], written);
        assert!(code == 2 && stderr.contains(hint), "{stderr}");
    }
    assert_eq!(enter(1002, &[], &[7; 16]).0, 1);
    assert_eq!(enter(1000, &[], &[7; 16]).0, 0);
    let (code, stderr) = enter(1000, &[], &[8; 16]);
    assert_eq!(code, 1);
    assert!(stderr.contains("in already"), "{stderr}");
    assert_eq!(device.refuses("components cancel 00", b"").0, 2);
    device.line(&format!("components cancel {id}"), b"");
    assert_eq!(enter(1001, &[], &[9; 16]).0, 1);
    let alone = "components start j --algorithm aes-128-cmac --custodian 7";
    assert_eq!(device.refuses(alone, b"").0, 2);
    assert_eq!(device.refuses(&format!("{alone} --custodian 7"), b"").0, 2);
}

/// A device with a key `backup` that two of three holders restore, shared into `set`; the holders'
/// keys are `h1`, `h2` and `h3`.
fn shared() -> Device {
    let device = Device::new();
    let mut recipients = String::new();
    for holder in ["h1", "h2", "h3"] {
        let public = device.line(&format!("shares keygen --out {holder}"), b"");
        let public = device.write(&format!("{holder}.pem"), &public);
        recipients += &format!(" --recipient {public}");
    }
    let generate = "generate backup --algorithm hmac-sha256 --export shares --threshold 2";
    device.line(&format!("{generate}{recipients}"), b"");
    device.line(&format!("share backup --out set{recipients}"), b"");
    let key = device.line("device-key", b"");
    device.write("device.pem", &key);
    device
}

const SHARED: &str = "--manifest set/manifest --device-key device.pem";

#[test]
fn a_key_is_shared_and_restored_on_another_device() {
    let source = shared();
    let tag = source.line("mac backup", b"m");
    let mode = fs::metadata(source.path("h1"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let held = |holder: u8| format!("--share set/share-{holder} --holder-key h{holder}");
    let shown = source.json(&format!("shares verify {SHARED} {}", held(2)), b"");
    assert_eq!(
        (&shown["key"], &shown["share"]),
        (&json!("backup"), &json!(2))
    );
    assert_eq!(
        (&shown["threshold"], &shown["shares"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(shown["owner"]["user"], 0);

    let target = Device::new();
    target.write("device.pem", &source.read("device.pem"));
    fs::create_dir(target.path("set")).unwrap();
    target.write("set/manifest", &source.read("set/manifest"));
    target.line("lock", b"");
    let start = format!("restore start {SHARED} --out request");
    let (code, said) = target.refuses(&start, b"");
    assert_eq!(code, 1);
    assert!(said.contains("restore trust add"), "{said}");
    let info = target.json("info", b"");
    let confirm = info["confirmation"].as_str().unwrap();
    target.line(&format!("factory-reset --confirm {confirm}"), b"");
    let key = target.line("device-key", b"");
    let trusted = text(target.line("restore trust add --device-key device.pem", b""));
    assert!(trusted.starts_with("SHA256:"), "{trusted}");
    assert_eq!(
        target.json("restore trust list", b""),
        json!({ "devices": [trusted] })
    );
    target.line(&format!("restore trust remove {trusted}"), b"");
    assert_eq!(
        target
            .refuses(&format!("restore trust remove {trusted}"), b"")
            .0,
        1
    );
    target.line("restore trust add --device-key device.pem", b"");
    target.line("lock", b"");
    let id = text(target.line(&format!("restore start {SHARED} --out request"), b""));
    source.write("request", &target.read("request"));
    source.write("target.pem", &key);
    for holder in [3, 1] {
        let reencrypt = format!(
            "shares reencrypt {SHARED} {} --request request --target-key target.pem --owner 0 \
             --out sealed",
            held(holder)
        );
        let said = text(source.line(&reencrypt, b""));
        let expected = format!("share {holder} of backup, for 0 to own the key there");
        assert_eq!(said, expected);
        let given = target.json(&format!("restore share {id}"), &source.read("sealed"));
        if holder == 3 {
            assert_eq!(given, json!({ "entered": 1, "expected": 2 }));
            let again = target.refuses(&format!("restore share {id}"), &source.read("sealed"));
            assert_eq!(again.0, 1);
        } else {
            assert_eq!(given["origin"], "received");
        }
    }
    assert_eq!(target.line("mac backup", b"m"), tag);
    assert_eq!(target.refuses(&format!("restore cancel {id}"), b"").0, 1);
}

#[test]
fn what_is_not_authentic_is_told() {
    let device = shared();
    device.line("delete backup", b"");
    let refused = |line: &str| device.refuses(line, b"").0;
    // Another's share, another device, an altered manifest.
    let mixed = format!("shares verify {SHARED} --share set/share-1 --holder-key h2");
    assert_eq!(refused(&mixed), 3);
    let other = Device::new().line("device-key", b"");
    device.write("other.pem", &other);
    let by_other = "--manifest set/manifest --device-key other.pem";
    assert_eq!(refused(&format!("shares verify {by_other}")), 3);
    assert_eq!(
        refused(&format!("restore start {by_other} --out request")),
        3
    );
    let mut manifest = device.read("set/manifest");
    manifest[30] ^= 1;
    device.write("altered", &manifest);
    let altered = "shares verify --manifest altered --device-key device.pem";
    assert_eq!(refused(altered), 3);
    assert_eq!(
        refused("shares verify --manifest h1 --device-key device.pem"),
        3
    );
    let no_key = format!("shares verify {SHARED} --share set/share-1 --holder-key h1.pem");
    assert_eq!(refused(&no_key), 1, "as of every other file with a key");
    device.write("large", &vec![b'x'; 300_000]);
    for line in [
        format!("shares verify {SHARED} --share large --holder-key h1"),
        format!("shares verify {SHARED} --share set/share-1 --holder-key large"),
        "shares verify --manifest large --device-key device.pem".to_owned(),
        "shares verify --manifest set/manifest --device-key large".to_owned(),
    ] {
        let (code, said) = device.refuses(&line, b"");
        assert_eq!(code, 1, "{line}: {said}");
        assert!(said.contains("large is longer than anything"), "{said}");
    }

    let id = text(device.line(&format!("restore start {SHARED} --out request"), b""));
    let reencrypt = format!(
        "shares reencrypt {SHARED} --share set/share-1 --holder-key h1 --out sealed --owner 0 \
         --request request --target-key"
    );
    assert_eq!(refused(&format!("{reencrypt} other.pem")), 3);
    // For another owner than is expected; and without a word about that.
    let for_other = format!("{reencrypt} device.pem").replace("--owner 0", "--owner 1000");
    let (code, said) = device.refuses(&for_other, b"");
    assert_eq!(code, 1);
    assert!(said.contains("the request is for 0 to own it"), "{said}");
    let for_nobody = for_other.replace(" --owner 1000", "");
    assert_eq!(refused(&for_nobody), 2);
    assert!(!device.exists("sealed"));
    let quiet = format!("{reencrypt} device.pem --quiet");
    let quiet: Vec<_> = quiet.split(' ').collect();
    let said = device.run(&quiet, b"").stderr;
    assert_eq!(said, "");
    let as_given = device.read("set/share-1");
    let give = format!("restore share {id}");
    assert_eq!(device.refuses(&give, &as_given).0, 3);
    assert_eq!(device.refuses(&give, b"").0, 3);
    device.line(&give, &device.read("sealed"));
    device.line(&format!("restore cancel {id}"), b"");
    let sealed = device.read("sealed");
    assert_eq!(device.refuses(&give, &sealed).0, 1);
}

// openssl genpkey -algorithm x25519; openssl pkey -pubout (OpenSSL 3.0.19)
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VuBCIEIMB3JNGcYsE3DmOQX3lETH5D3x1B6t+SXJbGtWUMjO9l
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEAprVGVDhtj7sNoiJf58ADyZoOO1WZ9R7MUNhYY4F34kI=
-----END PUBLIC KEY-----
";

#[test]
fn holders_keys_are_those_of_openssl() {
    let device = Device::new();
    device.write("key.pem", PRIVATE.as_bytes());
    let public = device.write("public.pem", PUBLIC.as_bytes());
    let other = device.line("shares keygen --out other.pem", b"");
    let other = device.write("other.pub", &other);
    let recipients = format!("--recipient {public} --recipient {other}");
    let generate = "generate backup --algorithm aes-256-siv --export shares --threshold 2";
    device.line(&format!("{generate} {recipients}"), b"");
    device.line(&format!("share backup --out set {recipients}"), b"");
    let key = device.line("device-key", b"");
    device.write("device.pem", &key);
    for (index, key) in [(1, "key.pem"), (2, "other.pem")] {
        let held = format!("--share set/share-{index} --holder-key {key}");
        let shown = device.json(&format!("shares verify {SHARED} {held}"), b"");
        assert_eq!(shown["share"], index);
    }
}

/// Who lost a ceremony's name finds an id that ends it, and root ends anyone's.
#[test]
fn what_waits_is_listed_and_ended() {
    let device = Device::new();
    let start = |uid: u32| {
        let line = "components start joint --algorithm aes-128-cmac --custodian 7 --custodian 8";
        let arguments: Vec<&str> = line.split(' ').collect();
        device.run_as(uid, &arguments, b"")
    };
    let name = text(start(1000).stdout);
    let again = start(1000);
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("claviger pending list"),
        "{}",
        again.stderr
    );
    let list = |uid: u32| {
        let run = device.run_as(uid, &["pending", "list", "--json"], b"");
        run.object()["pending"].clone()
    };
    let pending = list(1000);
    let one = &pending[0];
    assert_eq!(
        (&one["kind"], &one["key"]),
        (&json!("components"), &json!("joint"))
    );
    let id = one["id"].as_str().unwrap();
    assert!(!name.contains(id), "{name} {id}");
    assert_eq!(list(1001), json!([]));
    for (uid, arguments, code) in [
        (1001, &["pending", "cancel", id][..], 1),
        (1001, &["pending", "cancel", "--owner", "1000"], 1),
        (1000, &["pending", "cancel"], 2),
        (1000, &["pending", "cancel", id, "--all"], 2),
        (1000, &["pending", "cancel", &name], 2),
        (1000, &["pending", "cancel", id], 0),
        (1000, &["pending", "cancel", id], 1),
    ] {
        let run = device.run_as(uid, arguments, b"");
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
    }
    assert_eq!(start(1000).code, 0);
    assert_eq!(start(1001).code, 0);
    let shown = device.ok_text(&["pending", "list"]);
    assert_eq!(shown.matches("key joint").count(), 2, "{shown}");
    assert_eq!(
        device.json("pending cancel --owner 1000", b"")["cancelled"],
        1
    );
    assert_eq!(device.json("pending cancel --all", b"")["cancelled"], 1);
    assert_eq!(device.ok_text(&["pending", "list"]).trim(), "nothing waits");
}

#[test]
fn root_sets_quotas_of_keys() {
    let device = Device::new();
    let make = |label: &str| {
        let arguments = ["generate", label, "--algorithm", "aes-128-cmac"];
        device.run_as(1000, &arguments, b"").code
    };
    assert_eq!((make("a"), make("b")), (0, 0));
    let shown = device.ok_text(&["quota", "set", "--owner", "1000", "--keys", "1"]);
    for part in ["1 (set by root)", "2; they stay"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(make("c"), 1);
    let quota = device
        .run_as(1000, &["quota", "show", "--json"], b"")
        .object();
    assert_eq!(
        (&quota["keys"], &quota["held"], &quota["set"]),
        (&json!(1), &json!(2), &json!(true))
    );
    let refused = device.run_as(
        1000,
        &["quota", "set", "--owner", "1000", "--keys", "9"],
        b"",
    );
    assert_eq!(refused.code, 1);
    assert_eq!(device.refuses("quota set --owner 0 --keys 9", b"").0, 1);
}
