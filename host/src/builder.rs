//! How a session is opened: with what, and for whom.

use std::{path::PathBuf, sync::Arc, time::Duration};

use claviger_proto::Command;

#[cfg(feature = "emulator")]
use crate::transport::emulator::Emulator;
use crate::{
    Client, Error,
    connection::{Connection, OnRepeat},
    transport::{Transport, TransportError},
};

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
    on_repeat: Option<OnRepeat>,
    patience: Duration,
    #[cfg(feature = "emulator")]
    emulator: Option<Emulator>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            login: Login::default(),
            on_repeat: None,
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

    /// What is to be told of calls that are sent again, because the trusted application was
    /// restarted under them and they may be ([`crate::proto::command::Repeat::Safe`]): a counted
    /// use may have been counted twice. Calls that may not be end in [`Error::Restarted`].
    #[must_use]
    pub fn on_repeat(mut self, told: impl Fn(Command) + Send + Sync + 'static) -> Builder {
        self.on_repeat = Some(Arc::new(told));
        self
    }

    /// How long a call waits while tee-supplicant does not run, or is stopped; 5 s if not said. It
    /// fails then with [`TransportError::NoSupplicant`] or [`TransportError::SupplicantStopped`].
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
            let session = emulator.open(self.login)?;
            return Ok(self.with_transport(session));
        }
        match emulator_directory() {
            Some(dir) => self.open_emulator(dir),
            None => self.open_optee(),
        }
    }

    #[cfg(feature = "emulator")]
    fn open_emulator(self, dir: PathBuf) -> Result<Client, Error> {
        let session = Emulator::from_environment(dir)?.open(self.login)?;
        Ok(self.with_transport(session))
    }

    #[cfg(not(feature = "emulator"))]
    fn open_emulator(self, dir: PathBuf) -> Result<Client, Error> {
        Err(TransportError::EmulatorNotBuilt { dir }.into())
    }

    #[cfg(feature = "optee")]
    fn open_optee(self) -> Result<Client, Error> {
        use crate::transport::{bounded, optee::Optee};
        let (login, uid) = (self.login, crate::identity::effective_uid());
        let bounds = bounded::Bounds {
            open: move || Ok(Box::new(Optee::open_for(login, uid)?) as _),
            patience: self.patience,
            cause: crate::doctor::device::stalled,
        };
        let session = bounded::Bounded::open(bounds)?;
        Ok(self.with_transport(session))
    }

    #[cfg(not(feature = "optee"))]
    fn open_optee(self) -> Result<Client, Error> {
        Err(TransportError::OpteeNotBuilt.into())
    }

    /// A client of a session that was opened elsewhere; only [`Builder::on_repeat`] matters.
    #[must_use]
    pub fn with_transport(self, transport: impl Transport + 'static) -> Client {
        Client::of(Connection::new(Box::new(transport), self.on_repeat))
    }
}

/// The emulated device that the environment asks for. An empty variable asks for nothing.
pub(crate) fn emulator_directory() -> Option<PathBuf> {
    std::env::var_os(EMULATOR_VARIABLE)
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
}
