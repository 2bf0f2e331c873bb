//! Keys in parts: put together of components, given out in shares, restored from them.

use serde::{Deserialize, Serialize};

use super::{KeyDescription, NewKey};
use crate::{Digits, Identity, KeyRef, Label, limits};

messages! {
    /// Begins to put a key together of components, one from each custodian.
    ComponentStartRequest {
        /// What it shall be; the caller's, in the vault.
        new: NewKey,
        /// Who enters one: at least two users. The caller may be one of them.
        custodians: heapless::Vec<Identity, { limits::CUSTODIANS }>,
    }

    /// What waits for its components.
    ComponentStartResponse {
        /// What the others name it by.
        ceremony: Digits<8>,
        /// Seconds until it ends by itself.
        timeout: u32,
    }

    /// Asks what a component is wanted for. For the caller who began, the custodians and uid 0.
    ComponentShowRequest {
        /// What `component-start` gave.
        ceremony: Digits<8>,
    }

    /// What a component is wanted for.
    ComponentShowResponse {
        /// The key that will be.
        new: NewKey,
        /// Whose it will be.
        owner: Identity,
        /// Who enters a component.
        custodians: heapless::Vec<Identity, { limits::CUSTODIANS }>,
        /// Whose components are in.
        entered: heapless::Vec<Identity, { limits::CUSTODIANS }>,
        /// Seconds until it ends by itself.
        timeout: u32,
    }

    /// Gives a custodian's component in the payload: as many bytes as the key, random.
    ComponentEnterRequest {
        /// What `component-start` gave.
        ceremony: Digits<8>,
    }

    /// A component is in.
    ComponentEnterResponse {
        /// How many are.
        entered: u8,
        /// How many are wanted.
        expected: u8,
        /// The component's check value.
        check_value: Digits<5>,
        /// The key, now that all are in.
        key: Option<KeyDescription>,
        /// The key's check value.
        key_check_value: Option<Digits<5>>,
    }

    /// Forgets the components that are in. For the caller who began, and uid 0.
    ComponentCancelRequest {
        /// What `component-start` gave.
        ceremony: Digits<8>,
    }

    /// Gives out shares of a key to the holders that its policy fixed, whose public keys are in the
    /// payload.
    ShareRequest {
        /// Which key of the vault: the caller's, or for uid 0 any.
        key: KeyRef,
    }

    /// What the payload holds.
    ShareResponse {
        /// The shares that belong together.
        set: Digits<16>,
        /// How many there are.
        shares: u8,
        /// Bytes of each.
        length: u32,
    }

    /// Begins to restore a key from shares; the payload has the manifest that came with them.
    RestoreStartRequest {
        /// The device that the caller trusts to have made them: [its fingerprint](crate::shares::SPKI).
        device: Digits<32>,
    }

    /// What waits for its shares.
    RestoreStartResponse {
        /// What to name it by.
        restore: Digits<8>,
        /// The key that will be.
        key: Label,
        /// How many shares are wanted.
        expected: u8,
        /// Seconds until it ends by itself.
        timeout: u32,
    }

    /// Gives a share that its holder encrypted to this restore.
    RestoreShareRequest {
        /// What `restore-start` gave.
        restore: Digits<8>,
        /// Which share, from 1.
        index: u8,
    }

    /// A share is in.
    RestoreShareResponse {
        /// How many are.
        entered: u8,
        /// How many are wanted.
        expected: u8,
        /// The key, now that it is restored.
        key: Option<KeyDescription>,
    }

    /// Forgets the shares that are in. For the caller who began, and uid 0.
    RestoreCancelRequest {
        /// What `restore-start` gave.
        restore: Digits<8>,
    }

    /// Names a device whose manifests a locked vault believes, beside this one's own. Before the lock
    /// only; one that was named before stays.
    RestoreTrustAddRequest {
        /// [Its fingerprint](crate::shares::SPKI).
        device: Digits<32>,
    }

    /// Asks which devices were named.
    RestoreTrustListRequest {}

    /// The devices that were named.
    RestoreTrustListResponse {
        /// Their fingerprints, in the order in which they were named.
        devices: heapless::Vec<Digits<32>, { limits::TRUSTED }>,
    }

    /// Takes a device off the list. Before the lock only: it leaves the list as it is, which nobody
    /// who holds uid 0 later can turn to his use.
    RestoreTrustRemoveRequest {
        /// Its fingerprint.
        device: Digits<32>,
    }
}
