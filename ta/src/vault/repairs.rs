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
    /// Records what was mended, if that was not done within [`limits::AUDIT_INTERVAL`]. Where it
    /// fails, the next call tries again, no sooner.
    pub fn record_repairs(&mut self, platform: &mut P) {
        let count = self.repairs.unrecorded();
        if count == 0 {
            return;
        }
        let Ok(now) = platform.uptime() else { return };
        let waits = |told: u64| now.saturating_sub(told) < limits::AUDIT_INTERVAL;
        if self.repairs.told.is_some_and(waits) {
            return;
        }
        self.repairs.told = Some(now);
        let recorded = self.record(platform, None, Event::Repaired, |record| {
            record.detail = count;
        });
        if recorded.is_ok() {
            self.repairs.recorded = self.repairs.recorded.saturating_add(count);
        }
    }
}
