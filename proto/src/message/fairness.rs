//! What waits of whom, and how many keys each may have.

use serde::{Deserialize, Serialize};

use crate::{Digits, Identity, Label, key::numbered, limits};

numbered! {
    /// What waits for parts that people give.
    PendingKind {
        /// A key for its components.
        Components = 1, "components";
        /// A lost key for its shares.
        Restore = 2, "restore";
    }
}

messages! {
    /// Asks what waits: of the caller, to uid 0 of everyone.
    PendingListRequest {}

    /// What waits.
    PendingListResponse {
        /// In no order.
        pending: heapless::Vec<PendingSummary, { 2 * limits::CEREMONIES }>,
    }

    /// One that waits.
    PendingSummary {
        /// What it is ended by. Not the name by which parts are given to it.
        id: Digits<4>,
        /// What it waits for.
        kind: PendingKind,
        /// Who began it, and will own the key.
        owner: Identity,
        /// The label that the key will have.
        key: Label,
        /// Seconds since it began.
        age: u32,
        /// Seconds until it ends by itself.
        timeout: u32,
    }

    /// Ends what waits, of the caller, or for uid 0 of anyone: the one with this id, or all.
    PendingCancelRequest {
        /// Which one; all, if absent.
        id: Option<Digits<4>>,
        /// Whose: for uid 0 everyone's if absent.
        owner: Option<Identity>,
    }

    /// What was ended.
    PendingCancelResponse {
        /// How many.
        cancelled: u32,
    }

    /// Asks how many keys an owner may have: the caller, or for uid 0 anyone.
    QuotaShowRequest {
        /// Whose; the caller's if absent.
        owner: Option<Identity>,
    }

    /// Says how many keys of the vault an owner may have. What he has stays, whatever it is.
    QuotaSetRequest {
        /// Whose: not uid 0's.
        owner: Identity,
        /// How many; [`limits::OWNER_KEYS`] is what who is not named may have.
        keys: u32,
    }

    /// How many keys of the vault an owner may have, and has.
    Quota {
        /// Whose.
        owner: Identity,
        /// How many he may have.
        keys: u32,
        /// How many he has.
        held: u32,
        /// Whether uid 0 said so. Groups of which it did not share one quota.
        set: bool,
    }
}
