//! Files and streams that commands read and write. An output file appears when it is complete.

use std::{
    io::{self, IsTerminal, Read, Seek, Write},
    path::Path,
};

pub(crate) use claviger::files::Secrecy;
use claviger::files::{Existing, PendingFile, Written, descriptor};
use zeroize::Zeroizing;

use crate::{
    awaited::{self, Awaited},
    conflicts, descriptors,
    failure::{Failure, note},
    output::{self, Printer, stdout},
};

/// The number of the descriptor that a path names; `-` is `standard`.
pub(crate) fn number(path: &Path, standard: u32, secrecy: Secrecy) -> Option<u32> {
    if path == Path::new("-") {
        return Some(standard);
    }
    descriptor(path, secrecy)
}

/// The number of the descriptor that an input names.
fn input_number(path: &Path) -> Option<u32> {
    number(path, 0, Secrecy::Ordinary)
}

/// Opens an input; also says how long it is, if that is known.
pub(crate) fn open_input(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    let failed = |source| Failure::local(format!("{} cannot be read", shown(path)), source);
    let number = input_number(path);
    if number == Some(0) {
        descriptors::expect_stdin().map_err(failed)?;
        if io::stdin().is_terminal() {
            note("reading from the terminal; Ctrl-D ends it");
        }
        let stdin = awaited::stdin().map_err(failed)?;
        return Ok((Box::new(stdin), None));
    }
    let mut file = match number {
        Some(number) => descriptors::to_read(number).map(Awaited),
        None => awaited::open(path),
    }
    .map_err(failed)?;
    let metadata = file.0.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    let length = match metadata.is_file() {
        // A descriptor is read from where it stands.
        true => Some(
            metadata.len()
                - file
                    .0
                    .stream_position()
                    .map_err(failed)?
                    .min(metadata.len()),
        ),
        false => None,
    };
    Ok((Box::new(file), length))
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

/// As [`read_small`]; what is longer is refused, and nothing of its kind.
pub(crate) fn read_bounded(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read_small(path, most)?.ok_or_else(|| Failure::Refused {
        status: "too-long",
        message: format!("{} is longer than anything of this kind", shown(path)),
        hint: "give the file that is meant".to_owned(),
    })
}

pub(crate) fn shown(path: &Path) -> String {
    if input_number(path) == Some(0) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Where a command writes its data.
pub(crate) enum Destination {
    /// Standard output or standard error.
    Stream(Box<dyn Write + Send>),
    /// All else that has a path.
    File(PendingFile),
}

impl Destination {
    /// Opens an output; none that is binary goes to a terminal that nobody named.
    pub(crate) fn open(path: &Path, secrecy: Secrecy) -> Result<Destination, Failure> {
        if secrecy == Secrecy::Ordinary && !is_file(path, secrecy) {
            output::expect_no_terminal()?;
        }
        Destination::open_text(path, secrecy)
    }

    /// As [`Destination::open`], for what people read.
    pub(crate) fn open_text(path: &Path, secrecy: Secrecy) -> Result<Destination, Failure> {
        Destination::with(path, secrecy, Existing::Replace)
    }

    /// As [`Destination::open`], for what may take the place of what it is made of.
    pub(crate) fn open_successor(
        path: &Path,
        secrecy: Secrecy,
        input: &Path,
    ) -> Result<Destination, Failure> {
        if number(path, 1, secrecy).is_none() && conflicts::are_one(input, path) {
            return Destination::with(path, secrecy, Existing::ReplaceAtOnce);
        }
        Destination::open(path, secrecy)
    }

    /// As [`Destination::open`], for what may be nowhere else: no file is replaced.
    pub(crate) fn open_new(path: &Path, secrecy: Secrecy) -> Result<Destination, Failure> {
        Destination::with(path, secrecy, Existing::Keep)
    }

    fn with(path: &Path, secrecy: Secrecy, existing: Existing) -> Result<Destination, Failure> {
        let failed = |source| cannot_be_written(path, source);
        let file = match number(path, 1, secrecy) {
            Some(1) => {
                descriptors::expect_stdout().map_err(failed)?;
                return Ok(Destination::Stream(stdout()));
            }
            Some(2) => {
                descriptors::expect_stderr().map_err(failed)?;
                return Ok(Destination::Stream(Box::new(io::stderr())));
            }
            Some(number) => descriptors::to_write(number)
                .and_then(|file| PendingFile::onto(file, path, secrecy)),
            None => {
                awaited::rest_for(path);
                PendingFile::new(path, secrecy, existing)
            }
        };
        file.map(Destination::File).map_err(failed)
    }

    /// Writes all there is to write.
    pub(crate) fn put(mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.fill(bytes)?;
        self.finish()
    }

    /// Writes a part.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_all(bytes).map_err(|source| match self {
            Destination::Stream(_) => Failure::local("the output cannot be written", source),
            Destination::File(file) => cannot_be_written(file.path(), source),
        })
    }

    /// Makes a file appear.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Destination::Stream(mut stream) => stream
                .flush()
                .map_err(|source| Failure::local("the output cannot be written", source)),
            Destination::File(file) => {
                let path = file.path().to_owned();
                let written = file.finish();
                if let Written::InPlace(why) =
                    written.map_err(|source| cannot_be_written(&path, source))?
                {
                    note(&format!(
                        "{} was written over, not replaced in one step: {why}",
                        path.display()
                    ));
                }
                Ok(())
            }
        }
    }
}

fn cannot_be_written(path: &Path, source: io::Error) -> Failure {
    if source.kind() == io::ErrorKind::AlreadyExists {
        return Failure::Usage(format!(
            "{} is there already, and what it holds may be nowhere else: give another name, or \
             remove it first",
            path.display()
        ));
    }
    Failure::local(format!("{} cannot be written", path.display()), source)
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

/// Refuses standard output for what would be mixed with what is printed there, or seen.
pub(crate) fn expect_file(path: &Path, what: &str) -> Result<(), Failure> {
    // What is ordinary follows the most links.
    if is_file(path, Secrecy::Ordinary) {
        return Ok(());
    }
    Err(Failure::Usage(format!("{what} goes to a file only")))
}

/// Opens an output before anything is done for it; `None` if a JSON object will carry it.
pub(crate) fn open_output(
    path: &Path,
    secrecy: Secrecy,
    printer: &Printer,
) -> Result<Option<Destination>, Failure> {
    if printer.is_json() && !is_file(path, secrecy) {
        return Ok(None);
    }
    Destination::open(path, secrecy).map(Some)
}

/// Whether data go to a file rather than to standard output.
pub(crate) fn is_file(path: &Path, secrecy: Secrecy) -> bool {
    number(path, 1, secrecy) != Some(1)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{FileTypeExt, PermissionsExt, symlink},
    };

    use super::*;

    fn write_all(path: &Path, secrecy: Secrecy, bytes: &[u8]) -> Result<(), Failure> {
        Destination::open(path, secrecy)?.put(bytes)
    }

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
        write_all(&link, Secrecy::Ordinary, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"new".to_vec(), 0o640)
        );
        for path in [&path, &link] {
            let refused = write_all(path, Secrecy::Private, b"secret");
            assert!(matches!(refused, Err(Failure::Local { .. })));
        }
        assert_eq!(fs::read(&path).unwrap(), b"new");
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
                write_all(&bad, Secrecy::Ordinary, b""),
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
