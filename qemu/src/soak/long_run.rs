//! Many operations in one boot, measured by counted instructions.

use std::io;
use std::time::Instant;

use anyhow::Result;

use super::PROGRAM;
use crate::artifacts::Flavour;
use crate::programs::Programs;
use crate::report::seconds;
use crate::setup::Platform;
use crate::suite::Count;

/// Does so many operations; what they print goes to stdout.
pub(super) fn run(platform: &Platform, operations: u64) -> Result<Count> {
    println!("{operations} operations in one boot");
    let started = Instant::now();
    let mut device = Programs::boot(platform, Flavour::Marks, &[PROGRAM])?;
    let status = device.run(
        PROGRAM,
        &["mixed", &operations.to_string()],
        &mut io::stdout(),
        &mut io::stderr(),
    )?;
    device.off()?;
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
