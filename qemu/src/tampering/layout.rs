//! Where OP-TEE keeps what in a file of its REE file system (`core/tee/tee_ree_fs.c` and `fs_htree.c`, 4.10).
//!
//! Everything is there twice: one version is the committed one, the next change writes the other. A head names the
//! committed version of the tree's first node, each node those of its children and of its block of data.

use std::ops::Range;

use anyhow::{Context, Result};

/// Bytes in a file.
pub(super) type Spot = Range<usize>;

const BLOCK: usize = 4096;
const HEAD: usize = 68;
const HEAD_COUNTER: usize = 64;
const NODE: usize = 66;
const NODE_FLAGS: usize = 64;
/// Nodes, in both versions, that a block of them holds.
const NODES: usize = BLOCK / (2 * NODE);

/// The fields of a head.
pub(super) const HEAD_FIELDS: [(&str, Spot); 5] = [
    ("initialisation vector", 0..16),
    ("tag", 16..32),
    ("file key", 32..48),
    ("length", 48..64),
    ("counter", HEAD_COUNTER..HEAD),
];
/// The fields of a node.
pub(super) const NODE_FIELDS: [(&str, Spot); 4] = [
    ("hash", 0..32),
    ("initialisation vector", 32..48),
    ("tag", 48..64),
    ("flags", NODE_FLAGS..NODE),
];

/// A version: 0 or 1.
pub(super) type Version = usize;

/// A head's place.
pub(super) fn head(version: Version) -> Spot {
    let start = version * HEAD;
    start..start + HEAD
}

/// The place of a node, counted from 1: that of block `id - 1`.
pub(super) fn node(id: usize, version: Version) -> Spot {
    let index = id - 1;
    let start = (1 + index / NODES * NODES * 2) * BLOCK + (index % NODES * 2 + version) * NODE;
    start..start + NODE
}

/// The place of a block of data, counted from 0.
pub(super) fn block(index: usize, version: Version) -> Spot {
    let data = 2 * index + version;
    let start = (2 + data + data / (2 * NODES - 1)) * BLOCK;
    start..start + BLOCK
}

/// A field within a place.
pub(super) fn field(of: &Spot, field: &Spot) -> Spot {
    of.start + field.start..of.start + field.end
}

/// What of a file is committed.
#[derive(Debug)]
pub(super) struct Committed<'a>(pub(super) &'a [u8]);

impl Committed<'_> {
    /// How many blocks of data it has.
    pub(super) fn blocks(&self) -> usize {
        (0..)
            .take_while(|index| self.0.len() >= block(*index, 0).end)
            .count()
    }

    /// The version of the head, and of the first node.
    pub(super) fn head(&self) -> Result<Version> {
        let counter = |version| self.number::<4>(head(version).start + HEAD_COUNTER);
        let [even, odd] = [counter(0)?, counter(1)?];
        Ok(match (even % 2, odd % 2) {
            (0, 0) => 0,
            (0, _) if even > odd => 0,
            _ => 1,
        })
    }

    /// The version of a node.
    pub(super) fn node(&self, id: usize) -> Result<Version> {
        if id == 1 {
            return self.head();
        }
        let flags = self.flags(id / 2)?;
        Ok(flags >> (1 + id % 2) & 1)
    }

    /// The version of a block.
    pub(super) fn block(&self, index: usize) -> Result<Version> {
        Ok(self.flags(index + 1)? & 1)
    }

    fn flags(&self, id: usize) -> Result<usize> {
        self.number::<2>(node(id, self.node(id)?).start + NODE_FLAGS)
    }

    fn number<const N: usize>(&self, at: usize) -> Result<usize> {
        let bytes = self.0.get(at..at + N).context("the file is too short")?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_optee() {
        assert_eq!(head(1), 68..136);
        assert_eq!(node(1, 0).start, 4096);
        assert_eq!(node(31, 1), 8192 - 4 - 66..8192 - 4);
        assert_eq!(block(0, 0).start, 2 * 4096);
        assert_eq!(block(30, 0).start, 62 * 4096);
        assert_eq!(node(32, 0).start, 63 * 4096);
        assert_eq!(block(30, 1).start, 64 * 4096);
        assert_eq!(block(40, 1).end, 85 * 4096);
    }

    #[test]
    fn what_is_committed() {
        let mut file = vec![0; block(2, 1).end];
        file[HEAD_COUNTER] = 4;
        file[HEAD + HEAD_COUNTER] = 5;
        // The first node's flags: its block is version 1, its children are versions 0 and 1.
        file[node(1, 1).start + NODE_FLAGS] = 0b101;
        file[node(2, 0).start + NODE_FLAGS] = 0b001;
        let file = Committed(&file);
        assert_eq!(file.blocks(), 3);
        assert_eq!(file.head().unwrap(), 1);
        let nodes = [1, 2, 3].map(|id| file.node(id).unwrap());
        assert_eq!(nodes, [1, 0, 1]);
        let blocks = [0, 1, 2].map(|index| file.block(index).unwrap());
        assert_eq!(blocks, [1, 1, 0]);
    }
}
