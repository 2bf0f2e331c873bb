//! What commands read and write: files, bytes, sizes.

use std::path::PathBuf;

use clap::Args;
use claviger::proto::limits;

#[derive(Debug, Args)]
pub(crate) struct Context {
    /// Authenticated with the data and not stored: unsealing asks for the same again
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    context: String,
    /// The same in hexadecimal, for one that is not text
    #[arg(long, value_name = "HEX", conflicts_with = "context")]
    context_hex: Option<Hex>,
}

impl Context {
    pub(crate) fn bytes(&self) -> &[u8] {
        either(&self.context, self.context_hex.as_ref())
    }
}

/// What is authenticated beside a message.
#[derive(Debug, Args)]
pub(crate) struct AssociatedData {
    /// Authenticated with the data and not stored: decrypting asks for the same again
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    aad: String,
    /// The same in hexadecimal, for what is not text
    #[arg(long, value_name = "HEX", conflicts_with = "aad")]
    aad_hex: Option<Hex>,
}

impl AssociatedData {
    pub(crate) fn bytes(&self) -> &[u8] {
        either(&self.aad, self.aad_hex.as_ref())
    }
}

fn either<'a>(text: &'a str, hex: Option<&'a Hex>) -> &'a [u8] {
    hex.map_or(text.as_bytes(), |hex| &hex.0)
}

#[derive(Debug, Args)]
pub(crate) struct Input {
    /// Read from this file; - is standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    pub(crate) input: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Write to this file, which appears when it is complete; - is standard output
    #[arg(long = "out", value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
}

/// What else a key is computed of.
#[derive(Debug, Args)]
pub(crate) struct Purpose {
    /// What the key is for: another text gives another key
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    info: String,
    /// The same in hexadecimal, for what is not text
    #[arg(long, value_name = "HEX", conflicts_with = "info")]
    info_hex: Option<Hex>,
    /// Salt, in hexadecimal: public, and the same at both ends
    #[arg(
        long,
        value_name = "HEX",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) salt: Hex,
    /// How many bytes --secret gets, 64 at most
    #[arg(long, value_name = "N", default_value_t = 32, requires = "secret",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) length: u32,
}

impl Purpose {
    pub(crate) fn info(&self) -> &[u8] {
        either(&self.info, self.info_hex.as_ref())
    }
}

/// Bytes in hexadecimal, of either case.
#[derive(Debug, Clone)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl std::str::FromStr for Hex {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Hex, Self::Err> {
        let nibble = |digit: u8| (digit as char).to_digit(16).map(|nibble| nibble as u8);
        let pairs = text.as_bytes().chunks(2);
        let bytes = pairs.map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        });
        bytes
            .collect::<Option<Vec<u8>>>()
            .map(Hex)
            .ok_or("not pairs of hexadecimal digits")
    }
}

/// A number of bytes: decimal, or with K, M or G for their powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((end, 'K')) => (&text[..end], 1 << 10),
        Some((end, 'M')) => (&text[..end], 1 << 20),
        Some((end, 'G')) => (&text[..end], 1 << 30),
        _ => (text, 1),
    };
    let number = number.parse::<u64>().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "a size is a number of bytes, or one with K, M or G behind it".to_owned())
}

/// A level of rollback protection that there is.
pub(super) fn rollback_level(text: &str) -> Result<u32, String> {
    match text {
        "0" => Ok(0),
        "100" => Ok(100),
        "1000" => Ok(limits::ROLLBACK_DETECTED),
        _ => Err("the levels are 0 (none), 100 and 1000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_three_levels_of_rollback_protection() {
        assert_eq!(
            ["0", "100", "1000"].map(rollback_level),
            [Ok(0), Ok(100), Ok(1000)]
        );
        for bad in ["500", "5000", "-1", ""] {
            assert!(rollback_level(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags_are_pairs_of_digits() {
        assert_eq!("00fFA1".parse::<Hex>().unwrap().0, [0, 0xff, 0xa1]);
        assert!("".parse::<Hex>().unwrap().0.is_empty());
        for bad in ["0", "0g", "+1", "é"] {
            assert!(bad.parse::<Hex>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("3K"), Ok(3072));
        assert_eq!(size("2M"), Ok(2 << 20));
        assert_eq!(size("1G"), Ok(1 << 30));
        for bad in ["", "K", "-1", "1.5G", "1T", "1g", "17179869184G", "é"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
