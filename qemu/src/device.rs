//! One emulated device: a disk FILE with the secure store, and FILE.flash with its firmware, key and rollback counter.
//!
//! The two belong together: a fresh disk beside a used flash *is* a rolled-back store, and OP-TEE says so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fs_err::{self as fs, File, OpenOptions};

use crate::cache::{Cache, lock_within};
use crate::setup::Platform;
use crate::{firmware, process, report};

const LOCK_DEADLINE: Duration = Duration::from_secs(60);
const FORMAT_DEADLINE: Duration = Duration::from_secs(60);

/// The size of a disk where nobody asks for another.
pub(crate) const DISK_MEBIBYTES: u64 = 64;

/// A device, locked for this run.
#[derive(Debug)]
pub(crate) struct Device {
    /// The ext4 image that is mounted at `/var/lib/optee-client`.
    pub(crate) disk: PathBuf,
    /// The flash image.
    pub(crate) flash: PathBuf,
    /// Held until the run ends.
    _lock: File,
}

/// What the files of a device tell before it is opened.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    New,
    Whole,
    DiskWithoutFlash,
    FlashWithoutDisk,
}

impl Device {
    /// Opens the device of this disk, making it if neither of its files is there.
    pub(crate) fn open(platform: &Platform, disk: &Path, mebibytes: u64) -> Result<Self> {
        let image = &platform.firmware.image;
        let flash = flash_of(disk);
        // Not even the lock may turn a missing disk into an empty one.
        refuse_half(disk, &flash)?;
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(disk)?;
        lock_within(&lock, LOCK_DEADLINE, || {
            report::say(&format!(
                "{} is in use by another run; waiting up to 60 s",
                disk.display()
            ));
        })
        .with_context(|| format!("{} is in use", disk.display()))?;
        match refuse_half(disk, &flash)? {
            Found::New => {
                format(&platform.cache, disk, mebibytes)?;
                let draft = with_suffix(&flash, ".new");
                let _ = fs::remove_file(&draft);
                firmware::create_flash(&draft, image)?;
                fs::rename(draft, &flash)?;
            }
            _ => firmware::update_flash(&flash, image)?,
        }
        Ok(Self {
            disk: disk.to_owned(),
            flash,
            _lock: lock,
        })
    }
}

/// The flash image that belongs to a disk.
pub(crate) fn flash_of(disk: &Path) -> PathBuf {
    with_suffix(disk, ".flash")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn refuse_half(disk: &Path, flash: &Path) -> Result<Found> {
    let (disk_name, flash_name) = (disk.display(), flash.display());
    match find(disk, flash) {
        Found::DiskWithoutFlash => bail!(
            "{disk_name} is there but {flash_name} is not: they are one device, and without its flash the store's key \
             is lost. Put the flash back, or remove {disk_name} to start with a new device"
        ),
        Found::FlashWithoutDisk => bail!(
            "{flash_name} is there but {disk_name} is missing or empty: they are one device, and a fresh disk on a \
             used flash is a rolled-back store, which OP-TEE refuses. Put the disk back, or remove {flash_name} to \
             start with a new device"
        ),
        found => Ok(found),
    }
}

/// An empty disk (as mktemp makes one) counts as none.
fn find(disk: &Path, flash: &Path) -> Found {
    let has_disk = fs::metadata(disk).is_ok_and(|file| file.len() > 0);
    match (has_disk, flash.exists()) {
        (false, false) => Found::New,
        (true, true) => Found::Whole,
        (true, false) => Found::DiskWithoutFlash,
        (false, true) => Found::FlashWithoutDisk,
    }
}

/// A program of e2fsprogs; on Debian it may be out of an ordinary user's PATH.
pub(crate) fn disk_tool(name: &str) -> Command {
    let mut tool = Command::new(name);
    tool.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
    tool
}

fn format(cache: &Cache, disk: &Path, mebibytes: u64) -> Result<()> {
    let mut format = disk_tool("mke2fs");
    format.args([
        "-q",
        "-F",
        "-t",
        "ext4",
        "-m",
        "0",
        "-E",
        "root_owner=0:0",
        "--",
    ]);
    format.arg(disk).arg(format!("{mebibytes}M"));
    process::run(&mut format, &cache.log("disk"), FORMAT_DEADLINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_device_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        let flash = flash_of(&disk);
        assert_eq!(refuse_half(&disk, &flash).unwrap(), Found::New);
        fs::write(&disk, "").unwrap();
        assert_eq!(refuse_half(&disk, &flash).unwrap(), Found::New);
        fs::write(&disk, "x").unwrap();
        assert!(
            refuse_half(&disk, &flash)
                .unwrap_err()
                .to_string()
                .contains("Put the flash back")
        );
        fs::write(&flash, "x").unwrap();
        assert_eq!(refuse_half(&disk, &flash).unwrap(), Found::Whole);
        fs::remove_file(&disk).unwrap();
        assert!(
            refuse_half(&disk, &flash)
                .unwrap_err()
                .to_string()
                .contains("rolled-back")
        );
    }
}
