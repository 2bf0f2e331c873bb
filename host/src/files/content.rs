//! Content that is not in its place yet.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    io::{self, Seek},
    os::fd::{AsRawFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::{
    fs::{AtFlags, CWD, FallocateFlags, MemfdFlags, Mode, OFlags},
    io::Errno,
};

use super::{Secrecy, target::Place};
use crate::process::{PerProcess, Process};

/// A file in the directory where it will stand.
pub(super) struct Content {
    file: File,
    /// Its name, where the file system knows no files without one.
    named: Option<Aside>,
}

/// A name beside the one that a file will have; gone if it is not taken.
struct Aside {
    /// Whose it is: another process leaves it alone.
    process: Process,
    directory: OwnedFd,
    name: OsString,
}

/// Names, each in its directory.
type Names = BTreeMap<OsString, OwnedFd>;

/// The names that each process has.
static ASIDE: PerProcess<Mutex<Names>> = PerProcess::new();

/// Removes what [`super::PendingFile`]s of this process have under a name beside their own, for
/// programs that a signal ends: no file can be begun after it.
pub fn remove_unfinished() {
    let names = names();
    for (name, directory) in names.iter() {
        let _gone = rustix::fs::unlinkat(directory, name, AtFlags::empty());
    }
    // Kept for ever, so that no name is added.
    std::mem::forget(names);
}

fn names() -> MutexGuard<'static, Names> {
    let names = ASIDE.here(Mutex::default);
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Aside {
    /// Has `make` make something under a name that there is not.
    fn make<T>(
        place: &Place,
        mut make: impl FnMut(&OwnedFd, &OsString) -> Result<T, Errno>,
    ) -> io::Result<(T, Aside)> {
        let mut names = names();
        loop {
            let name = OsString::from(format!(
                ".claviger-{:016x}",
                getrandom::u64().map_err(io::Error::other)?
            ));
            let made = match make(&place.directory, &name) {
                Err(Errno::EXIST) => continue,
                other => other?,
            };
            let directory = place.directory.try_clone()?;
            names.insert(name.clone(), place.directory.try_clone()?);
            let aside = Aside {
                process: Process::current(),
                directory,
                name,
            };
            return Ok((made, aside));
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.process.is_current() {
            return;
        }
        names().remove(&self.name);
        // It is not there where it was taken.
        let _gone = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
    }
}

impl Content {
    /// A file with these permissions, as far as the umask lets.
    pub(super) fn new(place: &Place, mode: u32) -> io::Result<Content> {
        let mode = Mode::from_raw_mode(mode);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        if let Ok(file) = rustix::fs::openat(&place.directory, ".", flags, mode) {
            let file = File::from(file);
            // Without /proc it could not be given a name.
            if fs::metadata(by_descriptor(&file)).is_ok() {
                return Ok(Content { file, named: None });
            }
        }
        Content::with_name(place, mode)
    }

    fn with_name(place: &Place, mode: Mode) -> io::Result<Content> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let (file, aside) = Aside::make(place, |directory, name| {
            rustix::fs::openat(directory, name, flags, mode)
        })?;
        Ok(Content {
            file: File::from(file),
            named: Some(aside),
        })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn file_mut(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it a name that nothing has.
    pub(super) fn appear(&self, place: &Place) -> io::Result<()> {
        match &self.named {
            None => {
                let own = by_descriptor(&self.file);
                let flags = AtFlags::SYMLINK_FOLLOW;
                rustix::fs::linkat(CWD, own, &place.directory, &place.name, flags)?;
            }
            Some(aside) => {
                let (directory, name) = (&place.directory, &place.name);
                let flags = rustix::fs::RenameFlags::NOREPLACE;
                let renamed =
                    rustix::fs::renameat_with(directory, &aside.name, directory, name, flags);
                match renamed {
                    // Not every file system knows the flag; two names it may know.
                    Err(Errno::INVAL) => {
                        let flags = AtFlags::empty();
                        rustix::fs::linkat(directory, &aside.name, directory, name, flags)?;
                    }
                    other => other?,
                }
            }
        }
        Ok(())
    }

    /// Gives it the name of what stands there.
    pub(super) fn replace(&mut self, place: &Place) -> io::Result<()> {
        let aside = match self.named.take() {
            Some(aside) => aside,
            None => {
                // A name can be given, but not replaced, so it is given aside first.
                let own = by_descriptor(&self.file);
                let flags = AtFlags::SYMLINK_FOLLOW;
                let link = |directory: &OwnedFd, name: &OsString| {
                    rustix::fs::linkat(CWD, &own, directory, name, flags)
                };
                Aside::make(place, link)?.1
            }
        };
        let directory = &place.directory;
        rustix::fs::renameat(directory, &aside.name, directory, &place.name)?;
        Ok(())
    }
}

fn by_descriptor(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// A file for what will be written over another: on disk, or in memory where it is private.
pub(super) fn aside(secrecy: Secrecy) -> io::Result<File> {
    if secrecy == Secrecy::Ordinary
        && let Ok(file) = tempfile::tempfile()
    {
        return Ok(file);
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL;
    let memory = match rustix::fs::memfd_create("claviger", flags) {
        // Older than Linux 6.3.
        Err(Errno::INVAL) => rustix::fs::memfd_create("claviger", MemfdFlags::CLOEXEC),
        other => other,
    };
    Ok(File::from(memory?))
}

/// Gives `old` the content of another file, once there is room for it.
pub(super) fn write_over(content: &mut File, mut old: &File) -> io::Result<()> {
    let (length, before) = (content.metadata()?.len(), old.metadata()?.len());
    content.rewind()?;
    if length > before {
        let room = rustix::fs::fallocate(old, FallocateFlags::empty(), 0, length);
        // Where it cannot be asked for, it is seen on the way.
        if let Err(error) = room
            && !matches!(error, Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL)
        {
            old.set_len(before)?;
            return Err(error.into());
        }
    }
    let damaged = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("it was written over, and holds a part of the new content only: {error}"),
        )
    };
    old.rewind().map_err(damaged)?;
    io::copy(content, &mut old).map_err(damaged)?;
    old.set_len(length).map_err(damaged)?;
    old.sync_all().map_err(damaged)
}

#[cfg(test)]
mod tests {
    use std::{io::Write, path::Path};

    use super::*;

    fn entries(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    /// As on a file system that knows no files without a name.
    #[test]
    fn a_name_beside_is_taken_or_gone() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::new(directory.path(), "out".into()).unwrap();
        let named = |text: &[u8]| {
            let mut content = Content::with_name(&place, Mode::RUSR | Mode::WUSR).unwrap();
            content.file_mut().write_all(text).unwrap();
            content
        };
        drop(named(b"dropped"));
        assert_eq!(entries(directory.path()), 0);
        named(b"first").appear(&place).unwrap();
        assert!(named(b"second").appear(&place).is_err(), "it has the name");
        let out = directory.path().join("out");
        assert_eq!(fs::read(&out).unwrap(), b"first");
        named(b"third").replace(&place).unwrap();
        assert_eq!(fs::read(&out).unwrap(), b"third");
        assert_eq!(entries(directory.path()), 1, "nothing is left");
    }
    #[test]
    fn a_name_beside_is_left_alone_by_another_process() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::new(directory.path(), "out".into()).unwrap();
        let mut content = Content::with_name(&place, Mode::RUSR | Mode::WUSR).unwrap();
        let own = content.named.as_mut().unwrap();
        let here = std::mem::replace(&mut own.process, Process::another());
        drop(content);
        assert_eq!(entries(directory.path()), 1);
        assert!(here.is_current());
    }
}
