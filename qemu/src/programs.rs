//! Programs of the end-to-end package in a guest of their own, mostly one whose time is counted instructions.
//!
//! That is a boot with `-smp 1 -icount shift=1,sleep=off`: time is instructions times 2 ns. It repeats to 1 or 2 %, and
//! it is no prediction for hardware: an AES instruction counts as one, a cache miss as nothing.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::artifacts::{self, Claviger, Flavour};
use crate::cache::RunFolder;
use crate::device::{DISK_MEBIBYTES, Device};
use crate::guest::{Boot, Guest, Job, Output};
use crate::setup::Platform;
use crate::suite::PROGRAMS;

const DEADLINE: Duration = Duration::from_secs(6 * 60 * 60);

/// A new device with programs of the end-to-end package.
pub(crate) struct Programs {
    guest: Guest,
    _device: Device,
    _folder: RunFolder,
}

impl Programs {
    /// Builds the programs and boots; time is counted instructions.
    pub(crate) fn boot(platform: &Platform, flavour: Flavour, programs: &[&str]) -> Result<Self> {
        Self::boot_with(platform, flavour, programs, |boot| {
            boot.processors = 1;
            boot.icount = true;
            // A disk's answer takes the host's time, which is not counted.
            boot.store_in_memory = true;
        })
    }

    /// As [`Programs::boot`], with so many processors, which the host's share between them: time is the host's.
    pub(crate) fn boot_by_the_clock(
        platform: &Platform,
        processors: u8,
        programs: &[&str],
    ) -> Result<Self> {
        Self::boot_with(platform, Flavour::Marks, programs, |boot| {
            boot.processors = processors;
        })
    }

    fn boot_with(
        platform: &Platform,
        flavour: Flavour,
        programs: &[&str],
        configure: impl FnOnce(&mut Boot<'_>),
    ) -> Result<Self> {
        let claviger = Claviger::build(platform, flavour)?;
        let folder = platform.cache.run()?;
        let device = Device::open(platform, &folder.path().join("disk"), DISK_MEBIBYTES)?;
        let mut boot = Boot::new(&device, Some(&claviger));
        configure(&mut boot);
        for program in programs {
            let file = artifacts::program(platform, program)?;
            boot.files.push((file, place(program)));
        }
        let guest = Guest::boot(platform, &boot)?;
        Ok(Self {
            guest,
            _device: device,
            _folder: folder,
        })
    }

    /// Runs one of the programs; its output goes to the writers as it comes. Returns its exit status.
    pub(crate) fn run(
        &mut self,
        program: &str,
        arguments: &[&str],
        stdout: &mut (dyn Write + Send),
        stderr: &mut (dyn Write + Send),
    ) -> Result<u8> {
        let place = place(program);
        let job = Job::new(0, &[&[place.as_str()], arguments].concat());
        self.guest.run(&job, stdout, stderr, DEADLINE)
    }

    /// Runs one of the programs, and returns what it printed, also if it failed in the end; its messages go to stderr as
    /// they come.
    pub(crate) fn capture(&mut self, program: &str, arguments: &[&str]) -> Result<Output> {
        let mut stdout = Vec::new();
        let status = self.run(program, arguments, &mut stdout, &mut io::stderr())?;
        Ok(Output {
            status,
            stdout,
            stderr: Vec::new(),
        })
    }

    /// Switches it off.
    pub(crate) fn off(self) -> Result<()> {
        self.guest.off()
    }
}

/// What one program prints on a device of its own, and its exit status.
pub(crate) fn capture(platform: &Platform, program: &str, arguments: &[&str]) -> Result<Output> {
    let mut counted = Programs::boot(platform, Flavour::Marks, &[program])?;
    let output = counted.capture(program, arguments)?;
    counted.off()?;
    Ok(output)
}

fn place(program: &str) -> String {
    format!("{PROGRAMS}/{program}")
}

/// # Errors
/// If the program did not end well.
pub(crate) fn expect_success(program: &str, status: u8) -> Result<()> {
    ensure!(status == 0, "{program} failed with exit status {status}");
    Ok(())
}
