//! The life of a key: versions, states, policy, and what is made of other keys.

use serde::{Deserialize, Serialize};

use super::{KeyDescription, NewKey, Policy};
use crate::{Algorithm, Identity, KeyRef, Label, State, limits};

messages! {
    /// Adds a primary version; steps a ratcheted key.
    RotateRequest {
        /// Which key of the vault: the caller's, or for uid 0 any.
        key: KeyRef,
    }

    /// Destroys the secret of a version that is not the primary one.
    RetireRequest {
        /// Which key of the vault: the caller's, or for uid 0 any.
        key: KeyRef,
        /// Which version.
        version: u32,
    }

    /// Changes a key's state.
    SetStateRequest {
        /// Which key of the vault: the caller's, or for uid 0 any.
        key: KeyRef,
        /// The state that it shall be in.
        state: State,
    }

    /// Tightens a key's policy.
    SetPolicyRequest {
        /// Which key of the vault: the caller's, or for uid 0 any.
        key: KeyRef,
        /// The whole of it; nothing in it may be looser than it was.
        policy: Policy,
    }

    /// Gives a key to another owner. What its policy lets the owner do, the new one may do, and who
    /// was granted something keeps it; the old owner has no part in it any more. A grant to the new
    /// owner goes: it must hold nothing that the owner may not do.
    ChownRequest {
        /// Which key of the vault.
        key: KeyRef,
        /// Whose it shall be.
        to: Identity,
    }

    /// Gives a key another label. Its id stays, and so does all that was sealed under it.
    RenameRequest {
        /// Which key of the vault: the caller's, or for uid 0 any.
        key: KeyRef,
        /// What it shall be called.
        to: Label,
    }

    /// Steps a ratcheted key to the epoch that the payload's token names.
    CatchUpRequest {
        /// Which key: the caller's, or one that grants it something.
        key: KeyRef,
    }

    /// Makes a key, or bytes that leave, of a child of a derivation key.
    DeriveRequest {
        /// The child.
        key: KeyRef,
        /// What becomes of it.
        output: Output,
    }

    /// Makes a key, or bytes that leave, of several sources.
    CombineRequest {
        /// In the order in which they count.
        sources: heapless::Vec<Source, { limits::SOURCES }>,
        /// Bytes of salt in the payload, behind those of the sources.
        salt: u32,
        /// Bytes of info in the payload, behind the salt.
        info: u32,
        /// What becomes of them.
        output: Output,
    }

    /// One source of a combined key.
    Source {
        /// What it is.
        kind: SourceKind,
        /// With which key; absent where a peer's public key suffices.
        key: Option<KeyRef>,
        /// The version of that key; the primary one if absent. An older one gives again what it gave
        /// when it was the primary one.
        version: Option<u32>,
        /// The KEM of a peer's public key.
        algorithm: Option<Algorithm>,
        /// Bytes of public key or ciphertext in the payload.
        bytes: u32,
    }

    /// What becomes of derived bytes: a key, or else bytes that leave.
    Output {
        /// The key that they become.
        new: Option<NewKey>,
        /// How many bytes leave, if they become no key: at most [`limits::DERIVED`].
        length: u32,
    }

    /// What was derived.
    DerivedResponse {
        /// The key that was made.
        key: Option<KeyDescription>,
        /// Bytes of KEM ciphertext at the front of the payload.
        ciphertext: u32,
    }

    /// Gives out a key of the vault as a wrapped key.
    WrapRequest {
        /// Which key of the vault.
        key: KeyRef,
        /// Which wrapped keys it shall be revoked with.
        family: Option<Label>,
    }

    /// Ends wrapped keys that were made before.
    RevokeRequest {
        /// Of which family; all of the owner's if absent.
        family: Option<Label>,
        /// Whose; the caller's if absent. Another's for uid 0 only.
        owner: Option<Identity>,
    }

    /// The generation that wrapped keys must now have.
    Generation {
        /// From 0.
        generation: u64,
    }

    /// Takes a key that came wrapped under another one.
    UnwrapRequest {
        /// The key-encryption key.
        key: KeyRef,
        /// The version of it that wrapped; the primary one if absent.
        version: Option<u32>,
        /// Whether it was wrapped with padding (RFC 5649) or without (RFC 3394).
        padded: bool,
        /// What it shall be.
        new: NewKey,
    }
}

/// What a source of a combined key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A derivation key, or a child of one.
    Key,
    /// A key agreement of a private key with a peer's public key in the payload.
    Agree,
    /// A KEM ciphertext in the payload, for a private key.
    Decapsulate,
    /// A secret encapsulated for a peer's public key in the payload; the answer has the
    /// ciphertext. At most one.
    Encapsulate,
}
