//! Keys: made, shown, destroyed.

use serde::{Deserialize, Serialize};

use crate::{
    Algorithm, Digits, Export, Home, Identity, KeyId, KeyRef, Label, Origin, Permissions, State,
    Usage, limits,
};

messages! {
    /// What a new key shall be.
    NewKey {
        /// What to call it.
        key: Label,
        /// What it is for.
        algorithm: Algorithm,
        /// Which of the algorithm's usages; the algorithm's first if absent.
        usage: Option<Usage>,
        /// What the children of a derivation key are; only such a key has any.
        children: Option<Algorithm>,
        /// Whether its next version is computed from the one before, which is destroyed by that;
        /// MAC and derivation keys only.
        ratchet: bool,
        /// Whether it is to be activated before it serves.
        pre_activation: bool,
        /// Where it shall live.
        home: Home,
        /// Which wrapped keys of this owner it shall be revoked with; wrapped keys only.
        family: Option<Label>,
        /// Who may do what with it.
        policy: Policy,
        /// The public keys (X25519) whose digest `policy.shares` has, in the same order; none for a
        /// key that is not shared out. They are checked now, since a key must not be made whose shares
        /// could never be given out; what is kept is the digest.
        recipients: heapless::Vec<Digits<32>, { limits::SHARES }>,
    }

    /// Who may do what with a key, and within which bounds. After creation it is only ever
    /// tightened.
    Policy {
        /// What its owner may do with it; a part of what its usage permits.
        owner: Permissions,
        /// What others may do with it.
        grants: heapless::Vec<Grant, { limits::GRANTS }>,
        /// How many calls may use it in all; a call that was refused as not authentic counts too.
        max_uses: Option<u64>,
        /// The fewest bytes of context (of a seal) or associated data (of an encryption).
        min_context: u32,
        /// After how many calls that produce with it a version gives way to the next one.
        rotate_after_uses: Option<u64>,
        /// After how many bytes sealed or encrypted with it a version gives way to the next one.
        rotate_after_bytes: Option<u64>,
        /// In which form its secret may leave, encrypted.
        export: Export,
        /// How it is shared out; with `export` in shares.
        shares: Option<SharePolicy>,
        /// Whether keys derived from it may leave in the clear; challenge, derivation, agreement
        /// and KEM keys only.
        export_derived: bool,
        /// The rollback protection (gpd.tee.trustedStorage.antiRollback.protectionLevel) below
        /// which it does not serve.
        rollback_level: u32,
        /// Whether it stays with its owner for good.
        fixed_owner: bool,
    }

    /// What somebody else may do with a key.
    Grant {
        /// Who, as the kernel's driver asserts it.
        to: Identity,
        /// What; a part of what the key's usage permits.
        may: Permissions,
    }

    /// For whom shares of a key may be made.
    SharePolicy {
        /// How many shares restore it: 2 to 8.
        threshold: u8,
        /// How many there are: `threshold` to 8.
        shares: u8,
        /// SHA-256 of the recipients' public keys, one behind the other, in the order of their
        /// shares.
        recipients: Digits<32>,
    }

    /// Asks for a new key.
    GenerateRequest {
        /// What it shall be.
        new: NewKey,
    }

    /// Gives a key in the payload: raw bytes; the big-endian scalar for ECDSA and ECDH over
    /// P-256 and P-384; the seed for Ed25519, ML-KEM (d || z) and X-Wing; the 32 bytes of RFC 7748
    /// for X25519.
    ImportRequest {
        /// What it shall be.
        new: NewKey,
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
        /// What its children are, if it is a derivation key.
        children: Option<Algorithm>,
        /// Whether its next version is computed from this one.
        ratchet: bool,
        /// How it came to be here.
        origin: Origin,
        /// Its state.
        state: State,
        /// The version that produces.
        version: u32,
        /// Every version whose secret there is, oldest first.
        versions: heapless::Vec<u32, { limits::VERSIONS }>,
        /// Whose it is.
        owner: Identity,
        /// Where it lives.
        home: Home,
        /// Which wrapped keys it is revoked with.
        family: Option<Label>,
        /// Who may do what with it.
        policy: Policy,
        /// Calls that may still use it, if its policy bounds them.
        uses_left: Option<u64>,
        /// Calls that produced with this version, if they are counted. A crash may count up to one
        /// reserved block of them as done that were not.
        version_uses: Option<u64>,
        /// Bytes sealed or encrypted with this version, if they are counted; as `version_uses`.
        version_bytes: Option<u64>,
        /// By which two devices tell that they hold the same secret: of the version that produces,
        /// for algorithms without a public half. Who made the key, its owner and uid 0 see it.
        ///
        /// Of a secret of 16 or 32 bytes it is the first 5 bytes of `AES-CMAC(secret, 16 zeros)`
        /// (ANSI X9.24-1:2017, annex A), of any other that of a key derived from it,
        /// `HKDF-SHA256(salt "", secret, info "claviger check value", 32 bytes)`.
        check_value: Option<Digits<5>>,
    }

    /// Asks for a page of keys.
    ListRequest {
        /// Where to go on: what the page before gave, 0 at first.
        cursor: u32,
        /// Whose keys; the caller's if absent. Of another's keys, uid 0 sees all and anyone else
        /// those that grant it something.
        owner: Option<Identity>,
    }

    /// Asks for a page of every owner's keys.
    ListAllRequest {
        /// As in [`ListRequest`].
        cursor: u32,
    }

    /// Asks for a page of the keys of others that grant the caller something. A session speaks for
    /// one identity: what a group is granted, or owns, is shown to a session of that group.
    ListGrantedRequest {
        /// As in [`ListRequest`].
        cursor: u32,
    }

    /// A page of keys. A key that exists throughout a listing is on exactly one page.
    ListResponse {
        /// In the order of the vault's slots.
        keys: heapless::Vec<KeySummary, { limits::PAGE }>,
        /// The cursor of the next page, if there may be one.
        next: Option<u32>,
    }

    /// A key on a list.
    KeySummary {
        /// Its label.
        key: Label,
        /// Random, drawn when it was made.
        id: KeyId,
        /// Its algorithm.
        algorithm: Algorithm,
        /// Its usage.
        usage: Usage,
        /// How it came to be here.
        origin: Origin,
        /// Its state.
        state: State,
        /// The version that produces.
        version: u32,
        /// Whose it is.
        owner: Identity,
        /// What its policy lets the caller do with it.
        may: Permissions,
    }

    /// Asks for [`KeyDescription`].
    DescribeRequest {
        /// Which key: the caller's, one that grants it something, or for uid 0 any.
        key: KeyRef,
    }

    /// Destroys a key and what is known about it.
    DeleteRequest {
        /// Which key of the vault: the caller's, or for uid 0 any.
        key: KeyRef,
    }

    /// Asks for the public half of a key.
    PublicKeyRequest {
        /// Which key.
        key: KeyRef,
        /// Which version of it; the primary one if absent.
        version: Option<u32>,
    }

    /// Says what the payload's public key is of.
    PublicKeyResponse {
        /// The key's algorithm.
        algorithm: Algorithm,
        /// The version whose it is.
        version: u32,
    }
}

impl SharePolicy {
    /// Whether the numbers are such that a key can be shared out so.
    #[must_use]
    pub fn fits(&self) -> bool {
        (2..=limits::SHARES as u8).contains(&self.shares)
            && (2..=self.shares).contains(&self.threshold)
    }
}

impl Policy {
    /// The owner does all that the usage permits, and nobody else anything.
    #[must_use]
    pub fn of(usage: Usage) -> Policy {
        Policy {
            owner: usage.permissions(),
            grants: heapless::Vec::new(),
            max_uses: None,
            min_context: 0,
            rotate_after_uses: None,
            rotate_after_bytes: None,
            export: Export::Nothing,
            shares: None,
            export_derived: false,
            rollback_level: 0,
            fixed_owner: false,
        }
    }
}

impl NewKey {
    /// The label that it asks for.
    #[must_use]
    pub fn named(&self) -> Option<(Option<Identity>, &Label)> {
        Some((None, &self.key))
    }
}
