//! What keys are used for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use claviger::proto::PartyName;

use super::{
    AssociatedData, Context, Hex, Input, KeyArguments, KeyName, KeyVersion, NewKey, Output,
    OwnerNumber, Purpose, SourceArgument, Target,
};

#[derive(Debug, Args)]
pub(crate) struct UnwrapArguments {
    /// The key-encryption key, as KEY elsewhere
    #[arg(long, value_name = "KEY")]
    pub(crate) kek: KeyName,
    /// The key-encryption key's owner, if another
    #[arg(long, value_name = "UID")]
    pub(crate) kek_owner: Option<OwnerNumber>,
    /// The version of it that wrapped, if it is not the newest
    #[arg(long, value_name = "N")]
    pub(crate) kek_version: Option<u32>,
    /// It was wrapped with padding (RFC 5649)
    #[arg(long)]
    pub(crate) padded: bool,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) new: NewKey,
}

/// From one stream to another, with a key and under a context.
#[derive(Debug, Args)]
pub(crate) struct SealedArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    #[command(flatten)]
    pub(crate) context: Context,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct SealArguments {
    #[command(flatten)]
    pub(crate) stream: SealedArguments,
    /// Give equal data equal blobs, which shows anyone that they are equal
    #[arg(long)]
    pub(crate) deterministic: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResealArguments {
    #[command(flatten)]
    pub(crate) stream: SealedArguments,
    /// Replace these; without any, --in is read and --out written
    #[arg(value_name = "FILE", conflicts_with_all = ["input", "output"])]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EncryptArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    #[command(flatten)]
    pub(crate) aad: AssociatedData,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct DecryptArguments {
    #[command(flatten)]
    pub(crate) message: EncryptArguments,
    #[command(flatten)]
    pub(crate) version: KeyVersion,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyMacArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    /// The MAC, in hexadecimal
    #[arg(long, value_name = "HEX")]
    pub(crate) tag: Hex,
    #[command(flatten)]
    pub(crate) version: KeyVersion,
    #[command(flatten)]
    pub(crate) input: Input,
}

#[derive(Debug, Args)]
pub(crate) struct SignArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) output: Output,
    /// ECDSA: write r and s, 32 or 48 bytes each, instead of DER
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BatchArguments {
    /// What is done with each line
    #[arg(value_enum, value_name = "WORK")]
    pub(crate) work: BatchWork,
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    #[command(flatten)]
    pub(crate) context: Context,
    /// Messages and data are text, not hexadecimal; blobs and tags are that always
    #[arg(long)]
    pub(crate) text: bool,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BatchWork {
    /// The MAC of a message
    Mac,
    /// Check the MAC of a message: a tag, a blank, the message
    VerifyMac,
    /// Sign a message
    Sign,
    /// Seal data
    Seal,
    /// Open a blob
    Unseal,
    /// Move a blob to the newest version of the key
    Reseal,
}

#[derive(Debug, Args)]
pub(crate) struct PublicKeyArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    /// pem and der: SubjectPublicKeyInfo; raw: SEC 1 point, 32 bytes or encapsulation key; jwk:
    /// JSON Web Key
    #[arg(long, value_enum, default_value_t = PublicKeyFormat::Pem)]
    pub(crate) format: PublicKeyFormat,
    #[command(flatten)]
    pub(crate) version: KeyVersion,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Also write the 32-byte session key that both now share, readable by this user only
    #[arg(long, value_name = "FILE")]
    pub(crate) session_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AgreeArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    /// The peer's public key: PEM, DER or raw
    #[arg(long, value_name = "FILE")]
    pub(crate) peer: PathBuf,
    #[command(flatten)]
    pub(crate) purpose: Purpose,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct EncapsulateArguments {
    /// The peer's public key of ml-kem-768 or x-wing, raw
    #[arg(long, value_name = "FILE")]
    pub(crate) peer: PathBuf,
    /// Write what goes to the peer to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) ciphertext: PathBuf,
    #[command(flatten)]
    pub(crate) purpose: Purpose,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct DecapsulateArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    #[command(flatten)]
    pub(crate) version: KeyVersion,
    /// What came from the peer
    #[arg(long, value_name = "FILE")]
    pub(crate) ciphertext: PathBuf,
    #[command(flatten)]
    pub(crate) purpose: Purpose,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct CombineArguments {
    /// In the order in which they count: key=KEY; agree=KEY,peer=FILE;
    /// decapsulate=KEY,ciphertext=FILE; encapsulate=FILE. Those with a KEY take owner=UID,
    /// decapsulate= version=N
    #[arg(long, value_name = "SOURCE", required = true)]
    pub(crate) source: Vec<SourceArgument>,
    /// Write what goes to the peer of encapsulate= to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) ciphertext: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) purpose: Purpose,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Parties {
    /// What this side calls itself
    #[arg(long, value_name = "NAME")]
    pub(crate) me: PartyName,
    /// Who the other side should prove to be
    #[arg(long, value_name = "NAME")]
    pub(crate) peer: PartyName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PublicKeyFormat {
    Pem,
    Der,
    Raw,
    Jwk,
}
