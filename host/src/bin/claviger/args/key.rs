//! How commands name keys and owners.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use claviger::{Identity, identity, proto::Label};

/// Whose, where keys are not named.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Owner {
    /// Another owner's, by uid, or by gid as gid:GID
    #[arg(long, value_name = "UID")]
    pub(crate) owner: Option<OwnerNumber>,
}

/// A key, wherever it is.
#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    /// The key: LABEL, @FILE for a wrapped one, either with #CHILD behind it
    #[arg(value_name = "KEY")]
    pub(crate) key: KeyName,
    /// Another owner's, by uid, or by gid as gid:GID: one that grants something, or for root any
    #[arg(long, value_name = "UID")]
    pub(crate) owner: Option<OwnerNumber>,
}

/// A version of a key, where it matters which.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct KeyVersion {
    /// The version of the key, if it is not the newest
    #[arg(long = "key-version", value_name = "N")]
    pub(crate) version: Option<u32>,
}

/// A key as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyName {
    pub(crate) place: KeyPlace,
    pub(crate) child: Option<Label>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    /// In the vault.
    Label(Label),
    /// Wrapped, in a file.
    File(PathBuf),
}

impl FromStr for KeyName {
    type Err = String;

    fn from_str(text: &str) -> Result<KeyName, String> {
        let (place, child) = match text.rsplit_once('#') {
            Some((place, child)) => (place, Some(label(child)?)),
            None => (text, None),
        };
        let place = match place.strip_prefix('@') {
            Some("") => return Err("@ wants the file of a wrapped key behind it".to_owned()),
            Some(file) => KeyPlace::File(PathBuf::from(file)),
            None => KeyPlace::Label(label(place)?),
        };
        Ok(KeyName { place, child })
    }
}

fn label(text: &str) -> Result<Label, String> {
    Label::try_from(text).map_err(|error| error.to_string())
}

/// An owner as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnerNumber {
    User(u32),
    Group(u32),
}

impl OwnerNumber {
    pub(crate) fn identity(self) -> Identity {
        match self {
            OwnerNumber::User(uid) => identity::uid_identity(uid),
            OwnerNumber::Group(gid) => identity::gid_identity(gid),
        }
    }
}

impl FromStr for OwnerNumber {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<OwnerNumber, Self::Err> {
        let (make, number): (fn(u32) -> OwnerNumber, _) = match text.strip_prefix("gid:") {
            Some(gid) => (OwnerNumber::Group, gid),
            None => (OwnerNumber::User, text),
        };
        number
            .parse()
            .map(make)
            .map_err(|_| "an owner is UID or gid:GID, in decimal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_labels_or_files() {
        let name = |text: &str| text.parse::<KeyName>();
        let label = |text: &str| Label::try_from(text).unwrap();
        let file = |text: &str| KeyPlace::File(PathBuf::from(text));
        let in_vault = |text: &str| KeyPlace::Label(label(text));
        for (text, place, child) in [
            ("fleet/a", in_vault("fleet/a"), None),
            ("fleet#line/3", in_vault("fleet"), Some(label("line/3"))),
            ("@key.clv", file("key.clv"), None),
            ("@a b#c", file("a b"), Some(label("c"))),
            ("@a#b#c", file("a#b"), Some(label("c"))),
        ] {
            assert_eq!(name(text), Ok(KeyName { place, child }), "{text}");
        }
        for bad in ["", "#", "a#", "#a", "a b", "a#b#c", "@", "@#a", "a#b c"] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn owners_are_users_or_groups() {
        assert_eq!("1000".parse(), Ok(OwnerNumber::User(1000)));
        assert_eq!("gid:7".parse(), Ok(OwnerNumber::Group(7)));
        for bad in ["", "root", "gid:", "-1", "uid:1"] {
            assert!(bad.parse::<OwnerNumber>().is_err(), "{bad}");
        }
    }
}
