//! The instance goes away under its clients: an emulated device is switched off and on, on a real
//! one the trusted application panics. The next call comes back by itself.

mod counters;
mod crash;
mod restart;

use claviger::{Effect, Error, proto::Command};

/// What the library says of a call under which the instance went away and that it did not repeat.
#[track_caller]
fn restarted<T>(result: Result<T, Error>) -> (Command, Effect) {
    match result.err() {
        Some(Error::Restarted { command, effect }) => (command, effect),
        other => panic!("{other:?}"),
    }
}
