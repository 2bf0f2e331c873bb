//! What a key is: its algorithm, what it may be used for, where it came from, its state.

use serde::{Deserialize, Serialize};

/// The cipher, MAC or signature scheme that a key serves, fixed when the key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[repr(u8)]
pub enum Algorithm {
    /// AEAD_AES_SIV_CMAC_512 (RFC 5297): a 64-byte key, AES-256 for MAC and cipher.
    #[serde(rename = "aes-256-siv")]
    Aes256Siv = 1,
    /// AEAD_AES_SIV_CMAC_256 (RFC 5297): a 32-byte key, AES-128 for MAC and cipher.
    #[serde(rename = "aes-128-siv")]
    Aes128Siv = 2,
    /// AES-CMAC (RFC 4493, NIST SP 800-38B) with a 16-byte key.
    #[serde(rename = "aes-128-cmac")]
    Aes128Cmac = 3,
    /// AES-CMAC (NIST SP 800-38B) with a 32-byte key.
    #[serde(rename = "aes-256-cmac")]
    Aes256Cmac = 4,
    /// HMAC-SHA-256 (RFC 2104, FIPS 198-1): 32 bytes when generated, 16 to 64 when imported.
    #[serde(rename = "hmac-sha256")]
    HmacSha256 = 5,
    /// ECDSA over P-256 (FIPS 186-5) with hedged deterministic nonces (RFC 6979).
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256 = 6,
    /// Ed25519 (RFC 8032).
    #[serde(rename = "ed25519")]
    Ed25519 = 7,
}

impl Algorithm {
    /// Every algorithm, in the order of their numbers.
    pub const ALL: &'static [Algorithm] = &[
        Algorithm::Aes256Siv,
        Algorithm::Aes128Siv,
        Algorithm::Aes128Cmac,
        Algorithm::Aes256Cmac,
        Algorithm::HmacSha256,
        Algorithm::EcdsaP256,
        Algorithm::Ed25519,
    ];

    /// The name that people and JSON use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Aes256Siv => "aes-256-siv",
            Algorithm::Aes128Siv => "aes-128-siv",
            Algorithm::Aes128Cmac => "aes-128-cmac",
            Algorithm::Aes256Cmac => "aes-256-cmac",
            Algorithm::HmacSha256 => "hmac-sha256",
            Algorithm::EcdsaP256 => "ecdsa-p256",
            Algorithm::Ed25519 => "ed25519",
        }
    }

    /// Bytes of a generated secret.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Algorithm::Aes256Siv => 64,
            Algorithm::Aes128Cmac => 16,
            Algorithm::Aes128Siv
            | Algorithm::Aes256Cmac
            | Algorithm::HmacSha256
            | Algorithm::EcdsaP256
            | Algorithm::Ed25519 => 32,
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
            Algorithm::EcdsaP256 | Algorithm::Ed25519 => &[Usage::Sign],
        }
    }
}

impl TryFrom<u8> for Algorithm {
    type Error = ();

    fn try_from(number: u8) -> Result<Self, ()> {
        find(Algorithm::ALL, |algorithm| *algorithm as u8 == number)
    }
}

/// The one family of uses that a key serves, fixed when the key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[repr(u8)]
pub enum Usage {
    /// `seal` and `unseal`.
    Seal = 1,
    /// `mac` and `verify-mac`, whole or streamed.
    Mac = 2,
    /// `sign` and `public-key`.
    Sign = 3,
    /// `challenge`, `respond` and `confirm`.
    Challenge = 4,
}

impl Usage {
    /// Every usage, in the order of their numbers.
    pub const ALL: &'static [Usage] = &[Usage::Seal, Usage::Mac, Usage::Sign, Usage::Challenge];

    /// The name that people and JSON use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Usage::Seal => "seal",
            Usage::Mac => "mac",
            Usage::Sign => "sign",
            Usage::Challenge => "challenge",
        }
    }
}

impl TryFrom<u8> for Usage {
    type Error = ();

    fn try_from(number: u8) -> Result<Self, ()> {
        find(Usage::ALL, |usage| *usage as u8 == number)
    }
}

/// How a key came into the vault; never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[repr(u8)]
pub enum Origin {
    /// Made by the trusted application; never outside it.
    Generated = 1,
    /// Given in the clear by Linux before the vault was locked.
    Imported = 2,
}

impl Origin {
    /// Every origin, in the order of their numbers.
    pub const ALL: &'static [Origin] = &[Origin::Generated, Origin::Imported];

    /// The name that people and JSON use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Generated => "generated",
            Origin::Imported => "imported",
        }
    }
}

impl TryFrom<u8> for Origin {
    type Error = ();

    fn try_from(number: u8) -> Result<Self, ()> {
        find(Origin::ALL, |origin| *origin as u8 == number)
    }
}

/// The state of a key (NIST SP 800-57 Part 1 Rev. 5, section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[repr(u8)]
pub enum State {
    /// May be used for all that its usage names.
    Active = 2,
}

impl State {
    /// Every state, in the order of their numbers.
    pub const ALL: &'static [State] = &[State::Active];

    /// The name that people and JSON use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Active => "active",
        }
    }
}

impl TryFrom<u8> for State {
    type Error = ();

    fn try_from(number: u8) -> Result<Self, ()> {
        find(State::ALL, |state| *state as u8 == number)
    }
}

fn find<T: Copy>(all: &[T], wanted: impl Fn(&T) -> bool) -> Result<T, ()> {
    all.iter().copied().find(wanted).ok_or(())
}
