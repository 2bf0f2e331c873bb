//! What a command prints: text for people, or one JSON object.

use std::{
    fs::File,
    io::{self, Write},
    process::ExitCode,
    sync::OnceLock,
};

use base64ct::{Base64, Encoding};
use serde_json::Value;

use crate::{Outcome, failure::Failure};

/// Bytes that one JSON object may carry.
pub(crate) const JSON_BYTES: usize = 16 * 1024 * 1024;

/// Prints what commands have to say.
pub(crate) struct Printer {
    json: bool,
}

impl Printer {
    pub(crate) fn new(json: bool) -> Printer {
        Printer { json }
    }

    /// Whether to print one JSON object.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the object, or the text, and ends the command well.
    pub(crate) fn print(&self, object: &Value, text: &str) -> Outcome {
        if self.json {
            write_stdout(format!("{object}\n").as_bytes())?;
        } else if !text.is_empty() {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            write_stdout(format!("{text}{end}").as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Standard output, kept from libteec, which prints its errors there: they go to stderr instead.
static STDOUT: OnceLock<File> = OnceLock::new();

/// Takes standard output for this program alone. Without it, nothing is lost but tidiness.
pub(crate) fn claim_stdout() {
    if let Ok(stdout) = rustix::io::dup(io::stdout())
        && rustix::stdio::dup2_stdout(io::stderr()).is_ok()
    {
        let _first = STDOUT.set(File::from(stdout));
    }
}

/// Standard output, without a buffer: what is written is out.
pub(crate) fn stdout() -> Box<dyn Write + Send> {
    match STDOUT.get() {
        Some(file) => Box::new(file),
        None => Box::new(io::stdout()),
    }
}

/// Writes bytes to standard output as they are.
pub(crate) fn write_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = stdout();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|source| Failure::local("standard output cannot be written", source))
}

/// Bytes as JSON has them here.
pub(crate) fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Bytes as people read them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Collects the bytes of one JSON object, up to a limit.
#[derive(Default)]
pub(crate) struct Collector {
    pub(crate) bytes: zeroize::Zeroizing<Vec<u8>>,
    pub(crate) overflowed: bool,
}

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > JSON_BYTES {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What to say when a [`Collector`] overflowed.
pub(crate) fn too_much() -> Failure {
    Failure::Usage(format!(
        "more than {} MiB do not fit in one JSON object: use --out FILE, or no --json",
        JSON_BYTES >> 20
    ))
}

/// Lines of names and values, the values aligned.
pub(crate) fn table<N: AsRef<str>, V: AsRef<str>>(rows: &[(N, V)]) -> String {
    let width = rows
        .iter()
        .map(|(name, _)| name.as_ref().len())
        .max()
        .unwrap_or(0);
    let line = |(name, value): &(N, V)| format!("{:width$}  {}\n", name.as_ref(), value.as_ref());
    rows.iter().map(line).collect()
}
