//! Diffie-Hellman: over P-256 (NIST SP 800-56A rev. 3, section 5.7.1.2) and X25519 (RFC 7748).
//!
//! What comes out is the raw shared secret: a key only once a derivation has been over it.

/// P-256: `Z = x(d * Q)`. Private keys are those of ECDSA.
pub mod p256 {
    use ::p256::{PublicKey, SecretKey, ecdh::diffie_hellman, elliptic_curve::sec1::ToSec1Point};
    use claviger_proto::Status;
    use zeroize::Zeroizing;

    pub use crate::crypto::ecdsa::p256::{PUBLIC, check, generate, public_key};

    /// The x coordinate of the shared point, big-endian. `peer` is a point by SEC 1, section
    /// 2.3.3: 65 bytes uncompressed or 33 compressed. It is validated in full (SP 800-56A,
    /// section 5.6.2.3.3; the curve's cofactor is 1).
    ///
    /// # Errors
    /// [`Status::BadPublicKey`] unless `peer` is a point on the curve other than the one at
    /// infinity; [`Status::Internal`] if the scalar is no key: keys are checked when they are made.
    #[inline(never)]
    pub fn agree(scalar: &[u8], peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, Status> {
        let scalar: &[u8; 32] = scalar.try_into().map_err(|_| Status::Internal)?;
        let key = SecretKey::from_bytes(scalar.into()).map_err(|_| Status::Internal)?;
        let peer = parse(peer)?;
        let scalar = Zeroizing::new(key.to_nonzero_scalar());
        let shared = diffie_hellman(&*scalar, peer.as_affine());
        Ok(Zeroizing::new((*shared.raw_secret_bytes()).into()))
    }

    /// The uncompressed point of a public key in either form.
    ///
    /// # Errors
    /// [`Status::BadPublicKey`] as [`agree`].
    pub fn uncompressed(public: &[u8]) -> Result<[u8; PUBLIC], Status> {
        let point = parse(public)?.to_sec1_point(false);
        point.as_bytes().try_into().map_err(|_| Status::Internal)
    }

    fn parse(public: &[u8]) -> Result<PublicKey, Status> {
        // The library also knows a one-byte form of infinity and a form without the sign of y.
        if !matches!(public, [4, ..] | [2 | 3, ..]) {
            return Err(Status::BadPublicKey);
        }
        PublicKey::from_sec1_bytes(public).map_err(|_| Status::BadPublicKey)
    }
}

/// X25519: `X25519(k, u)`. A private key is any 32 bytes; they are clamped when used.
pub mod x25519 {
    use claviger_proto::Status;
    use x25519_dalek::{PublicKey, StaticSecret};
    use zeroize::Zeroizing;

    use crate::platform::{Platform, random};

    /// A new private key: 32 random bytes.
    ///
    /// # Errors
    /// [`Status::RandomFailed`].
    pub fn generate(platform: &mut impl Platform) -> Result<Zeroizing<[u8; 32]>, Status> {
        random(platform).map(Zeroizing::new)
    }

    /// The public key, `X25519(k, 9)`.
    ///
    /// # Errors
    /// [`Status::Internal`] if the private key has not 32 bytes.
    #[inline(never)]
    pub fn public_key(private: &[u8]) -> Result<[u8; 32], Status> {
        Ok(PublicKey::from(&key(private)?).to_bytes())
    }

    /// The shared secret. `peer` is any u coordinate, as RFC 7748 has it.
    ///
    /// # Errors
    /// [`Status::BadPublicKey`] unless `peer` has 32 bytes, and if the result is zero: `peer` is of
    /// small order then, and the result would be the same under every private key (RFC 7748,
    /// section 6.1). [`Status::Internal`] if the private key has not 32 bytes.
    #[inline(never)]
    pub fn agree(private: &[u8], peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, Status> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| Status::BadPublicKey)?;
        let shared = key(private)?.diffie_hellman(&PublicKey::from(peer));
        if !shared.was_contributory() {
            return Err(Status::BadPublicKey);
        }
        Ok(Zeroizing::new(shared.to_bytes()))
    }

    /// Whether HPKE can encrypt to the holder of this public key. It binds the bytes of the key, and
    /// the holder computes them himself: there, only the usual encoding serves.
    ///
    /// # Errors
    /// [`Status::BadPublicKey`] for a point of small order (RFC 7748, section 6.1), and for another
    /// encoding than the least.
    #[inline(never)]
    pub fn check_recipient(public: &[u8; 32]) -> Result<(), Status> {
        if !is_least(public) {
            return Err(Status::BadPublicKey);
        }
        agree(&[1; 32], public).map(drop)
    }

    /// Whether the coordinate is below p = 2^255 - 19.
    fn is_least(public: &[u8; 32]) -> bool {
        let mut p = [0xff; 32];
        (p[0], p[31]) = (0xed, 0x7f);
        public.iter().rev().lt(p.iter().rev())
    }

    /// Whether both are one public key: coordinates have several encodings.
    #[must_use]
    pub fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
        PublicKey::from(*one) == PublicKey::from(*other)
    }

    fn key(private: &[u8]) -> Result<StaticSecret, Status> {
        let private = Zeroizing::new(<[u8; 32]>::try_from(private).map_err(|_| Status::Internal)?);
        Ok(StaticSecret::from(*private))
    }
}
