//! What can go wrong, in one type.

use std::io;

use claviger_proto::{Algorithm, Command, Status, blob::BlobError, name::NameError};

use crate::transport::TransportError;

/// Why a call of this library failed. The text says what is wrong; [`Error::hint`] says what to
/// do about it where that is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The trusted application could not be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The trusted application answered with something that the contract does not know.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The trusted application refused, or would refuse: what needs no call to be known (a
    /// message that is too long) is refused here, with the same status.
    #[error("{0}")]
    Ta(Status),
    /// The trusted application was restarted under a call that may not be sent again.
    #[error(
        "the trusted application was restarted during {}: {effect}", .command.name()
    )]
    Restarted {
        /// The call.
        command: Command,
        /// What became of it.
        effect: Effect,
    },
    /// A label, name or identifier is malformed.
    #[error("{text:?} cannot be used: {source}")]
    Name {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// The bytes to unseal are not a blob that this version knows.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The bytes are no message of the challenge-response exchange.
    #[error("this is no message of the challenge-response exchange")]
    Message,
    /// An audit log or checkpoint is not what it should be.
    #[error(transparent)]
    Audit(#[from] crate::audit::AuditError),
    /// A share of a key, or what goes with it, is not what it should be.
    #[error(transparent)]
    Share(#[from] crate::shares::ShareError),
    /// A public key that the trusted application gave is none.
    #[error("the trusted application gave a public key that is none")]
    PublicKey,
    /// A public key has no such form.
    #[error("public keys of {} have the raw form only", .0.name())]
    PublicKeyForm(Algorithm),
    /// A local file or stream failed.
    #[error("{doing}")]
    Stream {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

/// What became of a call under which the trusted application was restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// It may have happened or not: look before doing it again.
    Unknown,
    /// It was part of something that is gone with the old instance: begin again.
    Lost,
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Effect::Unknown => "it is not known whether that took effect",
            Effect::Lost => "what it was part of is lost",
        })
    }
}

/// An answer that the contract does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The reply's prefix is not one.
    #[error(
        "the reply to {command} is not a frame of protocol version {}: {reason}",
        claviger_proto::PROTOCOL_VERSION
    )]
    Frame {
        /// The command's name, or its number if it has none.
        command: String,
        /// What is wrong.
        reason: Status,
    },
    /// The reply's header is not the message that answers the command.
    #[error("the reply to {command} has a header that is not known here")]
    Header {
        /// The command's name.
        command: &'static str,
    },
    /// The reply's payload has a length that the command cannot have.
    #[error("the reply to {command} has a payload of {length} bytes, which it cannot have")]
    Payload {
        /// The command's name.
        command: &'static str,
        /// How long it is.
        length: usize,
    },
}

impl Error {
    /// The status that the trusted application gave, or would have.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match self {
            Error::Ta(status) => Some(*status),
            Error::Blob(_) => Some(Status::NotAuthentic),
            Error::Message => Some(Status::BadPayload),
            _ => None,
        }
    }

    /// What to do about it, if that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Error::Transport(error) => return error.hint(),
            Error::Protocol(_) | Error::PublicKey => {
                "client and trusted application are of different versions: install both anew"
            }
            Error::Ta(status) => return status_hint(*status).map(str::to_owned),
            Error::Restarted {
                effect: Effect::Unknown,
                ..
            } => "look whether it happened (list, describe, info) before doing it again",
            Error::Restarted {
                effect: Effect::Lost,
                ..
            } => "begin again",
            Error::PublicKeyForm(_) => "ask for the raw form",
            Error::Name { .. }
            | Error::Blob(_)
            | Error::Message
            | Error::Audit(_)
            | Error::Share(_)
            | Error::Stream { .. } => {
                return None;
            }
        };
        Some(text.to_owned())
    }

    pub(crate) fn stream(doing: &str, source: io::Error) -> Error {
        Error::Stream {
            doing: doing.to_owned(),
            source,
        }
    }

    pub(crate) fn name(text: &str, source: NameError) -> Error {
        Error::Name {
            text: text.to_owned(),
            source,
        }
    }
}

const fn status_hint(status: Status) -> Option<&'static str> {
    Some(match status {
        Status::ProtocolVersion | Status::UnknownCommand => {
            "client and trusted application are of different versions: install both anew"
        }
        Status::PayloadTooLong => "`claviger info` shows the limits",
        Status::LoginRequired => "open the client with Login::User or Login::Group",
        Status::AdministratorOnly => "run as root, without a group session",
        Status::NotPermitted => "`claviger describe` shows whom the key's policy lets do what",
        Status::QuotaExceeded => "delete keys that are no longer needed, or close other sessions",
        Status::NotFound => "`claviger list` shows the keys of this user",
        Status::AlreadyExists => "choose another label, or delete that key first",
        Status::WrongUsage => "`claviger describe` shows what the key is for",
        Status::VaultFull => "delete keys that are no longer needed",
        Status::Locked => "generate the key instead; only a factory reset ends the lock",
        Status::BadPublicKey => "give the public key in the form that `claviger public-key` has",
        Status::BadConfirmation => {
            "`claviger info` shows the token to uid 0; it changes at every start"
        }
        Status::RecordDamaged => "delete the key and make it anew",
        Status::NoChallenge => {
            "begin with a new challenge: each is good for one answer, until a restart"
        }
        Status::Busy => "try again in a moment",
        Status::StorageUnavailable => "start tee-supplicant; `claviger doctor` looks for it",
        Status::StorageFull => "free space where tee-supplicant stores",
        Status::StorageCorrupt | Status::StorageFault => {
            "`claviger doctor` looks at the store; the secure console says more"
        }
        Status::StorageRollback => {
            "put the store back that belongs to this device, or provision it anew"
        }
        Status::VaultNewer => "install the newer trusted application again",
        Status::OutOfMemory => "close other sessions",
        Status::WrongState => "`claviger describe` shows the state; only active keys protect anew",
        Status::InvalidTransition => "states go forward (NIST SP 800-57); only suspension ends",
        Status::VersionsFull => "reseal what old versions sealed, then `claviger retire` them",
        Status::NoSuchVersion => "`claviger describe` shows the versions",
        Status::Superseded => "begin again: the stream then uses the new version",
        Status::UseLimit => "`claviger rotate` the key",
        Status::UsesExhausted => "make a new key",
        Status::BadPolicy => {
            "permissions must be those of the usage, numbers at least 1, grants not to the owner"
        }
        Status::PolicyLoosened => "leave out what is new; a looser policy needs a new key",
        Status::ContextTooShort => "`claviger describe` shows how long a context it asks for",
        Status::RollbackLevel => {
            "`claviger info` shows the platform's level, `claviger describe` the key's"
        }
        Status::NotExportable => "only a key whose policy lets it leave leaves: make one that may",
        Status::Immutable => "keep the key in the vault instead",
        Status::Revoked => "make the wrapped key anew",
        Status::NoChildren => {
            "name a child of a derivation key that has children: PARENT#CHILD, one level deep"
        }
        Status::EpochReached => "nothing: a token serves once",
        Status::EpochTooFar => "make a token to an epoch at most 4096 ahead, and one from there",
        Status::Degraded => "restart the trusted application: starting mends the copy",
        Status::PrimaryVersion => "`claviger rotate` first",
        Status::NoCeremony => "begin anew: `claviger components start`, `claviger restore start`",
        Status::AlreadyEntered => "wait for the others",
        Status::WrongRecipients => {
            "give the public keys that the key was made with, in the same order"
        }
        Status::AuditFull => "have uid 0 keep the log elsewhere and release its records",
        Status::BadCertificate => "give one X.509 certificate in DER, of the device's public key",
        _ => return None,
    })
}

/// What a program does about an [`Error`]; also what the command line's exit codes tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Refused: not found, exists already, wrong state or usage, not allowed, a limit, full.
    Refused,
    /// What was given has not the form that it must have.
    Malformed,
    /// Authentication failed, or data were tampered with.
    NotAuthentic,
    /// The TEE or its storage cannot be used.
    Unavailable,
    /// A contradiction in this software, or between versions of it.
    Internal,
    /// A local file or stream failed.
    Local,
}

impl Error {
    /// What to do about it, roughly.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Transport(error) => error.kind(),
            Error::Protocol(_) | Error::PublicKey => ErrorKind::Internal,
            Error::Ta(status) => status_kind(*status),
            Error::Restarted { .. } => ErrorKind::Unavailable,
            Error::Name { .. } => ErrorKind::Malformed,
            Error::PublicKeyForm(_) => ErrorKind::Refused,
            Error::Blob(_) | Error::Message | Error::Audit(_) | Error::Share(_) => {
                ErrorKind::NotAuthentic
            }
            Error::Stream { .. } => ErrorKind::Local,
        }
    }
}

/// Every status of the contract; one that a later contract adds is [`ErrorKind::Internal`] until
/// it gets its place here, which a test asks for.
const fn status_kind(status: Status) -> ErrorKind {
    match status {
        Status::PayloadTooLong
        | Status::BadPayload
        | Status::LoginRequired
        | Status::AdministratorOnly
        | Status::NotFound
        | Status::AlreadyExists
        | Status::WrongUsage
        | Status::UnsupportedUsage
        | Status::BadKey
        | Status::BadPublicKey
        | Status::MessageTooLong
        | Status::VaultFull
        | Status::Locked
        | Status::BadConfirmation
        | Status::Busy
        | Status::StorageFull
        | Status::NotPermitted
        | Status::QuotaExceeded
        | Status::WrongState
        | Status::InvalidTransition
        | Status::VersionsFull
        | Status::NoSuchVersion
        | Status::Superseded
        | Status::UseLimit
        | Status::UsesExhausted
        | Status::BadPolicy
        | Status::PolicyLoosened
        | Status::ContextTooShort
        | Status::RollbackLevel
        | Status::NotExportable
        | Status::Immutable
        | Status::Revoked
        | Status::NoChildren
        | Status::EpochReached
        | Status::EpochTooFar
        | Status::PrimaryVersion
        | Status::NoCeremony
        | Status::AlreadyEntered
        | Status::WrongRecipients
        | Status::AuditFull
        | Status::BadCertificate => ErrorKind::Refused,
        Status::NotAuthentic | Status::NoChallenge => ErrorKind::NotAuthentic,
        Status::RecordDamaged
        | Status::StorageUnavailable
        | Status::StorageCorrupt
        | Status::StorageFault
        | Status::StorageRollback
        | Status::VaultNewer
        | Status::OutOfMemory
        | Status::RandomFailed
        | Status::PlatformFault
        | Status::Degraded => ErrorKind::Unavailable,
        Status::Ok
        | Status::ProtocolVersion
        | Status::UnknownCommand
        | Status::BadFrame
        | Status::HeaderTooLong
        | Status::BadHeader
        | Status::NoStream
        | Status::Internal => ErrorKind::Internal,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_kind() {
        use ErrorKind::*;
        let expected = [
            (0..=4, Internal),
            (5..=5, Refused),
            (6..=6, Internal),
            (7..=41, Refused),
            (42..=42, Unavailable),
            (43..=43, Refused),
            (48..=49, NotAuthentic),
            (50..=50, Internal),
            (51..=51, Refused),
            (64..=64, Unavailable),
            (65..=65, Refused),
            (66..=82, Unavailable),
            (83..=83, Internal),
            (96..=112, Refused),
            (113..=113, Unavailable),
            (114..=129, Refused),
        ];
        for status in Status::ALL {
            let mut kinds = expected
                .iter()
                .filter(|(codes, _)| codes.contains(&status.code()));
            let kind = kinds.next().map(|(_, kind)| *kind);
            assert_eq!(
                kind,
                Some(Error::Ta(*status).kind()),
                "{status:?}: give it its place"
            );
        }
    }
}
