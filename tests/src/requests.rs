//! A well-formed request for each command: tests that go over all commands match here, so a new
//! command cannot be missed.

use crate::{
    frames::{header, send_command},
    label, new_key,
};
use claviger::{
    Algorithm, Client, Home, Identity, State, Status, Usage,
    proto::{
        Command, Digits, KeyRef, Login, Uuid, auth, batch::Batched, limits, message::*, ratchet,
    },
};

/// How a command has to do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It names none.
    NoKey,
    /// It makes the key that it names.
    Makes,
    /// It looks at a key, changes it or ends it, whatever the key is for.
    Manages,
    /// It uses a key of one of these usages.
    Uses(&'static [Usage]),
}

/// How `command` has to do with a key.
#[must_use]
pub fn role(command: Command) -> Role {
    match command {
        Command::Info
        | Command::SelfTest
        | Command::Random
        | Command::List
        | Command::ListAll
        | Command::ListGranted
        | Command::MacUpdate
        | Command::MacFinish
        | Command::VerifyMacFinish
        | Command::Lock
        | Command::FactoryReset
        | Command::DeclareLost
        | Command::Revoke
        | Command::ComponentStart
        | Command::ComponentShow
        | Command::ComponentEnter
        | Command::ComponentCancel
        | Command::RestoreStart
        | Command::RestoreShare
        | Command::RestoreCancel
        | Command::RestoreTrustAdd
        | Command::RestoreTrustList
        | Command::RestoreTrustRemove
        | Command::AuditRead
        | Command::AuditCheckpoint
        | Command::AuditStrict
        | Command::AuditRelease
        | Command::DeviceKey
        | Command::InstallCertificate
        | Command::PendingList
        | Command::PendingCancel
        | Command::QuotaShow
        | Command::QuotaSet
        // Only uid 0 asks for it, who sees every key.
        | Command::Chown
        // Each item says what became of it.
        | Command::Batch => Role::NoKey,
        Command::Generate | Command::Import => Role::Makes,
        Command::Describe
        | Command::Delete
        | Command::Rotate
        | Command::Retire
        | Command::SetState
        | Command::SetPolicy
        | Command::CatchUp
        | Command::Rename
        | Command::Wrap
        | Command::Share => Role::Manages,
        Command::Seal | Command::Unseal | Command::Reseal => Role::Uses(&[Usage::Seal]),
        Command::Mac | Command::VerifyMac | Command::MacStart => Role::Uses(&[Usage::Mac]),
        Command::Sign => Role::Uses(&[Usage::Sign]),
        Command::PublicKey => Role::Uses(&[Usage::Sign, Usage::Agree, Usage::Decapsulate]),
        Command::Challenge | Command::Respond | Command::Confirm => Role::Uses(&[Usage::Challenge]),
        Command::Encrypt | Command::Decrypt => Role::Uses(&[Usage::Encrypt]),
        Command::Derive | Command::Combine => Role::Uses(&[Usage::Derive]),
        Command::Unwrap => Role::Uses(&[Usage::Unwrap]),
    }
}

/// What [`request`] for `derive` makes: children of keys that have such.
pub const CHILDREN: Algorithm = Algorithm::Aes128Siv;

/// Who never comes.
const NOBODY: Identity = Identity {
    login: Login::User,
    id: Uuid([7; 16]),
};

/// The header and payload of a request that is in order, about the key `name` if it is about one.
#[must_use]
pub fn request(command: Command, name: &str) -> (String, Vec<u8>) {
    let key = || KeyRef::from(label(name));
    let child = || KeyRef {
        child: Some(label("child")),
        ..key()
    };
    // Leaves nothing in the vault.
    let wrapped = |algorithm| NewKey {
        home: Home::Wrapped,
        ..new_key("derived", algorithm)
    };
    let output = || Output {
        new: Some(wrapped(CHILDREN)),
        length: 0,
    };
    let version = None;
    let ceremony = Digits([7; 8]);
    match command {
        Command::Info => (header(&InfoRequest {}), vec![]),
        Command::SelfTest => (header(&SelfTestRequest {}), vec![]),
        Command::MacUpdate => (header(&MacUpdateRequest {}), vec![]),
        Command::MacFinish => (header(&MacFinishRequest {}), vec![]),
        Command::VerifyMacFinish => (header(&VerifyMacFinishRequest {}), vec![]),
        Command::Lock => (header(&LockRequest {}), vec![]),
        Command::Random => (header(&RandomRequest { length: 1 }), vec![]),
        Command::List => {
            let (cursor, owner) = (0, None);
            (header(&ListRequest { cursor, owner }), vec![])
        }
        Command::FactoryReset | Command::DeclareLost => {
            (r#"{"confirmation":"00000000"}"#.into(), vec![])
        }
        Command::Generate => {
            let new = new_key(name, Algorithm::Aes128Cmac);
            (header(&GenerateRequest { new }), vec![])
        }
        Command::Import => {
            let new = new_key(name, Algorithm::Aes128Cmac);
            (header(&ImportRequest { new }), vec![7; 16])
        }
        Command::Describe => (header(&DescribeRequest { key: key() }), vec![]),
        Command::Delete => (header(&DeleteRequest { key: key() }), vec![]),
        Command::PublicKey => {
            let key = key();
            (header(&PublicKeyRequest { key, version }), vec![])
        }
        Command::MacStart => (
            header(&MacStartRequest {
                key: key(),
                verify: false,
                version,
            }),
            vec![],
        ),
        Command::Mac => (header(&MacRequest { key: key() }), vec![7; 32]),
        // As long as a digest of P-256.
        Command::Sign => (
            header(&SignRequest {
                key: key(),
                prehash: false,
            }),
            vec![7; 32],
        ),
        Command::VerifyMac => (
            header(&VerifyMacRequest {
                key: key(),
                tag: 16,
                version,
            }),
            vec![7; 32],
        ),
        Command::Seal => (
            header(&SealRequest {
                key: key(),
                context: 1,
                deterministic: false,
                index: 0,
                last: true,
            }),
            vec![7; 32],
        ),
        Command::Unseal => (
            header(&UnsealRequest {
                key: key(),
                context: 1,
                index: 0,
                last: true,
            }),
            vec![7; 128],
        ),
        Command::Reseal => (
            header(&ResealRequest {
                key: key(),
                context: 1,
                index: 0,
                last: true,
            }),
            vec![7; 128],
        ),
        Command::Encrypt => {
            let (key, aad) = (key(), 1);
            (header(&EncryptRequest { key, aad }), vec![7; 32])
        }
        Command::Decrypt => (
            header(&DecryptRequest {
                key: key(),
                aad: 1,
                version,
            }),
            vec![7; 64],
        ),
        Command::Challenge => (
            header(&ChallengeRequest {
                key: key(),
                me: label("a"),
                peer: label("b"),
            }),
            vec![],
        ),
        Command::Respond => (
            header(&RespondRequest {
                key: key(),
                me: label("a"),
                peer: label("b"),
            }),
            auth_message(b"CLV1", 16),
        ),
        Command::Confirm => (
            header(&ConfirmRequest {
                key: key(),
                session_key: false,
            }),
            auth_message(b"CLV2", 2 * auth::NONCE + auth::TAG),
        ),
        Command::Rotate => (header(&RotateRequest { key: key() }), vec![]),
        Command::Retire => {
            let (key, version) = (key(), 1);
            (header(&RetireRequest { key, version }), vec![])
        }
        Command::SetState => {
            let (key, state) = (key(), State::Suspended);
            (header(&SetStateRequest { key, state }), vec![])
        }
        Command::SetPolicy => {
            let (key, policy) = (key(), Policy::of(Usage::Mac));
            (header(&SetPolicyRequest { key, policy }), vec![])
        }
        Command::CatchUp => (
            header(&CatchUpRequest { key: key() }),
            ratchet::Token {
                from: 1,
                to: 2,
                tag: [7; 16],
            }
            .encode()
            .to_vec(),
        ),
        Command::Derive => (
            header(&DeriveRequest {
                key: child(),
                output: output(),
            }),
            vec![],
        ),
        Command::Combine => {
            let source = Source {
                kind: SourceKind::Key,
                key: Some(key()),
                version,
                algorithm: None,
                bytes: 0,
            };
            let request = CombineRequest {
                sources: [source].into_iter().collect(),
                salt: 1,
                info: 2,
                output: output(),
            };
            (header(&request), vec![7; 3])
        }
        Command::Wrap => {
            let (key, family) = (key(), None);
            (header(&WrapRequest { key, family }), vec![])
        }
        Command::Revoke => {
            let (family, owner) = (None, None);
            (header(&RevokeRequest { family, owner }), vec![])
        }
        Command::Unwrap => (
            header(&UnwrapRequest {
                key: key(),
                version,
                padded: false,
                new: wrapped(Algorithm::Aes128Cmac),
            }),
            vec![7; 24],
        ),
        Command::ComponentStart => (
            header(&ComponentStartRequest {
                new: new_key("assembled", Algorithm::Aes128Cmac),
                custodians: [Identity::ADMINISTRATOR, NOBODY].into_iter().collect(),
            }),
            vec![],
        ),
        Command::ComponentShow => (header(&ComponentShowRequest { ceremony }), vec![]),
        Command::ComponentEnter => (header(&ComponentEnterRequest { ceremony }), vec![7; 16]),
        Command::ComponentCancel => (header(&ComponentCancelRequest { ceremony }), vec![]),
        Command::Share => (header(&ShareRequest { key: key() }), vec![7; 64]),
        Command::RestoreStart => {
            let device = Digits([7; 32]);
            (header(&RestoreStartRequest { device }), vec![7; 300])
        }
        Command::RestoreShare => {
            let (restore, index) = (ceremony, 1);
            (header(&RestoreShareRequest { restore, index }), vec![7; 64])
        }
        Command::RestoreCancel => {
            let restore = ceremony;
            (header(&RestoreCancelRequest { restore }), vec![])
        }
        Command::RestoreTrustAdd => {
            let device = Digits([7; 32]);
            (header(&RestoreTrustAddRequest { device }), vec![])
        }
        Command::RestoreTrustList => (header(&RestoreTrustListRequest {}), vec![]),
        Command::RestoreTrustRemove => {
            let device = Digits([7; 32]);
            (header(&RestoreTrustRemoveRequest { device }), vec![])
        }
        Command::AuditRead => (
            header(&AuditReadRequest {
                of: None,
                shared: false,
                from: 0,
            }),
            vec![],
        ),
        Command::AuditCheckpoint => {
            let (of, shared) = (None, false);
            (header(&AuditCheckpointRequest { of, shared }), vec![7; 32])
        }
        Command::AuditStrict => (header(&AuditStrictRequest {}), vec![]),
        Command::AuditRelease => (
            header(&AuditReleaseRequest {
                of: None,
                shared: false,
                keep: 0,
            }),
            vec![],
        ),
        Command::DeviceKey => (header(&DeviceKeyRequest {}), vec![]),
        Command::InstallCertificate => (
            header(&InstallCertificateRequest {}),
            vec![7; limits::CERTIFICATE],
        ),
        Command::Batch => {
            let request = BatchRequest {
                work: Batched::Mac,
                key: key(),
                context: 0,
                tag: 0,
            };
            (header(&request), vec![0, 0, 0, 1, 7])
        }
        Command::PendingList => (header(&PendingListRequest {}), vec![]),
        Command::PendingCancel => {
            let (id, owner) = (None, None);
            (header(&PendingCancelRequest { id, owner }), vec![])
        }
        Command::QuotaShow => (header(&QuotaShowRequest { owner: None }), vec![]),
        // What everyone has.
        Command::QuotaSet => {
            let (owner, keys) = (NOBODY, limits::OWNER_KEYS as u32);
            (header(&QuotaSetRequest { owner, keys }), vec![])
        }
        Command::Chown => {
            let (key, to) = (key(), NOBODY);
            (header(&ChownRequest { key, to }), vec![])
        }
        Command::Rename => {
            let (key, to) = (key(), label("renamed"));
            (header(&RenameRequest { key, to }), vec![])
        }
        Command::ListAll => (header(&ListAllRequest { cursor: 0 }), vec![]),
        Command::ListGranted => (header(&ListGrantedRequest { cursor: 0 }), vec![]),
    }
}

fn auth_message(kind: &[u8], behind: usize) -> Vec<u8> {
    [kind, &vec![7; behind]].concat()
}

/// Sends [`request`].
#[track_caller]
pub fn ask(client: &Client, command: Command, name: &str) -> Status {
    let (header, payload) = request(command, name);
    send_command(client, command, &header, &payload)
}
