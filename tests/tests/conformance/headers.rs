//! Headers and payloads that no client of ours sends: each has its status, and the instance goes
//! on.

use claviger::{Algorithm, Status, Usage, proto::Command};
use claviger_proto::limits;
use claviger_tests::{
    ALICE, Device, Handle,
    frames::{Watch, frame, send, send_command},
    new_key_for,
    requests::{CHILDREN, Role, request, role},
};

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
    let references = [
        "\"\"",
        "\"#\"",
        "\"a#\"",
        "\"#a\"",
        "\"a#b#c\"",
        "\"@\"",
        "\"@0\"",
        "\"@-1\"",
        "\"@4294967296\"",
        "\"~a\"",
        "\"1000~a\"",
        "\"user:1000~a\"",
        "\"root:ef0180a3-13f3-5d1c-b7f5-888c0e21059a~a\"",
        "\"user:ef0180a3-13f3-5d1c-b7f5-888c0e21059a~\"",
        "\"user:ef0180a3-13f3-5d1c-b7f5-888c0e21059a~a~b\"",
        "{\"label\":\"a\"}",
        "7",
    ];
    // A request to generate a key with this in the place of that.
    let generate = |that: &str, this: &str| {
        let (header, _) = request(Command::Generate, "a");
        assert_eq!(header.matches(that).count(), 1, "{that}");
        header.replace(that, this)
    };
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
        cases.push((Command::Generate, generate("\"aes-128-cmac\"", value)));
    }
    for value in ["0", "1", "null", "\"true\"", "True", "[]"] {
        for field in ["\"ratchet\":false", "\"export_derived\":false"] {
            let (name, _) = field.split_once(':').unwrap();
            cases.push((
                Command::Generate,
                generate(field, &format!("{name}:{value}")),
            ));
        }
    }
    for value in [
        "\"seal\"",
        "[\"seal\",\"seal\"]",
        "[\"SEAL\"]",
        "[1]",
        "{}",
        "null",
        "1",
    ] {
        let owner = format!("\"owner\":{value}");
        cases.push((
            Command::Generate,
            generate(r#""owner":["mac","verify-mac"]"#, &owner),
        ));
    }
    let grant = |may: &str| format!(r#"{{"to":{ROOT},"may":{may}}}"#);
    let many = vec![grant("[]"); limits::GRANTS + 1].join(",");
    for value in [
        grant("[]"),
        format!("[{}]", grant("null")),
        format!("[{{\"to\":{ROOT}}}]"),
        format!("[{many}]"),
    ] {
        let grants = format!("\"grants\":{value}");
        cases.push((Command::Generate, generate("\"grants\":[]", &grants)));
    }
    for value in references {
        cases.push((Command::Mac, format!(r#"{{"key":{value}}}"#)));
    }
    let source = r#"{"kind":"key","key":"a","version":null,"algorithm":null,"bytes":0}"#;
    let sources = [source; limits::SOURCES + 1].join(",");
    for value in [
        source,
        &format!("[{sources}]"),
        r#"[{"kind":"seal"}]"#,
        "null",
    ] {
        let (header, _) = request(Command::Combine, "a");
        let header = header.replace(&format!("[{source}]"), value);
        cases.push((Command::Combine, header));
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

const ROOT: &str = r#"{"login":"user","id":"ef0180a3-13f3-5d1c-b7f5-888c0e21059a"}"#;

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
    for (algorithm, usage) in [
        (Algorithm::Aes128Cmac, Usage::Mac),
        (Algorithm::Ed25519, Usage::Sign),
        (Algorithm::Aes128Cmac, Usage::Challenge),
        (Algorithm::KdfCmac, Usage::Derive),
    ] {
        let mut new = new_key_for(usage.name(), algorithm, usage);
        new.children = (usage == Usage::Derive).then_some(CHILDREN);
        Handle::generate(&client, new).unwrap();
    }
    let before = client.list().unwrap();
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
            | Command::FactoryReset
            | Command::DeclareLost
            | Command::Rotate
            | Command::Retire
            | Command::SetState
            | Command::SetPolicy
            | Command::Derive
            | Command::Wrap
            | Command::Revoke
            | Command::ComponentStart
            | Command::ComponentShow
            | Command::ComponentCancel
            | Command::RestoreCancel
            | Command::AuditRead
            | Command::AuditStrict
            | Command::AuditRelease
            | Command::DeviceKey
            | Command::PendingList
            | Command::PendingCancel
            | Command::QuotaShow
            | Command::QuotaSet
            | Command::Chown
            | Command::Rename
            | Command::ListAll
            | Command::ListGranted
            | Command::RestoreTrustAdd
            | Command::RestoreTrustList
            | Command::RestoreTrustRemove => true,
            Command::Import
            | Command::Seal
            | Command::Unseal
            | Command::Reseal
            | Command::Mac
            | Command::VerifyMac
            | Command::MacUpdate
            | Command::MacFinish
            | Command::VerifyMacFinish
            | Command::Sign
            | Command::Respond
            | Command::Confirm
            | Command::CatchUp
            | Command::Encrypt
            | Command::Decrypt
            | Command::Combine
            | Command::Unwrap
            | Command::ComponentEnter
            | Command::Share
            | Command::RestoreStart
            | Command::RestoreShare
            | Command::AuditCheckpoint
            | Command::InstallCertificate
            | Command::Batch => false,
        };
        // A key that the command would take.
        let name = match role(*command) {
            Role::Uses(usages) => usages[0].name(),
            Role::Makes => "new",
            _ => "mac",
        };
        let (header, payload) = request(*command, name);
        if takes_none {
            assert!(payload.is_empty());
            let answer = send_command(&client, *command, &header, b"x");
            assert_eq!(answer, Status::BadPayload, "{command:?}");
            refused += 1;
        }
    }
    assert_eq!(refused, 39);
    assert!(!client.info().unwrap().vault.unwrap().locked.unwrap());
    assert_eq!(client.list().unwrap(), before);
    watch.still_the_same();
}
