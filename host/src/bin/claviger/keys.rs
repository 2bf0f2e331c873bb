//! Commands that make, show and destroy keys.

use claviger::{Client, Creation, Error, Status, proto::Label};
use serde_json::json;

use crate::{
    Outcome,
    args::{Input, NewKey, Owner},
    describe::{Owners, print_key, print_keys},
    failure::Failure,
    files,
    output::Printer,
};

/// More than any key has.
const LONGEST_KEY: usize = 4096;

pub(crate) fn list(client: &Client, owner: Owner, printer: &Printer) -> Outcome {
    let keys = match owner.owner {
        None => client.list()?,
        Some(owner) => client.list_of(owner.identity())?,
    };
    print_keys(&keys, &owners(owner), printer)
}

pub(crate) fn describe(client: &Client, label: &Label, owner: Owner, printer: &Printer) -> Outcome {
    let key = match owner.owner {
        None => client.describe(label.as_str())?,
        Some(owner) => client.describe_of(label.as_str(), owner.identity())?,
    };
    print_key(&key, &owners(owner), printer)
}

pub(crate) fn delete(client: &Client, label: &Label, owner: Owner, printer: &Printer) -> Outcome {
    match owner.owner {
        None => client.delete(label.as_str())?,
        Some(owner) => client.delete_of(label.as_str(), owner.identity())?,
    }
    printer.print(&json!({ "deleted": label.as_str() }), "")
}

pub(crate) fn generate(client: &Client, new: &NewKey, printer: &Printer) -> Outcome {
    let key = creation(client, new)
        .generate()
        .map_err(|error| explain(error, new, None))?;
    print_key(key.description(), &owners(Owner { owner: None }), printer)
}

pub(crate) fn import(client: &Client, new: &NewKey, input: &Input, printer: &Printer) -> Outcome {
    let secret = files::read_small(&input.input, LONGEST_KEY)?;
    let length = secret.as_ref().map(|secret| secret.len());
    let imported = match &secret {
        Some(secret) => creation(client, new).import(secret),
        None => Err(Error::Ta(Status::BadKey)),
    };
    let key = imported.map_err(|error| explain(error, new, length))?;
    print_key(key.description(), &owners(Owner { owner: None }), printer)
}

fn creation(client: &Client, new: &NewKey) -> Creation {
    let creation = client
        .create(new.label.as_str())
        .algorithm(new.algorithm)
        .export_derived(new.export_derived);
    match new.usage {
        Some(usage) => creation.usage(usage),
        None => creation,
    }
}

fn owners(owner: Owner) -> Owners {
    Owners::new(owner.owner)
}

/// Says which usages and which lengths there are.
fn explain(error: Error, new: &NewKey, length: Option<usize>) -> Failure {
    let name = new.algorithm.name();
    let hint = match error {
        Error::Ta(Status::UnsupportedUsage) => {
            let usages: Vec<_> = new
                .algorithm
                .usages()
                .iter()
                .map(|usage| usage.name())
                .collect();
            Some(format!(
                "{name} serves {}; only challenge keys take --export-derived",
                usages.join(" or ")
            ))
        }
        Error::Ta(Status::BadKey) => {
            let lengths: Vec<_> = (1..=LONGEST_KEY)
                .filter(|length| new.algorithm.takes_key_len(*length))
                .collect();
            let takes = match lengths[..] {
                [first, .., last] => format!("{first} to {last}"),
                [only] => only.to_string(),
                [] => "no".to_owned(),
            };
            let given = length.map_or_else(|| "far more".to_owned(), |length| length.to_string());
            Some(format!(
                "{name} takes {takes} raw bytes; given were {given}"
            ))
        }
        _ => None,
    };
    Failure::Library { error, hint }
}
