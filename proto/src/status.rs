//! Every status that the trusted application can answer with.
//!
//! A status travels in the frame's prefix. `TEE_Result` carries only success, a short buffer and
//! faults of the transport itself. Numbers are never reused.

macro_rules! statuses {
    ($($(#[$doc:meta])+ $name:ident = $code:literal, $text:literal;)+) => {
        /// What the trusted application says of a call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum Status {
            $($(#[$doc])+ $name = $code,)+
        }

        impl Status {
            /// Every status, in the order of their codes.
            pub const ALL: &'static [Status] = &[$(Status::$name,)+];

            /// The status with this code, if this contract knows one.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Status> {
                match code {
                    $($code => Some(Status::$name),)+
                    _ => None,
                }
            }

            /// A sentence for people: what is wrong.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Status::$name => $text,)+
                }
            }
        }
    };
}

statuses! {
    /// The call did what was asked.
    Ok = 0, "ok";

    // The frame.
    /// The frame speaks another version of the contract.
    ProtocolVersion = 1, "client and trusted application speak different protocol versions";
    /// No command has this id.
    UnknownCommand = 2, "the trusted application knows no such command";
    /// The prefix contradicts itself or the size of the shared memory.
    BadFrame = 3, "the frame's lengths contradict each other";
    /// The header is longer than [`crate::limits::HEADER`].
    HeaderTooLong = 4, "the header is too long";
    /// The payload is longer than this command allows.
    PayloadTooLong = 5, "the payload is too long";
    /// The header is not the JSON object that this command asks for.
    BadHeader = 6, "the header is not the one that this command asks for";
    /// The payload has a length or shape that this command cannot take.
    BadPayload = 7, "the payload has a length or form that this command cannot take";

    // Who asks.
    /// A PUBLIC session may ask for `info` and `self-test` only.
    LoginRequired = 16, "this needs a session that names its user or group";
    /// Only uid 0 may do this.
    AdministratorOnly = 17, "only uid 0 may do this";
    /// The key's policy gives this caller a part in it, but not this.
    NotPermitted = 18, "the key's policy does not let this caller do this";
    /// This caller has as many keys, sessions or ceremonies as one caller may have.
    QuotaExceeded = 19, "this caller has as many as one caller may have";

    // Keys.
    /// The caller has no key with this label: absent, or another's.
    NotFound = 32, "no such key";
    /// The caller already has a key with this label.
    AlreadyExists = 33, "a key with this label exists already";
    /// The key's usage does not include this.
    WrongUsage = 34, "the key's usage does not include this";
    /// The key's algorithm cannot serve the usage that was asked for.
    UnsupportedUsage = 35, "this algorithm cannot serve that usage";
    /// The imported bytes are no key of this algorithm.
    BadKey = 36, "these bytes are not a key of that algorithm";
    /// The message is longer than this algorithm takes in one call.
    MessageTooLong = 37, "the message is longer than this algorithm takes";
    /// The vault has no free slot.
    VaultFull = 39, "the vault has no free slot";
    /// The vault is locked against imports.
    Locked = 40, "the vault is locked: keys can no longer be imported";
    /// The confirmation token is not the one that `info` shows.
    BadConfirmation = 41, "the confirmation token is not the one that info shows";
    /// The record of this key is damaged in both copies.
    RecordDamaged = 42, "the record of this key is damaged in both copies";
    /// The bytes of another party's key are no public key of this algorithm.
    BadPublicKey = 43, "these bytes are not a public key of that algorithm";
    /// The key's policy has it stay with its owner.
    OwnerFixed = 44, "the key's policy has it stay with its owner";
    /// The new owner is granted what the key's owner may not do.
    GrantToOwner = 45, "the new owner is granted what the key's owner may not do";

    // Proofs.
    /// A blob, tag or proof is not authentic, or not under this key and context.
    NotAuthentic = 48, "not authentic: altered, or made under another key or context";
    /// No challenge of this caller is pending under this message.
    NoChallenge = 49, "no challenge of this caller is pending for this message";
    /// The session has no MAC stream under way.
    NoStream = 50, "the session has no MAC stream under way";
    /// Too much of other callers is pending: challenges, ceremonies, sessions.
    Busy = 51, "too much of other callers is pending: try again later";
    /// Nothing was wrapped of this owner, or in this family.
    NothingWrapped = 52, "no key was ever wrapped there: there is nothing to revoke";
    /// As many owners have a quota of their own as can have.
    QuotasFull = 53, "no more owners can have a quota of their own";
    /// Uid 0 has no quota.
    NoQuota = 54, "uid 0 has no quota";
    /// The session gave its place to another that had none: nothing was done. Opened anew, it serves
    /// again; a stream that it had under way is gone.
    SessionDisplaced = 57, "the session gave its place to another one";

    // The store.
    /// Secure storage cannot be reached: is tee-supplicant running?
    StorageUnavailable = 64, "secure storage cannot be reached";
    /// Secure storage has no space left.
    StorageFull = 65, "secure storage has no space left";
    /// Secure storage is corrupt beyond what the second copy mends.
    StorageCorrupt = 66, "secure storage is corrupt";
    /// Secure storage failed in a way that the platform does not explain.
    StorageFault = 67, "secure storage failed";
    /// The store is not the one that this device wrote last: it was rolled back, replaced, or is not
    /// there.
    StorageRollback = 68, "secure storage is not the one that this device wrote last: rolled back, replaced, or not mounted";
    /// The vault was written by a newer trusted application.
    VaultNewer = 69, "the vault was written by a newer trusted application";
    /// Asked for [from memory](crate::command::FROM_MEMORY), and needs storage: nothing was done.
    NeedsStorage = 70, "this cannot be served from memory: ask for it in full";
    /// A part of the vault is missing in both copies: what is there is only read, and nothing is
    /// said of what may be in the missing part.
    Incomplete = 71, "a part of the vault is missing: it is read-only";
    /// Nothing of the vault is missing that could be declared lost.
    NothingMissing = 72, "nothing of the vault is missing";

    // The platform.
    /// The trusted application's heap is exhausted.
    OutOfMemory = 80, "the trusted application is out of memory";
    /// The platform gives no random numbers.
    RandomFailed = 81, "the platform gives no random numbers";
    /// The platform failed in a way that has no name here.
    PlatformFault = 82, "the platform failed";
    /// A contradiction in the trusted application itself.
    Internal = 83, "internal error of the trusted application";

    // The life of a key.
    /// The key's state does not allow this.
    WrongState = 96, "the key's state does not allow this";
    /// A key does not go from its state to that one.
    InvalidTransition = 97, "a key does not go from its state to that one";
    /// The key has as many versions as it can have.
    VersionsFull = 98, "the key has as many versions as it can have";
    /// The key has no such version, or it was retired.
    NoSuchVersion = 99, "the key has no such version, or it was retired";
    /// The key was rotated while a stream was under way.
    Superseded = 100, "the key was rotated under the stream, or one version may not protect so much";
    /// One version of this key may not encrypt more often.
    UseLimit = 101, "this version of the key may not encrypt more often";
    /// The key's uses are used up.
    UsesExhausted = 102, "the key's uses are used up";
    /// The policy contradicts itself, the key's algorithm or its usage.
    BadPolicy = 103, "the policy does not fit itself, or the key";
    /// A policy may only be tightened.
    PolicyLoosened = 104, "a policy may only be tightened";
    /// The context is shorter than the key's policy asks for.
    ContextTooShort = 105, "the context is shorter than the key's policy asks for";
    /// The platform's rollback protection is below what the key's policy asks for.
    RollbackLevel = 106, "the platform's rollback protection is below what the key asks for";
    /// The key's policy does not let it, or what is derived from it, leave in this form.
    NotExportable = 107, "the key's policy does not let it leave in this form";
    /// A wrapped key cannot be counted, ratcheted, rotated or changed.
    Immutable = 108, "a wrapped key cannot be counted, ratcheted or changed";
    /// The wrapped key, its family or all of its owner's were revoked.
    Revoked = 109, "the wrapped key was revoked";
    /// The key has no children, or is one.
    NoChildren = 110, "this key has no children";
    /// The ratcheted key is at that epoch or past it.
    EpochReached = 111, "the key is at that epoch already, or past it";
    /// The epoch is further ahead than one call catches up.
    EpochTooFar = 112, "the epoch is further ahead than one call catches up";
    /// Only one copy of a part of the vault serves, and this must reach both; or the other one may
    /// come back, and nobody knows what it has of what was written last.
    Degraded = 113, "this must reach both copies of the vault, and only one serves";
    /// The version that produces cannot be retired: it gives way by rotation.
    PrimaryVersion = 114, "the primary version cannot be retired";

    // Keys in parts.
    /// No ceremony of this name waits for this caller.
    NoCeremony = 115, "no such ceremony waits for this caller: it ended, timed out, or gave way";
    /// This custodian's component, or this share, is in.
    AlreadyEntered = 116, "this component or share is in already";
    /// The public keys are not those that the key's policy fixed.
    WrongRecipients = 117, "these are not the recipients that the key's policy fixed";
    /// The vault is locked, and the manifest is of a device that was not named before the lock.
    UntrustedDevice = 118, "the vault is locked and believes no manifest of that device";
    /// As many devices are named as may be.
    TrustFull = 119, "as many devices are trusted to have shared keys as may be";
    /// No such device is named.
    NotTrusted = 120, "that device is not on the list of those trusted to have shared keys";

    // The audit log.
    /// The caller's audit log is full, and a full log refuses.
    AuditFull = 128, "the audit log is full, and a full log refuses";
    /// This is no certificate of the device's public key.
    BadCertificate = 129, "this is not a certificate of the device's public key";
    /// The audit log has no record before this number yet.
    NoSuchRecord = 130, "the audit log does not reach as far as that record";
}

impl Status {
    /// The number that travels.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_and_rise() {
        for (earlier, later) in Status::ALL.iter().zip(Status::ALL.iter().skip(1)) {
            assert!(earlier.code() < later.code());
        }
        for status in Status::ALL {
            assert_eq!(Status::from_code(status.code()), Some(*status));
        }
        assert_eq!(Status::from_code(u16::MAX), None);
    }
}
