//! `audit verify`: what it says of whose log, and with which exit code.

mod common;

use claviger::proto::audit::Record;
use common::{Device, Run};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Users whom the emulator is told to speak for; nobody here has these numbers.
const ALICE: u32 = 60_001;
/// See [`ALICE`].
const BOB: u32 = 60_002;

const NONCE: &str = "00112233";

fn run(device: &Device, uid: u32, line: &str) -> Run {
    device.run_as(uid, &line.split_whitespace().collect::<Vec<_>>(), b"")
}

fn done(device: &Device, uid: u32, line: &str) -> Vec<u8> {
    let run = run(device, uid, line);
    assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    run.stdout
}

/// Three keys of this user's, each in a start of the device; then its log and a checkpoint of it, as NAME.log and NAME.signed.
fn three(device: &Device, uid: u32, name: &str) {
    for label in ["a", "b", "c"] {
        let line = format!("generate {label} --algorithm aes-256-siv");
        done(device, uid, &line);
    }
    read(device, uid, name);
    sign(device, uid, &format!("--nonce {NONCE}"), name);
}

fn read(device: &Device, uid: u32, name: &str) {
    done(device, uid, &format!("audit read --out {name}.log"));
}

fn sign(device: &Device, uid: u32, options: &str, name: &str) {
    let line = format!("audit checkpoint {options} --out {name}.signed");
    done(device, uid, &line);
}

/// A device with Alice's log and Bob's, and the public key beside it.
fn device() -> Device {
    let device = Device::new();
    for (uid, name) in [(ALICE, "alice"), (BOB, "bob")] {
        three(&device, uid, name);
    }
    device.write("device.pem", &done(&device, ALICE, "device-key"));
    device
}

fn vault(device: &Device) -> String {
    let info = device.json("info", b"");
    info["vault"]["id"].as_str().unwrap().to_owned()
}

fn line(log: &str, signed: &str, options: &str) -> String {
    format!(
        "audit verify --log {log}.log --checkpoint {signed}.signed --device-key device.pem {options}"
    )
}

/// What is said of a log that passes, as text and JSON.
fn passes(device: &Device, log: &str, signed: &str, options: &str) -> (String, Value) {
    let line = line(log, signed, options);
    let text = String::from_utf8(done(device, BOB, &line)).unwrap();
    (text, run(device, BOB, &format!("{line} --json")).object())
}

/// The status and hint, of a log that does not pass; both outputs must say so.
fn fails(device: &Device, log: &str, signed: &str, options: &str) -> (String, String) {
    let line = line(log, signed, options);
    let told = run(device, BOB, &line);
    assert!(told.code == 3 && told.stdout.is_empty(), "{line}: {told:?}");
    let object = run(device, BOB, &format!("{line} --json")).error();
    assert_eq!(object["exit"], 3);
    let said = |name: &str| object["error"][name].as_str().unwrap_or("").to_owned();
    assert!(told.stderr.contains(&said("message")), "{}", told.stderr);
    (
        said("status"),
        format!("{} {}", said("message"), said("hint")),
    )
}

/// The log without its oldest records, as anyone can make it.
fn without_front(log: &[u8], count: u64) -> Vec<u8> {
    let (front, rest) = log.split_at(8 + 16 + 17);
    let (first, rest) = rest.split_first_chunk().unwrap();
    let (before, mut rest) = rest.split_first_chunk::<32>().unwrap();
    let mut before = *before;
    for _ in 0..count {
        let (record, behind) = Record::decode(rest).unwrap();
        before = Sha256::digest([&before[..], &record.encode()].concat()).into();
        rest = behind;
    }
    let first = u64::from_be_bytes(*first) + count;
    [front, &first.to_be_bytes(), &before, rest].concat()
}

/// The rest of the line that begins so.
fn row<'a>(text: &'a str, name: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(name));
    found
        .unwrap_or_else(|| panic!("no {name} in {text}"))
        .trim()
}

#[test]
fn it_says_whose_log_it_is_and_what_was_expected() {
    let device = device();
    let vault = vault(&device);
    let options = format!("--owner {ALICE} --vault {vault} --nonce {NONCE}");
    let (text, object) = passes(&device, "alice", "alice", &options);
    assert_eq!(row(&text, "log of"), "60001 (as expected)");
    assert_eq!(row(&text, "vault"), format!("{vault} (as expected)"));
    assert_eq!(row(&text, "nonce"), format!("{NONCE} (as expected)"));
    assert!(row(&text, "signed").starts_with("in boot 4, 20"), "{text}");
    assert_eq!(row(&text, "covered"), "3 records of 3 ever");
    assert_eq!(
        (&object["of"]["user"], &object["vault"]),
        (&json!(ALICE), &json!(vault))
    );
    let verified = &object["verified"];
    let all = json!({ "owner": true, "vault": true, "nonce": true });
    assert_eq!(verified["checked"], all);
    let (covered, behind) = (&verified["covered"], &verified["not_covered"]);
    assert_eq!((covered, behind), (&json!(3), &json!(0)));
    assert_eq!(
        (&verified["first"], &verified["since"]),
        (&json!(0), &json!(null))
    );
    assert_eq!(
        (&verified["boot"], &verified["nonce"]),
        (&json!(4), &json!("ABEiMw=="))
    );

    let (text, object) = passes(&device, "alice", "alice", "");
    assert_eq!(
        row(&text, "log of"),
        "60001 (not checked: --owner or --shared)"
    );
    assert_eq!(
        row(&text, "vault"),
        format!("{vault} (not checked: --vault)")
    );
    let nonce = format!("{NONCE} (freshness not checked: --nonce)");
    assert_eq!(row(&text, "nonce"), nonce);
    let none = json!({ "owner": false, "vault": false, "nonce": false });
    assert_eq!(object["verified"]["checked"], none);
    // Names are this machine's.
    for bad in [
        "--owner root",
        "--owner 1 --shared",
        "--vault 12",
        "--nonce xy",
        "--nonce=",
    ] {
        assert_eq!(
            run(&device, BOB, &line("alice", "alice", bad)).code,
            2,
            "{bad}"
        );
    }
}

#[test]
fn another_s_log_is_not_the_expected_one() {
    let device = device();
    let (text, object) = passes(&device, "bob", "bob", "");
    assert!(row(&text, "log of").starts_with("60002"), "{text}");
    assert_eq!(object["of"]["user"], BOB);
    let (status, said) = fails(&device, "bob", "bob", &format!("--owner {ALICE}"));
    assert_eq!(status, "unexpected-log");
    assert!(said.contains("60002"), "{said}");
    let gid = format!("--owner gid:{BOB}");
    for options in ["--shared", &gid] {
        assert_eq!(fails(&device, "bob", "bob", options).0, "unexpected-log");
    }
    assert_eq!(fails(&device, "alice", "bob", "").0, "other-log");

    done(&device, 0, "audit read --shared --out shared.log");
    sign(&device, 0, "--shared", "shared");
    let (text, _) = passes(&device, "shared", "shared", "--shared");
    let whose = "callers who have none of their own (shared) (as expected)";
    assert_eq!(row(&text, "log of"), whose);
    let status = fails(&device, "shared", "shared", "--owner 0").0;
    assert_eq!(status, "unexpected-log");
}

#[test]
fn another_vault_s_log_is_not_the_expected_one() {
    let (device, other) = (device(), device());
    let wanted = format!("--vault {}", vault(&device));
    passes(&device, "alice", "alice", &wanted);
    passes(&other, "alice", "alice", "");
    let (status, said) = fails(&other, "alice", "alice", &wanted);
    assert_eq!(status, "unexpected-vault");
    assert!(said.contains(&vault(&other)), "{said}");
    // Its log and its checkpoint, under this device's key.
    for file in ["alice.log", "alice.signed"] {
        device.write(&format!("other-{file}"), &other.read(file));
    }
    let status = |log, signed| fails(&device, log, signed, "").0;
    assert_eq!(status("other-alice", "alice"), "other-log");
    assert_eq!(status("alice", "other-alice"), "checkpoint-not-signed");
}

#[test]
fn an_old_checkpoint_passes_for_no_new_one() {
    let device = device();
    done(&device, ALICE, "delete a");
    read(&device, ALICE, "new");
    sign(&device, ALICE, "--nonce 44556677", "new");
    passes(&device, "new", "new", "--nonce 44556677");
    // The log is cut behind the old checkpoint.
    let (text, _) = passes(&device, "alice", "alice", "");
    assert!(text.contains("freshness not checked"), "{text}");
    for nonce in ["44556677", "001122", "0011223300"] {
        let (status, said) = fails(&device, "alice", "alice", &format!("--nonce {nonce}"));
        assert_eq!(status, "unexpected-nonce");
        assert!(said.contains("an old one"), "{said}");
    }
    assert_eq!(fails(&device, "alice", "new", "").0, "log-missing");
    // Without a nonce none is expected.
    sign(&device, ALICE, "", "none");
    let (text, object) = passes(&device, "new", "none", "");
    assert_eq!(row(&text, "nonce"), "none (freshness not checked)");
    assert_eq!(object["verified"]["nonce"], "");
    let (status, said) = fails(&device, "new", "none", "--nonce 00");
    assert!(
        status == "unexpected-nonce" && said.contains("it has none"),
        "{said}"
    );
}

#[test]
fn records_behind_the_checkpoint_are_not_covered() {
    let device = device();
    done(&device, ALICE, "delete a");
    done(&device, ALICE, "delete b");
    read(&device, ALICE, "later");
    let options = format!("--nonce {NONCE}");
    let (text, object) = passes(&device, "later", "alice", &options);
    assert!(text.contains("NOT covered by the checkpoint"), "{text}");
    assert!(text.contains("not the device's: 2 records"), "{text}");
    assert_eq!(row(&text, "covered"), "3 records of 3 ever");
    let count = |name: &str| object[name].as_array().unwrap().len();
    assert_eq!((count("records"), count("not_covered")), (3, 2));
    let verified = &object["verified"];
    assert_eq!(
        (&verified["covered"], &verified["not_covered"]),
        (&json!(3), &json!(2))
    );
    // A record of another's put there is not covered either.
    let bob = device.read("bob.log");
    let forged = [&device.read("alice.log")[..], &bob[8 + 16 + 17 + 8 + 32..]].concat();
    device.write("forged.log", &forged);
    let (_, object) = passes(&device, "forged", "alice", &options);
    assert_eq!(object["verified"]["not_covered"], 3);
}

#[test]
fn what_was_cut_off_in_front_is_told_from_what_was_overwritten() {
    let device = device();
    let log = device.read("alice.log");
    for count in 1..=3 {
        device.write("cut.log", &without_front(&log, count));
        let (status, said) = fails(&device, "cut", "alice", "");
        assert_eq!(status, "log-front-missing");
        let text = format!("{count} records before number {count} are not shown");
        assert!(said.contains(&text), "{said}");
    }
    for _ in 0..30 {
        done(&device, ALICE, "delete a");
        done(&device, ALICE, "generate a --algorithm aes-256-siv");
    }
    read(&device, ALICE, "full");
    sign(&device, ALICE, "", "full");
    let (text, object) = passes(&device, "full", "full", "");
    let first = object["overwritten"].as_u64().unwrap();
    assert!(first > 0 && object["verified"]["first"] == first);
    let said = format!("{first} older records were overwritten\n");
    assert!(text.starts_with(&said), "{text}");
    assert_eq!(
        row(&text, "covered"),
        format!("{} records of 63 ever", 63 - first)
    );
    device.write("cut.log", &without_front(&device.read("full.log"), 2));
    let (status, said) = fails(&device, "cut", "full", "");
    assert_eq!(status, "log-front-missing");
    let text = format!("2 records before number {} are not shown", first + 2);
    assert!(said.contains(&text), "{said}");
    // With the part that was cut off, given too, it is whole.
    let both = "--log full.log --log cut";
    let whole = line("full", "full", "").replace("--log full", both);
    done(&device, BOB, &whole);
}

#[test]
fn a_log_goes_on_from_an_earlier_checkpoint() {
    let device = device();
    done(&device, ALICE, "delete a");
    read(&device, ALICE, "new");
    sign(&device, ALICE, "", "new");
    let (text, object) = passes(&device, "new", "new", "--since alice.signed");
    let new = row(&text, "new");
    assert!(
        new.starts_with("1 records, since the checkpoint in boot 4, 20"),
        "{new}"
    );
    assert!(new.ends_with(", of 3 records"), "{new}");
    let since = &object["verified"]["since"];
    assert_eq!((&since["new"], &since["records"]), (&json!(1), &json!(3)));
    let status = |log, signed, since: &str| {
        let options = format!("--since {since}.signed");
        fails(&device, log, signed, &options).0
    };
    assert_eq!(status("new", "alice", "new"), "log-forked");
    assert_eq!(status("new", "new", "bob"), "other-log");
}
