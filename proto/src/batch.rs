//! Many small operations with one key in one call: how its payloads lie.
//!
//! ```text
//! request = [wrapped key] || context || item 1 || item 2 || ...
//! item    = [length]_32 || what the operation's own command takes behind the context
//! answer  = result 1 || result 2 || ...            of the first items, as many as were done
//! result  = [status]_16 || [version]_32 || [length]_32 || what the command answers
//! ```
//!
//! Integers are big-endian. A result with another status than 0 has version 0 and length 0.

use serde::{Deserialize, Serialize};

use crate::{Status, fields::Reader, key::numbered};

/// Bytes of an item before its own.
pub const ITEM: usize = 4;
/// Bytes of a result before its own.
pub const RESULT: usize = 10;

numbered! {
    /// What is done with every item.
    Batched {
        /// `mac` of it.
        Mac = 1, "mac";
        /// `verify-mac`: a tag, then the message.
        VerifyMac = 2, "verify-mac";
        /// `sign` it.
        Sign = 3, "sign";
        /// `seal` it, as the one chunk of a blob.
        Seal = 4, "seal";
        /// `unseal` it, a blob of one chunk.
        Unseal = 5, "unseal";
        /// `reseal` it, a blob of one chunk.
        Reseal = 6, "reseal";
    }
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// Whether it was done.
    pub status: Status,
    /// The version of the key that did it; 0 if none did.
    pub version: u32,
    /// What the command answers.
    pub bytes: &'a [u8],
}

impl<'a> Outcome<'a> {
    /// What stands before its bytes.
    #[must_use]
    pub fn front(&self) -> [u8; RESULT] {
        let [a, b] = (self.status as u16).to_be_bytes();
        let [c, d, e, f] = self.version.to_be_bytes();
        // A payload is far shorter.
        let [g, h, i, j] = (self.bytes.len() as u32).to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j]
    }

    /// The first result of these bytes, and what is behind it; `None` if they are none.
    #[must_use]
    pub fn split(bytes: &'a [u8]) -> Option<(Outcome<'a>, &'a [u8])> {
        let mut from = Reader::new(bytes);
        let status = Status::from_code(u16::from_be_bytes(from.take()?))?;
        let version = from.take_u32()?;
        let (bytes, rest) = split_length(from)?;
        let outcome = Outcome {
            status,
            version,
            bytes,
        };
        Some((outcome, rest))
    }
}

/// The first item of these bytes, and what is behind it; `None` if they are none.
#[must_use]
pub fn split_item(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    split_length(Reader::new(bytes))
}

fn split_length(mut from: Reader<'_>) -> Option<(&[u8], &[u8])> {
    let length = from.take_u32()?;
    from.rest().split_at_checked(usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_items_lie_as_the_table_says() {
        let outcome = Outcome {
            status: Status::NotAuthentic,
            version: 0x0102_0304,
            bytes: b"abc",
        };
        let code = (Status::NotAuthentic as u16).to_be_bytes();
        let expected = [&code[..], &[1, 2, 3, 4, 0, 0, 0, 3], b"abc", b"rest"].concat();
        assert_eq!([&outcome.front()[..], b"abc", b"rest"].concat(), expected);
        let rest = b"rest".as_slice();
        assert_eq!(Outcome::split(&expected), Some((outcome, rest)));
        assert_eq!(Outcome::split(&expected[..12]), None, "cut in its bytes");
        assert_eq!(Outcome::split(&expected[..9]), None, "cut before them");
        assert_eq!(Outcome::split(&[0xff; 20]), None, "no such status");
        let item = [&[0, 0, 0, 3][..], b"abcrest"].concat();
        assert_eq!(split_item(&item), Some((&b"abc"[..], rest)));
        assert_eq!(split_item(&item[..6]), None);
        assert_eq!(split_item(&[0xff; 8]), None);
    }
}
