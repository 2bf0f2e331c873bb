//! What can be wrong with a log or checkpoint.

/// Why a log or checkpoint is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The bytes are no log as [`Log::to_bytes`](super::Log::to_bytes) makes them.
    #[error("these bytes are no audit log")]
    NotALog,
    /// The bytes are no signed checkpoint.
    #[error("these bytes are no signed checkpoint")]
    NotACheckpoint,
    /// The checkpoint was not signed by this device.
    #[error("the checkpoint is not signed by this device's key")]
    Signature,
    /// Log and checkpoint, or two parts of a log, are of different vaults or callers.
    #[error("these are of different vaults or callers")]
    Other,
    /// The checkpoint is of another vault than expected.
    #[error("the checkpoint is of another vault than expected")]
    OtherVault,
    /// The checkpoint is of another log than expected.
    #[error("the checkpoint is of another's log than expected")]
    OtherLog,
    /// The checkpoint has another nonce than expected: it may be an old one.
    #[error("the checkpoint has another nonce than expected: it may be an old one")]
    OtherNonce,
    /// Records are missing between these, or behind them.
    #[error("records from number {0} on are missing")]
    Missing(u64),
    /// Records before the first that is there are missing, which the vault kept when the checkpoint
    /// was made.
    #[error(
        "{} records before number {first} are not shown, and were there when the checkpoint was made",
        .first.saturating_sub(*.kept)
    )]
    FrontMissing {
        /// The number of the first record that is there.
        first: u64,
        /// The number of the oldest record that the vault kept.
        kept: u64,
    },
    /// A record was altered, left out or put in before this number.
    #[error("the chain is broken before record {0}: the log was altered")]
    Broken(u64),
    /// What the device signed earlier is not the beginning of what it signed later.
    #[error(
        "the log does not go on from the earlier checkpoint, of {0} records: an old store was put \
         back, or the log was altered"
    )]
    Forked(u64),
}

impl AuditError {
    /// A name for scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            AuditError::NotALog => "not-a-log",
            AuditError::NotACheckpoint => "not-a-checkpoint",
            AuditError::Signature => "checkpoint-not-signed",
            AuditError::Other => "other-log",
            AuditError::OtherVault => "unexpected-vault",
            AuditError::OtherLog => "unexpected-log",
            AuditError::OtherNonce => "unexpected-nonce",
            AuditError::Missing(_) => "log-missing",
            AuditError::FrontMissing { .. } => "log-front-missing",
            AuditError::Broken(_) => "log-broken",
            AuditError::Forked(_) => "log-forked",
        }
    }

    pub(crate) const fn hint(self) -> Option<&'static str> {
        Some(match self {
            AuditError::Missing(_) => {
                "read the log after the checkpoint was made, and give the parts that were read earlier too"
            }
            AuditError::FrontMissing { .. } => {
                "give the parts of the log that were read earlier too; if the vault has overwritten \
                 these records since, make a new checkpoint and read the log again"
            }
            AuditError::OtherNonce => {
                "ask the device for a checkpoint with this nonce, or give the nonce that was sent"
            }
            AuditError::Forked(_) => {
                "give the older of the two as the earlier one; if that is so, look for who put an old \
                 store back"
            }
            _ => return None,
        })
    }
}
