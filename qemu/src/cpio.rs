//! Writing cpio archives in the "newc" format (Linux's Documentation/driver-api/early-userspace/buffer-format.rst).
//!
//! The kernel unpacks concatenated archives one after the other, so a run's own files go into a second one.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use fs_err::{self as fs, File};

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// An archive being written. Everything in it belongs to root.
#[derive(Debug)]
pub(crate) struct Archive<W> {
    to: W,
    written: u64,
    inode: u32,
    directories: BTreeSet<String>,
}

impl<W: Write> Archive<W> {
    pub(crate) fn new(to: W) -> Self {
        Self {
            to,
            written: 0,
            inode: 0,
            directories: BTreeSet::new(),
        }
    }

    /// Adds a folder and those above it, once.
    pub(crate) fn directory(&mut self, path: &str, mode: u32) -> io::Result<()> {
        self.parents(path)?;
        if self.directories.insert(path.to_owned()) {
            self.entry(path, DIRECTORY | mode, 0)?;
        }
        Ok(())
    }

    /// Adds a file and the folders above it.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        self.parents(path)?;
        self.entry(path, REGULAR | mode, size(content.len() as u64)?)?;
        self.write(content)?;
        self.align()
    }

    /// Adds a copy of a file of the host.
    pub(crate) fn copy(&mut self, path: &str, mode: u32, from: &Path) -> io::Result<()> {
        self.parents(path)?;
        let mut from = File::open(from)?;
        let length = from.metadata()?.len();
        self.entry(path, REGULAR | mode, size(length)?)?;
        let copied = io::copy(&mut io::Read::take(&mut from, length), &mut self.to)?;
        if copied != length {
            return Err(io::Error::other(
                "a file shrank while it was being archived",
            ));
        }
        self.written += copied;
        self.align()
    }

    /// Adds a symbolic link and the folders above it.
    pub(crate) fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.parents(path)?;
        self.entry(path, LINK | 0o777, size(target.len() as u64)?)?;
        self.write(target.as_bytes())?;
        self.align()
    }

    /// Ends the archive.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.inode = 0;
        self.entry("TRAILER!!!", 0, 0)?;
        // Archives that follow start at a multiple of 512, as cpio itself would have it.
        let padding = (512 - self.written % 512) % 512;
        self.write(&vec![0; padding as usize])?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn parents(&mut self, path: &str) -> io::Result<()> {
        for (index, _) in path.match_indices('/') {
            let parent = &path[..index];
            if self.directories.insert(parent.to_owned()) {
                self.entry(parent, DIRECTORY | 0o755, 0)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &str, mode: u32, size: u32) -> io::Result<()> {
        self.inode += 1;
        let links = if mode & DIRECTORY == DIRECTORY { 2 } else { 1 };
        let name_size = path.len() as u32 + 1;
        let mut header = String::from("070701");
        for field in [
            self.inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name_size, 0,
        ] {
            header.push_str(&format!("{field:08x}"));
        }
        self.write(header.as_bytes())?;
        self.write(path.as_bytes())?;
        self.write(&[0])?;
        self.align()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.to.write_all(bytes)
    }

    fn align(&mut self) -> io::Result<()> {
        let padding = (4 - self.written % 4) % 4;
        self.write(&[0; 3][..padding as usize])
    }
}

fn size(length: u64) -> io::Result<u32> {
    u32::try_from(length)
        .map_err(|_| io::Error::other("a file of 4 GiB or more does not fit into the guest"))
}

/// Whether a file of the host may be executed, as a mode for the guest.
pub(crate) fn mode_of(file: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(if fs::metadata(file)?.permissions().mode() & 0o111 == 0 {
        0o644
    } else {
        0o755
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_small_archive() {
        let mut archive = Archive::new(Vec::new());
        archive.file("a/b", 0o644, b"hello").unwrap();
        let bytes = archive.finish().unwrap();
        let directory = b"070701\
            00000001000041ed00000000000000000000000200000000\
            00000000000000000000000000000000000000000000000200000000a\0";
        assert_eq!(bytes[..directory.len()], directory[..]);
        let file = b"070701\
            00000002000081a400000000000000000000000100000000\
            00000005000000000000000000000000000000000000000400000000a/b\0\0\0hello\0\0\0";
        let start = directory.len().next_multiple_of(4);
        assert_eq!(bytes[start..start + file.len()], file[..]);
        assert!(
            bytes[start + file.len()..]
                .windows(11)
                .any(|window| window == b"TRAILER!!!\0")
        );
        assert_eq!(bytes.len() % 512, 0);
    }

    #[test]
    fn a_folder_is_written_once() {
        let mut archive = Archive::new(Vec::new());
        archive.directory("a", 0o700).unwrap();
        archive.file("a/b", 0o644, b"").unwrap();
        archive.file("a/c", 0o644, b"").unwrap();
        let bytes = archive.finish().unwrap();
        assert_eq!(
            bytes
                .windows(6)
                .filter(|window| window == b"070701")
                .count(),
            4
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let mut archive = Archive::new(Vec::new());
        let missing = Path::new("/nonexistent/file");
        let errors = [
            archive.copy("x", 0o644, missing).unwrap_err(),
            mode_of(missing).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("/nonexistent/file"), "{error}");
        }
    }
}
