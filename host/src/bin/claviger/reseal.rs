//! `reseal`.

use std::process::ExitCode;

use claviger::{Client, Error, Key, Report, files::SealedFile};
use serde_json::{Value, json};

use crate::{
    Outcome,
    args::{ResealArguments, SealedArguments},
    failure::{self, Failure, exit_code, say},
    files::Secrecy,
    open,
    output::Printer,
    progress::Count,
    seal::{read_ahead, transfer},
};

pub(crate) fn reseal(client: &Client, arguments: &ResealArguments, printer: &Printer) -> Outcome {
    let ResealArguments { stream, files } = arguments;
    let key = open::key(client, &stream.key)?;
    if files.is_empty() {
        return reseal_stream(&key, stream, printer);
    }
    let context = stream.context.bytes();
    let blobs = files.iter().map(|path| SealedFile {
        context: context.to_vec(),
        path: path.clone(),
    });
    let mut count = Count::new(files.len());
    let report = key.reseal_all(blobs, |report| count.show(report.done()))?;
    drop(count);
    print_report(report, printer)
}

fn reseal_stream(key: &Key, stream: &SealedArguments, printer: &Printer) -> Outcome {
    let context = stream.context.bytes();
    let input = read_ahead(&stream.input.input)?;
    let names = ("blob", "blob_bytes");
    let output = &stream.output.output;
    let way = (stream.input.input.as_path(), output.as_path());
    transfer(names, way, Secrecy::Ordinary, printer, |writer| {
        key.reseal_stream(context, input, writer)
            .map_err(Failure::from)
    })
}

fn print_report(report: Report<SealedFile>, printer: &Printer) -> Outcome {
    let paths = |files: &[SealedFile]| -> Vec<String> {
        files
            .iter()
            .map(|file| file.path.display().to_string())
            .collect()
    };
    let (resealed, newest) = (paths(&report.resealed), paths(&report.newest));
    let first = report.failed.first().map(|(_, error)| error.kind());
    let mut failed = Vec::new();
    for (file, error) in report.failed {
        failed.push(failed_file(&file, error, printer));
    }
    let text = format!(
        "{} resealed, {} at the newest version already, {} failed",
        resealed.len(),
        newest.len(),
        failed.len()
    );
    let object = json!({ "resealed": resealed, "newest": newest, "failed": failed });
    printer.print(&object, &text)?;
    Ok(first.map_or(ExitCode::SUCCESS, |kind| exit_code(kind).into()))
}

fn failed_file(file: &SealedFile, error: Error, printer: &Printer) -> Value {
    let path = file.path.display().to_string();
    let failure = Failure::from(error);
    if !printer.is_json() {
        say(&format!("claviger: {path}: {}", failure.message()));
    }
    let mut object = failure::object(&failure);
    object["file"] = json!(path);
    object
}
