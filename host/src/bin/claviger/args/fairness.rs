//! What waits, and quotas.

use clap::{Args, Subcommand};
use claviger::proto::Digits;

use super::{Owner, Principal};

#[derive(Debug, Subcommand)]
pub(crate) enum PendingCommand {
    /// Show what waits: this user's, to root everyone's
    ///
    /// The id ends it, and does nothing else: it is not the name by which parts are given.
    List,
    /// End what waits: this user's, for root anyone's
    Cancel(PendingCancelArguments),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PendingCancelArguments {
    /// The id that `pending list` shows
    #[arg(value_name = "ID")]
    pub(crate) id: Option<Digits<4>>,
    /// All of this owner's: a user, or a group as gid:GROUP, by name or number
    #[arg(long, value_name = "USER")]
    pub(crate) owner: Option<Principal>,
    /// All of this user's; for root, everyone's
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// Show how many keys of the vault this user may have, and has
    Show(Owner),
    /// Say how many keys of the vault an owner may have (root only); what he has stays
    Set {
        /// Whose: a user, or a group as gid:GROUP, by name or number
        #[arg(long, value_name = "USER")]
        owner: Principal,
        /// How many keys
        #[arg(long, value_name = "N")]
        keys: u32,
    },
}
