//! The verb `fuzz`: the coverage-guided fuzz targets in `tests/fuzz`, here on this machine.
//!
//! They are built as `cargo fuzz` builds them without a sanitizer, by the same flags, but without it: these are all
//! stable.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use crate::artifacts::{plain_cargo, target_folder, workspace};
use crate::cache::Cache;
use crate::cli::FuzzOptions;
use crate::report::{self, seconds};
use crate::suite::Count;
use crate::{host_packages, lanes, process};

/// As `cargo fuzz build --sanitizer none` has them.
const RUSTFLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing";
/// One input takes milliseconds.
const SECONDS_FOR_ONE: u32 = 20;
const MEBIBYTES: u32 = 1024;

/// Runs targets, prints the closing line, and tells whether all went well.
pub(crate) fn fuzz(options: &FuzzOptions) -> Result<bool> {
    let count = run(options)?;
    println!("{count}");
    Ok(count.is_good())
}

/// Builds and runs targets, each counting as a test.
pub(crate) fn run(options: &FuzzOptions) -> Result<Count> {
    let known = targets()?;
    let chosen = match &options.target {
        Some(target) => {
            ensure!(
                known.contains(target),
                "there is no target {target}, but {}",
                known.join(", ")
            );
            vec![target.clone()]
        }
        None => known,
    };
    let binaries = build()?;
    let counts = lanes::share(&chosen, |_, targets| {
        let mut total = Count::default();
        for target in targets {
            let started = Instant::now();
            let found = run_one(&binaries.join(target), target, options.seconds)?;
            let (count, said) = match found {
                None => (Count::ONE_FAILED, "failed".to_owned()),
                Some(executions) => (Count::ONE_PASSED, format!("{executions} executions")),
            };
            println!("fuzz {target}: {said} ({})", seconds(started.elapsed()));
            total += count;
        }
        Ok(total)
    })?;
    Ok(counts.into_iter().sum())
}

fn folder() -> PathBuf {
    workspace().join("tests/fuzz")
}

/// The targets by their names.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder().join("fuzz_targets"))? {
        let path = entry?.path();
        let name = path.file_stem().context("a target's file has a name")?;
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds all targets, and says where they lie.
fn build() -> Result<PathBuf> {
    host_packages::ensure(&Cache::open()?)?;
    let host = host()?;
    let target = target_folder().join("fuzz");
    let mut cargo = plain_cargo();
    cargo
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", RUSTFLAGS)
        .args(["build", "--quiet", "--locked", "--release", "--bins"])
        // With a target named, the flags are not those of build scripts.
        .args(["--target", &host, "--target-dir"])
        .arg(&target)
        .current_dir(folder())
        .stdin(Stdio::null());
    report::step("building the fuzz targets", || {
        let status = cargo.status().context("cannot start cargo")?;
        ensure!(status.success(), "cannot build the fuzz targets: {status}");
        Ok(())
    })?;
    Ok(target.join(host).join("release"))
}

fn host() -> Result<String> {
    let said = process::output(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say its host")?.to_owned())
}

/// Runs a target for so long, on the corpus and on what earlier runs found; says how many inputs it ran, unless one
/// of them failed.
fn run_one(binary: &Path, target: &str, seconds: u64) -> Result<Option<u64>> {
    let found = target_folder().join("fuzz/corpus").join(target);
    let artifacts = target_folder().join("fuzz/artifacts").join(target);
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&artifacts)?;
    let output = Command::new(binary)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={SECONDS_FOR_ONE}"))
        .arg(format!("-rss_limit_mb={MEBIBYTES}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg("-print_final_stats=1")
        // New inputs go to the first folder.
        .arg(found)
        .arg(folder().join("corpus").join(target))
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        println!("{said}");
        println!(
            "fuzz {target}: run the input again with {} FILE",
            binary.display()
        );
        return Ok(None);
    }
    let executions = executions(&said);
    executions
        .map(Some)
        .with_context(|| format!("{target} does not say how many inputs it ran:\n{said}"))
}

/// How many inputs libFuzzer says that it ran.
fn executions(said: &str) -> Option<u64> {
    said.lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libfuzzer_says_how_many() {
        let said = "Done 5 runs in 1 second(s)\nstat::number_of_executed_units: 17\nstat::x: 3\n";
        assert_eq!(executions(said), Some(17));
        assert_eq!(executions("Done 5 runs\n"), None);
    }

    #[test]
    fn every_target_is_a_program_and_has_a_corpus() {
        let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
        for target in targets().unwrap() {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")));
            let corpus = fs::read_dir(folder().join("corpus").join(&target)).unwrap();
            assert!(corpus.count() > 0, "{target}");
        }
    }
}
