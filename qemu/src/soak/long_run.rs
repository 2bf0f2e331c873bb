//! Many operations in one boot, measured by counted instructions.

use std::io;
use std::time::Instant;

use anyhow::Result;

use super::PROGRAM;
use crate::artifacts::Flavour;
use crate::program::Program;
use crate::report::seconds;
use crate::setup::Platform;
use crate::suite::Count;

/// Does so many operations; what they print goes to stdout.
pub(super) fn run(platform: &Platform, operations: u64) -> Result<Count> {
    println!("{operations} operations in one boot");
    let started = Instant::now();
    let mut program = Program::boot(platform, Flavour::Marks, PROGRAM)?;
    let status = program.run(
        &["mixed", &operations.to_string()],
        &mut io::stdout(),
        &mut io::stderr(),
    )?;
    program.off()?;
    println!(
        "{operations} operations: exit status {status} ({})",
        seconds(started.elapsed())
    );
    Ok(if status == 0 {
        Count::ONE_PASSED
    } else {
        Count::ONE_FAILED
    })
}
