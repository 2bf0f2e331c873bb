//! Ratcheted keys: rotation that two sides do alike, with no message between them.
//!
//! ```text
//! K(n+1)  = KDF(K(n), "claviger ratchet v1", [n+1]_32)                  |K| bytes
//! W(n)    = KDF(K(n), "claviger ratchet key v1", [n]_32)                |K| bytes
//! A(n)    = KDF(K(n), "claviger ratchet epoch v1", [n]_32)              |K| bytes
//! token   = "CLVE" || [n]_32 || [m]_32 || CMAC(A(n), "CLVE" || [n]_32 || [m]_32)      n < m
//! KDF(K, label, context): NIST SP 800-108r1 in counter mode with AES-CMAC as PRF, r = 32, the
//!     length in bits as 32 bits at the end, label and context parted by a zero byte
//! ```
//!
//! W(n) does the work (MACs, derivation), never K(n): who may make MACs could ask for one that is
//! the next key. An epoch is a version: both sides begin at 1. A step destroys what it started from.
//! A side that is behind takes a token, which only a holder of its own current version can make, and
//! steps to the epoch that it names: nobody else can drive it there. K has 16 or 32 bytes; integers
//! are big-endian.

use crate::Status;

/// The label that the next version is derived under.
pub const LABEL: &[u8] = b"claviger ratchet v1";
/// The label that the key which does the work is derived under.
pub const KEY_LABEL: &[u8] = b"claviger ratchet key v1";
/// The label that the key of the tokens is derived under.
pub const EPOCH_LABEL: &[u8] = b"claviger ratchet epoch v1";
/// Bytes of a token.
pub const TOKEN: usize = COVERED + 16;
/// Bytes that its tag covers.
pub const COVERED: usize = 12;

const MAGIC: [u8; 4] = *b"CLVE";

/// What takes a ratcheted key to a later epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The version under which it is made.
    pub from: u32,
    /// The version that it leads to.
    pub to: u32,
    /// The proof.
    pub tag: [u8; 16],
}

impl Token {
    /// The bytes that the tag covers.
    #[must_use]
    pub fn covered(from: u32, to: u32) -> [u8; COVERED] {
        let [a, b, c, d] = MAGIC;
        let [e, f, g, h] = from.to_be_bytes();
        let [i, j, k, l] = to.to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    /// The token as it travels.
    #[must_use]
    pub fn encode(&self) -> [u8; TOKEN] {
        let mut bytes = [0; TOKEN];
        let fields = Self::covered(self.from, self.to)
            .into_iter()
            .chain(self.tag);
        for (place, byte) in bytes.iter_mut().zip(fields) {
            *place = byte;
        }
        bytes
    }

    /// Reads a token. It is not authentic yet.
    ///
    /// # Errors
    /// [`Status::NotAuthentic`] for anything that is not exactly one: what was altered is refused alike,
    /// wherever.
    pub fn decode(bytes: &[u8]) -> Result<Token, Status> {
        let (covered, tag) = bytes
            .split_first_chunk::<COVERED>()
            .ok_or(Status::NotAuthentic)?;
        let tag = tag.try_into().map_err(|_| Status::NotAuthentic)?;
        let [magic @ .., e, f, g, h, i, j, k, l] = *covered;
        let (from, to) = (
            u32::from_be_bytes([e, f, g, h]),
            u32::from_be_bytes([i, j, k, l]),
        );
        if magic != MAGIC || from == 0 || from >= to {
            return Err(Status::NotAuthentic);
        }
        Ok(Token { from, to, tag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_these_bytes() {
        let token = Token {
            from: 0x0102,
            to: 0x0304,
            tag: [0xee; 16],
        };
        let mut expected = *b"CLVE\0\0\x01\x02\0\0\x03\x04tttttttttttttttt";
        expected[12..].fill(0xee);
        assert_eq!(token.encode(), expected);
        assert_eq!(Token::decode(&expected), Ok(token));
        for len in 0..TOKEN {
            assert_eq!(Token::decode(&expected[..len]), Err(Status::NotAuthentic));
        }
        for (from, to) in [(0, 1), (7, 7), (8, 7)] {
            let backwards = Token { from, to, ..token };
            assert_eq!(
                Token::decode(&backwards.encode()),
                Err(Status::NotAuthentic)
            );
        }
        let mut other = expected;
        other[0] = b'X';
        assert_eq!(Token::decode(&other), Err(Status::NotAuthentic));
    }
}
