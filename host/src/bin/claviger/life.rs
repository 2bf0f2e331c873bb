//! Commands about versions, states and policies.

use claviger::{
    Client, Error, Export, Key, Permissions, Status,
    proto::{ratchet::TOKEN, rules::Fault},
};
use serde_json::json;

use crate::{
    Outcome,
    args::{Input, KeyArguments, Principal, Tightening},
    describe::{print_key, print_key_with},
    failure::{Failure, note},
    files,
    make::{option, platform_is_below},
    names::Owners,
    open,
    output::Printer,
};

const NO_SUCH_GRANT: Fault = Fault {
    status: Status::PolicyLoosened,
    field: "grants",
    rule: "nobody gets a new permission",
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

pub(crate) fn chown(
    client: &Client,
    arguments: &KeyArguments,
    to: Principal,
    printer: &Printer,
) -> Outcome {
    let key = open::key(client, arguments)?.chown(to.identity())?;
    print_key(&key, &Owners::new(Some(to)), printer)
}

pub(crate) fn tighten(
    client: &Client,
    arguments: &KeyArguments,
    changes: &Tightening,
    printer: &Printer,
) -> Outcome {
    if *changes == Tightening::default() {
        return Err(Failure::Usage(
            "say what is to be tightened: `claviger tighten --help` shows the options".to_owned(),
        ));
    }
    if let Some(warning) = platform_is_below(client, &changes.bounds)?
        && !changes.force
    {
        return Err(Failure::Refused {
            status: "rollback-level",
            message: warning,
            hint: "that cannot be undone: --force does it all the same".to_owned(),
        });
    }
    let key = open::key(client, arguments)?;
    let mut policy = key.description().policy.clone();
    for change in &changes.grant {
        let to = change.to.identity();
        let had = policy.grants.iter_mut().find(|grant| grant.to == to);
        had.ok_or_else(|| named(Error::Rule(NO_SUCH_GRANT)))?.may = Permissions::of(&change.may);
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
    policy.fixed_owner |= changes.fixed_owner;
    let key = key.tighten(&policy).map_err(named)?;
    print_key(&key, &Owners::new(arguments.owner), printer)
}

/// Says which option is wrong.
fn named(error: Error) -> Failure {
    let hint = match &error {
        Error::Rule(fault) => Some(format!("look at {}", option(fault.field))),
        _ => None,
    };
    Failure::Library { error, hint }
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
    let token = token.ok_or_else(|| Failure::Library {
        error: Error::Ta(Status::NotAuthentic),
        hint: Some("what was read is longer than a token".to_owned()),
    })?;
    let version = key.catch_up(&token)?;
    printer.print(
        &json!({ "version": version }),
        &format!("version {version}"),
    )
}
