//! The way back when a part of the vault is lost: uid 0 says so, and what is left goes on without.

use claviger_proto::{Identity, Status, audit::Event};

use super::{SLOTS, Vault};
use crate::platform::Platform;

impl<P: Platform> Vault<P> {
    /// Declares the shards lost of which no copy is here, and has them made anew, empty: what they
    /// were is refused if it is shown again. Says how many. A cut is finished by the next start.
    ///
    /// Revocations that may have been in them are taken as made: wrapped keys end whose owner or
    /// family has no record left.
    ///
    /// # Errors
    /// [`Status::NothingMissing`]; [`Status::Degraded`] if of another shard a copy is held back;
    /// [`Status::Incomplete`] if one may come back of what was declared lost: it is lost, and the
    /// vault read-only until storage does what it is told. A status of storage.
    pub fn declare_lost(&mut self, platform: &mut P, caller: Identity) -> Result<u32, Status> {
        // It may be back.
        self.close(platform);
        let open = self.opened(platform)?;
        let missing = open.missing;
        let pending = open.header.pending;
        let generations = u16::try_from(open.generations()).unwrap_or(u16::MAX);
        if missing == 0 {
            return Err(Status::NothingMissing);
        }
        if open.frozen && missing & !pending != 0 {
            return Err(Status::Degraded);
        }
        let lost = missing & !pending;
        let slots = lost.count_ones().saturating_mul(SLOTS as u32);
        if lost != 0 {
            self.change_headers(platform, missing, false, |header| {
                header.declare_lost(lost, slots, generations)
            })?;
        }
        // Opening makes them anew.
        self.close(platform);
        self.opened(platform)?.settled()?;
        self.tell_loss(platform, Some(caller))?;
        Ok(missing.count_ones())
    }

    /// Whether the audit log is still to be told of what was declared lost.
    pub(super) fn has_loss_to_tell(&self) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|open| open.header.loss_untold && open.settled().is_ok())
    }

    /// Tells it.
    pub(super) fn tell_loss(
        &mut self,
        platform: &mut P,
        caller: Option<Identity>,
    ) -> Result<(), Status> {
        if !self.facts(platform)?.loss_untold {
            return Ok(());
        }
        let lost = self.facts(platform)?.lost;
        self.record(platform, caller, Event::DeclaredLost, |record| {
            record.detail = lost;
        })?;
        self.change_header(platform, |header| header.loss_untold = false)
    }
}
