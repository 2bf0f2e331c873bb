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
    let destination = files::open_output(&output.output, Secrecy::Ordinary, printer)?;
    let key = open::key(client, arguments)?;
    let message = key.challenge(parties.me.as_str(), parties.peer.as_str())?;
    send(&message, destination, output, printer)
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
    let destination = files::open_output(&output.output, Secrecy::Ordinary, printer)?;
    let key = open::key(client, arguments)?;
    let message = receive(input)?;
    let answer = key.respond(parties.me.as_str(), parties.peer.as_str(), &message)?;
    send(&answer, destination, output, printer)
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
    if let Some(path) = session_key {
        files::expect_file(path, "a session key")?;
    }
    let key = open::key(client, &arguments.key)?;
    let message = receive(input)?;
    let to_file = files::is_file(&output.output, Secrecy::Ordinary);
    // Opened first: what is pending serves once.
    let secret = session_key.map(|path| Destination::open(path, Secrecy::Private));
    let mut secret = secret.transpose()?;
    let destination = files::open_output(&output.output, Secrecy::Ordinary, printer)?;
    let confirmed = match secret {
        None => key.confirm(&message)?,
        Some(_) => key.confirm_with_session_key(&message)?,
    };
    if let (Some(secret), Some(session_key)) = (&mut secret, &confirmed.session_key) {
        secret.fill(session_key.expose())?;
    }
    let peer = confirmed.peer.as_str();
    let reply = Some(&confirmed.reply).filter(|reply| !reply.is_empty());
    if let (Some(reply), Some(destination)) = (reply, destination) {
        destination.put(reply)?;
    }
    if let Some(secret) = secret {
        secret.finish()?;
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
    failure::tell(&format!("authenticated: {peer}"));
    Ok(ExitCode::SUCCESS)
}

fn receive(input: &Input) -> Result<Vec<u8>, Failure> {
    // What is longer than a message is none.
    let message = files::read_small(&input.input, auth::MESSAGE)?;
    message
        .map(|message| message.to_vec())
        .ok_or_else(|| Error::Message.into())
}

fn send(
    message: &[u8],
    destination: Option<Destination>,
    output: &Output,
    printer: &Printer,
) -> Outcome {
    let output = &output.output;
    let Some(destination) = destination else {
        return printer.print(&json!({ "message": base64(message) }), "");
    };
    destination.put(message)?;
    if !files::is_file(output, Secrecy::Ordinary) {
        return Ok(ExitCode::SUCCESS);
    }
    printer.print(&json!({ "out": output.display().to_string() }), "")
}
