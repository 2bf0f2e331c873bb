//! Output files: what they keep, what they follow, what they refuse, and what is never lost.
//!
//! Most of this is about users, mounts and the kernel's settings, and needs root.

mod common;

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::Path,
    process::Command,
};

use common::{
    Device,
    shell::{OTHER, Setting, USER, device, is_root, make, run_as, shell_as},
};

fn owner_and_mode(path: &Path) -> (u32, u32, u32) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
}

/// An ACL as Linux keeps it: the owner and `USER` read and write, the mask lets both.
fn acl() -> Vec<u8> {
    let mut acl = 2_u32.to_le_bytes().to_vec();
    let nobody = u32::MAX;
    for (tag, may, who) in [
        (1_u16, 6_u16, nobody),
        (2, 6, USER),
        (4, 4, nobody),
        (0x10, 6, nobody),
        (0x20, 0, nobody),
    ] {
        acl.extend(tag.to_le_bytes());
        acl.extend(may.to_le_bytes());
        acl.extend(who.to_le_bytes());
    }
    acl
}

const ATTRIBUTES: [&str; 3] = ["system.posix_acl_access", "user.note", "security.selinux"];

fn set_attributes(path: &Path) {
    let label = b"system_u:object_r:app_t:s0\0".to_vec();
    let values = [acl(), b"kept".to_vec(), label];
    for (name, value) in ATTRIBUTES.iter().zip(values) {
        rustix::fs::setxattr(path, *name, &value, rustix::fs::XattrFlags::empty()).unwrap();
    }
}

fn attributes(path: &Path) -> Vec<Vec<u8>> {
    let read = |name: &&str| {
        let mut value = vec![0; 4096];
        let length = rustix::fs::getxattr(path, *name, &mut value[..]).unwrap();
        value.truncate(length);
        value
    };
    ATTRIBUTES.iter().map(read).collect()
}

#[test]
fn a_file_that_is_replaced_keeps_all_but_its_content() {
    if !is_root("a_file_that_is_replaced_keeps_all_but_its_content") {
        return;
    }
    let device = device();
    let path = device.path("blob");
    make(&path, OTHER, 0o640, b"old");
    set_attributes(&path);
    let other_name = device.path("other name");
    fs::hard_link(&path, &other_name).unwrap();
    let (before, had) = (owner_and_mode(&path), attributes(&path));
    let inode = fs::metadata(&path).unwrap().ino();
    for line in [
        "seal s --in plain --out blob",
        "sign id --in plain --out blob",
        "seal s --in blob --out blob",
    ] {
        device.line(line, b"");
        assert_eq!(
            (owner_and_mode(&path), attributes(&path)),
            (before, had.clone()),
            "{line}"
        );
    }
    assert_ne!(fs::metadata(&path).unwrap().ino(), inode, "in one step");
    assert_eq!(fs::read(&other_name).unwrap(), b"old");
    device.line("seal s --in plain --out blob", b"");
    device.line("rotate s", b"");
    device.line("reseal s blob", b"");
    assert_eq!((owner_and_mode(&path), attributes(&path)), (before, had));
    assert_eq!(device.line("unseal s --in blob", b""), b"what is sealed");

    // What a new file would get by its directory is not added.
    let directory = device.path("inherits");
    fs::create_dir(&directory).unwrap();
    let inherited = "system.posix_acl_default";
    rustix::fs::setxattr(
        &directory,
        inherited,
        &acl(),
        rustix::fs::XattrFlags::empty(),
    )
    .unwrap();
    let plain = directory.join("plain");
    make(&plain, OTHER, 0o600, b"old");
    rustix::fs::removexattr(&plain, ATTRIBUTES[0]).unwrap();
    fs::set_permissions(&plain, Permissions::from_mode(0o600)).unwrap();
    device.line("seal s --in plain --out inherits/plain", b"");
    assert_eq!(owner_and_mode(&plain), (OTHER, OTHER, 0o600));
    assert!(rustix::fs::getxattr(&plain, ATTRIBUTES[0], &mut [0; 99][..]).is_err());
}

#[test]
fn what_the_caller_could_not_keep_is_written_over_or_refused() {
    if !is_root("what_the_caller_could_not_keep_is_written_over_or_refused") {
        return;
    }
    let device = device();
    let path = device.path("shared");
    // By its group, by an ACL, and by a mode that others have.
    make(&path, OTHER, 0o666, b"");
    set_attributes(&path);
    let before = (owner_and_mode(&path), attributes(&path));
    let (code, stderr) = run_as(&device, USER, "seal s --in plain --out shared");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("note: shared was written over"), "{stderr}");
    assert_eq!((owner_and_mode(&path), attributes(&path)), before);
    let blob = fs::read(&path).unwrap();
    // In one step it cannot be, and sealed data are replaced so or not at all.
    device.line("rotate s", b"");
    for line in [
        "reseal s shared",
        "reseal s --in shared --out shared",
        "seal s --in shared --out shared",
    ] {
        let (code, stderr) = run_as(&device, USER, line);
        assert_eq!(code, 6, "{line}: {stderr}");
        assert_eq!(fs::read(&path).unwrap(), blob, "{line}");
    }
    // A script is told by the exit code alone.
    let (code, stderr) = run_as(&device, USER, "seal s --in plain --out shared --quiet");
    assert_eq!((code, stderr.contains("note")), (0, false), "{stderr}");
    assert_eq!((owner_and_mode(&path), attributes(&path)), before);
    make(&path, OTHER, 0o644, b"not ours");
    let (code, _) = run_as(&device, USER, "seal s --in plain --out shared");
    assert_eq!((code, fs::read(&path).unwrap()), (6, b"not ours".to_vec()));
}

/// Command lines whose output is private, without its path.
const PRIVATE: [&str; 3] = [
    "derive d#x --secret",
    "unseal s --in blob --out",
    "batch unseal s --in digits --out",
];

fn with_blob() -> Device {
    let device = device();
    device.line("seal s --in plain --out blob", b"");
    let digits: String = device
        .read("blob")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    device.write("digits", digits.as_bytes());
    device
}

#[test]
fn what_is_private_goes_where_nobody_else_looks() {
    if !is_root("what_is_private_goes_where_nobody_else_looks") {
        return;
    }
    let device = with_blob();
    let path = device.path("secret");
    for line in PRIVATE {
        let _ = fs::remove_file(&path);
        assert_eq!(
            run_as(&device, USER, &format!("{line} secret")).0,
            0,
            "{line}"
        );
        assert_eq!(owner_and_mode(&path), (USER, USER, 0o600), "{line}");
        assert_eq!(
            run_as(&device, USER, &format!("{line} secret")).0,
            0,
            "{line}: again"
        );
        assert_eq!(owner_and_mode(&path), (USER, USER, 0o600), "{line}");
        for (uid, owner, mode) in [
            (USER, USER, 0o666),
            (USER, USER, 0o640),
            (USER, USER, 0o604),
            (USER, OTHER, 0o666),
            (0, OTHER, 0o600),
            (0, OTHER, 0o666),
            (0, 0, 0o644),
        ] {
            make(&path, owner, mode, b"old");
            let (code, stderr) = run_as(&device, uid, &format!("{line} secret"));
            assert_eq!(code, 6, "{line}: {uid} on {owner} {mode:o}: {stderr}");
            assert_eq!(fs::read(&path).unwrap(), b"old");
            assert_eq!(owner_and_mode(&path), (owner, owner, mode));
        }
        // No link is followed, whoever made it and wherever it leads.
        for target in ["own", "nothing"] {
            let _ = fs::remove_file(&path);
            make(&device.path("own"), 0, 0o600, b"old");
            symlink(target, &path).unwrap();
            let (code, stderr) = run_as(&device, 0, &format!("{line} secret"));
            assert!(
                code == 6 && stderr.contains("symbolic link"),
                "{line}: {stderr}"
            );
            assert_eq!(fs::read(device.path("own")).unwrap(), b"old");
            assert!(!device.exists("nothing"));
        }
        // Nor into another's FIFO, which nobody reads.
        fs::remove_file(&path).unwrap();
        fifo(&path, OTHER);
        let reader = fs::File::options()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        assert_eq!(run_as(&device, 0, &format!("{line} secret")).0, 6, "{line}");
        drop(reader);
        fs::remove_file(&path).unwrap();
        run_as(&device, 0, &format!("{line} /dev/null"));
    }
    // In its own place it is closed to others.
    make(&path, USER, 0o644, &device.read("blob"));
    let (code, stderr) = run_as(&device, USER, "unseal s --in secret --out secret");
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(owner_and_mode(&path), (USER, USER, 0o600));
    assert_eq!(device.read("secret"), b"what is sealed");
    make(&path, OTHER, 0o666, &device.read("blob"));
    assert_eq!(
        run_as(&device, USER, "unseal s --in secret --out secret").0,
        6
    );
    fs::remove_file(&path).unwrap();
    // What is kept nowhere else: as private, and nothing is replaced.
    for line in [
        "shares keygen --out secret",
        "generate w --algorithm aes-128-cmac --wrapped secret",
    ] {
        let (code, stderr) = run_as(&device, USER, line);
        assert_eq!(code, 0, "{line}: {stderr}");
        assert_eq!(owner_and_mode(&path), (USER, USER, 0o600), "{line}");
        assert_eq!(run_as(&device, USER, line).0, 2, "{line}");
        fs::remove_file(&path).unwrap();
        symlink("nothing", &path).unwrap();
        assert_eq!(run_as(&device, USER, line).0, 6, "{line}");
        fs::remove_file(&path).unwrap();
    }
}

fn fifo(path: &Path, owner: u32) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
    chown(path, Some(owner), Some(owner)).unwrap();
}

#[test]
fn links_and_fifos_are_followed_where_the_shell_follows_them() {
    if !is_root("links_and_fifos_are_followed_where_the_shell_follows_them") {
        return;
    }
    let _protected =
        ["protected_symlinks", "protected_fifos", "protected_regular"].map(Setting::on);
    let device = device();
    let (own, shared) = (device.path("dir"), device.path("tmp"));
    for directory in [&own, &shared] {
        fs::create_dir(directory).unwrap();
        fs::set_permissions(directory, Permissions::from_mode(0o1777)).unwrap();
    }
    let target = device.path("target");
    // Of root, and of a user, in a directory that all share: as `>` is.
    for (place, owner, followed) in [("tmp", 0, true), ("tmp", USER, false)] {
        for there in [true, false] {
            let link = device.path(place).join("link");
            let _ = fs::remove_file(&target);
            if there {
                make(&target, 0, 0o644, b"old");
            }
            symlink("../target", &link).unwrap();
            std::os::unix::fs::lchown(&link, Some(owner), Some(owner)).unwrap();
            let shell = shell_as(&device, 0, &format!("echo > {place}/link"));
            assert_eq!(shell.status.success(), followed, "the kernel's own word");
            if there {
                make(&target, 0, 0o644, b"old");
            } else {
                let _ = fs::remove_file(&target);
            }
            let (code, stderr) =
                run_as(&device, 0, &format!("seal s --in plain --out {place}/link"));
            assert_eq!(code == 0, followed, "{place} {owner} {there}: {stderr}");
            let written = fs::read(&target).is_ok_and(|text| text.starts_with(b"CLVB"));
            assert_eq!(written, followed);
            assert_eq!(target.exists(), there || followed);
            assert!(link.is_symlink());
            fs::remove_file(&link).unwrap();
        }
    }
    // Another's FIFO and another's file there, also if root writes.
    let path = shared.join("there");
    fifo(&path, USER);
    let reader = fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    assert_eq!(run_as(&device, 0, "seal s --in plain --out tmp/there").0, 6);
    drop(reader);
    fs::remove_file(&path).unwrap();
    make(&path, USER, 0o666, b"old");
    assert_eq!(run_as(&device, 0, "seal s --in plain --out tmp/there").0, 6);
    assert_eq!(
        (fs::read(&path).unwrap(), owner_and_mode(&path)),
        (b"old".to_vec(), (USER, USER, 0o666))
    );
    // One's own of each kind.
    fs::remove_file(&path).unwrap();
    fifo(&path, 0);
    let output = shell_as(
        &device,
        0,
        "cat tmp/there & $claviger seal s --in plain --out tmp/there; wait",
    );
    assert!(output.stdout.starts_with(b"CLVB"), "{output:?}");
    let loops = device.path("loop");
    symlink("loop", &loops).unwrap();
    assert_eq!(run_as(&device, 0, "seal s --in plain --out loop").0, 6);
    symlink("dir/", device.path("to a directory")).unwrap();
    assert_eq!(
        run_as(&device, 0, "seal s --in plain --out 'to a directory'").0,
        6
    );
    assert_eq!(run_as(&device, 0, "seal s --in plain --out new/").0, 6);
}

#[test]
fn where_a_file_cannot_be_replaced_it_is_written_over_and_said() {
    if !is_root("where_a_file_cannot_be_replaced_it_is_written_over_and_said") {
        return;
    }
    let device = device();
    // A file that is mounted, and a directory that takes no files.
    make(
        &device.path("below"),
        0,
        0o640,
        b"a longer old content than the new one; "
            .repeat(9)
            .as_slice(),
    );
    make(&device.path("mounted"), 0, 0o600, b"");
    let output = shell_as(
        &device,
        0,
        "exec unshare -m sh -c 'mount --bind below mounted && exec $claviger seal s --in plain --out mounted'",
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stderr.contains("note: mounted was written over"),
        "{stderr}"
    );
    assert_eq!(owner_and_mode(&device.path("below")), (0, 0, 0o640));
    assert_eq!(device.line("unseal s --in below", b""), b"what is sealed");
    let before = device.read("below");
    device.line("rotate s", b"");
    let output = shell_as(
        &device,
        0,
        "exec unshare -m sh -c 'mount --bind below mounted && exec $claviger reseal s mounted'",
    );
    assert_eq!(
        (output.status.code(), device.read("below")),
        (Some(6), before)
    );

    let directory = device.path("closed");
    fs::create_dir(&directory).unwrap();
    for (name, mode) in [("file", 0o600), ("read-only", 0o400)] {
        make(&directory.join(name), USER, mode, b"old");
    }
    fs::set_permissions(&directory, Permissions::from_mode(0o555)).unwrap();
    let (code, stderr) = run_as(&device, USER, "seal s --in plain --out closed/file");
    assert!(code == 0 && stderr.contains("written over"), "{stderr}");
    assert!(device.read("closed/file").starts_with(b"CLVB"));
    let (code, _) = run_as(&device, USER, "derive d#x --secret closed/file");
    assert_eq!((code, device.read("closed/file").len()), (0, 16));
    assert_eq!(
        run_as(&device, USER, "seal s --in plain --out closed/read-only").0,
        6
    );
    assert_eq!(
        run_as(&device, USER, "seal s --in plain --out closed/new").0,
        6
    );
    assert_eq!(device.read("closed/read-only"), b"old");
    // What fails on the way costs nothing there either.
    let (code, _) = run_as(&device, USER, "unseal s --in plain --out closed/file");
    assert_eq!((code, device.read("closed/file").len()), (3, 16));

    // Without /proc a name beside is used, and nothing is left of it.
    let output = shell_as(
        &device,
        0,
        "exec unshare -m sh -c 'mount -t tmpfs none /proc && exec $claviger shares keygen --out noproc'",
    );
    assert!(output.status.success(), "{output:?}");
    assert!(device.read("noproc").starts_with(b"-----BEGIN"));
    assert!(device.files().iter().all(|name| !name.starts_with('.')));
}

#[test]
fn a_full_disk_costs_nothing_that_is_there() {
    if !is_root("a_full_disk_costs_nothing_that_is_there") {
        return;
    }
    let device = device();
    device.write("large", &[7; 300_000]);
    fs::create_dir(device.path("small")).unwrap();
    // In one step, and over a file in a directory that takes none.
    for (uid, prepare) in [(0, "true"), (USER, "chmod 555 small")] {
        let script = format!(
            "exec unshare -m sh -c 'mount -t tmpfs -o size=64k none small && echo old > small/out && \
             chown {uid} small/out && chmod 600 small/out && {prepare} && \
             setpriv --reuid={uid} --clear-groups $claviger seal s --in large --out small/out; \
             echo $?; cat small/out; ls -A small'"
        );
        let output = shell_as(&device, 0, &script);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(stdout, "6\nold\nout\n", "{uid}: {output:?}");
    }
    // Nor does a stream that takes no more.
    for line in [
        "seal s --in plain --out /dev/full",
        "random 32 > /dev/full",
        "mac d#x --in plain > /dev/full",
    ] {
        assert_eq!(run_as(&device, 0, line).0, 6, "{line}");
    }
}

#[test]
fn a_command_that_is_killed_leaves_what_was_there() {
    let device = device();
    device.write("out", b"old");
    let before = device.files();
    for signal in ["-TERM", "-KILL", "-INT", "-HUP"] {
        for output in ["out", "new"] {
            let mut process = device
                .process(&["seal", "s", "--out", output])
                .spawn()
                .unwrap();
            let mut stdin = process.stdin.take().unwrap();
            stdin.write_all(&[7; 400_000]).unwrap();
            let id = process.id().to_string();
            assert!(
                Command::new("kill")
                    .args([signal, &id])
                    .status()
                    .unwrap()
                    .success()
            );
            assert!(!process.wait().unwrap().success());
            drop(stdin);
            assert_eq!(
                (device.read("out"), device.files()),
                (b"old".to_vec(), before.clone())
            );
        }
    }
}

#[test]
fn files_that_are_in_each_others_way_are_named() {
    let device = Device::new();
    // Holders and a shared key, for all the files that there can be.
    for number in 1..=2 {
        let pem = device.line(&format!("shares keygen --out h{number}.key"), b"");
        device.write(&format!("h{number}.pem"), &pem);
    }
    let recipients = "--recipient h1.pem --recipient h2.pem";
    for line in [
        &format!("generate k --algorithm aes-256-siv --export shares --threshold 2 {recipients}"),
        &format!("share k --out set {recipients}"),
        "generate s --algorithm aes-256-siv",
        "generate id --algorithm ed25519",
        "generate kem --algorithm ml-kem-768 --export-derived",
        "generate c --algorithm aes-128-cmac --usage challenge --export-derived",
        "generate w --algorithm aes-256-siv --wrapped w.key",
    ] {
        device.line(line, b"");
    }
    for (name, line) in [
        ("device.pem", "device-key"),
        ("kem.pub", "public-key kem --format raw"),
    ] {
        let bytes = device.line(line, b"");
        device.write(name, &bytes);
    }
    device.line("delete k", b"");
    device.line(
        "restore start --manifest set/manifest --device-key device.pem --out request",
        b"",
    );
    device.write("file", b"data");
    symlink("file", device.path("link")).unwrap();
    fs::hard_link(device.path("file"), device.path("hard")).unwrap();
    symlink("nothing", device.path("dangling")).unwrap();
    let files = || -> Vec<_> {
        let names = device.files().into_iter().filter(|name| name != "device");
        names
            .map(|name| (fs::read(device.path(&name)).ok(), name))
            .collect()
    };
    let before = files();
    let reencrypt = "shares reencrypt --owner 0 --manifest set/manifest --device-key device.pem --share \
                     set/share-1 --holder-key h1.key --request request --target-key device.pem --out";
    let reencrypt = reencrypt.split_whitespace().collect::<Vec<_>>().join(" ");
    let encapsulate = "encapsulate --peer kem.pub --ciphertext";
    for line in [
        format!("{reencrypt} set/share-1"),
        format!("{reencrypt} ./set/../set/share-1"),
        format!("{reencrypt} h1.key"),
        format!("{reencrypt} set/manifest"),
        format!("{reencrypt} device.pem"),
        format!("{reencrypt} request"),
        format!("{encapsulate} x --secret x"),
        format!("{encapsulate} x --secret ./x"),
        format!("{encapsulate} dangling --secret nothing"),
        format!("{encapsulate} file --secret link"),
        format!("{encapsulate} hard --secret file"),
        format!("{encapsulate} kem.pub --secret x"),
        format!("{encapsulate} x --into k --algorithm kdf-cmac --wrapped x"),
        format!("{encapsulate} - --into k --algorithm kdf-cmac"),
        "combine --source encapsulate=kem.pub --ciphertext kem.pub --secret x".to_owned(),
        "seal @w.key --in file --out w.key".to_owned(),
        "reseal @w.key file w.key".to_owned(),
        "unseal @w.key --in file --out w.key".to_owned(),
        "sign id --in file --out file".to_owned(),
        "sign id --in file --out hard".to_owned(),
        "batch seal s --text --in file --out link".to_owned(),
        "respond c --me a --peer b --in file --out file".to_owned(),
        "confirm c --in file --out x --session-key x".to_owned(),
        "restore start --manifest set/manifest --device-key device.pem --out set/manifest"
            .to_owned(),
        "restore start --manifest set/manifest --device-key device.pem --out -".to_owned(),
        "shares verify --manifest - --device-key -".to_owned(),
        "shares verify --manifest /dev/stdin --device-key -".to_owned(),
        "audit verify --log - --checkpoint - --device-key device.pem".to_owned(),
        "audit verify --log log --checkpoint - --since - --device-key device.pem".to_owned(),
        "seal @- --in -".to_owned(),
    ] {
        let (code, stderr) = device.refuses(&line, b"");
        assert_eq!(code, 2, "{line}: {stderr}");
        assert!(
            stderr.contains("same file") || stderr.contains("file only"),
            "{line}: {stderr}"
        );
        assert!(before == files(), "{line}");
    }
    // By the shell, too.
    for script in [
        "seal s --in file >> file",
        "seal s --in hard --out /dev/stdout >> file",
        "unseal s < file >> file",
    ] {
        let output = shell_as(&device, 0, &format!("exec $claviger {script}"));
        assert_eq!(output.status.code(), Some(2), "{script}: {output:?}");
        assert!(before == files(), "{script}");
    }
    // What loses nothing is let.
    for script in [
        "mac c2 --in file >> file; true",
        "seal s --in file --out file",
        "encapsulate --peer kem.pub --ciphertext /dev/null --secret /dev/null",
    ] {
        let output = shell_as(&device, 0, &format!("$claviger {script}"));
        assert_eq!(output.status.code(), Some(0), "{script}: {output:?}");
    }
    assert_eq!(device.line("unseal s --in file", b""), b"data");
}

#[test]
fn a_closed_stream_is_an_error() {
    let device = device();
    for line in [
        "seal s --in plain >&-",
        "seal s --in plain --out /dev/stdout >&-",
        "seal s --in plain --out /dev/fd/9",
        "seal s --in plain --out /proc/self/fd/3",
        "seal s <&-",
        "seal s --in /dev/stdin <&-",
        "mac d#x --in plain >&-",
        "random 8 >&-",
        "list >&-",
        "list --json >&-",
        "import k --algorithm aes-128-cmac <&-",
    ] {
        let output = shell_as(&device, 0, &format!("$claviger {line}"));
        assert_eq!(output.status.code(), Some(6), "{line}: {output:?}");
        assert!(output.stdout.is_empty());
    }
    // What goes to a file needs no standard output; and a descriptor that is open is written.
    for script in [
        "$claviger seal s --in plain --out blob >&- <&- 2>&-",
        "$claviger seal s --in plain --out /dev/fd/9 9> blob",
        "$claviger seal s --in plain --out /dev/fd/9 9>&1 | cat > blob",
        "$claviger seal s --in plain --out /dev/stdout > blob",
        "$claviger seal s --in plain > blob",
        "$claviger seal s --in /dev/fd/7 7< plain > blob",
    ] {
        let _ = fs::remove_file(device.path("blob"));
        let output = shell_as(&device, 0, script);
        assert_eq!(output.status.code(), Some(0), "{script}: {output:?}");
        assert_eq!(
            device.line("unseal s --in blob", b""),
            b"what is sealed",
            "{script}"
        );
    }
}

/// What a command line shows on a terminal of its own, and its exit code.
fn on_terminal(device: &Device, line: &str) -> (i32, String) {
    let typed = format!(
        "(sleep 0.3; printf 'typed\\n\\004') | exec script -qec \"$claviger {line}\" /dev/null"
    );
    let output = shell_as(device, 0, &typed);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().expect("an exit code"), shown)
}

#[test]
fn people_at_a_terminal_are_told() {
    let device = device();
    for line in [
        "seal s --in plain",
        "seal s --in plain --out /dev/stdout",
        "sign id --in plain",
        "random 8",
        "public-key id --format der",
        "challenge d --me a --peer b",
    ] {
        let (code, shown) = on_terminal(&device, line);
        assert_eq!(code, 2, "{line}: {shown}");
        assert!(shown.contains("do not go to a terminal"), "{line}: {shown}");
    }
    // Text does, and so does what was asked for by name, or as text.
    for line in [
        "public-key id",
        "seal s --in plain --json",
        "mac d#x --in plain",
        "seal s --in plain --out /dev/tty",
    ] {
        let (code, shown) = on_terminal(&device, line);
        assert_eq!(code, 0, "{line}: {shown}");
    }
    let waits = "reading from the terminal";
    for (line, told) in [
        ("mac d#x", true),
        ("mac d#x -q", false),
        ("mac d#x --json", false),
        ("mac d#x --in plain", false),
    ] {
        let (code, shown) = on_terminal(&device, line);
        assert_eq!((code, shown.contains(waits)), (0, told), "{line}: {shown}");
    }
    let (_, shown) = on_terminal(&device, "import t --algorithm aes-128-cmac");
    assert!(shown.contains(waits), "{shown}");
}

#[test]
fn contexts_may_be_any_bytes() {
    let device = device();
    device.line("generate g --algorithm aes-128-gcm", b"");
    let blob = device.line("seal s --context-hex 00ff0a", b"data");
    assert_eq!(device.line("unseal s --context-hex 00FF0A", &blob), b"data");
    assert_eq!(device.refuses("unseal s --context-hex 00ff", &blob).0, 3);
    let text = device.line("seal s --context ab", b"data");
    assert_eq!(device.line("unseal s --context-hex 6162", &text), b"data");
    device.line("rotate s", b"");
    let newer = device.line("reseal s --context-hex 00ff0a", &blob);
    assert_eq!(
        device.line("unseal s --context-hex 00ff0a", &newer),
        b"data"
    );
    device.write("file", &blob);
    device.line("reseal s --context-hex 00ff0a file", b"");
    let digits: String = newer.iter().map(|byte| format!("{byte:02x}")).collect();
    let opened = device.line(
        "batch unseal s --text --context-hex 00ff0a",
        digits.as_bytes(),
    );
    assert_eq!(opened, b"data\n");
    let sealed = device.line("encrypt g --aad-hex 00", b"data");
    assert_eq!(device.line("decrypt g --aad-hex 00", &sealed), b"data");
    assert_eq!(device.refuses("decrypt g --aad 00", &sealed).0, 3);
    for (line, why) in [
        ("seal s --context a --context-hex 61", "cannot be used with"),
        ("seal s --context-hex 6", "hexadecimal"),
        ("seal s --context-hex zz", "hexadecimal"),
        ("encrypt g --aad a --aad-hex 61", "cannot be used with"),
    ] {
        let (code, stderr) = device.refuses(line, b"");
        assert!(code == 2 && stderr.contains(why), "{line}: {stderr}");
    }
}
