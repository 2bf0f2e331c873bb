//! `batch`, as scripts use it.

mod common;

use common::Device;
use serde_json::{Value, json};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn device() -> Device {
    Device::with_keys(&[
        ("m", "aes-128-cmac"),
        ("s", "aes-256-siv"),
        ("p", "ecdsa-p256"),
        ("e", "ed25519"),
    ])
}

fn text(run: &common::Run) -> String {
    String::from_utf8(run.stdout.clone()).unwrap()
}

#[test]
fn each_line_gets_what_its_own_command_gives() {
    let device = device();
    let lines = b"one\ntwo\n\nfour";
    let tags = device.run(&["batch", "mac", "m", "--text"], lines);
    let alone: String = [&b"one"[..], b"two", b"", b"four"]
        .map(|line| text(&device.run(&["mac", "m"], line)))
        .concat();
    assert_eq!((tags.code, text(&tags)), (0, alone.clone()));
    let digits = format!("{}\n{}\n\n{}\n", hex(b"one"), hex(b"two"), hex(b"four"));
    let tags = device.run(&["batch", "mac", "m"], digits.as_bytes());
    assert_eq!((tags.code, text(&tags)), (0, alone.clone()));

    let pairs: String = alone
        .lines()
        .zip(["one", "two", "", "for"])
        .map(|(tag, message)| format!("{tag} {message}\n"))
        .collect();
    let verdicts = device.run(&["batch", "verify-mac", "m", "--text"], pairs.as_bytes());
    assert_eq!(verdicts.code, 3);
    let verdicts = text(&verdicts);
    let verdicts: Vec<&str> = verdicts.lines().collect();
    assert_eq!(verdicts[..3], ["authentic"; 3]);
    assert!(verdicts[3].starts_with("error: "), "{verdicts:?}");

    let first = device.run(&["batch", "sign", "e", "--text"], b"one\n");
    assert_eq!(
        text(&first).trim_end(),
        hex(&device.run(&["sign", "e"], b"one").stdout)
    );
    let der = text(&device.run(&["batch", "sign", "p", "--text"], b"one\n"));
    assert!(der.starts_with("30"), "{der}");
}

#[test]
fn data_come_back_in_order_from_files_too() {
    let device = device();
    // More than go in one call.
    let lines: String = (0..1500)
        .map(|number| format!("reading {number}\n"))
        .collect();
    let input = device.write("readings", lines.as_bytes());
    let blobs = device.file("blobs");
    let context = ["s", "--context", "c"];
    let seal = [
        &["batch", "seal"],
        &context[..],
        &["--text", "--in", &input, "--out", &blobs],
    ];
    device.ok(&seal.concat());
    device.ok(&["rotate", "s"]);
    let newer = device.file("newer");
    device.ok(&[
        &["batch", "reseal"],
        &context[..],
        &["--in", &blobs, "--out", &newer],
    ]
    .concat());
    let opened = device.run(
        &[&["batch", "unseal"], &context[..], &["--in", &newer]].concat(),
        b"",
    );
    let expected: String = lines
        .lines()
        .map(|line| hex(line.as_bytes()) + "\n")
        .collect();
    assert!(opened.code == 0 && text(&opened) == expected);
    let unseal = [
        &["batch", "unseal"],
        &context[..],
        &["--text", "--in", &newer],
    ];
    let opened = device.run(&unseal.concat(), b"");
    assert_eq!((opened.code, text(&opened)), (0, lines.clone()));
    let two_lines = device.run(&[&["seal"], &context[..]].concat(), b"two\nlines");
    let opened = device.run(
        &[&["batch", "unseal", "--text"], &context[..]].concat(),
        hex(&two_lines.stdout).as_bytes(),
    );
    assert_eq!((opened.code, text(&opened).lines().count()), (2, 1));
    assert!(text(&opened).contains("without --text"));
    let elsewhere = device.run(&["batch", "unseal", "s", "--in", &newer], b"");
    assert_eq!(elsewhere.code, 3);
    assert_eq!(text(&elsewhere).matches("error: ").count(), 1500);
}

#[test]
fn json_is_one_object() {
    let device = device();
    let tags = device.run(&["--json", "batch", "mac", "m", "--text"], b"one\n");
    let bytes = &tags.object()["results"][0]["bytes"];
    let alone = &device.run(&["--json", "mac", "m"], b"one").object()["mac"];
    assert_eq!(bytes, alone);
    let pair = format!("{} one\n{} one\n", "00".repeat(16), hex(&[0; 3]));
    let verdicts = device.run(
        &["--json", "batch", "verify-mac", "m", "--text"],
        pair.as_bytes(),
    );
    assert_eq!(verdicts.code, 3);
    let results: Value = serde_json::from_slice(&verdicts.stdout).unwrap();
    for place in [0, 1] {
        assert_eq!(
            results["results"][place]["error"]["status"],
            json!("not-authentic")
        );
    }
    let out = device.file("out");
    let told = device.run(
        &["--json", "batch", "mac", "m", "--text", "--out", &out],
        b"a\nb",
    );
    assert_eq!(told.object(), json!({ "out": out, "done": 2, "failed": 0 }));
}

#[test]
fn what_is_no_batch_is_named() {
    let device = device();
    // A key for something else: each line says so.
    let run = device.run(&["batch", "mac", "p", "--text"], b"a\nb\n");
    assert_eq!((run.code, text(&run).lines().count()), (1, 2));
    let run = device.run(&["batch", "fly", "m"], b"");
    assert_eq!(run.code, 2);
    let run = device.run(&["batch", "mac", "m"], b"");
    assert_eq!((run.code, run.stdout.len()), (0, 0), "nothing to do");
}

#[test]
fn a_line_that_is_none_costs_itself() {
    let device = device();
    let alone = |message: &[u8]| {
        text(&device.run(&["mac", "m"], message))
            .trim_end()
            .to_owned()
    };
    let (one, empty) = (alone(b"one"), alone(b""));
    let long = vec![b'a'; 2 << 20];
    let join = |lines: &[&[u8]]| lines.join(&b"\n"[..]);
    let digits = hex(b"one");
    let crlf = format!("{digits}\r");
    let tagged = |digits: &str| format!("{digits} one");
    for (line, input, expected) in [
        // Wrong digits, another encoding, far too long, CR LF, nothing, and no end.
        (
            "batch mac m",
            join(&[
                digits.as_bytes(),
                b"xyz",
                b"\xff\xfe",
                b"abc",
                &long,
                crlf.as_bytes(),
                b"",
                digits.as_bytes(),
            ]),
            vec![
                &one[..],
                "error: line 2: ",
                "error: line 3: ",
                "error: line 4: ",
                "error: line 5: it is longer",
                &one,
                &empty,
                &one,
            ],
        ),
        (
            "batch mac m --text",
            join(&[&long, b"one\r", b"one", b"\r", b"one"]),
            vec!["error: line 1: it is longer", &one, &one, &empty, &one],
        ),
        (
            "batch verify-mac m --text",
            join(&[
                b"00",
                tagged(&one).as_bytes(),
                b"zz one",
                b"",
                tagged(&empty).as_bytes(),
                b"00 one",
                tagged(&one).as_bytes(),
            ]),
            vec![
                "error: line 1: no blank",
                "authentic",
                "error: line 3: ",
                "error: line 4: no blank",
                "error: ",
                "error: ",
                "authentic",
            ],
        ),
        (
            "batch mac m",
            join(&[crlf.as_bytes(), b"q"]),
            vec![&one, "error: line 2: "],
        ),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let run = device.run(&words, &input);
        assert_eq!(run.code, 2, "{line}: {}", run.stderr);
        let answers = text(&run);
        let answers: Vec<_> = answers.lines().collect();
        assert_eq!(answers.len(), expected.len(), "{line}: {answers:?}");
        for (answer, expected) in answers.iter().zip(&expected) {
            let whole = !expected.starts_with("error: ");
            assert!(
                answer.starts_with(expected) && (!whole || answer == expected),
                "{line}: {answer}"
            );
        }
        // The same as one object.
        let run = device.run(&[&words[..], &["--json"]].concat(), &input);
        assert_eq!(run.code, 2);
        let object: Value = serde_json::from_slice(&run.stdout).unwrap();
        let results = object["results"].as_array().unwrap();
        for (result, expected) in results.iter().zip(&expected) {
            assert_eq!(
                result["error"].is_object(),
                expected.starts_with("error: "),
                "{result}"
            );
        }
    }
    // Blobs: among more lines than go in one call, and text that is no line when it is opened.
    let mut blobs = text(&device.run(
        &["batch", "seal", "s", "--text"],
        "x\n".repeat(1200).as_bytes(),
    ));
    blobs.insert_str(0, "0011\n\nnot hexadecimal\n");
    blobs += &hex(&device.run(&["seal", "s"], b"two\nlines").stdout);
    let run = device.run(&["batch", "unseal", "s", "--text"], blobs.as_bytes());
    let answers = text(&run);
    assert_eq!(
        (run.code, answers.lines().count()),
        (3, 1204),
        "{}",
        run.stderr
    );
    assert_eq!(answers.matches("error: ").count(), 4);
    assert_eq!(answers.lines().filter(|line| *line == "x").count(), 1200);
}
