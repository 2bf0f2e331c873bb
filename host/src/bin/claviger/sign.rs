//! `sign` and `public-key`.

use std::process::ExitCode;

use claviger::{Algorithm, Client, Error, PublicKey};
use serde_json::{Value, json};

use crate::{
    Outcome,
    args::{PublicKeyArguments, PublicKeyFormat, SignArguments},
    failure::Failure,
    files::{self, Secrecy},
    open,
    output::{Printer, base64, expect_no_terminal, write_stdout},
    progress::Progress,
};

pub(crate) fn sign(client: &Client, arguments: &SignArguments, printer: &Printer) -> Outcome {
    let key = open::key(client, &arguments.key)?;
    let output = &arguments.output.output;
    let destination = files::open_output(output, Secrecy::Ordinary, printer)?;
    let (input, total) = files::open_input(&arguments.input.input)?;
    let signature = key.sign_stream(Progress::new(input, total))?;
    let version = signature.version();
    let raw = arguments.raw || signature.algorithm() == Algorithm::Ed25519;
    let bytes = if raw {
        signature.raw().to_vec()
    } else {
        signature.to_der()
    };
    let format = if raw { "raw" } else { "der" };
    let Some(destination) = destination else {
        return printer.print(
            &json!({ "signature": base64(&bytes), "format": format, "version": version }),
            "",
        );
    };
    destination.put(&bytes)?;
    if !files::is_file(output) {
        return Ok(ExitCode::SUCCESS);
    }
    printer.print(
        &json!({ "out": output.display().to_string(), "format": format, "version": version }),
        "",
    )
}

pub(crate) fn public_key(
    client: &Client,
    arguments: &PublicKeyArguments,
    printer: &Printer,
) -> Outcome {
    let key = open::key(client, &arguments.key)?;
    let public = match arguments.version.version {
        None => key.public_key()?,
        Some(version) => key.public_key_of(version)?,
    };
    print_public_key(&public, arguments.format, json!({}), printer)
}

/// Prints a public key; in JSON beside what `object` has.
pub(crate) fn print_public_key(
    key: &PublicKey,
    format: PublicKeyFormat,
    mut object: Value,
    printer: &Printer,
) -> Outcome {
    let (name, bytes) = match format {
        PublicKeyFormat::Pem => ("pem", key.to_pem()?.into_bytes()),
        PublicKeyFormat::Der => ("der", key.to_der()?),
        PublicKeyFormat::Raw => ("raw", key.raw()),
        PublicKeyFormat::Jwk => ("jwk", (key.to_jwk()? + "\n").into_bytes()),
    };
    if !printer.is_json() {
        if matches!(format, PublicKeyFormat::Der | PublicKeyFormat::Raw) {
            expect_no_terminal()?;
        }
        write_stdout(&bytes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let value = match format {
        PublicKeyFormat::Pem => json!(key.to_pem()?),
        PublicKeyFormat::Jwk => {
            serde_json::from_slice::<Value>(&bytes).map_err(|_| Failure::from(Error::PublicKey))?
        }
        PublicKeyFormat::Der | PublicKeyFormat::Raw => json!(base64(&bytes)),
    };
    object["algorithm"] = json!(key.algorithm().name());
    object["format"] = json!(name);
    object["public_key"] = value;
    printer.print(&object, "")
}
