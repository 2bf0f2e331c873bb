//! The grammar. Scripts rely on it.

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand, ValueEnum, builder::PossibleValuesParser, builder::TypedValueParser,
};
use claviger::{
    Algorithm, Identity, Usage, identity,
    proto::{Digits, Label, PartyName},
};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  refused: not found, exists already, wrong state or usage, not allowed, a limit, full
  2  usage: the command line, or a name in it, is malformed
  3  authentication failed, or data were tampered with
  4  the TEE or its storage cannot be used; `claviger doctor` looks for the cause
  5  internal error
  6  a local file or stream failed

Environment:
  CLAVIGER_EMULATOR=DIR    use the emulated device in DIR, which protects nothing
  CLAVIGER_EMULATOR_UID=N  speak for user N there";

/// Keys that live in OP-TEE: used from Linux, never seen by it
#[derive(Debug, Parser)]
#[command(name = "claviger", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Print one JSON object, and errors as one on stderr; bytes are base64
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Speak for this group, which the process must be in, instead of the user
    #[arg(long, global = true, value_name = "GID")]
    pub(crate) group: Option<u32>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what runs, where, and what it can hold
    Info,
    /// Check every primitive against known answers
    SelfTest,
    /// Write N random bytes of the TEE
    Random {
        /// How many bytes
        #[arg(value_name = "N")]
        length: u64,
    },
    /// List keys
    List {
        #[command(flatten)]
        owner: Owner,
    },
    /// Show a key, without its secret
    Describe {
        /// The key
        label: Label,
        #[command(flatten)]
        owner: Owner,
    },
    /// Destroy a key
    Delete {
        /// The key
        label: Label,
        #[command(flatten)]
        owner: Owner,
    },
    /// Make a key in the TEE
    Generate(NewKey),
    /// Give the TEE a key: raw bytes; for ecdsa-p256 a 32-byte scalar, for ed25519 a 32-byte seed
    Import {
        #[command(flatten)]
        new: NewKey,
        #[command(flatten)]
        input: Input,
    },
    /// Seal data of any size: only this key opens them again
    Seal(SealArguments),
    /// Open sealed data
    ///
    /// A file is put in place only when all of it is authentic. On a pipe, what comes is
    /// authentic, but whether all of it came is known only by the exit code: 3 if data were cut
    /// or altered behind what was written.
    Unseal(UnsealArguments),
    /// Print the MAC of a message in hexadecimal
    Mac {
        /// The key
        label: Label,
        #[command(flatten)]
        input: Input,
    },
    /// Check the MAC of a message: exit code 3 if it is wrong
    VerifyMac {
        /// The key
        label: Label,
        /// The MAC, in hexadecimal
        #[arg(long, value_name = "HEX")]
        tag: Hex,
        #[command(flatten)]
        input: Input,
    },
    /// Sign a message: ECDSA over its SHA-256, in DER; Ed25519 over the message, 64 bytes
    Sign {
        /// The key
        label: Label,
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        output: Output,
        /// ECDSA: write r and s, 32 bytes each, instead of DER
        #[arg(long)]
        raw: bool,
    },
    /// Print the public half of a signing key
    PublicKey {
        /// The key
        label: Label,
        /// pem and der: SubjectPublicKeyInfo; raw: SEC 1 point or 32 bytes; jwk: JSON Web Key
        #[arg(long, value_enum, default_value_t = PublicKeyFormat::Pem)]
        format: PublicKeyFormat,
    },
    /// Begin mutual authentication: write a challenge for a peer
    Challenge {
        /// The key that both hold
        label: Label,
        #[command(flatten)]
        parties: Parties,
        #[command(flatten)]
        output: Output,
    },
    /// Answer a peer's challenge
    Respond {
        /// The key that both hold
        label: Label,
        #[command(flatten)]
        parties: Parties,
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        output: Output,
    },
    /// Check a peer's answer, and say who it is; the first to confirm writes a reply for the peer
    Confirm {
        /// The key that both hold
        label: Label,
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        output: Output,
        /// Also write the 32-byte session key that both now share, readable by this user only
        #[arg(long, value_name = "FILE")]
        session_key: Option<PathBuf>,
    },
    /// End imports, until a factory reset (root only)
    Lock,
    /// Destroy every key of every user (root only)
    FactoryReset {
        /// The token that `claviger info` shows to root
        #[arg(long, value_name = "TOKEN")]
        confirm: Digits<4>,
    },
    /// Read, sign and verify the log of what was done with keys, and what was refused
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Print the public half of the device's signing key
    DeviceKey {
        /// pem and der: SubjectPublicKeyInfo; raw: SEC 1 point; jwk: JSON Web Key
        #[arg(long, value_enum, default_value_t = PublicKeyFormat::Pem)]
        format: PublicKeyFormat,
    },
    /// Write the certificate of the device's key, in DER
    Certificate {
        #[command(flatten)]
        output: Output,
    },
    /// Keep a certificate of the device's key: X.509 in DER (root only)
    InstallCertificate {
        #[command(flatten)]
        input: Input,
    },
    /// Find out why Claviger does not work
    Doctor,
    /// Print a completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write all of them into a directory
    Man {
        /// The directory
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show a log, or write it to a file that can be verified elsewhere
    Read {
        #[command(flatten)]
        of: WhichLog,
        #[command(flatten)]
        output: Output,
    },
    /// Have the device sign where a log stands
    Checkpoint {
        #[command(flatten)]
        of: WhichLog,
        /// Up to 32 bytes, in hexadecimal, that come back signed: the answer is not an old one
        #[arg(
            long,
            value_name = "HEX",
            default_value = "",
            hide_default_value = true
        )]
        nonce: Hex,
        #[command(flatten)]
        output: Output,
    },
    /// Check logs against a checkpoint, without the device: exit code 3 if anything was altered
    Verify {
        /// A log that `audit read --out` wrote; earlier ones first
        #[arg(long = "log", value_name = "FILE", required = true)]
        logs: Vec<PathBuf>,
        /// What `audit checkpoint` wrote
        #[arg(long, value_name = "FILE")]
        checkpoint: PathBuf,
        /// What `device-key` printed on the device
        #[arg(long, value_name = "PEM")]
        device_key: PathBuf,
    },
    /// Refuse key events that find no place in a full log, until a factory reset (root only)
    Strict,
    /// Let records be overwritten that are kept elsewhere (root only)
    Release {
        #[command(flatten)]
        of: WhichLog,
        /// The number of the first record to keep
        #[arg(long, value_name = "N")]
        keep: u64,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WhichLog {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// The log of callers who have none of their own (root only)
    #[arg(long, conflicts_with = "owner")]
    pub(crate) shared: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewKey {
    /// What to call it: 1 to 64 of A-Z a-z 0-9 . _ : / -
    pub(crate) label: Label,
    /// What it is for
    #[arg(long, value_name = "ALG", value_parser = algorithms())]
    pub(crate) algorithm: Algorithm,
    /// Which of the algorithm's usages, if it has several: aes-*-cmac serves mac or challenge
    #[arg(long, value_parser = usages())]
    pub(crate) usage: Option<Usage>,
    /// Let session keys derived from it leave the TEE (challenge keys only)
    #[arg(long)]
    pub(crate) export_derived: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SealArguments {
    /// The key
    pub(crate) label: Label,
    #[command(flatten)]
    pub(crate) context: Context,
    /// Give equal data equal blobs, which shows anyone that they are equal
    #[arg(long)]
    pub(crate) deterministic: bool,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct UnsealArguments {
    /// The key
    pub(crate) label: Label,
    #[command(flatten)]
    pub(crate) context: Context,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Context {
    /// Authenticated with the data and not stored: unsealing asks for the same again
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) context: String,
}

#[derive(Debug, Args)]
pub(crate) struct Input {
    /// Read from this file; - is standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    pub(crate) input: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Write to this file, which appears when it is complete; - is standard output
    #[arg(long = "out", value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
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

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Owner {
    /// Another owner's, by uid, or by gid as gid:GID (root only)
    #[arg(long, value_name = "UID", value_parser = parse_owner)]
    pub(crate) owner: Option<OwnerNumber>,
}

/// An owner as people name it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OwnerNumber {
    User(u32),
    Group(u32),
}

impl OwnerNumber {
    pub(crate) fn identity(self) -> Identity {
        match self {
            OwnerNumber::User(uid) => identity::uid_identity(uid),
            OwnerNumber::Group(gid) => identity::gid_identity(gid),
        }
    }
}

fn parse_owner(text: &str) -> Result<OwnerNumber, String> {
    let (make, number): (fn(u32) -> OwnerNumber, _) = match text.strip_prefix("gid:") {
        Some(gid) => (OwnerNumber::Group, gid),
        None => (OwnerNumber::User, text),
    };
    number
        .parse()
        .map(make)
        .map_err(|_| "an owner is UID or gid:GID, in decimal".to_owned())
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PublicKeyFormat {
    Pem,
    Der,
    Raw,
    Jwk,
}

/// Bytes in hexadecimal, of either case.
#[derive(Debug, Clone)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl std::str::FromStr for Hex {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Hex, Self::Err> {
        let nibble = |digit: u8| (digit as char).to_digit(16).map(|nibble| nibble as u8);
        let pairs = text.as_bytes().chunks(2);
        let bytes = pairs.map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        });
        bytes
            .collect::<Option<Vec<u8>>>()
            .map(Hex)
            .ok_or("not pairs of hexadecimal digits")
    }
}

fn algorithms() -> impl TypedValueParser<Value = Algorithm> {
    let names = Algorithm::ALL.iter().map(|algorithm| algorithm.name());
    PossibleValuesParser::new(names).try_map(|name| find(Algorithm::ALL, Algorithm::name, &name))
}

fn usages() -> impl TypedValueParser<Value = Usage> {
    let names = Usage::ALL.iter().map(|usage| usage.name());
    PossibleValuesParser::new(names).try_map(|name| find(Usage::ALL, Usage::name, &name))
}

fn find<T: Copy>(all: &[T], name_of: fn(T) -> &'static str, name: &str) -> Result<T, &'static str> {
    all.iter()
        .copied()
        .find(|one| name_of(*one) == name)
        .ok_or("unknown")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn tags_are_pairs_of_digits() {
        assert_eq!("00fFA1".parse::<Hex>().unwrap().0, [0, 0xff, 0xa1]);
        assert!("".parse::<Hex>().unwrap().0.is_empty());
        for bad in ["0", "0g", "+1", "é"] {
            assert!(bad.parse::<Hex>().is_err(), "{bad}");
        }
    }

    #[test]
    fn owners_are_users_or_groups() {
        assert!(matches!(parse_owner("1000"), Ok(OwnerNumber::User(1000))));
        assert!(matches!(parse_owner("gid:7"), Ok(OwnerNumber::Group(7))));
        for bad in ["", "root", "gid:", "-1", "uid:1"] {
            assert!(parse_owner(bad).is_err(), "{bad}");
        }
    }
}
