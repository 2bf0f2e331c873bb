//! The verb `test`: the end-to-end suite in a guest.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::iter::Sum;
use std::ops::AddAssign;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::artifacts::{self, Claviger, Executable, Flavour};
use crate::cli::TestOptions;
use crate::device::{DISK_MEBIBYTES, Device};
use crate::guest::{Boot, Guest, Job};
use crate::lanes;
use crate::report::seconds;
use crate::setup::Platform;

/// For one test binary: emulation is slow, a hang is not to be waited for for ever.
const DEADLINE: Duration = Duration::from_secs(30 * 60);
const LONG_DEADLINE: Duration = Duration::from_secs(6 * 60 * 60);

/// Where the programs of the end-to-end package lie in the guest.
const PROGRAMS: &str = "/usr/lib/claviger-tests";

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Count {
    pub(crate) const ONE_PASSED: Self = Self {
        passed: 1,
        failed: 0,
    };
    pub(crate) const ONE_FAILED: Self = Self {
        passed: 0,
        failed: 1,
    };

    /// Whether something ran, and all of it well.
    pub(crate) fn is_good(self) -> bool {
        self.passed > 0 && self.failed == 0
    }

    /// Adds up libtest's closing lines.
    pub(crate) fn of_output(output: &str) -> Option<Self> {
        let mut total = None;
        for line in output.lines() {
            if let Some(count) = Self::of_line(line) {
                *total.get_or_insert(Self::default()) += count;
            }
        }
        total
    }

    fn of_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let number = |what: &str| -> Option<u64> {
            counts
                .split("; ")
                .find_map(|count| count.strip_suffix(what)?.trim().parse().ok())
        };
        Some(Self {
            passed: number(" passed")?,
            failed: number(" failed")?,
        })
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut total, count| {
            total += count;
            total
        })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs the suite, prints the closing line, and tells whether all went well.
pub(crate) fn test(options: &TestOptions) -> Result<bool> {
    let count = run(&Platform::ready()?, options)?;
    println!("{count}");
    Ok(count.is_good())
}

/// Tests of one binary that run in a row: a lane takes the next ones when it is done with these.
const IN_A_ROW: usize = 16;

/// Runs every test, in as many guests as this machine has processors.
pub(crate) fn run(platform: &Platform, options: &TestOptions) -> Result<Count> {
    run_within(platform, options, DEADLINE)
}

/// Runs the tests that take too long for [`run`]: libtest's ignored ones.
pub(crate) fn run_long(platform: &Platform) -> Result<Count> {
    let arguments = vec!["--ignored".into()];
    run_within(platform, &TestOptions { arguments }, LONG_DEADLINE)
}

fn run_within(platform: &Platform, options: &TestOptions, deadline: Duration) -> Result<Count> {
    let claviger = Claviger::build(platform, Flavour::Marks)?;
    let binaries = artifacts::tests(platform)?;
    let folder = platform.cache.run()?;
    let lane = |number: usize| Lane {
        platform,
        claviger: &claviger,
        binaries: &binaries,
        disks: folder.path().join(number.to_string()),
        booted: None,
        devices: 0,
    };
    let rows = lane(usize::MAX).rows(options)?;
    let counts = lanes::share(&rows, |number, rows| {
        let mut lane = lane(number);
        let mut total = Count::default();
        for row in rows {
            total += lane.run(row, options, deadline)?;
        }
        lane.off()?;
        Ok(total)
    })?;
    Ok(counts.into_iter().sum())
}

/// Tests of one binary.
struct Row<'a> {
    binary: &'a str,
    tests: Vec<String>,
}

/// A guest, booted when it is needed, and anew if tests brought it down.
struct Lane<'a> {
    platform: &'a Platform,
    claviger: &'a Claviger,
    binaries: &'a [Executable],
    /// Where the disks of its devices lie; each has a number behind that.
    disks: PathBuf,
    booted: Option<(Device, Guest)>,
    devices: usize,
}

impl<'a> Lane<'a> {
    /// All tests that the options choose, in rows.
    fn rows(mut self, options: &TestOptions) -> Result<Vec<Row<'a>>> {
        let mut rows = Vec::new();
        for binary in self.binaries {
            let mut words = vec![place(&binary.name).into(), "--list".into()];
            words.extend(options.arguments.iter().cloned());
            let job = Job::new(0, &words);
            let listed = self.guest()?.capture(&job, DEADLINE)?;
            ensure!(listed.status == 0, "{} lists no tests", binary.name);
            let text = String::from_utf8_lossy(&listed.stdout).into_owned();
            let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
            let names: Vec<String> = names.map(str::to_owned).collect();
            rows.extend(names.chunks(IN_A_ROW).map(|tests| Row {
                binary: &binary.name,
                tests: tests.to_vec(),
            }));
        }
        self.off()?;
        Ok(rows)
    }

    fn run(
        &mut self,
        Row { binary, tests }: &Row<'_>,
        options: &TestOptions,
        deadline: Duration,
    ) -> Result<Count> {
        let mut job = Job::new(0, &[place(binary), "--test-threads=1".to_owned()]);
        job.words.extend(options.arguments.iter().cloned());
        job.words.push("--exact".into());
        job.words.extend(tests.iter().map(OsString::from));
        let started = Instant::now();
        let mut stdout = Vec::new();
        // Long tests say there how far they are.
        let result = self
            .guest()?
            .run(&job, &mut stdout, &mut io::stderr(), deadline);
        match result {
            Ok(status) => {
                let count = judge(binary, status, &stdout, started.elapsed());
                show_marks(self.guest()?, binary)?;
                Ok(count)
            }
            Err(error) => {
                println!("{binary}: the guest failed: {error:#}");
                self.booted = None;
                Ok(Count::ONE_FAILED)
            }
        }
    }

    fn guest(&mut self) -> Result<&mut Guest> {
        if self.booted.is_none() {
            self.devices += 1;
            let disk = self.disks.with_extension(self.devices.to_string());
            let device = Device::open(self.platform, &disk, DISK_MEBIBYTES)?;
            let mut boot = Boot::new(&device, Some(self.claviger));
            boot.files = self
                .binaries
                .iter()
                .map(|test| (test.path.clone(), place(&test.name)))
                .collect();
            let guest = Guest::boot(self.platform, &boot)?;
            self.booted = Some((device, guest));
        }
        let booted = self.booted.as_mut();
        booted.map(|(_, guest)| guest).context("a guest was booted")
    }

    fn off(self) -> Result<()> {
        match self.booted {
            Some((_device, guest)) => guest.off(),
            None => Ok(()),
        }
    }
}

/// Says how far heap and stack of the trusted application's instance were driven since it began.
fn show_marks(guest: &mut Guest, test: &str) -> Result<()> {
    let info = guest.capture(&Job::new(0, &["claviger", "info"]), DEADLINE)?;
    for line in String::from_utf8_lossy(&info.stdout).lines() {
        if line.starts_with("heap") || line.starts_with("stack") {
            println!("{test}: {line}");
        }
    }
    Ok(())
}

/// Where a program of the end-to-end package lies in the guest.
pub(crate) fn place(name: &str) -> String {
    format!("{PROGRAMS}/{name}")
}

/// Counts a binary's tests; prints their output if any failed. One that ended badly without saying which failed counts
/// as a failed test itself.
fn judge(name: &str, status: u8, stdout: &[u8], time: Duration) -> Count {
    let text = String::from_utf8_lossy(stdout);
    let mut count = Count::of_output(&text).unwrap_or(Count::ONE_FAILED);
    if status != 0 && count.failed == 0 {
        count += Count::ONE_FAILED;
    }
    if count.failed > 0 {
        print!("{text}");
        println!("{name}: exit status {status}");
    }
    println!("{name}: {count} ({})", seconds(time));
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up() {
        let output = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        assert_eq!(
            Count::of_output(output),
            Some(Count {
                passed: 5,
                failed: 4
            })
        );
        assert_eq!(Count::of_output("Segmentation fault\n"), None);
    }

    #[test]
    fn a_binary_that_dies_has_failed() {
        assert_eq!(judge("t", 139, b"", Duration::ZERO), Count::ONE_FAILED);
        let closing =
            b"test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(judge("t", 0, closing, Duration::ZERO), Count::ONE_PASSED);
        assert_eq!(
            judge("t", 134, closing, Duration::ZERO),
            Count {
                passed: 1,
                failed: 1
            }
        );
    }

    #[test]
    fn nothing_run_is_not_good() {
        assert!(!Count::default().is_good());
        assert!(Count::ONE_PASSED.is_good());
        assert!(
            !Count {
                passed: 1,
                failed: 1
            }
            .is_good()
        );
        assert_eq!(
            Count {
                passed: 1,
                failed: 2
            }
            .to_string(),
            "1 passed, 2 failed"
        );
    }
}
