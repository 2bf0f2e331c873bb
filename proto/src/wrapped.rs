//! The wrapped key: a key that Linux keeps, and only the trusted application that made it opens.
//!
//! ```text
//! offset  bytes
//!      0      4  magic   "CLVW"
//!      4      1  format  1
//!      5      3          0
//!      8     16  V       of AES-256-SIV under a key of the vault (RFC 5297),
//!     24      .  C               AD = (bytes 0..8)
//! ```
//!
//! C holds the key with everything that its description shows: label, owner, policy, family. It
//! cannot be changed, and opens on the device and in the vault where it was made, until it is
//! revoked or the device is reset. What it shows to anyone is its length.

/// Bytes before the ciphertext.
pub const HEADER: usize = 8;

/// Bytes of the synthetic IV.
pub const TAG: usize = 16;

/// The front of every wrapped key.
pub const FRONT: [u8; HEADER] = *b"CLVW\x01\0\0\0";

/// Whether these bytes claim to be a wrapped key of this format.
#[must_use]
pub fn is_wrapped(bytes: &[u8]) -> bool {
    bytes.starts_with(&FRONT)
}
