//! Programs of the end-to-end package in a guest whose time is counted instructions.
//!
//! One boot with `-smp 1 -icount shift=1,sleep=off`: time is instructions times 2 ns. It repeats to 1 or 2 %, and it is
//! no prediction for hardware: an AES instruction counts as one, a cache miss as nothing.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;

use crate::artifacts::{self, Claviger, Flavour};
use crate::device::{DISK_MEBIBYTES, Device};
use crate::guest::{Boot, Guest, Job, Output};
use crate::setup::Platform;
use crate::suite::PROGRAMS;

const DEADLINE: Duration = Duration::from_secs(6 * 60 * 60);

/// Runs a program of the end-to-end package on a new device, where time is counted instructions.
pub(crate) fn capture(platform: &Platform, name: &str) -> Result<Output> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let status = run(platform, name, &[], &mut stdout, &mut stderr)?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

/// As [`capture`], with arguments; its output goes to the writers as it comes. Returns its exit status.
pub(crate) fn run(
    platform: &Platform,
    name: &str,
    arguments: &[&str],
    stdout: &mut (dyn Write + Send),
    stderr: &mut (dyn Write + Send),
) -> Result<u8> {
    let claviger = Claviger::build(platform, Flavour::Marks)?;
    let program = artifacts::program(platform, name)?;
    let folder = platform.cache.run()?;
    let device = Device::open(platform, &folder.path().join("disk"), DISK_MEBIBYTES)?;
    let mut boot = Boot::new(&device, Some(&claviger));
    boot.processors = 1;
    boot.icount = true;
    // A disk's answer takes the host's time, which is not counted.
    boot.store_in_memory = true;
    let place = format!("{PROGRAMS}/{name}");
    boot.files = vec![(program, place.clone())];
    let mut guest = Guest::boot(platform, &boot)?;
    let job = Job::new(0, &[&[place.as_str()], arguments].concat());
    let status = guest.run(&job, stdout, stderr, DEADLINE)?;
    guest.off()?;
    Ok(status)
}
