//! Files and streams that commands read and write. An output file appears when it is complete.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::FileTypeExt,
    path::Path,
};

use claviger::files::PendingFile;
pub(crate) use claviger::files::Secrecy;
use zeroize::Zeroizing;

use crate::{failure::Failure, output::stdout};

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

fn is_stdout(path: &Path) -> bool {
    let names = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
    names.iter().any(|name| path == Path::new(name))
}

/// Opens an input; also says how long it is, if that is known.
pub(crate) fn open_input(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if is_standard(path) {
        return Ok((Box::new(io::stdin()), None));
    }
    let failed = |source| Failure::local(format!("{} cannot be read", path.display()), source);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// Reads a whole input of at most `most` bytes without leaving copies of it behind; `None` if it
/// is longer.
pub(crate) fn read_small(path: &Path, most: usize) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    let (input, _) = open_input(path)?;
    // With room for all of it the vector never moves.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    input
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| Failure::local(format!("{} cannot be read", shown(path)), source))?;
    Ok((bytes.len() <= most).then_some(bytes))
}

fn shown(path: &Path) -> String {
    if is_standard(path) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Where a command writes its data.
pub(crate) enum Destination {
    /// Standard output, or a device or pipe that has a name.
    Stream(Box<dyn Write + Send>),
    /// A file, once it is complete.
    File(PendingFile),
}

impl Destination {
    pub(crate) fn open(path: &Path, secrecy: Secrecy) -> Result<Destination, Failure> {
        if is_stdout(path) {
            return Ok(Destination::Stream(stdout()));
        }
        let failed =
            |source| Failure::local(format!("{} cannot be written", path.display()), source);
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Err(failed(io::ErrorKind::IsADirectory.into())),
            // A device or pipe is written, not replaced.
            Ok(metadata) if is_special(&metadata) => {
                let file = File::options().write(true).open(path).map_err(failed)?;
                Ok(Destination::Stream(Box::new(file)))
            }
            _ => PendingFile::new(path, secrecy)
                .map(Destination::File)
                .map_err(failed),
        }
    }

    /// As [`Destination::open`], for what may be nowhere else: no file is replaced.
    pub(crate) fn open_new(path: &Path, secrecy: Secrecy) -> Result<Destination, Failure> {
        if fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            return Err(Failure::Usage(format!(
                "{} is there already, and what it holds may be nowhere else: give another name, or \
                 remove it first",
                path.display()
            )));
        }
        Destination::open(path, secrecy)
    }

    /// Writes all there is to write.
    pub(crate) fn put(mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_all(bytes)
            .map_err(|source| Failure::local("the output cannot be written", source))?;
        self.finish()
    }

    /// Makes a file appear.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Destination::Stream(mut stream) => stream
                .flush()
                .map_err(|source| Failure::local("the output cannot be written", source)),
            Destination::File(file) => {
                let shown = file.path().display().to_string();
                file.finish()
                    .map_err(|source| Failure::local(format!("{shown} cannot be written"), source))
            }
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Stream(stream) => stream.write(bytes),
            Destination::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Destination::Stream(stream) => stream.flush(),
            Destination::File(_) => Ok(()),
        }
    }
}

fn is_special(metadata: &fs::Metadata) -> bool {
    let kind = metadata.file_type();
    kind.is_fifo() || kind.is_char_device() || kind.is_block_device() || kind.is_socket()
}

/// Writes a small file or stream in one go.
pub(crate) fn write_all(path: &Path, secrecy: Secrecy, bytes: &[u8]) -> Result<(), Failure> {
    Destination::open(path, secrecy)?.put(bytes)
}

/// Whether data go to a file rather than to standard output.
pub(crate) fn is_file(path: &Path) -> bool {
    !is_stdout(path)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::Permissions,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let mut destination = Destination::open(&path, Secrecy::Private).unwrap();
        destination.write_all(b"half").unwrap();
        assert_eq!(
            fs::read_dir(dir.path())
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().path() == path)
                .count(),
            0
        );
        drop(destination);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            0,
            "nothing is left of it"
        );
        write_all(&path, Secrecy::Private, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_was_there_keeps_its_mode_and_its_link() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        write_all(&link, Secrecy::Private, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"new".to_vec(), 0o640)
        );
        write_all(&path, Secrecy::Secret, b"secret").unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn devices_are_written_and_directories_are_not() {
        write_all(Path::new("/dev/null"), Secrecy::Private, b"away").unwrap();
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
        let dir = tempfile::tempdir().unwrap();
        for bad in [dir.path().to_owned(), dir.path().join("no/such")] {
            assert!(matches!(
                write_all(&bad, Secrecy::Public, b""),
                Err(Failure::Local { .. })
            ));
        }
        assert!(open_input(dir.path()).is_err());
    }

    #[test]
    fn what_may_be_nowhere_else_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let open = || Destination::open_new(&path, Secrecy::Private);
        open().unwrap().put(b"first").unwrap();
        assert!(matches!(open(), Err(Failure::Usage(_))));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        fs::remove_file(&path).unwrap();
        open().unwrap().put(b"second").unwrap();
        Destination::open_new(Path::new("/dev/null"), Secrecy::Private).unwrap();
    }

    #[test]
    fn long_input_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, [1; 9]).unwrap();
        assert!(read_small(&path, 8).unwrap().is_none());
        assert_eq!(read_small(&path, 9).unwrap().unwrap().as_slice(), [1; 9]);
    }
}
