//! `batch`: the same with each line of the input.

use std::{
    io::{self, BufRead, BufReader, Read},
    process::ExitCode,
};

use claviger::{Algorithm, Client, Error, ErrorKind, Key, Outcomes, proto::limits};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    Outcome,
    args::{BatchArguments, BatchWork, Hex},
    failure::{self, Failure, exit_code},
    files::{self, Destination, Secrecy},
    open,
    output::{JSON_BYTES, Line, Printer, too_much, write_hex},
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
        _ => Secrecy::Ordinary,
    };
    let collects = printer.is_json() && !files::is_file(output, secrecy);
    let mut sink = if collects {
        Sink::Collector(Vec::new(), 0)
    } else {
        Sink::Lines {
            destination: Destination::open_text(output, secrecy)?,
            text: arguments.text && arguments.work == BatchWork::Unseal,
        }
    };
    let (mut done, mut failed, mut first) = (0_usize, 0_usize, None);
    loop {
        let lines = lines.take(arguments)?;
        if lines.is_empty() {
            break;
        }
        for answer in answers(&key, arguments, lines)? {
            match sink.take(answer)? {
                None => done += 1,
                Some(kind) => {
                    failed += 1;
                    first.get_or_insert(kind);
                }
            }
        }
    }
    match sink {
        Sink::Collector(results, _) => print_results(&results)?,
        Sink::Lines { destination, .. } => {
            destination.finish()?;
            if files::is_file(output, secrecy) {
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

/// What a line says, or what is wrong with it.
type Parts = Result<[Item; 2], Failure>;

impl<R: BufRead> Lines<R> {
    /// The next lines, at most as many as go in one call.
    fn take(&mut self, arguments: &BatchArguments) -> Result<Vec<Parts>, Failure> {
        let failed = |source| Failure::local("the input cannot be read", source);
        let mut lines = Vec::new();
        while lines.len() < limits::BATCH {
            let mut line = Item::default();
            let mut reader = self.reader.by_ref().take(LINE);
            if reader.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                break;
            }
            self.number += 1;
            let ended = line.pop_if(|byte| *byte == b'\n').is_some();
            if !ended && line.len() as u64 == LINE {
                self.skip_line().map_err(failed)?;
                lines.push(Err(self.wrong(&format!("it is longer than {LINE} bytes"))));
                continue;
            }
            // Text that ends without a line's end may end in what is half of one.
            if ended || !arguments.text {
                line.pop_if(|byte| *byte == b'\r');
            }
            lines.push(self.item(&line, arguments));
        }
        Ok(lines)
    }

    /// Leaves out what is left of a line.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let mut part = Item::default();
            let mut reader = self.reader.by_ref().take(LINE);
            let read = reader.read_until(b'\n', &mut part)?;
            if read == 0 || part.last() == Some(&b'\n') {
                return Ok(());
            }
        }
    }

    fn item(&self, line: &[u8], arguments: &BatchArguments) -> Parts {
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

/// What becomes of each line: those that are none are left out of the calls, and told in their
/// place.
fn answers(
    key: &Key,
    arguments: &BatchArguments,
    lines: Vec<Parts>,
) -> Result<Vec<Result<Given, Failure>>, Failure> {
    let (mut items, mut places) = (Vec::new(), Vec::new());
    for line in lines {
        places.push(line.map(|item| items.push(item)));
    }
    let mut results = results(key, arguments, &items)?.into_iter();
    let answer = |place: Result<(), Failure>| {
        place.and_then(|()| {
            let missing =
                || Failure::local("a result is missing", io::ErrorKind::InvalidData.into());
            Ok(results.next().ok_or_else(missing)??)
        })
    };
    Ok(places.into_iter().map(answer).collect())
}

/// What an item gives: nothing where it was only checked.
type Given = Option<Item>;

fn results(
    key: &Key,
    arguments: &BatchArguments,
    items: &[[Item; 2]],
) -> Result<Outcomes<Given>, Failure> {
    let context = arguments.context.bytes();
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

/// A result that one JSON object will carry.
enum Collected {
    /// Bytes, which may be secret: no other copy of them is left.
    Bytes(Item),
    Said(Value),
}

/// Prints the results as one JSON object.
fn print_results(results: &[Collected]) -> Result<(), Failure> {
    let mut line = Line::new();
    line.write(b"{\"results\":[")?;
    for (place, result) in results.iter().enumerate() {
        line.write(if place == 0 { b"" } else { b"," })?;
        match result {
            Collected::Said(value) => line.write(value.to_string().as_bytes())?,
            Collected::Bytes(bytes) => {
                line.write(b"{\"bytes\":\"")?;
                line.write_base64(bytes)?;
                line.write(b"\"}")?;
            }
        }
    }
    line.write(b"]}\n")?;
    line.end()
}

/// A line of text, which never moves while it is made.
fn line_of(answer: Result<Given, Failure>, text: bool) -> Item {
    let (given, said) = match answer {
        Ok(Some(given)) => (given, String::new()),
        Ok(None) => (Item::default(), "authentic".to_owned()),
        Err(failure) => (Item::default(), format!("error: {}", failure.message())),
    };
    let mut line = Item::new(Vec::with_capacity(2 * given.len() + said.len() + 1));
    line.extend_from_slice(said.as_bytes());
    match text {
        true => line.extend_from_slice(&given),
        false => write_hex(&given, |digit| line.push(digit)),
    }
    line.push(b'\n');
    line
}

/// Where results go, one for each line.
enum Sink {
    /// What is in one JSON object, and how many bytes it is made of.
    Collector(Vec<Collected>, usize),
    Lines {
        destination: Destination,
        /// Whether what comes is text, and not hexadecimal.
        text: bool,
    },
}

impl Sink {
    /// Takes an answer; says of which kind it is if it is an error.
    fn take(&mut self, answer: Result<Given, Failure>) -> Result<Option<ErrorKind>, Failure> {
        let answer = match self {
            Sink::Lines { text: true, .. } => answer.and_then(expect_line),
            _ => answer,
        };
        let kind = answer.as_ref().err().map(Failure::kind);
        match self {
            Sink::Collector(results, bytes) => {
                let collected = match answer {
                    Ok(None) => Collected::Said(json!({ "authentic": true })),
                    Ok(Some(given)) => {
                        *bytes += given.len();
                        Collected::Bytes(given)
                    }
                    Err(failure) => Collected::Said(json!({ "error": failure::object(&failure) })),
                };
                if *bytes > JSON_BYTES {
                    return Err(too_much());
                }
                results.push(collected);
            }
            Sink::Lines { destination, text } => destination.fill(&line_of(answer, *text))?,
        }
        Ok(kind)
    }
}

/// What comes as text is one line.
fn expect_line(given: Given) -> Result<Given, Failure> {
    match &given {
        Some(text) if text.contains(&b'\n') => Err(Failure::Usage(NO_LINE.to_owned())),
        _ => Ok(given),
    }
}
