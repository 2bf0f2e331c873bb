//! Sealing and unsealing at every size that matters, and files that appear whole or not at all.

mod common;

use std::{
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    thread,
    time::Duration,
};

use common::{Device, pattern};

const HEADER: usize = 48;
const TAG: usize = 16;
const CHUNK: usize = 131_072;

fn sealer() -> Device {
    Device::with_keys(&[("s", "aes-256-siv")])
}

#[test]
fn every_size_around_the_chunks_comes_back() {
    let device = sealer();
    for size in [
        0,
        1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK - 1,
        2 * CHUNK,
        2 * CHUNK + 1,
    ] {
        let data = pattern(size);
        let blob = device.ok_with(&["seal", "s", "--context", "c"], &data);
        let chunks = size.div_ceil(CHUNK).max(1);
        assert_eq!(blob.len(), HEADER + size + chunks * TAG, "{size}");
        assert_eq!(
            device.ok_with(&["unseal", "s", "--context", "c"], &blob),
            data,
            "{size}"
        );
    }
}

#[test]
fn what_was_cut_altered_or_added_is_refused() {
    let device = sealer();
    let data = pattern(2 * CHUNK);
    let blob = device.ok_with(&["seal", "s"], &data);
    let end = blob.len();
    let second = HEADER + CHUNK + TAG;
    // The damage, and how many bytes are good before it shows.
    let cut = |length: usize| blob[..length].to_vec();
    let flipped = |place: usize| {
        let mut blob = blob.clone();
        blob[place] ^= 1;
        blob
    };
    let mut swapped = cut(HEADER);
    swapped.extend(&blob[second..]);
    swapped.extend(&blob[HEADER..second]);
    let cases = [
        ("empty", vec![], 0),
        ("only a header", cut(HEADER), 0),
        ("half a tag", cut(HEADER + TAG / 2), 0),
        ("the second chunk missing", cut(second), 0),
        (
            "half a tag of the second chunk",
            cut(second + TAG / 2),
            CHUNK,
        ),
        ("only the tag of the second chunk", cut(second + TAG), CHUNK),
        ("the last byte missing", cut(end - 1), CHUNK),
        ("a byte too many", [&blob[..], b"x"].concat(), CHUNK),
        (
            "a chunk too many",
            [&blob[..], &blob[second..]].concat(),
            CHUNK,
        ),
        ("swapped", swapped, 0),
        ("key id", flipped(8), 0),
        ("version", flipped(27), 0),
        ("nonce", flipped(40), 0),
        ("tag", flipped(HEADER), 0),
        ("second chunk", flipped(end - 1), CHUNK),
    ];
    for (name, blob, good) in cases {
        let run = device.run(&["unseal", "s"], &blob);
        assert_eq!(
            (run.code, run.stdout.len()),
            (3, good),
            "{name}: {}",
            run.stderr
        );
        assert_eq!(run.stdout, data[..good], "{name}");

        device.write("blob", &blob);
        let run = device.run(&["unseal", "s", "--in", "blob", "--out", "plain"], b"");
        assert_eq!(run.code, 3, "{name}");
        assert_eq!(
            device.files(),
            ["blob", "device"],
            "{name}: nothing appears"
        );
    }
}

#[test]
fn the_hint_says_what_the_header_says() {
    let device = Device::with_keys(&[
        ("s", "aes-256-siv"),
        ("t", "aes-256-siv"),
        ("u", "aes-128-siv"),
    ]);
    let blob = device.ok_with(&["seal", "s", "--context", "c"], b"data");
    let hint = |arguments: &[&str], blob: &[u8]| {
        let (code, stderr) = device.fails(arguments, blob);
        assert_eq!(code, 3);
        stderr
    };
    assert!(hint(&["unseal", "t", "--context", "c"], &blob).contains("t now has id"));
    assert!(hint(&["unseal", "u", "--context", "c"], &blob).contains("u now has id"));
    assert!(hint(&["unseal", "s"], &blob).contains("another context"));
    let mut versioned = blob.clone();
    versioned[27] = 2;
    assert!(hint(&["unseal", "s", "--context", "c"], &versioned).contains("version 2"));
    let mut suited = blob;
    suited[5] = 2;
    assert!(hint(&["unseal", "s", "--context", "c"], &suited).contains("another algorithm"));
}

#[test]
fn deterministic_blobs_are_equal_and_others_are_not() {
    let device = sealer();
    let seal = |more: &[&str]| device.ok_with(&[&["seal", "s"], more].concat(), b"same");
    assert_eq!(seal(&["--deterministic"]), seal(&["--deterministic"]));
    assert_ne!(
        seal(&["--deterministic"]),
        seal(&["--deterministic", "--context", "c"])
    );
    assert_ne!(seal(&[]), seal(&[]));
}

#[test]
fn a_context_has_its_limit() {
    let device = sealer();
    let longest = "c".repeat(1024);
    let blob = device.ok_with(&["seal", "s", "--context", &longest], &pattern(CHUNK + 1));
    assert_eq!(
        device
            .ok_with(&["unseal", "s", "--context", &longest], &blob)
            .len(),
        CHUNK + 1
    );
    let (code, _) = device.fails(&["seal", "s", "--context", &(longest + "c")], b"x");
    assert_eq!(code, 1);
}

#[test]
fn a_file_can_be_its_own_input() {
    let device = sealer();
    let data = pattern(3 * CHUNK + 5);
    device.write("file", &data);
    device.ok(&["seal", "s", "--in", "file", "--out", "file"]);
    assert_ne!(device.read("file"), data);
    device.ok(&["unseal", "s", "--in", "file", "--out", "file"]);
    assert_eq!(device.read("file"), data);
    // And is not harmed by a failure.
    let (code, _) = device.fails(&["unseal", "s", "--in", "file", "--out", "file"], b"");
    assert_eq!(code, 3);
    assert_eq!(device.read("file"), data);
    assert_eq!(device.files(), ["device", "file"]);
}

#[test]
fn opened_data_are_for_this_user_alone() {
    let device = sealer();
    device.ok_with(&["seal", "s", "--out", "blob"], b"x");
    device.ok(&["unseal", "s", "--in", "blob", "--out", "plain"]);
    let mode = device
        .path("plain")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_run_that_is_killed_leaves_nothing() {
    let device = sealer();
    let blob = device.ok_with(&["seal", "s"], &pattern(4 * CHUNK));
    let mut child = device
        .process(&["unseal", "s", "--out", "plain"])
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&blob[..3 * CHUNK]).unwrap();
    thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(device.files(), ["device"]);
    assert_eq!(
        device.ok_with(&["unseal", "s"], &blob),
        pattern(4 * CHUNK),
        "and no lock stays"
    );
}

#[test]
fn one_process_seals_while_the_other_unseals() {
    let device = sealer();
    let mut seal = device.process(&["seal", "s"]).spawn().unwrap();
    let mut stdin = seal.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(&pattern(20 * CHUNK)));
    let unseal = device
        .process(&["unseal", "s"])
        .stdin(seal.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(
        unseal.status.success(),
        "{}",
        String::from_utf8_lossy(&unseal.stderr)
    );
    assert_eq!(unseal.stdout, pattern(20 * CHUNK));
    writer.join().unwrap().unwrap();
    assert!(seal.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_is_no_drama() {
    let device = sealer();
    let mut child = device.process(&["random", "100000000"]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr.lines().count(),
        1,
        "the emulator's warning only: {stderr}"
    );
}

#[test]
fn macs_and_signatures_take_streams() {
    let device = Device::with_keys(&[
        ("m", "aes-128-cmac"),
        ("h", "hmac-sha256"),
        ("p", "ecdsa-p256"),
    ]);
    for label in ["m", "h"] {
        let mut tags = Vec::new();
        for size in [0, 133_215, 133_216, 133_232, 133_233, 400_000] {
            let message = pattern(size);
            let tag = String::from_utf8(device.ok_with(&["mac", label], &message)).unwrap();
            let tag = tag.trim().to_owned();
            device.ok_with(&["verify-mac", label, "--tag", &tag], &message);
            let (code, _) = device.fails(
                &["verify-mac", label, "--tag", &tag],
                &[&message[..], b"x"].concat(),
            );
            assert_eq!(code, 3, "{label} {size}");
            tags.push(tag);
        }
        tags.dedup();
        assert_eq!(tags.len(), 6);
    }
    assert_eq!(
        device
            .ok_with(&["sign", "p", "--raw"], &pattern(1_000_000))
            .len(),
        64
    );
}

/// More commands at once than sessions may be open, and more than the device serves at a time: each
/// waits for its turn.
#[test]
fn sixty_commands_at_once_all_end_well() {
    let device = Device::with_keys(&[("k", "aes-256-siv"), ("m", "aes-128-cmac")]);
    let expected = device.line("mac m --in -", b"message");
    let commands: Vec<_> = (0..60)
        .map(|number| {
            let words = ["mac m --in -", "seal k --in -", "describe m"][number % 3];
            let words: Vec<_> = words.split(' ').collect();
            let mut command = device.process(&words).spawn().unwrap();
            let mut stdin = command.stdin.take().unwrap();
            // Whoever does not read it has ended.
            let _unread = stdin.write_all(b"message");
            (number, command)
        })
        .collect();
    for (number, command) in commands {
        let output = command.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{number}: {said}");
        if number % 3 == 0 {
            assert_eq!(output.stdout, expected, "{number}");
        }
    }
}
