//! What the trusted application is made of.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use super::symbols::{self, Symbol};
use super::table;
use crate::artifacts::{Claviger, Flavour};
use crate::process;
use crate::setup::Platform;

/// Crates that are shown by name: the others are small.
const SHOWN: usize = 30;
/// What is no Rust: OP-TEE's library for trusted applications, the C compiler's own.
const OTHERS: &str = "(libutee, compiler)";

/// Prints how large the trusted application is, in which sections, and what each crate has of it.
pub(super) fn sizes(platform: &Platform) -> Result<()> {
    let plain = Claviger::build(platform, Flavour::Plain)?;
    let built = Claviger::build(platform, Flavour::Symbols)?;
    println!("{} bytes, signed", fs::metadata(&plain.ta)?.len());
    let mut size = Command::new("aarch64-linux-gnu-size");
    print!("{}", process::output(size.arg(&built.elf))?);
    print!("{}", by_crate(&symbols::of(&built.elf)?));
    Ok(())
}

/// Code and constants of each crate, the largest first. A generic function counts for the crate that wrote it, what was
/// inlined for the one that it went into.
fn by_crate(symbols: &[Symbol]) -> String {
    let mut crates: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for symbol in symbols {
        let of = crates.entry(crate_of(&symbol.name)).or_default();
        let size = symbol.size.unwrap_or(0);
        if symbol.is_code() {
            of.0 += size;
        } else if "rRdD".contains(symbol.kind) {
            of.1 += size;
        }
    }
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by_key(|(_, (code, data))| u64::MAX - code - data);
    let mut cells = vec![
        ["bytes, by crate", "code", "constants"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let rest = crates.split_off(crates.len().min(SHOWN));
    let sum = |part: fn(&(u64, u64)) -> u64| rest.iter().map(|(_, sizes)| part(sizes)).sum();
    crates.push(("others", (sum(|sizes| sizes.0), sum(|sizes| sizes.1))));
    for (name, (code, data)) in crates {
        cells.push(vec![name.to_owned(), code.to_string(), data.to_string()]);
    }
    table::align(&cells)
}

/// The crate that a demangled name begins with: `a::b`, `<a::b as c::d>::e`, `<&mut a::b>::c`.
fn crate_of(name: &str) -> &str {
    let mut name = name;
    for front in ["<", "&", "mut ", "[", "*const ", "*mut ", "dyn "] {
        name = name.trim_start_matches(front);
    }
    match name.split_once("::") {
        Some((front, _)) if front.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => front,
        _ => OTHERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_crates() {
        for (name, of) in [
            ("p256::arithmetic::mul", "p256"),
            ("<p256::Point as core::ops::Add>::add", "p256"),
            (
                "<&mut claviger_proto::Status as core::fmt::Debug>::fmt",
                "claviger_proto",
            ),
            ("TEE_MemMove", OTHERS),
            ("memcpy", OTHERS),
        ] {
            assert_eq!(crate_of(name), of, "{name}");
        }
    }

    #[test]
    fn sizes_are_added_up() {
        let nm = "\
0000000000001000 0000000000000010 t aes::soft
0000000000001010 0000000000000020 T <aes::Block as core::fmt::Debug>::fmt
0000000000001030 t $x
0000000000002000 0000000000000100 r aes::TABLE
0000000000003000 0000000000000008 b heap
";
        let text = by_crate(&symbols::parse(nm));
        let line = text.lines().find(|line| line.starts_with("aes")).unwrap();
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            ["aes", "48", "256"]
        );
    }
}
