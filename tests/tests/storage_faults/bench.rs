//! A device that can be put back to where it was, and what a client sees of it.

use std::collections::BTreeMap;

use claviger::{Client, Error, Status};
use claviger_proto::{Digits, KeyId, message::VaultInfo};
use claviger_ta::{
    platform::{Copy, ObjectId},
    vault::{SLOT, SLOTS},
    workstation::{Disk, Workstation},
};
use claviger_tests::Device;

/// All that is stored.
pub(crate) type Image = BTreeMap<ObjectId, Vec<u8>>;

/// A device whose disk is put back to an image again and again.
pub(crate) struct Bench {
    workstation: Workstation,
}

/// A device that is switched on, of which root is a client.
pub(crate) struct On {
    device: Device,
    pub(crate) root: Client,
    open_before: usize,
}

impl Bench {
    /// A new device, prepared by `prepare`; gives what is stored then, too.
    pub(crate) fn new(prepare: impl FnOnce(&Device)) -> (Bench, Image) {
        let bench = Bench {
            workstation: Workstation::in_memory(),
        };
        prepare(&bench.switch_on().device);
        let image = bench.disk().image();
        (bench, image)
    }

    pub(crate) fn disk(&self) -> &Disk {
        self.workstation.disk()
    }

    /// Switches the device on.
    pub(crate) fn switch_on(&self) -> On {
        let open_before = self.disk().open_objects();
        let device = Device::on(self.workstation.clone());
        let root = device.user(0);
        On {
            device,
            root,
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
        let view = View::try_of(&self.root).unwrap();
        let disk = self.device.workstation().disk();
        let open = disk.open_objects() - self.open_before;
        let there = disk.image().len();
        assert!(open <= there, "{open} handles are open of {there} objects");
        view
    }
}

/// All that matters of a vault: its facts, and each key with proof that its secret is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) vault: Digits<16>,
    pub(crate) locked: bool,
    pub(crate) damaged: u32,
    /// How many keys others have.
    pub(crate) others: u32,
    pub(crate) keys: BTreeMap<String, (KeyId, Vec<u8>)>,
}

impl View {
    /// # Errors
    /// Where the vault cannot be used.
    pub(crate) fn try_of(client: &Client) -> Result<View, Error> {
        let mut keys = BTreeMap::new();
        for description in client.list()? {
            let label = description.key.to_string();
            let tag = client.key(&label)?.mac(b"proof")?;
            let twice = keys.insert(label, (description.id, tag));
            assert_eq!(twice, None, "a key is listed once");
        }
        let info = client.info()?;
        let vault = info.vault.ok_or_else(|| {
            let store = Status::from_code(info.store).unwrap();
            Error::Ta(store)
        })?;
        Ok(View::new(&vault, keys))
    }

    fn new(vault: &VaultInfo, keys: BTreeMap<String, (KeyId, Vec<u8>)>) -> View {
        View {
            vault: vault.id,
            locked: vault.locked,
            damaged: vault.damaged,
            others: vault.keys.checked_sub(keys.len() as u32).unwrap(),
            keys,
        }
    }
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
