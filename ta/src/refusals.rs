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
    /// Whether there is something to write.
    due: bool,
}

impl Refusals {
    /// Whether [`Refusals::write`] has something to write.
    pub(crate) fn is_due(&self) -> bool {
        self.due
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

    /// Writes what is due. What cannot be written stays counted.
    pub(crate) fn write<P: Platform>(&mut self, keyring: &mut Keyring<P>, platform: &mut P) {
        if !self.due {
            return;
        }
        let Ok(now) = platform.uptime() else { return };
        self.due = false;
        for refused in self.callers.iter_mut().filter(|one| one.is_due(now)) {
            refused.written = Some(now);
            let written =
                keyring
                    .vault
                    .record(platform, refused.caller, Event::Refused, |record| {
                        record.status = refused.status;
                        record.count = refused.count;
                        record.detail = refused.command.id();
                    });
            if written.is_ok() {
                refused.count = 0;
            }
        }
    }

    /// The entry of this caller, or that of all those for whom there is no place.
    fn of(&mut self, caller: Identity) -> Option<&mut Refused> {
        let known = |caller| self.callers.iter().position(|one| one.caller == caller);
        let caller = match known(Some(caller)) {
            None if self.callers.len() >= CALLERS => None,
            _ => Some(caller),
        };
        let place = match known(caller) {
            Some(place) => place,
            None => {
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
