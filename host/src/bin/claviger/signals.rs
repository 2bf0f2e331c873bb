//! Signals that end the command let its call end first, which would else end tee-supplicant, and
//! leave no unfinished file.

use std::{
    fs,
    os::raw::c_int,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use claviger::files::remove_unfinished;
#[cfg(feature = "optee")]
use claviger::transport::optee::end_calls;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag::{register, register_conditional_default},
    iterator::Signals,
    low_level::emulate_default_handler,
};

/// How long a call may take. A second signal does not wait.
#[cfg(feature = "optee")]
const LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

/// Has it so from now on. Where that cannot be had, signals end the command at once.
pub(crate) fn let_calls_end() {
    let ignored = ignored();
    let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
    let signals = signals.into_iter().filter(|signal| {
        // By `nohup`, or a shell for what it runs in the background.
        ignored >> (signal - 1) & 1 == 0
    });
    let signals: Vec<c_int> = signals.collect();
    let at_once = Arc::new(AtomicBool::new(false));
    for signal in &signals {
        // In this order: the first one sets what the second one sees.
        let _ends = register_conditional_default(*signal, at_once.clone());
        let _set = register(*signal, at_once.clone());
    }
    let waits = Signals::new(&signals).and_then(|mut arriving| {
        thread::Builder::new().spawn(move || {
            if let Some(signal) = arriving.forever().next() {
                #[cfg(feature = "optee")]
                let _ended = end_calls(LIMIT);
                remove_unfinished();
                let _never_returns = emulate_default_handler(signal);
            }
        })
    });
    if waits.is_err() {
        at_once.store(true, Ordering::Relaxed);
    }
}

/// The signals that this process was started to ignore, the first one in the lowest bit.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
