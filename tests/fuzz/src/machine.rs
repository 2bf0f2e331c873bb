//! An instance of the trusted application and who calls it.

use std::{
    cell::Cell,
    sync::{Arc, Mutex},
};

use claviger::{
    Client,
    identity::uid_identity,
    transport::{Fault, Transport, TransportError},
};
use claviger_proto::{
    Status,
    frame::{PREFIX, Prefix},
    limits,
};
use claviger_ta::{Caller, Exchange, Service, Session, SharedMemory};

use crate::{Ground, USERS};

/// Memory that Linux changes between two reads of it.
struct Shifting<'a> {
    bytes: &'a [u8],
    flips: u8,
    reads: Cell<u8>,
}

impl SharedMemory for Shifting<'_> {
    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn copy(&self, offset: usize, to: &mut [u8]) -> Result<(), Status> {
        let from = self
            .bytes
            .get(offset..)
            .and_then(|rest| rest.get(..to.len()));
        let flips = if self.reads.get() == 0 { 0 } else { self.flips };
        self.reads.set(1);
        for (to, from) in to.iter_mut().zip(from.ok_or(Status::BadFrame)?) {
            *to = from ^ flips;
        }
        Ok(())
    }
}

/// What a call gave.
pub struct Reply {
    /// Its status.
    pub status: Status,
    /// All of its bytes.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// What lies behind the header.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        let header = u32::from_le_bytes(*self.bytes[4..].first_chunk().unwrap());
        &self.bytes[PREFIX + header as usize..]
    }
}

/// An instance with a session for each of [`USERS`].
pub struct Machine {
    service: Service<Ground>,
    exchange: Exchange,
    sessions: [Session; USERS.len()],
}

impl Machine {
    /// Switches it on.
    ///
    /// # Panics
    /// If there is no memory for it.
    #[must_use]
    pub fn start(ground: Ground) -> Machine {
        let mut service = Service::new(ground).unwrap();
        let sessions = USERS.map(|uid| {
            let caller = Caller::Identified(uid_identity(uid));
            service.open(caller).unwrap()
        });
        Machine {
            service,
            exchange: Exchange::new().unwrap(),
            sessions,
        }
    }

    /// The ground.
    pub fn ground(&mut self) -> &mut Ground {
        self.service.platform_mut()
    }

    /// One call of one of [`USERS`]. The memory's bytes are flipped so after the first read.
    ///
    /// # Panics
    /// If what comes of it is no reply.
    pub fn call(&mut self, user: usize, command: u32, frame: &[u8], flips: u8) -> Reply {
        let memory = Shifting {
            bytes: frame,
            flips,
            reads: Cell::new(0),
        };
        let session = &mut self.sessions[user];
        self.service
            .process(session, command, &mut self.exchange, &memory);
        let (head, payload) = self.exchange.reply();
        let bytes = [head, payload].concat();
        let prefix = Prefix::decode(bytes.first_chunk().unwrap(), bytes.len()).unwrap();
        assert_eq!(prefix.frame_len(), bytes.len());
        assert!(bytes.len() <= limits::FRAME);
        assert!(prefix.status == Status::Ok || bytes.len() == PREFIX);
        Reply {
            status: prefix.status,
            bytes,
        }
    }
}

/// A client of one of [`USERS`].
#[must_use]
pub fn client(machine: &Arc<Mutex<Machine>>, user: usize) -> Client {
    Client::with_transport(Wire {
        machine: machine.clone(),
        user,
        memory: vec![0; limits::FRAME],
    })
}

struct Wire {
    machine: Arc<Mutex<Machine>>,
    user: usize,
    memory: Vec<u8>,
}

impl Transport for Wire {
    fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn invoke(&mut self, command: u32, size: usize) -> Result<usize, Fault> {
        let mut machine = self.machine.lock().unwrap();
        let reply = machine.call(self.user, command, &self.memory[..size], 0);
        let needed = reply.bytes.len();
        let place = self.memory[..size].get_mut(..needed);
        let place = place.ok_or(Fault::ShortBuffer { needed })?;
        place.copy_from_slice(&reply.bytes);
        Ok(needed)
    }

    fn reopen(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        Ok(Box::new(Wire {
            machine: self.machine.clone(),
            user: self.user,
            memory: vec![0; limits::FRAME],
        }))
    }
}
