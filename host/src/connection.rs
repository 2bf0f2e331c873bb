//! One session and what is done with it: requests into its memory, replies out of it, and the
//! session opened anew when the trusted application died.

use std::sync::Arc;

use claviger_proto::{
    Command, Status, blob, codec,
    command::{Repeat, Request},
    frame::{PREFIX, Prefix},
    limits,
    shares::{MANIFEST, SEALED, SIGNATURE, TEXT},
};

use crate::{
    Error,
    error::{Effect, ProtocolError},
    process::Process,
    transport::{Fault, Transport, TransportError},
    wiped::wipe,
};

/// The smallest range of the memory that is passed: the TEE maps whole pages anyway.
const PAGE: usize = 4096;
/// Bytes of the longest nonce of an encryption: that of CCM.
const NONCE: usize = 13;
/// Bytes of the longest KEM ciphertext: that of X-Wing.
const CIPHERTEXT: usize = 1120;
/// Bytes of the longest header but a list's: what was derived, with a key's description.
const DESCRIPTION: usize = 1900;
const _: () = assert!(PREFIX + DESCRIPTION + CIPHERTEXT + limits::WRAPPED <= PAGE);

/// How often one call's session may be displaced: each time it is the newest again.
const DISPLACED: usize = 16;

/// What is told of calls that are sent again.
pub(crate) type OnRepeat = Arc<dyn Fn(Command) + Send + Sync>;

pub(crate) struct Connection {
    transport: Box<dyn Transport>,
    on_repeat: Option<OnRepeat>,
    /// Whose it is.
    process: Process,
}

impl Connection {
    pub(crate) fn new(transport: Box<dyn Transport>, on_repeat: Option<OnRepeat>) -> Connection {
        Connection {
            transport,
            on_repeat,
            process: Process::current(),
        }
    }

    pub(crate) fn another(&self) -> Result<Box<dyn Transport>, Error> {
        Ok(self.transport.another()?)
    }

    /// Ends it in another process than its own.
    pub(crate) fn abandon(self) {
        self.transport.abandon();
    }

    /// Has `request` carried out with a payload of all `parts` joined, and shows the answer's
    /// payload, of `reply` bytes where that is known to be much, to `take` before the memory is used
    /// again.
    pub(crate) fn call<R: Request, T>(
        &mut self,
        request: &R,
        parts: &[&[u8]],
        reply: usize,
        take: impl FnOnce(R::Response, &[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let exchanged = self.exchange(request, parts, reply);
        let length = exchanged.as_ref().copied().unwrap_or_default();
        let memory = self.transport.memory();
        let result = exchanged.and_then(|length| {
            let (response, payload) = answer::<R>(memory.get(..length).unwrap_or_default())?;
            take(response, payload)
        });
        if carries_secrets(R::COMMAND) {
            let used = length.max(PREFIX + limits::HEADER + payload_len(parts));
            let used = used.min(memory.len());
            wipe(&mut memory[..used]);
        }
        result
    }

    /// Sends a request and says how many bytes its reply has.
    fn exchange<R: Request>(
        &mut self,
        request: &R,
        parts: &[&[u8]],
        reply: usize,
    ) -> Result<usize, Error> {
        let mut whole = false;
        let mut reopened = false;
        let mut displaced = 0;
        let size_for = |length, whole| {
            if whole {
                limits::FRAME
            } else {
                room(R::COMMAND, length).max((PAGE + reply).min(limits::FRAME))
            }
        };
        loop {
            // How long the header is, shows when it is there.
            let longest = PREFIX + limits::HEADER + payload_len(parts);
            self.reserve(size_for(longest, whole))?;
            let length = encode(self.transport.memory(), request, parts)?;
            let size = size_for(length, whole);
            match self.transport.invoke(R::COMMAND.id(), size) {
                Ok(length) if self.is_displaced(length) => {
                    self.transport.reopen()?;
                    displaced += 1;
                    if is_of_a_stream(R::COMMAND) || displaced > DISPLACED {
                        return Err(Error::Ta(Status::SessionDisplaced));
                    }
                }
                Ok(length) => return Ok(length),
                Err(Fault::ShortBuffer { .. }) if !whole && R::COMMAND.repeat() == Repeat::Safe => {
                    whole = true;
                }
                Err(Fault::ShortBuffer { needed }) => {
                    return Err(TransportError::ShortBuffer { needed }.into());
                }
                Err(Fault::Dead) => {
                    let opened = self.transport.reopen();
                    if R::COMMAND.repeat() == Repeat::Never {
                        let effect = effect_of(R::COMMAND);
                        return Err(Error::Restarted {
                            command: R::COMMAND,
                            effect,
                        });
                    }
                    opened?;
                    if reopened {
                        return Err(TransportError::Dead.into());
                    }
                    reopened = true;
                    if let Some(told) = &self.on_repeat {
                        told(R::COMMAND);
                    }
                    // Whoever was told may have forked.
                    if !self.process.is_current() {
                        return Err(TransportError::AnotherProcess.into());
                    }
                }
                Err(Fault::Failed(error)) => return Err(error.into()),
            }
        }
    }

    /// Whether the session had given its place to another one: nothing was done then.
    fn is_displaced(&mut self, length: usize) -> bool {
        let front = self.transport.memory().first_chunk();
        let reply = front.and_then(|front| Prefix::decode(front, length).ok());
        reply.is_some_and(|reply| reply.status == Status::SessionDisplaced)
    }

    /// Has the memory be so many bytes long at least.
    fn reserve(&mut self, size: usize) -> Result<(), TransportError> {
        if self.transport.memory().len() < size {
            self.transport.reserve(size)?;
        }
        Ok(())
    }

    /// Sends `frame` as it is, in memory of `size` bytes, and gives the reply as it is.
    pub(crate) fn raw(
        &mut self,
        command_id: u32,
        frame: &[u8],
        size: usize,
    ) -> Result<Vec<u8>, Error> {
        let size = size.min(limits::FRAME);
        self.reserve(size)?;
        let memory = self.transport.memory();
        let size = size.min(memory.len());
        let front = memory
            .get_mut(..frame.len())
            .filter(|_| frame.len() <= size)
            .ok_or(Error::Ta(Status::PayloadTooLong))?;
        front.copy_from_slice(frame);
        memory[frame.len()..size].fill(0);
        match self.transport.invoke(command_id, size) {
            Ok(length) => Ok(self.transport.memory()[..length].to_vec()),
            Err(Fault::ShortBuffer { needed }) => {
                Err(TransportError::ShortBuffer { needed }.into())
            }
            Err(Fault::Dead) => {
                self.transport.reopen()?;
                Err(TransportError::Dead.into())
            }
            Err(Fault::Failed(error)) => Err(error.into()),
        }
    }
}

/// Puts a request at the front of `memory` and says how many bytes it takes.
fn encode<R: Request>(memory: &mut [u8], request: &R, parts: &[&[u8]]) -> Result<usize, Error> {
    let payload = payload_len(parts);
    let (prefix, rest) = memory
        .split_first_chunk_mut::<PREFIX>()
        .ok_or(Error::Ta(Status::BadFrame))?;
    let bounded = rest.len().min(limits::HEADER);
    let header = codec::encode(request, &mut rest[..bounded]).map_err(Error::Ta)?;
    let fields = Prefix {
        status: Status::Ok,
        header,
        payload,
    };
    *prefix = fields.encode().map_err(Error::Ta)?;
    let mut place = rest
        .get_mut(header..header + payload)
        .ok_or(Error::Ta(Status::PayloadTooLong))?;
    for part in parts {
        let (here, after) = place.split_at_mut(part.len());
        here.copy_from_slice(part);
        place = after;
    }
    Ok(fields.frame_len())
}

/// Takes a reply apart.
fn answer<R: Request>(reply: &[u8]) -> Result<(R::Response, &[u8]), Error> {
    let command = R::COMMAND.name();
    let frame = |reason| ProtocolError::Frame {
        command: command.to_owned(),
        reason,
    };
    let (prefix, rest) = reply
        .split_first_chunk::<PREFIX>()
        .ok_or_else(|| frame(Status::BadFrame))?;
    let prefix = Prefix::decode(prefix, reply.len()).map_err(frame)?;
    if prefix.status != Status::Ok {
        return Err(Error::Ta(prefix.status));
    }
    let (header, rest) = rest.split_at(prefix.header);
    let response = codec::decode(header).map_err(|_| ProtocolError::Header { command })?;
    Ok((response, &rest[..prefix.payload]))
}

fn payload_len(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

/// How much memory to pass: enough for the request and for the largest reply, and no more, since
/// every page of it is mapped in every call.
fn room(command: Command, request: usize) -> usize {
    let reply = match command {
        Command::Info | Command::SelfTest | Command::List => PREFIX + limits::HEADER,
        Command::Random => PREFIX + 64 + limits::RANDOM,
        Command::Seal => request + blob::HEADER + blob::TAG,
        Command::Encrypt => request + NONCE + blob::TAG,
        Command::Share => PREFIX + 128 + limits::SHARES * (TEXT + SEALED) + MANIFEST + SIGNATURE,
        // At most a description, a KEM ciphertext and a wrapped key.
        _ => PAGE,
    };
    reply.max(request).clamp(PAGE, limits::FRAME)
}

/// Whether the command goes on with what was begun in its session, and gone with that.
const fn is_of_a_stream(command: Command) -> bool {
    matches!(
        command,
        Command::MacUpdate | Command::MacFinish | Command::VerifyMacFinish
    )
}

/// What a restart leaves of a command that may not be repeated.
const fn effect_of(command: Command) -> Effect {
    match command {
        Command::MacStart
        | Command::MacUpdate
        | Command::MacFinish
        | Command::VerifyMacFinish
        | Command::Confirm
        | Command::ComponentStart
        | Command::ComponentCancel
        | Command::PendingCancel
        | Command::RestoreStart
        | Command::RestoreCancel => Effect::Lost,
        _ => Effect::Unknown,
    }
}

/// Whether request or reply hold what should not stay in memory.
const fn carries_secrets(command: Command) -> bool {
    matches!(
        command,
        Command::Random
            | Command::Import
            | Command::Seal
            | Command::Unseal
            | Command::Batch
            | Command::Confirm
            | Command::Encrypt
            | Command::Decrypt
            | Command::Derive
            | Command::Combine
            | Command::ComponentEnter
    )
}

#[cfg(test)]
mod tests;
