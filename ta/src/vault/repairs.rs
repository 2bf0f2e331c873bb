//! What was mended, on its way to the audit log: at a bounded rate, since whoever owns the files
//! can hurt one copy of them again and again.

use claviger_proto::{audit::Event, limits};

use super::Vault;
use crate::platform::Platform;

/// How much was mended since the start.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    made: u32,
    recorded: u32,
    /// When the log was last told; never, if absent.
    told: Option<u64>,
}

impl Repairs {
    pub(super) fn add(&mut self, made: u32) {
        self.made = self.made.saturating_add(made);
    }

    pub(super) fn made(&self) -> u32 {
        self.made
    }

    fn unrecorded(&self) -> u32 {
        self.made.saturating_sub(self.recorded)
    }
}

impl<P: Platform> Vault<P> {
    /// When what was mended is to be recorded: now, if it is.
    fn time_to_record(&self, platform: &mut P) -> Option<u64> {
        if self.repairs.unrecorded() == 0 && !self.has_loss_to_tell() {
            return None;
        }
        let now = platform.uptime().ok()?;
        let waits = |told: u64| now.saturating_sub(told) < limits::AUDIT_INTERVAL;
        (!self.repairs.told.is_some_and(waits)).then_some(now)
    }

    /// Whether [`Vault::record_repairs`] has something to write.
    pub fn has_repairs_to_record(&self, platform: &mut P) -> bool {
        self.time_to_record(platform).is_some()
    }

    /// Records what was mended, and what was declared lost where a cut came before the log knew, if
    /// that was not done within [`limits::AUDIT_INTERVAL`]. Where it fails, the next call tries
    /// again, no sooner.
    pub fn record_repairs(&mut self, platform: &mut P) {
        let Some(now) = self.time_to_record(platform) else {
            return;
        };
        let count = self.repairs.unrecorded();
        self.repairs.told = Some(now);
        if self.has_loss_to_tell() {
            let _later = self.tell_loss(platform, None);
        }
        if count == 0 {
            return;
        }
        let recorded = self.record(platform, None, Event::Repaired, |record| {
            record.detail = count;
        });
        if recorded.is_ok() {
            self.repairs.recorded = self.repairs.recorded.saturating_add(count);
        }
    }
}
