//! The command line, about whose keys are whose.

mod common;

use common::Device;
use serde_json::{Value, json};

/// Users whom the emulator is told to speak for; nobody here has these numbers.
const APP: u32 = 60_001;
const OTHER: u32 = 60_002;

fn run(device: &Device, uid: u32, line: &str) -> common::Run {
    device.run_as(uid, &line.split_whitespace().collect::<Vec<_>>(), b"")
}

fn object(device: &Device, uid: u32, line: &str) -> Value {
    let run = run(device, uid, &format!("{line} --json"));
    assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    run.object()
}

fn text(device: &Device, uid: u32, line: &str) -> String {
    let run = run(device, uid, line);
    assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    String::from_utf8(run.stdout).unwrap()
}

/// What a log tells of what was not refused.
fn done(log: &Value) -> Vec<Value> {
    let records = log["records"].as_array().unwrap().iter();
    records
        .filter(|record| record["event"] != "refused")
        .cloned()
        .collect()
}

#[test]
fn users_and_groups_go_by_name_or_number_and_come_back_as_both() {
    let device = Device::new();
    let made = object(
        &device,
        0,
        "generate k --algorithm aes-256-siv --grant daemon=unseal --grant gid:daemon=seal \
         --grant 60001=seal --grant gid:3000000=unseal",
    );
    let to: Vec<_> = made["policy"]["grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| {
            let mut to = grant["to"].clone();
            assert!(to["id"].as_str().unwrap().len() == 36);
            to.as_object_mut().unwrap().remove("id");
            to
        })
        .collect();
    let expected = [
        json!({ "user": 1, "name": "daemon" }),
        json!({ "group": 1, "name": "daemon" }),
        json!({ "user": APP, "name": null }),
        json!({ "group": null, "name": null }),
    ];
    assert_eq!(to, expected);
    let shown = text(&device, 0, "describe k --owner root");
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "owner root (0) ",
        "granted daemon (1): unseal ",
        "granted gid:daemon (1): seal ",
        "granted 60001: seal ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Who has no number here is named by what is shown.
    let unknown = made["policy"]["grants"][3]["to"]["id"].as_str().unwrap();
    assert!(shown.contains(&format!("granted gid:{unknown}: unseal")));
    let tighten = format!("tighten k --no-grant daemon --no-grant gid:{unknown}");
    let tightened = object(&device, 0, &tighten);
    assert_eq!(tightened["policy"]["grants"].as_array().unwrap().len(), 2);
    assert_eq!(run(&device, 0, "--group root list").code, 0);
    for bad in [
        "list --owner no-such-user",
        "list --owner gid:no-such-group",
        "list --owner 4294967296",
        "--group no-such-group list",
        "tighten k --no-grant no-such-user",
        "chown k --to no-such-user",
        "components start j --algorithm aes-128-cmac --custodian root --custodian no-such-user",
    ] {
        let run = run(&device, 0, bad);
        assert_eq!(run.code, 2, "{bad}: {}", run.stderr);
        let names = ["no user", "no group"];
        assert!(names.iter().any(|name| run.stderr.contains(name)), "{bad}");
    }
    let log = object(&device, 0, "audit read --owner root");
    let owner = &log["records"][0]["owner"];
    assert_eq!(
        (&owner["user"], &owner["name"]),
        (&json!(0), &json!("root"))
    );
    assert_eq!(log["of"], *owner);
    let start = "components start j --algorithm aes-128-cmac --custodian root --custodian daemon";
    let ceremony = object(&device, 0, start);
    let ceremony = ceremony["ceremony"].as_str().unwrap();
    let shown = object(&device, 0, &format!("components show {ceremony}"));
    assert_eq!(shown["custodians"][1]["name"], "daemon");
    assert_eq!(shown["owner"]["user"], 0);
}

#[test]
fn who_is_granted_a_key_finds_it() {
    let device = Device::new();
    let generate = "generate k --algorithm aes-256-siv --grant 60001=unseal";
    assert_eq!(run(&device, 0, generate).code, 0);
    let own = run(&device, APP, "list");
    assert_eq!((own.code, own.stdout.len()), (0, 0));
    assert!(own.stderr.contains("list --granted"), "{}", own.stderr);
    let granted = text(&device, APP, "list --granted");
    assert!(granted.starts_with("k "), "{granted}");
    assert!(granted.contains("root (0)") && granted.contains("may unseal"));
    let granted = object(&device, APP, "list --granted");
    let key = &granted["keys"][0];
    assert_eq!(
        (&key["key"], &key["may"]),
        (&json!("k"), &json!(["unseal"]))
    );
    assert_eq!(
        (&key["through"], &key["owner"]["user"]),
        (&json!(null), &json!(0))
    );
    for line in [
        "unseal k",
        "describe k",
        "mac k",
        "batch mac k",
        "rotate k",
        "delete k",
    ] {
        let refused = run(&device, APP, line);
        assert_eq!(refused.code, 1, "{line}");
        let named = refused.stderr.contains("--owner root");
        assert!(named, "{line}: {}", refused.stderr);
        let other = run(&device, OTHER, line);
        assert!(!other.stderr.contains("--owner root"), "{line}");
    }
    // What a group is granted, or owns, serves through its session.
    let group = "--group root generate ours --algorithm aes-128-cmac";
    assert_eq!(run(&device, 0, group).code, 0);
    let granted = object(&device, APP, "list --granted");
    let ours = granted["keys"].as_array().unwrap();
    // Whoever runs this test may be in another group than root's.
    if let Some(ours) = ours.iter().find(|key| key["key"] == "ours") {
        assert_eq!(ours["through"]["name"], "root");
        let text = text(&device, APP, "list --granted");
        assert!(text.contains("through --group root"), "{text}");
    }
}

#[test]
fn root_lists_every_owner_and_gives_keys_to_others() {
    let device = Device::new();
    for (uid, label) in [(APP, "a"), (OTHER, "b"), (0, "c")] {
        let generate = format!("generate {label} --algorithm aes-256-siv");
        assert_eq!(run(&device, uid, &generate).code, 0);
    }
    let blob = device.run_as(APP, &["seal", "a"], b"data").stdout;
    let all = text(&device, 0, "list --all");
    assert_eq!(all.lines().count(), 3);
    for owner in ["60001", "60002", "root (0)"] {
        assert!(all.contains(owner), "{owner}: {all}");
    }
    assert_eq!(run(&device, APP, "list --all").code, 1);
    assert_eq!(run(&device, 0, "list --all --granted").code, 2);
    assert_eq!(run(&device, 0, "list --all --owner 1").code, 2);
    // Whose key root means, if it has none of its own.
    assert!(run(&device, 0, "rotate a").stderr.contains("--owner 60001"));
    assert_eq!(run(&device, APP, "chown a --to 60002").code, 1);
    let given = object(&device, 0, "chown a --owner 60001 --to 60002");
    assert_eq!(given["owner"]["user"], OTHER);
    let opened = device.run_as(OTHER, &["unseal", "a"], &blob);
    assert_eq!(opened.stdout, b"data");
    assert_eq!(run(&device, APP, "describe a").code, 1);
    let log = object(&device, 0, "audit read --owner 60001");
    let done = done(&log);
    let [.., was, now] = &done[..] else {
        panic!("two records: {log}")
    };
    let told = |record: &Value| {
        let field = |name: &str| record[name].as_str().unwrap().to_owned();
        (
            field("event"),
            record["owner"]["user"].clone(),
            field("key"),
        )
    };
    assert_eq!(told(was), ("given-away".into(), json!(APP), "a".into()));
    assert_eq!(told(now), ("now".into(), json!(OTHER), "a".into()));
    assert_eq!(was["caller"]["name"], "root");
    // A group takes one, too, and a fixed owner keeps his.
    let given = object(&device, 0, "chown a --owner 60002 --to gid:daemon");
    assert_eq!(given["owner"]["group"], 1);
    let tighten = object(&device, 0, "tighten c --fixed-owner");
    assert_eq!(tighten["policy"]["fixed_owner"], true);
    let refused = run(&device, 0, "chown c --to daemon");
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("stay with its owner"));
    assert!(text(&device, 0, "describe c").contains("its owner is fixed"));
}

#[test]
fn a_key_is_renamed() {
    let device = Device::new();
    assert_eq!(
        run(&device, APP, "generate a --algorithm aes-256-siv").code,
        0
    );
    assert_eq!(
        run(&device, APP, "generate b --algorithm aes-256-siv").code,
        0
    );
    let blob = device.run_as(APP, &["seal", "a"], b"data").stdout;
    assert_eq!(object(&device, APP, "rename a c")["key"], "c");
    assert_eq!(device.run_as(APP, &["unseal", "c"], &blob).stdout, b"data");
    assert_eq!(run(&device, APP, "unseal a").code, 1);
    let taken = run(&device, APP, "rename c b");
    assert_eq!(taken.code, 1);
    assert!(taken.stderr.contains("exists already"), "{}", taken.stderr);
    assert_eq!(run(&device, APP, "rename c a/b:c.d").code, 0);
    assert_eq!(run(&device, APP, "rename a/b:c.d x#y").code, 2);
    let by_root = object(&device, 0, "rename a/b:c.d a --owner 60001");
    assert_eq!(by_root["owner"]["user"], APP);
    let log = object(&device, 0, "audit read");
    let done = done(&log);
    let [.., was, now] = &done[..] else {
        panic!("two records: {log}")
    };
    assert_eq!(
        (&was["event"], &was["key"]),
        (&json!("renamed"), &json!("a/b:c.d"))
    );
    assert_eq!((&now["event"], &now["key"]), (&json!("now"), &json!("a")));
}

#[test]
fn a_key_is_made_where_there_is_none() {
    let device = Device::new();
    let line = "generate k --algorithm aes-256-siv --owner-may seal --grant 60002=unseal \
                --grant daemon=seal --max-uses 9 --if-absent";
    let first = object(&device, APP, line);
    assert_eq!(first["created"], true);
    // In whatever order grants are given.
    let again = "generate k --algorithm aes-256-siv --owner-may seal --grant daemon=seal \
                 --grant 60002=unseal --max-uses 9 --if-absent";
    let second = object(&device, APP, again);
    assert_eq!(second["created"], false);
    assert_eq!(second["id"], first["id"]);
    let said = run(&device, APP, line);
    assert!(said.stderr.contains("exists"), "{}", said.stderr);
    assert_eq!(run(&device, APP, &line.replace(" --if-absent", "")).code, 1);
    for (from, to, attribute) in [
        ("aes-256-siv", "aes-128-siv", "algorithm"),
        ("--owner-may seal", "--owner-may unseal", "owner"),
        ("--grant daemon=seal", "", "grants"),
        ("--grant daemon=seal", "--grant daemon=unseal", "grants"),
        ("--max-uses 9", "", "max_uses"),
        ("--max-uses 9", "--max-uses 10", "max_uses"),
        (
            "--max-uses 9",
            "--max-uses 9 --min-context 1",
            "min_context",
        ),
        ("--max-uses 9", "--max-uses 9 --export wrapped", "export"),
        ("--max-uses 9", "--max-uses 9 --fixed-owner", "fixed_owner"),
    ] {
        let refused = run(&device, APP, &line.replace(from, to));
        assert_eq!(refused.code, 1, "{to}: {}", refused.stderr);
        let named = format!("differs in its {attribute}");
        assert!(refused.stderr.contains(&named), "{to}: {}", refused.stderr);
    }
    let usage = "generate c --algorithm aes-128-cmac --if-absent";
    assert_eq!(run(&device, APP, usage).code, 0);
    let refused = run(&device, APP, &format!("{usage} --usage challenge"));
    assert!(refused.stderr.contains("differs in its usage"));
    let log = object(&device, APP, "audit read");
    let created = log["records"].as_array().unwrap().iter();
    assert_eq!(
        created
            .filter(|record| record["event"] == "created")
            .count(),
        2
    );
    let wrapped = "generate w --algorithm aes-128-siv --wrapped w --if-absent";
    assert_eq!(run(&device, APP, wrapped).code, 2);
    for (change, state, hint) in [
        ("suspend", "suspended", "resume"),
        ("deactivate", "deactivated", "another label"),
        ("compromise", "compromised", "another label"),
        ("destroy", "destroyed", "another label"),
    ] {
        assert_eq!(run(&device, APP, &format!("{change} c")).code, 0);
        let refused = run(&device, APP, usage);
        assert_eq!(refused.code, 1, "{state}: {}", refused.stderr);
        for part in [format!("and is {state}"), hint.to_owned()] {
            assert!(refused.stderr.contains(&part), "{part}: {}", refused.stderr);
        }
    }
    let waits = "generate p --algorithm aes-128-siv --if-absent";
    for code in [0, 0] {
        assert_eq!(
            run(&device, APP, &format!("{waits} --pre-activation")).code,
            code
        );
    }
    let refused = run(&device, APP, waits);
    assert!(
        refused.code == 1 && refused.stderr.contains("activate"),
        "{}",
        refused.stderr
    );
    assert_eq!(run(&device, APP, "activate p").code, 0);
    assert_eq!(run(&device, APP, waits).code, 0);
}

#[test]
fn of_many_who_make_a_key_at_once_one_does() {
    let device = Device::new();
    let arguments = [
        "generate",
        "k",
        "--algorithm",
        "aes-256-siv",
        "--if-absent",
        "--json",
    ];
    let running: Vec<_> = (0..8)
        .map(|_| device.process(&arguments).spawn().unwrap())
        .collect();
    let mut created = 0;
    for one in running {
        let output = one.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        created += u32::from(object["created"] == true);
    }
    assert_eq!(created, 1);
}

#[test]
fn what_is_refused_is_named() {
    let device = Device::new();
    for (line, option) in [
        ("--max-uses 0", "--max-uses"),
        ("--owner-may mac", "--owner-may"),
        ("--grant 60002=mac", "--grant"),
        ("--grant root=seal", "--grant"),
        ("--grant 1=seal --grant daemon=unseal", "--grant"),
        ("--rotate-after-bytes 0", "--rotate-after-bytes"),
        ("--min-context 1025", "--min-context"),
        ("--export-derived", "--export-derived"),
        ("--ratchet", "--ratchet"),
        ("--children aes-128-cmac", "--children"),
        ("--usage mac", "--usage"),
        ("--wrapped w --max-uses 3", "--max-uses"),
        ("--wrapped w --export wrapped", "--export"),
        ("--wrapped w --pre-activation", "--pre-activation"),
    ] {
        let refused = run(
            &device,
            0,
            &format!("generate k --algorithm aes-256-siv {line}"),
        );
        assert_eq!(refused.code, 1, "{line}: {}", refused.stderr);
        let hint = format!("look at {option}");
        assert!(refused.stderr.contains(&hint), "{line}: {}", refused.stderr);
        let others = [
            "--max-uses",
            "--grant",
            "--min-context",
            "--ratchet",
            "--export",
        ];
        let named = others
            .iter()
            .filter(|other| refused.stderr.contains(**other));
        assert!(named.count() <= 2, "{line}: {}", refused.stderr);
    }
    let made = "generate k --algorithm aes-256-siv --max-uses 9 --grant 60002=seal --fixed-owner";
    assert_eq!(run(&device, 0, made).code, 0);
    for (line, option) in [
        ("--max-uses 10", "--max-uses"),
        ("--max-uses 0", "--max-uses"),
        ("--grant 60002=seal,unseal", "--grant"),
        ("--grant 60003=seal", "--grant"),
    ] {
        let refused = run(&device, 0, &format!("tighten k {line}"));
        assert_eq!(refused.code, 1, "{line}");
        let hint = format!("look at {option}");
        assert!(refused.stderr.contains(&hint), "{line}: {}", refused.stderr);
    }
    for (line, option) in [
        ("wrap k --out w", "--export wrapped"),
        (
            "share k --recipient r --recipient r --out s",
            "--export shares",
        ),
    ] {
        device.ok(&["generate", "x", "--algorithm", "x25519"]);
        let public = device.ok(&["public-key", "x"]);
        device.write("r", &public);
        device.ok(&["delete", "x"]);
        let refused = run(&device, 0, line);
        assert_eq!(refused.code, 1, "{line}: {}", refused.stderr);
        assert!(
            refused.stderr.contains(option),
            "{line}: {}",
            refused.stderr
        );
    }
}

#[test]
fn tightening_by_nothing_is_none() {
    let device = Device::new();
    device.ok(&[
        "generate",
        "k",
        "--algorithm",
        "aes-256-siv",
        "--max-uses",
        "9",
    ]);
    let nothing = run(&device, 0, "tighten k");
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);
    let records = |device: &Device| {
        let log = object(device, 0, "audit read");
        log["records"].as_array().unwrap().len()
    };
    let before = records(&device);
    for same in [
        "--max-uses 9",
        "--no-export",
        "--owner-may seal,unseal",
        "--no-grant daemon",
    ] {
        let tightened = object(&device, 0, &format!("tighten k {same}"));
        assert_eq!(tightened["policy"]["max_uses"], 9);
    }
    assert_eq!(records(&device), before);
    object(&device, 0, "tighten k --max-uses 8");
    assert_eq!(records(&device), before + 1);
}

#[test]
fn a_key_that_cannot_serve_here_is_not_made_without_a_word() {
    let device = Device::new();
    let made = object(
        &device,
        0,
        "generate k --algorithm aes-256-siv --rollback-level 1000",
    );
    let warning = made["warning"].as_str().unwrap();
    assert!(warning.contains("does not serve"), "{warning}");
    let import = [
        "import",
        "i",
        "--algorithm",
        "aes-128-cmac",
        "--rollback-level",
        "100",
    ];
    let said = device.run(&import, &[7; 16]);
    assert_eq!(said.code, 0);
    assert!(said.stderr.contains("does not serve"), "{}", said.stderr);
    device.ok(&["generate", "t", "--algorithm", "aes-256-siv"]);
    let refused = run(&device, 0, "tighten t --rollback-level 1000");
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(
        object(&device, 0, "describe t")["policy"]["rollback_level"],
        0
    );
    let forced = object(&device, 0, "tighten t --rollback-level 1000 --force");
    assert_eq!(forced["policy"]["rollback_level"], 1000);
    assert_eq!(run(&device, 0, "tighten t --force --max-uses 3").code, 2);
}

#[test]
fn what_is_not_there_is_no_fault_of_the_command_line() {
    let device = Device::new();
    let absent = run(&device, 0, "certificate");
    assert_eq!((absent.code, absent.stdout.len()), (1, 0));
    assert!(
        absent.stderr.contains("install-certificate"),
        "{}",
        absent.stderr
    );
    let json = run(&device, 0, "certificate --json").stderr;
    let error: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&error["exit"], &error["error"]["status"]),
        (&json!(1), &json!("no-certificate"))
    );
    device.write("long", &[0x30; 4000]);
    assert_eq!(run(&device, 0, "install-certificate --in long").code, 1);
}
