//! How a session is opened: with what, and for whom.

use std::{path::PathBuf, sync::Arc};

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

/// How to open a [`Client`].
#[derive(Default)]
pub struct Builder {
    login: Login,
    on_repeat: Option<OnRepeat>,
    #[cfg(feature = "emulator")]
    emulator: Option<Emulator>,
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
            return Ok(self.client(session));
        }
        match emulator_directory() {
            Some(dir) => self.open_emulator(dir),
            None => self.open_optee(),
        }
    }

    #[cfg(feature = "emulator")]
    fn open_emulator(self, dir: PathBuf) -> Result<Client, Error> {
        let session = Emulator::from_environment(dir)?.open(self.login)?;
        Ok(self.client(session))
    }

    #[cfg(not(feature = "emulator"))]
    fn open_emulator(self, dir: PathBuf) -> Result<Client, Error> {
        Err(TransportError::EmulatorNotBuilt { dir }.into())
    }

    #[cfg(feature = "optee")]
    fn open_optee(self) -> Result<Client, Error> {
        let session = crate::transport::optee::Optee::open(self.login)?;
        Ok(self.client(session))
    }

    #[cfg(not(feature = "optee"))]
    fn open_optee(self) -> Result<Client, Error> {
        Err(TransportError::OpteeNotBuilt.into())
    }

    fn client(self, session: impl Transport + 'static) -> Client {
        Client::of(Connection::new(Box::new(session), self.on_repeat))
    }
}

/// The emulated device that the environment asks for. An empty variable asks for nothing.
pub(crate) fn emulator_directory() -> Option<PathBuf> {
    std::env::var_os(EMULATOR_VARIABLE)
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
}
