//! Large memory that is not to keep what it held. Volatile writes, byte by byte, as of the crate
//! zeroize, would cost as much as the sealing.

use std::{
    hint::black_box,
    ops::{Deref, DerefMut},
};

/// Overwrites all of it. It is shown to what the compiler cannot see into, so that the writes are
/// not removed.
pub(crate) fn wipe(memory: &mut [u8]) {
    memory.fill(0);
    black_box(memory);
}

/// Bytes that are overwritten when they are dropped. Before they outgrow their memory, they leave it
/// as it is: it is to be large enough from the start.
#[derive(Default)]
pub(crate) struct Wiped(Vec<u8>);

impl Wiped {
    pub(crate) fn with_capacity(capacity: usize) -> Wiped {
        Wiped(Vec::with_capacity(capacity))
    }

    /// Overwrites what there is, and has nothing then.
    pub(crate) fn empty(&mut self) {
        wipe(&mut self.0);
        self.0.clear();
    }
}

impl From<Vec<u8>> for Wiped {
    fn from(bytes: Vec<u8>) -> Wiped {
        Wiped(bytes)
    }
}

impl Deref for Wiped {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_overwritten() {
        let mut bytes = Wiped::from(vec![7; 100]);
        let at = bytes.as_ptr();
        bytes.empty();
        assert_eq!((bytes.len(), bytes.as_ptr()), (0, at));
        bytes.resize(100, 9);
        wipe(&mut bytes[..50]);
        assert_eq!(bytes[..50], [0; 50]);
        assert_eq!(bytes[50..], [9; 50]);
    }
}
