//! The device: what runs, what it holds, what ends it.

use serde::{Deserialize, Serialize};

use crate::Digits;

messages! {
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
        /// Whether imports have ended; absent while the vault is read-only, for then nobody can
        /// tell.
        locked: Option<bool>,
        /// Keys in it, of all owners.
        keys: u32,
        /// Slots free for more.
        free: u32,
        /// Slots whose record is damaged in both copies, and so lost, or that are missing or were
        /// declared lost with their shard.
        damaged: u32,
        /// Shards of which only one copy serves; the next start mends them.
        degraded: u32,
        /// Shards of which no copy serves.
        missing: u32,
        /// Whether nothing can be changed: a shard is missing, or a copy is held back.
        read_only: bool,
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
        /// Keys of one owner.
        owner_keys: u32,
        /// Versions of one key whose secrets there are.
        versions: u32,
        /// Grants of one key.
        grants: u32,
        /// Bytes of a wrapped key.
        wrapped: u32,
        /// Wrapped keys that are kept unwrapped, of one owner.
        owner_wrapped: u32,
        /// Items of one batch.
        batch: u32,
        /// Sessions of all callers.
        sessions: u32,
        /// Sessions of one caller.
        caller_sessions: u32,
        /// Callers with an audit log of their own.
        audit_logs: u32,
        /// Bytes of records in one audit log.
        audit_log: u32,
        /// Challenges pending for one identity.
        challenges: u32,
        /// Custodians of one key that is put together of components.
        custodians: u32,
        /// Shares of one key.
        shares: u32,
        /// Keys that wait for components, and as many that wait for shares, of all callers.
        ceremonies: u32,
        /// Seconds that a key waits for its components.
        component_seconds: u32,
        /// Seconds that a key waits for its shares.
        restore_seconds: u32,
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
        /// How many, at most [`crate::limits::RANDOM`].
        length: u32,
    }

    /// Ends imports.
    LockRequest {}

    /// Destroys everything.
    FactoryResetRequest {
        /// What `info` showed to uid 0.
        confirmation: Digits<4>,
    }
}

messages! {
    /// Declares the missing shards of the vault lost.
    DeclareLostRequest {
        /// What `info` showed to uid 0.
        confirmation: Digits<4>,
    }

    /// What was declared lost.
    DeclareLostResponse {
        /// How many shards, of 160 slots each.
        shards: u32,
    }
}

impl InfoResponse {
    /// Whether an old store that is put back is noticed.
    #[must_use]
    pub fn detects_rollback(&self) -> bool {
        self.rollback_level >= crate::limits::ROLLBACK_DETECTED
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
