//! A device that can be put back to where it was, and what a client sees of it.

use std::collections::BTreeMap;

use claviger::{Algorithm, Client, Error, Home, State, Status, Usage};
use claviger_proto::{
    Digits, KeyId,
    message::{NewKey, Policy},
};
use claviger_ta::{
    platform::{Copy, ObjectId},
    vault::{SLOT, SLOTS},
    workstation::{Disk, Workstation},
};
use claviger_tests::{Device, Handle, label, new_key};

/// All that is stored.
pub(crate) type Image = BTreeMap<ObjectId, Vec<u8>>;

/// A device whose disk is put back to an image again and again.
pub(crate) struct Bench {
    workstation: Workstation,
    wrapped: Vec<Vec<u8>>,
}

/// A device that is switched on, of which root is a client.
pub(crate) struct On {
    device: Device,
    pub(crate) root: Client,
    wrapped: Vec<Vec<u8>>,
    open_before: usize,
}

impl Bench {
    /// A new device, prepared by `prepare`; gives what is stored then, too.
    pub(crate) fn new(prepare: impl FnOnce(&Device)) -> (Bench, Image) {
        let bench = Bench {
            workstation: Workstation::in_memory(),
            wrapped: Vec::new(),
        };
        prepare(&bench.switch_on().device);
        let image = bench.disk().image();
        (bench, image)
    }

    /// Makes two wrapped keys of root's: of no family, and of the family `fleet`. That leaves what
    /// is stored as it was.
    pub(crate) fn wrap(&mut self, image: &Image) {
        let on = self.with(image);
        self.wrapped = [None, Some(label("fleet"))]
            .map(|family| {
                let new = NewKey {
                    home: Home::Wrapped,
                    family,
                    ..new_key("wrapped", Algorithm::HmacSha256)
                };
                Handle::generate(&on.root, new).unwrap().front
            })
            .into();
        assert_eq!(self.disk().image(), *image);
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
        let view = View::try_of(&self.root, &self.wrapped).unwrap();
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
    pub(crate) keys: BTreeMap<String, Shown>,
    /// What comes of the bench's wrapped keys.
    pub(crate) wrapped: Vec<Status>,
}

/// What a client sees of a key, but for what is counted: what is reserved looks different before
/// and after a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: KeyId,
    pub(crate) state: State,
    pub(crate) versions: Vec<u32>,
    pub(crate) policy: Policy,
    /// What only its secrets give: a tag, or the public key of each version.
    pub(crate) proof: Vec<u8>,
}

impl Shown {
    fn of(client: &Client, label: &str) -> Result<Shown, Error> {
        let handle = Handle::new(client, label);
        let shown = handle.describe()?;
        let proof = match (shown.usage, shown.state) {
            (Usage::Mac, State::Active) => handle.mac(b"proof")?,
            (Usage::Sign, State::Destroyed) | (Usage::Mac, _) => vec![],
            _ => {
                let versions = shown.versions.iter();
                let publics = versions.map(|version| handle.public_key(Some(*version)));
                publics.collect::<Result<Vec<_>, _>>()?.concat()
            }
        };
        assert_eq!(
            shown.versions.last().unwrap_or(&shown.version),
            &shown.version
        );
        Ok(Shown {
            id: shown.id,
            state: shown.state,
            versions: shown.versions.to_vec(),
            policy: shown.policy,
            proof,
        })
    }
}

impl View {
    /// # Errors
    /// Where the vault cannot be used.
    pub(crate) fn try_of(client: &Client, wrapped: &[Vec<u8>]) -> Result<View, Error> {
        let mut keys = BTreeMap::new();
        for summary in client.list()? {
            let label = summary.key.to_string();
            let shown = Shown::of(client, &label)?;
            assert_eq!(shown.id, summary.id);
            let twice = keys.insert(label, shown);
            assert_eq!(twice, None, "a key is listed once");
        }
        let serve = |bytes: &Vec<u8>| match Handle::wrapped(client, bytes).mac(b"proof") {
            Ok(_) => Status::Ok,
            Err(error) => error.status().unwrap(),
        };
        let wrapped = wrapped.iter().map(serve).collect();
        let info = client.info()?;
        let vault = info.vault.ok_or_else(|| {
            let store = Status::from_code(info.store).unwrap();
            Error::Ta(store)
        })?;
        Ok(View {
            vault: vault.id,
            locked: vault.locked,
            damaged: vault.damaged,
            others: vault.keys.checked_sub(keys.len() as u32).unwrap(),
            keys,
            wrapped,
        })
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
