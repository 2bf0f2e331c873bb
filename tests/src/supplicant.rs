//! OP-TEE's helper in Linux, as the processes of the device on which the tests run show it.

#![allow(unsafe_code)]

use std::{fs, io, path::PathBuf};

/// The folder in `/proc` of every tee-supplicant that has not ended.
///
/// # Panics
/// If there is no `/proc`.
#[must_use]
pub fn processes() -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap();
    let folders = processes.filter_map(|process| Some(process.ok()?.path()));
    let theirs = folders.filter(|process| {
        let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
        stat.contains(" (tee-supplicant) ") && !stat.contains(") Z ")
    });
    theirs.collect()
}

/// The folder in `/proc` of the one that runs.
///
/// # Panics
/// If none does.
#[must_use]
pub fn process() -> PathBuf {
    processes().pop().expect("tee-supplicant runs")
}

/// Has tee-supplicant go on, once it runs, until it waits for the next request. As Linux shares the processor otherwise,
/// whoever gets an answer may run at once, and while the thread that gave it does not wait again, tee-supplicant starts
/// one more for the next request, for good: how many it has in the end is then a matter of chance.
///
/// # Panics
/// If it does not run, or this process is not root's.
pub fn put_first() {
    let parameters = libc::sched_param { sched_priority: 1 };
    for thread in fs::read_dir(process().join("task")).unwrap() {
        let name = thread.unwrap().file_name();
        let thread = name.to_str().unwrap().parse().unwrap();
        // SAFETY: the parameters live as long as the call.
        let code =
            unsafe { libc::sched_setscheduler(thread, libc::SCHED_FIFO, &raw const parameters) };
        assert_eq!(code, 0, "{}", io::Error::last_os_error());
    }
}
