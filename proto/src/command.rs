//! The one table of commands. A GlobalPlatform command id is the command; ids are never reused.
//!
//! Where a request names a wrapped key, its bytes stand before all else in the payload.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Identity, Label, Status, message::*};

/// Who may ask for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Any session, PUBLIC ones too.
    Anyone,
    /// A USER or GROUP session.
    Identified,
    /// A USER session of uid 0.
    Administrator,
}

/// Whether the client may send a command again when the trusted application died under it and
/// it cannot know whether the first one took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// A second one changes nothing that the first did not, but that a counted use counts twice.
    Safe,
    /// It may have happened, or it belonged to a state that died too: the caller decides.
    Never,
}

/// A request: names its command and what answers it.
pub trait Request: Serialize + DeserializeOwned {
    /// The command that this is the request of.
    const COMMAND: Command;
    /// The header of the answer.
    type Response: Serialize + DeserializeOwned;

    /// Whose key by which label it names, if it names one of the vault; the caller's, if it says no
    /// owner. The audit log tells it of what was refused.
    fn named(&self) -> Option<Named<'_>> {
        None
    }
}

/// Whose key, by which label.
pub type Named<'a> = (Option<Identity>, &'a Label);

macro_rules! commands {
    ($($(#[$doc:meta])+ $name:ident = $id:literal, $text:literal,
        $request:ident => $response:ident, $access:ident, $repeat:ident
        $(, names $names:ident)?;)+) => {
        /// What a client can ask of the trusted application.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Command {
            $($(#[$doc])+ $name = $id,)+
        }

        impl Command {
            /// Every command, in the order of their ids.
            pub const ALL: &'static [Command] = &[$(Command::$name,)+];

            /// The command with this id.
            ///
            /// # Errors
            /// [`Status::UnknownCommand`] if there is none.
            pub const fn from_id(id: u32) -> Result<Command, Status> {
                match id {
                    $($id => Ok(Command::$name),)+
                    _ => Err(Status::UnknownCommand),
                }
            }

            /// The name that people use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Command::$name => $text,)+
                }
            }

            /// Who may ask for it.
            #[must_use]
            pub const fn access(self) -> Access {
                match self {
                    $(Command::$name => Access::$access,)+
                }
            }

            /// Whether it may be sent again after the trusted application died.
            #[must_use]
            pub const fn repeat(self) -> Repeat {
                match self {
                    $(Command::$name => Repeat::$repeat,)+
                }
            }
        }

        $(impl Request for $request {
            const COMMAND: Command = Command::$name;
            type Response = $response;
            $(fn named(&self) -> Option<Named<'_>> {
                self.$names.named()
            })?
        })+
    };
}

commands! {
    /// Versions, platform, limits, vault. Payload: none; answer: none.
    Info = 1, "info", InfoRequest => InfoResponse, Anyone, Safe;
    /// Known answers of every primitive. Payload: none; answer: none.
    SelfTest = 2, "self-test", SelfTestRequest => SelfTestResponse, Anyone, Safe;
    /// Random bytes. Payload: none; answer: the bytes.
    Random = 3, "random", RandomRequest => Done, Identified, Safe;
    /// Makes a key. Payload: none; answer: the wrapped key, if it lives there.
    Generate = 4, "generate", GenerateRequest => KeyDescription, Identified, Never, names new;
    /// Takes a key. Payload: its bytes; answer: the wrapped key, if it lives there.
    Import = 5, "import", ImportRequest => KeyDescription, Identified, Never, names new;
    /// A page of the caller's keys. Payload: none; answer: none.
    List = 6, "list", ListRequest => ListResponse, Identified, Safe;
    /// One key, without its secret. Payload: none; answer: none.
    Describe = 7, "describe", DescribeRequest => KeyDescription, Identified, Safe, names key;
    /// Destroys a key. Payload: none; answer: none.
    Delete = 8, "delete", DeleteRequest => Done, Identified, Never, names key;
    /// The public half of a key. Payload: none; answer: SEC 1 uncompressed point (65 or 97 bytes)
    /// for P-256 and P-384, 32 bytes for Ed25519 (RFC 8032) and X25519 (RFC 7748), the
    /// encapsulation key for ML-KEM-768 (1184 bytes) and X-Wing (1216 bytes).
    PublicKey = 9, "public-key", PublicKeyRequest => PublicKeyResponse, Identified, Safe, names key;
    /// Seals one chunk of a blob. Payload: context, then for every chunk but the first the
    /// blob's header, then the plaintext; answer: for the first chunk the blob's header, then
    /// the chunk.
    Seal = 10, "seal", SealRequest => KeyVersion, Identified, Safe, names key;
    /// Opens one chunk of a blob. Payload: context, the blob's header, the chunk; answer: the
    /// plaintext.
    Unseal = 11, "unseal", UnsealRequest => KeyVersion, Identified, Safe, names key;
    /// A MAC of one message. Payload: the message; answer: the tag.
    Mac = 12, "mac", MacRequest => KeyVersion, Identified, Safe, names key;
    /// Checks a MAC of one message. Payload: the tag, then the message; answer: none.
    VerifyMac = 13, "verify-mac", VerifyMacRequest => KeyVersion, Identified, Safe, names key;
    /// Begins the session's MAC stream; one under way is dropped. Payload: none; answer: none.
    MacStart = 14, "mac-start", MacStartRequest => KeyVersion, Identified, Never, names key;
    /// Feeds the MAC stream. Payload: the next bytes of the message; answer: none.
    MacUpdate = 15, "mac-update", MacUpdateRequest => Done, Identified, Never;
    /// Ends the MAC stream. Payload: the last bytes of the message; answer: the tag.
    MacFinish = 16, "mac-finish", MacFinishRequest => Done, Identified, Never;
    /// Ends the MAC stream and checks it. Payload: the tag; answer: none.
    VerifyMacFinish = 17, "verify-mac-finish", VerifyMacFinishRequest => Done, Identified, Never;
    /// Signs. Payload: for ECDSA the SHA-256 (P-256) or SHA-384 (P-384) digest of the message, for
    /// Ed25519 the message, for Ed25519ph its SHA-512 digest; answer: the signature, r || s (64 or 96
    /// bytes) or as RFC 8032 has it.
    Sign = 18, "sign", SignRequest => KeyVersion, Identified, Safe, names key;
    /// First pass of mutual authentication. Payload: none; answer: M1.
    Challenge = 19, "challenge", ChallengeRequest => Done, Identified, Safe, names key;
    /// Second pass. Payload: M1; answer: M2.
    Respond = 20, "respond", RespondRequest => Done, Identified, Safe, names key;
    /// Third pass and its check. Payload: M2 or M3; answer: M3 for M2, none for M3, and behind
    /// it the session key if one was asked for and the key allows it.
    Confirm = 21, "confirm", ConfirmRequest => ConfirmResponse, Identified, Never, names key;
    /// Ends imports until a factory reset. Payload: none; answer: none.
    Lock = 22, "lock", LockRequest => Done, Administrator, Safe;
    /// Destroys every key and begins a new vault. Payload: none; answer: none.
    FactoryReset = 23, "factory-reset", FactoryResetRequest => Done, Administrator, Never;
    /// Adds a primary version. Payload: none; answer: none.
    Rotate = 24, "rotate", RotateRequest => KeyDescription, Identified, Never, names key;
    /// Destroys the secret of an old version. Payload: none; answer: none.
    Retire = 25, "retire", RetireRequest => KeyDescription, Identified, Never, names key;
    /// Changes a key's state. Payload: none; answer: none.
    SetState = 26, "set-state", SetStateRequest => KeyDescription, Identified, Never, names key;
    /// Tightens a key's policy. Payload: none; answer: none.
    SetPolicy = 27, "set-policy", SetPolicyRequest => KeyDescription, Identified, Safe, names key;
    /// Steps a ratcheted key to a later epoch. Payload: a [`crate::ratchet::Token`]; answer: none.
    CatchUp = 28, "catch-up", CatchUpRequest => KeyVersion, Identified, Never, names key;
    /// Moves one chunk of a blob to the newest version. Payload: context, the blob's header, for
    /// every chunk but the first the new blob's header, the chunk; answer: for the first chunk the
    /// new blob's header, then the chunk.
    Reseal = 29, "reseal", ResealRequest => KeyVersion, Identified, Safe, names key;
    /// Encrypts. Payload: associated data, then the plaintext; answer: nonce, ciphertext, tag.
    Encrypt = 30, "encrypt", EncryptRequest => KeyVersion, Identified, Safe, names key;
    /// Decrypts. Payload: associated data, then nonce, ciphertext, tag; answer: the plaintext.
    Decrypt = 31, "decrypt", DecryptRequest => KeyVersion, Identified, Safe, names key;
    /// Derives a key, or bytes that leave. Payload: none; answer: the wrapped key or the bytes.
    Derive = 32, "derive", DeriveRequest => DerivedResponse, Identified, Never, names key;
    /// Combines sources into a key, or bytes that leave. Payload: for each source its wrapped key
    /// and its public key or ciphertext, then salt, then info; answer: a KEM ciphertext if one was
    /// made, then the wrapped key or the bytes.
    Combine = 33, "combine", CombineRequest => DerivedResponse, Identified, Never;
    /// Gives out a key of the vault as a wrapped key. Payload: none; answer: the wrapped key.
    Wrap = 34, "wrap", WrapRequest => KeyDescription, Identified, Safe, names key;
    /// Ends wrapped keys that were made before. Payload: none; answer: none.
    Revoke = 35, "revoke", RevokeRequest => Generation, Identified, Never;
    /// Takes a key that came wrapped by AES-KW or AES-KWP. Payload: the wrapped bytes; answer: the
    /// wrapped key, if it lives there.
    Unwrap = 36, "unwrap", UnwrapRequest => KeyDescription, Identified, Never, names key;
    /// Begins to put a key together of components. Payload: none; answer: none.
    ComponentStart = 40, "component-start", ComponentStartRequest => ComponentStartResponse,
        Identified, Never, names new;
    /// What a component is wanted for. Payload: none; answer: none.
    ComponentShow = 41, "component-show", ComponentShowRequest => ComponentShowResponse,
        Identified, Safe;
    /// Gives a custodian's component. Payload: its bytes; answer: none.
    ComponentEnter = 42, "component-enter", ComponentEnterRequest => ComponentEnterResponse,
        Identified, Never;
    /// Forgets the components that are in. Payload: none; answer: none.
    ComponentCancel = 43, "component-cancel", ComponentCancelRequest => Done, Identified, Never;
    /// Gives out shares of a key. Payload: the holders' public keys (32 bytes each), in the order in
    /// which its policy fixed them; answer: the sealed shares, in the same order, then the signed
    /// manifest, see [`crate::shares`].
    Share = 44, "share", ShareRequest => ShareResponse, Identified, Safe, names key;
    /// Begins to restore a key. Payload: a signed manifest; answer: a signed
    /// [`crate::shares::RestoreRequest`].
    RestoreStart = 45, "restore-start", RestoreStartRequest => RestoreStartResponse,
        Identified, Never;
    /// Gives a share, sealed to the restore. Payload: it; answer: none.
    RestoreShare = 46, "restore-share", RestoreShareRequest => RestoreShareResponse,
        Identified, Never;
    /// Forgets the shares that are in. Payload: none; answer: none.
    RestoreCancel = 47, "restore-cancel", RestoreCancelRequest => Done, Identified, Never;
    /// A page of an audit log. Payload: none; answer: the records, see [`crate::audit`].
    AuditRead = 50, "audit-read", AuditReadRequest => AuditPage, Identified, Safe;
    /// Signs the head of an audit log. Payload: a nonce of up to 32 bytes; answer: a
    /// [`crate::audit::Checkpoint`] and its signature.
    AuditCheckpoint = 51, "audit-checkpoint", AuditCheckpointRequest => Done, Identified, Safe;
    /// Has key events refused that find no place in a full audit log, until a factory reset.
    /// Payload: none; answer: none.
    AuditStrict = 52, "audit-strict", AuditStrictRequest => Done, Administrator, Safe;
    /// Lets records that were kept elsewhere be overwritten. Payload: none; answer: none.
    AuditRelease = 53, "audit-release", AuditReleaseRequest => Done, Administrator, Safe;
    /// The device's public key. Payload: none; answer: the SEC 1 uncompressed point (65 bytes),
    /// then the certificate, if one was installed.
    DeviceKey = 54, "device-key", DeviceKeyRequest => DeviceKeyResponse, Identified, Safe;
    /// Keeps a certificate of the device's public key. Payload: X.509 in DER; answer: none.
    InstallCertificate = 55, "install-certificate", InstallCertificateRequest => Done,
        Administrator, Safe;
    /// Many small operations with one key. Payload and answer: see [`crate::batch`].
    Batch = 56, "batch", BatchRequest => BatchResponse, Identified, Safe, names key;
    /// Names a device whose manifests of shares a locked vault believes. Payload: none; answer: none.
    RestoreTrustAdd = 57, "restore-trust-add", RestoreTrustAddRequest => Done, Administrator, Safe;
    /// The devices that were named. Payload: none; answer: none.
    RestoreTrustList = 58, "restore-trust-list", RestoreTrustListRequest => RestoreTrustListResponse,
        Identified, Safe;
    /// Takes a device off the list. Payload: none; answer: none.
    RestoreTrustRemove = 59, "restore-trust-remove", RestoreTrustRemoveRequest => Done,
        Administrator, Never;
    /// What waits for components or shares. Payload: none; answer: none.
    PendingList = 60, "pending-list", PendingListRequest => PendingListResponse, Identified, Safe;
    /// Ends what waits. Payload: none; answer: none.
    PendingCancel = 61, "pending-cancel", PendingCancelRequest => PendingCancelResponse,
        Identified, Never;
    /// How many keys an owner may have. Payload: none; answer: none.
    QuotaShow = 62, "quota-show", QuotaShowRequest => Quota, Identified, Safe;
    /// Says how many keys an owner may have. Payload: none; answer: none.
    QuotaSet = 63, "quota-set", QuotaSetRequest => Quota, Administrator, Safe;
    /// Gives a key to another owner; wrapped copies of it end. Payload: none; answer: none.
    Chown = 64, "chown", ChownRequest => KeyDescription, Administrator, Never, names key;
    /// Gives a key another label; wrapped copies of it end. Payload: none; answer: none.
    Rename = 65, "rename", RenameRequest => KeyDescription, Identified, Never, names key;
    /// A page of every owner's keys. Payload: none; answer: none.
    ListAll = 66, "list-all", ListAllRequest => ListResponse, Administrator, Safe;
    /// A page of the keys of others that grant the caller something. Payload: none; answer: none.
    ListGranted = 67, "list-granted", ListGrantedRequest => ListResponse, Identified, Safe;
    /// Declares the missing shards of the vault lost, and has them made anew, empty. Payload: none;
    /// answer: none.
    DeclareLost = 68, "declare-lost", DeclareLostRequest => DeclareLostResponse,
        Administrator, Never;
}

/// No command, and never one: the id at which the instance of a test build ends, so that coming
/// back from that can be tested.
pub const PANIC: u32 = 0x7fff_dead;

/// This bit of a command id asks for the command [from memory](Command::is_served_from_memory): by
/// what the trusted application remembers, without storage, for which a call may have to wait. It
/// answers [`Status::NeedsStorage`] where that will not do, and has done nothing then.
pub const FROM_MEMORY: u32 = 1 << 31;

impl Command {
    /// The GlobalPlatform command id.
    #[must_use]
    pub const fn id(self) -> u32 {
        self as u32
    }

    /// Whether it can be served from memory ([`FROM_MEMORY`]): it uses a key, or none, in one call.
    #[must_use]
    pub const fn is_served_from_memory(self) -> bool {
        matches!(
            self,
            Command::Random
                | Command::Mac
                | Command::VerifyMac
                | Command::MacUpdate
                | Command::Sign
                | Command::Seal
                | Command::Unseal
                | Command::Reseal
                | Command::Encrypt
                | Command::Decrypt
                | Command::PublicKey
                | Command::Derive
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_rise() {
        for (earlier, later) in Command::ALL.iter().zip(Command::ALL.iter().skip(1)) {
            assert!(earlier.id() < later.id());
        }
        for command in Command::ALL {
            assert_eq!(Command::from_id(command.id()), Ok(*command));
            assert_eq!(command.id() & FROM_MEMORY, 0);
        }
        for unknown in [0, 37, PANIC, u32::MAX] {
            assert_eq!(Command::from_id(unknown), Err(Status::UnknownCommand));
        }
    }
}
