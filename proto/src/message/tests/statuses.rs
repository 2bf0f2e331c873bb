//! The numbers of every status.

use crate::Status;

/// Matches without a wildcard, so that a status without a pinned code does not compile.
const fn pinned_code(status: Status) -> u16 {
    match status {
        Status::Ok => 0,
        Status::ProtocolVersion => 1,
        Status::UnknownCommand => 2,
        Status::BadFrame => 3,
        Status::HeaderTooLong => 4,
        Status::PayloadTooLong => 5,
        Status::BadHeader => 6,
        Status::BadPayload => 7,
        Status::LoginRequired => 16,
        Status::AdministratorOnly => 17,
        Status::NotPermitted => 18,
        Status::QuotaExceeded => 19,
        Status::NotFound => 32,
        Status::AlreadyExists => 33,
        Status::WrongUsage => 34,
        Status::UnsupportedUsage => 35,
        Status::BadKey => 36,
        Status::MessageTooLong => 37,
        Status::VaultFull => 39,
        Status::Locked => 40,
        Status::BadConfirmation => 41,
        Status::RecordDamaged => 42,
        Status::BadPublicKey => 43,
        Status::OwnerFixed => 44,
        Status::GrantToOwner => 45,
        Status::NotAuthentic => 48,
        Status::NoChallenge => 49,
        Status::NoStream => 50,
        Status::Busy => 51,
        Status::NothingWrapped => 52,
        Status::QuotasFull => 53,
        Status::NoQuota => 54,
        Status::SessionDisplaced => 57,
        Status::StorageUnavailable => 64,
        Status::StorageFull => 65,
        Status::StorageCorrupt => 66,
        Status::StorageFault => 67,
        Status::StorageRollback => 68,
        Status::VaultNewer => 69,
        Status::NeedsStorage => 70,
        Status::Incomplete => 71,
        Status::NothingMissing => 72,
        Status::OutOfMemory => 80,
        Status::RandomFailed => 81,
        Status::PlatformFault => 82,
        Status::Internal => 83,
        Status::WrongState => 96,
        Status::InvalidTransition => 97,
        Status::VersionsFull => 98,
        Status::NoSuchVersion => 99,
        Status::Superseded => 100,
        Status::UseLimit => 101,
        Status::UsesExhausted => 102,
        Status::BadPolicy => 103,
        Status::PolicyLoosened => 104,
        Status::ContextTooShort => 105,
        Status::RollbackLevel => 106,
        Status::NotExportable => 107,
        Status::Immutable => 108,
        Status::Revoked => 109,
        Status::NoChildren => 110,
        Status::EpochReached => 111,
        Status::EpochTooFar => 112,
        Status::Degraded => 113,
        Status::PrimaryVersion => 114,
        Status::NoCeremony => 115,
        Status::AlreadyEntered => 116,
        Status::WrongRecipients => 117,
        Status::AuditFull => 128,
        Status::BadCertificate => 129,
        Status::NoSuchRecord => 130,
    }
}

#[test]
fn every_status_is_this_number() {
    for status in Status::ALL {
        assert_eq!(status.code(), pinned_code(*status), "{status:?}");
    }
    assert_eq!(Status::ALL.len(), 71);
}
