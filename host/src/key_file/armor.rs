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
    cut(bytes, BEGIN).is_some()
}

/// Every block, in order. What stands around them may be in any encoding.
///
/// # Errors
/// [`KeyFileError::Malformed`] if one has no end, or is not base64.
pub(super) fn blocks(bytes: &[u8]) -> Result<Vec<Block<'_>>, KeyFileError> {
    let mut rest = bytes;
    let mut blocks = Vec::new();
    while let Some((_, after)) = cut(rest, BEGIN) {
        let (label, after) = cut(after, DASHES)
            .and_then(|(label, after)| Some((ascii(label)?, after)))
            .filter(|(label, _)| !label.contains(['\n', '\r']))
            .ok_or(KeyFileError::Malformed("PEM: BEGIN has no label"))?;
        let end = format!("-----END {label}-----");
        let (body, after) = cut(after, &end)
            .filter(|(body, _)| cut(body, BEGIN).is_none())
            .ok_or(KeyFileError::Malformed(
                "PEM: a block has no END of its own",
            ))?;
        let body = ascii(body).ok_or(KeyFileError::Malformed("PEM: a block is not text"))?;
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

/// What stands before a mark, and behind it.
fn cut<'a>(bytes: &'a [u8], mark: &str) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes
        .windows(mark.len())
        .position(|window| window == mark.as_bytes())?;
    Some((&bytes[..place], &bytes[place + mark.len()..]))
}

fn ascii(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.is_ascii())
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
