//! `seal` and `unseal`.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use claviger::{
    Client, Error, Key, Status,
    pipeline::{ReadAhead, WriteBehind},
    proto::{
        blob::{self, Suite},
        limits,
        message::KeyDescription,
    },
};
use serde_json::json;

use crate::{
    Outcome,
    args::{SealArguments, SealedArguments},
    failure::Failure,
    files::{self, Destination, Secrecy},
    open,
    output::{Collector, Printer, too_much},
    progress::Progress,
};

pub(crate) fn seal(client: &Client, arguments: &SealArguments, printer: &Printer) -> Outcome {
    let stream = &arguments.stream;
    let key = open::key(client, &stream.key)?;
    let context = stream.context.bytes();
    if let Ok(metadata) = fs::metadata(&stream.input.input)
        && metadata.is_file()
    {
        expect_one_version(key.description(), metadata.len())?;
    }
    let input = read_ahead(&stream.input.input)?;
    let output = &stream.output.output;
    let names = ("blob", "plaintext_bytes");
    let way = (stream.input.input.as_path(), output.as_path());
    transfer(names, way, Secrecy::Ordinary, printer, |mut writer| {
        let sealed = if arguments.deterministic {
            key.seal_stream_deterministic(context, input, &mut writer)
        } else {
            key.seal_stream(context, input, &mut writer)
        };
        sealed.map_err(Failure::from)
    })
}

/// One version protects a whole blob: what the key's policy lets none protect is refused before one
/// is spent on it.
fn expect_one_version(key: &KeyDescription, length: u64) -> Result<(), Failure> {
    let chunks = length.div_ceil(limits::CHUNK as u64).max(1);
    let before_the_last = (chunks - 1).saturating_mul(limits::CHUNK as u64);
    let too_much = |bound: Option<u64>, used: Option<u64>, more: u64| {
        bound.is_some_and(|bound| {
            // One that is due is rotated first.
            let used = used.filter(|used| *used < bound).unwrap_or_default();
            used.saturating_add(more) >= bound.saturating_mul(2)
        })
    };
    let policy = &key.policy;
    if too_much(
        policy.rotate_after_bytes,
        key.version_bytes,
        before_the_last,
    ) || too_much(policy.rotate_after_uses, key.version_uses, chunks - 1)
    {
        return Err(Failure::Library {
            error: Error::Ta(Status::Superseded),
            hint: Some(format!(
                "seal it in parts, or with a key that is rotated later: these {length} bytes are \
                 {chunks} uses, and one version protects at most twice what the key is rotated after"
            )),
        });
    }
    Ok(())
}

pub(crate) fn unseal(client: &Client, arguments: &SealedArguments, printer: &Printer) -> Outcome {
    let key = open::key(client, &arguments.key)?;
    let context = arguments.context.bytes();
    let input = read_ahead(&arguments.input.input)?;
    let mut front = Vec::with_capacity(blob::HEADER);
    let output = &arguments.output.output;
    let names = ("data", "plaintext_bytes");
    let way = (arguments.input.input.as_path(), output.as_path());
    transfer(names, way, Secrecy::Private, printer, |writer| {
        let input = Front {
            reader: input,
            front: &mut front,
        };
        key.unseal_stream(context, input, writer).map_err(|error| {
            let hint = match error {
                Error::Ta(Status::NotAuthentic) => suspect(&key, &front),
                _ => None,
            };
            Failure::Library { error, hint }
        })
    })
}

/// What the command line says is read, while what was read before is worked on.
pub(crate) fn read_ahead(input: &Path) -> Result<ReadAhead, Failure> {
    let (input, total) = files::open_input(input)?;
    ReadAhead::new(Progress::new(input, total)).map_err(no_thread)
}

fn no_thread(error: io::Error) -> Failure {
    Failure::local("no thread can be had", error)
}

/// Has `work` write where the command line says to, which may be where it reads, and prints what is left to say: what was written,
/// or how many bytes that `work` counted, each under its name.
pub(crate) fn transfer(
    names: (&str, &str),
    (input, output): (&Path, &Path),
    secrecy: Secrecy,
    printer: &Printer,
    work: impl FnOnce(&mut dyn io::Write) -> Result<u64, Failure>,
) -> Outcome {
    if printer.is_json() && !files::is_file(output, secrecy) {
        let mut collector = Collector::default();
        let result = work(&mut collector);
        if collector.overflowed {
            return Err(too_much());
        }
        result?;
        return printer.print_bytes(names.0, &collector.bytes);
    }
    let destination = Destination::open_successor(output, secrecy, input)?;
    let mut behind = WriteBehind::new(destination).map_err(no_thread)?;
    let bytes = work(&mut behind)?;
    let written = behind.finish();
    let written = written.map_err(|error| Failure::local("the output cannot be written", error))?;
    written.finish()?;
    if !files::is_file(output, secrecy) {
        return Ok(std::process::ExitCode::SUCCESS);
    }
    let out = output.display().to_string();
    printer.print(&json!({ "out": out, names.1: bytes }), "")
}

/// A reader that remembers the front of what it read.
struct Front<'a, R> {
    reader: R,
    front: &'a mut Vec<u8>,
}

impl<R: Read> Read for Front<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        let missing = blob::HEADER - self.front.len();
        self.front.extend_from_slice(&buffer[..length.min(missing)]);
        Ok(length)
    }
}

/// What the blob's header, which anyone may have altered, says of why it does not open.
fn suspect(key: &Key, front: &[u8]) -> Option<String> {
    let header = blob::Header::decode(front).ok()?;
    let (id, algorithm) = (key.id(), key.algorithm());
    let key = key.description();
    if header.key != id {
        return Some(format!(
            "the blob says that it was sealed by the key with id {}; {} now has id {id}",
            header.key, key.key
        ));
    }
    if Some(header.suite) != Suite::of(algorithm) {
        return Some("the blob names another algorithm than this key's".to_owned());
    }
    if header.version > key.version {
        return Some(format!(
            "the blob names version {} of the key, which has {}",
            header.version, key.version
        ));
    }
    if !key.versions.contains(&header.version) {
        return Some(format!(
            "the blob was sealed by version {} of the key, which is retired: nothing opens it",
            header.version
        ));
    }
    Some(
        "the key is the one that the blob names: another context, or the blob was altered or cut"
            .to_owned(),
    )
}
