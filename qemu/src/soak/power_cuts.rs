//! Power cuts: QEMU killed at random moments, and the same disk booted again.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fs_err as fs;

use super::PROGRAM;
use crate::artifacts::{self, Claviger, Flavour};
use crate::cache::RunFolder;
use crate::device::{DISK_MEBIBYTES, Device};
use crate::files;
use crate::guest::{Boot, Guest, Job};
use crate::report::seconds;
use crate::setup::Platform;
use crate::suite::{self, Count};

/// A cycle writes some ten kilobytes.
const JOURNAL_BYTES: u64 = 1 << 30;
/// What the load says when it has opened and checked the vault.
const CHECKED: &str = "checked ";
/// How long the load has before a cut, at most: until one while the vault is being opened and checked, which takes a
/// second or two, and until one after that.
const EARLY: Duration = Duration::from_millis(1500);
const LATE: Duration = Duration::from_millis(3000);
/// One cut of so many is early.
const EARLY_OF: u32 = 5;
const CHECK_DEADLINE: Duration = Duration::from_secs(120);
/// How many cycles there are between two lines of progress.
const PROGRESS: u64 = 10;

/// Cuts the power so many times. Each cycle is one test; the first that fails is the last, since what is on the disk
/// behind it is not known. The disk is kept then.
pub(crate) fn run(platform: &Platform, cycles: u64, seed: u64) -> Result<Count> {
    println!("{cycles} power cuts, seed {seed}");
    let mut folder = platform.cache.run()?;
    // Copies: what is built meanwhile is not to be mixed with it.
    let copy = |file: &Path, name: &str| -> Result<PathBuf> {
        let copy = folder.path().join(name);
        files::copy(file, &copy)?;
        Ok(copy)
    };
    let built = Claviger::build(platform, Flavour::Plain)?;
    let program = copy(&artifacts::program(platform, PROGRAM)?, PROGRAM)?;
    let claviger = Claviger {
        ta: copy(&built.ta, "ta")?,
        cli: copy(&built.cli, "claviger")?,
        elf: built.elf,
    };
    let journal = folder.path().join("journal");
    fs::File::create(&journal)?.set_len(JOURNAL_BYTES)?;
    let device = Device::open(platform, &folder.path().join("disk"), DISK_MEBIBYTES)?;
    let mut boot = Boot::new(&device, Some(&claviger));
    boot.files = vec![(program, suite::place(PROGRAM))];
    boot.journal = Some(&journal);

    let started = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut tally = Tally::default();
    let mut count = Count::default();
    for cycle in 1..=cycles {
        let result = cut(platform, &boot, &mut random, &mut tally);
        if let Err(error) = result {
            return Ok(failed(count, cycle, &error, &mut folder));
        }
        count += Count::ONE_PASSED;
        if cycle % PROGRESS == 0 || cycle == cycles {
            println!(
                "{cycle} of {cycles}: {tally} ({})",
                seconds(started.elapsed())
            );
        }
    }
    if let Err(error) = check(platform, &boot, &mut tally) {
        return Ok(failed(count, cycles, &error, &mut folder));
    }
    println!("{cycles} power cuts: {tally}");
    Ok(count)
}

fn failed(mut count: Count, cycle: u64, error: &anyhow::Error, folder: &mut RunFolder) -> Count {
    folder.keep();
    println!(
        "power cut {cycle}: FAILED: {error:#}\nthe disk, its flash and the journal are kept in {}",
        folder.path().display()
    );
    count += Count::ONE_FAILED;
    count
}

/// One boot, which checks what the cuts before left, and one cut.
fn cut(
    platform: &Platform,
    boot: &Boot<'_>,
    random: &mut fastrand::Rng,
    tally: &mut Tally,
) -> Result<()> {
    let changes = random.u64(..);
    let early = random.u32(..EARLY_OF) == 0;
    let (mark, most) = if early { ("", EARLY) } else { (CHECKED, LATE) };
    let moment = most.mul_f64(random.f64());
    let guest = Guest::boot(platform, boot)?;
    let job = Job::new(
        0,
        &[suite::place(PROGRAM).as_str(), "cuts", &changes.to_string()],
    );
    let written = guest.kill_during(&job, mark, moment)?;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&written.stdout),
        String::from_utf8_lossy(&written.stderr),
    );
    ensure!(stderr.is_empty(), "{stderr}");
    tally.note(&stdout);
    Ok(())
}

/// A boot that only checks, and ends well.
fn check(platform: &Platform, boot: &Boot<'_>, tally: &mut Tally) -> Result<()> {
    let mut guest = Guest::boot(platform, boot)?;
    let output = guest.capture(
        &Job::new(0, &[suite::place(PROGRAM).as_str(), "cuts"]),
        CHECK_DEADLINE,
    )?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status == 0, "{stderr}");
    tally.checked(&String::from_utf8_lossy(&output.stdout));
    guest.off()
}

/// What was cut, and what was found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Cuts before the check was through: while the vault was opened, or read.
    opening: u64,
    /// Cuts with a change in flight.
    in_change: u64,
    /// Cuts between two changes.
    between: u64,
    acknowledged: u64,
    checks: u64,
    /// Changes in flight that had happened.
    done: u64,
    /// And that had not.
    undone: u64,
}

impl Tally {
    /// Takes note of what the load said before a cut. What was cut off of its last line is not of interest.
    fn note(&mut self, stdout: &str) {
        self.checked(stdout);
        let whole = stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
        self.acknowledged += whole.lines().filter(|line| *line == "done").count() as u64;
        match whole.lines().last() {
            None => self.opening += 1,
            Some(line) if line.starts_with("begun") => self.in_change += 1,
            Some(_) => self.between += 1,
        }
    }

    fn checked(&mut self, stdout: &str) {
        let Some((_, in_flight)) = stdout
            .lines()
            .find(|line| line.starts_with(CHECKED))
            .and_then(|line| line.split_once("in flight: "))
        else {
            return;
        };
        self.checks += 1;
        match in_flight {
            "done" => self.done += 1,
            "undone" => self.undone += 1,
            _ => {}
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} changes acknowledged; cut {} times while opening, {} in a change, {} between two; {} checks, {} changes \
             in flight had happened and {} had not",
            self.acknowledged,
            self.opening,
            self.in_change,
            self.between,
            self.checks,
            self.done,
            self.undone
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_is_told_by_what_was_said() {
        let mut tally = Tally::default();
        for said in [
            "",
            "checked 3 keys",
            "checked 3 keys; in flight: none\n",
            "checked 3 keys; in flight: done\nbegun a\ndone\nbegun b\n",
            "checked 3 keys; in flight: undone\nbegun a\ndone\nbeg",
        ] {
            tally.note(said);
        }
        let expected = Tally {
            opening: 2,
            in_change: 1,
            between: 2,
            acknowledged: 2,
            checks: 3,
            done: 1,
            undone: 1,
        };
        assert_eq!(tally, expected);
    }
}
