//! Descriptors that a command was started with: which it takes, and from where they are written.

mod common;

use std::{
    fs,
    os::unix::fs::{lchown, symlink},
};

use common::shell::{Setting, USER, device, is_root, make, shell_as};

/// What a script of a shell prints and says, and how it ends.
fn shell(script: &str) -> (i32, String) {
    let device = device();
    let output = shell_as(&device, 0, script);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let said = |line: &&str| !line.starts_with("emulated device");
    let lines: String = text.split_inclusive('\n').filter(said).collect();
    (output.status.code().unwrap(), lines)
}

#[test]
fn what_is_private_goes_to_no_descriptor_by_anybodys_link() {
    if !is_root("what_is_private_goes_to_no_descriptor_by_anybodys_link") {
        return;
    }
    let _protected = Setting::on("protected_symlinks");
    let device = device();
    device.line("seal s --in plain --out blob", b"");
    let shared = device.path("tmp");
    for mode in [0o1777, 0o777] {
        let _ = fs::remove_dir_all(&shared);
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        for number in [1, 2, 7] {
            let link = shared.join("link");
            symlink(format!("/proc/self/fd/{number}"), &link).unwrap();
            lchown(&link, Some(USER), Some(USER)).unwrap();
            symlink("link", shared.join("twice")).unwrap();
            symlink("/proc/self/fd", shared.join("directory")).unwrap();
            for path in [
                "tmp/link".to_owned(),
                "tmp/twice".to_owned(),
                format!("tmp/directory/{number}"),
            ] {
                for line in [
                    "derive d#x --secret",
                    "derive d#x --json --secret",
                    "unseal s --in blob --out",
                ] {
                    make(&device.path("own"), 0, 0o600, b"old");
                    let script = format!("$claviger {line} {path} 7<> own");
                    let output = shell_as(&device, 0, &script);
                    assert_ne!(output.status.code(), Some(0), "{script}: {output:?}");
                    assert!(output.stdout.is_empty(), "{script}: {output:?}");
                    assert!(output.stderr.is_ascii(), "{script}: {output:?}");
                    assert_eq!(device.read("own"), b"old", "{script}");
                }
            }
            // What is ordinary follows a link that the kernel follows.
            make(&device.path("own"), 0, 0o600, b"");
            let script = "$claviger public-key id --out tmp/link 7<> own";
            let output = shell_as(&device, 0, script);
            let followed = mode == 0o777;
            assert_eq!(output.status.success(), followed, "{script}: {output:?}");
            fs::remove_file(&link).unwrap();
            fs::remove_file(shared.join("twice")).unwrap();
            fs::remove_file(shared.join("directory")).unwrap();
        }
    }
    // Named as such they are taken.
    for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/fd/7"] {
        let script = format!("umask 077; $claviger unseal s --in blob --out {path} 7> own >&7");
        let output = shell_as(&device, 0, &script);
        assert!(output.status.success(), "{script}: {output:?}");
        assert_eq!(device.read("own"), b"what is sealed", "{script}");
        fs::remove_file(device.path("own")).unwrap();
    }
}

#[test]
fn a_descriptor_is_written_from_where_it_stands() {
    let parts = "echo header >&9; $claviger public-key id --out /dev/fd/9 && echo trailer >&9";
    for script in [
        format!("{{ {parts}; }} 9>bundle; cat bundle"),
        format!("echo before > bundle; {{ {parts}; }} 9>>bundle; cat bundle"),
        format!("{{ {parts}; }} 9>&1 | cat"),
        "{ echo header; $claviger public-key id --out /dev/fd/1; echo trailer; } >bundle; cat bundle"
            .to_owned(),
        "{ echo header >&2; $claviger public-key id --out /dev/stderr; echo trailer >&2; } 2>bundle; \
         cat bundle"
            .to_owned(),
        "{ echo header >&0; $claviger public-key id --out /dev/fd/0; echo trailer >&0; } 0<>bundle; \
         cat bundle"
            .to_owned(),
    ] {
        let (code, text) = shell(&script);
        assert_eq!(code, 0, "{script}: {text}");
        let lines: Vec<_> = text.lines().filter(|line| *line != "before").collect();
        let appended = script.contains(">>");
        assert_eq!(text.starts_with("before"), appended, "{script}: {text}");
        assert_eq!(lines.first(), Some(&"header"), "{script}: {text}");
        assert_eq!(lines.last(), Some(&"trailer"), "{script}: {text}");
        assert!(text.contains("END PUBLIC KEY"), "{script}: {text}");
    }
    // Once only.
    let (code, text) = shell("$claviger import k --in /dev/fd/8 --passphrase-fd 8 8<plain");
    assert!(code == 2 && text.contains("--passphrase-fd"), "{text}");
    // What is read is read from there, too.
    let (code, text) = shell(
        "{ read line; $claviger seal s --in /dev/fd/8 8<&0 >blob; } <<'END'\nfirst\nsecond\nEND\n$claviger unseal s --in blob",
    );
    assert_eq!((code, text.trim_end()), (0, "second"));
}

#[test]
fn a_descriptor_that_is_none_of_ours_is_an_error() {
    for script in [
        "$claviger public-key id --out /dev/stderr 2>&-",
        "$claviger public-key id --out /dev/fd/2 2>&-",
        "$claviger public-key id --out /dev/fd/0 <&-",
        "$claviger public-key id --out /dev/fd/9 9<plain",
        "$claviger mac d#x --in /dev/fd/3 >>log",
        "$claviger mac d#x --in /dev/fd/9 9>>log",
        "$claviger mac d#x --in /dev/stdout >>log",
        "$claviger import k --algorithm aes-128-cmac --passphrase-fd 3 --in plain | cat; \
         $claviger import k --algorithm aes-128-cmac --passphrase-fd 3 --in plain >log",
        "$claviger verify id --signature /dev/fd/3 --in plain >log",
    ] {
        let (code, text) = shell(&format!("echo old >log; {script}"));
        assert_eq!(code, 6, "{script}: {text}");
    }
}

#[test]
fn what_would_be_printed_nowhere_is_not_done() {
    for (line, code) in [
        ("generate k --algorithm aes-128-cmac >&-", 6),
        ("generate k --algorithm aes-128-cmac --json >&-", 6),
        ("rotate s >&-", 6),
        ("delete s --json >&-", 6),
        ("derive d#x --secret out --json >&-", 6),
        ("seal s --in plain --out out --json >out", 2),
        ("seal s --in plain --out out --json >>out", 2),
        ("derive d#x --secret out --json >out", 2),
        ("wrap w --out out >out", 2),
        ("shares keygen --out out >out", 2),
        ("mac d#x --in plain >plain", 2),
    ] {
        let script = format!(
            "$claviger generate w --algorithm aes-128-siv --export wrapped >/dev/null 2>&1
             before=$($claviger list 2>/dev/null; $claviger describe s 2>/dev/null)
             $claviger {line} 2>said; code=$?
             after=$($claviger list 2>/dev/null; $claviger describe s 2>/dev/null)
             test \"$before\" = \"$after\" || echo CHANGED
             test ! -s out || echo WRITTEN
             cat said; exit $code"
        );
        let (found, text) = shell(&script);
        assert_eq!(found, code, "{line}: {text}");
        assert!(
            !text.contains("CHANGED") && !text.contains("WRITTEN"),
            "{line}: {text}"
        );
    }
    // What prints nothing needs none, and an object may go where data do not.
    for line in [
        "delete s >&-",
        "derive d#x --secret out >&-",
        "seal s --in plain --out out --json >said",
        "seal s --in plain --out /dev/null --json >/dev/null",
        "mac d#x --in plain >>plain",
    ] {
        let (code, text) = shell(&format!("$claviger {line}"));
        assert_eq!(code, 0, "{line}: {text}");
    }
}

#[test]
fn a_files_name_does_not_steer_the_terminal() {
    let (code, text) = shell("$claviger seal s --in \"$(printf 'no\\033[2Jsuch')\"");
    assert_eq!(code, 6);
    assert!(text.contains("no\\u{1b}[2Jsuch"), "{text:?}");
}
