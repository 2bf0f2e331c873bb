//! What a process holds, and the trusted application.

use std::{fs, path::Path};

use claviger::Client;
use claviger_tests::supplicant;

/// What is held at a moment; all but the memory in counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resources {
    /// Bytes of the trusted application's heap.
    pub(crate) heap: u64,
    pub(crate) client: Process,
    pub(crate) supplicant: Process,
    /// KiB of memory that Linux could still give out, its files in memory not counted.
    pub(crate) available: u64,
}

/// What a process of Linux holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    /// Ranges of memory: each block that it shares with the TEE is one.
    pub(crate) mappings: usize,
    /// KiB of memory in use that is no file's: what a thread only reserves is not in it.
    pub(crate) size: u64,
}

impl Resources {
    /// What is held now.
    pub(crate) fn now(client: &Client) -> Resources {
        let marks = client.info().unwrap().marks;
        let memory = fs::read_to_string("/proc/meminfo").unwrap();
        Resources {
            heap: marks.expect("a test build").heap_now.into(),
            client: Process::at(Path::new("/proc/self")),
            supplicant: Process::at(&supplicant::process()),
            available: field(&memory, "MemAvailable:") + field(&memory, "Shmem:"),
        }
    }
}

impl Process {
    fn at(process: &Path) -> Process {
        let maps = fs::read_to_string(process.join("maps")).unwrap();
        let status = fs::read_to_string(process.join("status")).unwrap();
        Process {
            descriptors: fs::read_dir(process.join("fd")).unwrap().count(),
            mappings: maps.lines().count(),
            threads: fs::read_dir(process.join("task")).unwrap().count(),
            size: field(&status, "RssAnon:") + field(&status, "RssShmem:"),
        }
    }
}

/// The number behind a name.
fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse().unwrap()
}
