//! Refuses command lines whose files are in each other's way, before anything is done: an output
//! that is an input, two outputs that are one, a stream that would be read twice, a standard output
//! that is not there.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, stdio};

use crate::{
    args::Paths,
    failure::Failure,
    files::{Secrecy, number},
    output,
};

/// What a path names, however it is spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// A file that is there.
    File(u64, u64, Kind),
    /// One that is not: its directory and name.
    Absent(u64, u64, OsString),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A regular file or a disk: what is written over is lost.
    Kept,
    /// A pipe or socket: what was read is gone.
    Stream,
    /// A terminal, `/dev/null`.
    Device,
}

/// Refuses what would lose something.
pub(crate) fn check(mut paths: Paths<'_>) -> Result<(), Failure> {
    let is_stdout = |path| number(path, 1, Secrecy::Ordinary) == Some(1);
    if paths.prints && !paths.outputs.iter().any(|(_, path)| is_stdout(path)) {
        output::expect_stdout()?;
        paths.outputs.push(("standard output", Path::new("-")));
    }
    let input = |path| (number(path, 0, Secrecy::Ordinary), named(path, 0));
    let output = |path| (number(path, 1, Secrecy::Ordinary), named(path, 1));
    let inputs: Vec<_> = paths.inputs.iter().map(|(_, path)| input(path)).collect();
    let outputs: Vec<_> = paths.outputs.iter().map(|(_, path)| output(path)).collect();
    for (one, (name, path)) in paths.inputs.iter().enumerate() {
        for (two, (other, _)) in paths.inputs.iter().enumerate().skip(one + 1) {
            let ((number, named), (other_number, other_named)) = (&inputs[one], &inputs[two]);
            let stream = matches!(named, Some(Named::File(.., Kind::Stream)));
            if (number.is_some() && number == other_number) || (stream && named == other_named) {
                return Err(refused(name, other, path, "can be read once only"));
            }
        }
    }
    for (place, (name, path)) in paths.inputs.iter().enumerate() {
        let is_it =
            |file: &&PathBuf| named(file, 1).is_some_and(|one| Some(one) == inputs[place].1);
        if paths.replaced.iter().any(|file| is_it(&file)) {
            return Err(refused("FILE", name, path, "would be lost"));
        }
    }
    for (one, (name, path)) in paths.outputs.iter().enumerate() {
        let (number, named) = &outputs[one];
        for (two, (other, _)) in paths.inputs.iter().enumerate() {
            let kept = matches!(named, Some(Named::File(.., Kind::Kept)));
            let own = paths.own_input && (*name, *other) == ("--out", "--in");
            // What stands behind the whole input is not lost.
            let appended = number.is_some() && !paths.own_input && is_appended();
            if kept && *named == inputs[two].1 && !(own && number.is_none()) && !appended {
                return Err(refused(name, other, path, "would be lost"));
            }
        }
        for (two, (other, _)) in paths.outputs.iter().enumerate().skip(one + 1) {
            let device = matches!(named, Some(Named::File(.., Kind::Device)) | None);
            if !device && *named == outputs[two].1 {
                return Err(refused(name, other, path, "would hold one of them only"));
            }
        }
    }
    Ok(())
}

/// Whether an input and an output are one.
pub(crate) fn are_one(input: &Path, output: &Path) -> bool {
    let input = named(input, 0);
    input.is_some() && input == named(output, 1)
}

fn refused(name: &str, other: &str, path: &Path, why: &str) -> Failure {
    let path = match path == Path::new("-") {
        true => "what is there".into(),
        false => path.to_string_lossy(),
    };
    Failure::Usage(format!(
        "{name} and {other} are the same file: {path} {why}; name another one"
    ))
}

fn named(path: &Path, standard: u32) -> Option<Named> {
    // Both say what a link leads to, where the kernel lets.
    let (device, inode, kind) = match (path == Path::new("-"), standard) {
        (true, 0) => of_descriptor(stdio::stdin())?,
        (true, _) => of_descriptor(stdio::stdout())?,
        (false, _) => match fs::metadata(path) {
            Ok(metadata) => {
                let file = metadata.file_type();
                let kind = if file.is_char_device() {
                    Kind::Device
                } else if file.is_fifo() || file.is_socket() {
                    Kind::Stream
                } else {
                    Kind::Kept
                };
                (metadata.dev(), metadata.ino(), kind)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return absent(path),
            Err(_) => return None,
        },
    };
    Some(Named::File(device, inode, kind))
}

fn of_descriptor(descriptor: impl std::os::fd::AsFd) -> Option<(u64, u64, Kind)> {
    let stat = rustix::fs::fstat(descriptor).ok()?;
    let kind = match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
        rustix::fs::FileType::CharacterDevice => Kind::Device,
        rustix::fs::FileType::Fifo | rustix::fs::FileType::Socket => Kind::Stream,
        _ => Kind::Kept,
    };
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // Narrower on 32 bits.
    Some((stat.st_dev as u64, stat.st_ino as u64, kind))
}

/// Where a link to nothing leads, in the end.
fn absent(path: &Path) -> Option<Named> {
    let mut path = path.to_owned();
    for _ in 0..40 {
        let name = path.file_name()?.to_owned();
        let directory = match path.parent()? {
            parent if parent.as_os_str().is_empty() => Path::new("."),
            parent => parent,
        };
        let directory = fs::canonicalize(directory).ok()?;
        let Ok(link) = fs::read_link(directory.join(&name)) else {
            let metadata = fs::metadata(directory).ok()?;
            return Some(Named::Absent(metadata.dev(), metadata.ino(), name));
        };
        path = directory.join(link);
    }
    None
}

/// Whether standard output adds to what is there.
fn is_appended() -> bool {
    rustix::fs::fcntl_getfl(stdio::stdout()).is_ok_and(|flags| flags.contains(OFlags::APPEND))
}
