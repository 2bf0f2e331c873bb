//! Whoever holds a share: software only, its private key in this process's memory.

use claviger_proto::{
    Algorithm, Identity,
    shares::{HASH, ShareSet, committed, restore_info, share_info},
};
use p256::pkcs8::{LineEnding, der::pem};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Manifest, Request, SealedShare, ShareError, hpke};
use crate::{
    PublicKey,
    key_file::{Format, PrivateKey},
};

const PEM_LABEL: &str = "PRIVATE KEY";
/// All of a PrivateKeyInfo of X25519 before the 32 bytes (RFC 8410, section 7).
const X25519_PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
];

/// A holder's key pair (X25519).
pub struct Holder {
    private: Zeroizing<[u8; 32]>,
}

impl Holder {
    /// A new key pair.
    ///
    /// # Errors
    /// [`ShareError::Random`].
    pub fn generate() -> Result<Holder, ShareError> {
        Ok(Holder {
            private: hpke::random()?,
        })
    }

    /// The private key of RFC 7748.
    ///
    /// # Errors
    /// [`ShareError::NotAKey`] unless there are 32 bytes.
    pub fn from_bytes(private: &[u8]) -> Result<Holder, ShareError> {
        let private = private.try_into().map_err(|_| ShareError::NotAKey)?;
        Ok(Holder {
            private: Zeroizing::new(private),
        })
    }

    /// A private key as PKCS #8 (RFC 8410) in PEM, as `openssl genpkey -algorithm x25519` writes
    /// it.
    ///
    /// # Errors
    /// [`ShareError::NotAKey`].
    pub fn from_pem(text: &str) -> Result<Holder, ShareError> {
        let key = PrivateKey::read(
            text.as_bytes(),
            Some(Format::Pem),
            Some(Algorithm::X25519),
            None,
        );
        Holder::from_bytes(key.map_err(|_| ShareError::NotAKey)?.secret())
    }

    /// The private key as PKCS #8 in PEM: a secret.
    ///
    /// # Errors
    /// [`ShareError::NotAKey`] only if the encoder contradicts itself.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, ShareError> {
        let der = Zeroizing::new([&X25519_PKCS8[..], self.private.as_slice()].concat());
        pem::encode_string(PEM_LABEL, LineEnding::LF, &der)
            .map(Zeroizing::new)
            .map_err(|_| ShareError::NotAKey)
    }

    /// The public key, for [`Creation::export_shares`] and [`Key::share`].
    ///
    /// [`Creation::export_shares`]: crate::Creation::export_shares
    /// [`Key::share`]: crate::Key::share
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey::x25519(hpke::public_key(&self.private))
    }

    /// Opens this holder's share and checks that it is the one that the device made.
    ///
    /// # Errors
    /// [`ShareError::NotAuthentic`], also under any other manifest than the one it was made with.
    pub fn open(&self, manifest: &Manifest, share: &SealedShare) -> Result<Share, ShareError> {
        let content = manifest.content();
        let (set, index) = (content.set, share.index);
        let expected = content.commitment(index).ok_or(ShareError::NotAuthentic)?;
        let text = hpke::open(
            &self.private,
            &share_info(&manifest.hash, index),
            &share.sealed,
        )?;
        let commitment = Sha256::new()
            .chain_update(committed(&manifest.attributes, index))
            .chain_update(&text)
            .finalize();
        if expected.0 != *commitment {
            return Err(ShareError::NotAuthentic);
        }
        Ok(Share {
            set,
            manifest: manifest.hash,
            index,
            text,
        })
    }
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holder").finish_non_exhaustive()
    }
}

/// A share in its holder's hands, checked.
pub struct Share {
    set: ShareSet,
    manifest: [u8; HASH],
    index: u8,
    text: Zeroizing<Vec<u8>>,
}

impl Share {
    /// Which share it is, from 1.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Encrypts it to the device that asks for it, where the key is to be this `owner`'s: whoever
    /// holds a share knows to whom the key is to come back, and asks no request for it.
    ///
    /// # Errors
    /// [`ShareError::OtherSet`], [`ShareError::OtherManifest`], [`ShareError::OtherOwner`], all
    /// before anything is encrypted; [`ShareError::Random`]; [`ShareError::NotARequest`] if the
    /// request has no public key that can be encrypted to.
    pub fn encrypt_to(
        &self,
        request: &Request,
        owner: Identity,
    ) -> Result<SealedShare, ShareError> {
        let content = request.content();
        if content.set != self.set {
            return Err(ShareError::OtherSet);
        }
        if content.manifest != self.manifest {
            return Err(ShareError::OtherManifest);
        }
        if content.owner != owner {
            return Err(ShareError::OtherOwner);
        }
        let info = restore_info(&self.manifest, &request.hash, self.index);
        Ok(SealedShare {
            index: self.index,
            sealed: hpke::seal(&content.public_key, &info, &self.text)?,
        })
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share")
            .field("set", &self.set)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use claviger_proto::Algorithm;

    use super::*;

    // RFC 8410 has no private key of X25519; OpenSSL 3.0.19 made this one:
    // openssl genpkey -algorithm x25519; openssl pkey -pubout
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VuBCIEIMB3JNGcYsE3DmOQX3lETH5D3x1B6t+SXJbGtWUMjO9l
-----END PRIVATE KEY-----
";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEAprVGVDhtj7sNoiJf58ADyZoOO1WZ9R7MUNhYY4F34kI=
-----END PUBLIC KEY-----
";

    #[test]
    fn keys_are_those_of_openssl() {
        let holder = Holder::from_pem(PRIVATE).unwrap();
        assert_eq!(*holder.to_pem().unwrap(), PRIVATE);
        let public = PublicKey::from_pem(Algorithm::X25519, PUBLIC).unwrap();
        assert_eq!(holder.public_key(), public);
        for other in [PUBLIC, "", &PRIVATE.replace("MC4", "MC5")] {
            assert_eq!(Holder::from_pem(other).err(), Some(ShareError::NotAKey));
        }
        let generated = Holder::generate().unwrap();
        let again = Holder::from_pem(&generated.to_pem().unwrap()).unwrap();
        assert_eq!(again.public_key(), generated.public_key());
        assert_ne!(generated.public_key(), holder.public_key());
    }
}
