//! Making and importing keys.

use claviger_proto::{
    Algorithm, Usage,
    message::{GenerateRequest, ImportRequest},
};

use crate::{Client, Error, Key, client::parse_label};

/// A key about to be made: what it shall be, then [`Creation::generate`] or [`Creation::import`].
#[derive(Debug, Clone)]
#[must_use = "nothing is made before `generate` or `import`"]
pub struct Creation {
    client: Client,
    label: String,
    algorithm: Algorithm,
    usage: Option<Usage>,
    export_derived: bool,
}

impl Creation {
    pub(crate) fn new(client: Client, label: &str) -> Creation {
        Creation {
            client,
            label: label.to_owned(),
            algorithm: Algorithm::Aes256Siv,
            usage: None,
            export_derived: false,
        }
    }

    /// What the key is for; AES-256-SIV if not said.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Creation {
        self.algorithm = algorithm;
        self
    }

    /// Which of the algorithm's usages; its first if not said.
    pub fn usage(mut self, usage: Usage) -> Creation {
        self.usage = Some(usage);
        self
    }

    /// Whether session keys derived from it may leave the TEE; for `challenge` keys only.
    pub fn export_derived(mut self, may: bool) -> Creation {
        self.export_derived = may;
        self
    }

    /// Makes the key in the TEE.
    ///
    /// # Errors
    /// [`Error::Name`] for a bad label; [`Error::Ta`] with `AlreadyExists`, `UnsupportedUsage`,
    /// `VaultFull` or a status of the store; [`Error::Restarted`] if it is unknown whether the
    /// key was made.
    pub fn generate(self) -> Result<Key, Error> {
        let request = GenerateRequest {
            key: parse_label(&self.label)?,
            algorithm: self.algorithm,
            usage: self.usage,
            export_derived: self.export_derived,
        };
        let description = self.client.ask(&request)?;
        Ok(Key::new(self.client, description))
    }

    /// Gives the TEE a key that is known outside: raw bytes, the 32-byte big-endian scalar for
    /// P-256, the 32-byte seed for Ed25519. Wiping `secret` is the caller's to do.
    ///
    /// # Errors
    /// As [`Creation::generate`], and [`Error::Ta`] with `BadKey` or `Locked`.
    pub fn import(self, secret: &[u8]) -> Result<Key, Error> {
        let request = ImportRequest {
            key: parse_label(&self.label)?,
            algorithm: self.algorithm,
            usage: self.usage,
            export_derived: self.export_derived,
        };
        let description = self
            .client
            .call(&request, &[secret], |response, _| Ok(response))?;
        Ok(Key::new(self.client, description))
    }
}
