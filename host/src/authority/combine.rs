//! Keys of several sources.

use claviger_proto::limits;
use hkdf::{Hkdf, HkdfExtract};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{AuthorityError, Role};
use crate::PublicKey;

const LABEL: &[u8] = b"claviger combine v3";

/// One source of a combined key. The secrets are what the two sides share.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Source<'a> {
    /// A derivation key, or a child of one.
    Key {
        /// What the device calls it: its label, or `label#child`.
        name: &'a str,
        /// Its secret, or the [`child`](super::child)'s.
        secret: &'a [u8],
    },
    /// A key agreement.
    Agreement {
        /// The public keys of both ends, in any order.
        ends: [&'a PublicKey; 2],
        /// The shared secret: the x coordinate of ECDH, the output of X25519.
        secret: &'a [u8],
    },
    /// A key encapsulation.
    Kem {
        /// The ciphertext that went from one side to the other.
        ciphertext: &'a [u8],
        /// The shared secret.
        secret: &'a [u8],
    },
}

/// A key of one or more sources, as [`crate::Creation::combine`] computes it on the device (NIST SP
/// 800-56C Rev. 2, two-step; SP 800-133 Rev. 2, section 6.3):
///
/// ```text
/// Z      = S_1 || ... || S_n                       the sources' secrets
/// out    = HKDF-Expand(HMAC-SHA-256(salt, Z), fixed, L)                  as RFC 5869
/// fixed  = "claviger combine v3" || [n]_8 || source_1 || ... || source_n
///          || role || [|salt|]_16 || [|info|]_16 || info || [L in bits]_32
/// role   = that of the new key, as of a [`child`](super::child); or 4 zeros
/// source = [1]_8 || [|name|]_8 || name             a key
///        | [2]_8 || SHA-256(P || Q)                an agreement: the public keys of both ends, the
///                                                  lesser first, in the form of [`PublicKey::raw`]
///        | [3]_8 || SHA-256(ciphertext)            a KEM, at both ends
/// ```
///
/// `role` is what the key is on the device, `None` for bytes that leave it
/// ([`crate::Combination::export`]); L is `length`, for a key that of its algorithm.
///
/// ```
/// use claviger::{Algorithm, Client, authority::{self, Source}};
/// # #[cfg(feature = "emulator")] {
/// # use claviger::transport::emulator::Emulator;
/// # let client = Client::builder().emulator(Emulator::memory()).open()?;
/// let secret = [7; 32];
/// let fleet = client
///     .create("fleet")
///     .algorithm(Algorithm::HkdfSha256)
///     .export_derived(true)
///     .import(&secret)?;
/// let device = client.combination().key(&fleet).info(b"v1").export(16)?;
/// let name = "fleet";
/// let secret = &secret;
/// let here = authority::combine(&[Source::Key { name, secret }], b"", b"v1", None, 16)?;
/// assert_eq!(device.bytes, here);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AuthorityError::Limit`] where the device would refuse.
pub fn combine(
    sources: &[Source<'_>],
    salt: &[u8],
    info: &[u8],
    role: Option<Role>,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, AuthorityError> {
    let fits = (1..=limits::SOURCES).contains(&sources.len())
        && salt.len() <= limits::INFO
        && info.len() <= limits::INFO
        && (1..=limits::DERIVED).contains(&length);
    if !fits {
        return Err(AuthorityError::Limit);
    }
    // Bounded above, so none of these is cut.
    let mut fixed = [LABEL, &[sources.len() as u8]].concat();
    let mut extraction = HkdfExtract::<Sha256>::new(Some(salt));
    for source in sources {
        extraction.input_ikm(source.secret());
        source.bind(&mut fixed)?;
    }
    fixed.extend(role.map_or([0; 4], Role::bytes));
    fixed.extend((salt.len() as u16).to_be_bytes());
    fixed.extend((info.len() as u16).to_be_bytes());
    fixed.extend(info);
    fixed.extend((8 * length as u32).to_be_bytes());
    let (mut extracted, _) = extraction.finalize();
    let prk: Zeroizing<[u8; 32]> = Zeroizing::new(extracted.into());
    extracted.as_mut_slice().zeroize();
    let mut out = Zeroizing::new(vec![0; length]);
    Hkdf::<Sha256>::from_prk(&*prk)
        .map_err(|_| AuthorityError::Limit)?
        .expand(&fixed, &mut out)
        .map_err(|_| AuthorityError::Limit)?;
    Ok(out)
}

impl Source<'_> {
    fn secret(&self) -> &[u8] {
        match self {
            Source::Key { secret, .. }
            | Source::Agreement { secret, .. }
            | Source::Kem { secret, .. } => secret,
        }
    }

    /// Appends `source`.
    fn bind(&self, fixed: &mut Vec<u8>) -> Result<(), AuthorityError> {
        match self {
            Source::Key { name, .. } => {
                let length = u8::try_from(name.len()).map_err(|_| AuthorityError::Limit)?;
                fixed.extend([1, length]);
                fixed.extend(name.as_bytes());
            }
            Source::Agreement { ends, .. } => {
                let mut ends = ends.map(PublicKey::raw);
                ends.sort();
                fixed.push(2);
                fixed.extend(Sha256::digest(ends.concat()));
            }
            Source::Kem { ciphertext, .. } => {
                fixed.push(3);
                fixed.extend(Sha256::digest(ciphertext));
            }
        }
        Ok(())
    }
}
