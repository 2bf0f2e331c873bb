//! `encrypt` and `decrypt`.

use claviger::{Client, Error, Status, proto::limits};
use serde_json::json;

use crate::{
    Outcome,
    args::{DecryptArguments, EncryptArguments, Input},
    failure::{Failure, tell},
    files::{self, Destination, Secrecy},
    open,
    output::{Printer, base64},
};

pub(crate) fn encrypt(client: &Client, arguments: &EncryptArguments, printer: &Printer) -> Outcome {
    let key = open::key(client, &arguments.key)?;
    let destination = open(arguments, Secrecy::Ordinary, printer)?;
    let text = read(&arguments.input)?;
    let made = key.encrypt(arguments.aad.bytes(), &text);
    let made = made.map_err(explained)?;
    let output = &arguments.output.output;
    let to_file = files::is_file(output, Secrecy::Ordinary);
    if let Some(destination) = destination {
        destination.put(&made.bytes)?;
    }
    if printer.is_json() {
        let object = json!({
            "encrypted": (!to_file).then(|| base64(&made.bytes)),
            "out": to_file.then(|| output.display().to_string()),
            "version": made.version,
        });
        return printer.print(&object, "");
    }
    tell(&format!("key version: {}", made.version));
    Ok(std::process::ExitCode::SUCCESS)
}

pub(crate) fn decrypt(client: &Client, arguments: &DecryptArguments, printer: &Printer) -> Outcome {
    let message = &arguments.message;
    let key = open::key(client, &message.key)?;
    let destination = open(message, Secrecy::Private, printer)?;
    let bytes = read(&message.input)?;
    let aad = message.aad.bytes();
    let text = match arguments.version.version {
        None => key.decrypt(aad, &bytes)?,
        Some(version) => key.decrypt_version(version, aad, &bytes)?,
    };
    let output = &message.output.output;
    let to_file = files::is_file(output, Secrecy::Private);
    if let Some(destination) = destination {
        destination.put(&text)?;
    }
    match to_file {
        false if printer.is_json() => printer.print_bytes("data", &text),
        false => Ok(std::process::ExitCode::SUCCESS),
        true => printer.print(&json!({ "out": output.display().to_string() }), ""),
    }
}

/// The output, which may be the input.
fn open(
    arguments: &EncryptArguments,
    secrecy: Secrecy,
    printer: &Printer,
) -> Result<Option<Destination>, Failure> {
    let (input, output) = (&arguments.input.input, &arguments.output.output);
    if printer.is_json() && !files::is_file(output, secrecy) {
        return Ok(None);
    }
    Destination::open_successor(output, secrecy, input).map(Some)
}

/// What does not fit into one call does not fit at all.
fn read(input: &Input) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    let bytes = files::read_small(&input.input, limits::PAYLOAD)?;
    bytes.ok_or_else(|| explained(Error::Ta(Status::PayloadTooLong)))
}

fn explained(error: Error) -> Failure {
    let too_long = matches!(error, Error::Ta(Status::PayloadTooLong));
    let hint = too_long.then(|| {
        format!(
            "GCM takes at most {} KiB, CCM a byte less than 64, and {} bytes with the associated \
             data; `claviger seal` takes data of any size",
            limits::CHUNK >> 10,
            limits::PAYLOAD - limits::WRAPPED
        )
    });
    Failure::Library { error, hint }
}
