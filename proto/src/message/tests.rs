//! The bytes of every message, pinned.
//!
//! [`pinned`] matches on [`Command`] without a wildcard, so a command without a pin does not
//! compile. Where a field is an `Option`, its absence reads as `null`; no other field may be
//! missing.

use std::{format, string::String, vec::Vec};

use serde::{Serialize, de::DeserializeOwned};

use super::*;
use crate::{Command, Login, Status, Uuid, codec, command::Request};

fn label(text: &str) -> Label {
    Label::try_from(text).unwrap()
}

const OWNER: Identity = Identity {
    login: Login::Group,
    id: Uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf]),
};

fn description() -> KeyDescription {
    KeyDescription {
        key: label("a/b"),
        id: Digits([0xab; 16]),
        algorithm: Algorithm::Aes256Siv,
        usage: Usage::Seal,
        export_derived: false,
        origin: Origin::Generated,
        state: State::Active,
        version: 7,
        owner: OWNER,
    }
}

macro_rules! description_json {
    () => {
        r#"{"key":"a/b","id":"abababababababababababababababab","algorithm":"aes-256-siv","usage":"seal","export_derived":false,"origin":"generated","state":"active","version":7,"owner":{"login":"group","id":"00010203-0405-0607-0809-0a0b0c0d0e0f"}}"#
    };
}

const KEY: &str = r#"{"key":"a/b"}"#;
const KEY_OF_OWNER: &str =
    r#"{"key":"a/b","owner":{"login":"group","id":"00010203-0405-0607-0809-0a0b0c0d0e0f"}}"#;
const PARTIES: &str = r#"{"key":"a/b","me":"device:1","peer":"server"}"#;
const VERSION: &str = r#"{"version":7}"#;
const EMPTY: &str = "{}";
/// No field of either message is an `Option`.
const NONE: [&[&str]; 2] = [&[], &[]];

fn info() -> InfoResponse {
    InfoResponse {
        version: "0.1.0".try_into().unwrap(),
        build: Build::Test,
        platform: "emulator".try_into().unwrap(),
        insecure: true,
        rollback_level: 1000,
        instance: Digits([0x11; 16]),
        confirmation: Some(Digits([0x22; 4])),
        store: 64,
        vault: Some(VaultInfo {
            id: Digits([0x33; 16]),
            locked: true,
            keys: 1,
            free: 2,
            damaged: 3,
            degraded: 5,
            repaired: 4,
        }),
        limits: Limits {
            header: 5,
            payload: 6,
            chunk: 7,
            context: 8,
            random: 9,
            keys: 10,
            challenges: 11,
        },
        marks: Some(Marks {
            heap_peak: 12,
            heap_now: 13,
            heap_size: 14,
            stack_peak: 15,
            stack_size: 16,
        }),
    }
}

const INFO: &str = concat!(
    r#"{"version":"0.1.0","build":"test","platform":"emulator","insecure":true,"#,
    r#""rollback_level":1000,"instance":"11111111111111111111111111111111","#,
    r#""confirmation":"22222222","store":64,"#,
    r#""vault":{"id":"33333333333333333333333333333333","locked":true,"keys":1,"free":2,"#,
    r#""damaged":3,"degraded":5,"repaired":4},"#,
    r#""limits":{"header":5,"payload":6,"chunk":7,"context":8,"random":9,"keys":10,"#,
    r#""challenges":11},"#,
    r#""marks":{"heap_peak":12,"heap_now":13,"heap_size":14,"stack_peak":15,"stack_size":16}}"#,
);

/// Checks a command's request and the answer to it against their exact bytes.
fn pinned(command: Command) {
    let done = || (Done {}, EMPTY);
    let version = || (KeyVersion { version: 7 }, VERSION);
    let described = || (description(), description_json!());
    let key = || label("a/b");
    let owner = Some(OWNER);
    let (me, peer) = (label("device:1"), label("server"));
    match command {
        Command::Info => check(
            command,
            InfoRequest {},
            EMPTY,
            (info(), INFO),
            [&[], &["confirmation", "vault", "marks"]],
        ),
        Command::SelfTest => {
            let results =
                [("aes-128-cmac", true), ("ed25519", false)].map(|(name, passed)| SelfTestResult {
                    primitive: name.try_into().unwrap(),
                    passed,
                });
            let response = SelfTestResponse {
                results: results.into_iter().collect(),
            };
            let bytes = r#"{"results":[{"primitive":"aes-128-cmac","passed":true},{"primitive":"ed25519","passed":false}]}"#;
            check(command, SelfTestRequest {}, EMPTY, (response, bytes), NONE);
        }
        Command::Random => check(
            command,
            RandomRequest { length: 32 },
            r#"{"length":32}"#,
            done(),
            NONE,
        ),
        Command::Generate => check(
            command,
            GenerateRequest {
                key: key(),
                algorithm: Algorithm::Aes128Cmac,
                usage: Some(Usage::Challenge),
                export_derived: true,
            },
            r#"{"key":"a/b","algorithm":"aes-128-cmac","usage":"challenge","export_derived":true}"#,
            described(),
            [&["usage"], &[]],
        ),
        Command::Import => check(
            command,
            ImportRequest {
                key: key(),
                algorithm: Algorithm::HmacSha256,
                usage: None,
                export_derived: false,
            },
            r#"{"key":"a/b","algorithm":"hmac-sha256","usage":null,"export_derived":false}"#,
            described(),
            [&["usage"], &[]],
        ),
        Command::List => check(
            command,
            ListRequest { cursor: 3, owner },
            r#"{"cursor":3,"owner":{"login":"group","id":"00010203-0405-0607-0809-0a0b0c0d0e0f"}}"#,
            (
                ListResponse {
                    keys: [description(), description()].into_iter().collect(),
                    next: Some(9),
                },
                concat!(
                    r#"{"keys":["#,
                    description_json!(),
                    ",",
                    description_json!(),
                    r#"],"next":9}"#
                ),
            ),
            [&["owner"], &["next"]],
        ),
        Command::Describe => check(
            command,
            DescribeRequest { key: key(), owner },
            KEY_OF_OWNER,
            described(),
            [&["owner"], &[]],
        ),
        Command::Delete => check(
            command,
            DeleteRequest { key: key(), owner },
            KEY_OF_OWNER,
            done(),
            [&["owner"], &[]],
        ),
        Command::PublicKey => check(
            command,
            PublicKeyRequest { key: key() },
            KEY,
            (
                PublicKeyResponse {
                    algorithm: Algorithm::EcdsaP256,
                },
                r#"{"algorithm":"ecdsa-p256"}"#,
            ),
            NONE,
        ),
        Command::Seal => check(
            command,
            SealRequest {
                key: key(),
                context: 5,
                deterministic: true,
                index: u64::MAX,
                last: false,
            },
            r#"{"key":"a/b","context":5,"deterministic":true,"index":18446744073709551615,"last":false}"#,
            version(),
            NONE,
        ),
        Command::Unseal => check(
            command,
            UnsealRequest {
                key: key(),
                context: 5,
                index: 6,
                last: true,
            },
            r#"{"key":"a/b","context":5,"index":6,"last":true}"#,
            version(),
            NONE,
        ),
        Command::Mac => check(command, MacRequest { key: key() }, KEY, version(), NONE),
        Command::VerifyMac => check(
            command,
            VerifyMacRequest {
                key: key(),
                tag: 16,
            },
            r#"{"key":"a/b","tag":16}"#,
            version(),
            NONE,
        ),
        Command::MacStart => check(
            command,
            MacStartRequest { key: key() },
            KEY,
            version(),
            NONE,
        ),
        Command::MacUpdate => check(command, MacUpdateRequest {}, EMPTY, done(), NONE),
        Command::MacFinish => check(command, MacFinishRequest {}, EMPTY, done(), NONE),
        Command::VerifyMacFinish => check(command, VerifyMacFinishRequest {}, EMPTY, done(), NONE),
        Command::Sign => check(command, SignRequest { key: key() }, KEY, version(), NONE),
        Command::Challenge => check(
            command,
            ChallengeRequest {
                key: key(),
                me,
                peer,
            },
            PARTIES,
            done(),
            NONE,
        ),
        Command::Respond => check(
            command,
            RespondRequest {
                key: key(),
                me,
                peer,
            },
            PARTIES,
            done(),
            NONE,
        ),
        Command::Confirm => check(
            command,
            ConfirmRequest {
                key: key(),
                session_key: true,
            },
            r#"{"key":"a/b","session_key":true}"#,
            (ConfirmResponse { peer }, r#"{"peer":"server"}"#),
            NONE,
        ),
        Command::Lock => check(command, LockRequest {}, EMPTY, done(), NONE),
        Command::FactoryReset => check(
            command,
            FactoryResetRequest {
                confirmation: Digits([0x22; 4]),
            },
            r#"{"confirmation":"22222222"}"#,
            done(),
            NONE,
        ),
    }
}

/// Checks both headers of a command. `optional` names the fields of each that are an `Option`.
fn check<R>(
    command: Command,
    request: R,
    request_bytes: &str,
    (response, response_bytes): (R::Response, &str),
    optional: [&[&str]; 2],
) where
    R: Request + PartialEq + std::fmt::Debug,
    R::Response: PartialEq + std::fmt::Debug,
{
    assert_eq!(R::COMMAND, command);
    is_exactly(&request, request_bytes, optional[0]);
    is_exactly(&response, response_bytes, optional[1]);
}

fn is_exactly<T>(message: &T, text: &str, optional: &[&str])
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    assert_eq!(encoded(message), text);
    assert_eq!(codec::decode::<T>(text.as_bytes()).as_ref(), Ok(message));
    let refused = |bytes: &[u8], why: &str| {
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(
            codec::decode::<T>(bytes),
            Err(Status::BadHeader),
            "{why}: {shown}"
        );
    };

    for len in 0..text.len() {
        refused(&text.as_bytes()[..len], "truncated");
    }
    for byte in 0..=u8::MAX {
        refused(&[text.as_bytes(), &[byte]].concat(), "a trailing byte");
    }
    for (place, _) in text.match_indices('{') {
        let separator = if text[place + 1..].starts_with('}') {
            ""
        } else {
            ","
        };
        let (before, after) = text.split_at(place + 1);
        let longer = format!("{before}\"x\":1{separator}{after}");
        refused(longer.as_bytes(), "an unknown field");
    }
    let fields = fields(text);
    for (place, field) in fields.iter().enumerate() {
        let again = format!("{{{},{field}}}", fields.join(","));
        refused(again.as_bytes(), "a repeated field");
        let mut fewer = fields.clone();
        fewer.remove(place);
        let without = format!("{{{}}}", fewer.join(","));
        let name = field.split('"').nth(1).unwrap();
        if optional.contains(&name) {
            let null = text.replace(field, &format!("\"{name}\":null"));
            let absent = codec::decode::<T>(without.as_bytes()).unwrap();
            assert_eq!(Ok(absent), codec::decode(null.as_bytes()), "{name} is null");
        } else {
            refused(without.as_bytes(), "a missing field");
        }
    }
}

fn encoded(message: &impl Serialize) -> String {
    let mut bytes = [0; limits::HEADER];
    let len = codec::encode(message, &mut bytes).unwrap();
    String::from_utf8(bytes[..len].to_vec()).unwrap()
}

/// The fields of an object, each `"name":value`. No string in a pin holds a bracket or comma.
fn fields(object: &str) -> Vec<&str> {
    let inside = object.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    let mut depth = 0;
    let ends_field = |c: char| {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    };
    inside
        .split(ends_field)
        .filter(|field| !field.is_empty())
        .collect()
}

#[test]
fn every_message_is_these_bytes() {
    for command in Command::ALL {
        pinned(*command);
    }
}

/// Matches without a wildcard, so that a status without a pinned code does not compile.
const fn pinned_code(status: Status) -> u16 {
    match status {
        Status::Ok => 0,
        Status::ProtocolVersion => 1,
        Status::UnknownCommand => 2,
        Status::BadFrame => 3,
        Status::HeaderTooLong => 4,
        Status::PayloadTooLong => 5,
        Status::BadHeader => 6,
        Status::BadPayload => 7,
        Status::LoginRequired => 16,
        Status::AdministratorOnly => 17,
        Status::NotFound => 32,
        Status::AlreadyExists => 33,
        Status::WrongUsage => 34,
        Status::UnsupportedUsage => 35,
        Status::BadKey => 36,
        Status::MessageTooLong => 37,
        Status::VaultFull => 39,
        Status::Locked => 40,
        Status::BadConfirmation => 41,
        Status::RecordDamaged => 42,
        Status::BadPublicKey => 43,
        Status::NotAuthentic => 48,
        Status::NoChallenge => 49,
        Status::NoStream => 50,
        Status::Busy => 51,
        Status::StorageUnavailable => 64,
        Status::StorageFull => 65,
        Status::StorageCorrupt => 66,
        Status::StorageFault => 67,
        Status::StorageRollback => 68,
        Status::VaultNewer => 69,
        Status::OutOfMemory => 80,
        Status::RandomFailed => 81,
        Status::PlatformFault => 82,
        Status::Internal => 83,
    }
}

#[test]
fn every_status_is_this_number() {
    for status in Status::ALL {
        assert_eq!(status.code(), pinned_code(*status), "{status:?}");
    }
}
