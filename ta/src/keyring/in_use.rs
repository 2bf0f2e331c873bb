//! A key that a call may use: itself or a child, one version of it.

use claviger_proto::{Algorithm, Digits, KeyId, Label, State, Status, ratchet};
use sha2::{Digest, Sha256};

use crate::{
    crypto::{Secret, hkdf, kdf},
    vault::KeyRecord,
};

/// The label that children are derived under.
const CHILD_LABEL: &[u8] = b"claviger child v1";

/// A key that a call may use.
pub struct InUse<'a> {
    pub(super) record: &'a KeyRecord,
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
        let stored = self.record.secret(version).ok_or(Status::NoSuchVersion)?;
        let own = if self.record.ratchet {
            Working::Derived(kdf::derive_alike(
                stored.as_bytes(),
                ratchet::KEY_LABEL,
                &version.to_be_bytes(),
            )?)
        } else {
            Working::Stored(stored)
        };
        match self.child {
            None => Ok(own),
            Some(child) => {
                let algorithm = self.algorithm()?;
                derive_child(self.record.algorithm, own.as_bytes(), algorithm, child)
                    .map(Working::Derived)
            }
        }
    }
}

/// A child's secret.
///
/// ```text
/// kdf-cmac     KDF(K, "claviger child v1", [algorithm]_8 || name)       SP 800-108, L = |child|
/// hkdf-sha256  HKDF-Expand(K, "claviger child v1" || 0 || [algorithm]_8 || name, |child|)
/// ```
#[inline(never)]
fn derive_child(
    parent: Algorithm,
    key: &[u8],
    algorithm: Algorithm,
    child: &Label,
) -> Result<Secret, Status> {
    let number = [algorithm as u8];
    let name = child.as_str().as_bytes();
    let mut context = heapless::Vec::<u8, { 1 + Label::MAX }>::new();
    let fits =
        context.extend_from_slice(&number).is_ok() && context.extend_from_slice(name).is_ok();
    if !fits {
        return Err(Status::Internal);
    }
    Secret::with(algorithm.key_len(), |bytes| match parent {
        Algorithm::KdfCmac => kdf::derive_into(key, CHILD_LABEL, &context, bytes),
        Algorithm::HkdfSha256 => hkdf::expand(key, &[CHILD_LABEL, &[0], &context], bytes),
        _ => Err(Status::NoChildren),
    })
}
