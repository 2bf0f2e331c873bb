//! What is done to a vault, and how one sees that it was done.

mod keys;
mod made;
pub(crate) mod reading;
mod uses;
pub(crate) mod vault;

use claviger::{Algorithm, Client, Error, Status};
use claviger_proto::{Command, audit::Event, command::Request};
use claviger_tests::Device;

use crate::{
    bench::On,
    view::{Shown, View},
};

/// One change of a vault by one call.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Makes the vault to which it happens.
    pub(crate) prepare: fn(&Device) -> Prepared,
    /// Whether the second is the first after this change.
    pub(crate) done: fn(&View, &View) -> bool,
    pub(crate) tells: Tells,
    /// What the call comes to undisturbed.
    pub(crate) status: Status,
}

/// What a change tells the audit logs.
pub(crate) enum Tells {
    /// This, in the same write as the change: neither is there without the other.
    With(&'static [Event]),
    /// This, before the change: it is not there untold.
    Before(Event),
    /// The first before the change, the second with it.
    Both(Event, Event),
}

/// What is ready for a change.
pub(crate) struct Prepared {
    /// Makes the call, on a device that is switched on.
    pub(crate) call: Box<dyn Fn(&On) -> Call>,
    /// Sees that keys of which a view has no proof still are what they were.
    pub(crate) witness: Box<dyn Fn(&On)>,
}

impl Prepared {
    fn new(call: impl Fn(&On) -> Call + 'static) -> Prepared {
        Prepared {
            call: Box::new(call),
            witness: Box::new(|_| {}),
        }
    }
}

/// One call, not made yet.
pub(crate) struct Call {
    pub(crate) command: Command,
    ask: Box<dyn FnOnce() -> Result<Vec<u8>, Error>>,
}

impl Call {
    pub(crate) fn new<R: Request + 'static>(client: &Client, request: R, payload: &[u8]) -> Call {
        let (client, payload) = (client.clone(), payload.to_vec());
        Call {
            command: R::COMMAND,
            ask: Box::new(move || client.request(&request, &payload).map(|(_, bytes)| bytes)),
        }
    }

    /// Makes it; gives the payload of the answer.
    pub(crate) fn make(self) -> Result<Vec<u8>, Error> {
        (self.ask)()
    }
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    let tables = [
        keys::SCENARIOS,
        made::SCENARIOS,
        uses::SCENARIOS,
        vault::SCENARIOS,
    ];
    tables.into_iter().flatten()
}

pub(crate) fn import(client: &Client, label: &str) -> Result<(), Error> {
    let creation = client.create(label).algorithm(Algorithm::Aes128Cmac);
    creation.import(&[label.len() as u8; 16]).map(drop)
}

fn three_keys(device: &Device) {
    for label in ["a", "bb", "ccc"] {
        import(&device.user(0), label).unwrap();
    }
}

/// What `act` makes of a key, as far as that is known before.
fn changed(before: &View, after: &View, label: &str, act: impl FnOnce(&mut Shown)) -> bool {
    let mut expected = before.clone();
    let shown = expected.keys.get_mut(label).unwrap();
    act(shown);
    // The public key of a new version is not known before.
    let before = before.keys[label].versions.len();
    if shown.versions.len() > before {
        let Some((old, _)) = after.keys[label].proof.split_last_chunk::<32>() else {
            return false;
        };
        if shown.proof != old {
            return false;
        }
        shown.proof.clone_from(&after.keys[label].proof);
    }
    expected == *after
}

/// Whether there is a key `new` now, and nothing else is otherwise.
fn made(before: &View, after: &View) -> bool {
    let mut without = after.clone();
    without.keys.remove("new").is_some() && without == *before
}

fn same(before: &View, after: &View) -> bool {
    before == after
}
