//! A client's session: who it is, and the one stream that it may have under way.

use alloc::vec::Vec;

use claviger_proto::{Identity, Status, command::Access, limits};

use crate::{
    crypto::mac::MacState,
    keyring::Begun,
    table::{Holder, Rules, Table, Ticket},
};

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
    /// Its place among those that serve; one that was never given any serves without.
    ticket: Option<Ticket>,
}

/// A MAC stream under way.
pub(crate) struct Stream {
    pub(crate) state: MacState,
    /// With which key: it must still serve when the stream ends.
    pub(crate) begun: Begun,
    /// Whether it ends with a check: what may be made and what may be checked differ.
    pub(crate) verify: bool,
}

/// The sessions that are open, and those of them that serve.
///
/// Only the program that has a session closes it, so that one which gave its place away is open still:
/// its next call is told so, and the program opens it anew. How many a holder keeps open is bounded
/// too, and some places are for those who have few.
pub struct Sessions {
    serving: Table<()>,
    open: Vec<Open>,
}

/// Whose an open session is.
struct Open {
    whose: Option<Identity>,
    holder: Holder,
    /// Whether it was displaced and closed: its place is kept for who opens it anew, until somebody
    /// else needs it.
    left: bool,
}

const RULES: Rules = Rules {
    places: limits::SESSIONS,
    share: limits::SESSION_SHARE,
    groups: limits::SESSION_SHARE,
    root: limits::ROOT_SESSIONS,
    identity: limits::CALLER_SESSIONS,
};

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            serving: Table::new(RULES),
            open: Vec::new(),
        }
    }
}

impl Sessions {
    /// Whether one more session of this caller, who counts as `holder` says, changes nothing for
    /// others: else it matters who owns keys.
    #[must_use]
    pub fn is_roomy(&self, caller: Caller, holder: impl Fn(Option<Identity>) -> Holder) -> bool {
        let whose = caller.identity().ok();
        self.expect_room(holder(whose), whose).is_ok()
            && self.open.len() < limits::SESSIONS.saturating_sub(limits::ROOT_SESSIONS)
    }

    /// Begins a session of a caller, who counts as `holder` says; all others do too, if that `knows`
    /// who owns keys.
    ///
    /// # Errors
    /// [`Status::Busy`] where all places are taken that he may have; [`Status::QuotaExceeded`] if he,
    /// or those with whom he counts, have as many as they may; [`Status::OutOfMemory`].
    pub fn open(
        &mut self,
        caller: Caller,
        knows: bool,
        holder: impl Fn(Option<Identity>) -> Holder,
    ) -> Result<Session, Status> {
        let whose = caller.identity().ok();
        if knows && !self.is_roomy(caller, &holder) {
            for open in &mut self.open {
                open.holder = holder(open.whose);
            }
            self.serving.regroup(&holder);
        }
        let holder = holder(whose);
        let returns = |open: &Open| open.left && open.whose == whose;
        let kept = self.open.iter().position(returns);
        if kept.is_none() && self.expect_room(holder, whose).is_err() {
            self.open.retain(|open| !open.left);
            self.expect_room(holder, whose)?;
        }
        self.open.try_reserve(1).map_err(|_| Status::OutOfMemory)?;
        let ticket = self.serving.insert(holder, whose, ())?;
        if let Some(kept) = kept {
            self.open.swap_remove(kept);
        }
        let left = false;
        self.open.push(Open {
            whose,
            holder,
            left,
        });
        Ok(Session {
            ticket: Some(ticket),
            ..Session::new(caller)
        })
    }

    /// Whether one more may be open: nothing that is can be closed from here, so that there must be
    /// places left for whoever has few.
    fn expect_room(&self, holder: Holder, whose: Option<Identity>) -> Result<(), Status> {
        let count =
            |counts: &dyn Fn(&Open) -> bool| self.open.iter().filter(|open| counts(open)).count();
        let own = count(&|open| open.whose == whose);
        // PUBLIC ones are apart.
        let together =
            count(&|open| open.holder == holder && open.whose.is_some() == whose.is_some());
        let alone = matches!(holder, Holder::Root | Holder::Owner(_));
        let few = own
            < if alone {
                limits::SESSION_SHARE
            } else {
                limits::FEW_SESSIONS
            };
        let (caller, all) = match (alone, few) {
            (true, _) => (limits::HELD_SESSIONS, limits::HELD_SESSIONS),
            (false, true) => (limits::CALLER_HELD_SESSIONS, limits::HELD_SESSIONS),
            (false, false) => (limits::CALLER_HELD_SESSIONS, limits::HELD_SESSIONS >> 1),
        };
        if own >= caller || together >= all {
            return Err(Status::QuotaExceeded);
        }
        let others = count(&|open| open.holder != Holder::Root);
        let reserved = match holder {
            Holder::Root => 0,
            Holder::Owner(_) if few => limits::ROOT_OPEN_SESSIONS,
            _ if few => limits::ROOT_OPEN_SESSIONS.saturating_add(limits::OWNER_SESSIONS_PLACES),
            _ => limits::ROOT_OPEN_SESSIONS.saturating_add(limits::FEW_SESSIONS_PLACES),
        };
        let room = others < limits::OPEN_SESSIONS.saturating_sub(reserved);
        match room && self.open.len() < limits::OPEN_SESSIONS {
            true => Ok(()),
            false => Err(Status::Busy),
        }
    }

    /// Has a session serve, if it has its place still.
    ///
    /// # Errors
    /// [`Status::SessionDisplaced`]; its stream is gone then.
    pub(crate) fn serve(&mut self, session: &mut Session) -> Result<(), Status> {
        let Some(ticket) = session.ticket else {
            return Ok(());
        };
        if !self.serving.has(&ticket) {
            session.stream = None;
            return Err(Status::SessionDisplaced);
        }
        self.serving.touch(ticket.place);
        Ok(())
    }

    /// Ends a session.
    pub fn close(&mut self, session: &Session) {
        let Some(ticket) = session.ticket else { return };
        let whose = session.caller.identity().ok();
        let is = |open: &Open| !open.left && open.whose == whose;
        let Some(place) = self.open.iter().position(is) else {
            return;
        };
        if self.serving.has(&ticket) {
            self.serving.end(ticket.place);
            self.open.swap_remove(place);
        } else if let Some(open) = self.open.get_mut(place) {
            open.left = true;
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
    /// A session of this caller with nothing under way, and no place that it could lose.
    #[must_use]
    pub fn new(caller: Caller) -> Session {
        Session {
            caller,
            stream: None,
            ticket: None,
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
mod tests;
