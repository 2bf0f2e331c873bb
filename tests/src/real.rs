use std::time::Duration;

use claviger::{
    Client, Error, Identity, Login,
    identity::{gid_identity, uid_identity},
};
use rustix::{
    process::{Gid, Uid, getgroups},
    thread::{set_thread_groups, set_thread_res_uid},
};

use claviger_proto::{Command, command::PANIC, frame::PREFIX};
use optee_teec::raw;

use crate::{bare::BareSession, factory_reset};

/// The group that may open /dev/tee0.
pub const TEE_CLIENTS: u32 = 900;

/// The device on which the test runs, as root and one test at a time.
pub struct Device(());

impl Device {
    /// Whether this is the real trusted application in OP-TEE.
    pub const REAL: bool = true;

    /// The device with an empty vault, its imports open.
    ///
    /// A factory reset takes a second here, so keys that an earlier test left are deleted one by
    /// one while that is all there is to do.
    #[must_use]
    pub fn fresh() -> Device {
        let device = Device(());
        let root = device.user(0);
        let info = root.info().unwrap();
        if let Some(vault) = info.vault
            && vault.locked == Some(false)
            && vault.keys <= 16
            && vault.damaged == 0
        {
            for owner in owners() {
                for key in root.list_of(owner).unwrap() {
                    root.delete_of(key.key.as_str(), owner).unwrap();
                }
            }
            if root.info().unwrap().vault.unwrap().keys == 0 {
                return device;
            }
        }
        device.reset();
        device
    }

    /// Resets it to an empty vault, its imports open.
    pub fn reset(&self) {
        factory_reset(&self.user(0));
    }

    /// A client that speaks for a user.
    #[must_use]
    pub fn user(&self, uid: u32) -> Client {
        open_as(uid, &[], Login::User)
    }

    /// As [`Device::user`], where there may be too many sessions: it does not wait.
    ///
    /// # Errors
    /// That of opening one.
    pub fn try_user(&self, uid: u32) -> Result<Client, Error> {
        let open = || Client::builder().wait_for_turn(Duration::ZERO).open();
        while_user(uid, &[], open)
    }

    /// A client that speaks for a user and tells of what it sends again.
    #[must_use]
    pub fn user_told(&self, uid: u32, told: impl Fn(Command) + Send + Sync + 'static) -> Client {
        while_user(uid, &[], || Client::builder().on_repeat(told).open()).unwrap()
    }

    /// A client of this user that speaks for one of the user's groups.
    #[must_use]
    pub fn group(&self, uid: u32, gid: u32) -> Client {
        open_as(uid, &[gid], Login::Group(gid))
    }

    /// What comes of asking for a session of a group that the caller is not in.
    ///
    /// # Errors
    /// It ought to be refused.
    pub fn stranger_to_group(&self) -> Result<Client, Error> {
        try_open_as(crate::CAROL, &[], Login::Group(crate::SENSORS))
    }

    /// Ends the instance under its clients, as a mistake in it would: for them, and for what it
    /// held in memory, that is as if the device were switched off and on.
    pub fn reboot(&self) {
        let mut session = self.bare(0, PREFIX).unwrap();
        let ended = session.send(PANIC, PREFIX).code;
        assert_eq!(ended, raw::TEEC_ERROR_TARGET_DEAD, "this is no test build");
    }

    /// A session of a user that takes anything, with a block of so many bytes.
    ///
    /// # Errors
    /// The code for which it could not be had.
    pub fn bare(&self, uid: u32, size: usize) -> Result<BareSession, u32> {
        while_user(uid, &[], || BareSession::try_open(size))
    }

    /// A client that speaks for nobody.
    #[must_use]
    pub fn public(&self) -> Client {
        open_as(0, &[], Login::Public)
    }
}

/// Whoever owns keys in the tests; should there be others, a reset finds their keys.
fn owners() -> impl Iterator<Item = Identity> {
    let users = [0, crate::ALICE, crate::BOB, crate::CAROL];
    let groups = [crate::ALICE, crate::SENSORS];
    let users = users.into_iter().map(uid_identity);
    users.chain(groups.into_iter().map(gid_identity))
}

/// Does something while this thread is another user's: OP-TEE's driver looks at the thread's
/// effective ids when a session is opened, and never again.
fn while_user<T>(uid: u32, groups: &[u32], work: impl FnOnce() -> T) -> T {
    let own_groups = getgroups().unwrap();
    let groups: Vec<Gid> = groups
        .iter()
        .chain(&[TEE_CLIENTS])
        .map(|gid| Gid::from_raw(*gid))
        .collect();
    set_thread_groups(&groups).unwrap();
    set_thread_res_uid(None::<Uid>, Uid::from_raw(uid), None::<Uid>).unwrap();
    let done = work();
    set_thread_res_uid(None::<Uid>, Uid::ROOT, None::<Uid>).unwrap();
    set_thread_groups(&own_groups).unwrap();
    done
}

fn try_open_as(uid: u32, groups: &[u32], login: Login) -> Result<Client, Error> {
    while_user(uid, groups, || Client::builder().login(login).open())
}

fn open_as(uid: u32, groups: &[u32], login: Login) -> Client {
    try_open_as(uid, groups, login).unwrap()
}
