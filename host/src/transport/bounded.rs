//! Calls that end although the TEE's do not.
//!
//! A call into the TEE cannot be taken back: while tee-supplicant is down, the kernel lets one that
//! needs it wait, for as long as it takes. So a thread of its own makes the calls, and whoever
//! asked for one waits for so long only. What the thread is lost in, it brings back in the end; the
//! session is used again then, and not before.
//!
//! Handing a call over costs two switches of threads. Most uses of keys need no storage: they are
//! asked for from memory, in the caller's thread, and handed over only where that will not do. Such
//! a call waits for none but another's that is under way, so it is made if tee-supplicant ran a
//! moment ago.

use std::{
    mem,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use claviger_proto::Command;
use zeroize::Zeroizing;

use super::{Fault, Transport, TransportError, from_memory};
use crate::{process::PerProcess, wiped::wipe};

/// Sessions that this process may be waiting to see opened, after it gave up on them.
const LOST: usize = 8;

/// How long it is believed that tee-supplicant runs, once that was seen.
const MOMENT: Duration = Duration::from_secs(1);

/// How many there are, of this process's.
static OPENING: PerProcess<AtomicUsize> = PerProcess::new();

fn opening() -> &'static AtomicUsize {
    OPENING.here(AtomicUsize::default)
}

/// How sessions are opened, how long calls wait, and why they would wait for longer.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<F> {
    /// Opens a session.
    pub(crate) open: F,
    /// How long a call waits before it is asked why.
    pub(crate) patience: Duration,
    /// Why the TEE does not go on, if it does not: without a reason it is only slow.
    pub(crate) cause: fn() -> Option<TransportError>,
}

/// A session with bounds.
pub(crate) struct Bounded<F> {
    bounds: Bounds<F>,
    tasks: SyncSender<Task>,
    results: Receiver<Result<Brought, TransportError>>,
    /// The session, unless a call is under way.
    session: Option<Box<dyn Transport>>,
    /// Stands in for the session's memory meanwhile.
    spare: Zeroizing<Vec<u8>>,
    /// When there was no cause to be seen why a call would not end.
    well: Option<Instant>,
}

/// What the thread is told to do.
enum Task {
    Open(Box<dyn FnOnce() -> Result<Box<dyn Transport>, TransportError> + Send>),
    Invoke(Box<dyn Transport>, u32, usize),
    Reserve(Box<dyn Transport>, usize),
    Reopen(Box<dyn Transport>),
    Close(Box<dyn Transport>),
}

/// A session, and what came of a call.
struct Brought {
    session: Box<dyn Transport>,
    outcome: Result<usize, Fault>,
}

impl<F> Bounded<F>
where
    F: Fn() -> Result<Box<dyn Transport>, TransportError> + Clone + Send + 'static,
{
    /// Opens a session.
    ///
    /// # Errors
    /// As opening one does; the cause, if that does not end.
    pub(crate) fn open(bounds: Bounds<F>) -> Result<Self, TransportError> {
        if opening().load(Ordering::Relaxed) >= LOST
            && let Some(cause) = (bounds.cause)()
        {
            return Err(cause);
        }
        let (tasks, todo) = sync_channel(1);
        let (done, results) = sync_channel(1);
        thread::Builder::new()
            .name("claviger".to_owned())
            .spawn(move || work(&todo, &done))
            .map_err(TransportError::Thread)?;
        let open = bounds.open.clone();
        let mut opened = Bounded {
            bounds,
            tasks,
            results,
            session: None,
            spare: Zeroizing::new(Vec::new()),
            well: None,
        };
        opening().fetch_add(1, Ordering::Relaxed);
        opened.order(Task::Open(Box::new(move || {
            let opened = open();
            opening().fetch_sub(1, Ordering::Relaxed);
            opened
        })))?;
        let _opened = opened.wait()?;
        Ok(opened)
    }

    fn order(&self, task: Task) -> Result<(), TransportError> {
        self.tasks.send(task).map_err(|_| TransportError::Dead)
    }

    /// Waits for what is under way.
    fn wait(&mut self) -> Result<Result<usize, Fault>, TransportError> {
        loop {
            match self.results.recv_timeout(self.bounds.patience) {
                Ok(brought) => {
                    let Brought { session, outcome } = brought?;
                    self.session = Some(session);
                    return Ok(outcome);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(cause) = (self.bounds.cause)() {
                        return Err(cause);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(TransportError::Dead),
            }
        }
    }

    /// Whether a call may be made in the caller's thread.
    fn is_prompt(&mut self, command_id: u32) -> bool {
        if !Command::from_id(command_id).is_ok_and(Command::is_served_from_memory) {
            return false;
        }
        if self.well.is_none_or(|well| well.elapsed() > MOMENT) {
            self.well = (self.bounds.cause)().is_none().then(Instant::now);
        }
        self.well.is_some()
    }

    /// The session, once it is back from a call that was given up. What that call brought, nobody
    /// waits for any more; what was written to the spare memory becomes the request.
    fn session(&mut self) -> Result<Box<dyn Transport>, TransportError> {
        if self.session.is_none() {
            let _given_up = self.wait()?;
        }
        let mut session = self.session.take().ok_or(TransportError::Dead)?;
        let spare = mem::take(&mut self.spare);
        if !spare.is_empty() {
            if session.memory().len() < spare.len() {
                self.settle(Task::Reserve(session, spare.len()))?;
                session = self.session.take().ok_or(TransportError::Dead)?;
            }
            let front = session.memory().get_mut(..spare.len());
            front.ok_or(TransportError::Dead)?.copy_from_slice(&spare);
        }
        Ok(session)
    }

    /// Has done what brings nothing but the session.
    fn settle(&mut self, task: Task) -> Result<(), TransportError> {
        self.order(task)?;
        match self.wait()? {
            Ok(_) => Ok(()),
            Err(Fault::Failed(error)) => Err(error),
            Err(_) => Err(TransportError::Dead),
        }
    }
}

impl<F> Transport for Bounded<F>
where
    F: Fn() -> Result<Box<dyn Transport>, TransportError> + Clone + Send + 'static,
{
    fn memory(&mut self) -> &mut [u8] {
        match &mut self.session {
            Some(session) => session.memory(),
            None => &mut self.spare,
        }
    }

    fn reserve(&mut self, size: usize) -> Result<(), TransportError> {
        match self.session.take() {
            Some(session) => self.settle(Task::Reserve(session, size)),
            None => {
                let size = self.spare.len().max(size);
                self.spare = Zeroizing::new(vec![0; size]);
                Ok(())
            }
        }
    }

    fn invoke(&mut self, command_id: u32, size: usize) -> Result<usize, Fault> {
        let mut session = self.session()?;
        if self.is_prompt(command_id)
            && let Some(outcome) = from_memory(session.as_mut(), command_id, size)
        {
            self.session = Some(session);
            return outcome;
        }
        self.order(Task::Invoke(session, command_id, size))?;
        self.wait()?
    }

    fn reopen(&mut self) -> Result<(), TransportError> {
        let session = self.session()?;
        self.settle(Task::Reopen(session))
    }

    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        Ok(Box::new(Bounded::open(self.bounds.clone())?))
    }

    /// The thread is the other process's, and so may be what its channels are locked by.
    fn abandon(mut self: Box<Self>) {
        if let Some(session) = self.session.take() {
            session.abandon();
        }
        wipe(&mut self.spare);
        mem::forget(self);
    }
}

impl<F> Drop for Bounded<F> {
    /// Closing waits for the TEE too.
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && self.tasks.send(Task::Close(session)).is_ok()
        {
            // The thread ends then, and says nothing.
            let _closed = self.results.recv_timeout(self.bounds.patience);
        }
    }
}

/// Makes calls until nobody is left who asks for any.
fn work(todo: &Receiver<Task>, done: &SyncSender<Result<Brought, TransportError>>) {
    for task in todo {
        let result = match task {
            Task::Open(open) => open().map(|session| Brought {
                session,
                outcome: Ok(0),
            }),
            Task::Invoke(mut session, command_id, size) => {
                let outcome = session.invoke(command_id, size);
                Ok(Brought { session, outcome })
            }
            Task::Reserve(mut session, size) => {
                let outcome = session.reserve(size).map(|()| 0).map_err(Fault::Failed);
                Ok(Brought { session, outcome })
            }
            Task::Reopen(mut session) => {
                let outcome = session.reopen().map(|()| 0).map_err(Fault::Failed);
                Ok(Brought { session, outcome })
            }
            Task::Close(session) => {
                drop(session);
                return;
            }
        };
        if let Err(nobody) = done.send(result) {
            if let Ok(mut brought) = nobody.0 {
                brought.session.memory().fill(0);
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests;
