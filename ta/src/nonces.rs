//! Random nonces. They need not be secret, and are drawn several at a time: asking the platform
//! costs more than sealing a kilobyte.

use claviger_proto::Status;

use crate::platform::{Platform, random};

/// Bytes of the longest nonce.
const NONCE: usize = 16;
/// Nonces drawn at once.
const DRAWN: usize = 16;

/// Nonces, each given once.
#[derive(Default)]
pub(crate) struct Nonces {
    drawn: [[u8; NONCE]; DRAWN],
    left: usize,
}

impl Nonces {
    /// The next one, of at most 16 bytes.
    ///
    /// # Errors
    /// [`Status::RandomFailed`].
    pub(crate) fn next<const N: usize>(
        &mut self,
        platform: &mut impl Platform,
    ) -> Result<[u8; N], Status> {
        if self.left == 0 {
            let bytes = random::<{ NONCE * DRAWN }>(platform)?;
            let (drawn, _) = bytes.as_chunks();
            self.drawn.copy_from_slice(drawn);
            self.left = DRAWN;
        }
        self.left = self.left.saturating_sub(1);
        let nonce = self
            .drawn
            .get(self.left)
            .and_then(|nonce| nonce.first_chunk());
        nonce.copied().ok_or(Status::Internal)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::workstation::Workstation;

    #[test]
    fn none_is_given_twice() {
        let mut platform = Workstation::in_memory();
        let mut nonces = Nonces::default();
        let given: BTreeSet<[u8; NONCE]> = (0..4 * DRAWN)
            .map(|_| nonces.next(&mut platform).unwrap())
            .collect();
        assert_eq!(given.len(), 4 * DRAWN);
        assert!(!given.contains(&[0; NONCE]));
    }
}
