//! What is done to OP-TEE's own records, and to the store as a whole.

use anyhow::Result;

use super::{Cases, Expect, flip_all};
use crate::tampering::layout::{HEAD_FIELDS, Spot, block, field, head, node};
use crate::tampering::store::DIRECTORY;

impl Cases<'_> {
    /// Hurts of the two objects that OP-TEE keeps for itself.
    pub(super) fn optee_records(&mut self) -> Result<()> {
        let own = self.shelf.now.own();
        let [list, versions] = own.as_slice() else {
            anyhow::bail!("OP-TEE keeps {} objects of its own, not two", own.len());
        };
        for (file, what, says) in [
            (list, "list of applications", "list"),
            (versions, "ta_ver.db", "ta_ver.db"),
        ] {
            let refused = Expect::Refused(says);
            self.add(format!("{what} deleted"), false, refused, |store| {
                store.remove(file)
            })?;
            self.add(format!("{what} cut to nothing"), false, refused, |store| {
                store.truncate(file, 0)
            })?;
            let spots = [(file.clone(), head(self.committed(file)?.head()?))];
            self.add(
                format!("a bit flipped in {what}"),
                false,
                refused,
                |store| flip_all(store, &spots),
            )?;
        }
        Ok(())
    }

    /// Hurts of OP-TEE's directory.
    pub(super) fn directory(&mut self) -> Result<()> {
        let refused = Expect::Refused(DIRECTORY);
        self.add(
            "dirf.db deleted",
            false,
            Expect::Refused("tee/dirf.db is missing"),
            |store| store.remove(DIRECTORY),
        )?;
        for keep in [0, 2] {
            let name = format!(
                "dirf.db cut to {}",
                if keep == 0 { "nothing" } else { "half" }
            );
            self.add(name, false, refused, |store| {
                let length = store.file(DIRECTORY)?.len().checked_div(keep).unwrap_or(0);
                store.truncate(DIRECTORY, length)
            })?;
        }
        let older = &self.shelf.older;
        self.add("dirf.db of an earlier time", false, refused, |store| {
            store.replace(DIRECTORY, older)
        })?;
        let foreign = &self.shelf.foreign;
        self.add("dirf.db of another device", false, refused, |store| {
            store.replace(DIRECTORY, foreign)
        })?;
        let committed = self.committed(DIRECTORY)?;
        let version = committed.head()?;
        let mut spots: Vec<(String, Spot)> = HEAD_FIELDS
            .iter()
            .map(|(what, of)| (format!("the {what} of the head"), field(&head(version), of)))
            .collect();
        spots.push(("the first node".to_owned(), node(1, version)));
        spots.push(("a block".to_owned(), block(0, committed.block(0)?)));
        // Its highest byte: the counter becomes the greater one.
        let counter = head(1 - version);
        spots.push((
            "the spare head's counter".to_owned(),
            counter.end - 1..counter.end,
        ));
        for (what, spot) in spots {
            let spots = [(DIRECTORY.to_owned(), spot)];
            self.add(
                format!("a bit flipped in {what} of dirf.db"),
                false,
                refused,
                |store| flip_all(store, &spots),
            )?;
        }
        Ok(())
    }

    /// Other stores as a whole.
    pub(super) fn whole_store(&mut self) -> Result<()> {
        let refused = Expect::Refused(DIRECTORY);
        let (older, foreign) = (self.shelf.older.clone(), self.shelf.foreign.clone());
        self.add(
            "the whole store of an earlier time",
            true,
            Expect::Refused("rolled back"),
            |store| {
                *store = older;
                Ok(())
            },
        )?;
        self.add(
            "the whole store emptied",
            false,
            Expect::Refused("emptied"),
            |store| {
                store.clear();
                Ok(())
            },
        )?;
        self.add("the store of another device", false, refused, |store| {
            *store = foreign;
            Ok(())
        })
    }
}
