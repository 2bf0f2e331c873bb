//! The one way in which files are written here.
//!
//! A file appears when it is complete, under its name and in place of what was there, and not
//! before: what is written goes to a file without a name in the same directory, which is gone if
//! the program fails or is killed. So a file can also be its own input.
//!
//! | at the path stands | what becomes of it |
//! |---|---|
//! | nothing | the file appears when it is complete |
//! | a regular file | replaced in one step; owner, group, mode, ACL and extended attributes stay, and other names of it (hard links) keep the old content |
//! | the same, where it cannot be replaced so: a mount point, a directory that takes no files, attributes that the caller may not give | written over when the content is complete and there is room for it; until then it lies in a temporary file, or in memory if it is private; [`Written::InPlace`] says so |
//! | a symbolic link, or one to nothing | what it points to is written, if the kernel follows it for this caller |
//! | a FIFO or a device | written as it is |
//! | a descriptor of this process (`/dev/fd/N`) | an error: [`PendingFile::onto`] takes it |
//! | a file that the kernel does not let this caller write | an error; it stays as it was |
//!
//! Of several who write one file at once, the last one's content stays.
//!
//! What is [`Secrecy::Private`] has mode 0600, follows no link, and goes to a file or FIFO that is
//! there only if it is the caller's and nobody else may open it; what replaces its own input is
//! closed to others instead.

mod attributes;
mod content;
mod links;
mod sealed;
mod target;

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::process::Process;

use self::{
    content::Content,
    target::{Place, Target},
};
pub use self::{content::remove_unfinished, links::descriptor, sealed::SealedFile};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// A new file: whoever the umask lets. One that was there: whoever could.
    Ordinary,
    /// This user alone.
    Private,
}

/// What becomes of a regular file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced; where that cannot be, it is written over.
    Replace,
    /// It is replaced in one step or not at all: for what is its own input.
    ReplaceAtOnce,
    /// It stays, and nothing is written: [`io::ErrorKind::AlreadyExists`].
    Keep,
}

/// How a file came to its content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Written {
    /// In one step.
    AtOnce,
    /// It was written over, and why. Who read meanwhile may have seen a part.
    InPlace(String),
    /// A FIFO or device, byte by byte.
    Stream,
}

/// A file that does not have its name, or its content, yet. In a process that is forked it only
/// fails, and leaves everything as it is.
pub struct PendingFile {
    /// Whose it is.
    process: Process,
    path: PathBuf,
    way: Way,
}

enum Way {
    Stream(File),
    New {
        content: Content,
        place: Place,
        secrecy: Secrecy,
        existing: Existing,
    },
    Replace {
        content: Content,
        place: Place,
        old: File,
        secrecy: Secrecy,
        existing: Existing,
    },
    InPlace {
        content: File,
        old: File,
        why: String,
    },
}

impl PendingFile {
    /// Begins a file that will stand at `path`.
    ///
    /// # Errors
    /// What stands in the way; nothing was changed then.
    pub fn new(path: &Path, secrecy: Secrecy, existing: Existing) -> io::Result<PendingFile> {
        let way = match target::find(path, secrecy)? {
            Target::Absent(place) => {
                let mode = match secrecy {
                    Secrecy::Ordinary => 0o666,
                    Secrecy::Private => 0o600,
                };
                Way::New {
                    content: Content::new(&place, mode)?,
                    place,
                    secrecy,
                    existing,
                }
            }
            Target::Stream(file) => {
                expect_private(&file, secrecy, false)?;
                Way::Stream(file)
            }
            Target::File(..) if existing == Existing::Keep => {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Target::File(old, place) => {
                expect_private(&old, secrecy, existing == Existing::ReplaceAtOnce)?;
                Way::over(old, place, secrecy, existing)?
            }
        };
        Ok(PendingFile::with(path, way))
    }

    fn with(path: &Path, way: Way) -> PendingFile {
        PendingFile {
            process: Process::current(),
            path: path.to_owned(),
            way,
        }
    }

    /// Begins what is written to an open file, from where it stands, as a stream. `path` is how it
    /// was named.
    ///
    /// # Errors
    /// If others may open it, and what is written is private.
    pub fn onto(file: File, path: &Path, secrecy: Secrecy) -> io::Result<PendingFile> {
        expect_private(&file, secrecy, false)?;
        Ok(PendingFile::with(path, Way::Stream(file)))
    }

    /// Begins the successor of this file, which replaces it in one step or not at all.
    fn successor(path: &Path, old: File) -> io::Result<PendingFile> {
        let place = target::place_of(path, &old);
        let way = Way::over(old, place, Secrecy::Ordinary, Existing::ReplaceAtOnce)?;
        Ok(PendingFile::with(path, way))
    }

    /// Where it will stand, as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the content where it belongs, and does not return before it is on the disk.
    ///
    /// # Errors
    /// If that fails; what was there before is there still, unless the text says otherwise.
    pub fn finish(self) -> io::Result<Written> {
        self.process.expect_current().map_err(io::Error::other)?;
        match self.way {
            Way::Stream(file) => {
                synced(&file)?;
                Ok(Written::Stream)
            }
            Way::New {
                content,
                place,
                secrecy,
                existing,
            } => {
                content.file().sync_all()?;
                match content.appear(&place) {
                    Err(error)
                        if error.kind() == io::ErrorKind::AlreadyExists
                            && existing != Existing::Keep =>
                    {
                        supersede(content, &self.path, secrecy)
                    }
                    other => other.map(|()| place.sync()),
                }?;
                Ok(Written::AtOnce)
            }
            Way::Replace {
                mut content,
                place,
                old,
                secrecy,
                existing,
            } => {
                content.file().sync_all()?;
                let may_write_over = existing == Existing::Replace;
                if !place.holds(&old) {
                    return match may_write_over {
                        true => supersede(content, &self.path, secrecy).map(|()| Written::AtOnce),
                        false => Err(exchanged()),
                    };
                }
                match content.replace(&place) {
                    Ok(()) => {
                        place.sync();
                        Ok(Written::AtOnce)
                    }
                    Err(error) if may_write_over => {
                        content::write_over(content.file_mut(), &old)?;
                        Ok(Written::InPlace(error.to_string()))
                    }
                    Err(error) => Err(error),
                }
            }
            Way::InPlace {
                mut content,
                old,
                why,
            } => {
                content::write_over(&mut content, &old)?;
                Ok(Written::InPlace(why))
            }
        }
    }

    fn content(&mut self) -> &mut File {
        match &mut self.way {
            Way::Stream(file) | Way::InPlace { content: file, .. } => file,
            Way::New { content, .. } | Way::Replace { content, .. } => content.file_mut(),
        }
    }
}

impl Way {
    /// How the file `old` gets its content.
    fn over(
        old: File,
        place: Option<Place>,
        secrecy: Secrecy,
        existing: Existing,
    ) -> io::Result<Way> {
        let may_write_over = existing == Existing::Replace;
        let unnamed = || io::Error::other("it has no name that could be given to another file");
        let prepared = place.ok_or_else(unnamed).and_then(|place| {
            let content = Content::new(&place, 0o600)?;
            attributes::copy(&old, content.file(), secrecy)?;
            Ok((content, place))
        });
        match prepared {
            Ok((content, place)) => Ok(Way::Replace {
                content,
                place,
                old,
                secrecy,
                existing,
            }),
            Err(error) if may_write_over => Ok(Way::InPlace {
                content: content::aside(secrecy)?,
                old,
                why: error.to_string(),
            }),
            Err(error) => Err(io::Error::new(
                error.kind(),
                format!("it cannot be replaced in one step, and stays as it is: {error}"),
            )),
        }
    }
}

/// Takes the place of what another writer put there meanwhile: of several, the last one's stays.
fn supersede(mut content: Content, path: &Path, secrecy: Secrecy) -> io::Result<()> {
    /// Writers who come between in a row, at most.
    const OTHERS: usize = 100;
    for _ in 0..OTHERS {
        match target::find(path, secrecy)? {
            Target::Absent(place) => match content.appear(&place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => return other.map(|()| place.sync()),
            },
            Target::File(old, Some(place)) => {
                expect_private(&old, secrecy, false)?;
                attributes::copy(&old, content.file(), secrecy)?;
                if place.holds(&old) {
                    return content.replace(&place).map(|()| place.sync());
                }
            }
            // It was not there any more when its place was looked for.
            Target::File(_, None) => {}
            Target::Stream(_) => break,
        }
    }
    Err(exchanged())
}

fn exchanged() -> io::Error {
    io::Error::other("another file was put there meanwhile, which stays")
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.process.expect_current().map_err(io::Error::other)?;
        self.content().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses to give others what is private. Devices and sockets keep nothing, and what replaces its own input
/// is closed to others.
fn expect_private(file: &File, secrecy: Secrecy, closes: bool) -> io::Result<()> {
    let metadata = file.metadata()?;
    // Nobody opens a socket by its path.
    let kept = !target::is_device(&metadata) && !metadata.file_type().is_socket();
    if secrecy == Secrecy::Ordinary || !kept {
        return Ok(());
    }
    let why = if metadata.uid() != rustix::process::geteuid().as_raw() {
        "is another user's"
    } else if !closes && metadata.permissions().mode() & 0o077 != 0 {
        "may be opened by others"
    } else {
        return Ok(());
    };
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("what goes there is private, and the file that is there {why}: remove it first"),
    ))
}

/// A stream has no disk to wait for.
fn synced(file: &File) -> io::Result<()> {
    use rustix::io::Errno;
    match rustix::fs::fsync(file) {
        Err(Errno::INVAL | Errno::ROFS | Errno::OPNOTSUPP | Errno::PERM) => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests;
