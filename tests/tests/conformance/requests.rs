//! A well-formed request for each command: tests that go over all commands match here, so a new
//! command cannot be missed.

use claviger::{
    Client, Status, Usage,
    proto::{Command, auth},
};
use claviger_tests::frames::send_command;

/// How a command has to do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It names none.
    NoKey,
    /// It makes the key that it names.
    Makes,
    /// It looks at a key or ends it, whatever the key is for.
    Manages,
    /// It uses a key of this usage.
    Uses(Usage),
}

/// How `command` has to do with a key.
pub(crate) fn role(command: Command) -> Role {
    match command {
        Command::Info
        | Command::SelfTest
        | Command::Random
        | Command::List
        | Command::MacUpdate
        | Command::MacFinish
        | Command::VerifyMacFinish
        | Command::Lock
        | Command::FactoryReset => Role::NoKey,
        Command::Generate | Command::Import => Role::Makes,
        Command::Describe | Command::Delete => Role::Manages,
        Command::Seal | Command::Unseal => Role::Uses(Usage::Seal),
        Command::Mac | Command::VerifyMac | Command::MacStart => Role::Uses(Usage::Mac),
        Command::Sign | Command::PublicKey => Role::Uses(Usage::Sign),
        Command::Challenge | Command::Respond | Command::Confirm => Role::Uses(Usage::Challenge),
    }
}

/// The header and payload of a request that is in order, about the key `label` if it is about one.
pub(crate) fn request(command: Command, label: &str) -> (String, Vec<u8>) {
    let key = format!(r#"{{"key":"{label}"}}"#);
    let make = format!(r#"{{"key":"{label}","algorithm":"aes-128-cmac","export_derived":false}}"#);
    let parties = format!(r#"{{"key":"{label}","me":"a","peer":"b"}}"#);
    let empty = || ("{}".to_owned(), vec![]);
    match command {
        Command::Info
        | Command::SelfTest
        | Command::MacUpdate
        | Command::MacFinish
        | Command::VerifyMacFinish
        | Command::Lock => empty(),
        Command::Random => (r#"{"length":1}"#.into(), vec![]),
        Command::List => (r#"{"cursor":0}"#.into(), vec![]),
        Command::FactoryReset => (r#"{"confirmation":"00000000"}"#.into(), vec![]),
        Command::Generate => (make, vec![]),
        Command::Import => (make, vec![7; 16]),
        Command::Describe | Command::Delete | Command::PublicKey | Command::MacStart => {
            (key, vec![])
        }
        Command::Mac => (key, vec![7; 32]),
        // As long as a digest.
        Command::Sign => (key, vec![7; 32]),
        Command::VerifyMac => (format!(r#"{{"key":"{label}","tag":16}}"#), vec![7; 32]),
        Command::Seal => (
            format!(
                r#"{{"key":"{label}","context":1,"deterministic":false,"index":0,"last":true}}"#
            ),
            vec![7; 32],
        ),
        Command::Unseal => (
            format!(r#"{{"key":"{label}","context":1,"index":0,"last":true}}"#),
            vec![7; 128],
        ),
        Command::Challenge => (parties, vec![]),
        Command::Respond => (parties, auth_message(b"CLV1", 16)),
        Command::Confirm => (
            format!(r#"{{"key":"{label}","session_key":false}}"#),
            auth_message(b"CLV2", 2 * auth::NONCE + auth::TAG),
        ),
    }
}

fn auth_message(kind: &[u8], behind: usize) -> Vec<u8> {
    [kind, &vec![7; behind]].concat()
}

/// Sends [`request`].
#[track_caller]
pub(crate) fn ask(client: &Client, command: Command, label: &str) -> Status {
    let (header, payload) = request(command, label);
    send_command(client, command, &header, &payload)
}
