//! Many operations in one boot, measured by counted instructions.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{PLACE, PROGRAM};
use crate::artifacts::{self, Claviger, Flavour};
use crate::device::{DISK_MEBIBYTES, Device};
use crate::guest::{Boot, Guest, Job};
use crate::report::seconds;
use crate::setup::Platform;
use crate::suite::Count;

/// 100,000 operations take ten minutes.
const DEADLINE: Duration = Duration::from_secs(6 * 60 * 60);

/// Does so many operations; what they print goes to stdout.
pub(super) fn run(platform: &Platform, operations: u64) -> Result<Count> {
    let claviger = Claviger::build(platform, Flavour::Marks)?;
    let program = artifacts::program(platform, PROGRAM)?;
    let folder = platform.cache.run()?;
    let device = Device::open(platform, &folder.path().join("disk"), DISK_MEBIBYTES)?;
    let mut boot = Boot::new(&device, Some(&claviger));
    boot.processors = 1;
    boot.icount = true;
    // A disk's answer takes the host's time, which is not counted.
    boot.store_in_memory = true;
    boot.files = vec![(program, PLACE.to_owned())];
    println!("{operations} operations in one boot");
    let started = Instant::now();
    let mut guest = Guest::boot(platform, &boot)?;
    let job = Job::new(0, &[PLACE, "mixed", &operations.to_string()]);
    let status = guest.run(&job, &mut io::stdout(), &mut io::stderr(), DEADLINE)?;
    guest.off()?;
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
