//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::bench::List;
use crate::device::DISK_MEBIBYTES;
use crate::guest::PROCESSORS;
use crate::tampering::Extent;

/// Claviger on real OP-TEE, in an emulated ARMv8 machine.
#[derive(Debug, Parser)]
#[command(name = "cargo qemu", bin_name = "cargo qemu", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make the platform: packages, firmware, OP-TEE, the guest's system. Every other verb does so too where needed.
    ///
    /// All of it is kept under ${CLAVIGER_CACHE}, else ${XDG_CACHE_HOME}/claviger, else ~/.cache/claviger, and made anew
    /// only where its inputs changed. Packages come from the Debian mirrors of this machine's own apt sources, or from
    /// ${CLAVIGER_DEBIAN_MIRROR} and ${CLAVIGER_DEBIAN_SECURITY_MIRROR}.
    ///
    /// This machine's rustc compiles for the guest. Where it has no standard library for that and rustup cannot add it,
    /// Debian 12's rustc is fetched (150 MB) and used for the guest alone; CLAVIGER_RUST=debian asks for that.
    Setup,
    /// Run one command in a guest.
    #[command(long_about = EXEC)]
    Exec(ExecOptions),
    /// See all of it at work: keys made and used in OP-TEE, tampering and strangers refused, a power cut survived.
    ///
    /// Exits with 0, and says so in its closing line, only if everything held.
    Demo,
    /// Run the end-to-end suite in a guest. The last line is `N passed, N failed`.
    Test(TestOptions),
    /// Measure Claviger by counted instructions (2 ns each), which repeats from run to run.
    ///
    /// Prints a table, and leaves the rows as JSON, and for some lists a plot as SVG, in target/bench.
    Bench(BenchOptions),
    /// Run the coverage-guided fuzz targets of tests/fuzz, here and not in a guest. The last line is `N passed, N failed`.
    ///
    /// What they find on the way stays in target/fuzz/corpus for the next run, inputs that fail in target/fuzz/artifacts.
    Fuzz(FuzzOptions),
    /// See that what is not authentic takes the same time wherever it is wrong, by counted instructions.
    Timing,
    /// Get an interactive shell in a guest, as root.
    Shell(ShellOptions),
    /// Cut the power of a device at random moments under load, look for what grows, tamper with the store, send it anything.
    #[command(long_about = SOAK)]
    Soak(SoakOptions),
    /// Run everything that continuous integration runs. The last line is `N passed, N failed`.
    Ci,
    /// Run the runner's own tests, a part of `ci`.
    #[command(hide = true)]
    RunnerTests,
}

/// Options of `test`.
#[derive(Debug, Args)]
pub(crate) struct TestOptions {
    /// Arguments for the test binaries, such as a part of a test's name
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<OsString>,
}

/// Options of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// What is measured
    #[arg(value_enum, value_name = "LIST", default_values_t = [List::Comparison])]
    pub(crate) lists: Vec<List>,
    /// Measure a trusted application that is built for a processor without instructions for AES and SHA
    #[arg(long, conflicts_with_all = ["check", "write_baseline"])]
    pub(crate) soft: bool,
    /// Measure on an OP-TEE that is optimised for speed and does not check its own locks: the lists comparison, commands,
    /// scale and short
    #[arg(long, conflicts_with_all = ["check", "write_baseline"])]
    pub(crate) lean: bool,
    /// Measure the short list, and fail if anything takes 5 % more than in qemu/baseline.json
    #[arg(long, conflicts_with_all = ["lists", "write_baseline"])]
    pub(crate) check: bool,
    /// Measure the short list, and write qemu/baseline.json anew
    #[arg(long, conflicts_with = "lists")]
    pub(crate) write_baseline: bool,
}

/// Options of `fuzz`.
#[derive(Debug, Args)]
pub(crate) struct FuzzOptions {
    /// How long to run each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(crate) seconds: u64,
    /// The target; all of them where none is named
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
}

const SOAK: &str = "\
Cut the power of a device at random moments under load, look for what grows in a long run, tamper with the store, send \
it anything.

First, --cycles times: a device boots, everything on it is compared with the journal of what was acknowledged, its keys \
are changed in all ways, and QEMU is killed at a random moment: while the vault is being opened, in the middle of a \
change, or between two. What was acknowledged must be there, what was in flight must have happened or not, nothing else \
may have changed, nothing may be damaged, and the audit log must be whole.

Then, in one boot, --operations operations of all kinds: what the trusted application's heap, the client and \
tee-supplicant hold must not grow, and the last thousand must take as long as the first, within 5 % by counted \
instructions.

Then, between two boots, tee-supplicant's files are changed in every way: bits flipped in every part, files cut, deleted, \
exchanged, put back from an earlier time or another device. No key may be lost or be another one but where both copies \
are hurt, and what happened must be named, with the way back.

Last, the tests run that are too long for elsewhere, hostile callers among them, and each fuzz target for --fuzz seconds.

The last line is `N passed, N failed`; each cycle counts as one, and so do the long run, each case of tampering and each \
target.";

/// Options of `soak`.
#[derive(Debug, Args)]
pub(crate) struct SoakOptions {
    /// How often the power is cut
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) cycles: u64,
    /// How many operations are done in one boot; 0 for none, otherwise 2000 or more, in hundreds
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = operations)]
    pub(crate) operations: u64,
    /// What decides about changes and moments; drawn, and told, where it is not given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How much is done to the store of a device that is switched off
    #[arg(long, value_name = "CASES", value_enum, default_value_t = Extent::All)]
    pub(crate) tampering: Extent,
    /// How long each fuzz target runs; 0 for none
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    pub(crate) fuzz: u64,
    /// Leave out the tests that are ignored elsewhere for their length: hostile callers, 10,000 invokes of each command
    #[arg(long)]
    pub(crate) no_hostile: bool,
}

/// Options of `shell`.
#[derive(Debug, Args)]
pub(crate) struct ShellOptions {
    /// The device's disk, as with `exec`; a device that is thrown away afterwards where none is named
    #[arg(long, value_name = "FILE")]
    pub(crate) disk: Option<PathBuf>,
}

const EXEC: &str = "\
Run one command in a guest.

Boots an emulated device, runs CMD on it with `claviger` on the PATH, powers it off and exits with CMD's exit code (128 \
+ N if signal N ended it, 126 or 127 if it can't be run), or with 125 when the runner itself failed: the guest didn't \
boot, the time ran out, a device's file is missing or in use. The message on stderr then names the logs.

CMD's stdout and stderr come out on the runner's, apart, byte for byte, while CMD runs; nothing else is written to \
stdout. CMD's words are taken as they are, no shell comes between. Before the boot, what has changed in the workspace \
is built; that is told on stderr.

A device is FILE, its disk (an ext4 image, mounted at /var/lib/optee-client, where tee-supplicant stores), and \
FILE.flash: firmware, hardware unique key, rollback counter. Both are created when neither exists; exactly one of them \
is refused. Runs on the same FILE take turns: a second one waits up to 60 s for the first.

In the guest: CMD starts in /tmp with HOME=/tmp and PATH=/usr/bin:/usr/sbin, stdin empty. Users alice, bob, carol and \
dave are 1000 to 1003, group sensors (2000) has alice and bob; whoever runs CMD may open /dev/tee0. What CMD leaves \
running is killed when it ends. /tmp and everything but the disk is memory. Also there: busybox, xtest.";

/// Options of `exec`.
#[derive(Debug, Args)]
pub(crate) struct ExecOptions {
    /// The device's disk; FILE.flash lies beside it
    #[arg(long, value_name = "FILE", conflicts_with = "fresh")]
    pub(crate) disk: Option<PathBuf>,
    /// A new device that is thrown away afterwards (so it is without --disk)
    #[arg(long)]
    pub(crate) fresh: bool,
    /// The user who runs CMD; any number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) uid: u32,
    /// CMD reads exactly this file's bytes as its stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) stdin: Option<PathBuf>,
    /// A variable for CMD's environment; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// A file to put into the guest, at the same name under /tmp by default; repeatable
    #[arg(long, value_name = "HOSTFILE[:GUESTPATH]", value_parser = put)]
    pub(crate) put: Vec<Put>,
    /// Give up when CMD takes longer
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) timeout: u64,
    /// The size of a disk that is created, in MiB
    #[arg(long, value_name = "MIB", default_value_t = DISK_MEBIBYTES, value_parser = clap::value_parser!(u64).range(8..))]
    pub(crate) disk_size: u64,
    /// The guest's processors
    #[arg(long, value_name = "N", default_value_t = PROCESSORS, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) smp: u8,
    /// The guest's memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(512..=65536))]
    pub(crate) memory: u32,
    /// Count instructions instead of time: repeatable, and one processor only
    #[arg(long)]
    pub(crate) icount: bool,
    /// Keep the logs of Linux, OP-TEE and QEMU in this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) logs: Option<PathBuf>,
    /// Leave out Claviger's own files, and don't build them
    #[arg(long)]
    pub(crate) bare: bool,
    /// The command
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// A file for the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) from: PathBuf,
    pub(crate) to: String,
}

fn operations(text: &str) -> Result<u64, String> {
    let operations: u64 = text.parse().map_err(|error| format!("{error}"))?;
    if operations != 0 && (operations < 2000 || !operations.is_multiple_of(100)) {
        return Err("neither 0 nor some hundreds, 2000 or more".to_owned());
    }
    Ok(operations)
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not NAME=VALUE")?;
    let is_name = name.bytes().enumerate().all(|(index, byte)| {
        byte == b'_' || byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit())
    });
    if name.is_empty() || !is_name {
        return Err(format!("not a variable's name: {name}"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn put(text: &str) -> Result<Put, String> {
    let (from, to) = match text.rsplit_once(':') {
        Some((from, to)) if to.starts_with('/') => (PathBuf::from(from), to.to_owned()),
        _ => {
            let from = PathBuf::from(text);
            let name = from
                .file_name()
                .and_then(|name| name.to_str())
                .ok_or("not a file's name")?;
            let to = format!("/tmp/{name}");
            (from, to)
        }
    };
    Ok(Put { from, to })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn variables() {
        assert_eq!(
            variable("A_1=b=c").unwrap(),
            ("A_1".to_owned(), "b=c".to_owned())
        );
        for text in ["A", "=b", "1A=b", "A-B=c", "A;id=b"] {
            assert!(variable(text).is_err(), "{text}");
        }
    }

    #[test]
    fn files_to_put() {
        let expected = Put {
            from: "a/b".into(),
            to: "/x/y".to_owned(),
        };
        assert_eq!(put("a/b:/x/y").unwrap(), expected);
        assert_eq!(put("a/b").unwrap().to, "/tmp/b");
    }
}
