//! `mac` and `verify-mac`.

use claviger::Client;
use serde_json::json;

use crate::{
    Outcome,
    args::{Input, KeyArguments, VerifyMacArguments},
    files, open,
    output::{Printer, base64, hex},
    progress::Progress,
};

pub(crate) fn mac(
    client: &Client,
    arguments: &KeyArguments,
    input: &Input,
    printer: &Printer,
) -> Outcome {
    let key = open::key(client, arguments)?;
    let (input, total) = files::open_input(&input.input)?;
    let (tag, version) = key.mac_stream_with_version(Progress::new(input, total))?;
    printer.print(
        &json!({ "mac": base64(&tag), "version": version }),
        &hex(&tag),
    )
}

pub(crate) fn verify(
    client: &Client,
    arguments: &VerifyMacArguments,
    printer: &Printer,
) -> Outcome {
    let key = open::key(client, &arguments.key)?;
    let (input, total) = files::open_input(&arguments.input.input)?;
    let (input, tag) = (Progress::new(input, total), &arguments.tag.0);
    match arguments.version.version {
        None => key.verify_mac_stream(input, tag)?,
        Some(version) => key.verify_mac_stream_version(version, input, tag)?,
    }
    printer.print(&json!({ "authentic": true }), "")
}
