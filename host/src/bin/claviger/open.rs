//! From how commands name keys to the keys.

use std::path::Path;

use claviger::{Algorithm, Client, Error, Key, PublicKey, Status, proto::limits};

use crate::{
    args::{KeyArguments, KeyName, KeyPlace, Principal},
    failure::Failure,
    files,
    names::Owners,
};

/// Bytes of the longest file with a public key: there may be text and certificates around it.
const PUBLIC_KEY: usize = 256 * 1024;

pub(crate) fn key(client: &Client, arguments: &KeyArguments) -> Result<Key, Failure> {
    named(client, &arguments.key, arguments.owner)
}

pub(crate) fn named(
    client: &Client,
    name: &KeyName,
    owner: Option<Principal>,
) -> Result<Key, Failure> {
    let key = match (&name.place, owner) {
        (KeyPlace::Label(label), None) => {
            let label = label.as_str();
            client
                .key(label)
                .map_err(|error| explain(client, label, error))?
        }
        (KeyPlace::Label(label), Some(owner)) => client.key_of(owner.identity(), label.as_str())?,
        (KeyPlace::File(path), None) => {
            // What is longer than a wrapped key is none.
            let bytes = files::read_small(path, limits::WRAPPED)?;
            let none = |error: Error| Failure::Library {
                hint: (error.status() == Some(Status::NotAuthentic)).then(|| {
                    let path = path.display();
                    format!("{path} holds no wrapped key of this device, or one that was altered")
                }),
                error,
            };
            let bytes = bytes.ok_or_else(|| none(Error::Ta(Status::NotAuthentic)))?;
            client.wrapped(&bytes).map_err(none)?
        }
        (KeyPlace::File(_), Some(_)) => {
            return Err(Failure::Usage(
                "a wrapped key knows its owner: leave the owner out".to_owned(),
            ));
        }
    };
    Ok(match &name.child {
        None => key,
        Some(child) => key.child(child.as_str())?,
    })
}

/// Says whose key with this label was perhaps meant, if this caller has none.
pub(crate) fn explain(client: &Client, label: &str, error: Error) -> Failure {
    let others = match error.status() {
        // uid 0 sees everyone's.
        Some(Status::NotFound) => client.list_all().or_else(|_| client.list_granted()),
        _ => Ok(Vec::new()),
    };
    let others = others.unwrap_or_default();
    let owners: Vec<_> = others
        .iter()
        .filter(|key| key.key.as_str() == label)
        .map(|key| key.owner)
        .collect();
    let names = Owners::new(None);
    let named: Vec<_> = owners
        .iter()
        .map(|owner| format!("`--owner {}`", names.argument(*owner)))
        .collect();
    let hint = (!named.is_empty()).then(|| {
        format!(
            "there is a key with this label of another's: add {}",
            named.join(" or ")
        )
    });
    Failure::Library { error, hint }
}

/// A public key of one of these algorithms in a file, in whatever form.
pub(crate) fn public_key(path: &Path, algorithms: &[Algorithm]) -> Result<PublicKey, Failure> {
    let bytes = files::read_bounded(path, PUBLIC_KEY)?;
    PublicKey::read(algorithms, &bytes).map_err(|error| match error {
        Error::KeyFile(error) => Failure::key_file(path, error, Status::BadPublicKey),
        other => other.into(),
    })
}
