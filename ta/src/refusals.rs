//! What callers were refused, on its way to the audit log: counted for each caller, and written at
//! a bounded rate, so that no caller wears the flash or floods a log.
//!
//! A caller with a log of its own always has a place here. The others share those that are left;
//! who gives way to another is counted on without a name. A place that changed hands is written no
//! more often than one that did not.

use claviger_proto::{Command, Identity, Label, Status, audit::Event, limits};

use crate::{
    keyring::Keyring,
    platform::Platform,
    table::{Holder, Rules, Table},
    vault::Vault,
};

/// Callers whose refusals are counted apart: those with a log of their own, and as many more.
const RULES: Rules = Rules {
    places: 2 * limits::AUDIT_LOGS,
    share: 1,
    groups: 1,
    root: 1,
    identity: 1,
};

/// Whose key by which name a request named; the caller's, if it says no owner.
pub(crate) type Named = Option<(Option<Identity>, Label)>;

struct Refused {
    /// Who; nobody in particular, for those who are counted together.
    caller: Option<Identity>,
    count: u32,
    /// The last one's, as all below.
    status: Status,
    command: Command,
    named: Named,
    /// When it was last written; never, if absent.
    written: Option<u64>,
}

impl Refused {
    const fn new(caller: Option<Identity>, written: Option<u64>) -> Refused {
        Refused {
            caller,
            count: 0,
            status: Status::Ok,
            command: Command::Info,
            named: None,
            written,
        }
    }

    /// Whether it is time to write it.
    fn is_due(&self, now: u64) -> bool {
        let waits = |written: u64| now.saturating_sub(written) < limits::AUDIT_INTERVAL;
        self.count > 0 && !self.written.is_some_and(waits)
    }
}

/// What each caller was refused and is not written yet.
pub(crate) struct Refusals {
    callers: Table<Refused>,
    /// Of those who have no place.
    others: Refused,
    /// Whether any may be due.
    due: bool,
}

impl Default for Refusals {
    fn default() -> Self {
        Refusals {
            callers: Table::new(RULES),
            others: Refused::new(None, None),
            due: false,
        }
    }
}

impl Refusals {
    /// Whether a refusal of this caller is to be written.
    pub(crate) fn is_due(&self, platform: &mut impl Platform, caller: Identity) -> bool {
        let is_theirs = |refused: &&Refused| refused.caller == Some(caller);
        let due = |now| {
            let refused = self.callers.iter().find(is_theirs);
            refused.is_some_and(|refused| refused.is_due(now))
        };
        self.due && platform.uptime().is_ok_and(due)
    }

    /// Counts a refusal. It is due if none of the caller's was written for
    /// [`limits::AUDIT_INTERVAL`].
    pub(crate) fn count<P: Platform>(
        &mut self,
        vault: &Vault<P>,
        platform: &mut P,
        caller: Identity,
        (command, status): (Command, Status),
        named: Named,
    ) {
        let Ok(now) = platform.uptime() else { return };
        let refused = self.of(vault, caller);
        refused.count = refused.count.saturating_add(1);
        refused.status = status;
        refused.command = command;
        refused.named = named;
        let due = refused.is_due(now);
        self.due |= due;
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
        let asked_for = |refused: &&mut Refused| of.is_none() || refused.caller == of;
        let all = self.callers.iter_mut().chain([&mut self.others]);
        for refused in all.filter(asked_for) {
            if !refused.is_due(now) {
                continue;
            }
            refused.written = Some(now);
            let (owner, label) = refused.named.clone().unzip();
            let written =
                keyring
                    .vault
                    .record(platform, refused.caller, Event::Refused, |record| {
                        record.status = refused.status;
                        record.count = refused.count;
                        record.detail = refused.command.id();
                        record.owner = owner.and_then(|owner| owner.or(refused.caller));
                        record.label = label;
                    });
            if written.is_err() {
                break;
            }
            refused.count = 0;
        }
        let mut all = self.callers.iter().chain([&self.others]);
        self.due = all.any(|refused| refused.is_due(now));
    }

    /// Where this caller's are counted.
    fn of<P: Platform>(&mut self, vault: &Vault<P>, caller: Identity) -> &mut Refused {
        let whose = Some(caller);
        let found = self.callers.find(|refused| refused.caller == whose);
        let place = found.or_else(|| self.begin(vault, caller));
        match place.and_then(|place| self.callers.get_mut(place)) {
            Some(refused) => refused,
            None => &mut self.others,
        }
    }

    /// A place for a caller who has none.
    fn begin<P: Platform>(&mut self, vault: &Vault<P>, caller: Identity) -> Option<usize> {
        let holder = |whose: Option<Identity>| match whose {
            Some(caller) if vault.has_log(caller) => Holder::Owner(caller),
            whose => Holder::of(whose, false),
        };
        let whose = Some(caller);
        let place = self.callers.place_by(whose, holder).ok()?;
        let holder = holder(whose);
        let mut written = None;
        if let Some(gone) = self.callers.get(place) {
            // Of those who share places, none writes sooner because another came.
            if !matches!(holder, Holder::Owner(_)) {
                written = gone.written;
            }
            if gone.count > 0 {
                self.others.count = self.others.count.saturating_add(gone.count);
                self.others.status = gone.status;
                self.others.command = gone.command;
                self.others.named = gone.named.clone();
                self.due = true;
            }
        }
        let new = Refused::new(whose, written);
        let ticket = self.callers.put(place, holder, whose, new).ok()?;
        Some(ticket.place)
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
            | Status::NothingWrapped
            | Status::Busy
    )
}
