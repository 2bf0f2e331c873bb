//! Keys as text: hexadecimal and base64.

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

/// The fewest characters that are taken for a key written as text.
const LEAST: usize = 8;

/// The bytes that hexadecimal digits mean, if it is these alone: pairs of them, perhaps behind `0x`,
/// with white space and colons between.
pub(super) fn hex(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let text = text
        .strip_prefix("0x")
        .or(text.strip_prefix("0X"))
        .unwrap_or(text);
    let packed = packed(text.as_bytes(), |byte| {
        byte.is_ascii_whitespace() || byte == b':'
    });
    let mut bytes = Zeroizing::new(vec![0; packed.len() / 2]);
    if packed.len() < LEAST || packed.len() % 2 != 0 {
        return None;
    }
    let nibble = |digit: u8| (digit as char).to_digit(16);
    for (byte, pair) in bytes.iter_mut().zip(packed.chunks_exact(2)) {
        *byte = (nibble(pair[0])? << 4 | nibble(pair[1])?) as u8;
    }
    Some(bytes)
}

/// The bytes that base64 means, if it is that alone: of either alphabet (RFC 4648), with or without
/// padding, with white space between.
pub(super) fn base64(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let packed = packed(bytes, |byte| byte.is_ascii_whitespace());
    if packed.len() < LEAST {
        return None;
    }
    let mut bytes = Zeroizing::new(vec![0; packed.len()]);
    let place = bytes.as_mut_slice();
    let length = if let Ok(text) = Base64::decode(packed.as_slice(), place) {
        text.len()
    } else if let Ok(text) = Base64Unpadded::decode(packed.as_slice(), place) {
        text.len()
    } else if let Ok(text) = Base64Url::decode(packed.as_slice(), place) {
        text.len()
    } else {
        Base64UrlUnpadded::decode(packed.as_slice(), place)
            .ok()?
            .len()
    };
    bytes.truncate(length);
    Some(bytes)
}

fn packed(bytes: &[u8], left_out: impl Fn(u8) -> bool) -> Zeroizing<Vec<u8>> {
    // With room for all of it the vector never moves.
    let mut packed = Zeroizing::new(Vec::with_capacity(bytes.len()));
    packed.extend(bytes.iter().copied().filter(|byte| !left_out(*byte)));
    packed
}
