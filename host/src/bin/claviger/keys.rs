//! Commands that make, show and destroy keys.

use claviger::{Client, Error, Key, Status};
use serde_json::{Value, json};

use crate::{
    Outcome,
    args::{KeyArguments, KeyPlace, NewKey, UnwrapArguments},
    describe::{print_key, print_key_with},
    failure::{Failure, tell},
    files,
    make::{Making, explain},
    names::Owners,
    open,
    output::Printer,
};

/// More than any key has.
const LONGEST_KEY: usize = 4096;

pub(crate) fn describe(client: &Client, arguments: &KeyArguments, printer: &Printer) -> Outcome {
    if arguments.key.child.is_some() {
        return Err(Error::Ta(Status::NoChildren).into());
    }
    let key = open::key(client, arguments)?;
    print_key(&key, &Owners::new(arguments.owner), printer)
}

pub(crate) fn delete(client: &Client, arguments: &KeyArguments, printer: &Printer) -> Outcome {
    let label = match (&arguments.key.place, &arguments.key.child) {
        (KeyPlace::Label(label), None) => label.as_str(),
        (_, Some(_)) => return Err(Error::Ta(Status::NoChildren).into()),
        (KeyPlace::File(_), None) => {
            return Err(Failure::Usage(
                "a wrapped key is in its file only: delete that, or `claviger revoke` its family"
                    .to_owned(),
            ));
        }
    };
    match arguments.owner {
        None => client
            .delete(label)
            .map_err(|error| open::explain(client, label, error))?,
        Some(owner) => client.delete_of(label, owner.identity())?,
    }
    printer.print(&json!({ "deleted": label }), "")
}

pub(crate) fn generate(
    client: &Client,
    new: &NewKey,
    if_absent: bool,
    printer: &Printer,
) -> Outcome {
    let making = Making::of(new)?;
    let creation = making.creation(client)?;
    let made = match if_absent {
        true => creation.generate_if_absent(),
        false => creation.generate().map(|key| (key, true)),
    };
    let (key, created) = made.map_err(|error| explain(error, making.algorithm()))?;
    if !created && !printer.is_json() {
        tell(&format!(
            "exists: {} was there, as it was asked for",
            new.label
        ));
    }
    finish(
        client,
        making,
        &key,
        &[("created", json!(created))],
        printer,
    )
}

pub(crate) fn unwrap(client: &Client, arguments: &UnwrapArguments, printer: &Printer) -> Outcome {
    let making = Making::of(&arguments.new)?;
    let creation = making.creation(client)?;
    let kek = open::named(client, &arguments.kek, arguments.kek_owner)?;
    let wrapped = files::read_small(&arguments.input.input, LONGEST_KEY)?;
    // What is far longer than any key was not wrapped.
    let wrapped = wrapped.ok_or(Error::Ta(Status::NotAuthentic))?;
    let unwrapped = match arguments.kek_version {
        None => creation.unwrap(&kek, &wrapped, arguments.padded),
        Some(version) => creation.unwrap_version(&kek, version, &wrapped, arguments.padded),
    };
    let key = unwrapped.map_err(|error| explain(error, making.algorithm()))?;
    finish(client, making, &key, &[], printer)
}

/// Shows the key that was made, with more fields in its object, and keeps it if it was wrapped.
pub(crate) fn finish(
    client: &Client,
    making: Making<'_>,
    key: &Key,
    more: &[(&str, Value)],
    printer: &Printer,
) -> Outcome {
    let warning = making.warning(client, printer)?;
    making.keep(key)?;
    let more = [more, warning.as_slice()].concat();
    print_key_with(key, &Owners::new(None), &more, printer)
}
