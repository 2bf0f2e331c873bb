//! The descriptors that this process was started with.

// The macro marks what it makes as unsafe, and a number says nothing of who holds the descriptor.
#![allow(unsafe_code)]

use std::{
    fs::{self, File},
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{OFlags, fcntl_getfl},
    io::{Errno, fcntl_dupfd_cloexec, fcntl_getfd},
    stdio,
};

/// Whether standard input, output and error were closed. The runtime opens `/dev/null` in their
/// place before `main`: what is written there would be lost without an error.
static CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

/// Runs before the runtime.
#[ctor::ctor(unsafe)]
fn look() {
    let streams = [stdio::stdin(), stdio::stdout(), stdio::stderr()];
    for (closed, stream) in CLOSED.iter().zip(streams) {
        closed.store(fcntl_getfd(stream).is_err(), Ordering::Relaxed);
    }
}

/// An error if standard input was closed.
pub(crate) fn expect_stdin() -> io::Result<()> {
    expect_started_with(0)
}

/// An error if standard output was closed.
pub(crate) fn expect_stdout() -> io::Result<()> {
    expect_started_with(1)
}

/// An error if standard error was closed.
pub(crate) fn expect_stderr() -> io::Result<()> {
    expect_started_with(2)
}

/// An inherited descriptor to read from, from where it stands.
pub(crate) fn to_read(number: u32) -> io::Result<File> {
    if number == 1 {
        // This program's errors go there, see `output::claim_stdout`.
        return Err(Errno::BADF.into());
    }
    inherited(number, OFlags::WRONLY)
}

/// An inherited descriptor to write to, from where it stands.
pub(crate) fn to_write(number: u32) -> io::Result<File> {
    inherited(number, OFlags::RDONLY)
}

/// Another descriptor for the same open file; an error if it is open for the other direction only.
fn inherited(number: u32, other_direction: OFlags) -> io::Result<File> {
    expect_started_with(number)?;
    let raw = i32::try_from(number).map_err(|_| Errno::BADF)?;
    // SAFETY: the number is not -1. The descriptor was open and inherited a moment ago; nothing in
    // this program closes what it inherited, and one that is closed is an error here.
    let descriptor = unsafe { BorrowedFd::borrow_raw(raw) };
    if fcntl_getfl(descriptor)? & OFlags::ACCMODE == other_direction {
        return Err(Errno::BADF.into());
    }
    Ok(File::from(fcntl_dupfd_cloexec(descriptor.as_fd(), 3)?))
}

/// Refuses a descriptor that this process was not started with: it is closed, or this program's own.
fn expect_started_with(number: u32) -> io::Result<()> {
    const CLOSE_ON_EXEC: u32 = OFlags::CLOEXEC.bits();
    if let Some(closed) = CLOSED.get(number as usize) {
        return match closed.load(Ordering::Relaxed) {
            true => Err(Errno::BADF.into()),
            false => Ok(()),
        };
    }
    let information = fs::read_to_string(format!("/proc/self/fdinfo/{number}"));
    let flags = information.ok().and_then(|lines| {
        let flags = lines.lines().find_map(|line| line.strip_prefix("flags:"))?;
        u32::from_str_radix(flags.trim(), 8).ok()
    });
    match flags {
        Some(flags) if flags & CLOSE_ON_EXEC == 0 => Ok(()),
        _ => Err(Errno::BADF.into()),
    }
}
