//! What a command prints: text for people, or one JSON object.

use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use base64ct::{Base64, Encoding};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{Outcome, descriptors, failure::Failure};

/// Bytes that one JSON object may carry.
pub(crate) const JSON_BYTES: usize = 16 * 1024 * 1024;

/// Prints what commands have to say.
pub(crate) struct Printer {
    json: bool,
}

/// Whether nothing but JSON is to be said.
static JSON: AtomicBool = AtomicBool::new(false);

/// Whether there is a person to be told what is not the result: with `--json` stderr has one object
/// at most.
pub(crate) fn is_for_people() -> bool {
    !JSON.load(Ordering::Relaxed)
}

impl Printer {
    pub(crate) fn new(json: bool) -> Printer {
        JSON.store(json, Ordering::Relaxed);
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

    /// Prints an object of these bytes, under this name, which may be secret: what they pass through
    /// on their way is wiped.
    pub(crate) fn print_bytes(&self, name: &str, bytes: &[u8]) -> Outcome {
        let mut line = Line::new();
        line.write(format!("{{{}:\"", Value::from(name)).as_bytes())?;
        line.write_base64(bytes)?;
        line.write(b"\"}\n")?;
        line.end()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What is printed piece by piece, and wiped when it is out.
pub(crate) struct Line {
    /// Never moves: it has room for all that it holds.
    pieces: Zeroizing<Vec<u8>>,
}

impl Line {
    const ROOM: usize = 64 * 1024;

    pub(crate) fn new() -> Line {
        Line {
            pieces: Zeroizing::new(Vec::with_capacity(Line::ROOM)),
        }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            if self.pieces.len() == Line::ROOM {
                self.flush()?;
            }
            let length = bytes.len().min(Line::ROOM - self.pieces.len());
            self.pieces.extend_from_slice(&bytes[..length]);
            bytes = &bytes[length..];
        }
        Ok(())
    }

    pub(crate) fn write_base64(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        /// Bytes whose base64 needs no padding.
        const PIECE: usize = 3 * 4096;
        let mut digits = Zeroizing::new([0; PIECE / 3 * 4]);
        for piece in bytes.chunks(PIECE) {
            let encoded = Base64::encode(piece, digits.as_mut_slice());
            let encoded = encoded.map_err(|_| io::Error::other("base64"));
            let encoded = encoded.map_err(|error| Failure::local("JSON", error))?;
            self.write(encoded.as_bytes())?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub(crate) fn end(mut self) -> Result<(), Failure> {
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Failure> {
        write_stdout(&self.pieces)?;
        self.pieces.clear();
        Ok(())
    }
}

/// Standard output, kept from libteec, which prints its errors there: they go to stderr instead, or
/// nowhere if that is for JSON.
static STDOUT: OnceLock<File> = OnceLock::new();

/// Takes standard output for this program alone. Without it, nothing is lost but tidiness.
pub(crate) fn claim_stdout() {
    let nowhere = (!is_for_people()).then(|| File::options().write(true).open("/dev/null"));
    if let Ok(stdout) = rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)
        && match nowhere {
            Some(Ok(nowhere)) => rustix::stdio::dup2_stdout(nowhere),
            _ => rustix::stdio::dup2_stdout(io::stderr()),
        }
        .is_ok()
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

/// Whether standard output is a terminal.
fn is_terminal() -> bool {
    match STDOUT.get() {
        Some(file) => file.is_terminal(),
        None => io::stdout().is_terminal(),
    }
}

/// Refuses to show people what is not text.
pub(crate) fn expect_no_terminal() -> Result<(), Failure> {
    if !is_terminal() {
        return Ok(());
    }
    Err(Failure::Usage(
        "binary data do not go to a terminal: send them to a file or pipe, or use --json"
            .to_owned(),
    ))
}

/// Refuses what would be printed nowhere.
pub(crate) fn expect_stdout() -> Result<(), Failure> {
    descriptors::expect_stdout().map_err(not_written)
}

/// Writes bytes to standard output as they are.
pub(crate) fn write_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = stdout();
    expect_stdout()?;
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(not_written)
}

fn not_written(source: io::Error) -> Failure {
    Failure::local("standard output cannot be written", source)
}

/// Bytes as JSON has them here.
pub(crate) fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Bytes as people read them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    write_hex(bytes, |digit| text.push(digit.into()));
    text
}

/// Gives the digits of bytes one by one, and leaves no copy.
pub(crate) fn write_hex(bytes: &[u8], mut write: impl FnMut(u8)) {
    let digits = b"0123456789abcdef";
    for byte in bytes {
        write(digits[usize::from(byte >> 4)]);
        write(digits[usize::from(byte & 15)]);
    }
}

/// Collects the bytes of one JSON object, up to a limit.
#[derive(Default)]
pub(crate) struct Collector {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) overflowed: bool,
}

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len() + bytes.len();
        if length > JSON_BYTES {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if length > self.bytes.capacity() {
            // What it outgrows is wiped: a vector that grows by itself leaves it as it was.
            let mut larger = Vec::with_capacity(length.max(2 * self.bytes.capacity()));
            larger.extend_from_slice(&self.bytes);
            self.bytes = Zeroizing::new(larger);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_lines_never_move() {
        assert_eq!(hex(&[0, 0x9a, 0xff]), "009aff");
        let mut line = Line::new();
        let place = line.pieces.as_ptr();
        for _ in 0..3 {
            line.write(&vec![0; Line::ROOM / 4]).unwrap();
            line.write_base64(&[7; 9]).unwrap();
        }
        assert_eq!(line.pieces.as_ptr(), place);
        assert_eq!(line.pieces.len(), 3 * (Line::ROOM / 4 + 12));
    }

    #[test]
    fn a_collector_that_grows_has_all_of_it() {
        let mut collector = Collector::default();
        let mut expected = Vec::new();
        for piece in [&b"one"[..], b"", &[7; 5000], b"two", &[9; 100_000]] {
            collector.write_all(piece).unwrap();
            expected.extend_from_slice(piece);
        }
        assert!(*collector.bytes == expected && !collector.overflowed);
        let error = collector.write_all(&vec![0; JSON_BYTES]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(collector.overflowed);
    }
}
