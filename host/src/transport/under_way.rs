//! The calls of this process that are under way, and their end before the process's own.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::process::PerProcess;

#[derive(Default)]
struct Calls {
    counted: Mutex<Counted>,
    /// Told when the last one has ended.
    none: Condvar,
}

#[derive(Default)]
struct Counted {
    under_way: usize,
    ending: bool,
}

impl Calls {
    fn here() -> &'static Calls {
        static CALLS: PerProcess<Calls> = PerProcess::new();
        CALLS.here(Calls::default)
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way.
pub(super) struct UnderWay(&'static Calls);

impl UnderWay {
    /// Begins one; once [`end_calls`] was called, never.
    pub(super) fn begin() -> UnderWay {
        let calls = Calls::here();
        let ending = |counted: &mut Counted| counted.ending;
        let counted = calls.none.wait_while(calls.lock(), ending);
        counted.unwrap_or_else(PoisonError::into_inner).under_way += 1;
        UnderWay(calls)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut counted = self.0.lock();
        counted.under_way -= 1;
        if counted.under_way == 0 {
            self.0.none.notify_all();
        }
    }
}

/// Lets the calls of this process end that may need tee-supplicant, for `limit` at most, and no
/// other begin, for good: whoever makes one waits for the process's end. Says whether none is left.
///
/// For the thread that ends the process upon a signal. Linux takes the call of a process back that
/// is killed in it, and tee-supplicant, in the midst of serving it, finds nobody to answer and ends
/// too (seen with Linux 6.12 and tee-supplicant 4.5). A signal that has a handler does not do that.
pub fn end_calls(limit: Duration) -> bool {
    let calls = Calls::here();
    let mut counted = calls.lock();
    counted.ending = true;
    let busy = |counted: &mut Counted| counted.under_way > 0;
    let ended = calls.none.wait_timeout_while(counted, limit, busy);
    ended.unwrap_or_else(PoisonError::into_inner).0.under_way == 0
}
