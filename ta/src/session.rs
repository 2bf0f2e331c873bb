//! A client's session: who it is, and the one stream that it may have under way.

use claviger_proto::{Identity, Status, command::Access};

use crate::crypto::mac::MacState;

/// Who opened a session, as the platform asserts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    Public,
    /// A user or a group.
    Identified(Identity),
}

impl Caller {
    /// Whether this caller may ask for commands with this access.
    ///
    /// # Errors
    /// [`Status::LoginRequired`] or [`Status::AdministratorOnly`].
    pub fn may(&self, access: Access) -> Result<(), Status> {
        match (access, self) {
            (Access::Anyone, _) | (Access::Identified, Caller::Identified(_)) => Ok(()),
            (_, Caller::Public) => Err(Status::LoginRequired),
            (Access::Administrator, Caller::Identified(_)) if self.is_administrator() => Ok(()),
            (Access::Administrator, _) => Err(Status::AdministratorOnly),
        }
    }

    /// Whether this is uid 0.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        *self == Caller::Identified(Identity::ADMINISTRATOR)
    }

    /// The identity that owns what this caller makes.
    ///
    /// # Errors
    /// [`Status::LoginRequired`] for a public session.
    pub fn identity(&self) -> Result<Identity, Status> {
        match self {
            Caller::Public => Err(Status::LoginRequired),
            Caller::Identified(identity) => Ok(*identity),
        }
    }
}

/// One session.
pub struct Session {
    /// Who opened it.
    pub caller: Caller,
    /// The MAC stream under way, if there is one.
    pub(crate) stream: Option<Stream>,
}

/// A MAC stream under way.
pub(crate) struct Stream {
    pub(crate) state: MacState,
    /// Whether it ends with a check: what may be made and what may be checked differ.
    pub(crate) verify: bool,
}

impl Default for Session {
    /// A public session.
    fn default() -> Session {
        Session::new(Caller::Public)
    }
}

impl Session {
    /// A session of this caller with nothing under way.
    #[must_use]
    pub fn new(caller: Caller) -> Session {
        Session {
            caller,
            stream: None,
        }
    }

    /// Ends the stream under way, which was begun to be checked or not.
    ///
    /// # Errors
    /// [`Status::NoStream`] if there is none of this kind.
    pub(crate) fn take_stream(&mut self, verify: bool) -> Result<MacState, Status> {
        let stream = self.stream.take().filter(|stream| stream.verify == verify);
        stream.map(|stream| stream.state).ok_or(Status::NoStream)
    }
}
