//! JSON headers to and from bytes. Nothing else names the JSON crate.

use serde::{Serialize, de::DeserializeOwned};

use crate::Status;

/// Reads one JSON object that fills `bytes` to the end.
///
/// # Errors
/// [`Status::BadHeader`] for anything that is not exactly the message: other JSON, unknown,
/// missing or repeated fields, values out of range, bytes behind it.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Status> {
    // The JSON crate takes white space behind the object as part of it.
    if bytes.last() != Some(&b'}') {
        return Err(Status::BadHeader);
    }
    match serde_json_core::from_slice(bytes) {
        Ok((message, used)) if used == bytes.len() => Ok(message),
        _ => Err(Status::BadHeader),
    }
}

/// Writes `message` as JSON to the front of `bytes` and says how many it took.
///
/// # Errors
/// [`Status::HeaderTooLong`] if it does not fit.
pub fn encode<T: Serialize>(message: &T, bytes: &mut [u8]) -> Result<usize, Status> {
    serde_json_core::to_slice(message, bytes).map_err(|_| Status::HeaderTooLong)
}
