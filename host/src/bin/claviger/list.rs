//! `list`.

use claviger::{Client, Error, Login, identity, proto::message::KeySummary};
use serde_json::json;

use crate::{
    Outcome,
    args::Listed,
    describe::{lines, names},
    failure::{Failure, note},
    names::Owners,
    output::Printer,
};

/// Keys, and the group through whose session they serve, if not the user's own.
type Through = (Option<u32>, Vec<KeySummary>);

pub(crate) fn list(
    open: impl Fn(Login) -> Result<Client, Error>,
    login: Login,
    listed: Listed,
    printer: &Printer,
) -> Outcome {
    let client = open(login)?;
    let owners = Owners::new(listed.owner.owner);
    let (keys, empty) = match listed.owner.owner {
        _ if listed.granted => {
            let keys = granted(&client, open, login)?;
            return print(
                &keys,
                &owners,
                true,
                "nobody's key serves this caller",
                printer,
            );
        }
        _ if listed.all => (client.list_all()?, "nobody has a key"),
        Some(owner) => (
            client.list_of(owner.identity())?,
            "that owner has no key in which this caller has a part",
        ),
        None => (
            client.list()?,
            "no key of this caller's own; `claviger list --granted` shows those of others that \
             serve it",
        ),
    };
    print(&[(None, keys)], &owners, false, empty, printer)
}

/// The keys of others that serve this caller: by a grant, or because they are of a group that it is
/// in, or granted to that.
fn granted(
    client: &Client,
    open: impl Fn(Login) -> Result<Client, Error>,
    login: Login,
) -> Result<Vec<Through>, Failure> {
    let mut keys = vec![(None, client.list_granted()?)];
    if login != Login::User {
        return Ok(keys);
    }
    for group in identity::own_groups() {
        let theirs = open(Login::Group(group)).and_then(|client| {
            let mut theirs = client.list()?;
            theirs.extend(client.list_granted()?);
            Ok(theirs)
        });
        match theirs {
            Ok(theirs) => keys.push((Some(group), theirs)),
            // The others serve all the same.
            Err(error) => {
                let group = Owners::own_group(group);
                note(&format!("what serves group {group} is not shown: {error}"));
            }
        }
    }
    Ok(keys)
}

fn print(
    keys: &[Through],
    owners: &Owners,
    granted: bool,
    empty: &str,
    printer: &Printer,
) -> Outcome {
    let mut objects = Vec::new();
    for (through, keys) in keys {
        let through = through.map(Owners::own_group_object);
        for key in keys {
            let mut object = owners.value(key)?;
            if granted {
                object["through"] = json!(through);
            }
            objects.push(object);
        }
    }
    let all: Vec<KeySummary> = keys.iter().flat_map(|(_, keys)| keys.clone()).collect();
    let mut text = lines(&all, owners);
    if granted {
        let through = keys
            .iter()
            .flat_map(|(through, keys)| keys.iter().map(move |_| *through));
        for ((line, key), through) in text.iter_mut().zip(&all).zip(through) {
            *line += &format!("  may {}", names(key.may));
            if let Some(group) = through {
                *line += &format!("  through --group {}", Owners::own_group(group));
            }
        }
    }
    if all.is_empty() && !printer.is_json() {
        note(empty);
    }
    printer.print(&json!({ "keys": objects }), &text.join("\n"))
}
