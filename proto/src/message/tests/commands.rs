//! Every command with its request and the answer to it.

use super::{answers::*, check, samples::*};
use crate::{Algorithm, Command, Digits, Identity, State, batch::Batched, message::*};

const VERSION: &str = r#"{"version":7}"#;
const EMPTY: &str = "{}";
/// No field of either message is an `Option`.
const NONE: [&[&str]; 2] = [&[], &[]];
/// The answer is a description.
const DESCRIBED: [&[&str]; 2] = [&[], DESCRIPTION_OPTIONS];
/// A new key is asked for, and the answer is its description.
const MADE: [&[&str]; 2] = [NEW_KEY_OPTIONS, DESCRIPTION_OPTIONS];
/// A request with a key and nothing else.
macro_rules! of_key {
    ($request:ident) => {
        (
            $request { key: key_ref(KEY) },
            concat!(r#"{"key":"#, key_json!(), "}"),
        )
    };
}

/// The same with more fields, given as they are in Rust and as they are in JSON.
macro_rules! of_key_and {
    ($request:ident { $($field:ident: $value:expr),+ }, $json:expr) => {
        (
            $request { key: key_ref(KEY), $($field: $value),+ },
            concat!(r#"{"key":"#, key_json!(), $json, "}"),
        )
    };
}

/// A request about a key that waits for its components.
macro_rules! of_ceremony {
    ($request:ident) => {
        (
            $request {
                ceremony: Digits([0x44; 8]),
            },
            r#"{"ceremony":"4444444444444444"}"#,
        )
    };
}

/// Checks a command's request and the answer to it against their exact bytes.
pub(super) fn pinned(command: Command) {
    let done = || (Done {}, EMPTY);
    let version = || (KeyVersion { version: 7 }, VERSION);
    let described = || (description(), description_json!());
    let listed = || {
        let keys = [summary(), summary()].into_iter().collect();
        let json = concat!(
            r#"{"keys":["#,
            summary_json!(),
            ",",
            summary_json!(),
            r#"],"next":9}"#
        );
        (
            ListResponse {
                keys,
                next: Some(9),
            },
            json,
        )
    };
    match command {
        Command::Info => check(
            command,
            (InfoRequest {}, EMPTY),
            (info(), INFO),
            [&[], &["confirmation", "vault", "vault.locked", "marks"]],
        ),
        Command::SelfTest => check(
            command,
            (SelfTestRequest {}, EMPTY),
            (verdicts(), VERDICTS),
            NONE,
        ),
        Command::Random => {
            let request = (RandomRequest { length: 32 }, r#"{"length":32}"#);
            check(command, request, done(), NONE);
        }
        Command::Generate => check(
            command,
            (
                GenerateRequest { new: new_key() },
                concat!(r#"{"new":"#, new_key_json!(), "}"),
            ),
            described(),
            MADE,
        ),
        Command::Import => check(
            command,
            (
                ImportRequest { new: new_key() },
                concat!(r#"{"new":"#, new_key_json!(), "}"),
            ),
            described(),
            MADE,
        ),
        Command::List => check(
            command,
            (
                ListRequest {
                    cursor: 3,
                    owner: Some(OWNER),
                },
                concat!(r#"{"cursor":3,"owner":"#, owner_json!(), "}"),
            ),
            listed(),
            [&["owner"], &["next"]],
        ),
        Command::Describe => check(command, of_key!(DescribeRequest), described(), DESCRIBED),
        Command::Delete => check(command, of_key!(DeleteRequest), done(), NONE),
        Command::PublicKey => check(
            command,
            of_key_and!(PublicKeyRequest { version: Some(6) }, r#","version":6"#),
            (
                PublicKeyResponse {
                    algorithm: Algorithm::EcdsaP384,
                    version: 6,
                },
                r#"{"algorithm":"ecdsa-p384","version":6}"#,
            ),
            [&["version"], &[]],
        ),
        Command::Seal => check(
            command,
            of_key_and!(
                SealRequest {
                    context: 5,
                    deterministic: true,
                    index: u64::MAX,
                    last: false
                },
                r#","context":5,"deterministic":true,"index":18446744073709551615,"last":false"#
            ),
            version(),
            NONE,
        ),
        Command::Unseal => check(
            command,
            of_key_and!(
                UnsealRequest {
                    context: 5,
                    index: 6,
                    last: true
                },
                r#","context":5,"index":6,"last":true"#
            ),
            version(),
            NONE,
        ),
        Command::Reseal => check(
            command,
            of_key_and!(
                ResealRequest {
                    context: 5,
                    index: 6,
                    last: true
                },
                r#","context":5,"index":6,"last":true"#
            ),
            version(),
            NONE,
        ),
        Command::Encrypt => check(
            command,
            of_key_and!(EncryptRequest { aad: 5 }, r#","aad":5"#),
            version(),
            NONE,
        ),
        Command::Decrypt => check(
            command,
            of_key_and!(
                DecryptRequest {
                    aad: 5,
                    version: Some(6)
                },
                r#","aad":5,"version":6"#
            ),
            version(),
            [&["version"], &[]],
        ),
        Command::Mac => check(command, of_key!(MacRequest), version(), NONE),
        Command::VerifyMac => check(
            command,
            of_key_and!(
                VerifyMacRequest {
                    tag: 16,
                    version: Some(6)
                },
                r#","tag":16,"version":6"#
            ),
            version(),
            [&["version"], &[]],
        ),
        Command::MacStart => check(
            command,
            of_key_and!(
                MacStartRequest {
                    verify: true,
                    version: Some(6)
                },
                r#","verify":true,"version":6"#
            ),
            version(),
            [&["version"], &[]],
        ),
        Command::MacUpdate => check(command, (MacUpdateRequest {}, EMPTY), done(), NONE),
        Command::MacFinish => check(command, (MacFinishRequest {}, EMPTY), done(), NONE),
        Command::VerifyMacFinish => {
            check(command, (VerifyMacFinishRequest {}, EMPTY), done(), NONE);
        }
        Command::Sign => check(
            command,
            of_key_and!(SignRequest { prehash: true }, r#","prehash":true"#),
            version(),
            NONE,
        ),
        Command::Challenge => check(
            command,
            of_key_and!(
                ChallengeRequest {
                    me: label("device:1"),
                    peer: label("server")
                },
                r#","me":"device:1","peer":"server""#
            ),
            done(),
            NONE,
        ),
        Command::Respond => check(
            command,
            of_key_and!(
                RespondRequest {
                    me: label("device:1"),
                    peer: label("server")
                },
                r#","me":"device:1","peer":"server""#
            ),
            done(),
            NONE,
        ),
        Command::Confirm => check(
            command,
            of_key_and!(
                ConfirmRequest { session_key: true },
                r#","session_key":true"#
            ),
            (
                ConfirmResponse {
                    peer: label("server"),
                },
                r#"{"peer":"server"}"#,
            ),
            NONE,
        ),
        Command::Lock => check(command, (LockRequest {}, EMPTY), done(), NONE),
        Command::DeclareLost => check(
            command,
            (
                DeclareLostRequest {
                    confirmation: Digits([0x22; 4]),
                },
                r#"{"confirmation":"22222222"}"#,
            ),
            (DeclareLostResponse { shards: 2 }, r#"{"shards":2}"#),
            NONE,
        ),
        Command::FactoryReset => check(
            command,
            (
                FactoryResetRequest {
                    confirmation: Digits([0x22; 4]),
                },
                r#"{"confirmation":"22222222"}"#,
            ),
            done(),
            NONE,
        ),
        Command::Rotate => check(command, of_key!(RotateRequest), described(), DESCRIBED),
        Command::Retire => check(
            command,
            of_key_and!(RetireRequest { version: 6 }, r#","version":6"#),
            described(),
            DESCRIBED,
        ),
        Command::SetState => check(
            command,
            of_key_and!(
                SetStateRequest {
                    state: State::Compromised
                },
                r#","state":"compromised""#
            ),
            described(),
            DESCRIBED,
        ),
        Command::SetPolicy => check(
            command,
            of_key_and!(
                SetPolicyRequest { policy: policy() },
                concat!(r#","policy":"#, policy_json!())
            ),
            described(),
            [
                &[
                    "policy.max_uses",
                    "policy.rotate_after_uses",
                    "policy.rotate_after_bytes",
                    "policy.shares",
                ],
                DESCRIPTION_OPTIONS,
            ],
        ),
        Command::CatchUp => check(command, of_key!(CatchUpRequest), version(), NONE),
        Command::Derive => check(
            command,
            of_key_and!(
                DeriveRequest { output: output() },
                concat!(r#","output":"#, output_json!())
            ),
            derived(),
            [OUTPUT_OPTIONS, DERIVED_OPTIONS],
        ),
        Command::Combine => {
            let in_a_source = ["sources.key", "sources.version", "sources.algorithm"];
            check(
                command,
                (
                    CombineRequest {
                        sources: sources().into_iter().collect(),
                        salt: 5,
                        info: 6,
                        output: output(),
                    },
                    concat!(
                        r#"{"sources":"#,
                        sources_json!(),
                        r#","salt":5,"info":6,"output":"#,
                        output_json!(),
                        "}"
                    ),
                ),
                derived(),
                [&[&in_a_source, OUTPUT_OPTIONS].concat(), DERIVED_OPTIONS],
            );
        }
        Command::Wrap => check(
            command,
            of_key_and!(
                WrapRequest {
                    family: Some(label("fleet"))
                },
                r#","family":"fleet""#
            ),
            described(),
            [&["family"], DESCRIPTION_OPTIONS],
        ),
        Command::Revoke => check(
            command,
            (
                RevokeRequest {
                    family: Some(label("fleet")),
                    owner: Some(OWNER),
                },
                concat!(r#"{"family":"fleet","owner":"#, owner_json!(), "}"),
            ),
            (Generation { generation: 9 }, r#"{"generation":9}"#),
            [&["family", "owner"], &[]],
        ),
        Command::Unwrap => check(
            command,
            of_key_and!(
                UnwrapRequest {
                    version: Some(6),
                    padded: true,
                    new: new_key()
                },
                concat!(r#","version":6,"padded":true,"new":"#, new_key_json!())
            ),
            described(),
            [
                &[&["version"], NEW_KEY_OPTIONS].concat(),
                DESCRIPTION_OPTIONS,
            ],
        ),
        Command::ComponentStart => check(
            command,
            (
                ComponentStartRequest {
                    new: new_key(),
                    custodians: [OWNER, Identity::ADMINISTRATOR].into_iter().collect(),
                },
                concat!(
                    r#"{"new":"#,
                    new_key_json!(),
                    r#","custodians":["#,
                    owner_json!(),
                    ",",
                    administrator_json!(),
                    "]}"
                ),
            ),
            (
                ComponentStartResponse {
                    ceremony: Digits([0x44; 8]),
                    timeout: 900,
                },
                r#"{"ceremony":"4444444444444444","timeout":900}"#,
            ),
            [NEW_KEY_OPTIONS, &[]],
        ),
        Command::ComponentShow => check(
            command,
            of_ceremony!(ComponentShowRequest),
            (
                ComponentShowResponse {
                    new: new_key(),
                    owner: OWNER,
                    custodians: [OWNER, Identity::ADMINISTRATOR].into_iter().collect(),
                    entered: [OWNER].into_iter().collect(),
                    timeout: 899,
                },
                concat!(
                    r#"{"new":"#,
                    new_key_json!(),
                    r#","owner":"#,
                    owner_json!(),
                    r#","custodians":["#,
                    owner_json!(),
                    ",",
                    administrator_json!(),
                    r#"],"entered":["#,
                    owner_json!(),
                    r#"],"timeout":899}"#
                ),
            ),
            [&[], NEW_KEY_OPTIONS],
        ),
        Command::ComponentEnter => check(
            command,
            of_ceremony!(ComponentEnterRequest),
            (
                ComponentEnterResponse {
                    entered: 2,
                    expected: 3,
                    check_value: Digits([0x55; 5]),
                    key: Some(description()),
                    key_check_value: Some(Digits([0x66; 5])),
                },
                concat!(
                    r#"{"entered":2,"expected":3,"check_value":"5555555555","key":"#,
                    description_json!(),
                    r#","key_check_value":"6666666666"}"#
                ),
            ),
            [&[], COMPONENT_OPTIONS],
        ),
        Command::ComponentCancel => {
            check(command, of_ceremony!(ComponentCancelRequest), done(), NONE)
        }
        Command::Share => check(
            command,
            of_key!(ShareRequest),
            (
                ShareResponse {
                    set: Digits([0x77; 16]),
                    shares: 5,
                    length: 112,
                },
                r#"{"set":"77777777777777777777777777777777","shares":5,"length":112}"#,
            ),
            NONE,
        ),
        Command::RestoreStart => check(
            command,
            (
                RestoreStartRequest {
                    device: Digits([0x88; 32]),
                },
                concat!(
                    r#"{"device":"8888888888888888888888888888888888"#,
                    r#"888888888888888888888888888888"}"#
                ),
            ),
            (
                RestoreStartResponse {
                    restore: Digits([0x99; 8]),
                    key: label("a/b"),
                    expected: 3,
                    timeout: 3600,
                },
                r#"{"restore":"9999999999999999","key":"a/b","expected":3,"timeout":3600}"#,
            ),
            NONE,
        ),
        Command::RestoreShare => check(
            command,
            (
                RestoreShareRequest {
                    restore: Digits([0x99; 8]),
                    index: 8,
                },
                r#"{"restore":"9999999999999999","index":8}"#,
            ),
            (
                RestoreShareResponse {
                    entered: 3,
                    expected: 3,
                    key: Some(description()),
                },
                concat!(
                    r#"{"entered":3,"expected":3,"key":"#,
                    description_json!(),
                    "}"
                ),
            ),
            [&[], DERIVED_OPTIONS],
        ),
        Command::RestoreCancel => check(
            command,
            (
                RestoreCancelRequest {
                    restore: Digits([0x99; 8]),
                },
                r#"{"restore":"9999999999999999"}"#,
            ),
            done(),
            NONE,
        ),
        Command::AuditRead => check(
            command,
            (
                AuditReadRequest {
                    of: Some(OWNER),
                    shared: false,
                    from: u64::MAX,
                },
                concat!(
                    r#"{"of":"#,
                    owner_json!(),
                    r#","shared":false,"from":18446744073709551615}"#
                ),
            ),
            (
                AuditPage {
                    vault: Digits([0x33; 16]),
                    of: Some(OWNER),
                    first: 1,
                    before: Digits([0x44; 32]),
                    records: 2,
                    next: Some(3),
                },
                concat!(
                    r#"{"vault":"33333333333333333333333333333333","of":"#,
                    owner_json!(),
                    r#","first":1,"before":"#,
                    r#""4444444444444444444444444444444444444444444444444444444444444444","#,
                    r#""records":2,"next":3}"#
                ),
            ),
            [&["of"], &["of", "next"]],
        ),
        Command::AuditCheckpoint => check(
            command,
            (
                AuditCheckpointRequest {
                    of: Some(OWNER),
                    shared: true,
                },
                concat!(r#"{"of":"#, owner_json!(), r#","shared":true}"#),
            ),
            done(),
            [&["of"], &[]],
        ),
        Command::AuditStrict => check(command, (AuditStrictRequest {}, EMPTY), done(), NONE),
        Command::AuditRelease => check(
            command,
            (
                AuditReleaseRequest {
                    of: Some(OWNER),
                    shared: false,
                    keep: 9,
                },
                concat!(r#"{"of":"#, owner_json!(), r#","shared":false,"keep":9}"#),
            ),
            done(),
            [&["of"], &[]],
        ),
        Command::DeviceKey => check(
            command,
            (DeviceKeyRequest {}, EMPTY),
            (
                DeviceKeyResponse { certificate: 954 },
                r#"{"certificate":954}"#,
            ),
            NONE,
        ),
        Command::InstallCertificate => {
            check(command, (InstallCertificateRequest {}, EMPTY), done(), NONE);
        }
        Command::RestoreTrustAdd => check(
            command,
            (
                RestoreTrustAddRequest {
                    device: Digits([0xdd; 32]),
                },
                concat!(r#"{"device":"#, device_json!(), "}"),
            ),
            done(),
            NONE,
        ),
        Command::RestoreTrustList => check(
            command,
            (RestoreTrustListRequest {}, EMPTY),
            (
                RestoreTrustListResponse {
                    devices: heapless::Vec::from_array([Digits([0xdd; 32])]),
                },
                concat!(r#"{"devices":["#, device_json!(), "]}"),
            ),
            NONE,
        ),
        Command::RestoreTrustRemove => check(
            command,
            (
                RestoreTrustRemoveRequest {
                    device: Digits([0xdd; 32]),
                },
                concat!(r#"{"device":"#, device_json!(), "}"),
            ),
            done(),
            NONE,
        ),
        Command::Chown => check(
            command,
            of_key_and!(
                ChownRequest { to: OWNER },
                concat!(r#","to":"#, owner_json!())
            ),
            described(),
            DESCRIBED,
        ),
        Command::Rename => check(
            command,
            of_key_and!(RenameRequest { to: label("b:c") }, r#","to":"b:c""#),
            described(),
            DESCRIBED,
        ),
        Command::ListAll => check(
            command,
            (ListAllRequest { cursor: 3 }, r#"{"cursor":3}"#),
            listed(),
            [&[], &["next"]],
        ),
        Command::ListGranted => check(
            command,
            (ListGrantedRequest { cursor: 3 }, r#"{"cursor":3}"#),
            listed(),
            [&[], &["next"]],
        ),
        Command::Batch => check(
            command,
            (
                BatchRequest {
                    work: Batched::VerifyMac,
                    key: key_ref(KEY),
                    context: 5,
                    tag: 6,
                },
                concat!(
                    r#"{"work":"verify-mac","key":"#,
                    key_json!(),
                    r#","context":5,"tag":6}"#
                ),
            ),
            (BatchResponse { done: 7 }, r#"{"done":7}"#),
            NONE,
        ),
        Command::PendingList => check(
            command,
            (PendingListRequest {}, EMPTY),
            (
                PendingListResponse {
                    pending: [PendingSummary {
                        id: Digits([0x55; 4]),
                        kind: PendingKind::Restore,
                        owner: OWNER,
                        key: label("k"),
                        age: 1,
                        timeout: 2,
                    }]
                    .into_iter()
                    .collect(),
                },
                concat!(
                    r#"{"pending":[{"id":"55555555","kind":"restore","owner":"#,
                    owner_json!(),
                    r#","key":"k","age":1,"timeout":2}]}"#
                ),
            ),
            NONE,
        ),
        Command::PendingCancel => check(
            command,
            (
                PendingCancelRequest {
                    id: Some(Digits([0x55; 4])),
                    owner: Some(OWNER),
                },
                concat!(r#"{"id":"55555555","owner":"#, owner_json!(), "}"),
            ),
            (PendingCancelResponse { cancelled: 3 }, r#"{"cancelled":3}"#),
            [&["id", "owner"], &[]],
        ),
        Command::QuotaShow => check(
            command,
            (
                QuotaShowRequest { owner: Some(OWNER) },
                concat!(r#"{"owner":"#, owner_json!(), "}"),
            ),
            quota(),
            [&["owner"], &[]],
        ),
        Command::QuotaSet => check(
            command,
            (
                QuotaSetRequest {
                    owner: OWNER,
                    keys: 7,
                },
                concat!(r#"{"owner":"#, owner_json!(), r#","keys":7}"#),
            ),
            quota(),
            NONE,
        ),
    }
}

fn quota() -> (Quota, &'static str) {
    let quota = Quota {
        owner: OWNER,
        keys: 7,
        held: 8,
        set: true,
    };
    let text = concat!(
        r#"{"owner":"#,
        owner_json!(),
        r#","keys":7,"held":8,"set":true}"#
    );
    (quota, text)
}
