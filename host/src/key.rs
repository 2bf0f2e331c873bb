//! A key and what can be done with it. Its bytes stay in the TEE.

mod batch;
mod challenge;
mod combine;
mod create;
mod encrypt;
mod life;
mod mac;
mod make;
mod public;
mod reseal;
mod seal;
mod sign;
mod stream;
mod verify;

use std::sync::Arc;

use claviger_proto::{
    Algorithm, Digits, Identity, KeyId, KeyRef, Label, Place, Status, limits,
    message::KeyDescription,
};

pub use batch::Outcomes;
pub use challenge::{Confirmed, SessionKey};
pub use combine::{Combination, Combined, Exported};
pub use create::Creation;
pub use encrypt::Encrypted;
pub use public::PublicKey;
pub use reseal::{Make, Report, SealedBlob, SealedBytes};
use sha2::{Digest, Sha256};
pub use sign::Signature;
pub use verify::Signed;

use crate::{Client, Error, client::parse_label};

/// A key: of the vault or wrapped, itself or a child of it. Clones are the same key.
///
/// What is known of it was asked for once. If the key is deleted and its label given anew, calls
/// reach the new key; its id tells them apart.
#[derive(Clone)]
pub struct Key {
    client: Client,
    description: Arc<KeyDescription>,
    place: KeyPlace,
    child: Option<Label>,
}

/// Where a key is.
#[derive(Clone)]
enum KeyPlace {
    /// In the vault, and of the caller or of another owner.
    Vault { owner: Option<Identity> },
    /// Here, encrypted.
    Wrapped(Arc<[u8]>),
}

impl Key {
    /// The caller's key of the vault.
    pub(crate) fn new(client: Client, description: KeyDescription) -> Key {
        Key::at(client, description, KeyPlace::Vault { owner: None })
    }

    /// Another owner's key of the vault.
    pub(crate) fn of(client: Client, owner: Identity, description: KeyDescription) -> Key {
        let owner = Some(owner);
        Key::at(client, description, KeyPlace::Vault { owner })
    }

    /// A wrapped key.
    pub(crate) fn wrapped(client: Client, wrapped: &[u8], description: KeyDescription) -> Key {
        Key::at(client, description, KeyPlace::Wrapped(wrapped.into()))
    }

    fn at(client: Client, description: KeyDescription, place: KeyPlace) -> Key {
        Key {
            client,
            description: Arc::new(description),
            place,
            child: None,
        }
    }

    /// What is known of it; of a child, what is known of its parent.
    #[must_use]
    pub fn description(&self) -> &KeyDescription {
        &self.description
    }

    /// What does the work: the key's algorithm, or of a child that of its parent's children.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match (&self.child, self.description.children) {
            (Some(_), Some(children)) => children,
            _ => self.description.algorithm,
        }
    }

    /// What the headers of blobs name it by: the key's id, or of a child the first 16 bytes of
    /// SHA-256("claviger child v2" || parent's id || name).
    #[must_use]
    pub fn id(&self) -> KeyId {
        let Some(child) = &self.child else {
            return self.description.id;
        };
        let hash = Sha256::new()
            .chain_update(b"claviger child v2")
            .chain_update(self.description.id.0)
            .chain_update(child.as_str());
        let mut id = Digits([0; 16]);
        id.0.copy_from_slice(&hash.finalize()[..16]);
        id
    }

    /// The bytes of a wrapped key, for this program to store.
    #[must_use]
    pub fn wrapped_bytes(&self) -> Option<&[u8]> {
        match &self.place {
            KeyPlace::Vault { .. } => None,
            KeyPlace::Wrapped(bytes) => Some(bytes),
        }
    }

    /// The child of a derivation key with this name. Nothing is asked of the TEE: each use derives
    /// it anew, and each name is a key of its own.
    ///
    /// # Errors
    /// [`Error::Name`] for a bad name; [`Error::Ta`] with `NoChildren` if the key has none.
    pub fn child(&self, name: &str) -> Result<Key, Error> {
        let child = parse_label(name)?;
        if self.child.is_some() || self.description.children.is_none() {
            return Err(Error::Ta(Status::NoChildren));
        }
        Ok(Key {
            child: Some(child),
            ..self.clone()
        })
    }

    /// The same key, of which this is known.
    fn described(&self, description: KeyDescription) -> Key {
        Key {
            description: Arc::new(description),
            ..self.clone()
        }
    }

    /// The session in which it is used.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// How requests name it.
    pub(crate) fn reference(&self) -> KeyRef {
        let place = match &self.place {
            KeyPlace::Vault { owner } => Place::Vault {
                owner: *owner,
                label: self.description.key.clone(),
            },
            // A wrapped key has at most limits::WRAPPED bytes.
            KeyPlace::Wrapped(bytes) => Place::Wrapped {
                length: bytes.len() as u32,
            },
        };
        KeyRef {
            place,
            child: self.child.clone(),
        }
    }

    /// What stands before all else in the payload of a request that uses it.
    fn front(&self) -> &[u8] {
        self.wrapped_bytes().unwrap_or_default()
    }

    /// Bytes that a payload has for the rest.
    fn room(&self) -> usize {
        limits::PAYLOAD.saturating_sub(self.front().len())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("description", &self.description)
            .field("wrapped", &self.wrapped_bytes().is_some())
            .field("child", &self.child)
            .finish()
    }
}
