//! A client's session: who it is, and the one stream that it may have under way.

use alloc::vec::Vec;

use claviger_proto::{Identity, Status, command::Access, limits};

use crate::{crypto::mac::MacState, keyring::Begun};

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
    /// With which key: it must still serve when the stream ends.
    pub(crate) begun: Begun,
    /// Whether it ends with a check: what may be made and what may be checked differ.
    pub(crate) verify: bool,
}

/// The sessions that are open.
#[derive(Default)]
pub struct Sessions {
    callers: Vec<Caller>,
}

impl Sessions {
    /// Begins a session.
    ///
    /// # Errors
    /// [`Status::Busy`] if there are [`limits::SESSIONS`]; [`Status::QuotaExceeded`] if this caller
    /// has [`limits::CALLER_SESSIONS`]; [`Status::OutOfMemory`].
    pub fn open(&mut self, caller: Caller) -> Result<Session, Status> {
        let places = if caller.is_administrator() {
            limits::SESSIONS
        } else {
            limits::SESSIONS.saturating_sub(limits::ROOT_SESSIONS)
        };
        if self.callers.len() >= places {
            return Err(Status::Busy);
        }
        let theirs = self.callers.iter().filter(|other| **other == caller);
        if theirs.count() >= limits::CALLER_SESSIONS {
            return Err(Status::QuotaExceeded);
        }
        self.callers
            .try_reserve(1)
            .map_err(|_| Status::OutOfMemory)?;
        self.callers.push(caller);
        Ok(Session::new(caller))
    }

    /// Ends a session of this caller.
    pub fn close(&mut self, caller: &Caller) {
        if let Some(place) = self.callers.iter().position(|other| other == caller) {
            self.callers.swap_remove(place);
        }
    }
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
    pub(crate) fn take_stream(&mut self, verify: bool) -> Result<Stream, Status> {
        let stream = self.stream.take().filter(|stream| stream.verify == verify);
        stream.ok_or(Status::NoStream)
    }
}

#[cfg(test)]
mod tests {
    use claviger_proto::{Login, Uuid};

    use super::*;

    #[test]
    fn one_caller_leaves_sessions_for_others() {
        let caller = |byte| {
            Caller::Identified(Identity {
                login: Login::User,
                id: Uuid([byte; 16]),
            })
        };
        let mut sessions = Sessions::default();
        for _ in 0..limits::CALLER_SESSIONS {
            assert!(sessions.open(caller(1)).is_ok());
        }
        assert_eq!(sessions.open(caller(1)).err(), Some(Status::QuotaExceeded));
        let theirs = limits::SESSIONS - limits::ROOT_SESSIONS;
        for other in 0..theirs - limits::CALLER_SESSIONS {
            assert!(sessions.open(caller(2 + other as u8 / 20)).is_ok());
        }
        assert_eq!(sessions.open(caller(200)).err(), Some(Status::Busy));
        assert_eq!(sessions.open(Caller::Public).err(), Some(Status::Busy));
        sessions.close(&caller(1));
        assert!(sessions.open(caller(200)).is_ok());
        // Whoever sets things right gets in.
        let root = Caller::Identified(Identity::ADMINISTRATOR);
        for _ in 0..limits::ROOT_SESSIONS {
            assert!(sessions.open(root).is_ok());
        }
        assert_eq!(sessions.open(root).err(), Some(Status::Busy));
    }

    #[test]
    fn whoever_closes_may_open() {
        let group = |login| {
            let id = Uuid([1; 16]);
            Caller::Identified(Identity { login, id })
        };
        // All PUBLIC sessions are one caller's; a group is another than a user.
        let callers = [Caller::Public, group(Login::User), group(Login::Group)];
        for caller in callers {
            let mut sessions = Sessions::default();
            for _ in 0..limits::CALLER_SESSIONS {
                assert_eq!(sessions.open(caller).unwrap().caller, caller);
            }
            for other in callers {
                let expected = (other == caller).then_some(Status::QuotaExceeded);
                assert_eq!(sessions.open(other).err(), expected);
            }
            for _ in 0..100 {
                sessions.close(&caller);
                assert!(sessions.open(caller).is_ok());
                assert_eq!(sessions.open(caller).err(), Some(Status::QuotaExceeded));
            }
            // Closing what is not open changes nothing.
            let stranger = Caller::Identified(Identity::ADMINISTRATOR);
            sessions.close(&stranger);
            assert_eq!(sessions.open(caller).err(), Some(Status::QuotaExceeded));
        }
    }
}
