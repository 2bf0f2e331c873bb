//! Every maximum of the contract, in bytes unless said otherwise, with its arithmetic.

use crate::{blob, frame};

/// Plaintext bytes in one sealed chunk; a blob of any size is a sequence of these. At half of it, a
/// third of the time would be the way into the TEE and back, the copies, and not the cipher's.
pub const CHUNK: usize = 128 * 1024;

/// Context bytes (associated data) of a seal or unseal.
pub const CONTEXT: usize = 1024;

/// Payload bytes of one call: the largest is a reseal, which carries a wrapped key, its context,
/// two blob headers and one whole sealed chunk.
pub const PAYLOAD: usize = WRAPPED + CONTEXT + 2 * blob::HEADER + blob::TAG + CHUNK;

/// JSON header bytes of one call. The largest is a [`crate::message::CombineRequest`]: 4 sources
/// of at most 270 bytes (172 of the key's reference and 98 of names and punctuation) and a new
/// key of at most 1700 (two labels, 8 grants of at most 120, and 600 of the rest).
pub const HEADER: usize = 4096;

/// The least `gpd.tee.trustedStorage.antiRollback.protectionLevel` at which an old store that is put
/// back is noticed (GlobalPlatform TEE Internal Core API): 100 leaves it to the normal world, whose
/// owner is who would put it back.
pub const ROLLBACK_DETECTED: u32 = 1000;

/// Bytes of a wrapped key.
pub const WRAPPED: usize = 1024;

/// A whole frame, and so the shared memory that a session needs.
pub const FRAME: usize = frame::PREFIX + HEADER + PAYLOAD;

/// Bytes of one `random` call.
pub const RANDOM: usize = 4096;

/// Versions of one key whose secrets there are: the primary one and those before it that are not
/// retired.
pub const VERSIONS: usize = 8;

/// Grants in one key's policy.
pub const GRANTS: usize = 8;

/// Sources of one combined key.
pub const SOURCES: usize = 4;

/// Bytes that one derivation lets leave.
pub const DERIVED: usize = 64;

/// Bytes of salt or info of a combined key.
pub const INFO: usize = 1024;

/// Keys of the vault that one owner has at most, and all groups together, so that no owner starves
/// the others; unless uid 0 said another number.
pub const OWNER_KEYS: usize = 400;

/// Keys, and families, with which an owner has few: where those who have many took all other
/// places, he finds one of [`FEW_KEYS_PLACES`].
pub const FEW_KEYS: usize = 8;

/// Keys and families for which there is a place that only who has few takes.
pub const FEW_KEYS_PLACES: usize = 64;

/// Owners who have a quota of their own.
pub const QUOTAS: usize = 24;

/// Keys for which there is a place that only uid 0 takes, who has as many as there are places.
pub const ROOT_KEYS: usize = 64;

/// Families in which keys of one user are wrapped, each of which can be revoked apart. Where all of
/// an owner's wrapped keys are revoked, their places are free again.
pub const FAMILIES: usize = 32;

/// Families in which keys of one group are wrapped.
pub const FAMILIES_OF_GROUP: usize = 8;

/// Families in which keys of all groups together are wrapped, and groups of which any are.
pub const GROUP_FAMILIES: usize = 64;

/// Wrapped keys kept unwrapped.
pub const UNWRAPPED: usize = 32;

/// Wrapped keys of one owner kept unwrapped; one more displaces that not used for longest.
pub const OWNER_UNWRAPPED: usize = 8;

/// Items that one batch does.
pub const BATCH: usize = 512;

/// Signatures that one batch makes: a slow one takes as long as a storage operation.
pub const BATCH_SIGNATURES: usize = 16;

/// Sessions that serve at once. One more takes the place of one that was not used for longest, of
/// those who have more than [`SESSION_SHARE`].
pub const SESSIONS: usize = 64;

/// Sessions that a user who owns keys has whatever others do; all group sessions together have as
/// many, and so have all those who own no key.
pub const SESSION_SHARE: usize = 8;

/// Sessions that are open at once, whether or not they gave their place away: only the program that
/// has one can close it. Those of one user who owns keys, of all groups together, or of all those who
/// own none.
pub const HELD_SESSIONS: usize = 32;

/// Sessions that are open at once, of all.
pub const OPEN_SESSIONS: usize = 128;

/// Sessions that one group keeps open, or a user who owns no key, or PUBLIC ones: these apart from
/// all others.
pub const CALLER_HELD_SESSIONS: usize = 16;

/// Open sessions with which a group, or a user who owns no key, has few: who has few finds a place
/// where others took half of what they have together.
pub const FEW_SESSIONS: usize = 4;

/// Open sessions for which there is a place that only those take who have few: users who own keys up
/// to [`SESSION_SHARE`], others up to [`FEW_SESSIONS`].
pub const FEW_SESSIONS_PLACES: usize = 48;

/// Of these, those that only users take who own keys.
pub const OWNER_SESSIONS_PLACES: usize = 32;

/// Open sessions for which there is a place that only uid 0 takes.
pub const ROOT_OPEN_SESSIONS: usize = 16;

/// Sessions of one caller that serve at once; all PUBLIC ones are one caller's.
pub const CALLER_SESSIONS: usize = 24;

/// Sessions that serve for which there is a place that only uid 0 takes: his share.
pub const ROOT_SESSIONS: usize = SESSION_SHARE;

/// Steps that a ratcheted key catches up in one call.
pub const CATCH_UP: u32 = 4096;

/// Callers with an audit log of their own, of whom one is uid 0; those beyond share one.
pub const AUDIT_LOGS: usize = 16;

/// Groups with an audit log of their own.
pub const GROUP_LOGS: usize = 4;

/// Pages of one audit log.
pub const AUDIT_PAGES: usize = 4;

/// Bytes of records on one page of an audit log.
pub const AUDIT_PAGE: usize = 896;

/// Seconds between two records of what one caller was refused.
pub const AUDIT_INTERVAL: u64 = 300;

/// Bytes of the device's certificate.
pub const CERTIFICATE: usize = 954;

/// Custodians of one key that is put together of components.
pub const CUSTODIANS: usize = 5;

/// Shares of one key.
pub const SHARES: usize = 8;

/// Keys that wait for their components at once, and as many that wait for their shares; of one
/// owner, one each. The place of one is uid 0's.
pub const CEREMONIES: usize = 6;

/// Devices beside its own whose manifests a locked vault believes.
pub const TRUSTED: usize = 8;

/// Seconds that a key waits for its components.
pub const COMPONENT_SECONDS: u32 = 15 * 60;

/// Seconds that a key waits for its shares: their holders may have to be reached.
pub const RESTORE_SECONDS: u32 = 60 * 60;

/// Keys on one page of a list.
pub const PAGE: usize = 8;

/// Challenges that one identity may have pending; one more displaces its oldest.
pub const CHALLENGES: usize = 4;

const _: () = assert!(PAYLOAD == 133_232);
const _: () = assert!(FRAME == 137_344);
