//! `wrap` and `revoke`.

use std::path::Path;

use claviger::{Client, proto::Label};
use serde_json::json;

use crate::{
    Outcome,
    args::{KeyArguments, Owner},
    describe::print_key,
    files::{self, Destination, Secrecy},
    names::Owners,
    open,
    output::Printer,
};

pub(crate) fn wrap(
    client: &Client,
    arguments: &KeyArguments,
    output: &Path,
    family: Option<&Label>,
    printer: &Printer,
) -> Outcome {
    files::expect_file(output, "a wrapped key")?;
    let destination = Destination::open_new(output, Secrecy::Private)?;
    let key = open::key(client, arguments)?.wrap(family.map(Label::as_str))?;
    destination.put(key.wrapped_bytes().unwrap_or_default())?;
    print_key(&key, &Owners::new(arguments.owner), printer)
}

pub(crate) fn revoke(
    client: &Client,
    family: Option<&Label>,
    owner: Owner,
    printer: &Printer,
) -> Outcome {
    let family = family.map(Label::as_str);
    let generation = match owner.owner {
        None => client.revoke(family)?,
        Some(owner) => client.revoke_of(owner.identity(), family)?,
    };
    printer.print(
        &json!({ "family": family, "generation": generation }),
        &format!("revoked: wrapped keys must now be of generation {generation}"),
    )
}
