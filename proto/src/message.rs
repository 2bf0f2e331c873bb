//! The JSON header of every request and response. JSON carries what a person wants to read;
//! bytes travel in the payload ([`crate::command::Command`] says which).
//!
//! A header is one JSON object with exactly the fields of its struct.

use serde::{Deserialize, Serialize};

use crate::{Algorithm, Digits, Identity, KeyId, Label, Origin, PartyName, State, Usage, limits};

/// Declares messages alike: what they derive, and that an unknown field is an error.
macro_rules! messages {
    ($($(#[$doc:meta])+ $name:ident { $($(#[$field_doc:meta])+ $field:ident: $type:ty,)* })+) => {
        $(
            $(#[$doc])+
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[$field_doc])+ pub $field: $type,)*
            }
        )+
    };
}

messages! {
    /// An answer that says nothing but the status.
    Done {}

    /// Asks for [`InfoResponse`].
    InfoRequest {}

    /// What runs, where, and what it can hold.
    InfoResponse {
        /// The trusted application's version (Semantic Versioning).
        version: heapless::String<16>,
        /// `release`, or `test` with heap and stack marks.
        build: Build,
        /// The TEE and its version, or the emulator.
        platform: heapless::String<64>,
        /// Whether this platform protects nothing: an emulator.
        insecure: bool,
        /// GlobalPlatform's gpd.tee.trustedStorage.antiRollback.protectionLevel: 0 none, 100 by
        /// the normal world, 1000 by hardware of the TEE's.
        rollback_level: u32,
        /// Random, drawn when this instance of the trusted application started.
        instance: Digits<16>,
        /// What `factory-reset` wants to be told; drawn at start, shown to uid 0 only.
        confirmation: Option<Digits<4>>,
        /// The status code of opening the vault: 0, or why `vault` is absent.
        store: u16,
        /// The vault, if it could be opened.
        vault: Option<VaultInfo>,
        /// Every maximum.
        limits: Limits,
        /// High-water marks, in test builds.
        marks: Option<Marks>,
    }

    /// The vault at a glance.
    VaultInfo {
        /// Random, drawn when the vault was made: an emptied and refilled one has another.
        id: Digits<16>,
        /// Whether imports have ended.
        locked: bool,
        /// Keys in it, of all owners.
        keys: u32,
        /// Slots free for more.
        free: u32,
        /// Slots whose record is damaged in both copies, and so lost.
        damaged: u32,
        /// Shards of which only one copy serves; the next start mends them.
        degraded: u32,
        /// Records and copies mended from their second copy since the start.
        repaired: u32,
    }

    /// The contract's maxima, in bytes unless said otherwise.
    Limits {
        /// JSON header.
        header: u32,
        /// Payload.
        payload: u32,
        /// Plaintext of one sealed chunk.
        chunk: u32,
        /// Context of a seal.
        context: u32,
        /// Bytes of one `random`.
        random: u32,
        /// Keys of all owners.
        keys: u32,
        /// Challenges pending for one identity.
        challenges: u32,
    }

    /// The most of its heap and stack that the trusted application ever used, in bytes.
    Marks {
        /// Heap in use at its highest.
        heap_peak: u32,
        /// Heap in use now.
        heap_now: u32,
        /// The whole heap.
        heap_size: u32,
        /// Stack in use at its deepest.
        stack_peak: u32,
        /// The whole stack.
        stack_size: u32,
    }

    /// Asks for [`SelfTestResponse`].
    SelfTestRequest {}

    /// One verdict for each primitive.
    SelfTestResponse {
        /// In the order in which they ran.
        results: heapless::Vec<SelfTestResult, 32>,
    }

    /// The verdict on one primitive.
    SelfTestResult {
        /// Its standard name.
        primitive: heapless::String<24>,
        /// Whether it gave the known answers.
        passed: bool,
    }

    /// Asks for random bytes.
    RandomRequest {
        /// How many, at most [`limits::RANDOM`].
        length: u32,
    }

    /// Asks for a new key.
    GenerateRequest {
        /// What to call it.
        key: Label,
        /// What it is for.
        algorithm: Algorithm,
        /// Which of the algorithm's usages; the algorithm's first if absent.
        usage: Option<Usage>,
        /// Whether session keys derived from it may leave; `challenge` keys only.
        export_derived: bool,
    }

    /// Gives a key in the payload: raw bytes; the 32-byte big-endian scalar for P-256; the
    /// 32-byte seed for Ed25519.
    ImportRequest {
        /// What to call it.
        key: Label,
        /// What it is for.
        algorithm: Algorithm,
        /// Which of the algorithm's usages; the algorithm's first if absent.
        usage: Option<Usage>,
        /// Whether session keys derived from it may leave; `challenge` keys only.
        export_derived: bool,
    }

    /// Everything about a key but its secret.
    KeyDescription {
        /// Its label.
        key: Label,
        /// Random, drawn when it was made.
        id: KeyId,
        /// Its algorithm.
        algorithm: Algorithm,
        /// Its usage.
        usage: Usage,
        /// Whether session keys derived from it may leave.
        export_derived: bool,
        /// How it came here.
        origin: Origin,
        /// Its state.
        state: State,
        /// The version that seals, signs and makes MACs.
        version: u32,
        /// Whose it is.
        owner: Identity,
    }

    /// Asks for a page of keys.
    ListRequest {
        /// Where to go on: what the page before gave, 0 at first.
        cursor: u32,
        /// Whose keys; the caller's if absent. Another's for uid 0 only.
        owner: Option<Identity>,
    }

    /// A page of keys. A key that exists throughout a listing is on exactly one page.
    ListResponse {
        /// In the order of the vault's slots.
        keys: heapless::Vec<KeyDescription, { limits::PAGE }>,
        /// The cursor of the next page, if there may be one.
        next: Option<u32>,
    }

    /// Asks for [`KeyDescription`].
    DescribeRequest {
        /// Which key.
        key: Label,
        /// Whose; the caller's if absent. Another's for uid 0 only.
        owner: Option<Identity>,
    }

    /// Destroys a key.
    DeleteRequest {
        /// Which key.
        key: Label,
        /// Whose; the caller's if absent. Another's for uid 0 only.
        owner: Option<Identity>,
    }

    /// Asks for the public half of a key.
    PublicKeyRequest {
        /// Which key.
        key: Label,
    }

    /// Says what the payload's public key is of.
    PublicKeyResponse {
        /// The key's algorithm.
        algorithm: Algorithm,
    }

    /// Seals one chunk.
    SealRequest {
        /// With which key.
        key: Label,
        /// Bytes of context at the front of the payload.
        context: u32,
        /// Whether equal inputs shall give equal blobs.
        deterministic: bool,
        /// The chunk's number, from 0.
        index: u64,
        /// Whether it is the last.
        last: bool,
    }

    /// Opens one chunk.
    UnsealRequest {
        /// With which key.
        key: Label,
        /// Bytes of context at the front of the payload.
        context: u32,
        /// The chunk's number, from 0.
        index: u64,
        /// Whether it is the last.
        last: bool,
    }

    /// Which version of the key did it.
    KeyVersion {
        /// From 1.
        version: u32,
    }

    /// A MAC of the payload.
    MacRequest {
        /// With which key.
        key: Label,
    }

    /// Checks a MAC.
    VerifyMacRequest {
        /// With which key.
        key: Label,
        /// Bytes of the tag at the front of the payload.
        tag: u32,
    }

    /// Begins a MAC stream.
    MacStartRequest {
        /// With which key.
        key: Label,
    }

    /// Feeds a MAC stream.
    MacUpdateRequest {}

    /// Ends a MAC stream with its tag.
    MacFinishRequest {}

    /// Ends a MAC stream with a check.
    VerifyMacFinishRequest {}

    /// Signs the payload.
    SignRequest {
        /// With which key.
        key: Label,
    }

    /// Makes M1 as the challenger.
    ChallengeRequest {
        /// With which key.
        key: Label,
        /// What the caller calls itself.
        me: PartyName,
        /// Whom it wants to authenticate.
        peer: PartyName,
    }

    /// Answers M1 as the responder.
    RespondRequest {
        /// With which key.
        key: Label,
        /// What the caller calls itself.
        me: PartyName,
        /// Whom it wants to authenticate.
        peer: PartyName,
    }

    /// Checks M2 or M3.
    ConfirmRequest {
        /// With which key.
        key: Label,
        /// Whether the payload of the answer shall end with a 32-byte session key.
        session_key: bool,
    }

    /// Who was authenticated.
    ConfirmResponse {
        /// The other side's name, now proven.
        peer: PartyName,
    }

    /// Ends imports.
    LockRequest {}

    /// Destroys everything.
    FactoryResetRequest {
        /// What `info` showed to uid 0.
        confirmation: Digits<4>,
    }
}

/// How a trusted application was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Build {
    /// For devices.
    Release,
    /// For tests: shows high-water marks.
    Test,
}

#[cfg(test)]
mod tests;
