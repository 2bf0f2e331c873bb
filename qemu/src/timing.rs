//! The verb `timing`: whether what is not authentic takes the same time wherever it is wrong.

use anyhow::{Context, Result, ensure};

use crate::artifacts::Flavour;
use crate::program::Program;
use crate::setup::Platform;
use crate::suite::Count;

/// Measures, prints the closing line, and tells whether all went well.
pub(crate) fn timing() -> Result<bool> {
    let count = run(&Platform::ready()?)?;
    println!("{count}");
    Ok(count.is_good())
}

/// Measures by counted instructions, and prints a line for each command.
pub(crate) fn run(platform: &Platform) -> Result<Count> {
    let program = Program::boot(platform, Flavour::Marks, "claviger-timing")?;
    let (status, text) = program.capture(&[])?;
    print!("{text}");
    let count = Count::of_output(&text).context("nothing was measured")?;
    ensure!(
        status == 0 || count.failed > 0,
        "it failed with exit status {status}"
    );
    Ok(count)
}
