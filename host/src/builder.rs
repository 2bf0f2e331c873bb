//! How a session is opened: with what, and for whom.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use claviger_proto::Command;

#[cfg(any(feature = "emulator", feature = "optee"))]
use crate::identity::effective_uid;
#[cfg(feature = "emulator")]
use crate::transport::emulator::Emulator;
use crate::{Client, Error, client::Reopening, connection::OnRepeat, transport::Transport};

/// The environment variable that chooses the emulator for [`Client::open`]. A set-user-ID,
/// set-group-ID or file-capability program does not look at it.
pub const EMULATOR_VARIABLE: &str = "CLAVIGER_EMULATOR";

/// Whom a session speaks for. The kernel's driver vouches for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Login {
    /// The process's effective user: keys belong to it.
    #[default]
    User,
    /// A group that the process is in: keys belong to the group, and all its members use them. In a
    /// user namespace the number is the namespace's own, which the driver turns into the host's.
    Group(u32),
    /// Nobody: enough for [`Client::info`] and [`Client::self_test`].
    Public,
}

/// How long a call waits for a TEE whose helper in Linux is down, if nothing else is said.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a session is waited for while there are too many, if nothing else is said.
const TURN: Duration = Duration::from_secs(30);

/// How to open a [`Client`].
pub struct Builder {
    login: Login,
    on_repeat: Option<OnRepeat>,
    patience: Duration,
    turn: Duration,
    on_emulator: OnEmulator,
    #[cfg(feature = "emulator")]
    emulator: Option<Emulator>,
}

/// What is told of an emulated device that the environment chose.
type OnEmulator = Box<dyn FnOnce(&Path) + Send>;

fn warn(directory: &Path) {
    let shown = directory.display();
    // Without a stderr there is nobody to warn.
    let _ = writeln!(
        io::stderr(),
        "emulated device in {shown}: nothing here is protected"
    );
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            login: Login::default(),
            on_repeat: None,
            patience: PATIENCE,
            turn: TURN,
            on_emulator: Box::new(warn),
            #[cfg(feature = "emulator")]
            emulator: None,
        }
    }
}

impl Builder {
    /// Whom the session speaks for; [`Login::User`] if not said.
    #[must_use]
    pub fn login(mut self, login: Login) -> Builder {
        self.login = login;
        self
    }

    /// What is to be told of calls that are sent again, because the trusted application was
    /// restarted under them and they may be ([`crate::proto::command::Repeat::Safe`]): a counted
    /// use may have been counted twice. Calls that may not be end in [`Error::Restarted`].
    #[must_use]
    pub fn on_repeat(mut self, told: impl Fn(Command) + Send + Sync + 'static) -> Builder {
        self.on_repeat = Some(Arc::new(told));
        self
    }

    /// How long a call waits while tee-supplicant does not run, or is stopped; 5 s if not said. It
    /// fails then with [`NoSupplicant`](crate::transport::TransportError::NoSupplicant) or
    /// [`SupplicantStopped`](crate::transport::TransportError::SupplicantStopped).
    /// While tee-supplicant runs, there is no limit: what the TEE does, it ends. A use of a key that
    /// begins less than a second after tee-supplicant went down waits for another process's call
    /// that waits for it.
    ///
    /// A call that was given up so may still take effect when tee-supplicant runs again. Until then
    /// it keeps the trusted application from serving anyone, and, if tee-supplicant was serving it
    /// when it died, Linux from starting another; it ends with this process. Linux does not end a
    /// process that waits for another's call.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Builder {
        self.patience = patience;
        self
    }

    /// How long to wait for a session while this user, his groups or all together have as many as there
    /// may be; 30 s if not said. What is in the way then are programs that keep theirs open.
    #[must_use]
    pub fn wait_for_turn(mut self, turn: Duration) -> Builder {
        self.turn = turn;
        self
    }

    /// What is to be told that the environment chose the emulated device in this directory, where
    /// nothing is protected; if not said, a line on stderr.
    #[must_use]
    pub fn on_emulator(mut self, told: impl FnOnce(&Path) + Send + 'static) -> Builder {
        self.on_emulator = Box::new(told);
        self
    }

    /// Uses an emulated device, whatever the environment says.
    #[cfg(feature = "emulator")]
    #[must_use]
    pub fn emulator(mut self, emulator: Emulator) -> Builder {
        self.emulator = Some(emulator);
        self
    }

    /// Opens the session.
    ///
    /// # Errors
    /// [`Error::Transport`] if the trusted application cannot be reached.
    pub fn open(mut self) -> Result<Client, Error> {
        let reopening = self.opening()?;
        let transport = reopening()?;
        Ok(Client::of(transport, Some(reopening), self.on_repeat))
    }

    /// Whether it is one with an emulated device.
    #[must_use]
    pub fn is_emulated(&self) -> bool {
        #[cfg(feature = "emulator")]
        if self.emulator.is_some() {
            return true;
        }
        emulator_directory().is_some()
    }

    /// How the session is opened, now and in a process that is forked from this one.
    fn opening(&mut self) -> Result<Reopening, Error> {
        #[cfg(feature = "emulator")]
        if let Some(emulator) = self.emulator.take() {
            return Ok(self.emulated(emulator));
        }
        match emulator_directory() {
            Some(dir) => self.opening_emulator(dir),
            None => self.opening_optee(),
        }
    }

    #[cfg(feature = "emulator")]
    fn emulated(&self, emulator: Emulator) -> Reopening {
        let (login, uid, turn) = (self.login, effective_uid(), self.turn);
        Box::new(move || Ok(Box::new(emulator.open_for(login, uid, turn)?)))
    }

    #[cfg(feature = "emulator")]
    fn opening_emulator(&mut self, dir: PathBuf) -> Result<Reopening, Error> {
        let told = std::mem::replace(&mut self.on_emulator, Box::new(warn));
        told(&dir);
        Ok(self.emulated(Emulator::from_environment(dir)?))
    }

    #[cfg(not(feature = "emulator"))]
    fn opening_emulator(&self, dir: PathBuf) -> Result<Reopening, Error> {
        Err(crate::transport::TransportError::EmulatorNotBuilt { dir }.into())
    }

    #[cfg(feature = "optee")]
    fn opening_optee(&self) -> Result<Reopening, Error> {
        use crate::transport::{
            bounded::{Bounded, Bounds},
            optee::Optee,
        };
        let (login, uid, turn) = (self.login, effective_uid(), self.turn);
        let bounds = Bounds {
            open: move || Ok(Box::new(Optee::open_for(login, uid, turn)?) as _),
            patience: self.patience,
            cause: crate::doctor::device::stalled,
        };
        Ok(Box::new(move || Ok(Box::new(Bounded::open(bounds)?))))
    }

    #[cfg(not(feature = "optee"))]
    fn opening_optee(&self) -> Result<Reopening, Error> {
        Err(crate::transport::TransportError::OpteeNotBuilt.into())
    }

    /// A client of a session that was opened elsewhere; only [`Builder::on_repeat`] matters. In a
    /// process that is forked from this one it refuses with [`AnotherProcess`](crate::transport::TransportError::AnotherProcess).
    #[must_use]
    pub fn with_transport(self, transport: impl Transport + 'static) -> Client {
        Client::of(Box::new(transport), None, self.on_repeat)
    }
}

/// The emulated device that the environment asks for. An empty variable asks for nothing, and nor
/// does any in a program that runs with more rights than whoever started it.
pub(crate) fn emulator_directory() -> Option<PathBuf> {
    variable(EMULATOR_VARIABLE)
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
}

/// A variable of an environment that may be obeyed: not that of a set-user-ID, set-group-ID or
/// file-capability program, which whoever started it has chosen.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|_| fs::read("/proc/self/auxv").is_ok_and(|auxv| is_ours(&auxv)))
}

/// Whether the kernel says that a program has no more rights than whoever started it: `AT_SECURE`,
/// as of `secure_getenv(3)`, is there and 0.
fn is_ours(auxv: &[u8]) -> bool {
    const AT_SECURE: [u8; size_of::<usize>()] = 23_usize.to_ne_bytes();
    let (words, _) = auxv.as_chunks::<{ size_of::<usize>() }>();
    let (pairs, _) = words.as_chunks();
    let secure = pairs.iter().find(|[key, _]| *key == AT_SECURE);
    secure.is_some_and(|[_, value]| *value == [0; size_of::<usize>()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_a_privileged_program_is_not_obeyed() {
        let auxv = |words: &[usize]| words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let cases: [(Vec<u8>, bool); 6] = [
            (auxv(&[6, 4096, 23, 0, 0, 0]), true),
            (auxv(&[6, 4096, 23, 1, 0, 0]), false),
            // As a value it says nothing.
            (auxv(&[6, 23, 0, 0]), false),
            (auxv(&[6, 23, 23, 1]), false),
            (auxv(&[23])[..3].to_vec(), false),
            (Vec::new(), false),
        ];
        for (auxv, obeyed) in cases {
            assert_eq!(is_ours(&auxv), obeyed, "{auxv:?}");
        }
        assert!(is_ours(&fs::read("/proc/self/auxv").unwrap()));
    }
}
