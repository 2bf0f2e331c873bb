//! A device that can be put back to where it was.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use claviger::{Algorithm, Client, Error, Home, Permission, Permissions, identity::uid_identity};
use claviger_proto::message::{Grant, NewKey};
use claviger_ta::{
    platform::{Copy, ObjectId},
    vault::{SLOT, SLOTS},
    workstation::{Disk, Workstation},
};
use claviger_tests::{ALICE, BOB, CAROL, Device, Handle, label, new_key};

use crate::view::{Told, View};

/// All that is stored.
pub(crate) type Image = BTreeMap<ObjectId, Vec<u8>>;

/// Whose keys and logs are looked at; what others have is only counted.
pub(crate) const USERS: [u32; 3] = [0, ALICE, BOB];

/// A device whose disk is put back to an image again and again.
pub(crate) struct Bench {
    workstation: Workstation,
    wrapped: Vec<Vec<u8>>,
}

/// A device that is switched on, of which [`USERS`] are clients.
pub(crate) struct On {
    pub(crate) device: Device,
    pub(crate) root: Client,
    pub(crate) users: [Client; 3],
    /// Who may use root's wrapped keys: what a guest is refused, is told in none of the logs that
    /// are looked at.
    guest: Client,
    wrapped: Vec<Vec<u8>>,
    open_before: usize,
}

impl Bench {
    /// A new device, prepared by `prepare`; gives what is stored then, too.
    pub(crate) fn new(prepare: impl FnOnce(&Device)) -> (Bench, Image) {
        let (bench, image, ()) = Bench::of(prepare);
        (bench, image)
    }

    /// As [`Bench::new`]; gives what `prepare` gave, too.
    pub(crate) fn of<T>(prepare: impl FnOnce(&Device) -> T) -> (Bench, Image, T) {
        let bench = Bench {
            workstation: Workstation::in_memory(),
            wrapped: Vec::new(),
        };
        let prepared = prepare(&bench.switch_on().device);
        let image = bench.disk().image();
        (bench, image, prepared)
    }

    /// Makes two wrapped keys of root's: of no family, and of the family `fleet`. Gives what is
    /// stored then.
    pub(crate) fn wrap(&mut self, image: &Image) -> Image {
        let on = self.with(image);
        self.wrapped = [None, Some(label("fleet"))]
            .map(|family| {
                let mut new = NewKey {
                    home: Home::Wrapped,
                    family,
                    ..new_key("wrapped", Algorithm::HmacSha256)
                };
                let (to, may) = (uid_identity(CAROL), Permissions::of(&[Permission::Mac]));
                new.policy.grants.push(Grant { to, may }).unwrap();
                Handle::generate(&on.root, new).unwrap().front
            })
            .into();
        self.disk().image()
    }

    pub(crate) fn disk(&self) -> &Disk {
        self.workstation.disk()
    }

    /// Switches the device on.
    pub(crate) fn switch_on(&self) -> On {
        let open_before = self.disk().open_objects();
        let device = Device::on(self.workstation.clone());
        let users = USERS.map(|uid| device.user(uid));
        On {
            root: users[0].clone(),
            users,
            guest: device.user(CAROL),
            device,
            wrapped: self.wrapped.clone(),
            open_before,
        }
    }

    /// The device with this on its disk, switched on.
    pub(crate) fn with(&self, image: &Image) -> On {
        self.disk().disarm();
        self.disk().restore(image.clone());
        self.switch_on()
    }
}

impl On {
    /// What a client sees; the vault holds no object open but those that it needs.
    #[track_caller]
    pub(crate) fn view(&self) -> View {
        let view = self.try_view().unwrap();
        let disk = self.device.workstation().disk();
        let open = disk.open_objects() - self.open_before;
        let there = disk.image().len();
        assert!(open <= there, "{open} handles are open of {there} objects");
        view
    }

    /// # Errors
    /// Where the vault cannot be used.
    pub(crate) fn try_view(&self) -> Result<View, Error> {
        View::try_of(&self.users, &self.guest, &self.wrapped)
    }

    /// Both.
    #[track_caller]
    pub(crate) fn seen(&self) -> Seen {
        (self.view(), self.told())
    }

    /// What the device tells of what happened.
    pub(crate) fn told(&self) -> Told {
        Told::of(&self.root, self.device.workstation())
    }
}

/// What is seen of a device.
pub(crate) type Seen = (View, Told);

/// Says what was tried, also where the test runner keeps back what tests print.
pub(crate) fn report(what: &str) {
    // Without a stderr there is nobody to tell.
    let _unheard = writeln!(io::stderr(), "storage faults: {what}");
}

pub(crate) const FIRST: ObjectId = ObjectId {
    shard: 0,
    copy: Copy::First,
};
pub(crate) const SECOND: ObjectId = ObjectId {
    shard: 0,
    copy: Copy::Second,
};

/// The bytes of the slot of key number `key`, counted from 0, in its object.
pub(crate) fn slot(key: usize) -> std::ops::Range<usize> {
    let start = (key % SLOTS + 1) * SLOT;
    start..start + SLOT
}
