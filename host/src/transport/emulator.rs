//! A device without a TEE, for workstations and tests. **It protects nothing**: keys lie in this
//! process's memory or in files, and anyone who may read those has them.
//!
//! It is the trusted application's own code on another ground, so that what a program sees is
//! what it will see on a device. Nothing here is part of a device's build.

mod directory;
mod memory;

use std::{
    hint::black_box,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use claviger_proto::{Command, Identity, limits};
use claviger_ta::{Caller, Session, workstation::Workstation};

use self::{directory::DirectoryMachine, memory::MemoryMachine};
use super::{Fault, Stage, Transport, TransportError, error::BUSY, from_memory, in_turn};
use crate::{Login, builder::variable, identity};

/// What tells a program with an emulator in it from one for a device: the build for the device looks
/// for it.
static MARK: [u8; 32] = *b"claviger: an emulator is in here";

/// Chooses the uid for which a client of an emulated device that the environment names speaks.
const UID_VARIABLE: &str = "CLAVIGER_EMULATOR_UID";

/// An emulated device. Clones are the same device; [`Emulator::as_user`] and
/// [`Emulator::as_group`] choose whom its clients speak for.
///
/// ```
/// use claviger::{Algorithm, Client, transport::emulator::Emulator};
///
/// let device = Emulator::memory();
/// let alice = Client::builder().emulator(device.as_user(1000)).open()?;
/// let bob = Client::builder().emulator(device.as_user(1001)).open()?;
/// alice.generate("hers", Algorithm::Aes256Siv)?;
/// assert!(bob.key("hers").is_err());
/// # Ok::<(), claviger::Error>(())
/// ```
#[derive(Clone)]
pub struct Emulator {
    machine: Arc<dyn Machine>,
    identity: Option<Identity>,
}

/// One start of a device: what a session belongs to, and does not survive.
type Boot = [u8; 16];

/// The start that no session belongs to.
const CLOSED: Boot = [0; 16];

/// A device that is switched on.
trait Machine: Send + Sync {
    /// Opens a session; it belongs to a start.
    fn open(&self, caller: Caller) -> Result<(Boot, Session), TransportError>;

    /// Closes a session that belongs to `boot`.
    fn close(&self, boot: Boot, session: &Session);

    /// One call in a session that belongs to `boot`.
    fn call(
        &self,
        boot: Boot,
        session: &mut Session,
        command_id: u32,
        frame: &mut [u8],
    ) -> Result<usize, Fault>;

    /// Whether an instance goes on from call to call, with all that it has counted.
    fn remembers(&self) -> bool;

    /// Switches the device off and on.
    fn reboot(&self) -> Result<(), TransportError>;
}

impl Emulator {
    /// A new device in this process's memory.
    ///
    /// # Panics
    /// If the operating system gives no random numbers.
    #[must_use]
    pub fn memory() -> Emulator {
        Emulator::on(Workstation::in_memory())
    }

    /// A device on this ground, which a test keeps hold of to hurt it.
    ///
    /// # Panics
    /// If the operating system gives no random numbers.
    #[must_use]
    pub fn on(workstation: Workstation) -> Emulator {
        let machine = MemoryMachine::start(workstation).expect("random numbers");
        Emulator {
            machine: Arc::new(machine),
            identity: None,
        }
    }

    /// The device in a directory, made if there is none. Any number of processes may use it: each
    /// call locks it, and what a device holds in memory lies in a file beside its store; only
    /// how many sessions there are, no process knows of the others.
    #[must_use]
    pub fn directory(directory: impl AsRef<Path>) -> Emulator {
        black_box(&MARK);
        let machine = DirectoryMachine::new(directory.as_ref().to_owned());
        Emulator {
            machine: Arc::new(machine),
            identity: None,
        }
    }

    /// The same device; its clients speak for this user instead of the process's own.
    #[must_use]
    pub fn as_user(&self, uid: u32) -> Emulator {
        Emulator {
            machine: self.machine.clone(),
            identity: Some(identity::uid_identity(uid)),
        }
    }

    /// The same device; its clients speak for this group.
    #[must_use]
    pub fn as_group(&self, gid: u32) -> Emulator {
        Emulator {
            machine: self.machine.clone(),
            identity: Some(identity::gid_identity(gid)),
        }
    }

    /// Switches the device off and on: what it held in memory is gone, what it stored is not.
    /// Sessions that were open are dead, as after a panic of the trusted application: a client's
    /// next call opens its session anew, and is refused if it may not be repeated.
    ///
    /// # Errors
    /// [`TransportError`] if it does not start again.
    pub fn reboot(&self) -> Result<(), TransportError> {
        self.machine.reboot()
    }

    /// The device that the environment names.
    pub(crate) fn from_environment(directory: PathBuf) -> Result<Emulator, TransportError> {
        let emulator = Emulator::directory(&directory);
        let Some(uid) = variable(UID_VARIABLE) else {
            return Ok(emulator);
        };
        let uid = uid.to_str().and_then(|uid| uid.parse().ok());
        let uid = uid.ok_or_else(|| {
            let text = format!("{UID_VARIABLE} is not a uid");
            let source = io::Error::new(io::ErrorKind::InvalidInput, text);
            TransportError::Emulator {
                dir: directory,
                source,
            }
        })?;
        Ok(emulator.as_user(uid))
    }

    /// Opens a session, if this is still the user who calls: as on a device, one that takes its
    /// place in another process is to be the same user's.
    pub(crate) fn open_for(
        &self,
        login: Login,
        uid: u32,
        turn: Duration,
    ) -> Result<EmulatedSession, TransportError> {
        let (was, is) = (uid, identity::effective_uid());
        if login == Login::User && was != is {
            return Err(TransportError::AnotherUser { was, is });
        }
        EmulatedSession::open(self.machine.clone(), self.caller(login)?, turn)
    }

    /// Whom a session speaks for, decided as OP-TEE's driver does.
    fn caller(&self, login: Login) -> Result<Caller, TransportError> {
        Ok(match (login, self.identity) {
            (Login::Public, _) => Caller::Public,
            (Login::User, None) => {
                Caller::Identified(identity::uid_identity(identity::effective_uid()))
            }
            (Login::User, Some(identity)) => Caller::Identified(identity),
            (Login::Group(gid), None) if !identity::in_group(gid) => {
                return Err(TransportError::NotInGroup { gid });
            }
            (Login::Group(gid), _) => Caller::Identified(identity::gid_identity(gid)),
        })
    }
}

/// A session with an emulated device.
pub(crate) struct EmulatedSession {
    machine: Arc<dyn Machine>,
    boot: Boot,
    caller: Caller,
    /// How long it waits while there are too many sessions.
    turn: Duration,
    session: Session,
    memory: Vec<u8>,
}

impl EmulatedSession {
    fn open(
        machine: Arc<dyn Machine>,
        caller: Caller,
        turn: Duration,
    ) -> Result<Self, TransportError> {
        let (boot, session) = in_turn(turn, || machine.open(caller))?;
        Ok(EmulatedSession {
            machine,
            boot,
            caller,
            turn,
            session,
            memory: vec![0; limits::FRAME],
        })
    }
}

impl Drop for EmulatedSession {
    fn drop(&mut self) {
        self.machine.close(self.boot, &self.session);
    }
}

impl Transport for EmulatedSession {
    fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn invoke(&mut self, command_id: u32, size: usize) -> Result<usize, Fault> {
        // As on a device.
        if self.machine.remembers()
            && Command::from_id(command_id).is_ok_and(Command::is_served_from_memory)
            && let Some(outcome) = from_memory(self, command_id, size)
        {
            return outcome;
        }
        let size = size.min(self.memory.len());
        self.machine.call(
            self.boot,
            &mut self.session,
            command_id,
            &mut self.memory[..size],
        )
    }

    fn reopen(&mut self) -> Result<(), TransportError> {
        self.machine.close(self.boot, &self.session);
        let opened = in_turn(self.turn, || self.machine.open(self.caller));
        (self.boot, self.session) = opened.inspect_err(|_| self.boot = CLOSED)?;
        Ok(())
    }

    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        let another = EmulatedSession::open(self.machine.clone(), self.caller, self.turn)?;
        Ok(Box::new(another))
    }
}

/// What a client sees of a session that the trusted application refuses.
const REFUSED: TransportError = TransportError::Tee {
    stage: Stage::Open,
    code: BUSY,
    origin: 4,
};

fn new_boot() -> Result<Boot, TransportError> {
    let mut boot = [0; 16];
    getrandom::fill(&mut boot)
        .map_err(|_| TransportError::EmulatorStart(claviger_proto::Status::RandomFailed))?;
    Ok(boot)
}
