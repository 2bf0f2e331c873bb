//! `challenge`, `respond` and `confirm`: the steps of mutual authentication, each of which can be
//! a process of its own.

use std::process::ExitCode;

use claviger::{Client, Error, proto::auth};
use serde_json::json;

use crate::{
    Outcome,
    args::{ConfirmArguments, Input, KeyArguments, Output, Parties},
    failure::{self, Failure},
    files::{self, Destination, Secrecy},
    open,
    output::{Printer, base64},
};

pub(crate) fn challenge(
    client: &Client,
    arguments: &KeyArguments,
    parties: &Parties,
    output: &Output,
    printer: &Printer,
) -> Outcome {
    expect_two(parties)?;
    let key = open::key(client, arguments)?;
    let message = key.challenge(parties.me.as_str(), parties.peer.as_str())?;
    send(&message, output, printer)
}

pub(crate) fn respond(
    client: &Client,
    arguments: &KeyArguments,
    parties: &Parties,
    input: &Input,
    output: &Output,
    printer: &Printer,
) -> Outcome {
    expect_two(parties)?;
    let key = open::key(client, arguments)?;
    let message = receive(input)?;
    let answer = key.respond(parties.me.as_str(), parties.peer.as_str(), &message)?;
    send(&answer, output, printer)
}

fn expect_two(parties: &Parties) -> Result<(), Failure> {
    if parties.me == parties.peer {
        return Err(Failure::Usage(
            "--me and --peer are the names of two".to_owned(),
        ));
    }
    Ok(())
}

pub(crate) fn confirm(client: &Client, arguments: &ConfirmArguments, printer: &Printer) -> Outcome {
    let (input, output) = (&arguments.input, &arguments.output);
    let session_key = arguments.session_key.as_deref();
    if session_key.is_some_and(|path| !files::is_file(path)) {
        return Err(Failure::Usage(
            "a session key goes to a file only".to_owned(),
        ));
    }
    let key = open::key(client, &arguments.key)?;
    let message = receive(input)?;
    let to_file = files::is_file(&output.output);
    // Opened first: what is pending serves once.
    let secret = session_key.map(|path| Destination::open(path, Secrecy::Secret));
    let secret = secret.transpose()?;
    let destination = Destination::open(&output.output, Secrecy::Public)?;
    let confirmed = match secret {
        None => key.confirm(&message)?,
        Some(_) => key.confirm_with_session_key(&message)?,
    };
    if let (Some(secret), Some(session_key)) = (secret, &confirmed.session_key) {
        secret.put(session_key.expose())?;
    }
    let peer = confirmed.peer.as_str();
    let reply = Some(&confirmed.reply).filter(|reply| !reply.is_empty());
    if let Some(reply) = reply.filter(|_| to_file || !printer.is_json()) {
        destination.put(reply)?;
    }
    if printer.is_json() {
        let object = json!({
            "peer": peer,
            "message": reply.filter(|_| !to_file).map(|reply| base64(reply)),
            "out": reply.filter(|_| to_file).map(|_| output.output.display().to_string()),
            "session_key_file": session_key.map(|path| path.display().to_string()),
        });
        return printer.print(&object, "");
    }
    failure::say(&format!("authenticated: {peer}"));
    Ok(ExitCode::SUCCESS)
}

fn receive(input: &Input) -> Result<Vec<u8>, Failure> {
    // What is longer than a message is none.
    let message = files::read_small(&input.input, auth::MESSAGE)?;
    message
        .map(|message| message.to_vec())
        .ok_or_else(|| Error::Message.into())
}

fn send(message: &[u8], output: &Output, printer: &Printer) -> Outcome {
    let output = &output.output;
    if printer.is_json() && !files::is_file(output) {
        return printer.print(&json!({ "message": base64(message) }), "");
    }
    files::write_all(output, Secrecy::Public, message)?;
    if !files::is_file(output) {
        return Ok(ExitCode::SUCCESS);
    }
    printer.print(&json!({ "out": output.display().to_string() }), "")
}
