//! Tests of the runner itself, in real guests: what scripts outside this repository rely on.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use rustix::fs::{FlockOperation, flock};

use crate::lanes;
use crate::suite::Count;

type Test = fn(&Path) -> Result<()>;
const TESTS: &[(&str, Test)] = &[
    ("exit codes are the command's", exit_codes),
    ("words and variables arrive as they are", words),
    ("stdout and stderr are apart and binary-clean", output),
    ("stdin is the file's bytes, no more and no less", stdin),
    ("a file that is put leaves folders as they are", put),
    ("any uid runs commands and may use the TEE", uids),
    ("a device keeps its disk", persistence),
    ("half a device is refused", half_a_device),
    ("a device in use is waited for", lock),
    ("a deadline ends the run", deadline),
    ("a rolled-back store is noticed", rollback),
];

/// Runs every test and prints how each went.
pub(crate) fn run() -> Result<Count> {
    let counts = lanes::share(TESTS, |_, tests| {
        let mut count = Count::default();
        for (name, test) in tests {
            let folder = tempfile::tempdir()?;
            match test(folder.path()) {
                Ok(()) => {
                    println!("test {name} ... ok");
                    count += Count::ONE_PASSED;
                }
                Err(error) => {
                    println!("test {name} ... FAILED: {error:#}");
                    count += Count::ONE_FAILED;
                }
            }
        }
        Ok(count)
    })?;
    Ok(counts.into_iter().sum())
}

/// `exec` by way of this program's own command line.
fn exec(options: &[&OsStr], command: &[&str]) -> Result<Output> {
    Ok(start(options, command).output()?)
}

fn start(options: &[&OsStr], command: &[&str]) -> Command {
    let mut exec = Command::new("/proc/self/exe");
    exec.arg("exec")
        .args(options)
        .arg("--")
        .args(command)
        .stdin(Stdio::null());
    exec
}

/// `exec` without Claviger, which these tests are not about, on a new device.
fn bare(command: &[&str]) -> Result<Output> {
    exec(&["--bare".as_ref(), "--fresh".as_ref()], command)
}

fn expect(output: &Output, status: i32, stdout: &str) -> Result<()> {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(
        output.status.code() == Some(status),
        "{}, expected {status}; stderr: {err}",
        output.status
    );
    ensure!(
        out == stdout,
        "stdout is {out:?}, expected {stdout:?}; stderr: {err}"
    );
    Ok(())
}

fn exit_codes(_: &Path) -> Result<()> {
    expect(&bare(&["sh", "-c", "exit 7"])?, 7, "")?;
    expect(&bare(&["no-such-command"])?, 127, "")?;
    expect(&bare(&["sh", "-c", "kill -9 $$"])?, 137, "")
}

fn words(_: &Path) -> Result<()> {
    let words = [
        "",
        "it's",
        "two  words",
        "line\nbreak",
        "$HOME `id` \\ \" *",
        "-n",
        "\u{fc}",
    ];
    let expected: String = words.iter().map(|word| format!("{word}|")).collect();
    expect(
        &bare(&[&["printf", "%s|"], &words[..]].concat())?,
        0,
        &expected,
    )?;
    let options: [&OsStr; 4] = [
        "--bare".as_ref(),
        "--fresh".as_ref(),
        "--env".as_ref(),
        "GREETING=it's  a=b".as_ref(),
    ];
    expect(
        &exec(&options, &["sh", "-c", "printf %s \"$GREETING\""])?,
        0,
        "it's  a=b",
    )
}

fn output(_: &Path) -> Result<()> {
    let script = "printf 'a\\000\\r\\n\\377'; printf 'e\\000\\n' >&2; dd if=/dev/zero bs=1M count=4 2>/dev/null; printf z";
    let output = bare(&["sh", "-c", script])?;
    let expected = [&b"a\0\r\n\xff"[..], &vec![0; 4 << 20], b"z"].concat();
    ensure!(
        output.stdout == expected,
        "stdout differs ({} bytes)",
        output.stdout.len()
    );
    ensure!(
        output.stderr == b"e\0\n",
        "stderr differs: {:?}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn stdin(folder: &Path) -> Result<()> {
    let file = folder.join("a file, with a comma");
    for length in [0, 1, 511, 512, 513, (1 << 20) + 3] {
        let content: Vec<u8> = (0..length)
            .map(|index: u32| (index ^ index >> 8) as u8)
            .collect();
        fs::write(&file, &content)?;
        let options: [&OsStr; 4] = [
            "--bare".as_ref(),
            "--fresh".as_ref(),
            "--stdin".as_ref(),
            file.as_ref(),
        ];
        let output = exec(&options, &["cat"])?;
        ensure!(
            output.status.success() && output.stdout == content,
            "{length} bytes did not come back"
        );
    }
    expect(&bare(&["wc", "-c"])?, 0, "0\n")
}

/// What stands beside the file that was put is as in a guest without one.
fn put(folder: &Path) -> Result<()> {
    let (file, name) = (folder.join("a file"), "a file");
    fs::write(&file, "put")?;
    let mut places = Vec::new();
    for to in ["", ":/root/put", ":/dev/shm/put", ":/new/folder/put"] {
        let mut place = file.clone().into_os_string();
        place.push(to);
        places.push(place);
    }
    let mut options: Vec<&OsStr> = vec!["--bare".as_ref(), "--fresh".as_ref()];
    for place in &places {
        options.extend(["--put".as_ref(), place.as_os_str()]);
    }
    let folders = "stat -c '%n %a %u %g' / /tmp /root /dev /dev/shm";
    let without = bare(&["sh", "-c", folders])?;
    let script =
        format!("cat '/tmp/{name}' /root/put /dev/shm/put /new/folder/put; echo; {folders}");
    let expected = format!("putputputput\n{}", String::from_utf8(without.stdout)?);
    expect(&exec(&options, &["sh", "-c", &script])?, 0, &expected)?;
    // A user makes files where the file was put.
    options.extend(["--uid".as_ref(), OsStr::new("1000")]);
    let script = format!(": >/tmp/own && : >/dev/shm/own && cat '/tmp/{name}'");
    expect(&exec(&options, &["sh", "-c", &script])?, 0, "put")
}

fn uids(_: &Path) -> Result<()> {
    for (uid, expected) in [
        ("0", "0 root"),
        ("1001", "1001 bob"),
        ("4242", "4242 user4242"),
    ] {
        let options: [&OsStr; 4] = [
            "--bare".as_ref(),
            "--fresh".as_ref(),
            "--uid".as_ref(),
            uid.as_ref(),
        ];
        let script =
            "echo $(id -u) $(id -un); : <>/dev/tee0; ! [ -r /dev/teepriv0 ] || [ $(id -u) = 0 ]";
        expect(
            &exec(&options, &["sh", "-c", script])?,
            0,
            &format!("{expected}\n"),
        )?;
    }
    Ok(())
}

fn on_disk(disk: &Path, command: &[&str]) -> Result<Output> {
    exec(
        &["--bare".as_ref(), "--disk".as_ref(), disk.as_ref()],
        command,
    )
}

fn persistence(folder: &Path) -> Result<()> {
    let disk = folder.join("disk");
    expect(
        &on_disk(
            &disk,
            &["sh", "-c", "echo kept >/var/lib/optee-client/note"],
        )?,
        0,
        "",
    )?;
    expect(
        &on_disk(&disk, &["cat", "/var/lib/optee-client/note"])?,
        0,
        "kept\n",
    )
}

fn flash_of(disk: &Path) -> PathBuf {
    let mut name = disk.as_os_str().to_owned();
    name.push(".flash");
    name.into()
}

fn half_a_device(folder: &Path) -> Result<()> {
    let disk = folder.join("disk");
    fs::write(flash_of(&disk), "x")?;
    let output = on_disk(&disk, &["true"])?;
    expect(&output, 125, "")?;
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains("one device"),
        "the message does not say why"
    );
    ensure!(!disk.exists(), "a refusal left a disk behind");
    fs::rename(flash_of(&disk), &disk)?;
    expect(&on_disk(&disk, &["true"])?, 125, "")
}

fn lock(folder: &Path) -> Result<()> {
    let disk = folder.join("disk");
    expect(&on_disk(&disk, &["true"])?, 0, "")?;
    let held = fs::File::open(&disk)?;
    flock(&held, FlockOperation::LockExclusive)?;
    let options: [&OsStr; 3] = ["--bare".as_ref(), "--disk".as_ref(), disk.as_ref()];
    let mut waiting = start(&options, &["true"]);
    let mut waiting = waiting
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    thread::sleep(Duration::from_secs(2));
    ensure!(waiting.try_wait()?.is_none(), "it did not wait");
    drop(held);
    let output = waiting.wait_with_output()?;
    ensure!(output.status.success(), "it failed after the wait");
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains("in use"),
        "it did not say that it waits"
    );
    Ok(())
}

fn deadline(_: &Path) -> Result<()> {
    let options: [&OsStr; 4] = [
        "--bare".as_ref(),
        "--fresh".as_ref(),
        "--timeout".as_ref(),
        "2".as_ref(),
    ];
    let output = exec(&options, &["sleep", "600"])?;
    expect(&output, 125, "")?;
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains("linux.log"),
        "the message names no log"
    );
    Ok(())
}

/// Puts yesterday's disk beside today's flash: OP-TEE must refuse the store, and Claviger must say so.
fn rollback(folder: &Path) -> Result<()> {
    let disk = folder.join("disk");
    let on_disk = |command: &[&str]| exec(&["--disk".as_ref(), disk.as_ref()], command);
    let generate = |label| on_disk(&["claviger", "generate", label, "--algorithm", "aes-256-siv"]);
    ensure!(generate("first")?.status.success(), "cannot generate a key");
    let old = folder.join("old");
    fs::copy(&disk, &old).context("cannot copy the disk")?;
    ensure!(
        generate("second")?.status.success(),
        "cannot generate a second key"
    );
    ensure!(
        on_disk(&["claviger", "list"])?.status.success(),
        "cannot list the keys"
    );
    fs::copy(&old, &disk)?;
    let output = on_disk(&["claviger", "list"])?;
    ensure!(
        output.status.code() == Some(4),
        "{}, expected 4",
        output.status
    );
    ensure!(
        output.stdout.is_empty(),
        "keys of a rolled-back store are listed"
    );
    Ok(())
}
