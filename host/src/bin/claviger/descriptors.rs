//! Whether this process was started with its standard streams. The runtime opens `/dev/null` where
//! one was closed, before `main`: what is written would be lost without an error.

// The macro marks what it makes as unsafe; nothing here is.
#![allow(unsafe_code)]

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    io::{Errno, fcntl_getfd},
    stdio,
};

static NO_STDIN: AtomicBool = AtomicBool::new(false);
static NO_STDOUT: AtomicBool = AtomicBool::new(false);

/// Runs before the runtime.
#[ctor::ctor(unsafe)]
fn look() {
    NO_STDIN.store(fcntl_getfd(stdio::stdin()).is_err(), Ordering::Relaxed);
    NO_STDOUT.store(fcntl_getfd(stdio::stdout()).is_err(), Ordering::Relaxed);
}

/// An error if standard input was closed.
pub(crate) fn expect_stdin() -> io::Result<()> {
    expect(&NO_STDIN)
}

/// An error if standard output was closed.
pub(crate) fn expect_stdout() -> io::Result<()> {
    expect(&NO_STDOUT)
}

fn expect(closed: &AtomicBool) -> io::Result<()> {
    if closed.load(Ordering::Relaxed) {
        return Err(Errno::BADF.into());
    }
    Ok(())
}
