//! What can go wrong, in one type.

mod status;

use std::io;

use claviger_proto::{
    Algorithm, Command, State, Status, blob::BlobError, name::NameError, rules::Fault,
};

use crate::{shares::ShareError, transport::TransportError};

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
    /// The trusted application refused what a new key or a policy says, by this rule.
    #[error("{status}: {0}", status = .0.status)]
    Rule(Fault),
    /// There is a key with this label, and it is not what it was to be.
    #[error("a key {key} exists already, and differs in its {attribute}")]
    Differs {
        /// Its label.
        key: String,
        /// What is otherwise: a field of the contract's description or policy of a key.
        attribute: &'static str,
    },
    /// The key that is there is what is asked for, but does not serve in its state.
    #[error("a key {key} exists already, and is {}", .state.name())]
    NotServing {
        /// Its label.
        key: String,
        /// Its state.
        state: State,
    },
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
    /// There is more of something than there may be, which is known without a call.
    #[error("{what}: {given} given, and {most} at most")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many were given.
        given: usize,
        /// How many there may be.
        most: usize,
        /// What the trusted application would say.
        status: Status,
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
    Share(#[from] ShareError),
    /// A file is not the key or certificate that is wanted.
    #[error(transparent)]
    KeyFile(#[from] crate::key_file::KeyFileError),
    /// OpenSSH has no such keys.
    #[error("OpenSSH has no keys of {}", .0.name())]
    NoOpenSsh(Algorithm),
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
            Error::Rule(fault) => Some(fault.status),
            Error::Differs { .. } | Error::NotServing { .. } => Some(Status::AlreadyExists),
            Error::Blob(_) => Some(Status::NotAuthentic),
            Error::Message => Some(Status::BadPayload),
            Error::TooMany { status, .. } => Some(*status),
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
            Error::Ta(status) => return status::hint(*status).map(str::to_owned),
            Error::Restarted {
                effect: Effect::Unknown,
                ..
            } => "look whether it happened (list, describe, info) before doing it again",
            Error::Restarted {
                effect: Effect::Lost,
                ..
            } => "begin again",
            Error::PublicKeyForm(_) => "ask for the raw form",
            Error::NoOpenSsh(_) => "ask for another form: pem, der, jwk or raw",
            Error::KeyFile(error) => return error.hint(),
            Error::Audit(error) => return error.hint().map(str::to_owned),
            Error::Differs { .. } => {
                "`claviger describe` shows what it is; ask for that, or choose another label"
            }
            Error::NotServing { state, .. } => match state {
                State::PreActivation => {
                    "`claviger activate` lets it serve; --pre-activation asks for it as it is"
                }
                State::Suspended => "`claviger resume` lets it serve again",
                _ => "it never serves for anything new again: choose another label",
            },
            Error::Rule(fault) => return status::hint(fault.status).map(str::to_owned),
            Error::Name { .. }
            | Error::TooMany { .. }
            | Error::Blob(_)
            | Error::Message
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

    /// [`Error::TooMany`] if there are more than there may be.
    pub(crate) fn expect_most(
        what: &'static str,
        given: usize,
        most: usize,
        status: Status,
    ) -> Result<(), Error> {
        if given > most {
            return Err(Error::TooMany {
                what,
                given,
                most,
                status,
            });
        }
        Ok(())
    }

    pub(crate) fn name(text: &str, source: NameError) -> Error {
        Error::Name {
            text: text.to_owned(),
            source,
        }
    }
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
            Error::Ta(status) => status::kind(*status),
            Error::Rule(fault) => status::kind(fault.status),
            Error::Restarted { .. } => ErrorKind::Unavailable,
            Error::Name { .. } | Error::Share(ShareError::NotAKey) => ErrorKind::Malformed,
            Error::TooMany { .. } => ErrorKind::Refused,
            Error::Share(ShareError::Random) => ErrorKind::Unavailable,
            Error::PublicKeyForm(_)
            | Error::NoOpenSsh(_)
            | Error::Differs { .. }
            | Error::NotServing { .. }
            | Error::Share(ShareError::OtherOwner) => ErrorKind::Refused,
            Error::KeyFile(error) => error.kind(),
            Error::Blob(_) | Error::Message | Error::Audit(_) | Error::Share(_) => {
                ErrorKind::NotAuthentic
            }
            Error::Stream { .. } => ErrorKind::Local,
        }
    }
}
