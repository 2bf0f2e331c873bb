//! What callers were refused, on its way to the audit log: counted for each caller, and written at
//! a bounded rate, so that no caller wears the flash or floods a log.

use alloc::vec::Vec;

use claviger_proto::{Command, Identity, Status, audit::Event, limits};

use crate::{keyring::Keyring, platform::Platform};

/// Callers whose refusals are counted apart; those beyond are counted together.
const CALLERS: usize = 16;

struct Refused {
    /// Who; nobody in particular, for those who are counted together.
    caller: Option<Identity>,
    count: u32,
    status: Status,
    command: Command,
    /// When it was last written; never, if absent.
    written: Option<u64>,
}

impl Refused {
    /// Whether it is time to write it.
    fn is_due(&self, now: u64) -> bool {
        let waits = |written: u64| now.saturating_sub(written) < limits::AUDIT_INTERVAL;
        self.count > 0 && !self.written.is_some_and(waits)
    }
}

/// What each caller was refused and is not written yet.
#[derive(Default)]
pub(crate) struct Refusals {
    callers: Vec<Refused>,
    /// Whether any may be due.
    due: bool,
}

impl Refusals {
    /// Whether a refusal of this caller is to be written.
    pub(crate) fn is_due(&self, platform: &mut impl Platform, caller: Identity) -> bool {
        let due = |now| {
            let (_, place) = self.place(caller);
            let refused = place.and_then(|place| self.callers.get(place));
            refused.is_some_and(|refused| refused.is_due(now))
        };
        self.due && platform.uptime().is_ok_and(due)
    }

    /// Counts a refusal. It is due if none of the caller's was written for
    /// [`limits::AUDIT_INTERVAL`].
    pub(crate) fn count(
        &mut self,
        platform: &mut impl Platform,
        caller: Identity,
        command: Command,
        status: Status,
    ) {
        let Ok(now) = platform.uptime() else { return };
        let Some(refused) = self.of(caller) else {
            return;
        };
        refused.count = refused.count.saturating_add(1);
        refused.status = status;
        refused.command = command;
        self.due |= refused.is_due(now);
    }

    /// Writes what is due of this caller, or of everyone. What cannot be written stays counted.
    pub(crate) fn write<P: Platform>(
        &mut self,
        keyring: &mut Keyring<P>,
        platform: &mut P,
        of: Option<Identity>,
    ) {
        if !self.due {
            return;
        }
        let Ok(now) = platform.uptime() else { return };
        let of = of.map(|caller| self.place(caller).1);
        let asked_for = |place| of.is_none_or(|of| of == Some(place));
        for (place, refused) in self.callers.iter_mut().enumerate() {
            if !asked_for(place) || !refused.is_due(now) {
                continue;
            }
            refused.written = Some(now);
            let written =
                keyring
                    .vault
                    .record(platform, refused.caller, Event::Refused, |record| {
                        record.status = refused.status;
                        record.count = refused.count;
                        record.detail = refused.command.id();
                    });
            if written.is_err() {
                break;
            }
            refused.count = 0;
        }
        self.due = self.callers.iter().any(|refused| refused.is_due(now));
    }

    /// Under whose name this caller's are counted, his own or that of all those for whom there is no
    /// place, and where.
    fn place(&self, caller: Identity) -> (Option<Identity>, Option<usize>) {
        let known = |caller| self.callers.iter().position(|one| one.caller == caller);
        match known(Some(caller)) {
            None if self.callers.len() >= CALLERS => (None, known(None)),
            place => (Some(caller), place),
        }
    }

    /// The entry in which this caller's are counted.
    fn of(&mut self, caller: Identity) -> Option<&mut Refused> {
        let place = match self.place(caller) {
            (_, Some(place)) => place,
            (caller, None) => {
                self.callers.try_reserve(1).ok()?;
                self.callers.push(Refused {
                    caller,
                    count: 0,
                    status: Status::Ok,
                    command: Command::Info,
                    written: None,
                });
                self.callers.len().saturating_sub(1)
            }
        };
        self.callers.get_mut(place)
    }
}

/// Whether a status says that a caller may not do what it asked for, or tried with what is not
/// authentic; what is merely malformed, or a fault of storage, is no event.
pub(crate) const fn is_refusal(status: Status) -> bool {
    matches!(
        status,
        Status::AdministratorOnly
            | Status::NotPermitted
            | Status::QuotaExceeded
            | Status::NotFound
            | Status::WrongUsage
            | Status::Locked
            | Status::BadConfirmation
            | Status::NotAuthentic
            | Status::NoChallenge
            | Status::WrongState
            | Status::UseLimit
            | Status::UsesExhausted
            | Status::PolicyLoosened
            | Status::ContextTooShort
            | Status::RollbackLevel
            | Status::NotExportable
            | Status::Revoked
            | Status::NoCeremony
            | Status::WrongRecipients
            | Status::AuditFull
    )
}
