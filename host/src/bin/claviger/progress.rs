//! How far something long is: a line on stderr, if that is a terminal and it takes long.

use std::{
    io::{self, IsTerminal, Read, Write},
    time::{Duration, Instant},
};

use crate::failure::is_quiet;

const FIRST: Duration = Duration::from_secs(1);
const NEXT: Duration = Duration::from_millis(200);

/// A line that is written over again.
struct Line {
    due: Option<Instant>,
    shown: bool,
}

impl Line {
    fn new() -> Line {
        let shows = io::stderr().is_terminal() && !is_quiet();
        let due = shows.then(|| Instant::now() + FIRST);
        Line { due, shown: false }
    }

    /// Shows what `text` says, if it is time to.
    fn show(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        let mut stderr = io::stderr().lock();
        let _nobody_there = write!(stderr, "\r\x1b[K{}", text()).and_then(|()| stderr.flush());
        self.shown = true;
        self.due = Some(now + NEXT);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.shown {
            let _nobody_there = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// How many of many things are done.
pub(crate) struct Count {
    line: Line,
    total: usize,
}

impl Count {
    pub(crate) fn new(total: usize) -> Count {
        Count {
            line: Line::new(),
            total,
        }
    }

    pub(crate) fn show(&mut self, done: usize) {
        let total = self.total;
        self.line.show(|| format!("{done} of {total}"));
    }
}

/// A reader that tells how much was read.
pub(crate) struct Progress<R> {
    reader: R,
    total: Option<u64>,
    read: u64,
    line: Line,
}

impl<R: Read> Progress<R> {
    /// `total` is how much there is, if that is known.
    pub(crate) fn new(reader: R, total: Option<u64>) -> Progress<R> {
        Progress {
            reader,
            total,
            read: 0,
            line: Line::new(),
        }
    }
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.read += length as u64;
        let (mebibytes, total) = (self.read >> 20, self.total);
        self.line.show(|| match total {
            Some(total) if total != 0 => format!("{mebibytes} of {} MiB", total >> 20),
            _ => format!("{mebibytes} MiB"),
        });
        Ok(length)
    }
}
