//! `batch`: the same with each line of the input.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::ExitCode,
};

use claviger::{Algorithm, Client, Error, Key, Outcomes, proto::limits};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    Outcome,
    args::{BatchArguments, BatchWork, Hex},
    failure::{self, Failure, exit_code},
    files::{self, Destination, Secrecy},
    open,
    output::{JSON_BYTES, Printer, base64, hex, too_much},
    progress::Progress,
};

/// Bytes of a line: no item needs more, in hexadecimal and with a tag before it.
const LINE: u64 = 4 * limits::PAYLOAD as u64;

/// Why text may not come as text.
const NO_LINE: &str =
    "what was sealed there is more than one line: without --text it comes in hexadecimal";

/// A line, taken apart.
type Item = Zeroizing<Vec<u8>>;

pub(crate) fn batch(client: &Client, arguments: &BatchArguments, printer: &Printer) -> Outcome {
    let key = open::key(client, &arguments.key)?;
    let (input, total) = files::open_input(&arguments.input.input)?;
    let mut lines = Lines {
        reader: BufReader::new(Progress::new(input, total)),
        number: 0,
    };
    let output = &arguments.output.output;
    let secrecy = match arguments.work {
        BatchWork::Unseal => Secrecy::Private,
        _ => Secrecy::Public,
    };
    let collects = printer.is_json() && !files::is_file(output);
    let mut sink = if collects {
        Sink::Collector(Vec::new(), 0)
    } else {
        Sink::Lines {
            destination: Destination::open(output, secrecy)?,
            text: arguments.text && arguments.work == BatchWork::Unseal,
        }
    };
    let (mut done, mut failed, mut first) = (0_usize, 0_usize, None);
    loop {
        let items = lines.take(arguments)?;
        if items.is_empty() {
            break;
        }
        for result in results(&key, arguments, &items)? {
            match &result {
                Ok(_) => done += 1,
                Err(error) => {
                    failed += 1;
                    first.get_or_insert(error.kind());
                }
            }
            sink.take(result)?;
        }
    }
    match sink {
        Sink::Collector(results, _) => {
            printer.print(&json!({ "results": results }), "")?;
        }
        Sink::Lines { destination, .. } => {
            destination.finish()?;
            if files::is_file(output) {
                let out = output.display().to_string();
                printer.print(&json!({ "out": out, "done": done, "failed": failed }), "")?;
            }
        }
    }
    Ok(first.map_or(ExitCode::SUCCESS, |kind| exit_code(kind).into()))
}

/// The input, line by line.
struct Lines<R> {
    reader: R,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    /// The items of the next lines, at most as many as go in one call.
    fn take(&mut self, arguments: &BatchArguments) -> Result<Vec<[Item; 2]>, Failure> {
        let mut items = Vec::new();
        while items.len() < limits::BATCH {
            let mut line = Item::default();
            let mut reader = self.reader.by_ref().take(LINE);
            let read = reader.read_until(b'\n', &mut line);
            if read.map_err(|source| Failure::local("the input cannot be read", source))? == 0 {
                break;
            }
            self.number += 1;
            if line.last() == Some(&b'\n') {
                line.pop();
            } else if line.len() as u64 == LINE {
                return Err(self.wrong(&format!("it is longer than {LINE} bytes")));
            }
            items.push(self.item(&line, arguments)?);
        }
        Ok(items)
    }

    fn item(&self, line: &[u8], arguments: &BatchArguments) -> Result<[Item; 2], Failure> {
        let (tag, line) = match arguments.work {
            BatchWork::VerifyMac => {
                let blank = line.iter().position(|byte| *byte == b' ');
                let blank = blank.ok_or_else(|| self.wrong("no blank parts tag and message"))?;
                (self.hex(&line[..blank], "")?, &line[blank + 1..])
            }
            _ => (Item::default(), line),
        };
        let blob = matches!(arguments.work, BatchWork::Unseal | BatchWork::Reseal);
        let item = if arguments.text && !blob {
            Zeroizing::new(line.to_vec())
        } else {
            self.hex(line, if blob { "" } else { " (--text takes text)" })?
        };
        Ok([tag, item])
    }

    fn hex(&self, digits: &[u8], hint: &str) -> Result<Item, Failure> {
        let text = std::str::from_utf8(digits).unwrap_or("?");
        match text.parse::<Hex>() {
            Ok(hex) => Ok(Zeroizing::new(hex.0)),
            Err(why) => Err(self.wrong(&format!("these are {why}{hint}"))),
        }
    }

    fn wrong(&self, why: &str) -> Failure {
        Failure::Usage(format!("line {}: {why}", self.number))
    }
}

/// What an item gives: nothing where it was only checked.
type Given = Option<Item>;

fn results(
    key: &Key,
    arguments: &BatchArguments,
    items: &[[Item; 2]],
) -> Result<Outcomes<Given>, Failure> {
    let context = arguments.context.context.as_bytes();
    let ones: Vec<&[u8]> = items.iter().map(|[_, item]| item.as_slice()).collect();
    let given = |outcomes: Outcomes<Vec<u8>>| -> Outcomes<Given> {
        let one = |outcome: Result<Vec<u8>, Error>| outcome.map(|bytes| Some(bytes.into()));
        outcomes.into_iter().map(one).collect()
    };
    Ok(match arguments.work {
        BatchWork::Mac => given(key.mac_batch(&ones)?),
        BatchWork::VerifyMac => {
            let pairs: Vec<(&[u8], &[u8])> = items
                .iter()
                .map(|[tag, item]| (item.as_slice(), tag.as_slice()))
                .collect();
            let verdicts = key.verify_mac_batch(&pairs)?.into_iter();
            verdicts.map(|verdict| verdict.map(|()| None)).collect()
        }
        BatchWork::Sign => {
            let signatures = key.sign_batch(&ones)?.into_iter();
            let bytes = |signature: claviger::Signature| match signature.algorithm() {
                Algorithm::Ed25519 => signature.raw().to_vec(),
                _ => signature.to_der(),
            };
            given(signatures.map(|one| one.map(bytes)).collect())
        }
        BatchWork::Seal => given(key.seal_batch(context, &ones)?),
        BatchWork::Unseal => given(key.unseal_batch(context, &ones)?),
        BatchWork::Reseal => given(key.reseal_batch(context, &ones)?),
    })
}

/// Where results go, one for each line.
enum Sink {
    /// One JSON object, and how many bytes are in it.
    Collector(Vec<Value>, usize),
    Lines {
        destination: Destination,
        /// Whether what comes is text, and not hexadecimal.
        text: bool,
    },
}

impl Sink {
    fn take(&mut self, result: Result<Given, Error>) -> Result<(), Failure> {
        match self {
            Sink::Collector(results, bytes) => {
                let value = match result {
                    Ok(None) => json!({ "authentic": true }),
                    Ok(Some(given)) => {
                        *bytes += given.len();
                        json!({ "bytes": base64(&given) })
                    }
                    Err(error) => json!({ "error": failure::object(&error.into()) }),
                };
                if *bytes > JSON_BYTES {
                    return Err(too_much());
                }
                results.push(value);
                Ok(())
            }
            Sink::Lines { destination, text } => {
                let line = match result {
                    Ok(None) => Item::from(b"authentic".to_vec()),
                    Ok(Some(given)) if *text => {
                        if given.contains(&b'\n') {
                            return Err(Failure::Usage(NO_LINE.to_owned()));
                        }
                        given
                    }
                    Ok(Some(given)) => Item::from(hex(&given).into_bytes()),
                    Err(error) => {
                        let message = Failure::from(error).message();
                        format!("error: {message}").into_bytes().into()
                    }
                };
                destination
                    .write_all(&line)
                    .and_then(|()| destination.write_all(b"\n"))
                    .map_err(|source| Failure::local("the output cannot be written", source))
            }
        }
    }
}
