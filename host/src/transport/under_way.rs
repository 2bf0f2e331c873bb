//! The calls of this process that are under way, and their end before the process's own.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

struct Calls {
    under_way: usize,
    ending: bool,
}

static CALLS: Mutex<Calls> = Mutex::new(Calls {
    under_way: 0,
    ending: false,
});
/// Told when the last one has ended.
static NONE: Condvar = Condvar::new();

fn calls() -> MutexGuard<'static, Calls> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call under way.
pub(super) struct UnderWay(());

impl UnderWay {
    /// Begins one; once [`end_calls`] was called, never.
    pub(super) fn begin() -> UnderWay {
        let ending = |calls: &mut Calls| calls.ending;
        let calls = NONE.wait_while(calls(), ending);
        calls.unwrap_or_else(PoisonError::into_inner).under_way += 1;
        UnderWay(())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut calls = calls();
        calls.under_way -= 1;
        if calls.under_way == 0 {
            NONE.notify_all();
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
    let mut calls = calls();
    calls.ending = true;
    let busy = |calls: &mut Calls| calls.under_way > 0;
    let ended = NONE.wait_timeout_while(calls, limit, busy);
    ended.unwrap_or_else(PoisonError::into_inner).0.under_way == 0
}
