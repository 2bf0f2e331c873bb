//! How a call reaches the trusted application.
//!
//! A [`Transport`] is one session: a block of memory that both sides see, and a way to have a
//! command carried out on it. It knows nothing of what the bytes mean. There are two,
//! `optee` (feature `optee`) and `emulator` (feature `emulator`); a third one can be handed to
//! [`Client::with_transport`](crate::Client::with_transport).

#[cfg(any(feature = "optee", test))]
pub(crate) mod bounded;
#[cfg(feature = "emulator")]
pub mod emulator;
pub(crate) mod error;
#[cfg(feature = "optee")]
pub mod optee;
#[cfg(feature = "optee")]
mod under_way;

use std::mem;
#[cfg(any(feature = "optee", feature = "emulator", test))]
use std::{
    thread,
    time::{Duration, Instant},
};

#[cfg(any(feature = "optee", feature = "emulator", test))]
use claviger_proto::{
    Status,
    command::FROM_MEMORY,
    frame::{PREFIX, Prefix},
};

pub use error::{Stage, TransportError};

/// One session with a trusted application.
pub trait Transport: Send {
    /// The memory that both sides see: as many bytes as were [reserved](Transport::reserve), or
    /// more. The caller puts the request at its front.
    fn memory(&mut self) -> &mut [u8];

    /// Makes the memory so many bytes long at least, of which there are never more than
    /// [`limits::FRAME`](crate::proto::limits::FRAME); what was in it is lost. A transport whose
    /// memory has that many from the start has nothing to do.
    ///
    /// # Errors
    /// [`TransportError`] if there is not so much memory, and then it is as it was.
    fn reserve(&mut self, size: usize) -> Result<(), TransportError> {
        let _has_as_many = size;
        Ok(())
    }

    /// Has a command carried out on the first `size` bytes of the memory, and says how many of
    /// them the reply fills. Reusing the memory after a [`Fault`] needs the request to be put
    /// there anew.
    ///
    /// # Errors
    /// [`Fault`].
    fn invoke(&mut self, command_id: u32, size: usize) -> Result<usize, Fault>;

    /// Opens the session anew, with the same login, after [`Fault::Dead`].
    ///
    /// # Errors
    /// As opening it in the first place.
    fn reopen(&mut self) -> Result<(), TransportError>;

    /// Opens another session with the same login.
    ///
    /// # Errors
    /// As opening this one.
    fn another(&self) -> Result<Box<dyn Transport>, TransportError>;

    /// Lets go of the session in a process that was forked from the one which opened it, and needs it:
    /// nothing is said to the other side, nothing is written to memory that it sees, and no thread or
    /// lock is waited for. If not said otherwise, it is left where it is.
    fn abandon(self: Box<Self>) {
        mem::forget(self);
    }
}

/// Has a command served from what the trusted application has in memory, so that nothing waits for
/// storage; `None` where it has to be asked for in full, with the request there as before.
#[cfg(any(feature = "optee", feature = "emulator", test))]
fn from_memory(
    session: &mut dyn Transport,
    command_id: u32,
    size: usize,
) -> Option<Result<usize, Fault>> {
    let request: [u8; PREFIX] = *session.memory().first_chunk()?;
    let outcome = session.invoke(command_id | FROM_MEMORY, size);
    let front = session.memory().first_chunk_mut()?;
    if let Ok(length) = outcome
        && let Ok(reply) = Prefix::decode(front, length)
        // Or an instance is there still that knows of no such calls.
        && matches!(reply.status, Status::NeedsStorage | Status::UnknownCommand)
    {
        // All of the request that a refusal is written over.
        *front = request;
        return None;
    }
    Some(outcome)
}

/// How long to pause at first before one's turn may have come, and at most.
#[cfg(any(feature = "optee", feature = "emulator", test))]
const PAUSES: [Duration; 2] = [Duration::from_millis(4), Duration::from_millis(64)];

/// Opens a session, and waits for as long as `turn` while there are too many. Whoever waits tries at
/// random moments, so that none comes after another for ever.
#[cfg(any(feature = "optee", feature = "emulator", test))]
fn in_turn<T>(
    turn: Duration,
    mut open: impl FnMut() -> Result<T, TransportError>,
) -> Result<T, TransportError> {
    let begun = Instant::now();
    let [mut pause, longest] = PAUSES;
    loop {
        match open() {
            Err(error) if error.is_full() && begun.elapsed() < turn => {
                let mut random = [0; 1];
                // Without it they meet again, and try once more.
                let _as_it_is = getrandom::fill(&mut random);
                thread::sleep(pause * u32::from(random[0]) / 256);
                pause = longest.min(pause * 2);
            }
            done => return done,
        }
    }
}

/// Why a call brought no reply.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The reply does not fit into the memory that was offered.
    ShortBuffer {
        /// Bytes that it needs.
        needed: usize,
    },
    /// The trusted application's instance is gone, and the session with it.
    Dead,
    /// Anything else.
    Failed(TransportError),
}

impl From<TransportError> for Fault {
    fn from(error: TransportError) -> Self {
        Fault::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use error::{ACCESS_DENIED, BUSY};

    const fn refused(code: u32) -> TransportError {
        let (stage, origin) = (Stage::Open, 4);
        TransportError::Tee {
            stage,
            code,
            origin,
        }
    }

    #[test]
    fn whoever_finds_no_room_waits_for_his_turn() {
        let turn = Duration::from_millis(300);
        for (code, tries) in [(BUSY, 5), (ACCESS_DENIED, 1)] {
            let mut tried = 0;
            let opened = in_turn(turn, || {
                tried += 1;
                if tried < 5 {
                    Err(refused(code))
                } else {
                    Ok(())
                }
            });
            assert_eq!((opened.is_ok(), tried), (tries == 5, tries));
        }
        let begun = Instant::now();
        assert!(in_turn(turn, || Err::<(), _>(refused(BUSY))).is_err());
        assert!(begun.elapsed() >= turn);
        let mut tried = 0;
        let at_once = in_turn(Duration::ZERO, || {
            tried += 1;
            Err::<(), _>(refused(BUSY))
        });
        assert_eq!((at_once.is_err(), tried), (true, 1));
    }
}
