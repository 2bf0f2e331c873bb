//! What stands at a path, as the kernel lets this caller see and write it.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata},
    io,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStrExt,
            fs::{FileTypeExt, MetadataExt, PermissionsExt},
        },
    },
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags},
    io::Errno,
};

use super::Secrecy;

/// Links that lead from one to the next, as the kernel follows them.
const LINKS: usize = 40;

/// What an output meets.
pub(super) enum Target {
    /// Nothing: a file can be made there.
    Absent(Place),
    /// A regular file, open for writing, and where it stands if that is known.
    File(File, Option<Place>),
    /// A FIFO or device, open for writing.
    Stream(File),
}

/// A name in a directory that is held open, so that nobody can exchange it.
pub(super) struct Place {
    pub(super) directory: OwnedFd,
    pub(super) name: OsString,
}

impl Place {
    pub(super) fn new(directory: &Path, name: OsString) -> io::Result<Place> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Place {
            directory: rustix::fs::openat(CWD, directory, flags, Mode::empty())?,
            name,
        })
    }

    /// Whether this file stands here.
    pub(super) fn holds(&self, file: &File) -> bool {
        let here = rustix::fs::statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        match (here, rustix::fs::fstat(file)) {
            (Ok(here), Ok(file)) => (here.st_dev, here.st_ino) == (file.st_dev, file.st_ino),
            _ => false,
        }
    }

    /// Has the directory written to the disk, where that can be had.
    pub(super) fn sync(&self) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if let Ok(directory) = rustix::fs::openat(&self.directory, ".", flags, Mode::empty()) {
            let _as_far_as_it_can = rustix::fs::fsync(directory);
        }
    }
}

/// Finds and opens what stands at `path`, without changing it.
pub(super) fn find(path: &Path, secrecy: Secrecy) -> io::Result<Target> {
    if let Some(number) = descriptor(path) {
        expect_open(number)?;
    }
    let private = secrecy == Secrecy::Private && descriptor(path).is_none();
    // The kernel says whether it follows a link here for this caller: fs.protected_symlinks.
    let there = if private {
        fs::symlink_metadata(path)
    } else {
        fs::metadata(path)
    };
    let there = match there {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return absent(path, private).map(Target::Absent);
        }
        other => other?,
    };
    if there.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let file = open(path, &there, private)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        let place = place_of(path, &file);
        return Ok(Target::File(file, place));
    }
    Ok(Target::Stream(file))
}

/// Opens as `>` does, but without cutting: with `O_CREAT` the kernel also judges by
/// fs.protected_regular and fs.protected_fifos.
fn open(path: &Path, there: &Metadata, private: bool) -> io::Result<File> {
    let mut flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
    if private {
        flags |= OFlags::NOFOLLOW;
    }
    // A FIFO waits for its reader. What was no FIFO when it was looked at does not become one.
    if there.is_file() {
        flags |= OFlags::NONBLOCK;
    }
    match rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(File::from(file)),
        Err(Errno::LOOP) if private => Err(link()),
        Err(error) => Err(error.into()),
    }
}

fn link() -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        "what goes there is private, and follows no symbolic link",
    )
}

/// Where a file stands, found by its path and proven by its inode.
pub(super) fn place_of(path: &Path, file: &File) -> Option<Place> {
    if descriptor(path).is_some() {
        return None;
    }
    let path = fs::canonicalize(path).ok()?;
    let place = Place::new(path.parent()?, path.file_name()?.to_owned()).ok()?;
    place.holds(file).then_some(place)
}

/// Where a file is to be made: at the end of links that lead to nothing.
fn absent(path: &Path, private: bool) -> io::Result<Place> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if path.as_os_str().as_bytes().ends_with(b"/") {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let parent = path.parent().unwrap_or(Path::new(""));
        let directory = fs::canonicalize(if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        })?;
        let there = directory.join(name);
        match fs::symlink_metadata(&there) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Place::new(&directory, name.to_owned());
            }
            Ok(found) if found.is_symlink() && private => return Err(link()),
            Ok(found) if found.is_symlink() => {
                expect_followed(&directory, &found)?;
                path = directory.join(fs::read_link(&there)?);
            }
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::LOOP.into())
}

/// What the kernel asks by fs.protected_symlinks before it follows a link, of one that may have
/// been put there since it was asked.
fn expect_followed(directory: &Path, link: &Metadata) -> io::Result<()> {
    let directory = fs::metadata(directory)?;
    let own = link.uid() == rustix::process::geteuid().as_raw() || link.uid() == directory.uid();
    let shared = directory.permissions().mode() & 0o1002 == 0o1002;
    let protected = || {
        let setting = fs::read_to_string("/proc/sys/fs/protected_symlinks");
        !setting.is_ok_and(|setting| setting.trim() == "0")
    };
    if shared && !own && protected() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

/// The number of the descriptor of this process that a path names, if it does: `/dev/stdout`,
/// `/dev/fd/5`, `/proc/self/fd/5`, or a link to one.
#[must_use]
pub fn descriptor(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let name = path.file_name()?;
        let parent = path.parent()?;
        let directory = fs::canonicalize(if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        })
        .ok()?;
        if is_own(&directory) {
            return name.to_str()?.parse().ok();
        }
        let there = directory.join(name);
        path = directory.join(fs::read_link(there).ok()?);
    }
    None
}

/// Whether this is the directory of this process's descriptors.
fn is_own(directory: &Path) -> bool {
    let Some(process) = directory
        .to_str()
        .and_then(|path| path.strip_prefix("/proc/"))
    else {
        return false;
    };
    let parts: Vec<&str> = process.split('/').collect();
    let own = std::process::id().to_string();
    matches!(parts[..], [id, "fd"] | [id, "task", _, "fd"] if id == own)
}

/// Refuses a descriptor that this process was not started with: it is closed, or our own.
fn expect_open(number: u32) -> io::Result<()> {
    const CLOSE_ON_EXEC: u32 = OFlags::CLOEXEC.bits();
    let information = fs::read_to_string(format!("/proc/self/fdinfo/{number}"));
    let flags = information.ok().and_then(|lines| {
        let flags = lines.lines().find_map(|line| line.strip_prefix("flags:"))?;
        u32::from_str_radix(flags.trim(), 8).ok()
    });
    match flags {
        Some(flags) if flags & CLOSE_ON_EXEC == 0 => Ok(()),
        _ => Err(Errno::BADF.into()),
    }
}

/// Whether it keeps nothing.
pub(super) fn is_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device()
}
