//! The audit log and the device's key.

use serde::{Deserialize, Serialize};

use crate::{Digits, Identity};

messages! {
    /// Asks for a page of an audit log.
    AuditReadRequest {
        /// Whose log; the caller's if absent. Another's for uid 0 only.
        of: Option<Identity>,
        /// The log that callers share who have none of their own, instead; for uid 0 only.
        shared: bool,
        /// The number of the first record wanted: 0, or what the page before gave.
        from: u64,
    }

    /// A page of an audit log. The records are in the payload.
    AuditPage {
        /// Which vault's log it is.
        vault: Digits<16>,
        /// Whose it is; absent for the one that callers share who have none of their own.
        of: Option<Identity>,
        /// The number of the page's first record in its log, from 0: one above that of the first
        /// record wanted tells how many were overwritten.
        first: u64,
        /// The chain's value before that record.
        before: Digits<32>,
        /// How many records there are on this page.
        records: u32,
        /// Where to go on, if there is more.
        next: Option<u64>,
    }

    /// Asks for a signed statement of where a log stands.
    AuditCheckpointRequest {
        /// Whose log; the caller's if absent. Another's for uid 0 only.
        of: Option<Identity>,
        /// The log that callers share who have none of their own, instead; for uid 0 only.
        shared: bool,
    }

    /// Has a full log refuse.
    AuditStrictRequest {}

    /// Lets records be overwritten.
    AuditReleaseRequest {
        /// Whose log; the caller's if absent.
        of: Option<Identity>,
        /// The log that callers share who have none of their own, instead.
        shared: bool,
        /// The number of the first record that must be kept.
        keep: u64,
    }

    /// Asks for the device's public key.
    DeviceKeyRequest {}

    /// What the payload holds.
    DeviceKeyResponse {
        /// Bytes of certificate behind the public key; 0 if none was installed.
        certificate: u32,
    }

    /// Gives a certificate.
    InstallCertificateRequest {}
}
