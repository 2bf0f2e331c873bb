//! What each status of the contract means to a program, and to its user.

use claviger_proto::Status;

use crate::ErrorKind;

/// What to do about a refusal, where that is known.
pub(super) const fn hint(status: Status) -> Option<&'static str> {
    Some(match status {
        Status::ProtocolVersion | Status::UnknownCommand => {
            "client and trusted application are of different versions: install both anew"
        }
        Status::PayloadTooLong => "`claviger info` shows the limits",
        Status::LoginRequired => "open the client with Login::User or Login::Group",
        Status::AdministratorOnly => "run as root, without a group session",
        Status::NotPermitted => "`claviger describe` shows whom the key's policy lets do what",
        Status::QuotaExceeded => {
            "delete keys that are no longer needed, or end what waits: `claviger pending list` shows \
             it; root sets quotas of keys with `claviger quota set`"
        }
        Status::NotFound => {
            "`claviger list` shows the keys of this user, `claviger list --granted` those of others \
             that serve it: `--owner USER` names one of them"
        }
        Status::AlreadyExists => "choose another label, or delete that key first",
        Status::WrongUsage => "`claviger describe` shows what the key is for",
        Status::MessageTooLong => {
            "Ed25519 signs what fits in one call, 133,232 bytes less those of a wrapped key, and \
             Ed25519ph any size; CCM takes 65,535 bytes"
        }
        Status::VaultFull => "delete keys that are no longer needed",
        Status::Locked => {
            "generate the key instead, or have it come encrypted; only a factory reset ends the lock"
        }
        Status::OwnerFixed => "make a new key for the other owner",
        Status::GrantToOwner => {
            "take that grant back first: `claviger tighten KEY --no-grant USER`"
        }
        Status::BadPublicKey => "give the public key in the form that `claviger public-key` has",
        Status::BadConfirmation => {
            "`claviger info` shows the token to uid 0; it changes at every start"
        }
        Status::RecordDamaged => "delete the key and make it anew",
        Status::NoChallenge => {
            "begin with a new challenge: each is good for one answer, until a restart"
        }
        Status::Busy => "try again in a moment; for root, `claviger pending list` shows what waits",
        Status::NothingWrapped => {
            "look at the name of the family: `claviger wrap` and `generate` gave it"
        }
        Status::QuotasFull => {
            "give an owner who needs none the usual quota: `claviger info` shows it"
        }
        Status::SessionDisplaced => {
            "begin the stream again; it lost its session to others, who had none"
        }
        Status::StorageUnavailable => "start tee-supplicant; `claviger doctor` looks for it",
        Status::StorageFull => "free space where tee-supplicant stores",
        Status::StorageCorrupt => {
            "put back the files in which tee-supplicant keeps the store, all of one moment; or give \
             the keys up: restart the device, then `claviger factory-reset`"
        }
        Status::StorageFault => {
            "`claviger doctor` looks at the store; the secure console says more"
        }
        Status::StorageRollback => {
            "look first whether the file system is mounted on which tee-supplicant keeps the store; \
             else put the store back that belongs to this device, or provision it anew"
        }
        Status::VaultNewer => "install the newer trusted application again",
        Status::OutOfMemory => "close other sessions",
        Status::WrongState => "`claviger describe` shows the state; only active keys protect anew",
        Status::InvalidTransition => "states go forward (NIST SP 800-57); only suspension ends",
        Status::VersionsFull => {
            "`claviger retire` a version that nothing is to be opened or checked with any more: what is \
             sealed moves by `claviger reseal`, what is encrypted by decrypting and encrypting it; MACs, \
             public keys and children of old versions are made anew"
        }
        Status::NoSuchVersion => "`claviger describe` shows the versions",
        Status::Superseded => {
            "begin again: the stream then uses the new version; what is longer than twice what the \
             key's policy has it rotated after cannot be sealed in one"
        }
        Status::UseLimit => {
            "`claviger rotate` the key: the next version encrypts. A key that was restored from shares \
             needs that at once, since nobody knows how often it encrypted before"
        }
        Status::UsesExhausted => "make a new key",
        Status::BadPolicy => "`claviger generate --help` says which keys take what",
        Status::PolicyLoosened => "leave out what is new; a looser policy needs a new key",
        Status::ContextTooShort => "`claviger describe` shows how long a context it asks for",
        Status::RollbackLevel => {
            "`claviger info` shows the platform's level, `claviger describe` the key's"
        }
        Status::NotExportable => {
            "its policy must have said so when it was made: `--export wrapped` for `wrap`, `--export \
             shares` for `share`, `--export-derived` for what is derived from it"
        }
        Status::Immutable => "keep the key in the vault instead",
        Status::Revoked => "make the wrapped key anew",
        Status::NoChildren => {
            "name a child of a derivation key that has children: PARENT#CHILD, one level deep"
        }
        Status::EpochReached => "nothing: a token serves once",
        Status::EpochTooFar => "make a token to an epoch at most 4096 ahead, and one from there",
        Status::Degraded => {
            "free space if storage is full, then restart the device: starting mends the copy; \
             `claviger doctor` says more"
        }
        Status::Incomplete => {
            "`claviger doctor` says how to get the missing part back, or to go on without it"
        }
        Status::NothingMissing => "`claviger info` shows what is missing: nothing is, by now",
        Status::PrimaryVersion => "`claviger rotate` first",
        Status::NoCeremony => "begin it again; `claviger pending list` shows what waits",
        Status::WrongRecipients => {
            "give the public keys that the key was made with, in their order"
        }
        Status::UntrustedDevice => {
            "a locked vault restores what its own device shared, and those that `claviger restore trust \
             add` named before the lock"
        }
        Status::TrustFull => "`claviger restore trust remove` one first",
        Status::NotTrusted => "`claviger restore trust list` shows them",
        Status::AuditFull => "have uid 0 keep the log elsewhere and release its records",
        Status::NoSuchRecord => "`claviger audit read` shows the records and their numbers",
        Status::BadCertificate => {
            "give an X.509 certificate of the device's public key, in PEM or DER"
        }
        _ => return None,
    })
}

/// Every status of the contract; one that a later contract adds is [`ErrorKind::Internal`] until
/// it gets its place here, which a test asks for.
pub(super) const fn kind(status: Status) -> ErrorKind {
    match status {
        Status::PayloadTooLong
        | Status::BadPayload
        | Status::LoginRequired
        | Status::AdministratorOnly
        | Status::NotFound
        | Status::AlreadyExists
        | Status::WrongUsage
        | Status::UnsupportedUsage
        | Status::BadKey
        | Status::BadPublicKey
        | Status::MessageTooLong
        | Status::OwnerFixed
        | Status::GrantToOwner
        | Status::VaultFull
        | Status::Locked
        | Status::BadConfirmation
        | Status::Busy
        | Status::NothingWrapped
        | Status::QuotasFull
        | Status::NoQuota
        | Status::SessionDisplaced
        | Status::StorageFull
        | Status::NotPermitted
        | Status::QuotaExceeded
        | Status::WrongState
        | Status::InvalidTransition
        | Status::VersionsFull
        | Status::NoSuchVersion
        | Status::Superseded
        | Status::UseLimit
        | Status::UsesExhausted
        | Status::BadPolicy
        | Status::PolicyLoosened
        | Status::ContextTooShort
        | Status::RollbackLevel
        | Status::NotExportable
        | Status::Immutable
        | Status::Revoked
        | Status::NoChildren
        | Status::EpochReached
        | Status::EpochTooFar
        | Status::PrimaryVersion
        | Status::NoCeremony
        | Status::AlreadyEntered
        | Status::WrongRecipients
        | Status::UntrustedDevice
        | Status::TrustFull
        | Status::NotTrusted
        | Status::NothingMissing
        | Status::AuditFull
        | Status::BadCertificate
        | Status::NoSuchRecord => ErrorKind::Refused,
        Status::NotAuthentic | Status::NoChallenge => ErrorKind::NotAuthentic,
        Status::RecordDamaged
        | Status::StorageUnavailable
        | Status::StorageCorrupt
        | Status::StorageFault
        | Status::StorageRollback
        | Status::VaultNewer
        | Status::OutOfMemory
        | Status::RandomFailed
        | Status::PlatformFault
        | Status::Incomplete
        | Status::Degraded => ErrorKind::Unavailable,
        Status::Ok
        | Status::ProtocolVersion
        | Status::UnknownCommand
        | Status::BadFrame
        | Status::HeaderTooLong
        | Status::BadHeader
        | Status::NoStream
        | Status::NeedsStorage
        | Status::Internal => ErrorKind::Internal,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn each_status_has_its_kind() {
        use ErrorKind::*;
        let expected = [
            (0..=4, Internal),
            (5..=5, Refused),
            (6..=6, Internal),
            (7..=41, Refused),
            (42..=42, Unavailable),
            (43..=45, Refused),
            (48..=49, NotAuthentic),
            (50..=50, Internal),
            (51..=57, Refused),
            (64..=64, Unavailable),
            (65..=65, Refused),
            (66..=69, Unavailable),
            (70..=70, Internal),
            (71..=71, Unavailable),
            (72..=72, Refused),
            (80..=82, Unavailable),
            (83..=83, Internal),
            (96..=112, Refused),
            (113..=113, Unavailable),
            (114..=130, Refused),
        ];
        for status in Status::ALL {
            let mut kinds = expected
                .iter()
                .filter(|(codes, _)| codes.contains(&status.code()));
            let kind = kinds.next().map(|(_, kind)| *kind);
            assert_eq!(
                kind,
                Some(Error::Ta(*status).kind()),
                "{status:?}: give it its place"
            );
        }
    }
}
