//! OP-TEE's helper in Linux, as the processes of the device on which the tests run show it.

use std::{fs, path::PathBuf};

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
