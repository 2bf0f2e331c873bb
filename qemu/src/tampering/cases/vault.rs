//! What is done to the files of the vault's objects.

use anyhow::Result;

use super::{Cases, Expect, flip_all};
use crate::tampering::layout::{
    Committed, HEAD_FIELDS, NODE_FIELDS, Spot, block, field, head, node,
};
use crate::tampering::store::DIRECTORY;

/// A data block in which both copies are hurt: slots in use, none of them the header's.
const USED_BLOCK: usize = 20;
/// Blocks of data that are hurt in one copy: OP-TEE gives nothing more of an object in which it found one, so each needs
/// a boot of its own. They are the first, which OP-TEE reads when it opens the object and which has the vault's header,
/// the next, two on both sides of a block of nodes, the last, and one of slots in use or not, by the shard.
const BLOCKS: [usize; 6] = [0, 1, USED_BLOCK, 30, 31, 40];

type SpotOf = Box<dyn Fn(&Committed<'_>) -> Result<Spot>>;

impl Cases<'_> {
    /// Bits in everything of which OP-TEE uses the other version.
    pub(super) fn what_is_not_committed(&mut self) -> Result<()> {
        let mut spots = Vec::new();
        let all = self
            .shelf
            .now
            .vault()
            .into_iter()
            .chain([DIRECTORY.to_owned()]);
        for file in all {
            let committed = self.committed(&file)?;
            let other = 1 - committed.head()?;
            for (what, of) in &HEAD_FIELDS {
                // The directory's counters are compared before anything is authentic.
                if file != DIRECTORY || *what != "counter" {
                    spots.push((file.clone(), field(&head(other), of)));
                }
            }
            for index in 0..committed.blocks() {
                let id = index + 1;
                spots.push((file.clone(), node(id, 1 - committed.node(id)?)));
                let spot = block(index, 1 - committed.block(index)?);
                if spot.end <= committed.0.len() {
                    spots.push((file.clone(), spot));
                }
            }
        }
        self.add(
            "a bit flipped in every head, node and block that is not the committed version",
            true,
            Expect::Unnoticed,
            |store| flip_all(store, &spots),
        )
    }

    /// Hurts of one copy of each shard, now the first and now the second.
    pub(super) fn one_copy(&mut self) -> Result<()> {
        let mut flips: Vec<(String, bool, SpotOf)> = Vec::new();
        for (what, of) in HEAD_FIELDS {
            let spot = move |file: &Committed<'_>| Ok(field(&head(file.head()?), &of));
            flips.push((format!("the {what} of the head"), false, Box::new(spot)));
        }
        for (what, of) in NODE_FIELDS {
            let spot = move |file: &Committed<'_>| Ok(field(&node(1, file.node(1)?), &of));
            flips.push((
                format!("the {what} of the first node"),
                false,
                Box::new(spot),
            ));
        }
        for id in [20, 32, 41] {
            let spot = move |file: &Committed<'_>| Ok(node(id, file.node(id)?));
            flips.push((format!("node {id}"), false, Box::new(spot)));
        }
        for index in BLOCKS {
            let spot = move |file: &Committed<'_>| Ok(block(index, file.block(index)?));
            let telling = index == USED_BLOCK;
            flips.push((format!("block {index}"), telling, Box::new(spot)));
        }
        for (what, telling, spot) in flips {
            let files = self.one_of_each();
            let spots: Vec<_> = files
                .into_iter()
                .map(|file| Ok((file.clone(), spot(&self.committed(&file)?)?)))
                .collect::<Result<_>>()?;
            let name = format!("a bit flipped in {what} of one copy");
            self.add(name, telling, Expect::Mended, |store| {
                flip_all(store, &spots)
            })?;
        }

        let [one, other] = self.one_of_each();
        self.add(
            "one copy cut to half, one to nothing",
            true,
            Expect::Mended,
            |store| {
                let half = store.file(&one)?.len() / 2;
                store.truncate(&one, half)?;
                store.truncate(&other, 0)
            },
        )?;
        let files = self.one_of_each();
        let mut noticed = false;
        for file in &files {
            let committed = self.committed(file)?;
            let last = committed.blocks() - 1;
            noticed |= block(last, committed.block(last)?).end == committed.0.len();
        }
        let expect = if noticed {
            Expect::Mended
        } else {
            Expect::Unnoticed
        };
        self.add("one copy without its last byte", false, expect, |store| {
            files.iter().try_for_each(|file| {
                let length = store.file(file)?.len() - 1;
                store.truncate(file, length)
            })
        })?;
        let files = self.one_of_each();
        self.add("one copy deleted", true, Expect::Mended, |store| {
            files.iter().try_for_each(|file| store.remove(file))
        })?;
        let files = self.one_of_each();
        let older = &self.shelf.older;
        self.add(
            "one copy of an earlier time",
            false,
            Expect::Mended,
            |store| files.iter().try_for_each(|file| store.replace(file, older)),
        )?;
        let [[one, _], [other, _]] = self.two_shards();
        self.add(
            "the first copies of two shards exchanged",
            false,
            Expect::Mended,
            |store| store.exchange(&one, &other),
        )
    }

    /// Hurts of both copies of one shard.
    pub(super) fn both_copies(&mut self) -> Result<()> {
        for (shard, [first, second]) in self.two_shards().into_iter().enumerate() {
            let which = if shard == 0 {
                "the first shard"
            } else {
                "the second shard"
            };
            let (lost, missing) = (Expect::Lost(shard), Expect::Missing(shard));
            // The second shard is hardly used.
            let index = if shard == 0 { USED_BLOCK } else { 1 };
            let spots = [&first, &second]
                .map(|file| {
                    let committed = self.committed(file)?;
                    Ok((file.clone(), block(index, committed.block(index)?)))
                })
                .into_iter()
                .collect::<Result<Vec<_>>>()?;
            let name = format!("the same block of both copies of {which}");
            self.add(name, shard == 0, lost, |store| flip_all(store, &spots))?;
            let name = format!("both copies of {which} deleted");
            self.add(name, shard == 0, missing, |store| {
                store.remove(&first)?;
                store.remove(&second)
            })?;
            let name = format!("the copies of {which} exchanged");
            self.add(name, false, missing, |store| {
                store.exchange(&first, &second)
            })?;
            let name = format!("one copy of {which} deleted, a block of the other hurt");
            self.add(name, false, lost, |store| {
                store.remove(&first)?;
                flip_all(store, &spots[1..])
            })?;
            let [one, other] = self.two_shards()[1 - shard].clone();
            let name = format!("all of {which} cut to nothing, and one copy of the other shard");
            self.add(name, false, missing, |store| {
                store.truncate(&first, 0)?;
                store.truncate(&second, 0)?;
                store.truncate(if shard == 0 { &one } else { &other }, 0)
            })?;
        }
        Ok(())
    }

    /// Hurts of every copy of every shard.
    pub(super) fn every_copy(&mut self) -> Result<()> {
        let files = self.shelf.now.vault();
        self.add(
            "every file of the vault deleted",
            true,
            Expect::Shut,
            |store| files.iter().try_for_each(|file| store.remove(file)),
        )?;
        let mut spots = Vec::new();
        for file in &files {
            spots.push((file.clone(), block(0, self.committed(file)?.block(0)?)));
        }
        self.add(
            "every header of the vault hurt",
            false,
            Expect::Shut,
            |store| flip_all(store, &spots),
        )?;
        let older = &self.shelf.older;
        self.add(
            "every file of the vault of an earlier time",
            false,
            Expect::Shut,
            |store| files.iter().try_for_each(|file| store.replace(file, older)),
        )
    }

    fn two_shards(&self) -> [[String; 2]; 2] {
        [self.shards[0].clone(), self.shards[1].clone()]
    }

    /// A copy of each shard: the first of one and the second of the other, in turns.
    fn one_of_each(&self) -> [String; 2] {
        let turn = self.cases.len() % 2;
        [
            self.shards[0][turn].clone(),
            self.shards[1][1 - turn].clone(),
        ]
    }
}
