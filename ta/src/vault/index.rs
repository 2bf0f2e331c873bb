//! What the vault remembers of its slots.

use claviger_proto::{Identity, Label};
use sha2::{Digest, Sha256};

/// What the vault remembers of a slot: enough to find a key without reading the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Free,
    Damaged,
    Key { owner: u32, label: u64 },
}

/// An owner as the index holds it.
pub(super) fn owner_hash(owner: &Identity) -> u32 {
    let hash = Sha256::new()
        .chain_update([owner.login as u8])
        .chain_update(owner.id.0)
        .finalize();
    hash.first_chunk()
        .copied()
        .map(u32::from_le_bytes)
        .unwrap_or_default()
}

/// What the index holds of a key. Hashes can collide: whoever finds one reads the record too.
pub(super) fn entry_of(owner: &Identity, label: &Label) -> Entry {
    let hash = Sha256::new()
        .chain_update([owner.login as u8])
        .chain_update(owner.id.0)
        .chain_update(label.as_str())
        .finalize();
    Entry::Key {
        owner: owner_hash(owner),
        label: hash
            .first_chunk()
            .copied()
            .map(u64::from_le_bytes)
            .unwrap_or_default(),
    }
}
