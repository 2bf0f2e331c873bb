//! Keys at work.

use serde::{Deserialize, Serialize};

use crate::{KeyRef, PartyName, batch::Batched};

messages! {
    /// Seals one chunk.
    SealRequest {
        /// With which key.
        key: KeyRef,
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
        key: KeyRef,
        /// Bytes of context at the front of the payload.
        context: u32,
        /// The chunk's number, from 0.
        index: u64,
        /// Whether it is the last.
        last: bool,
    }

    /// Moves one chunk of a blob to the newest version of its key.
    ResealRequest {
        /// With which key.
        key: KeyRef,
        /// Bytes of context at the front of the payload.
        context: u32,
        /// The chunk's number, from 0.
        index: u64,
        /// Whether it is the last.
        last: bool,
    }

    /// Encrypts the payload.
    EncryptRequest {
        /// With which key.
        key: KeyRef,
        /// Bytes of associated data at the front of the payload.
        aad: u32,
    }

    /// Decrypts the payload.
    DecryptRequest {
        /// With which key.
        key: KeyRef,
        /// Bytes of associated data at the front of the payload.
        aad: u32,
        /// The version that encrypted it; the primary one if absent.
        version: Option<u32>,
    }

    /// Which version of the key did it.
    KeyVersion {
        /// From 1.
        version: u32,
    }

    /// A MAC of the payload.
    MacRequest {
        /// With which key.
        key: KeyRef,
    }

    /// Checks a MAC.
    VerifyMacRequest {
        /// With which key.
        key: KeyRef,
        /// Bytes of the tag at the front of the payload.
        tag: u32,
        /// The version that made it; the primary one if absent.
        version: Option<u32>,
    }

    /// Begins a MAC stream.
    MacStartRequest {
        /// With which key.
        key: KeyRef,
        /// Whether it will be finished by a check, not by a tag.
        verify: bool,
        /// The version that made the tag to check; the primary one if absent.
        version: Option<u32>,
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
        key: KeyRef,
        /// Whether the payload is the SHA-512 digest of the message, to be signed as Ed25519ph with an
        /// empty context (RFC 8032, section 5.1); for Ed25519 only. ECDSA always signs a digest.
        prehash: bool,
    }

    /// Does the same with many items.
    BatchRequest {
        /// What is done.
        work: Batched,
        /// With which key.
        key: KeyRef,
        /// Bytes of context at the front of the payload, of everything that is sealed or opened.
        context: u32,
        /// Bytes of the tag at the front of each item, for checks.
        tag: u32,
    }

    /// How far it came.
    BatchResponse {
        /// Items that were done, well or not: the first ones. The others are for a next call.
        done: u32,
    }

    /// Makes M1 as the challenger.
    ChallengeRequest {
        /// With which key.
        key: KeyRef,
        /// What the caller calls itself.
        me: PartyName,
        /// Whom it wants to authenticate.
        peer: PartyName,
    }

    /// Answers M1 as the responder.
    RespondRequest {
        /// With which key.
        key: KeyRef,
        /// What the caller calls itself.
        me: PartyName,
        /// Whom it wants to authenticate.
        peer: PartyName,
    }

    /// Checks M2 or M3.
    ConfirmRequest {
        /// With which key.
        key: KeyRef,
        /// Whether the payload of the answer shall end with a 32-byte session key.
        session_key: bool,
    }

    /// Who was authenticated.
    ConfirmResponse {
        /// The other side's name, now proven.
        peer: PartyName,
    }
}
