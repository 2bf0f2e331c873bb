//! The names of all fields that `--json` prints: scripts rely on them.

mod common;

use common::Device;
use serde_json::{Value, json};

/// Values that differ from run to run.
const RANDOM: [&str; 12] = [
    "check_value",
    "id",
    "instance",
    "confirmation",
    "random",
    "blob",
    "signature",
    "x",
    "y",
    "message",
    "public_key",
    "out",
];

/// Puts `*` in the place of what differs from run to run.
fn masked(mut value: Value) -> String {
    fn mask(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if RANDOM.contains(&&**name) && value.is_string() {
                        *value = json!("*");
                    }
                    mask(value);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(mask),
            _ => {}
        }
    }
    mask(&mut value);
    value.to_string()
}

fn prints(device: &Device, arguments: &[&str], stdin: &[u8], expected: &str) {
    let arguments = [&["--json"], arguments].concat();
    assert_eq!(
        masked(device.run(&arguments, stdin).object()),
        expected,
        "{arguments:?}"
    );
}

fn fails(device: &Device, arguments: &[&str], stdin: &[u8], expected: &str) {
    let arguments = [arguments, &["--json"]].concat();
    let run = device.run(&arguments, stdin);
    let error = run.error();
    assert_eq!(error.to_string(), expected, "{arguments:?}");
    assert_eq!(error["exit"], run.code);
}

#[test]
fn the_device() {
    let device = Device::new();
    let mut info = device.run(&["info", "--json"], b"").object();
    // The numbers are the contract's; here it is about their names.
    info["vault"]["free"] = json!(0);
    for number in info["limits"].as_object_mut().unwrap().values_mut() {
        *number = json!(0);
    }
    assert_eq!(
        masked(info),
        r#"{"build":"test","client":"0.1.0","confirmation":"*","insecure":true,"instance":"*","limits":{"audit_log":0,"audit_logs":0,"batch":0,"caller_sessions":0,"ceremonies":0,"challenges":0,"chunk":0,"component_seconds":0,"context":0,"custodians":0,"grants":0,"header":0,"keys":0,"owner_keys":0,"owner_wrapped":0,"payload":0,"random":0,"restore_seconds":0,"sessions":0,"shares":0,"versions":0,"wrapped":0},"marks":null,"platform":"emulator","rollback_level":0,"store":0,"vault":{"damaged":0,"degraded":0,"free":0,"id":"*","keys":0,"locked":false,"missing":0,"read_only":false,"repaired":0},"version":"0.1.0","warning":"this is an emulator: it protects nothing"}"#,
    );
    let tests = device.run(&["self-test", "--json"], b"").object();
    assert_eq!(tests["passed"], true);
    assert_eq!(
        tests["results"][0].to_string(),
        r#"{"passed":true,"primitive":"aes-128-cmac"}"#
    );
    prints(&device, &["random", "5"], b"", r#"{"random":"*"}"#);
    prints(&device, &["lock"], b"", r#"{"locked":true}"#);
    let info = device.run(&["info", "--json"], b"").object();
    let token = info["confirmation"].as_str().unwrap();
    prints(
        &device,
        &["factory-reset", "--confirm", token],
        b"",
        r#"{"reset":true}"#,
    );
    let doctor = device.run(&["doctor", "--json"], b"").object();
    assert_eq!(doctor["usable"], true);
    assert_eq!(
        doctor["checks"][0].to_string(),
        r#"{"advice":null,"check":"session","finding":"the trusted application opens","verdict":"ok"}"#
    );
}

#[test]
fn keys() {
    let device = Device::new();
    let key = r#"{"algorithm":"aes-128-cmac","check_value":"*","children":null,"family":null,"fingerprint":null,"home":"vault","id":"*","key":"c","origin":"generated","owner":{"id":"*","name":"root","user":0},"policy":{"export":"nothing","export_derived":true,"fixed_owner":false,"grants":[],"max_uses":null,"min_context":0,"owner":["challenge"],"rollback_level":0,"rotate_after_bytes":null,"rotate_after_uses":null,"shares":null},"ratchet":false,"state":"active","usage":"challenge","uses_left":null,"version":1,"version_bytes":null,"version_uses":null,"versions":[1]}"#;
    let summary = r#"{"algorithm":"aes-128-cmac","id":"*","key":"c","may":["challenge"],"origin":"generated","owner":{"id":"*","name":"root","user":0},"state":"active","usage":"challenge","version":1}"#;
    let generate = "generate c --algorithm aes-128-cmac --usage challenge --export-derived";
    let made = key.replace("\"family\"", "\"created\":true,\"family\"");
    prints(
        &device,
        &generate.split(' ').collect::<Vec<_>>(),
        b"",
        &made,
    );
    prints(&device, &["describe", "c"], b"", key);
    prints(
        &device,
        &["list"],
        b"",
        &format!(r#"{{"keys":[{summary}]}}"#),
    );
    prints(
        &device,
        &["list", "--owner", "gid:7"],
        b"",
        r#"{"keys":[]}"#,
    );
    prints(
        &device,
        &["import", "m", "--algorithm", "hmac-sha256"],
        &[7; 32],
        r#"{"algorithm":"hmac-sha256","check_value":"*","children":null,"family":null,"fingerprint":null,"home":"vault","id":"*","key":"m","origin":"imported","owner":{"id":"*","name":"root","user":0},"policy":{"export":"nothing","export_derived":false,"fixed_owner":false,"grants":[],"max_uses":null,"min_context":0,"owner":["mac","verify-mac"],"rollback_level":0,"rotate_after_bytes":null,"rotate_after_uses":null,"shares":null},"ratchet":false,"state":"active","usage":"mac","uses_left":null,"version":1,"version_bytes":null,"version_uses":null,"versions":[1]}"#,
    );
    prints(&device, &["delete", "c"], b"", r#"{"deleted":"c"}"#);
}

#[test]
fn data() {
    let device = Device::with_keys(&[("s", "aes-256-siv"), ("p", "ecdsa-p256"), ("e", "ed25519")]);
    let sealed = device.run(&["seal", "s", "--json"], b"data").object();
    assert_eq!(masked(sealed.clone()), r#"{"blob":"*"}"#);
    device.ok_with(&["seal", "s", "--out", "blob"], b"data");
    prints(
        &device,
        &["unseal", "s", "--in", "blob"],
        b"",
        r#"{"data":"ZGF0YQ=="}"#,
    );
    prints(
        &device,
        &["unseal", "s", "--in", "blob", "--out", "plain"],
        b"",
        r#"{"out":"*","plaintext_bytes":4}"#,
    );
    prints(
        &device,
        &["seal", "s", "--out", "blob"],
        b"data!",
        r#"{"out":"*","plaintext_bytes":5}"#,
    );

    // RFC 4493, example 1.
    let key = [
        0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f,
        0x3c,
    ];
    device.ok_with(&["import", "m", "--algorithm", "aes-128-cmac"], &key);
    prints(
        &device,
        &["mac", "m"],
        b"",
        r#"{"mac":"ux1pKelZNyh/o30Sm3VnRg==","version":1}"#,
    );
    let tag = device.ok_text(&["mac", "m"]);
    prints(
        &device,
        &["verify-mac", "m", "--tag", tag.trim()],
        b"",
        r#"{"authentic":true}"#,
    );

    prints(
        &device,
        &["sign", "p"],
        b"x",
        r#"{"format":"der","signature":"*","version":1}"#,
    );
    prints(
        &device,
        &["sign", "p", "--raw"],
        b"x",
        r#"{"format":"raw","signature":"*","version":1}"#,
    );
    prints(
        &device,
        &["sign", "e", "--out", "sig"],
        b"x",
        r#"{"format":"raw","out":"*","version":1}"#,
    );
    prints(
        &device,
        &["public-key", "p"],
        b"",
        r#"{"algorithm":"ecdsa-p256","format":"pem","public_key":"*"}"#,
    );
    prints(
        &device,
        &["public-key", "p", "--format", "raw"],
        b"",
        r#"{"algorithm":"ecdsa-p256","format":"raw","public_key":"*"}"#,
    );
    prints(
        &device,
        &["public-key", "p", "--format", "jwk"],
        b"",
        r#"{"algorithm":"ecdsa-p256","format":"jwk","public_key":{"crv":"P-256","kty":"EC","x":"*","y":"*"}}"#,
    );
    prints(
        &device,
        &["public-key", "e", "--format", "jwk"],
        b"",
        r#"{"algorithm":"ed25519","format":"jwk","public_key":{"crv":"Ed25519","kty":"OKP","x":"*"}}"#,
    );
}

#[test]
fn challenges() {
    let device = Device::new();
    for label in ["b", "a"] {
        let import = [
            "import",
            label,
            "--algorithm",
            "aes-128-cmac",
            "--usage",
            "challenge",
            "--export-derived",
        ];
        device.ok_with(&import, &[3; 16]);
    }
    prints(
        &device,
        &["challenge", "b", "--me", "B", "--peer", "A"],
        b"",
        r#"{"message":"*"}"#,
    );
    prints(
        &device,
        &["challenge", "b", "--me", "B", "--peer", "A", "--out", "m1"],
        b"",
        r#"{"out":"*"}"#,
    );
    prints(
        &device,
        &["respond", "a", "--me", "A", "--peer", "B", "--in", "m1"],
        b"",
        r#"{"message":"*"}"#,
    );
    prints(
        &device,
        &[
            "respond", "a", "--me", "A", "--peer", "B", "--in", "m1", "--out", "m2",
        ],
        b"",
        r#"{"out":"*"}"#,
    );
    prints(
        &device,
        &["confirm", "b", "--in", "m2", "--out", "m3"],
        b"",
        r#"{"message":null,"out":"*","peer":"A","session_key_file":null}"#,
    );
    prints(
        &device,
        &["confirm", "a", "--in", "m3", "--session-key", "key"],
        b"",
        r#"{"message":null,"out":null,"peer":"B","session_key_file":"key"}"#,
    );
}

#[test]
fn errors() {
    let device = Device::with_keys(&[("s", "aes-256-siv")]);
    fails(
        &device,
        &["describe", "none"],
        b"",
        r#"{"error":{"code":32,"hint":"`claviger list` shows the keys of this user, `claviger list --granted` those of others that serve it: `--owner USER` names one of them","message":"no such key","status":"not-found"},"exit":1}"#,
    );
    fails(
        &device,
        &["describe", "a b"],
        b"",
        r#"{"error":{"code":null,"hint":"claviger --help","message":"invalid value 'a b' for '<KEY>': a name is made of A-Z a-z 0-9 . _ : / - only","status":"usage"},"exit":2}"#,
    );
    fails(
        &device,
        &["unseal", "s"],
        b"no blob",
        r#"{"error":{"code":null,"hint":null,"message":"this is not a sealed blob","status":"not-a-blob"},"exit":3}"#,
    );
    fails(
        &device,
        &["seal", "s", "--in", "none"],
        b"",
        r#"{"error":{"code":null,"hint":null,"message":"none cannot be read: No such file or directory (os error 2)","status":"local"},"exit":6}"#,
    );
}

#[test]
fn what_does_not_fit_in_an_object_is_refused() {
    let device = Device::with_keys(&[("s", "aes-256-siv")]);
    for arguments in [&["seal", "s"][..], &["random", "16777217"]] {
        let run = device.run(&[arguments, &["--json"]].concat(), &vec![0; 17 << 20]);
        assert_eq!(run.code, 2);
        assert!(
            run.error()["error"]["message"]
                .as_str()
                .unwrap()
                .contains("--out FILE")
        );
    }
}

/// What reads stderr reads one object, or nothing, whichever the command and however it ends: every
/// run of these tests is looked at, and here is every command.
#[test]
fn stderr_has_one_object_or_nothing() {
    fn commands(device: &Device, of: &[&str]) -> Vec<String> {
        let help = device.ok_text(&[of, &["--help"]].concat());
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names = lines.map_while(|line| line.strip_prefix("  "));
        let names = names.filter(|line| !line.starts_with(' '));
        let names = names.filter_map(|line| line.split(' ').next());
        names
            .filter(|name| *name != "help")
            .map(str::to_owned)
            .collect()
    }
    let device = Device::new();
    let all = commands(&device, &[]);
    assert!(all.len() > 40, "{all:?}");
    for command in &all {
        let sub = commands(&device, &[command]);
        for words in [
            vec![],
            vec!["k"],
            vec!["k", "--in", "/dev/null"],
            vec!["k", "1"],
        ] {
            // As they are, and as commands of a command.
            device.run(&[&[&**command], &words[..], &["--json"]].concat(), b"");
            for one in &sub {
                device.run(
                    &[&[&**command, &**one], &words[..], &["--json"]].concat(),
                    b"",
                );
            }
        }
    }
}
