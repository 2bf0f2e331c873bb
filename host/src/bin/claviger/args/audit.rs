//! Audit logs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Hex, Output, Owner};

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
    /// Records behind those that the checkpoint covers are shown apart, in JSON as `not_covered`: the
    /// device may have made them since, or someone else.
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
