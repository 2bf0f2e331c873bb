//! Other programs: run with a deadline, their output in a log, and gone when the runner is gone.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a wait looks again.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// A command that the kernel ends with `signal` when the runner ends, however that ends.
///
/// `setpriv` (package util-linux, essential on Debian) sets the parent-death signal, which would take unsafe code here.
/// The signal follows the *thread* that starts the command, so none may outlive its thread.
pub(crate) fn tethered(signal: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .arg("--pdeathsig")
        .arg(signal)
        .arg("--")
        .arg(program);
    command
}

/// Runs a command to its end; its output is appended to `log`, which an error names.
pub(crate) fn run(command: &mut Command, log: &Path, deadline: Duration) -> Result<()> {
    let mut output = open_log(log)?;
    use std::io::Write;
    writeln!(output, "+ {command:?}")?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            if status.success() {
                return Ok(());
            }
            bail!(
                "{:?} failed ({status}); read {}\n{}",
                command.get_program(),
                log.display(),
                tail(log)
            );
        }
        if started.elapsed() > deadline {
            child.kill()?;
            child.wait()?;
            bail!(
                "{command:?} took longer than {} s; read {}",
                deadline.as_secs(),
                log.display()
            );
        }
        thread::sleep(POLL);
    }
}

/// Runs a short command and returns what it wrote to stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The last lines of a log, for an error message.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

fn open_log(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write the log {}", log.display()))
}
