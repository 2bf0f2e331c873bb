//! How commands name keys and owners.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use claviger::{
    Identity, identity,
    proto::{Label, Login, Uuid},
};

use crate::names;

/// Whose, where keys are not named.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Owner {
    /// Another owner's: a user, or a group as gid:GROUP, by name or number
    #[arg(long, value_name = "USER")]
    pub(crate) owner: Option<Principal>,
}

/// Which keys.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Listed {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// Every owner's (root only)
    #[arg(long, conflicts_with_all = ["owner", "granted"])]
    pub(crate) all: bool,
    /// Those of others that serve this user, or with --group that group; without, those that serve
    /// a group that this process is in are shown too, with the --group that uses them (in JSON
    /// `through`, by the number that it has here)
    #[arg(long, conflicts_with = "owner")]
    pub(crate) granted: bool,
}

/// A key, wherever it is.
#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    /// The key: LABEL, @FILE for a wrapped one, either with #CHILD behind it
    #[arg(value_name = "KEY")]
    pub(crate) key: KeyName,
    /// Another owner's, a user or gid:GROUP: one that grants something, or for root any
    #[arg(long, value_name = "USER")]
    pub(crate) owner: Option<Principal>,
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

/// A user or group as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Principal {
    User(u32),
    Group(u32),
    /// Whose number nobody here knows any more.
    Unknown(Identity),
}

impl Principal {
    /// Of another device, whose names are not those of this one.
    pub(crate) fn elsewhere(text: &str) -> Result<Principal, String> {
        let (login, name) = login_of(text);
        if let Ok(id) = Uuid::try_from(name) {
            return Ok(Principal::Unknown(Identity { login, id }));
        }
        match (login, digits(name, "user or group")?) {
            (Login::User, Some(uid)) => Ok(Principal::User(uid)),
            (_, Some(gid)) => Ok(Principal::Group(gid)),
            (_, None) => {
                Err("names are not the same on another device: give UID or gid:GID".to_owned())
            }
        }
    }

    pub(crate) fn identity(self) -> Identity {
        match self {
            Principal::User(uid) => identity::uid_identity(uid),
            Principal::Group(gid) => identity::gid_identity(gid),
            Principal::Unknown(identity) => identity,
        }
    }
}

impl FromStr for Principal {
    type Err = String;

    fn from_str(text: &str) -> Result<Principal, String> {
        let (login, name) = login_of(text);
        if let Ok(id) = Uuid::try_from(name) {
            return Ok(Principal::Unknown(Identity { login, id }));
        }
        match login {
            Login::User => number(name, "user", identity::user_by_name).map(Principal::User),
            Login::Group => number(name, "group", identity::group_by_name).map(Principal::Group),
        }
    }
}

/// Whether a user or a group is named, and how.
fn login_of(text: &str) -> (Login, &str) {
    match text.strip_prefix("gid:") {
        Some(name) => (Login::Group, name),
        None => (Login::User, text),
    }
}

/// A group of this process, by the number or name that it has here: the kernel's driver knows which
/// of the host's it is.
pub(crate) fn group(name: &str) -> Result<u32, String> {
    match digits(name, "group")? {
        Some(number) => expect_one(name, number, "group", identity::group_by_name),
        None => identity::group_by_name(name)
            .ok_or_else(|| format!("there is no group {name:?} here: give one by name or number")),
    }
}

/// The host's number, or that which a name stands for.
fn number(name: &str, kind: &str, find: fn(&str) -> Option<u32>) -> Result<u32, String> {
    let digits = digits(name, kind)?;
    if names::are_foreign() {
        return digits.ok_or_else(|| {
            format!(
                "in this user namespace a name stands for another number than the TEE's, which is \
                 the host's: give the host's number of that {kind}"
            )
        });
    }
    match digits {
        Some(number) => expect_one(name, number, kind, find),
        None => find(name).ok_or_else(|| {
            format!("there is no {kind} {name:?} here: give USER or gid:GROUP, by name or number")
        }),
    }
}

/// The number, if these are digits.
fn digits(name: &str, kind: &str) -> Result<Option<u32>, String> {
    if name.is_empty() || !name.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(None);
    }
    let number = name.parse().map(Some);
    number.map_err(|_| format!("no {kind} has so large a number"))
}

/// Refuses a number that is the name of somebody with another one.
fn expect_one(
    name: &str,
    number: u32,
    kind: &str,
    find: fn(&str) -> Option<u32>,
) -> Result<u32, String> {
    match find(name) {
        Some(other) if other != number => Err(format!(
            "{name} is a number, and the name of the {kind} with number {other}: give 0{name} for \
             the number, or {other} for the {kind} of that name"
        )),
        _ => Ok(number),
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
    fn a_number_that_is_anothers_name_is_refused() {
        let named = |name: &str| (name == "2001").then_some(5000);
        let taken = |name: &str, number| expect_one(name, number, "user", named);
        let refused = taken("2001", 2001).unwrap_err();
        for part in ["2001", "number 5000", "give 02001"] {
            assert!(refused.contains(part), "{refused}");
        }
        assert_eq!(taken("02001", 2001), Ok(2001));
        assert_eq!(taken("2001", 5000), Ok(5000), "its own number");
        assert_eq!(taken("7", 7), Ok(7));
    }

    #[test]
    fn owners_are_users_or_groups() {
        assert_eq!("1000".parse(), Ok(Principal::User(1000)));
        assert_eq!("gid:7".parse(), Ok(Principal::Group(7)));
        assert_eq!("root".parse(), Ok(Principal::User(0)));
        assert_eq!("gid:root".parse(), Ok(Principal::Group(0)));
        let uuid = "ef0180a3-13f3-5d1c-b7f5-888c0e21059a";
        let root: Principal = uuid.parse().unwrap();
        assert_eq!(root.identity(), Identity::ADMINISTRATOR);
        let group: Principal = format!("gid:{uuid}").parse().unwrap();
        assert_ne!(group.identity(), Identity::ADMINISTRATOR);
        for bad in [
            "",
            "gid:",
            "-1",
            "+1",
            "uid:1",
            "4294967296",
            "no such user",
            "gid:no-such",
        ] {
            assert!(bad.parse::<Principal>().is_err(), "{bad}");
        }
        let elsewhere = Principal::elsewhere;
        assert_eq!(elsewhere("gid:7"), Ok(Principal::Group(7)));
        assert_eq!(
            elsewhere(uuid),
            Ok(Principal::Unknown(Identity::ADMINISTRATOR))
        );
        for bad in ["root", "gid:root", "gid:", ""] {
            assert!(elsewhere(bad).is_err(), "{bad}");
        }
    }
}
