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

/// What each caller was refused and is not written yet.
#[derive(Default)]
pub(crate) struct Refusals {
    callers: Vec<Refused>,
}

impl Refusals {
    /// Counts a refusal, and writes the caller's if none was written for
    /// [`limits::AUDIT_INTERVAL`]. That writing fails changes nothing for the caller: it stays
    /// counted.
    pub(crate) fn count<P: Platform>(
        &mut self,
        keyring: &mut Keyring<P>,
        platform: &mut P,
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
        let waits = |written: u64| now.saturating_sub(written) < limits::AUDIT_INTERVAL;
        if refused.written.is_some_and(waits) {
            return;
        }
        refused.written = Some(now);
        let (caller, count) = (refused.caller, refused.count);
        let written = keyring
            .vault
            .record(platform, caller, Event::Refused, |record| {
                record.status = status;
                record.count = count;
                record.detail = command.id();
            });
        if written.is_ok() {
            refused.count = 0;
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
