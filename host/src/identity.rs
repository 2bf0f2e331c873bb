//! Users and groups as the trusted application sees them.
//!
//! OP-TEE's driver does not pass uids on: it makes a UUID version 5 of `uid=%x` or `gid=%x` and
//! vouches for that. The functions here make the same UUIDs, so that numbers can be asked for
//! and shown.

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

/// The name of a group, if /etc/group has one.
#[cfg(feature = "optee")]
pub(crate) fn group_name(gid: u32) -> Option<String> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == gid.to_string()).then(|| name.to_owned())
    })
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
    fn numbers_are_found_again() {
        assert_eq!(number_of(uid_identity(1000), [0, 1000]), Some(1000));
        assert_eq!(number_of(uid_identity(1000), [0]), None);
        assert_eq!(number_of(gid_identity(27), [0, 27]), Some(27));
    }
}
