//! From how commands name keys to the keys.

use std::path::Path;

use claviger::{Algorithm, Client, Error, Key, PublicKey, Status, proto::limits};

use crate::{
    args::{KeyArguments, KeyName, KeyPlace, OwnerNumber},
    failure::Failure,
    files,
};

/// Bytes of the longest public key in any form.
const PUBLIC_KEY: usize = 4096;

pub(crate) fn key(client: &Client, arguments: &KeyArguments) -> Result<Key, Failure> {
    named(client, &arguments.key, arguments.owner)
}

pub(crate) fn named(
    client: &Client,
    name: &KeyName,
    owner: Option<OwnerNumber>,
) -> Result<Key, Failure> {
    let key = match (&name.place, owner) {
        (KeyPlace::Label(label), None) => client.key(label.as_str())?,
        (KeyPlace::Label(label), Some(owner)) => client.key_of(owner.identity(), label.as_str())?,
        (KeyPlace::File(path), None) => {
            // What is longer than a wrapped key is none.
            let bytes = files::read_small(path, limits::WRAPPED)?;
            let bytes = bytes.ok_or(Error::Ta(Status::NotAuthentic))?;
            client.wrapped(&bytes)?
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

/// A public key of one of these algorithms in a file: PEM, DER or raw.
pub(crate) fn public_key(path: &Path, algorithms: &[Algorithm]) -> Result<PublicKey, Failure> {
    let bytes = files::read_small(path, PUBLIC_KEY)?.unwrap_or_default();
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let read = |algorithm: &Algorithm| {
        PublicKey::from_raw(*algorithm, &bytes)
            .or_else(|_| PublicKey::from_der(*algorithm, &bytes))
            .or_else(|_| PublicKey::from_pem(*algorithm, text))
            .ok()
    };
    algorithms.iter().find_map(read).ok_or_else(|| {
        let names: Vec<_> = algorithms.iter().map(|one| one.name()).collect();
        Failure::Library {
            error: Error::Ta(Status::BadPublicKey),
            hint: Some(format!(
                "{} holds no public key of {} in PEM, DER or raw form",
                path.display(),
                names.join(" or ")
            )),
        }
    })
}
