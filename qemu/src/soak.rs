//! The verb `soak`: what only shows after many tries, or a long time.

mod long_run;
pub(crate) mod power_cuts;

use anyhow::Result;

use crate::artifacts::plain_cargo;
use crate::ci;
use crate::cli::{FuzzOptions, SoakOptions};
use crate::setup::Platform;
use crate::suite::{self, Count};
use crate::{fuzz, tampering};

/// The program in the guest that makes the load.
const PROGRAM: &str = "claviger-load";

/// A test on the workstation that is too long for elsewhere.
const MANY_SHARDS: [&str; 8] = [
    "test",
    "--package=claviger-tests",
    "--test=storage_faults",
    "vaults_of_many_shards",
    "--",
    "--ignored",
    "--nocapture",
    "--test-threads=1",
];

/// Runs it all, prints the closing line, and tells whether all went well.
pub(crate) fn soak(options: &SoakOptions) -> Result<bool> {
    let platform = Platform::ready()?;
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let mut count = Count::default();
    if options.cycles > 0 {
        count += power_cuts::run(&platform, options.cycles, seed)?;
    }
    if !options.no_hostile {
        println!("vaults of many shards, parts of them held back");
        count += ci::counted(plain_cargo().args(MANY_SHARDS))?;
    }
    if options.operations > 0 {
        count += long_run::run(&platform, options.operations)?;
    }
    count += tampering::run(&platform, options.tampering)?;
    if !options.no_hostile {
        count += suite::run_long(&platform)?;
    }
    if options.fuzz > 0 {
        count += fuzz::run(&FuzzOptions {
            seconds: options.fuzz,
            target: None,
        })?;
    }
    println!("{count}");
    Ok(count.is_good())
}
