//! Files that appear when they are complete, under their name and in place of what was there, and
//! not before: what is written goes to a file without a name in the same directory, which is gone
//! if the program fails or is killed. So a file can also be its own input.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use tempfile::NamedTempFile;

use crate::{
    Error,
    key::{Make, SealedBlob},
};

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Whoever the umask lets; a file that was there keeps its own mode.
    Public,
    /// This user; a file that was there keeps its own mode.
    Private,
    /// This user, whatever was there.
    Secret,
}

/// A file that does not have its name yet.
pub struct PendingFile {
    path: PathBuf,
    directory: PathBuf,
    content: Content,
}

enum Content {
    /// Without any name: gone if this process ends.
    Unnamed(File),
    /// With another name, where the file system knows no files without one.
    Named(NamedTempFile),
}

impl Content {
    fn file(&mut self) -> &mut File {
        match self {
            Content::Unnamed(file) => file,
            Content::Named(file) => file.as_file_mut(),
        }
    }
}

impl PendingFile {
    /// Begins a file that will stand at `path`. A symbolic link there stays; what it points to is
    /// replaced.
    ///
    /// # Errors
    /// If the directory takes no files.
    pub fn new(path: &Path, secrecy: Secrecy) -> io::Result<PendingFile> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if path.file_name().is_none() {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mode = if secrecy == Secrecy::Public {
            0o666
        } else {
            0o600
        };
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let mut content = match rustix::fs::open(&directory, flags, Mode::from_raw_mode(mode)) {
            Ok(file) => Content::Unnamed(File::from(file)),
            Err(_) => Content::Named(
                tempfile::Builder::new()
                    .prefix(".claviger-")
                    .permissions(Permissions::from_mode(mode))
                    .tempfile_in(&directory)?,
            ),
        };
        if let (Ok(old), true) = (fs::metadata(&path), secrecy != Secrecy::Secret) {
            content
                .file()
                .set_permissions(Permissions::from_mode(old.permissions().mode() & 0o777))?;
        }
        Ok(PendingFile {
            path,
            directory,
            content,
        })
    }

    /// Where it will stand.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, and does not return before both are on the disk.
    ///
    /// # Errors
    /// If that fails; what was there before is there still.
    pub fn finish(mut self) -> io::Result<()> {
        self.content.file().sync_all()?;
        match self.content {
            Content::Unnamed(file) => {
                let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
                // A name can be given, but not replaced, so it is given aside first.
                let aside = tempfile::Builder::new().prefix(".claviger-").make_in(
                    &self.directory,
                    |aside| {
                        rustix::fs::linkat(CWD, &*descriptor, CWD, aside, AtFlags::SYMLINK_FOLLOW)
                            .map_err(io::Error::from)
                    },
                )?;
                aside
                    .into_temp_path()
                    .persist(&self.path)
                    .map_err(|error| error.error)?;
            }
            Content::Named(file) => {
                file.persist(&self.path).map_err(|error| error.error)?;
            }
        }
        File::open(&self.directory)?.sync_all()
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sealed blob in a file, for [`crate::Key::reseal_all`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFile {
    /// The context under which it was sealed.
    pub context: Vec<u8>,
    /// The file.
    pub path: PathBuf,
}

impl SealedBlob for SealedFile {
    fn context(&self) -> &[u8] {
        &self.context
    }

    fn replace(&mut self, make: Make<'_>) -> Result<bool, Error> {
        // Which file, a report says.
        let read = |source| Error::stream("the file cannot be read", source);
        let written = |source| Error::stream("the file cannot be written", source);
        // Before it is opened: a pipe would wait for its writer.
        if !fs::metadata(&self.path).map_err(read)?.is_file() {
            return Err(read(io::ErrorKind::InvalidInput.into()));
        }
        let mut input = File::open(&self.path).map_err(read)?;
        let mut output = PendingFile::new(&self.path, Secrecy::Public).map_err(written)?;
        let replaced = make(&mut input, &mut output)?;
        if replaced {
            output.finish().map_err(written)?;
        }
        Ok(replaced)
    }
}
