//! JSON headers to and from bytes. Nothing else names the JSON crate.

use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json_core::str::EscapedStr;

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

/// Serializes text of which JSON would escape nothing. Any format takes it for a string, and the
/// JSON crate does not look for what to escape.
pub(crate) fn plain<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    EscapedStr(text).serialize(serializer)
}
