//! The verb `test`: the end-to-end suite in a guest.

use std::fmt;
use std::io;
use std::iter::Sum;
use std::ops::AddAssign;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::artifacts::{self, Claviger, Flavour};
use crate::cli::TestOptions;
use crate::device::{DISK_MEBIBYTES, Device};
use crate::guest::{Boot, Guest, Job};
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

/// Runs every test binary, all in one boot unless one of them brings the guest down.
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
    let tests = artifacts::tests(platform)?;
    let folder = platform.cache.run()?;
    let mut total = Count::default();
    let mut booted: Option<(Device, Guest)> = None;
    let mut devices = 0;
    for test in &tests {
        let (device, mut guest) = match booted.take() {
            Some(booted) => booted,
            None => {
                devices += 1;
                let device = Device::open(
                    platform,
                    &folder.path().join(format!("disk{devices}")),
                    DISK_MEBIBYTES,
                )?;
                let mut boot = Boot::new(&device, Some(&claviger));
                boot.files = tests
                    .iter()
                    .map(|test| (PathBuf::from(&test.path), place(&test.name)))
                    .collect();
                let guest = Guest::boot(platform, &boot)?;
                (device, guest)
            }
        };
        let mut job = Job::new(0, &[place(&test.name), "--test-threads=1".to_owned()]);
        job.words.extend(options.arguments.iter().cloned());
        let started = Instant::now();
        let mut stdout = Vec::new();
        // Long tests say there how far they are.
        let result = guest.run(&job, &mut stdout, &mut io::stderr(), deadline);
        total += match &result {
            Ok(status) => judge(&test.name, *status, &stdout, started.elapsed()),
            Err(error) => {
                println!("{}: the guest failed: {error:#}", test.name);
                Count::ONE_FAILED
            }
        };
        if result.is_ok() {
            show_marks(&mut guest, &test.name)?;
            booted = Some((device, guest));
        }
    }
    if let Some((_device, guest)) = booted {
        guest.off()?;
    }
    Ok(total)
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
