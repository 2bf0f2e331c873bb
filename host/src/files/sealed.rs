//! Sealed blobs in files.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::PendingFile;
use crate::{
    Error,
    key::{Make, SealedBlob},
};

/// A sealed blob in a file, for [`crate::Key::reseal_all`]. Its successor replaces it in one step,
/// and has all that it had, or it stays as it was.
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
            let message = "it is no regular file";
            return Err(read(io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        let input = File::open(&self.path).map_err(read)?;
        let state = |file: &File| {
            let metadata = file.metadata()?;
            Ok((metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
        };
        let before = state(&input).map_err(read)?;
        let mut output = Successor {
            path: &self.path,
            old: &input,
            pending: None,
        };
        let replaced = make(&mut &input, &mut output)?;
        if let (true, Some(pending)) = (replaced, output.pending) {
            if state(&input).map_err(read)? != before {
                let message = "it was written to meanwhile, and stays as it is";
                return Err(written(io::Error::other(message)));
            }
            pending.finish().map_err(written)?;
        }
        Ok(replaced)
    }
}

/// What takes a file's place, begun with the first byte: a blob that stays needs none.
struct Successor<'a> {
    path: &'a Path,
    old: &'a File,
    pending: Option<PendingFile>,
}

impl Write for Successor<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let pending = match &mut self.pending {
            Some(pending) => pending,
            none => none.insert(PendingFile::successor(self.path, self.old.try_clone()?)?),
        };
        pending.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
