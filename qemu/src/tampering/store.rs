//! tee-supplicant's files, taken from a disk that no guest runs on, changed, and put back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::layout::Spot;
use crate::device::disk_tool;
use crate::process;

/// The folder on the disk.
const FOLDER: &str = "/data/tee";
/// OP-TEE's directory of its objects.
pub(super) const DIRECTORY: &str = "dirf.db";
/// Smaller ones are OP-TEE's own.
const VAULT_FILE: usize = 300 << 10;

/// The files by their names.
#[derive(Debug, Clone)]
pub(super) struct Store {
    files: BTreeMap<String, Vec<u8>>,
    flips: usize,
}

impl Store {
    /// The files as they lie on a disk.
    pub(super) fn take(disk: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let into = folder.path().display();
        debugfs(disk, &format!("rdump {FOLDER} \"{into}\"\n"))?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder.path().join("tee"))? {
            let entry = entry?;
            let name = entry.file_name().into_string();
            let name = name.ok().context("a file of the store has an odd name")?;
            files.insert(name, fs::read(entry.path())?);
        }
        Ok(Self { files, flips: 0 })
    }

    /// Puts these files, and no others, onto a disk.
    pub(super) fn put(&self, disk: &Path) -> Result<()> {
        let there = Self::take(disk)?;
        let folder = tempfile::tempdir()?;
        let mut commands = format!("cd {FOLDER}\n");
        let names: BTreeSet<&String> = there.files.keys().chain(self.files.keys()).collect();
        for name in names {
            let wanted = self.files.get(name);
            if wanted == there.files.get(name) {
                continue;
            }
            if there.files.contains_key(name) {
                writeln!(commands, "rm {name}")?;
            }
            if let Some(bytes) = wanted {
                let file = folder.path().join(name);
                fs::write(&file, bytes)?;
                writeln!(commands, "write \"{}\" {name}", file.display())?;
            }
        }
        debugfs(disk, &commands)?;
        ensure!(
            Self::take(disk)?.files == self.files,
            "the files were not put back"
        );
        Ok(())
    }

    /// The files of the vault's objects: first and second copy of one shard, then of the next. OP-TEE numbers files in the
    /// order in which they are made.
    pub(super) fn vault(&self) -> Vec<String> {
        let large = self
            .files
            .iter()
            .filter(|(_, bytes)| bytes.len() > VAULT_FILE);
        large.map(|(name, _)| name.clone()).collect()
    }

    /// OP-TEE's own objects, in that order: its list of installed applications, and the versions of those that ran.
    pub(super) fn own(&self) -> Vec<String> {
        let small = self
            .files
            .iter()
            .filter(|(name, bytes)| bytes.len() <= VAULT_FILE && *name != DIRECTORY);
        small.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn file(&self, name: &str) -> Result<&Vec<u8>> {
        let file = self.files.get(name);
        file.with_context(|| format!("the store has no file {name}"))
    }

    fn file_mut(&mut self, name: &str) -> Result<&mut Vec<u8>> {
        let file = self.files.get_mut(name);
        file.with_context(|| format!("the store has no file {name}"))
    }

    /// How many bits were flipped.
    pub(super) fn flips(&self) -> usize {
        self.flips
    }

    /// Flips one bit, another one in each spot.
    pub(super) fn flip(&mut self, name: &str, spot: &Spot) -> Result<()> {
        let at = spot.start + spot.start * 7 % spot.len();
        let byte = self.file_mut(name)?.get_mut(at);
        *byte.with_context(|| format!("the file {name} ends before {at}"))? ^= 1 << (at % 8);
        self.flips += 1;
        Ok(())
    }

    pub(super) fn truncate(&mut self, name: &str, length: usize) -> Result<()> {
        self.file_mut(name)?.truncate(length);
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        let removed = self.files.remove(name);
        removed.map(drop).context("there is no such file to remove")
    }

    pub(super) fn clear(&mut self) {
        self.files.clear();
    }

    /// Puts another store's file in the place of this one's.
    pub(super) fn replace(&mut self, name: &str, other: &Self) -> Result<()> {
        other.file(name)?.clone_into(self.file_mut(name)?);
        Ok(())
    }

    /// Puts another store's file under its name, whether there is one or not.
    pub(super) fn put_in(&mut self, name: &str, other: &Self) -> Result<()> {
        self.files
            .insert(name.to_owned(), other.file(name)?.clone());
        Ok(())
    }

    pub(super) fn exchange(&mut self, one: &str, other: &str) -> Result<()> {
        let bytes = self.file(one)?.clone();
        let others = std::mem::replace(self.file_mut(other)?, bytes);
        *self.file_mut(one)? = others;
        Ok(())
    }
}

fn debugfs(disk: &Path, commands: &str) -> Result<()> {
    let script = tempfile::NamedTempFile::new()?;
    fs::write(script.path(), commands)?;
    let mut tool = disk_tool("debugfs");
    // It reports what failed on stderr, and ends well all the same: callers look at what came of it.
    process::output(tool.arg("-w").arg("-f").arg(script.path()).arg(disk)).map(drop)
}
