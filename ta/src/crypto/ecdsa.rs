//! ECDSA (FIPS 186-5): over P-256 with SHA-256 digests, over P-384 with SHA-384 digests.
//!
//! Private keys are scalars in [1, n-1], big-endian. Each module serves one curve.

/// One module for each curve, so that every length is in the types and none's stack weighs on
/// another's.
macro_rules! curve {
    (
        $(#[$doc:meta])*
        $name:ident: $curve:ident of $library:ident with $hash:ident,
        scalar $scalar:literal, digest $digest:literal, signature $signature:literal, public $public:literal
    ) => {
        $(#[$doc])*
        pub mod $name {
            use ::ecdsa::{
                Signature,
                hazmat::{sign_prehashed_rfc6979, verify_prehashed},
            };
            use $library::{
                $curve, NonZeroScalar, PublicKey, SecretKey,
                elliptic_curve::{Generate, sec1::ToSec1Point},
            };
            use claviger_proto::Status;
            use sha2::$hash;
            use zeroize::Zeroizing;

            use crate::platform::{Platform, Rng, random};

            #[doc = concat!("Bytes of a private key: ", $scalar, ".")]
            pub const SCALAR: usize = $scalar;
            #[doc = concat!("Bytes of the digest that is signed: ", $digest, ".")]
            pub const DIGEST: usize = $digest;
            #[doc = concat!("Bytes of a signature: ", $signature, ".")]
            pub const SIGNATURE: usize = $signature;
            #[doc = concat!("Bytes of a public key: ", $public, ".")]
            pub const PUBLIC: usize = $public;

            /// A new private key: a scalar in [1, n-1], big-endian.
            ///
            /// # Errors
            /// [`Status::RandomFailed`].
            #[inline(never)]
            pub fn generate(
                platform: &mut impl Platform,
            ) -> Result<Zeroizing<[u8; SCALAR]>, Status> {
                let key = SecretKey::try_generate_from_rng(&mut Rng(platform))?;
                Ok(Zeroizing::new(key.to_bytes().into()))
            }

            /// Whether `scalar` is a private key.
            ///
            /// # Errors
            /// [`Status::BadKey`] for 0, n and above, or another length.
            pub fn check(scalar: &[u8]) -> Result<(), Status> {
                key(scalar).map(|_| ()).ok_or(Status::BadKey)
            }

            #[doc = concat!("Signs a ", stringify!($hash), " digest; r || s. The nonce is RFC")]
            /// 6979's with 32 fresh random bytes mixed in (its section 3.6, hedged): neither a bad
            /// random source nor a fault that repeats gives the key away.
            ///
            /// # Errors
            /// [`Status::BadPayload`] unless the digest has [`DIGEST`] bytes;
            /// [`Status::RandomFailed`]; [`Status::Internal`] if the scalar is no key: keys are
            /// checked when they are made.
            pub fn sign(
                platform: &mut impl Platform,
                scalar: &[u8],
                digest: &[u8],
            ) -> Result<[u8; SIGNATURE], Status> {
                sign_with(scalar, digest, &random::<32>(platform)?)
            }

            /// Signs with these additional bytes for the nonce, as [`sign`] with fresh ones; with none,
            /// deterministically (RFC 6979).
            ///
            /// # Errors
            /// As [`sign`].
            // Not through `SigningKey`: making one computes the public key, as costly as the
            // signature.
            #[inline(never)]
            pub(crate) fn sign_with(
                scalar: &[u8],
                digest: &[u8],
                added: &[u8],
            ) -> Result<[u8; SIGNATURE], Status> {
                if digest.len() != DIGEST {
                    return Err(Status::BadPayload);
                }
                let key = key(scalar).ok_or(Status::Internal)?;
                let scalar: Zeroizing<NonZeroScalar> = Zeroizing::new(key.to_nonzero_scalar());
                let (signature, _) =
                    sign_prehashed_rfc6979::<$curve, $hash>(&scalar, digest, added);
                Ok(signature.to_bytes().into())
            }

            #[doc = concat!("Checks another's signature of a ", stringify!($hash), " digest.")]
            ///
            /// # Errors
            /// [`Status::BadPublicKey`] unless `public` is an uncompressed point on the curve;
            /// [`Status::NotAuthentic`]; [`Status::BadPayload`] for a digest of another length.
            #[inline(never)]
            pub fn verify(
                public: &[u8; PUBLIC],
                digest: &[u8],
                signature: &[u8; SIGNATURE],
            ) -> Result<(), Status> {
                if digest.len() != DIGEST {
                    return Err(Status::BadPayload);
                }
                let public = PublicKey::from_sec1_bytes(public);
                let public = public.map_err(|_| Status::BadPublicKey)?.to_projective();
                let signature = Signature::<$curve>::from_slice(signature);
                let signature = signature.map_err(|_| Status::NotAuthentic)?;
                verify_prehashed::<$curve>(&public, digest, &signature)
                    .map_err(|_| Status::NotAuthentic)
            }

            /// The public key: an uncompressed point (SEC 1, section 2.3.3).
            ///
            /// # Errors
            /// [`Status::Internal`] if the scalar is no key: keys are checked when they are made.
            #[inline(never)]
            pub fn public_key(scalar: &[u8]) -> Result<[u8; PUBLIC], Status> {
                let key = key(scalar).ok_or(Status::Internal)?;
                let point = key.public_key().to_sec1_point(false);
                point.as_bytes().try_into().map_err(|_| Status::Internal)
            }

            /// The key of exactly [`SCALAR`] bytes: the library would take fewer.
            fn key(scalar: &[u8]) -> Option<SecretKey> {
                let scalar: &[u8; SCALAR] = scalar.try_into().ok()?;
                SecretKey::from_bytes(scalar.into()).ok()
            }
        }
    };
}

curve! {
    /// P-256 with SHA-256.
    p256: NistP256 of p256 with Sha256,
    scalar 32, digest 32, signature 64, public 65
}

curve! {
    /// P-384 with SHA-384.
    p384: NistP384 of p384 with Sha384,
    scalar 48, digest 48, signature 96, public 97
}

#[cfg(test)]
mod tests {
    use ::ecdsa::hazmat::verify_prehashed;
    use claviger_proto::Status;
    use hex_literal::hex;

    use super::{p256, p384};

    /// RFC 6979, appendix A.2.6, "test".
    #[test]
    fn p384_signs_as_the_standard_does() {
        let scalar = hex!(
            "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"
            "96d5724e4c70a825f872c9ea60d2edf5"
        );
        let digest = hex!(
            "768412320f7b0aa5812fce428dc4706b3cae50e02a64caa16a782249bfe8efc4"
            "b7ef1ccb126255d196047dfedf17a0a9"
        );
        let expected = hex!(
            "8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb"
            "0542a7f0812998da8f1dd3ca3cf023db"
            "ddd0760448d42d8a43af45af836fce4de8be06b485e9b61b827c2f13173923e0"
            "6a739f040649a667bf3b828246baa5a5"
        );
        assert_eq!(p384::sign_with(&scalar, &digest, b""), Ok(expected));

        // Hedged, it is another signature, as good.
        let hedged = p384::sign_with(&scalar, &digest, &[7; 32]).unwrap();
        assert_ne!(hedged, expected);
        let public = p384::public_key(&scalar).unwrap();
        let key = ::p384::PublicKey::from_sec1_bytes(&public).unwrap();
        let signature = ::p384::ecdsa::Signature::from_slice(&hedged).unwrap();
        verify_prehashed(&key.to_projective(), &digest, &signature).unwrap();
    }

    #[test]
    fn scalars_out_of_range_are_no_keys() {
        let order_256 = hex!("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        let order_384 = hex!(
            "ffffffffffffffffffffffffffffffffffffffffffffffff"
            "c7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        );
        let (mut last_256, mut last_384) = (order_256, order_384);
        last_256[31] -= 1;
        last_384[47] -= 1;
        assert_eq!(p256::check(&last_256), Ok(()));
        assert_eq!(p384::check(&last_384), Ok(()));
        for refused in [&order_256[..], &[0; 32], &[1; 31], &[1; 33], &[1; 48], &[]] {
            assert_eq!(p256::check(refused), Err(Status::BadKey));
        }
        for refused in [&order_384[..], &[0; 48], &[1; 47], &[1; 49], &[1; 32], &[]] {
            assert_eq!(p384::check(refused), Err(Status::BadKey));
        }
    }

    #[test]
    fn digests_of_another_length_are_refused() {
        let refused = Err(Status::BadPayload);
        assert_eq!(p256::sign_with(&[1; 32], &[0; 48], b""), refused);
        assert_eq!(
            p384::sign_with(&[1; 48], &[0; 32], b""),
            Err(Status::BadPayload)
        );
    }
}
