//! Headers and payloads that no client of ours sends: each has its status, and the instance goes
//! on.

use claviger::{Algorithm, Status, proto::Command};
use claviger_proto::limits;
use claviger_tests::{
    ALICE, Device,
    frames::{Watch, frame, send, send_command},
};

use crate::requests::request;

/// Every byte is part of the request, and every request is exactly one object.
#[test]
fn headers_that_are_not_the_commands() {
    let device = Device::fresh();
    let watch = Watch::new(&device);
    let client = device.user(0);
    client.generate("key", Algorithm::Aes128Cmac).unwrap();
    let before = client.list().unwrap();
    let nested = |open: &str| open.repeat(limits::HEADER / open.len());
    let elsewhere: Vec<Vec<u8>> = [
        "",
        " ",
        "null",
        "true",
        "0",
        "\"\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}{}",
        "{},{}",
        "{]",
        "{,}",
        "{\"\":0}",
        "{\"x\"}",
        "{x:0}",
        "{'x':0}",
        "{\"x\":0}",
        "\u{feff}{}",
        "{}//",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([
        nested("[").into_bytes(),
        nested("{\"key\":").into_bytes(),
        nested("{\"x\":[").into_bytes(),
        nested("\\").into_bytes(),
        vec![b' '; limits::HEADER],
        vec![b'"'; limits::HEADER],
        vec![0; limits::HEADER],
        vec![0xff; limits::HEADER],
        b"{\"\xff\xfe\":0}".to_vec(),
        b"{\"key\":\"\xc3\x28\"}".to_vec(),
    ])
    .collect();
    for command in Command::ALL {
        let (good, payload) = request(*command, "key");
        let good = good.as_bytes();
        let mut wrong = elsewhere.clone();
        wrong.extend((0..good.len()).map(|len| good[..len].to_vec()));
        let field = if good == b"{}" {
            "\"x\":1}"
        } else {
            ",\"x\":1}"
        };
        wrong.push([&good[..good.len() - 1], field.as_bytes()].concat());
        wrong.extend([&b"x"[..], b"}", b"{}", b"\0"].map(|more| [good, more].concat()));
        for header in wrong {
            let answer = send(&client, command.id(), &frame(&header, &payload));
            let shown = String::from_utf8_lossy(&header);
            assert_eq!(answer, Status::BadHeader, "{command:?} {shown}");
        }
        watch.still_the_same();
    }
    assert_eq!(client.list().unwrap(), before);
}

#[test]
fn values_of_the_wrong_type_or_size() {
    let device = Device::fresh();
    let watch = Watch::new(&device);
    let client = device.user(0);
    let too_long = format!("\"{}\"", "x".repeat(65));
    let labels = [
        "0",
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"a b\"",
        "\"\\u0061\"",
        "\"a\\n\"",
        "\"é\"",
        "[\"a\"]",
        &too_long,
    ];
    let numbers = [
        "-1",
        "-0",
        "1.0",
        "1e0",
        "1e999",
        "4294967296",
        "18446744073709551616",
        "\"1\"",
        "null",
        "true",
        "[]",
        "0x10",
        "01",
        "+1",
        "NaN",
        "999999999999999999999999999999999999999999",
    ];
    let mut cases = Vec::new();
    for value in labels {
        cases.push((Command::Describe, format!(r#"{{"key":{value}}}"#)));
    }
    for value in numbers {
        cases.push((Command::Random, format!(r#"{{"length":{value}}}"#)));
        cases.push((Command::List, format!(r#"{{"cursor":{value}}}"#)));
        if value != "4294967296" {
            let seal = |index| {
                format!(
                    r#"{{"key":"a","context":0,"deterministic":true,"index":{index},"last":true}}"#
                )
            };
            cases.push((Command::Seal, seal(value)));
        }
    }
    for value in [
        "\"\"",
        "\"aes\"",
        "\"AES-256-SIV\"",
        "1",
        "null",
        "{}",
        "\"aes-256-siv \"",
    ] {
        let generate = format!(r#"{{"key":"a","algorithm":{value},"export_derived":false}}"#);
        cases.push((Command::Generate, generate));
    }
    for value in ["0", "1", "null", "\"true\"", "True", "[]"] {
        let generate = format!(r#"{{"key":"a","algorithm":"ed25519","export_derived":{value}}}"#);
        cases.push((Command::Generate, generate));
    }
    for value in [
        "\"\"",
        "1000",
        "{}",
        r#"{"login":"user"}"#,
        r#"{"login":"user","id":""}"#,
        r#"{"login":"root","id":"ef0180a3-13f3-5d1c-b7f5-888c0e21059a"}"#,
        r#"{"login":"user","id":"EF0180A3-13F3-5D1C-B7F5-888C0E21059A"}"#,
        r#"{"login":"user","id":"ef0180a313f35d1cb7f5888c0e21059a"}"#,
        r#"{"login":"user","id":"ef0180a3-13f3-5d1c-b7f5-888c0e21059a","x":1}"#,
    ] {
        cases.push((Command::List, format!(r#"{{"cursor":0,"owner":{value}}}"#)));
    }
    for value in [
        "\"\"",
        "\"0000000\"",
        "\"0000000g\"",
        "\"000000000\"",
        "0",
        "null",
    ] {
        cases.push((
            Command::FactoryReset,
            format!(r#"{{"confirmation":{value}}}"#),
        ));
    }
    for (command, header) in &cases {
        let answer = send_command(&client, *command, header, b"");
        assert_eq!(answer, Status::BadHeader, "{command:?} {header}");
    }
    watch.still_the_same();
    assert_eq!(client.list().unwrap(), []);
}

/// The longest and deepest things that are in order.
#[test]
fn space_between_is_no_mistake() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let header = format!(
        "{{{}\n\t\"length\" :\r1 }}",
        " ".repeat(limits::HEADER - 17)
    );
    assert_eq!(header.len(), limits::HEADER);
    let answer = send_command(&client, Command::Random, &header, b"");
    assert_eq!(answer, Status::Ok);
}

#[test]
fn payloads_where_none_belongs() {
    let device = Device::fresh();
    let watch = Watch::new(&device);
    let client = device.user(0);
    let mut refused = 0;
    for command in Command::ALL {
        let takes_none = match command {
            Command::Info
            | Command::SelfTest
            | Command::Random
            | Command::Generate
            | Command::List
            | Command::Describe
            | Command::Delete
            | Command::PublicKey
            | Command::MacStart
            | Command::Challenge
            | Command::Lock
            | Command::FactoryReset => true,
            Command::Import
            | Command::Seal
            | Command::Unseal
            | Command::Mac
            | Command::VerifyMac
            | Command::MacUpdate
            | Command::MacFinish
            | Command::VerifyMacFinish
            | Command::Sign
            | Command::Respond
            | Command::Confirm => false,
        };
        let (header, payload) = request(*command, "key");
        if takes_none {
            assert!(payload.is_empty());
            let answer = send_command(&client, *command, &header, b"x");
            assert_eq!(answer, Status::BadPayload, "{command:?}");
            refused += 1;
        }
    }
    assert_eq!(refused, 12);
    assert!(!client.info().unwrap().vault.unwrap().locked);
    assert_eq!(client.list().unwrap(), []);
    watch.still_the_same();
}
