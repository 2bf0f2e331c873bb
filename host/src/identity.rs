//! Users and groups as the trusted application sees them.
//!
//! OP-TEE's driver does not pass uids on: it makes a UUID version 5 of `uid=%x` or `gid=%x` and
//! vouches for that. The functions here make the same UUIDs, so that numbers and names can be asked
//! for and shown.
//!
//! The driver takes the numbers of the initial user namespace: the host's. In a container that maps
//! its users ([`in_user_namespace`]), uid 0 is not uid 0 to the trusted application, and names stand
//! for other numbers than the host's. Only the group of [`crate::Login::Group`] goes by the number
//! that it has here.

use std::{fs, ops::Range};

use claviger_proto::{Identity, Login, name::Uuid};

/// The identity of a user.
///
/// ```
/// use claviger::{identity, proto::Identity};
/// assert_eq!(identity::uid_identity(0), Identity::ADMINISTRATOR);
/// ```
#[must_use]
pub fn uid_identity(uid: u32) -> Identity {
    Identity {
        login: Login::User,
        id: uuid(&format!("uid={uid:x}")),
    }
}

/// The identity of a group.
#[must_use]
pub fn gid_identity(gid: u32) -> Identity {
    Identity {
        login: Login::Group,
        id: uuid(&format!("gid={gid:x}")),
    }
}

/// The identity of a group session in a user namespace: the driver turns the number that the group
/// has here into the host's. `None` if it has none outside. In a namespace within another it is that
/// of the number in the namespace around this one, of which the host may know nothing.
#[must_use]
pub fn own_group_identity(gid: u32) -> Option<Identity> {
    let outside = mapped(&read("/proc/self/gid_map"), &[gid]);
    outside.first().map(|gid| gid_identity(*gid))
}

/// The number behind an identity, if it is one of `candidates`: a UUID cannot be turned back,
/// so known numbers are tried.
#[must_use]
pub fn number_of(identity: Identity, candidates: impl IntoIterator<Item = u32>) -> Option<u32> {
    candidates.into_iter().find(|number| {
        identity
            == match identity.login {
                Login::User => uid_identity(*number),
                Login::Group => gid_identity(*number),
            }
    })
}

/// The effective uid of this process: who a [`crate::Login::User`] session speaks for.
#[must_use]
pub fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether this process is in a group, and so may open a session of it.
#[cfg(any(feature = "optee", feature = "emulator"))]
pub(crate) fn in_group(gid: u32) -> bool {
    rustix::process::getegid().as_raw() == gid
        || rustix::process::getgroups()
            .is_ok_and(|groups| groups.iter().any(|group| group.as_raw() == gid))
}

/// The uid of the user with this name, if there is one, wherever the system keeps its users.
#[must_use]
pub fn user_by_name(name: &str) -> Option<u32> {
    let user = nix::unistd::User::from_name(name).ok().flatten();
    user.map(|user| user.uid.as_raw())
}

/// The gid of the group with this name, if there is one.
#[must_use]
pub fn group_by_name(name: &str) -> Option<u32> {
    let group = nix::unistd::Group::from_name(name).ok().flatten();
    group.map(|group| group.gid.as_raw())
}

/// The name of the user with this uid, if there is one.
#[must_use]
pub fn user_name(uid: u32) -> Option<String> {
    let user = nix::unistd::User::from_uid(uid.into()).ok().flatten();
    user.map(|user| user.name)
}

/// The name of the group with this gid, if there is one.
#[must_use]
pub fn group_name(gid: u32) -> Option<String> {
    let group = nix::unistd::Group::from_gid(gid.into()).ok().flatten();
    group.map(|group| group.name)
}

/// The groups that this process is in, each once: of each it may open a session.
#[must_use]
pub fn own_groups() -> Vec<u32> {
    let mut groups = vec![rustix::process::getegid().as_raw()];
    let more = rustix::process::getgroups().unwrap_or_default();
    groups.extend(more.iter().map(|group| group.as_raw()));
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Numbers that identities may well have: of this process, here and as the namespace around it
/// knows it, and of the local users or groups.
#[must_use]
pub fn likely_numbers(login: Login) -> Vec<u32> {
    let (own, map, names) = match login {
        Login::User => (vec![effective_uid()], "/proc/self/uid_map", "/etc/passwd"),
        Login::Group => (own_groups(), "/proc/self/gid_map", "/etc/group"),
    };
    let outside = mapped(&read(map), &own);
    let listed = read(names);
    let number = |line: &str| line.split(':').nth(2)?.parse().ok();
    let listed = listed.lines().filter_map(number);
    own.into_iter().chain(outside).chain(listed).collect()
}

/// Numbers that identities may have, to be tried when the likely ones are not it.
pub const POSSIBLE_NUMBERS: Range<u32> = 0..1 << 16;

/// Whether this process is in a user namespace that maps its numbers. The trusted application knows
/// users and groups by the host's numbers.
#[must_use]
pub fn in_user_namespace() -> bool {
    ["/proc/self/uid_map", "/proc/self/gid_map"]
        .iter()
        .any(|map| maps(&read(map)))
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The ranges of a file like /proc/self/uid_map: first number here, first outside, how many.
fn ranges(map: &str) -> Vec<[u32; 3]> {
    let range = |line: &str| -> Option<[u32; 3]> {
        let numbers: Option<Vec<u32>> = line
            .split_ascii_whitespace()
            .map(|number| number.parse().ok())
            .collect();
        numbers?.try_into().ok()
    };
    map.lines().filter_map(range).collect()
}

/// Whether numbers are others outside.
fn maps(map: &str) -> bool {
    // What cannot be read maps nothing that is known.
    !map.is_empty() && ranges(map) != [[0, 0, u32::MAX]]
}

/// What these numbers are outside.
fn mapped(map: &str, numbers: &[u32]) -> Vec<u32> {
    let ranges = ranges(map);
    let outside = |number: &u32| {
        ranges.iter().find_map(|[inside, outside, count]| {
            let ahead = number.checked_sub(*inside)?;
            (ahead < *count).then(|| outside.checked_add(ahead))?
        })
    };
    numbers.iter().filter_map(outside).collect()
}

fn uuid(name: &str) -> Uuid {
    let namespace = uuid::Uuid::from_bytes(Identity::NAMESPACE.0);
    Uuid(*uuid::Uuid::new_v5(&namespace, name.as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_those_of_the_driver() {
        // Seen on OP-TEE 4.10 under Linux 6.12.
        assert_eq!(uid_identity(0), Identity::ADMINISTRATOR);
        assert_eq!(
            uid_identity(0).id.to_string(),
            "ef0180a3-13f3-5d1c-b7f5-888c0e21059a"
        );
        assert_ne!(uid_identity(1), uid_identity(0));
        assert_ne!(uid_identity(0).id, gid_identity(0).id);
    }

    #[test]
    fn names_and_numbers_belong_together() {
        assert_eq!(user_by_name("root"), Some(0));
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(group_by_name("root"), Some(0));
        assert_eq!(group_name(0).as_deref(), Some("root"));
        for nobody in ["", "no such user", "ro:ot"] {
            assert_eq!((user_by_name(nobody), group_by_name(nobody)), (None, None));
        }
        assert_eq!(
            (user_name(0xffff_fff0), group_name(0xffff_fff0)),
            (None, None)
        );
        assert!(likely_numbers(Login::User).contains(&0));
        assert!(likely_numbers(Login::Group).contains(&rustix::process::getegid().as_raw()));
    }

    #[test]
    fn a_namespace_that_maps_numbers_is_known() {
        let initial = "         0          0 4294967295\n";
        let podman = "         0       1000          1\n         1     100000      65536\n";
        assert!(!maps(initial) && !maps(""));
        assert!(maps(podman) && maps("0 0 1\n") && maps("what is this\n"));
        assert_eq!(mapped(initial, &[0, 1000]), [0, 1000]);
        assert_eq!(
            mapped(podman, &[0, 1, 1000, 65536]),
            [1000, 100000, 100999, 165535]
        );
        assert_eq!(mapped(podman, &[65537]), [0; 0]);
        if !in_user_namespace() {
            assert_eq!(own_group_identity(7), Some(gid_identity(7)));
        }
    }

    #[test]
    fn numbers_are_found_again() {
        assert_eq!(number_of(uid_identity(1000), [0, 1000]), Some(1000));
        assert_eq!(number_of(uid_identity(1000), [0]), None);
        assert_eq!(number_of(gid_identity(27), [0, 27]), Some(27));
    }
}
