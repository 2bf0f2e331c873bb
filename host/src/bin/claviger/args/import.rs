//! Keys that come in files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use claviger::{Algorithm, key_file::Format, proto::Label};

use super::{Input, KeyOptions, new_key::algorithms};

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    pub(crate) input: Input,
    /// What to call it: 1 to 64 of A-Z a-z 0-9 . _ : / -
    pub(crate) label: Label,
    /// What it is for; if not said, what the file says: ecdsa-p256 of a P-256 key
    #[arg(long, value_name = "ALG", value_parser = algorithms())]
    pub(crate) algorithm: Option<Algorithm>,
    /// The form of the key
    #[arg(long, value_enum, default_value_t = ImportFormat::Auto)]
    pub(crate) format: ImportFormat,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArguments,
    #[command(flatten)]
    pub(crate) options: KeyOptions,
}

/// Where the passphrase of an encrypted key is.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArguments {
    /// The first line of this file is the passphrase of an encrypted key
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The first line of this open file descriptor is
    #[arg(long, value_name = "N", conflicts_with = "passphrase_file", value_parser = descriptor)]
    pub(crate) passphrase_fd: Option<PathBuf>,
}

/// A descriptor as the path that names it.
fn descriptor(number: &str) -> Result<PathBuf, std::num::ParseIntError> {
    let number: u32 = number.parse()?;
    Ok(PathBuf::from(format!("/dev/fd/{number}")))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// Whatever it is; what could be two things is refused
    Auto,
    /// The bytes themselves: scalar big-endian, seed
    Raw,
    /// These in hexadecimal digits
    Hex,
    /// These in base64
    Base64,
    /// PKCS #8, also encrypted, SEC 1, OpenSSH
    Pem,
    /// PKCS #8, also encrypted, SEC 1
    Der,
    /// JSON Web Key
    Jwk,
    /// What ssh-keygen writes
    Openssh,
}

impl ImportFormat {
    pub(crate) fn format(self) -> Option<Format> {
        match self {
            ImportFormat::Auto => None,
            ImportFormat::Raw => Some(Format::Raw),
            ImportFormat::Hex => Some(Format::Hex),
            ImportFormat::Base64 => Some(Format::Base64),
            ImportFormat::Pem => Some(Format::Pem),
            ImportFormat::Der => Some(Format::Der),
            ImportFormat::Jwk => Some(Format::Jwk),
            ImportFormat::Openssh => Some(Format::OpenSsh),
        }
    }
}
