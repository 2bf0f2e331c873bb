//! What stands at a path, as the kernel lets this caller see and write it.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata},
    io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::FileTypeExt},
    },
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags},
    io::Errno,
};

use super::{
    Secrecy,
    links::{LINKS, descriptor, directory_of, expect_followed},
};

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
    if descriptor(path, secrecy).is_some() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it names a descriptor of this process, which is to be given as an open file",
        ));
    }
    let private = secrecy == Secrecy::Private;
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
    if descriptor(path, Secrecy::Ordinary).is_some() {
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
        let directory = directory_of(&path)?;
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

/// Whether it keeps nothing.
pub(super) fn is_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device()
}
