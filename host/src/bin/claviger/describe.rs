//! How keys are shown.

use std::fs;

use claviger::{
    Identity, identity,
    proto::{
        Login,
        message::{KeyDescription, KeySummary},
    },
};
use serde_json::{Value, json};

use crate::{
    Outcome,
    args::OwnerNumber,
    device::to_value,
    failure::Failure,
    output::{Printer, table},
};

/// Turns owners' identities back into numbers, where the numbers can be known.
pub(crate) struct Owners {
    users: Vec<u32>,
    groups: Vec<u32>,
}

impl Owners {
    /// Knows this user, the local users and groups, and who was asked for.
    pub(crate) fn new(asked: Option<OwnerNumber>) -> Owners {
        let mut users = vec![identity::effective_uid()];
        let mut groups = Vec::new();
        match asked {
            Some(OwnerNumber::User(uid)) => users.push(uid),
            Some(OwnerNumber::Group(gid)) => groups.push(gid),
            None => {}
        }
        users.extend(numbers("/etc/passwd"));
        groups.extend(numbers("/etc/group"));
        Owners { users, groups }
    }

    fn number(&self, owner: Identity) -> Option<u32> {
        let known = match owner.login {
            Login::User => &self.users,
            Login::Group => &self.groups,
        };
        identity::number_of(owner, known.iter().copied())
    }

    pub(crate) fn text(&self, owner: Identity) -> String {
        let kind = match owner.login {
            Login::User => "uid",
            Login::Group => "gid",
        };
        match self.number(owner) {
            Some(number) => format!("{kind}:{number}"),
            None => format!("{kind}:? ({})", owner.id),
        }
    }
}

/// The numbers in the third fields of a file like /etc/passwd.
fn numbers(path: &str) -> Vec<u32> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split(':').nth(2)?.parse().ok())
        .collect()
}

/// A key as JSON, with its owner's number.
fn key_object(
    key: &impl serde::Serialize,
    owner: Identity,
    owners: &Owners,
) -> Result<Value, Failure> {
    let mut object = to_value(key)?;
    object["owner"]["number"] = json!(owners.number(owner));
    Ok(object)
}

/// Prints one key.
pub(crate) fn print_key(key: &KeyDescription, owners: &Owners, printer: &Printer) -> Outcome {
    let mut rows = vec![
        ("key", key.key.to_string()),
        ("id", key.id.to_string()),
        ("algorithm", key.algorithm.name().to_owned()),
        ("usage", key.usage.name().to_owned()),
        ("origin", key.origin.name().to_owned()),
        ("state", key.state.name().to_owned()),
        ("version", key.version.to_string()),
        ("owner", owners.text(key.owner)),
    ];
    if key.policy.export_derived {
        rows.push((
            "export",
            "derived session keys may leave the TEE".to_owned(),
        ));
    }
    printer.print(&key_object(key, key.owner, owners)?, &table(&rows))
}

/// Prints a list of keys.
pub(crate) fn print_keys(keys: &[KeySummary], owners: &Owners, printer: &Printer) -> Outcome {
    let objects = keys
        .iter()
        .map(|key| key_object(key, key.owner, owners))
        .collect::<Result<Vec<_>, _>>()?;
    let width = keys
        .iter()
        .map(|key| key.key.as_str().len())
        .max()
        .unwrap_or(0);
    let line = |key: &KeySummary| {
        format!(
            "{:width$}  {:12}  {:9}  {:9}  {}\n",
            key.key.as_str(),
            key.algorithm.name(),
            key.usage.name(),
            key.origin.name(),
            owners.text(key.owner)
        )
    };
    printer.print(
        &json!({ "keys": objects }),
        &keys.iter().map(line).collect::<String>(),
    )
}
