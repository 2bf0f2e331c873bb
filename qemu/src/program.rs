//! A program of the end-to-end package in a guest of its own, mostly one whose time is counted instructions.
//!
//! That is a boot with `-smp 1 -icount shift=1,sleep=off`: time is instructions times 2 ns. It repeats to 1 or 2 %, and
//! it is no prediction for hardware: an AES instruction counts as one, a cache miss as nothing.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::artifacts::{self, Claviger, Flavour};
use crate::cache::RunFolder;
use crate::device::{DISK_MEBIBYTES, Device};
use crate::guest::{Boot, Guest, Job, Written};
use crate::setup::Platform;
use crate::suite;

const DEADLINE: Duration = Duration::from_secs(6 * 60 * 60);

/// A new device with a program, which may run there several times.
pub(crate) struct Program {
    guest: Guest,
    /// Where the program lies.
    place: String,
    _device: Device,
    _folder: RunFolder,
}

/// Has time be counted instructions.
pub(crate) fn counted(boot: &mut Boot<'_>) {
    boot.processors = 1;
    boot.icount = true;
    // A disk's answer takes the host's time, which is not counted.
    boot.store_in_memory = true;
}

impl Program {
    /// Builds this program and boots; time is counted instructions.
    pub(crate) fn boot(platform: &Platform, flavour: Flavour, name: &str) -> Result<Self> {
        let claviger = Claviger::build(platform, flavour)?;
        let file = artifacts::measured_program(platform, name)?;
        Self::boot_file(platform, &claviger, &file, counted)
    }

    /// As [`Program::boot`], with so many processors, which the host's share between them: time is the host's.
    pub(crate) fn boot_by_the_clock(
        platform: &Platform,
        processors: u8,
        name: &str,
    ) -> Result<Self> {
        let claviger = Claviger::build(platform, Flavour::Marks)?;
        let file = artifacts::measured_program(platform, name)?;
        Self::boot_file(platform, &claviger, &file, |boot| {
            boot.processors = processors;
        })
    }

    /// Boots with what was built.
    pub(crate) fn boot_file(
        platform: &Platform,
        claviger: &Claviger,
        file: &Path,
        configure: impl FnOnce(&mut Boot<'_>),
    ) -> Result<Self> {
        let name = file.file_name().context("a program has a name")?;
        let place = suite::place(&name.to_string_lossy());
        let folder = platform.cache.run()?;
        let device = Device::open(platform, &folder.path().join("disk"), DISK_MEBIBYTES)?;
        let mut boot = Boot::new(&device, Some(claviger));
        configure(&mut boot);
        boot.files = vec![(file.to_owned(), place.clone())];
        let counted = boot.icount;
        let mut guest = Guest::boot(platform, &boot)?;
        if counted {
            // What Linux still does after its boot would be counted too. Counted time does not wait.
            let waited = guest.capture(&Job::new(0, &["sleep", "10"]), DEADLINE)?;
            ensure!(waited.status == 0, "the guest could not wait");
        }
        Ok(Self {
            guest,
            place,
            _device: device,
            _folder: folder,
        })
    }

    /// Runs it; its output goes to the writers as it comes. Returns its exit status.
    pub(crate) fn run(
        &mut self,
        arguments: &[&str],
        stdout: &mut (dyn Write + Send),
        stderr: &mut (dyn Write + Send),
    ) -> Result<u8> {
        let job = self.job(arguments);
        self.guest.run(&job, stdout, stderr, DEADLINE)
    }

    /// Runs it once and switches off. Returns its exit status, and what it printed, also if it failed in the end; its
    /// messages go to stderr as they come.
    pub(crate) fn capture(mut self, arguments: &[&str]) -> Result<(u8, String)> {
        let mut stdout = Vec::new();
        let status = self.run(arguments, &mut stdout, &mut io::stderr())?;
        self.off()?;
        Ok((status, String::from_utf8_lossy(&stdout).into_owned()))
    }

    /// As [`Guest::kill_once`].
    pub(crate) fn kill_once(
        self,
        arguments: &[&str],
        mark: &str,
        act: impl FnOnce() -> Result<()>,
    ) -> Result<Written> {
        let job = self.job(arguments);
        self.guest.kill_once(&job, mark, act)
    }

    /// QEMU's monitor, where it was asked for.
    pub(crate) fn monitor(&self) -> Result<UnixStream> {
        self.guest.monitor()
    }

    /// Switches it off.
    pub(crate) fn off(self) -> Result<()> {
        self.guest.off()
    }

    fn job(&self, arguments: &[&str]) -> Job {
        Job::new(0, &[&[self.place.as_str()], arguments].concat())
    }
}
