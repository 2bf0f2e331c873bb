//! `sign` and `public-key`.

use std::{path::Path, process::ExitCode};

use claviger::{Algorithm, Client, Error, Key, PublicKey, Status, proto::limits};
use serde_json::{Value, json};

use crate::{
    Outcome,
    args::{PublicKeyArguments, PublicKeyFormat, SignArguments},
    failure::Failure,
    files::{self, Destination, Secrecy},
    open,
    output::{Printer, base64, expect_no_terminal, write_stdout},
    progress::Progress,
};

pub(crate) fn sign(client: &Client, arguments: &SignArguments, printer: &Printer) -> Outcome {
    let key = open::key(client, &arguments.key)?;
    let output = &arguments.output.output;
    let destination = files::open_output(output, Secrecy::Ordinary, printer)?;
    let over = &arguments.over;
    over.expect_fit(key.algorithm())?;
    let signature = match &over.digest {
        Some(digest) => key.sign_digest(&digest.0),
        None => {
            let (input, total) = files::open_input(&arguments.input.input)?;
            let input = Progress::new(input, total);
            match over.ed25519ph {
                true => key.sign_prehashed_stream(input),
                false => key.sign_stream(input),
            }
        }
    };
    let signature = signature.map_err(|error| too_long(error, &key))?;
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
    if !files::is_file(output, Secrecy::Ordinary) {
        return Ok(ExitCode::SUCCESS);
    }
    printer.print(
        &json!({ "out": output.display().to_string(), "format": format, "version": version }),
        "",
    )
}

/// Says how much one call signs.
fn too_long(error: Error, key: &Key) -> Failure {
    let wrapped = key.wrapped_bytes().map_or(0, <[u8]>::len);
    let hint = (error.status() == Some(Status::MessageTooLong)).then(|| {
        format!(
            "{} signs at most {} bytes; --ed25519ph signs messages of any size, and is for who \
             verifies to agree to",
            key.algorithm().name(),
            limits::PAYLOAD - wrapped
        )
    });
    Failure::Library { error, hint }
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
    let label = key.description().key.as_str();
    let output = &arguments.output.output;
    print_public_key(
        &public,
        (arguments.format, label),
        output,
        json!({}),
        printer,
    )
}

/// Prints a public key, or writes it to a file; in JSON beside what `object` has.
pub(crate) fn print_public_key(
    key: &PublicKey,
    (format, comment): (PublicKeyFormat, &str),
    output: &Path,
    mut object: Value,
    printer: &Printer,
) -> Outcome {
    let (name, bytes) = match format {
        PublicKeyFormat::Pem => ("pem", key.to_pem()?.into_bytes()),
        PublicKeyFormat::Der => ("der", key.to_der()?),
        PublicKeyFormat::Raw => ("raw", key.raw()),
        PublicKeyFormat::Jwk => ("jwk", (key.to_jwk()? + "\n").into_bytes()),
        PublicKeyFormat::Ssh => ("ssh", key.to_openssh(comment)?.into_bytes()),
    };
    object["algorithm"] = json!(key.algorithm().name());
    object["format"] = json!(name);
    if files::is_file(output, Secrecy::Ordinary) {
        Destination::open_text(output, Secrecy::Ordinary)?.put(&bytes)?;
        object["out"] = json!(output.display().to_string());
        return printer.print(&object, "");
    }
    if !printer.is_json() {
        if matches!(format, PublicKeyFormat::Der | PublicKeyFormat::Raw) {
            expect_no_terminal()?;
        }
        write_stdout(&bytes)?;
        return Ok(ExitCode::SUCCESS);
    }
    object["public_key"] = match format {
        PublicKeyFormat::Pem | PublicKeyFormat::Ssh => json!(String::from_utf8_lossy(&bytes)),
        PublicKeyFormat::Jwk => {
            serde_json::from_slice::<Value>(&bytes).map_err(|_| Failure::from(Error::PublicKey))?
        }
        PublicKeyFormat::Der | PublicKeyFormat::Raw => json!(base64(&bytes)),
    };
    printer.print(&object, "")
}
