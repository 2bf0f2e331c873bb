//! What keys are used for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use claviger::{Algorithm, proto::PartyName};

use super::{
    AssociatedData, Context, Hex, Input, KeyArguments, KeyName, KeyVersion, NewKey, Output,
    Principal, Purpose, SourceArgument, Target,
};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct UnwrapArguments {
    /// The key-encryption key, as KEY elsewhere
    #[arg(long, value_name = "KEY")]
    pub(crate) kek: KeyName,
    /// The key-encryption key's owner, if another
    #[arg(long, value_name = "USER")]
    pub(crate) kek_owner: Option<Principal>,
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
    #[command(flatten)]
    pub(crate) over: Over,
}

/// What a signature is over, if not over the message.
#[derive(Debug, Args)]
pub(crate) struct Over {
    /// Ed25519 over the SHA-512 of the message, by itself: Ed25519ph (RFC 8032), of any size
    #[arg(long)]
    pub(crate) ed25519ph: bool,
    /// The message's digest, computed elsewhere: SHA-256 for ecdsa-p256, SHA-384 for ecdsa-p384,
    /// SHA-512 for --ed25519ph
    #[arg(long, value_name = "HEX", conflicts_with = "input")]
    pub(crate) digest: Option<Hex>,
}

impl Over {
    /// Whether a key of this algorithm signs so.
    pub(crate) fn expect_fit(&self, algorithm: Algorithm) -> Result<(), Failure> {
        let usage = |text: String| Err(Failure::Usage(text));
        let name = algorithm.name();
        let (hash, length) = match algorithm {
            Algorithm::EcdsaP256 => ("SHA-256", 32),
            Algorithm::EcdsaP384 => ("SHA-384", 48),
            Algorithm::Ed25519 => ("SHA-512", 64),
            // For the trusted application to refuse.
            _ => return Ok(()),
        };
        if self.ed25519ph && algorithm != Algorithm::Ed25519 {
            return usage(format!(
                "--ed25519ph is for ed25519 keys; {name} always signs a digest"
            ));
        }
        let Some(digest) = &self.digest else {
            return Ok(());
        };
        if algorithm == Algorithm::Ed25519 && !self.ed25519ph {
            return usage(
                "ed25519 signs messages, not digests: --ed25519ph signs the SHA-512 of one"
                    .to_owned(),
            );
        }
        if digest.0.len() != length {
            return usage(format!(
                "for {name} a digest is one of {hash}, {length} bytes; given were {}",
                digest.0.len()
            ));
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The key: LABEL, @FILE for a wrapped one, either with #CHILD behind it
    #[arg(value_name = "KEY", required_unless_present = "public_key")]
    pub(crate) key: Option<KeyName>,
    /// Another owner's, by uid, or by gid as gid:GID: one that grants something, or for root any
    #[arg(long, value_name = "UID", requires = "key")]
    pub(crate) owner: Option<Principal>,
    #[command(flatten)]
    pub(crate) version: KeyVersion,
    /// The public key of who signed, instead of KEY: PEM, DER, JWK, OpenSSH or raw
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "version"])]
    pub(crate) public_key: Option<PathBuf>,
    /// The signature
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: PathBuf,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) over: Over,
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
    /// JSON Web Key; ssh: a line of OpenSSH's, for signature keys
    #[arg(long, value_enum, default_value_t = PublicKeyFormat::Pem)]
    pub(crate) format: PublicKeyFormat,
    #[command(flatten)]
    pub(crate) output: Output,
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
    /// The peer's public key: PEM, DER, JWK or raw
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
    /// decapsulate=KEY,ciphertext=FILE; encapsulate=FILE. Those with a KEY take owner=USER,
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
    Ssh,
}
