//! Load for the device on which it runs, as root. Keys that it makes stay; it is meant for a device
//! that is thrown away.
//!
//! `cuts SEED` checks the device by its journal and then changes keys until the power is cut;
//! without a seed it only checks. `mixed N` does N operations of all kinds in a row and looks for
//! what grows.

mod change;
mod check;
mod cuts;
mod journal;
mod mixed;
mod model;
mod resources;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["cuts"] => cuts::check(),
        ["cuts", seed] => cuts::change(number(seed)),
        ["mixed", operations] => mixed::run(number(operations)),
        _ => {
            eprintln!("usage: claviger-load cuts [SEED] | mixed N");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn number(word: &str) -> u64 {
    word.parse()
        .unwrap_or_else(|error| panic!("{word}: {error}"))
}
