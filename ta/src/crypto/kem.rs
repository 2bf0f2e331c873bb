//! Key encapsulation: a shared secret for whoever holds a private key, also against quantum
//! computers.
//!
//! The private key is kept as its seed; the decapsulation key is computed from it at each use.
//! Public keys and ciphertexts go through the caller's arrays, which keeps them from being copied
//! over the stack.

/// One module for each mechanism, so that every length is in the types and none's stack weighs on
/// another's.
macro_rules! kem {
    (
        $(#[$doc:meta])*
        $name:ident of $library:ident: $decapsulation:ident, $encapsulation:ident,
        seed $seed:literal, randomness $randomness:literal, public $public:literal, ciphertext $ciphertext:literal
    ) => {
        $(#[$doc])*
        pub mod $name {
            use ::$library::{
                $decapsulation, $encapsulation, Decapsulate, KeyExport, KeyInit, TryKeyInit,
                kem::Decapsulator,
            };
            use claviger_proto::Status;
            use zeroize::{Zeroize, Zeroizing};

            use crate::platform::{Platform, random};

            #[doc = concat!("Bytes of a private key: ", $seed, ".")]
            pub const SEED: usize = $seed;
            #[doc = concat!("Bytes of a public key: ", $public, ".")]
            pub const PUBLIC: usize = $public;
            #[doc = concat!("Bytes of a ciphertext: ", $ciphertext, ".")]
            pub const CIPHERTEXT: usize = $ciphertext;

            /// The public key, written to `public`.
            ///
            /// # Errors
            /// [`Status::Internal`] if the seed has not [`SEED`] bytes.
            #[inline(never)]
            pub fn public_key(seed: &[u8], public: &mut [u8; PUBLIC]) -> Result<(), Status> {
                let key = key(seed)?;
                *public = Decapsulator::encapsulation_key(&key).to_bytes().into();
                Ok(())
            }

            /// A new shared secret, and its ciphertext written to `ciphertext`.
            ///
            /// # Errors
            /// [`Status::BadPublicKey`] unless `public` has [`PUBLIC`] bytes and passes the modulus
            /// check (FIPS 203, section 7.2); [`Status::RandomFailed`].
            pub fn encapsulate(
                platform: &mut impl Platform,
                public: &[u8],
                ciphertext: &mut [u8; CIPHERTEXT],
            ) -> Result<Zeroizing<[u8; 32]>, Status> {
                let randomness = Zeroizing::new(random(platform)?);
                encapsulate_with(&randomness, public, ciphertext)
            }

            /// Encapsulates with this randomness.
            ///
            /// # Errors
            /// As [`encapsulate`].
            #[inline(never)]
            pub(crate) fn encapsulate_with(
                randomness: &[u8; $randomness],
                public: &[u8],
                ciphertext: &mut [u8; CIPHERTEXT],
            ) -> Result<Zeroizing<[u8; 32]>, Status> {
                let key = $encapsulation::new_from_slice(public);
                let key = key.map_err(|_| Status::BadPublicKey)?;
                let (made, mut shared) = key.encapsulate_deterministic(randomness.into());
                *ciphertext = made.into();
                let copy = Zeroizing::new(shared.into());
                shared.zeroize();
                Ok(copy)
            }

            /// The shared secret of a ciphertext. Of one that was altered or made for another key
            /// it is a secret that nobody else knows: that shows only when it is used.
            ///
            /// # Errors
            /// [`Status::BadPayload`] unless the ciphertext has [`CIPHERTEXT`] bytes;
            /// [`Status::Internal`] if the seed has not [`SEED`].
            #[inline(never)]
            pub fn decapsulate(
                seed: &[u8],
                ciphertext: &[u8],
            ) -> Result<Zeroizing<[u8; 32]>, Status> {
                let ciphertext: &[u8; CIPHERTEXT] =
                    ciphertext.try_into().map_err(|_| Status::BadPayload)?;
                let mut shared = key(seed)?.decapsulate(ciphertext.into());
                let copy = Zeroizing::new(shared.into());
                shared.zeroize();
                Ok(copy)
            }

            fn key(seed: &[u8]) -> Result<$decapsulation, Status> {
                $decapsulation::new_from_slice(seed).map_err(|_| Status::Internal)
            }
        }
    };
}

kem! {
    /// ML-KEM-768 (FIPS 203). A seed is d || z (its section 7.1), randomness is m (its algorithm
    /// 17).
    ml_kem_768 of ml_kem: DecapsulationKey768, EncapsulationKey768,
    seed 64, randomness 32, public 1184, ciphertext 1088
}

kem! {
    /// X-Wing (draft-connolly-cfrg-xwing-kem): secret as long as one of X25519 and ML-KEM-768 is.
    ///
    /// ```text
    /// seed -> SHAKE256 -> seed of ML-KEM (64) || private key of X25519 (32)
    /// shared = SHA3-256(ML-KEM's || X25519's || X25519's ciphertext || X25519's public key || "\.//^\")
    /// ```
    ///
    /// Public keys and ciphertexts are those of ML-KEM-768 with those of X25519 after them;
    /// randomness is ML-KEM's and X25519's ephemeral key. As in the draft, public keys of small
    /// order are taken for X25519's part: ML-KEM's still protects the secret then.
    x_wing of x_wing: DecapsulationKey, EncapsulationKey,
    seed 32, randomness 64, public 1216, ciphertext 1120
}
