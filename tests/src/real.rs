use claviger::{Client, Error, Login};
use rustix::{
    process::{Gid, Uid, getgroups},
    thread::{set_thread_groups, set_thread_res_uid},
};

/// The group that may open /dev/tee0.
const TEE_CLIENTS: u32 = 900;

/// The device on which the test runs, as root and one test at a time.
pub struct Device(());

impl Device {
    /// Whether this is the real trusted application in OP-TEE.
    pub const REAL: bool = true;

    /// The device, reset to an empty vault.
    #[must_use]
    pub fn fresh() -> Device {
        let device = Device(());
        let root = device.user(0);
        let token = root
            .info()
            .unwrap()
            .confirmation
            .expect("tests run as root");
        root.factory_reset(&token.to_string()).unwrap();
        device
    }

    /// A client that speaks for a user.
    #[must_use]
    pub fn user(&self, uid: u32) -> Client {
        open_as(uid, &[], Login::User)
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

    /// A client that speaks for nobody.
    #[must_use]
    pub fn public(&self) -> Client {
        open_as(0, &[], Login::Public)
    }
}

/// Opens a session while this thread is another user's: OP-TEE's driver looks at the thread's
/// effective ids then, and never again.
fn try_open_as(uid: u32, groups: &[u32], login: Login) -> Result<Client, Error> {
    let own_groups = getgroups().unwrap();
    let groups: Vec<Gid> = groups
        .iter()
        .chain(&[TEE_CLIENTS])
        .map(|gid| Gid::from_raw(*gid))
        .collect();
    set_thread_groups(&groups).unwrap();
    set_thread_res_uid(None::<Uid>, Uid::from_raw(uid), None::<Uid>).unwrap();
    let client = Client::builder().login(login).open();
    set_thread_res_uid(None::<Uid>, Uid::ROOT, None::<Uid>).unwrap();
    set_thread_groups(&own_groups).unwrap();
    client
}

fn open_as(uid: u32, groups: &[u32], login: Login) -> Client {
    try_open_as(uid, groups, login).unwrap()
}
