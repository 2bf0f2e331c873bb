//! The verb `ci`: all that continuous integration runs, in order, each with its time.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::artifacts::{self, DEVICE, build_folder, device_environment, plain_cargo, plain_clippy};
use crate::cli::{FuzzOptions, TestOptions};
use crate::report::seconds;
use crate::setup::Platform;
use crate::soak::power_cuts;
use crate::suite::{self, Count};
use crate::tampering::Extent;
use crate::toolchain::TARGET;
use crate::{bench, demo, fuzz, runner_tests, tampering, timing};

/// For each target.
const FUZZ_SECONDS: u64 = 12;

/// A minute or two; `soak` does more.
const POWER_CUTS: u64 = 10;
const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

/// Runs everything, prints the closing line, and tells whether all went well.
pub(crate) fn ci() -> Result<bool> {
    let started = Instant::now();
    let mut run = Run::default();
    run.check("cargo fmt --all --check", || {
        succeed(plain_cargo().args(["fmt", "--all", "--check"]))?;
        // A workspace of its own.
        succeed(plain_cargo().args(["fmt", "--check", "--manifest-path", "tests/fuzz/Cargo.toml"]))
    });
    run.check("cargo clippy --workspace --all-targets", || {
        succeed(
            plain_cargo()
                .args(["clippy", "--workspace", "--all-targets"])
                .args(DENY_WARNINGS),
        )
    });
    run.tests("cargo test --workspace", || {
        counted(plain_cargo().args(["test", "--workspace", "--no-fail-fast"]))
    });
    let mut platform = None;
    run.check("cargo qemu setup", || {
        platform = Some(Platform::ready()?);
        Ok(())
    });
    // Nothing further can run without the platform.
    if let Some(platform) = platform {
        for (name, arguments) in DEVICE_LINTS {
            run.check(&format!("cargo clippy for the device: {name}"), || {
                lint(&platform, arguments)
            });
        }
        run.check("cross-build", || {
            artifacts::Claviger::build(&platform, artifacts::Flavour::Plain)?;
            artifacts::Claviger::build(&platform, artifacts::Flavour::Marks)?;
            artifacts::tests(&platform).map(drop)
        });
        run.tests("cargo qemu test", || {
            suite::run(
                &platform,
                &TestOptions {
                    arguments: Vec::new(),
                },
            )
        });
        run.tests("cargo qemu fuzz", || {
            fuzz::run(&FuzzOptions {
                seconds: FUZZ_SECONDS,
                target: None,
            })
        });
        run.tests("cargo qemu timing", || timing::run(&platform));
        run.tests("cargo qemu bench --check", || bench::check(&platform));
        run.check("cargo qemu demo", demo::demo);
        run.tests("cargo qemu soak, a slice of it", || {
            power_cuts::run(&platform, POWER_CUTS, fastrand::u64(..))
        });
        run.tests("the runner's own tests", runner_tests::run);
        run.tests("a store that was tampered with", || {
            tampering::run(&platform, Extent::Telling)
        });
    }
    println!("\n==== all of it took {}", seconds(started.elapsed()));
    for step in run.failures {
        println!("failed: {step}");
    }
    println!("{}", run.count);
    Ok(run.count.is_good())
}

/// By the profiles of what is built afterwards: build scripts and macros are built once for both.
const DEVICE_LINTS: [(&str, &[&str]); 4] = [
    (
        "trusted application",
        &[
            "-p",
            "claviger-ta",
            "--bin",
            "claviger-ta",
            "--features",
            "optee",
            "--profile",
            "ta",
        ],
    ),
    (
        "client",
        &[
            "-p",
            "claviger",
            "--no-default-features",
            "--features",
            "cli,optee",
            "--profile",
            "suite",
        ],
    ),
    // A program may have both, and chooses when it runs.
    (
        "client with emulator",
        &[
            "-p",
            "claviger",
            "--features",
            "optee",
            "--profile",
            "suite",
        ],
    ),
    (
        "suite",
        &[
            "-p",
            "claviger-tests",
            "--all-targets",
            "--no-default-features",
            "--features",
            "optee",
            "--profile",
            "suite",
        ],
    ),
];

fn lint(platform: &Platform, arguments: &[&str]) -> Result<()> {
    let mut clippy = plain_clippy(&platform.toolchain);
    clippy
        .args(["--target", TARGET, "--target-dir"])
        .arg(build_folder(&platform.toolchain, DEVICE));
    device_environment(&mut clippy, platform);
    succeed(clippy.args(arguments).args(DENY_WARNINGS))
}

/// The steps so far.
#[derive(Default)]
struct Run {
    count: Count,
    failures: Vec<String>,
}

impl Run {
    /// A step that counts as one test.
    fn check(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        self.tests(name, || step().map(|()| Count::ONE_PASSED));
    }

    /// A step that counts its tests itself.
    fn tests(&mut self, name: &str, step: impl FnOnce() -> Result<Count>) {
        println!("\n==== {name}");
        let started = Instant::now();
        let count = step().unwrap_or_else(|error| {
            println!("{error:#}");
            Count::ONE_FAILED
        });
        if !count.is_good() {
            self.failures.push(format!("{name}: {count}"));
        }
        self.count += count;
        println!("==== {name}: {count} ({})", seconds(started.elapsed()));
    }
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .context("cannot start cargo")?;
    anyhow::ensure!(status.success(), "failed: {status}");
    Ok(())
}

/// Runs `cargo test`, passing its output on, and counts. A run that fails without a failed test (one that does not
/// compile, or dies) counts as one.
pub(crate) fn counted(command: &mut Command) -> Result<Count> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let mut output = String::new();
    for line in BufReader::new(child.stdout.take().context("cargo's stdout is piped")?).lines() {
        let line = line?;
        println!("{line}");
        output.push_str(&line);
        output.push('\n');
    }
    let mut count = Count::of_output(&output).unwrap_or_default();
    if !child.wait()?.success() && count.failed == 0 {
        count += Count::ONE_FAILED;
    }
    Ok(count)
}
