//! Commands that make, show and destroy keys.

use claviger::{Client, Error, Key, Status};
use serde_json::json;

use crate::{
    Outcome,
    args::{KeyArguments, KeyPlace, NewKey, Owner, UnwrapArguments},
    describe::{Owners, print_key, print_keys},
    failure::Failure,
    files,
    make::{Making, explain},
    open,
    output::Printer,
};

/// More than any key has.
const LONGEST_KEY: usize = 4096;

pub(crate) fn list(client: &Client, owner: Owner, printer: &Printer) -> Outcome {
    let keys = match owner.owner {
        None => client.list()?,
        Some(owner) => client.list_of(owner.identity())?,
    };
    print_keys(&keys, &Owners::new(owner.owner), printer)
}

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
        None => client.delete(label)?,
        Some(owner) => client.delete_of(label, owner.identity())?,
    }
    printer.print(&json!({ "deleted": label }), "")
}

pub(crate) fn generate(client: &Client, new: &NewKey, printer: &Printer) -> Outcome {
    let making = Making::of(new)?;
    let made = making.creation(client)?.generate();
    finish(making, made, printer)
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
    finish(making, unwrapped, printer)
}

/// Shows the key that was made, and keeps it if it was wrapped.
pub(crate) fn finish(making: Making<'_>, made: Result<Key, Error>, printer: &Printer) -> Outcome {
    let key = made.map_err(|error| explain(error, making.algorithm()))?;
    making.keep(&key)?;
    print_key(&key, &Owners::new(None), printer)
}
