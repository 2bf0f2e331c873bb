//! A device in a directory, shared by processes.
//!
//! ```text
//! lock        held, exclusively, during each call
//! instance    what the device holds in memory, until its next start:
//!             16 bytes that name the start, 8 that count changes (big-endian), then what
//!             Service::suspend gives
//! the rest    the store, as claviger_ta::workstation lays it out
//! ```
//!
//! Each process keeps the instance that it ran last, and takes it up again while nobody else has
//! changed anything: the count says so.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use claviger_ta::{
    Caller, Session,
    workstation::{Device, Workstation},
};

use super::{Boot, Machine, new_boot};
use crate::{
    process::PerProcess,
    transport::{Fault, TransportError},
};

/// How long to wait for another process.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });
const PAUSE: Duration = Duration::from_millis(5);

pub(super) struct DirectoryMachine {
    directory: PathBuf,
    last: PerProcess<Mutex<Option<Running>>>,
}

/// An instance, and the state of the directory that it knows.
struct Running {
    device: Device,
    state: State,
}

/// The file `instance`.
#[derive(PartialEq, Eq)]
struct State {
    boot: Boot,
    changes: u64,
    volatile: Vec<u8>,
}

impl DirectoryMachine {
    pub(super) fn new(directory: PathBuf) -> DirectoryMachine {
        DirectoryMachine {
            directory,
            last: PerProcess::new(),
        }
    }

    /// Locks the device and brings the instance up to what other processes did.
    fn with_instance<T>(
        &self,
        work: impl FnOnce(&mut Running) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut last = self.last();
        let _lock = self.lock()?;
        let stored = self.load().map_err(|source| self.failed(source))?;
        let known = last.as_ref().map(|running| &running.state);
        if known.is_none() || known != stored.as_ref() {
            *last = None;
            let running = self.start(stored)?;
            *last = Some(running);
        }
        match &mut *last {
            Some(running) => work(running),
            None => Err(Fault::Dead),
        }
    }

    fn start(&self, stored: Option<State>) -> Result<Running, TransportError> {
        let workstation =
            Workstation::in_directory(&self.directory).map_err(|source| self.failed(source))?;
        let mut device = Device::start(workstation).map_err(TransportError::EmulatorStart)?;
        // What cannot be taken up is as good as gone: the device starts anew.
        let resumed = stored.filter(|state| device.service.resume(&state.volatile).is_ok());
        if let Some(state) = resumed {
            return Ok(Running { device, state });
        }
        let state = State {
            boot: new_boot()?,
            changes: 0,
            volatile: device.service.suspend(),
        };
        self.store(&state)?;
        Ok(Running { device, state })
    }

    fn load(&self) -> io::Result<Option<State>> {
        match fs::read(self.directory.join("instance")) {
            Ok(bytes) => Ok(State::decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn store(&self, state: &State) -> Result<(), TransportError> {
        let write = || {
            let new = self.directory.join("instance.new");
            // Not one that was left there, with another mode.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(&state.encode())?;
            fs::rename(new, self.directory.join("instance"))
        };
        write().map_err(|source| self.failed(source))
    }

    fn lock(&self) -> Result<Locked, TransportError> {
        let open = || {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.directory)?;
            let mut options = OpenOptions::new();
            options
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600);
            options.open(self.directory.join("lock"))
        };
        let file = open().map_err(|source| self.failed(source))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Locked(file)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let dir = self.directory.clone();
                    return Err(TransportError::EmulatorBusy {
                        dir,
                        seconds: PATIENCE.as_secs(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(self.failed(source)),
            }
        }
    }

    fn failed(&self, source: io::Error) -> TransportError {
        TransportError::Emulator {
            dir: self.directory.clone(),
            source,
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Running>> {
        let last = self.last.here(Mutex::default);
        last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file `lock`, locked. A process that is forked meanwhile has it open too: to close it would not
/// be enough.
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing it is what is left to do.
        let _closed_anyway = self.0.unlock();
    }
}

impl Machine for DirectoryMachine {
    fn open(&self, caller: Caller) -> Result<(Boot, Session), TransportError> {
        let opened = self.with_instance(|running| {
            // How many there are, nobody counts.
            Ok((running.state.boot, Session::new(caller)))
        });
        match opened {
            Ok(opened) => Ok(opened),
            Err(Fault::Failed(error)) => Err(error),
            Err(_) => Err(TransportError::Dead),
        }
    }

    fn close(&self, _: Boot, _: &Session) {}

    fn call(
        &self,
        boot: Boot,
        session: &mut Session,
        command_id: u32,
        frame: &mut [u8],
    ) -> Result<usize, Fault> {
        self.with_instance(|running| {
            if running.state.boot != boot {
                return Err(Fault::Dead);
            }
            // Any call may change the store: it counts uses, mends, or records that it was refused.
            // Before the change, so that nobody misses it if this process is killed in it.
            running.state.changes += 1;
            self.store(&running.state)?;
            let reply = running.device.call(session, command_id, frame);
            let volatile = running.device.service.suspend();
            if volatile != running.state.volatile {
                running.state.volatile = volatile;
                self.store(&running.state)?;
            }
            reply.map_err(|short| Fault::ShortBuffer {
                needed: short.needed,
            })
        })
    }

    fn remembers(&self) -> bool {
        false
    }

    fn reboot(&self) -> Result<(), TransportError> {
        let mut last = self.last();
        let _lock = self.lock()?;
        *last = None;
        *last = Some(self.start(None)?);
        Ok(())
    }
}

impl State {
    fn encode(&self) -> Vec<u8> {
        [&self.boot[..], &self.changes.to_be_bytes(), &self.volatile].concat()
    }

    fn decode(bytes: &[u8]) -> Option<State> {
        let (boot, rest) = bytes.split_first_chunk()?;
        let (changes, volatile) = rest.split_first_chunk()?;
        let changes = u64::from_be_bytes(*changes);
        Some(State {
            boot: *boot,
            changes,
            volatile: volatile.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use claviger_proto::Algorithm;

    use crate::{Client, Effect, Error, TransportError, transport::emulator::Emulator};

    use super::*;

    /// Two machines over one directory, as two processes have them.
    fn two(directory: &tempfile::TempDir) -> (Client, Client) {
        let open = || {
            let emulator = Emulator::directory(directory.path().join("device")).as_user(0);
            Client::builder().emulator(emulator).open().unwrap()
        };
        (open(), open())
    }

    #[test]
    fn processes_see_what_others_do() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = two(&directory);
        one.generate("a", Algorithm::Aes256Siv).unwrap();
        other.generate("b", Algorithm::Aes256Siv).unwrap();
        one.delete("a").unwrap();
        assert!(matches!(other.key("a"), Err(Error::Ta(_))));
        let blob = other.key("b").unwrap().seal(b"", b"data").unwrap();
        let key = one.key("b").unwrap();
        assert_eq!(key.unseal(b"", &blob).unwrap(), b"data");
        other.key("b").unwrap().rotate().unwrap();
        assert_eq!(key.seal(b"", b"data").unwrap()[24..28], [0, 0, 0, 2]);
        let uses = one.create("c").max_uses(2).generate().unwrap();
        uses.seal(b"", b"1").unwrap();
        other.key("c").unwrap().seal(b"", b"2").unwrap();
        assert!(uses.seal(b"", b"3").is_err(), "uses are counted together");
        let (one, other) = (one.info().unwrap(), other.info().unwrap());
        assert_eq!(
            (one.instance, one.confirmation),
            (other.instance, other.confirmation)
        );
    }

    #[test]
    fn a_challenge_waits_in_the_device() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = two(&directory);
        let created = one
            .create("k")
            .algorithm(Algorithm::Aes128Cmac)
            .usage(crate::Usage::Challenge)
            .generate()
            .unwrap();
        let m1 = created.challenge("b", "a").unwrap();
        let key = other.key("k").unwrap();
        let m2 = key.respond("a", "b", &m1).unwrap();
        let m3 = key.confirm(&m2).unwrap().reply;
        assert_eq!(created.confirm(&m3).unwrap().peer.as_str(), "b");
        assert!(key.confirm(&m2).is_err(), "it serves once");
    }

    #[test]
    fn a_reboot_forgets_and_kills_sessions_everywhere() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = two(&directory);
        one.generate("a", Algorithm::Aes256Siv).unwrap();
        let before = one.info().unwrap().instance;
        Emulator::directory(directory.path().join("device"))
            .reboot()
            .unwrap();
        let refused = other.generate("b", Algorithm::Ed25519).unwrap_err();
        assert!(
            matches!(
                refused,
                Error::Restarted {
                    effect: Effect::Unknown,
                    ..
                }
            ),
            "{refused}"
        );
        assert!(other.key("b").is_err());
        other.generate("b", Algorithm::Ed25519).unwrap();
        assert_ne!(
            one.info().unwrap().instance,
            before,
            "and what is safe is repeated"
        );
        assert_eq!(one.list().unwrap().len(), 2);
    }

    #[test]
    fn a_device_that_is_held_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (client, _) = two(&directory);
        let held = File::open(directory.path().join("device/lock")).unwrap();
        held.lock().unwrap();
        let error = client.info().unwrap_err();
        assert!(
            matches!(error, Error::Transport(TransportError::EmulatorBusy { .. })),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains(directory.path().to_str().unwrap()),
            "{error}"
        );
        drop(held);
        client.info().unwrap();
    }

    #[test]
    fn a_damaged_instance_is_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let (client, _) = two(&directory);
        client.generate("a", Algorithm::Aes256Siv).unwrap();
        for damage in [&b""[..], b"short", &[0xff; 60]] {
            fs::write(directory.path().join("device/instance"), damage).unwrap();
            assert_eq!(client.list().unwrap().len(), 1, "{damage:?}");
        }
    }
}
