//! PEM's layout: where its blocks are. What is in them is for others to read.
//!
//! As lenient as OpenSSL, and more: text and other blocks around a block, lines of any length, blank
//! lines, CR LF, all in one line. Base64 itself is decoded strictly.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::KeyFileError;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// A block of PEM.
pub(super) struct Block<'a> {
    /// What stands behind BEGIN.
    pub(super) label: &'a str,
    /// What it holds.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Whether its headers say that it is encrypted (RFC 1421), as OpenSSL once did.
    pub(super) encrypted: bool,
}

/// Whether there is any block.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes
        .windows(BEGIN.len())
        .any(|window| window == BEGIN.as_bytes())
}

/// Every block, in order.
///
/// # Errors
/// [`KeyFileError::Malformed`] if one has no end, or is not base64.
pub(super) fn blocks(bytes: &[u8]) -> Result<Vec<Block<'_>>, KeyFileError> {
    let text = lossy_ascii(bytes)?;
    let mut rest = text;
    let mut blocks = Vec::new();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after
            .split_once(DASHES)
            .filter(|(label, _)| !label.contains(['\n', '\r']))
            .ok_or(KeyFileError::Malformed("PEM: BEGIN has no label"))?;
        let end = format!("-----END {label}-----");
        let (body, after) = after
            .split_once(end.as_str())
            .filter(|(body, _)| !body.contains(BEGIN))
            .ok_or(KeyFileError::Malformed(
                "PEM: a block has no END of its own",
            ))?;
        let (body, encrypted) = without_headers(body);
        let bytes = match encrypted {
            true => Zeroizing::default(),
            false => decode(body)?,
        };
        blocks.push(Block {
            label,
            bytes,
            encrypted,
        });
        rest = after;
    }
    Ok(blocks)
}

/// The text: other programs write what they like around the blocks, so only the longest prefix and
/// suffix that are text matter; a block itself is ASCII.
fn lossy_ascii(bytes: &[u8]) -> Result<&str, KeyFileError> {
    let place = bytes
        .windows(BEGIN.len())
        .position(|window| window == BEGIN.as_bytes())
        .ok_or(KeyFileError::Malformed("PEM: there is no block"))?;
    let bytes = &bytes[place..];
    let last = bytes
        .windows(DASHES.len())
        .rposition(|window| window == DASHES.as_bytes())
        .map_or(bytes.len(), |last| last + DASHES.len());
    std::str::from_utf8(&bytes[..last]).map_err(|_| KeyFileError::Malformed("PEM: not text"))
}

/// A block's body without the headers of RFC 1421, and whether those say that it is encrypted.
fn without_headers(body: &str) -> (&str, bool) {
    let headers = body
        .trim_start()
        .lines()
        .take_while(|line| !line.trim().is_empty());
    if !headers
        .clone()
        .next()
        .is_some_and(|line| line.contains(':'))
    {
        return (body, false);
    }
    let encrypted = headers
        .clone()
        .any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"));
    let start = body.len() - body.trim_start().len();
    let blank = ["\n\n", "\r\n\r\n"];
    let end = blank
        .iter()
        .filter_map(|blank| body[start..].find(blank).map(|at| start + at + blank.len()))
        .min();
    (end.map_or("", |end| &body[end..]), encrypted)
}

fn decode(body: &str) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    // With room for all of it the vector never moves.
    let mut packed = Zeroizing::new(Vec::with_capacity(body.len()));
    packed.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut bytes = Zeroizing::new(vec![0; packed.len()]);
    let length = Base64::decode(packed.as_slice(), bytes.as_mut_slice())
        .map_err(|_| KeyFileError::Malformed("PEM: a block is not base64"))?
        .len();
    bytes.truncate(length);
    Ok(bytes)
}
