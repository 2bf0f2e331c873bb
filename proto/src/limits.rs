//! Every maximum of the contract, in bytes unless said otherwise, with its arithmetic.

use crate::{blob, frame};

/// Plaintext bytes in one sealed chunk; a blob of any size is a sequence of these.
pub const CHUNK: usize = 64 * 1024;

/// Context bytes (associated data) of a seal or unseal.
pub const CONTEXT: usize = 1024;

/// Payload bytes of one call: the largest is an unseal, which carries its context, the blob
/// header and one whole sealed chunk.
pub const PAYLOAD: usize = CONTEXT + blob::HEADER + blob::TAG + CHUNK;

/// JSON header bytes of one call. The largest is a [`crate::message::ListResponse`]: 8 keys of
/// at most 456 bytes (64 label + 32 id + 2 x 10 version digits + 36 UUID + 304 of names, enums
/// and punctuation) and a cursor.
pub const HEADER: usize = 4096;

/// A whole frame, and so the shared memory that a session needs.
pub const FRAME: usize = frame::PREFIX + HEADER + PAYLOAD;

/// Bytes of one `random` call.
pub const RANDOM: usize = 4096;

/// Keys on one page of a list.
pub const PAGE: usize = 8;

/// Challenges that one identity may have pending; one more displaces its oldest.
pub const CHALLENGES: usize = 4;

const _: () = assert!(PAYLOAD == 66_624);
const _: () = assert!(FRAME == 70_736);
