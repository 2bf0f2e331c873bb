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
