//! Commands about versions, states and policies.

use claviger::{Client, Error, Export, Key, Permissions, Status, proto::ratchet::TOKEN};
use serde_json::json;

use crate::{
    Outcome,
    args::{Input, KeyArguments, Tightening},
    describe::{Owners, print_key, print_key_with},
    failure::{Failure, note},
    files, open,
    output::Printer,
};

const NO_FORWARD_SECRECY: &str = "this platform has no rollback protection: whoever puts an older \
                                  store back gets older versions back. Forward secrecy is claimed \
                                  only where `claviger info` shows rollback level 1000";

/// Changes a key and shows it.
pub(crate) fn change(
    client: &Client,
    arguments: &KeyArguments,
    change: impl FnOnce(&Key) -> Result<Key, Error>,
    printer: &Printer,
) -> Outcome {
    let key = change(&open::key(client, arguments)?)?;
    print_key(&key, &Owners::new(arguments.owner), printer)
}

pub(crate) fn rotate(client: &Client, arguments: &KeyArguments, printer: &Printer) -> Outcome {
    let key = open::key(client, arguments)?.rotate()?;
    let unprotected = key.description().ratchet && !client.info()?.detects_rollback();
    let warning = unprotected.then_some(NO_FORWARD_SECRECY);
    if let Some(warning) = warning {
        note(warning);
    }
    let owners = Owners::new(arguments.owner);
    print_key_with(&key, &owners, &[("warning", json!(warning))], printer)
}

pub(crate) fn tighten(
    client: &Client,
    arguments: &KeyArguments,
    changes: &Tightening,
    printer: &Printer,
) -> Outcome {
    let key = open::key(client, arguments)?;
    let mut policy = key.description().policy.clone();
    for change in &changes.grant {
        let to = change.to.identity();
        let had = policy.grants.iter_mut().find(|grant| grant.to == to);
        had.ok_or(Error::Ta(Status::PolicyLoosened))?.may = Permissions::of(&change.may);
    }
    for to in &changes.no_grant {
        policy.grants.retain(|grant| grant.to != to.identity());
    }
    let bounds = &changes.bounds;
    if let Some(may) = &bounds.owner_may {
        policy.owner = Permissions::of(&may.0);
    }
    policy.max_uses = bounds.max_uses.or(policy.max_uses);
    policy.min_context = bounds.min_context.unwrap_or(policy.min_context);
    policy.rotate_after_uses = bounds.rotate_after_uses.or(policy.rotate_after_uses);
    policy.rotate_after_bytes = bounds.rotate_after_bytes.or(policy.rotate_after_bytes);
    policy.rollback_level = bounds.rollback_level.unwrap_or(policy.rollback_level);
    if changes.no_export {
        policy.export = Export::Nothing;
        policy.shares = None;
    }
    policy.export_derived &= !changes.no_export_derived;
    let key = key.tighten(&policy)?;
    print_key(&key, &Owners::new(arguments.owner), printer)
}

pub(crate) fn catch_up(
    client: &Client,
    arguments: &KeyArguments,
    input: &Input,
    printer: &Printer,
) -> Outcome {
    let key = open::key(client, arguments)?;
    // What is longer than a token is none.
    let token = files::read_small(&input.input, TOKEN)?;
    let token = token.ok_or_else(|| Failure::from(Error::Ta(Status::BadPayload)))?;
    let version = key.catch_up(&token)?;
    printer.print(
        &json!({ "version": version }),
        &format!("version {version}"),
    )
}
