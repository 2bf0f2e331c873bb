//! Derivation (NIST SP 800-108r1, RFC 5869), and children of derivation keys.

use aes::{Aes128, Aes256};
use claviger_proto::{Algorithm, Usage};
use cmac::{Cmac, digest::common::KeySizeUser, digest::consts::U64};
use hkdf::Hkdf;
use kbkdf::{Counter, Kbkdf, Params};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{AuthorityError, label};

/// The label that children are derived under.
const CHILD_LABEL: &[u8] = b"claviger child v2";

/// What a derived key is: no two roles share a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// That of a key with the algorithm's first usage, not ratcheted, without children: a child
    /// that [`crate::Key::child`] uses.
    #[must_use]
    pub fn of(algorithm: Algorithm) -> Role {
        let usages = algorithm.usages();
        Role {
            algorithm,
            // Every algorithm has one.
            usage: usages.first().copied().unwrap_or(Usage::Derive),
            ratchet: false,
            children: None,
        }
    }

    pub(super) fn bytes(self) -> [u8; 4] {
        [
            self.algorithm as u8,
            self.usage as u8,
            u8::from(self.ratchet),
            self.children.map_or(0, |children| children as u8),
        ]
    }
}

/// The secret of a child of a derivation key, as [`crate::Key::child`] uses it on the device, or
/// [`crate::Creation::derive`] makes it a key.
///
/// ```text
/// kdf-cmac     KDF(K, "claviger child v2", role || name)                SP 800-108, L = |child|
/// hkdf-sha256  HKDF-Expand(K, "claviger child v2" || 0 || role || name, |child|)
/// role         [algorithm]_8 || [usage]_8 || [1 if ratcheted, else 0]_8 || [children, else 0]_8
/// ```
///
/// `parent` is the algorithm of the derivation key `secret`. The KDF is that of
/// [`claviger_proto::ratchet`]. Of a ratcheted parent, K is
/// [`Ratchet::working_key`](super::Ratchet::working_key).
///
/// ```
/// use claviger::{Algorithm, Client, authority::{self, Role}};
/// # #[cfg(feature = "emulator")] {
/// # use claviger::transport::emulator::Emulator;
/// # let client = Client::builder().emulator(Emulator::memory()).open()?;
/// let secret = [7; 32];
/// let fleet = client
///     .create("fleet")
///     .algorithm(Algorithm::KdfCmac)
///     .children(Algorithm::Aes128Cmac)
///     .export_derived(true)
///     .import(&secret)?;
/// let role = Role::of(Algorithm::Aes128Cmac);
/// let here = authority::child(Algorithm::KdfCmac, &secret, role, "line/3")?;
/// assert_eq!(*here, *fleet.child("line/3")?.export_child()?);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AuthorityError::Algorithm`] if keys of `parent` derive nothing or those of the role are not
/// derived; [`AuthorityError::KeyLength`]; [`AuthorityError::Name`].
pub fn child(
    parent: Algorithm,
    secret: &[u8],
    role: Role,
    name: &str,
) -> Result<Zeroizing<Vec<u8>>, AuthorityError> {
    let name = label(name)?;
    let length = role.algorithm.key_len();
    if !role.algorithm.is_derivable() {
        return Err(AuthorityError::Algorithm(role.algorithm));
    }
    let key: &[u8; 32] = secret
        .try_into()
        .map_err(|_| AuthorityError::KeyLength(secret.len()))?;
    let context = [&role.bytes(), name.as_str().as_bytes()].concat();
    let mut derived = Zeroizing::new(vec![0; length]);
    match (parent, length) {
        (Algorithm::KdfCmac, 16) => {
            derived.copy_from_slice(&*from_256_to_16(key, CHILD_LABEL, &context));
        }
        (Algorithm::KdfCmac, 32) => {
            derived.copy_from_slice(&*from_256_to_32(key, CHILD_LABEL, &context));
        }
        (Algorithm::KdfCmac, 64) => {
            derived.copy_from_slice(&*from_256_to_64(key, CHILD_LABEL, &context));
        }
        (Algorithm::HkdfSha256, _) => {
            // 32 bytes are a pseudorandom key, and 64 far from what can be derived.
            Hkdf::<Sha256>::from_prk(key)
                .map_err(|_| AuthorityError::KeyLength(key.len()))?
                .expand_multi_info(&[CHILD_LABEL, &[0], &context], &mut derived)
                .map_err(|_| AuthorityError::Limit)?;
        }
        _ => return Err(AuthorityError::Algorithm(parent)),
    }
    Ok(derived)
}

/// 64 bytes, for kbkdf, which has lengths as types.
struct Bytes64;

impl KeySizeUser for Bytes64 {
    type KeySize = U64;
}

/// `K(i) = PRF(K, [i]_32 || label || 0x00 || context || [L]_32)`, for one length each.
macro_rules! kdf {
    ($($name:ident: $key:literal by $cipher:ty => $length:literal as $size:ty;)+) => {
        $(pub(super) fn $name(
            key: &[u8; $key],
            label: &[u8],
            context: &[u8],
        ) -> Zeroizing<[u8; $length]> {
            let params = Params::builder(key).with_label(label).with_context(context).build();
            let derived = Counter::<Cmac<$cipher>, $size>::default().derive(params);
            // A few blocks of the PRF: far from what SP 800-108 allows.
            Zeroizing::new(derived.expect("so few bytes can be derived").into())
        })+
    };
}

kdf! {
    from_128_to_16: 16 by Aes128 => 16 as Aes128;
    from_128_to_32: 16 by Aes128 => 32 as Aes256;
    from_256_to_16: 32 by Aes256 => 16 as Aes128;
    from_256_to_32: 32 by Aes256 => 32 as Aes256;
    from_256_to_64: 32 by Aes256 => 64 as Bytes64;
}
