//! How far a long stream is: a line on stderr, if that is a terminal and it takes long.

use std::{
    io::{self, IsTerminal, Read, Write},
    time::{Duration, Instant},
};

const FIRST: Duration = Duration::from_secs(1);
const NEXT: Duration = Duration::from_millis(200);

/// A reader that tells how much was read.
pub(crate) struct Progress<R> {
    reader: R,
    total: Option<u64>,
    read: u64,
    due: Option<Instant>,
    shown: bool,
}

impl<R: Read> Progress<R> {
    /// `total` is how much there is, if that is known.
    pub(crate) fn new(reader: R, total: Option<u64>) -> Progress<R> {
        let due = io::stderr().is_terminal().then(|| Instant::now() + FIRST);
        Progress {
            reader,
            total,
            read: 0,
            due,
            shown: false,
        }
    }

    fn show(&mut self) {
        let mebibytes = self.read >> 20;
        let part = match self.total {
            Some(total) if total != 0 => format!(" of {} MiB", total >> 20),
            _ => " MiB".to_owned(),
        };
        let mut stderr = io::stderr().lock();
        let _nobody_there =
            write!(stderr, "\r\x1b[K{mebibytes}{part}").and_then(|()| stderr.flush());
        self.shown = true;
    }
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.read += length as u64;
        let now = Instant::now();
        if self.due.is_some_and(|due| now >= due) {
            self.show();
            self.due = Some(now + NEXT);
        }
        Ok(length)
    }
}

impl<R> Drop for Progress<R> {
    fn drop(&mut self) {
        if self.shown {
            let _nobody_there = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
