//! Users and groups: the trusted application knows them by UUIDs, people by numbers and names.

use std::{cell::OnceCell, collections::HashMap, sync::Once};

use claviger::{Client, Identity, identity, proto::Login};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    args::{self, Principal},
    device::to_value,
    failure::{Failure, note},
};

const FOREIGN: &str = "this process is in a user namespace: the TEE knows users and groups by the \
                       host's numbers, so names are not taken or shown here, and numbers are the \
                       host's; --group alone takes this namespace's";

/// Whether names stand for other numbers here than the trusted application's. The emulator is in
/// this process, and has its numbers.
pub(crate) fn are_foreign() -> bool {
    !Client::builder().is_emulated() && identity::in_user_namespace()
}

/// Says once that numbers are the host's, where they are others here.
fn warn() {
    static SAID: Once = Once::new();
    if are_foreign() {
        SAID.call_once(|| note(FOREIGN));
    }
}

/// Turns identities back into numbers and names, where these can be known: a UUID cannot be turned
/// back, so numbers are tried.
pub(crate) struct Owners {
    users: Numbers,
    groups: Numbers,
    foreign: bool,
}

struct Numbers {
    login: Login,
    likely: Vec<u32>,
    /// Tried when the likely ones are not it.
    possible: OnceCell<HashMap<Identity, u32>>,
}

impl Numbers {
    fn new(login: Login) -> Numbers {
        Numbers {
            login,
            likely: identity::likely_numbers(login),
            possible: OnceCell::new(),
        }
    }

    fn find(&self, wanted: Identity) -> Option<u32> {
        let of = |number| match self.login {
            Login::User => identity::uid_identity(number),
            Login::Group => identity::gid_identity(number),
        };
        let likely = identity::number_of(wanted, self.likely.iter().copied());
        likely.or_else(|| {
            let all = || {
                let numbers = identity::POSSIBLE_NUMBERS;
                numbers.map(|number| (of(number), number)).collect()
            };
            self.possible.get_or_init(all).get(&wanted).copied()
        })
    }
}

impl Owners {
    /// Knows this user and its groups, the local users and groups, and who was asked for.
    pub(crate) fn new(asked: Option<Principal>) -> Owners {
        warn();
        let mut owners = Owners {
            users: Numbers::new(Login::User),
            groups: Numbers::new(Login::Group),
            foreign: are_foreign(),
        };
        match asked {
            Some(Principal::User(uid)) => owners.users.likely.push(uid),
            Some(Principal::Group(gid)) => owners.groups.likely.push(gid),
            Some(Principal::Unknown(_)) | None => {}
        }
        owners
    }

    /// Of another device: its names are not those of this one.
    pub(crate) fn elsewhere(asked: Option<Principal>) -> Owners {
        Owners {
            foreign: true,
            ..Owners::new(asked)
        }
    }

    fn number(&self, owner: Identity) -> Option<u32> {
        match owner.login {
            Login::User => self.users.find(owner),
            Login::Group => self.groups.find(owner),
        }
    }

    fn name(&self, login: Login, number: u32) -> Option<String> {
        match login {
            _ if self.foreign => None,
            Login::User => identity::user_name(number),
            Login::Group => identity::group_name(number),
        }
    }

    /// A name, with what says that it is a group's, if it can be given where a user or group is asked
    /// for: one that is a number, or another's too, cannot.
    fn given(&self, login: Login, number: u32) -> Option<String> {
        let name = self.name(login, number)?;
        let (text, principal) = match login {
            Login::User => (name, Principal::User(number)),
            Login::Group => (format!("gid:{name}"), Principal::Group(number)),
        };
        (text.parse() == Ok(principal)).then_some(text)
    }

    /// As people read it: `app (1000)`, `gid:staff (50)`, a number without a name, or a UUID without
    /// a number. What stands before the parenthesis can be given wherever a user or group is asked
    /// for.
    pub(crate) fn text(&self, owner: Identity) -> String {
        let known = self.number(owner);
        let known = known.and_then(|number| Some((self.given(owner.login, number)?, number)));
        known.map_or_else(
            || self.argument(owner),
            |(name, number)| format!("{name} ({number})"),
        )
    }

    /// As [`Owners::text`], without what cannot be given.
    pub(crate) fn argument(&self, owner: Identity) -> String {
        let kind = match owner.login {
            Login::User => "",
            Login::Group => "gid:",
        };
        match self.number(owner) {
            Some(number) => self
                .given(owner.login, number)
                .unwrap_or_else(|| format!("{kind}{number}")),
            None => format!("{kind}{}", owner.id),
        }
    }

    /// A group of this process as `--group` takes it: by the name or number that it has here.
    pub(crate) fn own_group(gid: u32) -> String {
        let name = identity::group_name(gid);
        let name = name.filter(|name| args::group(name) == Ok(gid));
        name.unwrap_or_else(|| gid.to_string())
    }

    /// The same as JSON, as [`Owners::object`] has it; the id is null where the host's number is not
    /// known.
    pub(crate) fn own_group_object(gid: u32) -> Value {
        let id = match are_foreign() {
            true => identity::own_group_identity(gid),
            false => Some(identity::gid_identity(gid)),
        };
        let name = identity::group_name(gid);
        json!({ "group": gid, "name": name, "id": id.map(|identity| identity.id) })
    }

    /// As JSON: `{"user":1000,"name":"app","id":UUID}`, or `group` instead of `user`; null for what
    /// is not known here.
    pub(crate) fn object(&self, owner: Identity) -> Value {
        let number = self.number(owner);
        let kind = match owner.login {
            Login::User => "user",
            Login::Group => "group",
        };
        let name = number.and_then(|number| self.name(owner.login, number));
        json!({ kind: number, "name": name, "id": owner.id })
    }

    /// A message of the contract as JSON, with every identity in it as [`Owners::object`].
    pub(crate) fn value(&self, message: &impl Serialize) -> Result<Value, Failure> {
        let mut value = to_value(message)?;
        self.show(&mut value);
        Ok(value)
    }

    fn show(&self, value: &mut Value) {
        if let Ok(identity) = Identity::deserialize(&*value) {
            *value = self.object(identity);
            return;
        }
        match value {
            Value::Array(values) => values.iter_mut().for_each(|one| self.show(one)),
            Value::Object(fields) => fields.values_mut().for_each(|one| self.show(one)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_shown_as_far_as_they_are_known() {
        let owners = Owners::new(Some(Principal::User(3_000_000)));
        let shown = |who: Identity| (owners.text(who), owners.argument(who), owners.object(who));
        let root = identity::uid_identity(0);
        assert_eq!(
            shown(root),
            (
                "root (0)".to_owned(),
                "root".to_owned(),
                json!({ "user": 0, "name": "root", "id": root.id }),
            )
        );
        let group = identity::gid_identity(0);
        assert_eq!(owners.text(group), "gid:root (0)");
        assert_eq!(owners.object(group)["group"], 0);
        // Whoever is gone has a number still, and who was asked for.
        for number in [64_321, 3_000_000] {
            let gone = identity::uid_identity(number);
            let text = number.to_string();
            let object = json!({ "user": number, "name": null, "id": gone.id });
            assert_eq!(shown(gone), (text.clone(), text, object));
        }
        let unknown = identity::gid_identity(3_000_001);
        let text = format!("gid:{}", unknown.id);
        let object = json!({ "group": null, "name": null, "id": unknown.id });
        assert_eq!(shown(unknown), (text.clone(), text.clone(), object));
        assert_eq!(text.parse::<Principal>().unwrap().identity(), unknown);
    }
}
