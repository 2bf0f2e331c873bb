//! Makes keys, and proves which there are: the runner compares the proofs of two boots.
//!
//! ```text
//! claviger-keys make FIRST COUNT   makes root's keys number FIRST and on
//! claviger-keys                    a line for each of root's keys: its label, and what only its
//!                                  secret gives (a MAC of a known message, or a public key)
//! ```

use std::{env, process::ExitCode};

use claviger::{Algorithm, Client, Error};
use claviger_tests::digits;

/// Of so many keys, one signs.
const SIGNING: u32 = 16;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => show(),
        ["make", first, count] => match (first.parse(), count.parse()) {
            (Ok(first), Ok(count)) => make(first, count),
            _ => return ExitCode::from(2),
        },
        _ => return ExitCode::from(2),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("claviger-keys: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make(first: u32, count: u32) -> Result<(), Error> {
    let client = Client::open()?;
    for number in first..first.saturating_add(count) {
        let algorithm = match number % SIGNING {
            0 => Algorithm::EcdsaP256,
            _ => Algorithm::Aes256Cmac,
        };
        client.generate(&format!("k{number}"), algorithm)?;
    }
    Ok(())
}

fn show() -> Result<(), Error> {
    let client = Client::open()?;
    for summary in client.list()? {
        let key = client.key(&summary.key.to_string())?;
        let proof = match key.algorithm() {
            Algorithm::EcdsaP256 => key.public_key()?.raw(),
            _ => key.mac(b"proof")?,
        };
        println!("{} {}", summary.key, digits(&proof));
    }
    Ok(())
}
