//! How a session is opened: with what, and for whom.

use std::{path::PathBuf, time::Duration};

#[cfg(feature = "emulator")]
use crate::transport::emulator::Emulator;
use crate::{Client, Error, transport::TransportError};

/// The environment variable that chooses the emulator for [`Client::open`].
pub const EMULATOR_VARIABLE: &str = "CLAVIGER_EMULATOR";

/// Whom a session speaks for. The kernel's driver vouches for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Login {
    /// The process's effective user: keys belong to it.
    #[default]
    User,
    /// A group that the process is in: keys belong to the group, and all its members use them.
    Group(u32),
    /// Nobody: enough for [`Client::info`] and [`Client::self_test`].
    Public,
}

/// How long a call waits for a TEE whose helper in Linux is down, if nothing else is said.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to open a [`Client`].
pub struct Builder {
    login: Login,
    patience: Duration,
    #[cfg(feature = "emulator")]
    emulator: Option<Emulator>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            login: Login::default(),
            patience: PATIENCE,
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

    /// How long a call waits while tee-supplicant does not run, or is stopped; 5 s if not said. It
    /// fails then with [`TransportError::NoSupplicant`] or [`TransportError::SupplicantStopped`].
    /// While tee-supplicant runs, there is no limit: what the TEE does, it ends. A use of a key that
    /// begins less than a second after tee-supplicant went down, and needs storage, waits for it.
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
    pub fn open(self) -> Result<Client, Error> {
        #[cfg(feature = "emulator")]
        if let Some(emulator) = &self.emulator {
            return Ok(Client::of(Box::new(emulator.open(self.login)?)));
        }
        match emulator_directory() {
            Some(dir) => self.open_emulator(dir),
            None => self.open_optee(),
        }
    }

    #[cfg(feature = "emulator")]
    fn open_emulator(self, dir: PathBuf) -> Result<Client, Error> {
        let emulator = Emulator::from_environment(dir)?;
        Ok(Client::of(Box::new(emulator.open(self.login)?)))
    }

    #[cfg(not(feature = "emulator"))]
    fn open_emulator(self, dir: PathBuf) -> Result<Client, Error> {
        Err(TransportError::EmulatorNotBuilt { dir }.into())
    }

    #[cfg(feature = "optee")]
    fn open_optee(self) -> Result<Client, Error> {
        use crate::transport::{bounded, optee::Optee};
        let login = self.login;
        let bounds = bounded::Bounds {
            open: move || Ok(Box::new(Optee::open(login)?) as _),
            patience: self.patience,
            cause: crate::doctor::device::stalled,
        };
        Ok(Client::of(Box::new(bounded::Bounded::open(bounds)?)))
    }

    #[cfg(not(feature = "optee"))]
    fn open_optee(self) -> Result<Client, Error> {
        Err(TransportError::OpteeNotBuilt.into())
    }
}

/// The emulated device that the environment asks for. An empty variable asks for nothing.
pub(crate) fn emulator_directory() -> Option<PathBuf> {
    std::env::var_os(EMULATOR_VARIABLE)
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
}
