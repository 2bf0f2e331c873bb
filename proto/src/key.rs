//! What a key is: its algorithm, what it may be used for, where it came from, its state.

use serde::{Deserialize, Serialize};

use crate::{Permission, Permissions};

/// Declares an enum of numbers and names, neither ever reused: the number is stored, the name is
/// what people and JSON use.
macro_rules! numbered {
    ($(#[$doc:meta])+ $enum:ident { $($(#[$one:meta])+ $name:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum $enum {
            $($(#[$one])+ #[serde(rename = $text)] $name = $number,)+
        }

        impl $enum {
            /// Every one, in the order of their numbers.
            pub const ALL: &'static [$enum] = &[$($enum::$name,)+];

            /// The name that people and JSON use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $($enum::$name => $text,)+
                }
            }
        }

        impl TryFrom<u8> for $enum {
            type Error = ();

            fn try_from(number: u8) -> Result<Self, ()> {
                match number {
                    $($number => Ok($enum::$name),)+
                    _ => Err(()),
                }
            }
        }
    };
}

pub(crate) use numbered;

numbered! {
    /// The mechanism that a key serves, fixed when the key is made.
    Algorithm {
        /// AEAD_AES_SIV_CMAC_512 (RFC 5297): a 64-byte key, AES-256 for MAC and cipher.
        Aes256Siv = 1, "aes-256-siv";
        /// AEAD_AES_SIV_CMAC_256 (RFC 5297): a 32-byte key, AES-128 for MAC and cipher.
        Aes128Siv = 2, "aes-128-siv";
        /// AES-CMAC (RFC 4493, NIST SP 800-38B) with a 16-byte key.
        Aes128Cmac = 3, "aes-128-cmac";
        /// AES-CMAC (NIST SP 800-38B) with a 32-byte key.
        Aes256Cmac = 4, "aes-256-cmac";
        /// HMAC-SHA-256 (RFC 2104, FIPS 198-1): 32 bytes when generated, 16 to 64 when imported.
        HmacSha256 = 5, "hmac-sha256";
        /// ECDSA over P-256 (FIPS 186-5) with hedged deterministic nonces (RFC 6979).
        EcdsaP256 = 6, "ecdsa-p256";
        /// Ed25519 (RFC 8032).
        Ed25519 = 7, "ed25519";
        /// ECDSA over P-384 (FIPS 186-5) with hedged deterministic nonces (RFC 6979).
        EcdsaP384 = 8, "ecdsa-p384";
        /// AES-128-GCM (NIST SP 800-38D), 96-bit nonces drawn by the TEE, 128-bit tags: for
        /// protocols that need it; data at rest are better sealed.
        Aes128Gcm = 9, "aes-128-gcm";
        /// AES-256-GCM, as [`Algorithm::Aes128Gcm`].
        Aes256Gcm = 10, "aes-256-gcm";
        /// AES-128-CCM (NIST SP 800-38C, RFC 9053's AES-CCM-16-128-128): 104-bit nonces drawn by
        /// the TEE, 128-bit tags, messages up to 65,535 bytes.
        Aes128Ccm = 11, "aes-128-ccm";
        /// AES-256-CCM, as [`Algorithm::Aes128Ccm`].
        Aes256Ccm = 12, "aes-256-ccm";
        /// ECDH over P-256 (NIST SP 800-56A Rev. 3).
        EcdhP256 = 13, "ecdh-p256";
        /// X25519 (RFC 7748).
        X25519 = 14, "x25519";
        /// ML-KEM-768 (FIPS 203), kept as its 64-byte seed d || z. Experimental: its crate has not
        /// been audited.
        MlKem768 = 15, "ml-kem-768";
        /// X-Wing (draft-connolly-cfrg-xwing-kem), kept as its 32-byte seed. Experimental.
        XWing = 16, "x-wing";
        /// Key derivation by NIST SP 800-108r1 in counter mode with AES-256-CMAC.
        KdfCmac = 17, "kdf-cmac";
        /// Key derivation by HKDF-Expand with SHA-256 (RFC 5869).
        HkdfSha256 = 18, "hkdf-sha256";
        /// Unwrapping by AES-128 Key Wrap, without and with padding (RFC 3394, RFC 5649).
        Aes128Kw = 19, "aes-128-kw";
        /// Unwrapping by AES-256 Key Wrap, without and with padding (RFC 3394, RFC 5649).
        Aes256Kw = 20, "aes-256-kw";
    }
}

impl Algorithm {
    /// Bytes of a generated secret.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Algorithm::Aes256Siv | Algorithm::MlKem768 => 64,
            Algorithm::EcdsaP384 => 48,
            Algorithm::Aes128Cmac
            | Algorithm::Aes128Gcm
            | Algorithm::Aes128Ccm
            | Algorithm::Aes128Kw => 16,
            Algorithm::Aes128Siv
            | Algorithm::Aes256Cmac
            | Algorithm::HmacSha256
            | Algorithm::EcdsaP256
            | Algorithm::Ed25519
            | Algorithm::Aes256Gcm
            | Algorithm::Aes256Ccm
            | Algorithm::EcdhP256
            | Algorithm::X25519
            | Algorithm::XWing
            | Algorithm::KdfCmac
            | Algorithm::HkdfSha256
            | Algorithm::Aes256Kw => 32,
        }
    }

    /// Whether an imported secret may have this many bytes.
    #[must_use]
    pub const fn takes_key_len(self, len: usize) -> bool {
        match self {
            // At least 112 bits of strength (NIST SP 800-107), at most one block of SHA-256.
            Algorithm::HmacSha256 => len >= 16 && len <= 64,
            _ => len == self.key_len(),
        }
    }

    /// The usages that this algorithm can serve; the first is the default.
    #[must_use]
    pub const fn usages(self) -> &'static [Usage] {
        match self {
            Algorithm::Aes256Siv | Algorithm::Aes128Siv => &[Usage::Seal],
            Algorithm::Aes128Cmac | Algorithm::Aes256Cmac => &[Usage::Mac, Usage::Challenge],
            Algorithm::HmacSha256 => &[Usage::Mac],
            Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::Ed25519 => &[Usage::Sign],
            Algorithm::Aes128Gcm
            | Algorithm::Aes256Gcm
            | Algorithm::Aes128Ccm
            | Algorithm::Aes256Ccm => &[Usage::Encrypt],
            Algorithm::EcdhP256 | Algorithm::X25519 => &[Usage::Agree],
            Algorithm::MlKem768 | Algorithm::XWing => &[Usage::Decapsulate],
            Algorithm::KdfCmac | Algorithm::HkdfSha256 => &[Usage::Derive],
            Algorithm::Aes128Kw | Algorithm::Aes256Kw => &[Usage::Unwrap],
        }
    }

    /// Whether its keys are pairs, with a public half. Of the others there is a check value.
    #[must_use]
    pub const fn has_public_half(self) -> bool {
        match self {
            Algorithm::EcdsaP256
            | Algorithm::Ed25519
            | Algorithm::EcdsaP384
            | Algorithm::EcdhP256
            | Algorithm::X25519
            | Algorithm::MlKem768
            | Algorithm::XWing => true,
            Algorithm::Aes256Siv
            | Algorithm::Aes128Siv
            | Algorithm::Aes128Cmac
            | Algorithm::Aes256Cmac
            | Algorithm::HmacSha256
            | Algorithm::Aes128Gcm
            | Algorithm::Aes256Gcm
            | Algorithm::Aes128Ccm
            | Algorithm::Aes256Ccm
            | Algorithm::KdfCmac
            | Algorithm::HkdfSha256
            | Algorithm::Aes128Kw
            | Algorithm::Aes256Kw => false,
        }
    }

    /// Whether a key of this algorithm can be derived: its secret is any bytes of its length.
    #[must_use]
    pub const fn is_derivable(self) -> bool {
        !matches!(
            self,
            Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdhP256
        )
    }

    /// How often one version of such a key may encrypt, where its random nonces bound it
    /// (NIST SP 800-38D, section 8.3).
    #[must_use]
    pub const fn use_limit(self) -> Option<u64> {
        match self {
            Algorithm::Aes128Gcm
            | Algorithm::Aes256Gcm
            | Algorithm::Aes128Ccm
            | Algorithm::Aes256Ccm => Some(1 << 32),
            _ => None,
        }
    }

    /// How often one version of such a key, or its children of that algorithm together, may encrypt.
    #[must_use]
    pub fn bound_of(self, children: Option<Algorithm>) -> Option<u64> {
        let derives = self.usages().contains(&Usage::Derive);
        let children = children.filter(|_| derives);
        self.use_limit()
            .or_else(|| children.and_then(Algorithm::use_limit))
    }
}

numbered! {
    /// The one family of uses that a key serves, fixed when the key is made.
    Usage {
        /// `seal`, `unseal` and `reseal`.
        Seal = 1, "seal";
        /// `mac` and `verify-mac`, whole or streamed.
        Mac = 2, "mac";
        /// `sign` and `public-key`.
        Sign = 3, "sign";
        /// `challenge`, `respond` and `confirm`.
        Challenge = 4, "challenge";
        /// `encrypt` and `decrypt`.
        Encrypt = 5, "encrypt";
        /// A source of `combine` together with a peer's public key; `public-key`.
        Agree = 6, "agree";
        /// A source of `combine` together with a KEM ciphertext; `public-key`.
        Decapsulate = 7, "decapsulate";
        /// `derive`, a source of `combine`, and the use of child keys.
        Derive = 8, "derive";
        /// `unwrap`.
        Unwrap = 9, "unwrap";
    }
}

impl Usage {
    /// Whether keys of this usage can be ratcheted: both sides can compute the next version, and
    /// nothing older has to be opened again.
    #[must_use]
    pub const fn is_ratchetable(self) -> bool {
        matches!(self, Usage::Mac | Usage::Derive)
    }

    /// What a key of this usage can permit.
    #[must_use]
    pub const fn permissions(self) -> Permissions {
        match self {
            Usage::Seal => Permissions::of(&[Permission::Seal, Permission::Unseal]),
            Usage::Mac => Permissions::of(&[Permission::Mac, Permission::VerifyMac]),
            Usage::Sign => Permissions::of(&[Permission::Sign]),
            Usage::Challenge => Permissions::of(&[Permission::Challenge]),
            Usage::Encrypt => Permissions::of(&[Permission::Encrypt, Permission::Decrypt]),
            Usage::Agree => Permissions::of(&[Permission::Agree]),
            Usage::Decapsulate => Permissions::of(&[Permission::Decapsulate]),
            Usage::Derive => Permissions::of(&[Permission::Derive]),
            Usage::Unwrap => Permissions::of(&[Permission::Unwrap]),
        }
    }
}

numbered! {
    /// How a key came to be here; never changes.
    Origin {
        /// Made by the trusted application; never outside it.
        Generated = 1, "generated";
        /// Given in the clear by Linux before the vault was locked.
        Imported = 2, "imported";
        /// Derived in the TEE from other keys, a key agreement or a key encapsulation.
        Derived = 3, "derived";
        /// Came encrypted: wrapped under a key of the vault, or in shares for this device.
        Received = 4, "received";
        /// Put together of components that custodians entered (split knowledge).
        Assembled = 5, "assembled";
    }
}

numbered! {
    /// The state of a key (NIST SP 800-57 Part 1 Rev. 5, section 7).
    State {
        /// Made, and not yet to be used for anything.
        PreActivation = 1, "pre-activation";
        /// May be used for all that its usage names.
        Active = 2, "active";
        /// Set aside: processes what it protected before, protects nothing new, may come back.
        Suspended = 3, "suspended";
        /// At its end: processes what it protected before, protects nothing new.
        Deactivated = 4, "deactivated";
        /// Known or suspected to be known to others: its owner alone may still process with it.
        Compromised = 5, "compromised";
        /// Its secret is gone; what is known about it remains until the key is deleted.
        Destroyed = 6, "destroyed";
    }
}

impl State {
    /// Whether a key goes from this state to the `next` one: the transitions of NIST SP 800-57
    /// Part 1 Rev. 5, section 7.
    #[must_use]
    pub const fn may_become(self, next: State) -> bool {
        use State::{Active, Compromised, Deactivated, Destroyed, PreActivation, Suspended};
        matches!(
            (self, next),
            (PreActivation, Active | Compromised | Destroyed)
                | (Active, Suspended | Deactivated | Compromised | Destroyed)
                | (Suspended, Active | Deactivated | Compromised | Destroyed)
                | (Deactivated, Compromised | Destroyed)
                | (Compromised, Destroyed)
        )
    }

    /// Whether a key in this state serves this permission to its owner, or to `others`.
    #[must_use]
    pub const fn serves(self, permission: Permission, others: bool) -> bool {
        match self {
            State::Active => true,
            State::Suspended | State::Deactivated => !permission.produces(),
            State::Compromised => !permission.produces() && !others,
            State::PreActivation | State::Destroyed => false,
        }
    }
}

numbered! {
    /// In which form a key's secret may leave, encrypted.
    Export {
        /// In none.
        Nothing = 0, "nothing";
        /// As a wrapped key of this device's trusted application.
        Wrapped = 1, "wrapped";
        /// In shares for the recipients that its policy fixed.
        Shares = 2, "shares";
    }
}

numbered! {
    /// Where a key lives.
    Home {
        /// In the vault, inside secure storage.
        Vault = 1, "vault";
        /// Nowhere: Linux keeps it, encrypted and bound to its attributes, owner and device.
        Wrapped = 2, "wrapped";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_are_those_of_sp_800_57() {
        let allowed: std::vec::Vec<(u8, u8)> = State::ALL
            .iter()
            .flat_map(|from| State::ALL.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| from.may_become(*to))
            .map(|(from, to)| (from as u8, to as u8))
            .collect();
        // Figure 5's arrows but the one into pre-activation: 2 to 15.
        let expected = [
            (1, 2),
            (1, 5),
            (1, 6),
            (2, 3),
            (2, 4),
            (2, 5),
            (2, 6),
            (3, 2),
            (3, 4),
            (3, 5),
            (3, 6),
            (4, 5),
            (4, 6),
            (5, 6),
        ];
        assert_eq!(allowed, expected);
    }

    #[test]
    fn every_algorithm_serves_a_usage() {
        for algorithm in Algorithm::ALL {
            assert!(!algorithm.usages().is_empty(), "{algorithm:?}");
            assert!(
                algorithm.takes_key_len(algorithm.key_len()),
                "{algorithm:?}"
            );
        }
    }
}
