use std::time::Duration;

use claviger::{Client, Error, Login, proto::Command, transport::emulator::Emulator};
use claviger_ta::workstation::Workstation;

/// An emulated device of one test's own.
pub struct Device {
    emulator: Emulator,
    workstation: Workstation,
}

impl Device {
    /// Whether this is the real trusted application in OP-TEE.
    pub const REAL: bool = false;

    /// A device with an empty vault.
    #[must_use]
    pub fn fresh() -> Device {
        Device::on(Workstation::in_memory())
    }

    /// A device with this disk.
    #[must_use]
    pub fn on(workstation: Workstation) -> Device {
        Device {
            emulator: Emulator::on(workstation.clone()),
            workstation,
        }
    }

    /// A client that speaks for a user.
    #[must_use]
    pub fn user(&self, uid: u32) -> Client {
        let emulator = self.emulator.as_user(uid);
        Client::builder().emulator(emulator).open().unwrap()
    }

    /// What comes of asking for one more session of a user, without waiting for it.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn try_user(&self, uid: u32) -> Result<Client, Error> {
        let emulator = self.emulator.as_user(uid);
        let builder = Client::builder().wait_for_turn(Duration::ZERO);
        builder.emulator(emulator).open()
    }

    /// A client that speaks for a user and tells of what it sends again.
    #[must_use]
    pub fn user_told(&self, uid: u32, told: impl Fn(Command) + Send + Sync + 'static) -> Client {
        let builder = Client::builder().emulator(self.emulator.as_user(uid));
        builder.on_repeat(told).open().unwrap()
    }

    /// A client of this user that speaks for one of the user's groups.
    #[must_use]
    pub fn group(&self, _uid: u32, gid: u32) -> Client {
        let emulator = self.emulator.as_group(gid);
        Client::builder()
            .login(Login::Group(gid))
            .emulator(emulator)
            .open()
            .unwrap()
    }

    /// What comes of asking for a session of a group that the caller is not in.
    ///
    /// # Errors
    /// It ought to be refused.
    pub fn stranger_to_group(&self) -> Result<Client, Error> {
        // Whoever runs this test is not in it.
        let login = Login::Group(u32::MAX - 1);
        let builder = Client::builder().login(login);
        builder.emulator(self.emulator.clone()).open()
    }

    /// A client that speaks for nobody.
    #[must_use]
    pub fn public(&self) -> Client {
        Client::builder()
            .login(Login::Public)
            .emulator(self.emulator.clone())
            .open()
            .unwrap()
    }

    /// Switches the device off and on.
    pub fn reboot(&self) {
        self.emulator.reboot().unwrap();
    }

    /// What it runs on, to be hurt.
    #[must_use]
    pub fn workstation(&self) -> &Workstation {
        &self.workstation
    }
}
