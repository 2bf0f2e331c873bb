//! Input, and readers of output, that have to be waited for: no session is held meanwhile, which others may need.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::fd::AsFd,
    path::Path,
    sync::{Mutex, PoisonError},
};

use claviger::Client;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long input may take before it is waited for without a session: to open one again costs a few
/// milliseconds.
const MOMENT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// The command's client.
static CLIENT: Mutex<Option<Client>> = Mutex::new(None);

fn set(client: Option<Client>) {
    let mut place = CLIENT.lock().unwrap_or_else(PoisonError::into_inner);
    *place = client;
}

/// Has this client's session be closed whenever input is waited for.
pub(crate) fn rests(client: &Client) {
    set(Some(client.clone()));
}

/// Keeps no client any longer.
pub(crate) fn ends() {
    set(None);
}

fn rest() {
    let client = CLIENT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if let Some(client) = client {
        client.rest();
    }
}

/// Opens a file that may be a pipe, which waits for whoever writes to it.
pub(crate) fn open(path: &Path) -> io::Result<Awaited> {
    rest_for(path);
    File::open(path).map(Awaited)
}

/// Holds no session where a pipe waits for whoever has its other end.
pub(crate) fn rest_for(path: &Path) {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        rest();
    }
}

/// Standard input, without a buffer: what is there shows.
pub(crate) fn stdin() -> io::Result<Awaited> {
    Ok(Awaited(File::from(rustix::io::dup(io::stdin())?)))
}

/// Something to be read.
pub(crate) struct Awaited(pub(crate) File);

impl Read for Awaited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut input = [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        // What cannot be said is found out by reading.
        if matches!(poll(&mut input, Some(&MOMENT)), Ok(0)) {
            rest();
        }
        self.0.read(buffer)
    }
}
