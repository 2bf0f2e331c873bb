//! What was begun and what was acknowledged, on a disk of its own: not in the file system under
//! test, whose own commits would otherwise come with those of the journal.
//!
//! One JSON entry a line, zeros behind the last. An entry is on the disk when [`Journal::append`]
//! returns; one that was cut short is none.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
};

use claviger::proto::message::KeyDescription;
use serde::{Deserialize, Serialize};

use crate::change::Change;

/// What is written at once.
const BLOCK: usize = 4096;
/// By which name the emulated machine gives the disk.
const SERIAL: &str = "journal";

/// A line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Entry {
    /// A change is about to be asked for.
    Begun(Change),
    /// It was acknowledged, or turned out to have happened.
    Done(Box<Trace>),
    /// It turned out not to have happened.
    Undone,
    /// Calls that may still use a key, as it turned out after a cut.
    UsesLeft {
        /// Which key.
        label: String,
        /// How many.
        left: u64,
    },
}

/// What a change left.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Trace {
    /// The key, if it is in the vault now.
    pub(crate) key: Option<KeyDescription>,
    /// What its primary version makes, in hexadecimal digits.
    pub(crate) proof: Option<String>,
    /// The bytes of a wrapped key that was made, in hexadecimal digits.
    pub(crate) wrapped: Option<String>,
}

/// The disk.
pub(crate) struct Journal {
    disk: File,
    /// Where the block of the next entry begins, and what stands in it already.
    place: u64,
    block: Vec<u8>,
}

impl Journal {
    /// Reads the journal, to go on with it.
    pub(crate) fn open() -> (Journal, Vec<Entry>) {
        let disks = fs::read_dir("/sys/block").unwrap();
        let name = disks
            .map(|disk| disk.unwrap().path())
            .find(|disk| {
                fs::read_to_string(disk.join("serial")).is_ok_and(|serial| serial == SERIAL)
            })
            .and_then(|disk| Some(disk.file_name()?.to_owned()))
            .expect("there is no disk for the journal");
        let path = std::path::Path::new("/dev").join(name);
        let disk = OpenOptions::new().read(true).write(true).open(path);
        let mut journal = Journal {
            disk: disk.unwrap(),
            place: 0,
            block: Vec::new(),
        };
        let text = journal.read();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let entries = text[..whole].lines().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
        });
        let entries = entries.collect();
        journal.place = (whole - whole % BLOCK) as u64;
        journal.block = text.as_bytes()[whole - whole % BLOCK..whole].to_vec();
        (journal, entries)
    }

    /// All up to the first zero.
    fn read(&self) -> String {
        let mut bytes = Vec::new();
        let mut block = [0; BLOCK];
        loop {
            let at = bytes.len() as u64;
            self.disk.read_exact_at(&mut block, at).unwrap();
            let end = block.iter().position(|byte| *byte == 0);
            bytes.extend_from_slice(&block[..end.unwrap_or(BLOCK)]);
            if end.is_some() {
                return String::from_utf8(bytes).unwrap();
            }
        }
    }

    /// Writes an entry, and waits until it is on the disk.
    pub(crate) fn append(&mut self, entry: &Entry) {
        serde_json::to_writer(&mut self.block, entry).unwrap();
        self.block.push(b'\n');
        // A zero must follow, also behind a block that is full.
        let mut bytes = self.block.clone();
        bytes.resize((bytes.len() / BLOCK + 1) * BLOCK, 0);
        self.disk.write_all_at(&bytes, self.place).unwrap();
        self.disk.sync_data().unwrap();
        let whole = self.block.len() - self.block.len() % BLOCK;
        self.block.drain(..whole);
        self.place += whole as u64;
    }
}
