//! Audit logs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use claviger::proto::Digits;

use super::{Hex, Output, Owner, Principal};

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
    ///
    /// Exit code 0 says that the records shown are those of the log, vault and checkpoint that are
    /// named below them, and that none is missing that the vault had when the checkpoint was made. Say
    /// which log and vault these must be, and send a new nonce for each checkpoint: without --owner or
    /// --shared, --vault and --nonce another's log passes, or an old checkpoint with the log cut behind
    /// it. In JSON `verified.checked` says which of them were given.
    ///
    /// Records behind those that the checkpoint covers are shown apart, in JSON as `not_covered`: the
    /// device may have made them since, or someone else.
    ///
    /// Where the oldest records are missing, exit code 3 and the status `log-front-missing` say so.
    /// The vault may have overwritten them between `audit checkpoint` and `audit read`: do both again,
    /// or read before and after, and give both files.
    Verify(AuditVerifyArguments),
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

/// What to verify, and what is expected of it.
#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArguments {
    /// A log that `audit read --out` wrote; earlier ones first
    #[arg(long = "log", value_name = "FILE", required = true)]
    pub(crate) logs: Vec<PathBuf>,
    /// What `audit checkpoint` wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: PathBuf,
    /// What `device-key` printed on the device
    #[arg(long, value_name = "PEM")]
    pub(crate) device_key: PathBuf,
    /// Whose log it must be: a user, or a group as gid:GROUP, by number
    #[arg(long, value_name = "USER", value_parser = Principal::elsewhere)]
    pub(crate) owner: Option<Principal>,
    /// It must be the log of callers who have none of their own
    #[arg(long, conflicts_with = "owner")]
    pub(crate) shared: bool,
    /// The vault's id, as `info` shows it
    #[arg(long, value_name = "ID")]
    pub(crate) vault: Option<Digits<16>>,
    /// The nonce that the checkpoint was asked with: it is no old one then
    #[arg(long, value_name = "HEX")]
    pub(crate) nonce: Option<Hex>,
    /// An earlier checkpoint of this log, which must go on from there: exit code 3 if it forked
    #[arg(long, value_name = "FILE")]
    pub(crate) since: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct WhichLog {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// The log of callers who have none of their own (root only)
    #[arg(long, conflicts_with = "owner")]
    pub(crate) shared: bool,
}
