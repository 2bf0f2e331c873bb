//! What the runner says on stderr while it works: one line per step, with its time.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Says that something is about to be done, does it, and says how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("claviger-qemu: {what} ...");
    let started = Instant::now();
    let done = work()?;
    eprintln!("claviger-qemu: {what}: {}", seconds(started.elapsed()));
    Ok(done)
}

/// One remark.
pub(crate) fn say(what: &str) {
    eprintln!("claviger-qemu: {what}");
}

/// A duration as a person reads it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
