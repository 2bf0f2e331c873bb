//! What is done to the store, and what must come of it.

mod records;
mod vault;

use anyhow::{Context, Result, ensure};

use super::layout::{Committed, Spot};
use super::store::{DIRECTORY, Store};
use crate::firmware::Variant;

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// No key is hurt, and there is nothing to mend.
    Unnoticed,
    /// No key is hurt; what is hurt is mended.
    Mended,
    /// Keys of this shard are lost, no others.
    Lost(usize),
    /// This shard is missing, and the rest read-only until it is declared lost.
    Missing(usize),
    /// There is no vault any more, and none is begun before a factory reset.
    Shut,
    /// No trusted application opens; the doctor says this.
    Refused(&'static str),
    /// Not noticed: the keys are those of the older store.
    Older,
    /// Not noticed: the device begins anew, without keys.
    Anew,
    /// The same, after one refusal that says this.
    AnewAfter(&'static str),
}

/// The stores at hand.
#[derive(Debug)]
pub(super) struct Shelf {
    /// The device's, as it was switched off.
    pub(super) now: Store,
    /// The same device's, of an earlier time.
    pub(super) older: Store,
    /// Another device's.
    pub(super) foreign: Store,
}

/// One case.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    /// What the device is switched on with.
    pub(super) store: Store,
    pub(super) expect: Expect,
    /// Whether it is one of the telling ones.
    pub(super) telling: bool,
}

/// The cases for a device with this OP-TEE.
pub(super) fn of(shelf: &Shelf, variant: Variant) -> Result<Vec<Case>> {
    let mut cases = Cases::new(shelf)?;
    match variant {
        Variant::Standard | Variant::Lean => {
            cases.what_is_not_committed()?;
            cases.one_copy()?;
            cases.both_copies()?;
            cases.every_copy()?;
            cases.optee_records()?;
            cases.directory()?;
            cases.whole_store()?;
        }
        Variant::WithoutCounter => cases.unseen()?,
    }
    Ok(cases.cases)
}

/// The cases of a device.
#[derive(Debug)]
struct Cases<'a> {
    shelf: &'a Shelf,
    /// The files of each shard's copies.
    shards: Vec<[String; 2]>,
    cases: Vec<Case>,
}

impl<'a> Cases<'a> {
    fn new(shelf: &'a Shelf) -> Result<Self> {
        let files = shelf.now.vault();
        let shards: Vec<_> = files.as_chunks::<2>().0.to_vec();
        ensure!(
            shards.len() == 2 && files.len() == 4,
            "the vault has {} files, not those of two shards",
            files.len()
        );
        Ok(Self {
            shelf,
            shards,
            cases: Vec::new(),
        })
    }

    /// What goes unseen on a device without a counter.
    fn unseen(&mut self) -> Result<()> {
        let shelf = self.shelf;
        let (older, foreign) = (shelf.older.clone(), shelf.foreign.clone());
        self.add(
            "without a counter: an older store",
            true,
            Expect::Older,
            |store| {
                *store = older;
                Ok(())
            },
        )?;
        self.add(
            "without a counter: no dirf.db",
            true,
            Expect::Anew,
            |store| store.remove(DIRECTORY),
        )?;
        self.add(
            "without a counter: an emptied store",
            false,
            Expect::Anew,
            |store| {
                store.clear();
                Ok(())
            },
        )?;
        self.add(
            "without a counter: another device's store",
            false,
            // OP-TEE sees that its keys are others, and gives it up.
            Expect::AnewAfter("another device's"),
            |store| {
                *store = foreign;
                Ok(())
            },
        )?;
        let [first, _] = self.shards[0].clone();
        let [_, second] = self.shards[1].clone();
        self.add(
            "without a counter: older files of one copy",
            false,
            Expect::Mended,
            |store| {
                store.replace(&first, &shelf.older)?;
                store.replace(&second, &shelf.older)
            },
        )
    }

    fn add(
        &mut self,
        name: impl Into<String>,
        telling: bool,
        expect: Expect,
        edit: impl FnOnce(&mut Store) -> Result<()>,
    ) -> Result<()> {
        let name = name.into();
        let mut store = self.shelf.now.clone();
        edit(&mut store).with_context(|| name.clone())?;
        self.cases.push(Case {
            name,
            store,
            expect,
            telling,
        });
        Ok(())
    }

    fn committed(&self, file: &str) -> Result<Committed<'a>> {
        self.shelf.now.file(file).map(|bytes| Committed(bytes))
    }
}

fn flip_all(store: &mut Store, spots: &[(String, Spot)]) -> Result<()> {
    spots
        .iter()
        .try_for_each(|(file, spot)| store.flip(file, spot))
}
