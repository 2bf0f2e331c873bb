//! The grammar and the exit codes that scripts rely on.

mod common;

use std::{fs, os::unix::fs::PermissionsExt};

use common::{Device, pattern};

/// Runs a line, cut at blanks, and gives its exit code.
fn code(device: &Device, line: &str, stdin: &[u8]) -> i32 {
    device.run(&line.split(' ').collect::<Vec<_>>(), stdin).code
}

#[test]
fn the_fixed_grammar() {
    let device = Device::new();
    for line in [
        "info",
        "self-test",
        "random 0",
        "doctor",
        "generate s --algorithm aes-256-siv",
        "generate s/128 --algorithm aes-128-siv --usage seal",
        "generate m --algorithm aes-128-cmac --usage mac",
        "generate c --algorithm aes-256-cmac --usage challenge --export-derived",
        "generate h --algorithm hmac-sha256",
        "generate p --algorithm ecdsa-p256 --usage sign",
        "generate e --algorithm ed25519",
        "list",
        "list --owner 1000",
        "describe s",
        "describe s --owner 0",
        "seal s",
        "seal s --context TEXT --deterministic --in - --out -",
        "mac m --in -",
        "sign p --in - --out - --raw",
        "public-key p --format pem",
        "public-key p --format der",
        "public-key e --format raw",
        "public-key e --format jwk",
        "challenge c --me A --peer B",
        "delete h",
        "delete e --owner 0",
        "lock",
        "completions bash",
        "man",
        "--help",
        "seal --help",
        "--version",
    ] {
        assert_eq!(code(&device, line, b""), 0, "{line}");
    }
}

#[test]
fn what_is_no_command_line() {
    let device = Device::new();
    for line in [
        "nonsense",
        "generate s",
        "generate s --algorithm rot13",
        "generate s --algorithm aes-256-siv --usage fly",
        "generate a$b --algorithm aes-256-siv",
        "describe ",
        "random many",
        "random -1",
        "verify-mac m",
        "verify-mac m --tag xyz",
        "list --owner no-such-user",
        "public-key p --format xml",
        "challenge c --me A",
        "challenge c --me A --peer b$",
        "factory-reset",
        "factory-reset --confirm 1234",
        "confirm c --session-key -",
        "--group x list",
    ] {
        assert_eq!(code(&device, line, b""), 2, "{line}");
    }
    assert_eq!(
        code(&device, &format!("describe {}", "x".repeat(65)), b""),
        2
    );
    assert_eq!(device.run(&[], b"").code, 2);
}

#[test]
fn refusals() {
    let device = Device::with_keys(&[
        ("s", "aes-256-siv"),
        ("m", "aes-128-cmac"),
        ("e", "ed25519"),
    ]);
    for line in [
        "describe none",
        "seal none",
        "delete none",
        "generate s --algorithm ed25519",
        "generate x --algorithm aes-256-siv --usage mac",
        "generate x --algorithm aes-256-siv --export-derived",
        "mac s",
        "sign m",
        "seal e",
        "public-key s",
        "challenge m --me A --peer B",
        "import s --algorithm aes-256-siv",
        "import x --algorithm aes-256-siv",
        "factory-reset --confirm 00000000",
    ] {
        assert_eq!(code(&device, line, &[0; 64][..63]), 1, "{line}");
    }
    assert_eq!(code(&device, "sign e", &pattern(132_160)), 0);
    let (code, stderr) = device.fails(&["sign", "e"], &pattern(133_233));
    assert_eq!(code, 1);
    assert!(
        stderr.contains("longer than this algorithm takes"),
        "{stderr}"
    );
    let (_, stderr) = device.fails(&["import", "x", "--algorithm", "hmac-sha256"], &[0; 65]);
    assert!(
        stderr.contains("takes 16 to 64 raw bytes; given were 65"),
        "{stderr}"
    );
}

#[test]
fn proofs_that_fail() {
    let device = Device::with_keys(&[("s", "aes-256-siv"), ("m", "aes-128-cmac")]);
    device.ok(&[
        "generate",
        "c",
        "--algorithm",
        "aes-128-cmac",
        "--usage",
        "challenge",
    ]);
    for (line, stdin) in [
        ("unseal s", &b""[..]),
        ("unseal s", b"CLVB"),
        (
            "unseal s",
            b"something else altogether, of some length, and no blob",
        ),
        ("verify-mac m --tag 00112233445566778899aabbccddeeff", b"x"),
        ("verify-mac m --tag 00", b"x"),
        ("respond c --me A --peer B", b"CLV1"),
        (
            "respond c --me A --peer B",
            b"CLV2bbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaatttttttttttttttt",
        ),
        (
            "confirm c",
            b"CLV2bbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaatttttttttttttttt",
        ),
        ("confirm c", b"CLV1bbbbbbbbbbbbbbbb"),
        ("confirm c", b""),
    ] {
        assert_eq!(code(&device, line, stdin), 3, "{line}");
    }
}

#[test]
fn files_that_fail() {
    let device = Device::with_keys(&[("s", "aes-256-siv"), ("p", "ecdsa-p256")]);
    for line in [
        "seal s --in none",
        "seal s --in .",
        "seal s --out .",
        "seal s --out none/such",
        "seal s --out /dev/full",
        "sign p --in none",
        "sign p --out none/such",
        "import x --algorithm ed25519 --in none",
        "man --out none/such",
    ] {
        assert_eq!(code(&device, line, b"x"), 6, "{line}");
    }
}

#[test]
fn devices_that_cannot_be_used() {
    let device = Device::new();
    let file = device.write("file", b"");
    let run = |arguments: &[&str], emulator: &str| {
        let mut command = device.command(arguments);
        command.env("CLAVIGER_EMULATOR", emulator).output().unwrap()
    };
    let output = run(&["list"], &file);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&file));
    let output = run(&["doctor"], &file);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("FAIL"));
}

#[test]
fn nothing_falls_back_to_the_emulator() {
    let output = Device::new()
        .command(&["info"])
        .env_remove("CLAVIGER_EMULATOR")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("CLAVIGER_EMULATOR=DIR"), "{stderr}");
}

#[test]
fn users_are_kept_apart_and_uid_0_administers() {
    let device = Device::new();
    let run = |uid, line: &str| device.run_as(uid, &line.split(' ').collect::<Vec<_>>(), b"x");
    assert_eq!(run(1000, "generate k --algorithm aes-256-siv").code, 0);
    assert_eq!(run(1001, "describe k").code, 1);
    assert_eq!(run(0, "describe k").code, 1);
    assert_eq!(run(0, "describe k --owner 1000").code, 0);
    assert_eq!(
        run(0, "seal k").code,
        1,
        "uid 0 gets no use of another's key"
    );
    let listed = run(1001, "list --owner 1000");
    assert_eq!((listed.code, listed.stdout.len()), (0, 0));
    assert_eq!(run(1001, "delete k --owner 1000").code, 1);
    assert_eq!(run(1000, "lock").code, 1);
    assert_eq!(run(1000, "generate k --algorithm aes-256-siv").code, 1);
    let listed = run(0, "list --owner 1000");
    assert!(String::from_utf8(listed.stdout).unwrap().contains("1000"));
    assert_eq!(run(0, "delete k --owner 1000").code, 0);
    assert_eq!(run(1000, "describe k").code, 1);
    let shown = |uid| String::from_utf8(run(uid, "info").stdout).unwrap();
    assert!(shown(0).contains("factory reset token"));
    assert!(!shown(1000).contains("factory reset token"));
}

#[test]
fn a_group_that_one_is_not_in_gives_no_session() {
    let device = Device::new();
    let mut command = device.command(&["--group", "4294967294", "list"]);
    let output = command
        .env_remove("CLAVIGER_EMULATOR_UID")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        code(&device, "--group 7 generate g --algorithm ed25519", b""),
        0
    );
    assert_eq!(code(&device, "describe g", b""), 1);
    assert_eq!(code(&device, "describe g --owner gid:7", b""), 0);
}

/// What people read of the limits is what programs read.
#[test]
fn info_shows_every_limit() {
    let device = Device::new();
    let text = device.ok_text(&["info"]);
    let mut shown: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).collect();
    let info = device.run(&["info", "--json"], b"").object();
    for (name, limit) in info["limits"].as_object().unwrap() {
        let limit = limit.to_string();
        let place = shown.iter().position(|number| *number == limit);
        shown.swap_remove(place.unwrap_or_else(|| panic!("{name}: {limit} in {text}")));
    }
}

#[test]
fn imports_end_with_the_lock_and_begin_with_a_reset() {
    let device = Device::new();
    let import = "import k --algorithm ed25519";
    device.ok(&["lock"]);
    assert_eq!(code(&device, import, &[1; 32]), 1);
    let info = device.run(&["info", "--json"], b"").object();
    device.ok(&[
        "factory-reset",
        "--confirm",
        info["confirmation"].as_str().unwrap(),
    ]);
    assert_eq!(code(&device, import, &[1; 32]), 0);
    // RFC 8032, 7.1, test 1: this seed's public key.
    let seed = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ];
    device.write("seed", &seed);
    device.ok(&["import", "rfc", "--algorithm", "ed25519", "--in", "seed"]);
    let public = device.ok(&["public-key", "rfc", "--format", "jwk"]);
    let expected =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert_eq!(String::from_utf8(public).unwrap().trim(), expected);
    let pem = device.ok_text(&["public-key", "rfc"]);
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
    assert_eq!(
        device.ok(&["public-key", "rfc", "--format", "der"]).len(),
        44
    );
    assert_eq!(
        device.ok(&["public-key", "rfc", "--format", "raw"]).len(),
        32
    );
    // The same test's signature of nothing.
    let signature = device.ok(&["sign", "rfc"]);
    assert_eq!(signature[..4], [0xe5, 0x56, 0x43, 0x00]);
}

#[test]
fn two_processes_authenticate_each_other() {
    let device = Device::new();
    for (uid, label) in [(1000, "to-b"), (1001, "to-a")] {
        let import = [
            "import",
            label,
            "--algorithm",
            "aes-256-cmac",
            "--usage",
            "challenge",
            "--export-derived",
        ];
        assert_eq!(device.run_as(uid, &import, &[9; 32]).code, 0);
    }
    let run = |uid, line: &str| device.run_as(uid, &line.split(' ').collect::<Vec<_>>(), b"");
    assert_eq!(run(1000, "challenge to-b --me A --peer B --out m1").code, 0);
    assert_eq!(
        run(1001, "respond to-a --me B --peer A --in m1 --out m2").code,
        0
    );
    let confirmed = run(1000, "confirm to-b --in m2 --out m3 --session-key key1");
    assert_eq!(confirmed.code, 0);
    assert!(
        confirmed.stderr.ends_with("authenticated: B\n"),
        "{}",
        confirmed.stderr
    );
    let confirmed = run(1001, "confirm to-a --in m3 --session-key key2");
    assert_eq!(confirmed.code, 0);
    assert!(confirmed.stderr.ends_with("authenticated: A\n"));
    assert_eq!(device.read("key1"), device.read("key2"));
    assert_eq!(device.read("key1").len(), 32);
    let mode = fs::metadata(device.path("key1"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // Each serves once.
    assert_eq!(run(1000, "confirm to-b --in m2 --out m3").code, 3);
    assert_eq!(run(1001, "confirm to-a --in m3").code, 3);
}

#[test]
fn pages_for_people_are_made() {
    let device = Device::new();
    fs::create_dir(device.path("man")).unwrap();
    device.ok(&["man", "--out", "man"]);
    let pages = fs::read_dir(device.path("man")).unwrap().count();
    assert!(pages > 20, "{pages}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            device
                .ok_text(&["completions", shell])
                .contains("verify-mac"),
            "{shell}"
        );
    }
    assert!(device.ok_text(&["man"]).contains("CLAVIGER_EMULATOR"));
}

/// Whoever starts a program that has more rights than he has does not choose what it takes for the
/// device.
#[test]
fn the_environment_of_a_privileged_program_is_not_obeyed() {
    use std::os::unix::{fs::chown, process::CommandExt};

    let device = Device::new();
    let program = device.path("claviger");
    fs::copy(common::program(), &program).unwrap();
    if chown(&program, Some(0), Some(12_345)).is_err() {
        println!("not tried: it takes root");
        return;
    }
    let run = |mode: u32| {
        fs::set_permissions(&program, PermissionsExt::from_mode(mode)).unwrap();
        let mut command = std::process::Command::new(&program);
        command
            .args(["info", "--json"])
            .env("CLAVIGER_EMULATOR", device.store());
        let output = command.uid(0).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(run(0o755), (Some(0), String::new()));
    let (code, said) = run(0o2755);
    assert_eq!(code, Some(4), "{said}");
    assert!(
        said.contains("OP-TEE") && !said.contains("emulated"),
        "{said}"
    );
}

/// The build for a device looks for this mark, and refuses what has it.
#[test]
fn a_program_with_an_emulator_can_be_told() {
    let program = fs::read(common::program()).unwrap();
    let mark = b"claviger: an emulator is in here";
    assert!(program.windows(mark.len()).any(|bytes| bytes == mark));
}

/// Whatever the caller's umask.
#[test]
fn an_emulated_device_is_its_users_alone() {
    let device = Device::new();
    let line =
        "umask 0 && \"$0\" generate k --algorithm aes-256-siv && \"$0\" seal k --in /dev/null";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", line, common::program().to_str().unwrap()]);
    shell.env("CLAVIGER_EMULATOR", device.store());
    assert!(shell.output().unwrap().status.success());
    let mut folders = vec![device.store()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let mode = metadata.permissions().mode() & 0o777;
            let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, expected, "{:?}", entry.path());
            match metadata.is_dir() {
                true => folders.push(entry.path()),
                false => files += 1,
            }
        }
    }
    assert!(files > 3, "{files}");
    let mode = fs::metadata(device.store()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
