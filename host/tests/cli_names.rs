//! Names of users and groups that are numbers, and those of a user namespace.

mod common;

use common::{Device, shell};

/// Users and groups whose names are numbers, or could be taken apart.
#[test]
fn names_that_cannot_be_given_are_shown_by_number() {
    if !shell::is_root("names_that_cannot_be_given_are_shown_by_number") {
        return;
    }
    let device = Device::with_keys(&[("m", "aes-128-cmac")]);
    let add = |name: &str, more: &str| {
        let listed = std::fs::read_to_string(format!("/etc/{name}")).unwrap();
        device.write(name, format!("{listed}{more}").as_bytes());
    };
    add(
        "passwd",
        "2001:x:5000:5000::/:/bin/sh\nweird (7):x:5001:5001::/:/bin/sh\n",
    );
    add("group", "2002:x:5002:\n");
    let shell = |line: &str| {
        let script = format!(
            "exec unshare -m sh -c 'mount --bind passwd /etc/passwd; mount --bind group /etc/group; \
             exec $claviger {line}'"
        );
        let output = shell::shell_as(&device, 0, &script);
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(text).unwrap(),
        )
    };
    let grants = "--grant 5000=seal --grant 5001=seal --grant gid:5002=seal";
    let (code, text) = shell(&format!("generate k --algorithm aes-256-siv {grants}"));
    assert_eq!(code, 0, "{text}");
    let (_, shown) = shell("describe k");
    for part in [
        "granted 5000: seal",
        "granted weird (7) (5001): seal",
        "granted gid:5002: seal",
    ] {
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for line in [
        "chown k --to 2001",
        "list --owner gid:2002",
        "--group 2002 list",
    ] {
        let (code, text) = shell(line);
        assert!(code == 2 && text.contains("give 0200"), "{line}: {text}");
    }
    assert_eq!(shell("chown k --to 02001").0, 0);
    assert_eq!(shell("describe k --owner 02001").0, 0);
    assert_eq!(shell("chown k --owner 02001 --to \"weird (7)\"").0, 0);
    let (_, text) = shell("mac k --in plain");
    assert!(!text.contains("--owner weird:"), "{text}");
}

/// In a user namespace a group session goes by the number or name that the group has there.
#[test]
fn a_group_of_a_user_namespace_is_taken_by_name() {
    let program = common::program();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new("unshare")
            .arg("-Ur")
            .arg(program)
            .args(arguments)
            .env_remove("CLAVIGER_EMULATOR")
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), stderr)
    };
    let (code, stderr) = run(&["--version"]);
    if code != Some(0) {
        eprintln!("SKIPPED: no user namespace can be had: {stderr}");
        return;
    }
    let (code, stderr) = run(&["--group", "root", "list"]);
    assert_ne!(code, Some(2), "{stderr}");
    let (code, stderr) = run(&["--group", "no-such", "list"]);
    assert!(code == Some(2) && !stderr.contains("gid:"), "{stderr}");
    let (code, stderr) = run(&["list", "--owner", "gid:root"]);
    assert!(code == Some(2) && stderr.contains("host"), "{stderr}");
}
