//! A key that a call may use: itself or a child, one version of it.

use claviger_proto::{Algorithm, Digits, KeyId, Label, State, Status, Usage, ratchet};
use sha2::{Digest, Sha256};

use super::wrap::Wrapping;
use crate::{
    crypto::{Secret, hkdf, kdf},
    vault::{KeyRecord, Tag},
};

/// The label that children are derived under.
const CHILD_LABEL: &[u8] = b"claviger child v2";

/// A key that a call may use.
pub struct InUse<'a> {
    pub(super) record: &'a KeyRecord,
    pub(super) wrapping: Option<&'a Wrapping>,
    pub(super) child: Option<&'a Label>,
}

/// The secret that does the work.
pub enum Working<'a> {
    /// A version's own.
    Stored(&'a Secret),
    /// One that was derived for this call.
    Derived(Secret),
}

impl Working<'_> {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Working::Stored(secret) => secret.as_bytes(),
            Working::Derived(secret) => secret.as_bytes(),
        }
    }
}

impl InUse<'_> {
    /// The algorithm that does the work: the key's, or its children's.
    ///
    /// # Errors
    /// [`Status::NoChildren`].
    pub fn algorithm(&self) -> Result<Algorithm, Status> {
        match self.child {
            None => Ok(self.record.algorithm),
            Some(_) => self.record.children.ok_or(Status::NoChildren),
        }
    }

    /// The id: the key's, or one computed for its child.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let Some(child) = self.child else {
            return self.record.id;
        };
        let hash = Sha256::new()
            .chain_update(CHILD_LABEL)
            .chain_update(self.record.id.0)
            .chain_update(child.as_str())
            .finalize();
        Digits(hash.first_chunk().copied().unwrap_or_default())
    }

    /// Which record the key is, or its child's parent.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.record.tag
    }

    /// The key's state.
    #[must_use]
    pub fn state(&self) -> State {
        self.record.state
    }

    /// The version that produces.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.record.version
    }

    /// The key's own record.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        self.record
    }

    /// The secret of the primary version.
    ///
    /// # Errors
    /// As [`InUse::secret_of`].
    pub fn secret(&self) -> Result<Working<'_>, Status> {
        self.secret_of(self.record.version)
    }

    /// The secret of a version.
    ///
    /// # Errors
    /// [`Status::NoSuchVersion`]; [`Status::NoChildren`].
    pub fn secret_of(&self, version: u32) -> Result<Working<'_>, Status> {
        match self.child {
            None => self.own(version),
            Some(_) => {
                let algorithm = self.algorithm()?;
                let usage = algorithm.usages().first().ok_or(Status::WrongUsage)?;
                let role = Role {
                    algorithm,
                    usage: *usage,
                    ratchet: false,
                    children: None,
                };
                self.child_of(version, &role).map(Working::Derived)
            }
        }
    }

    /// The secret of the child in a role of its own: as a key of another usage, or a ratcheted one,
    /// it is another key, so that none serves two purposes.
    ///
    /// # Errors
    /// As [`InUse::secret_of`].
    pub fn child_as(&self, role: &Role) -> Result<Secret, Status> {
        self.child_of(self.record.version, role)
    }

    fn child_of(&self, version: u32, role: &Role) -> Result<Secret, Status> {
        let child = self.child.ok_or(Status::NoChildren)?;
        derive_child(
            self.record.algorithm,
            self.own(version)?.as_bytes(),
            role,
            child,
        )
    }

    /// The secret of a version of the key itself.
    fn own(&self, version: u32) -> Result<Working<'_>, Status> {
        let stored = self.record.secret(version).ok_or(Status::NoSuchVersion)?;
        if !self.record.ratchet {
            return Ok(Working::Stored(stored));
        }
        let number = version.to_be_bytes();
        kdf::derive_alike(stored.as_bytes(), ratchet::KEY_LABEL, &number).map(Working::Derived)
    }
}

/// What a derived key is: no two roles ever share a secret.
pub struct Role {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its usage.
    pub usage: Usage,
    /// Whether it is ratcheted.
    pub ratchet: bool,
    /// Of which algorithm the keys are that come of it, or in under it.
    pub children: Option<Algorithm>,
}

impl Role {
    /// Bytes of a role.
    pub const BYTES: usize = 4;

    /// `[algorithm]_8 || [usage]_8 || [ratchet]_8 || [children, else 0]_8`.
    #[must_use]
    pub fn bytes(&self) -> [u8; Self::BYTES] {
        [
            self.algorithm as u8,
            self.usage as u8,
            u8::from(self.ratchet),
            self.children.map_or(0, |children| children as u8),
        ]
    }
}

/// A child's secret.
///
/// ```text
/// kdf-cmac     KDF(K, "claviger child v2", role || name)                SP 800-108, L = |child|
/// hkdf-sha256  HKDF-Expand(K, "claviger child v2" || 0 || role || name, |child|)
/// role         [algorithm]_8 || [usage]_8 || [1 if ratcheted, else 0]_8 || [children, else 0]_8
/// ```
#[inline(never)]
fn derive_child(
    parent: Algorithm,
    key: &[u8],
    role: &Role,
    child: &Label,
) -> Result<Secret, Status> {
    let name = child.as_str().as_bytes();
    let mut context = heapless::Vec::<u8, { Role::BYTES + Label::MAX }>::new();
    let fits =
        context.extend_from_slice(&role.bytes()).is_ok() && context.extend_from_slice(name).is_ok();
    if !fits {
        return Err(Status::Internal);
    }
    Secret::with(role.algorithm.key_len(), |bytes| match parent {
        Algorithm::KdfCmac => kdf::derive_into(key, CHILD_LABEL, &context, bytes),
        Algorithm::HkdfSha256 => hkdf::expand(key, &[CHILD_LABEL, &[0], &context], bytes),
        _ => Err(Status::NoChildren),
    })
}
