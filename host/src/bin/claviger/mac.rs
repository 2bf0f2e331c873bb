//! `mac` and `verify-mac`.

use claviger::{Client, proto::Label};
use serde_json::json;

use crate::{
    Outcome,
    args::{Hex, Input},
    files,
    output::{Printer, base64},
    progress::Progress,
};

pub(crate) fn mac(client: &Client, label: &Label, input: &Input, printer: &Printer) -> Outcome {
    let key = client.key(label.as_str())?;
    let (input, total) = files::open_input(&input.input)?;
    let tag = key.mac_stream(Progress::new(input, total))?;
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    printer.print(&json!({ "mac": base64(&tag) }), &hex)
}

pub(crate) fn verify(
    client: &Client,
    label: &Label,
    tag: &Hex,
    input: &Input,
    printer: &Printer,
) -> Outcome {
    let key = client.key(label.as_str())?;
    let (input, total) = files::open_input(&input.input)?;
    key.verify_mac_stream(Progress::new(input, total), &tag.0)?;
    printer.print(&json!({ "authentic": true }), "")
}
