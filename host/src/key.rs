//! A key and what can be done with it. Its bytes stay in the TEE.

mod challenge;
mod create;
mod mac;
mod public;
mod seal;
mod sign;
mod stream;

use std::sync::Arc;

use claviger_proto::{Label, message::KeyDescription};

pub use challenge::{Confirmed, SessionKey};
pub use create::Creation;
pub use public::PublicKey;
pub use sign::Signature;

use crate::Client;

/// A key in the vault. Clones are the same key.
///
/// What is known of it was asked for once. If the key is deleted and its label given anew, calls
/// reach the new key; its id tells them apart.
#[derive(Clone)]
pub struct Key {
    client: Client,
    description: Arc<KeyDescription>,
}

impl Key {
    pub(crate) fn new(client: Client, description: KeyDescription) -> Key {
        Key {
            client,
            description: Arc::new(description),
        }
    }

    /// What is known of it.
    #[must_use]
    pub fn description(&self) -> &KeyDescription {
        &self.description
    }

    fn label(&self) -> Label {
        self.description.key.clone()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Key").field(&self.description).finish()
    }
}
