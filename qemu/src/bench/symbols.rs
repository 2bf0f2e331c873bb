//! What a linker knew of a program.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::process;

/// A function, or data with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) start: u64,
    /// What is written in assembler has none, at times.
    pub(super) size: Option<u64>,
    /// As nm tells it: `t` for code, `r` for constants, ...; of either case.
    pub(super) kind: char,
    /// Demangled.
    pub(super) name: String,
}

impl Symbol {
    pub(super) fn is_code(&self) -> bool {
        "tTwW".contains(self.kind)
    }
}

/// Those of a program, in the order of their addresses.
pub(super) fn of(elf: &Path) -> Result<Vec<Symbol>> {
    let mut nm = Command::new("aarch64-linux-gnu-nm");
    nm.args(["--demangle", "--numeric-sort", "--print-size"])
        .arg(elf);
    let symbols = parse(&process::output(&mut nm)?);
    ensure!(!symbols.is_empty(), "{}: no symbols", elf.display());
    Ok(symbols)
}

pub(super) fn parse(nm: &str) -> Vec<Symbol> {
    nm.lines().filter_map(symbol).collect()
}

/// Of a line: address, size, kind, name; some have no size, and what begins with `$` is a mark.
fn symbol(line: &str) -> Option<Symbol> {
    let number = |word: &str| u64::from_str_radix(word, 16).ok();
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    let [start, second, rest] = words[..] else {
        return None;
    };
    // A kind is one letter, a size has sixteen digits.
    let (size, (kind, name)) = match second.len() {
        1 => (None, (second, rest)),
        _ => (Some(number(second)?), rest.split_once(' ')?),
    };
    (!name.starts_with('$')).then_some(Symbol {
        start: number(start)?,
        size,
        kind: kind.chars().next()?,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_and_without_a_size() {
        let nm = "\
                 U undefined
0000000000001000 T entry
0000000000001010 0000000000000020 t <a::B as c::D>::e
0000000000001030 t $x
";
        let symbol = |start, size, kind, name: &str| Symbol {
            start,
            size,
            kind,
            name: name.to_owned(),
        };
        assert_eq!(
            parse(nm),
            [
                symbol(0x1000, None, 'T', "entry"),
                symbol(0x1010, Some(0x20), 't', "<a::B as c::D>::e"),
            ]
        );
    }
}
