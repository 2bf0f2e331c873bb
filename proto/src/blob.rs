//! The sealed blob: what `seal` makes and `unseal` takes, of any size.
//!
//! ```text
//! blob   = header || chunk 0 || chunk 1 || ... || chunk n      n >= 0
//! chunk  = V || C                                              16 bytes, then |P| bytes
//!
//! offset  bytes  header           (integers big-endian)
//!      0      4  magic            "CLVB"
//!      4      1  format           1
//!      5      1  suite            1: AES-256-SIV, 2: AES-128-SIV (RFC 5297)
//!      6      1  flags            bit 0: deterministic; the others 0
//!      7      1  reserved         0
//!      8     16  key id           random, of the key that sealed it
//!     24      4  key version      the version of that key, from 1
//!     28      4  chunk size       plaintext bytes of every chunk but the last
//!     32     16  nonce            unpredictable; zero in a deterministic blob
//!
//! V || C = SIV-Encrypt(K, AD = (header, context, index || last), P)
//! index  = 8 bytes, the number of the chunk from 0
//! last   = 1 byte, 1 for the last chunk and 0 for the others
//! K      = the key version's secret, used for nothing else
//! ```
//!
//! The chunks form a STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): none can be dropped,
//! moved, repeated or taken from another blob, and an end that was cut off shows. Who began a blob
//! alone goes on with it, on the device: 10 bytes of the nonce are random, 6 say who that is. The last chunk
//! may be shorter than the chunk size, and is empty only in a blob of nothing.
//! What a blob shows to anyone: its length, which key (by its random id) sealed it, and, if it is
//! deterministic, whether it equals another such blob of that key and context chunk by chunk. Whoever
//! may seal with that key can try guesses on a deterministic blob, and put chunks of his own behind
//! its first ones.

use crate::{Algorithm, Digits, KeyId, limits};

/// Bytes of a blob's header.
pub const HEADER: usize = 48;

/// Bytes that a chunk is longer than its plaintext: the synthetic IV.
pub const TAG: usize = 16;

/// Bytes of [`chunk_position`].
pub const POSITION: usize = 9;

const MAGIC: [u8; 4] = *b"CLVB";
const FORMAT: u8 = 1;
const DETERMINISTIC: u8 = 1;

/// Why bytes are not the header of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// Too short, or no magic.
    #[error("this is not a sealed blob")]
    NotABlob,
    /// A format that this contract does not know.
    #[error("this blob has format {0}, which is not known here")]
    Format(u8),
    /// A suite that this contract does not know.
    #[error("this blob has suite {0}, which is not known here")]
    Suite(u8),
    /// Flags, reserved bits, version or chunk size that no blob has.
    #[error("this blob's header is damaged")]
    Damaged,
}

/// The header of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The key's algorithm: one of the SIV suites.
    pub suite: Suite,
    /// Whether equal plaintexts give equal blobs.
    pub deterministic: bool,
    /// Which key sealed it.
    pub key: KeyId,
    /// Which version of that key, from 1.
    pub version: u32,
    /// Plaintext bytes of every chunk but the last.
    pub chunk: u32,
    /// Unpredictable; zero if deterministic.
    pub nonce: [u8; 16],
}

/// The AEAD of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Suite {
    /// AEAD_AES_SIV_CMAC_512 (RFC 5297).
    Aes256Siv = 1,
    /// AEAD_AES_SIV_CMAC_256 (RFC 5297).
    Aes128Siv = 2,
}

impl Suite {
    /// The suite of keys with this algorithm, if they seal.
    #[must_use]
    pub const fn of(algorithm: Algorithm) -> Option<Suite> {
        match algorithm {
            Algorithm::Aes256Siv => Some(Suite::Aes256Siv),
            Algorithm::Aes128Siv => Some(Suite::Aes128Siv),
            _ => None,
        }
    }
}

impl Header {
    /// The header as it stands at the front of a blob.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let fields: [&[u8]; 6] = [
            &MAGIC,
            &[FORMAT, self.suite as u8, u8::from(self.deterministic), 0],
            &self.key.0,
            &self.version.to_be_bytes(),
            &self.chunk.to_be_bytes(),
            &self.nonce,
        ];
        for (place, byte) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *place = *byte;
        }
        bytes
    }

    /// Reads the header at the front of `blob`. What it says is not authentic until a chunk
    /// has been unsealed under it.
    ///
    /// # Errors
    /// [`BlobError`], which says what is wrong.
    pub fn decode(blob: &[u8]) -> Result<Header, BlobError> {
        let (magic, rest) = blob.split_first_chunk::<4>().ok_or(BlobError::NotABlob)?;
        if *magic != MAGIC {
            return Err(BlobError::NotABlob);
        }
        let ([format, suite, flags, reserved], rest) = take(rest)?;
        if format != FORMAT {
            return Err(BlobError::Format(format));
        }
        let suite = match suite {
            1 => Suite::Aes256Siv,
            2 => Suite::Aes128Siv,
            other => return Err(BlobError::Suite(other)),
        };
        let (key, rest) = take(rest)?;
        let (version, rest) = take(rest)?;
        let (chunk, rest) = take(rest)?;
        let (nonce, _) = take(rest)?;
        let header = Header {
            suite,
            deterministic: flags == DETERMINISTIC,
            key: Digits(key),
            version: u32::from_be_bytes(version),
            chunk: u32::from_be_bytes(chunk),
            nonce,
        };
        let possible = flags & !DETERMINISTIC == 0
            && reserved == 0
            && header.version != 0
            && (1..=limits::CHUNK).contains(&(header.chunk as usize))
            && (!header.deterministic || nonce == [0; 16]);
        if !possible {
            return Err(BlobError::Damaged);
        }
        Ok(header)
    }
}

/// The third associated datum of a chunk: its number and whether it is the last.
#[must_use]
pub fn chunk_position(index: u64, last: bool) -> [u8; POSITION] {
    let [a, b, c, d, e, f, g, h] = index.to_be_bytes();
    [a, b, c, d, e, f, g, h, u8::from(last)]
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), BlobError> {
    bytes
        .split_first_chunk()
        .map(|(field, rest)| (*field, rest))
        .ok_or(BlobError::NotABlob)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER_A: Header = Header {
        suite: Suite::Aes128Siv,
        deterministic: false,
        key: Digits([0xaa; 16]),
        version: 7,
        chunk: 65536,
        nonce: [0xbb; 16],
    };

    #[test]
    fn a_header_is_these_bytes() {
        let mut expected =
            *b"CLVB\x01\x02\x00\x00kkkkkkkkkkkkkkkk\0\0\0\x07\0\x01\0\0nnnnnnnnnnnnnnnn";
        expected[8..24].fill(0xaa);
        expected[32..].fill(0xbb);
        assert_eq!(HEADER_A.encode(), expected);
        assert_eq!(Header::decode(&expected), Ok(HEADER_A));
        assert_eq!(chunk_position(0x0102, true), [0, 0, 0, 0, 0, 0, 1, 2, 1]);
    }

    #[test]
    fn what_no_blob_has_is_refused() {
        let wrong = |place: usize, value: u8| {
            let mut bytes = HEADER_A.encode();
            bytes[place] = value;
            Header::decode(&bytes).unwrap_err()
        };
        assert_eq!(wrong(0, b'X'), BlobError::NotABlob);
        assert_eq!(wrong(4, 2), BlobError::Format(2));
        assert_eq!(wrong(5, 3), BlobError::Suite(3));
        assert_eq!(wrong(6, 2), BlobError::Damaged);
        assert_eq!(
            wrong(6, 1),
            BlobError::Damaged,
            "deterministic with a nonce"
        );
        assert_eq!(wrong(7, 1), BlobError::Damaged);
        assert_eq!(wrong(27, 0), BlobError::Damaged, "version 0");
        assert_eq!(wrong(29, 0), BlobError::Damaged, "chunk size 0");
        assert_eq!(
            wrong(28, 1),
            BlobError::Damaged,
            "chunk size past the limit"
        );
        let bytes = HEADER_A.encode();
        for len in 0..HEADER {
            assert_eq!(Header::decode(&bytes[..len]), Err(BlobError::NotABlob));
        }
    }
}
