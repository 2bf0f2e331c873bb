//! What a new key shall be.

use claviger_proto::{
    Algorithm, Digits, Export, Home, Identity, Permission, Permissions, Status, Usage,
    message::{Grant, KeyDescription, NewKey, Policy, SharePolicy},
    rules::{Fault, GRANT_TO_OWNER},
};
use sha2::{Digest, Sha256};

use crate::{Client, Error, Key, PublicKey, client::parse_label};

const TOO_MANY_GRANTS: Fault = Fault {
    status: Status::BadPolicy,
    field: "grants",
    rule: "a key has at most 8",
};

/// A key about to be made: first what it shall be, then where it comes from, which makes it
/// ([`Creation::generate`], [`Creation::import`], [`Creation::unwrap`], [`Creation::derive`],
/// [`Creation::combine`]).
#[derive(Debug, Clone)]
#[must_use = "nothing is made before `generate` or another of what makes keys"]
pub struct Creation {
    pub(super) client: Client,
    label: String,
    family: Option<String>,
    algorithm: Algorithm,
    usage: Option<Usage>,
    children: Option<Algorithm>,
    ratchet: bool,
    pre_activation: bool,
    home: Home,
    owner: Option<Permissions>,
    grants: Vec<Grant>,
    /// `owner` and `grants` are put in at the end.
    policy: Policy,
    /// Of `policy.shares`.
    recipients: Vec<Digits<32>>,
}

impl Creation {
    pub(crate) fn new(client: Client, label: &str) -> Creation {
        Creation {
            client,
            label: label.to_owned(),
            family: None,
            algorithm: Algorithm::Aes256Siv,
            usage: None,
            children: None,
            ratchet: false,
            pre_activation: false,
            home: Home::Vault,
            owner: None,
            grants: Vec::new(),
            policy: Policy::of(Usage::Seal),
            recipients: Vec::new(),
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

    /// What the children of a derivation key are, which [`Key::child`] uses, or what a key-encryption
    /// key brings in.
    pub fn children(mut self, algorithm: Algorithm) -> Creation {
        self.children = Some(algorithm);
        self
    }

    /// Computes each next version from the one before, which is destroyed by that; for MAC and
    /// derivation keys.
    pub fn ratchet(mut self) -> Creation {
        self.ratchet = true;
        self
    }

    /// Lets the key serve only after it was activated.
    pub fn pre_activation(mut self) -> Creation {
        self.pre_activation = true;
        self
    }

    /// Keeps the key out of the vault: [`Key::wrapped_bytes`] are this program's to store, and
    /// [`Client::wrapped`] uses them again.
    pub fn wrapped(mut self) -> Creation {
        self.home = Home::Wrapped;
        self
    }

    /// Which wrapped keys of this owner it is revoked with; wrapped keys only.
    pub fn family(mut self, label: &str) -> Creation {
        self.family = Some(label.to_owned());
        self
    }

    /// What its owner may do with it; all that its usage permits if not said.
    pub fn owner_may(mut self, permissions: &[Permission]) -> Creation {
        self.owner = Some(Permissions::of(permissions));
        self
    }

    /// Lets somebody else do something with it, who finds it by [`Client::key_of`].
    pub fn grant(mut self, to: Identity, permissions: &[Permission]) -> Creation {
        let may = Permissions::of(permissions);
        self.grants.push(Grant { to, may });
        self
    }

    /// How many calls may use it in all; of a stream, each chunk of 128 KiB is one. One that was refused as not authentic counts too, and a
    /// crash may cost a block of them: 1/16 of the bound, at most 256.
    pub fn max_uses(mut self, uses: u64) -> Creation {
        self.policy.max_uses = Some(uses);
        self
    }

    /// The fewest bytes of context (of a seal) or associated data (of an encryption).
    pub fn min_context(mut self, bytes: u32) -> Creation {
        self.policy.min_context = bytes;
        self
    }

    /// After how many calls that produce with it a version gives way to the next one. A version goes on
    /// with what was begun under it, to at most twice as many.
    pub fn rotate_after_uses(mut self, uses: u64) -> Creation {
        self.policy.rotate_after_uses = Some(uses);
        self
    }

    /// After how many bytes sealed or encrypted with it a version gives way to the next one.
    pub fn rotate_after_bytes(mut self, bytes: u64) -> Creation {
        self.policy.rotate_after_bytes = Some(bytes);
        self
    }

    /// Lets it leave the vault as a wrapped key of this device.
    pub fn export_wrapped(mut self) -> Creation {
        self.policy.export = Export::Wrapped;
        self
    }

    /// Lets it leave in shares, `threshold` of which restore it: one for each recipient, encrypted
    /// to that X25519 key. The policy fixes recipients and order by their digest. Two shares for one
    /// recipient, and a public key of small order, are refused (`WrongRecipients`, `BadPublicKey`).
    pub fn export_shares(mut self, threshold: u8, recipients: &[PublicKey]) -> Creation {
        let keys = recipients.iter().map(PublicKey::raw);
        let hash = keys.fold(Sha256::new(), |hash, key| hash.chain_update(key));
        // One of another algorithm is left out, so that the digest does not fit and it is refused.
        let keys = recipients.iter().map(PublicKey::raw);
        self.recipients = keys
            .filter_map(|key| key.try_into().ok().map(Digits))
            .collect();
        self.policy.export = Export::Shares;
        self.policy.shares = Some(SharePolicy {
            threshold,
            // More than a policy can have are refused with it.
            shares: u8::try_from(recipients.len()).unwrap_or(u8::MAX),
            recipients: Digits(hash.finalize().into()),
        });
        self
    }

    /// Whether keys derived from it may leave the TEE in the clear; for challenge, derivation,
    /// agreement and KEM keys only.
    pub fn export_derived(mut self, may: bool) -> Creation {
        self.policy.export_derived = may;
        self
    }

    /// The rollback protection (`rollback_level` of [`Client::info`]) below which it does not
    /// serve.
    pub fn rollback_level(mut self, level: u32) -> Creation {
        self.policy.rollback_level = level;
        self
    }

    /// Has it stay with its owner for good: no [`Key::chown`].
    pub fn fixed_owner(mut self) -> Creation {
        self.policy.fixed_owner = true;
        self
    }

    /// The session in which it will be made.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// What the contract calls it.
    pub(crate) fn new_key(&self) -> Result<NewKey, Error> {
        let usage = self.usage.or(self.algorithm.usages().first().copied());
        let usage = usage.ok_or(Error::Ta(Status::UnsupportedUsage))?;
        let grants = heapless::Vec::from_slice(&self.grants);
        Ok(NewKey {
            key: parse_label(&self.label)?,
            algorithm: self.algorithm,
            usage: Some(usage),
            children: self.children,
            ratchet: self.ratchet,
            pre_activation: self.pre_activation,
            home: self.home,
            family: self.family.as_deref().map(parse_label).transpose()?,
            policy: Policy {
                owner: self.owner.unwrap_or(usage.permissions()),
                grants: grants.map_err(|_| Error::Rule(TOO_MANY_GRANTS))?,
                ..self.policy.clone()
            },
            recipients: heapless::Vec::from_slice(&self.recipients)
                .map_err(|_| Error::Ta(Status::BadPolicy))?,
        })
    }

    /// Which rule a refusal of this key is about, as far as that can be known here; `parent` is what
    /// it was to be derived from.
    pub(crate) fn explain(&self, error: Error, parent: Option<&KeyDescription>) -> Error {
        let (Error::Ta(status), Ok(new)) = (&error, self.new_key()) else {
            return error;
        };
        let policy = &new.policy;
        let looser = |field, rule| Fault {
            status: *status,
            field,
            rule,
        };
        let fault = match (new.settle(None), parent) {
            (Err(fault), _) => Some(fault),
            (Ok(_), Some(parent)) if *status == Status::BadPolicy => {
                let field = match policy.rollback_level < parent.policy.rollback_level {
                    true => "rollback_level",
                    false => "min_context",
                };
                Some(looser(
                    field,
                    "it is below that of the key that it is derived from",
                ))
            }
            (Ok(_), Some(_)) if *status == Status::NotExportable => {
                let field = match policy.export {
                    Export::Shares => "export",
                    _ => "export_derived",
                };
                Some(looser(
                    field,
                    "the key that it is derived from lets nothing leave",
                ))
            }
            (Ok(_), None) if *status == Status::BadPolicy && !policy.grants.is_empty() => {
                Some(looser("grants", GRANT_TO_OWNER))
            }
            _ => None,
        };
        fault
            .filter(|fault| fault.status == *status)
            .map_or(error, Error::Rule)
    }

    /// The key that was made, wherever it lives.
    pub(super) fn made(&self, description: KeyDescription, wrapped: &[u8]) -> Key {
        match self.home {
            Home::Wrapped => Key::wrapped(self.client.clone(), wrapped, description),
            _ => Key::new(self.client.clone(), description),
        }
    }
}
