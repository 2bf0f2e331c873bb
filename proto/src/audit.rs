//! The audit log: what was done with keys, and what was refused, in chains that show whether
//! anything was left out.
//!
//! A caller has a log of its own (uid 0, and the first others, up to [`crate::limits::AUDIT_LOGS`] in
//! all and [`crate::limits::GROUP_LOGS`] groups; those after them share one), so that none displaces what is known of another; it keeps the latest records and
//! overwrites the oldest. Integers are big-endian.
//!
//! ```text
//! record     = sequence (8) || boot (4) || time (8) || event (1) || status (2) || count (4)
//!              || detail (4) || caller (17) || owner of the key (17)
//!              || length of the label (1) || label || device (32; of `restored` and `restore-trust`)
//! chain      h(0) = SHA-256("claviger audit v1" || vault id (16) || log)
//!            h(n) = SHA-256(h(n-1) || record n)                  n from 1: record n has number n-1
//! caller, owner, log = login (1) || UUID (16); zeros for none, and for the log that callers
//!              share who have none of their own
//! checkpoint = "CLVA" || 2 (1) || 3 zeros || vault id (16) || log (17) || boot (4) || time (8)
//!              || number of the oldest record kept (8) || records ever (8) || h(records ever) (32)
//!              || length of the nonce (1) || nonce
//! signed     = checkpoint || r || s      ECDSA P-256 with SHA-256, by the device's key
//! ```
//!
//! `sequence` rises with every change of the vault, over all logs. `boot` counts the starts in
//! which anything was recorded. `time` is what Linux said, in seconds since 1970: not to be
//! trusted; 0 if it said nothing. This module builds bytes; it computes no hash.
//!
//! A chain alone does not show that records were dropped from its front: whoever has it computes the
//! value before any of its records. The checkpoint names the oldest record that the vault kept, so
//! that one that was dropped is told from one that was overwritten.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::{Digits, Identity, Label, Login, Status, Uuid, key::numbered};

/// What a chain's first value is made of, before vault id and log.
pub const CHAIN_LABEL: &[u8] = b"claviger audit v1";
/// Bytes of the longest record.
pub const RECORD: usize = 8 + 4 + 8 + 1 + 2 + 4 + 4 + 2 * LOG + 1 + Label::MAX + 32;
/// Bytes of a log's name.
pub const LOG: usize = 17;
/// Bytes of a nonce at most.
pub const NONCE: usize = 32;
/// Bytes of the longest checkpoint.
pub const CHECKPOINT: usize = 8 + 16 + LOG + 4 + 8 + 8 + 8 + 32 + 1 + NONCE;
/// Bytes of its signature.
pub const SIGNATURE: usize = 64;

const FRONT: [u8; 8] = *b"CLVA\x02\0\0\0";

numbered! {
    /// What happened. `detail` is what the record says of it.
    Event {
        /// A key was made; `detail`: its origin's number.
        Created = 1, "created";
        /// A key was deleted.
        Deleted = 2, "deleted";
        /// A key got a version, by its policy or by a call; `detail`: which.
        Rotated = 3, "rotated";
        /// An old version's secret was destroyed; `detail`: which.
        Retired = 4, "retired";
        /// A key's state changed; `detail`: the new state's number.
        StateChanged = 5, "state-changed";
        /// A key's policy was tightened.
        PolicyTightened = 6, "policy-tightened";
        /// Wrapped keys were revoked; the label is the family; `detail`: the generation now.
        Revoked = 7, "revoked";
        /// A key of the vault was given out wrapped.
        Wrapped = 8, "wrapped";
        /// A key's shares were given out; `detail`: how many.
        Shared = 9, "shared";
        /// Imports were ended.
        Locked = 10, "locked";
        /// A certificate of the device's key was installed.
        CertificateInstalled = 11, "certificate-installed";
        /// A full log refuses from now on.
        AuditStrict = 12, "audit-strict";
        /// Records before number `detail` may be overwritten.
        AuditReleased = 13, "audit-released";
        /// Calls were refused; `count` says how many. `status`, `detail` (the command's id), owner and
        /// label are the last one's: the others may have been about other keys. Without a caller:
        /// of several callers, who were more than are told apart.
        Refused = 14, "refused";
        /// A custodian entered a component, but not the last, with which the key was made;
        /// `detail`: how many are in.
        ComponentEntered = 15, "component-entered";
        /// What was hurt in one copy of the vault was mended from the other; `detail`: in how many
        /// places. Nobody's doing: in the log of callers who have none of their own.
        Repaired = 16, "repaired";
        /// Parts of the vault were declared lost, and records of this and other logs may be among
        /// what is lost; `detail`: how many slots ever were.
        DeclaredLost = 17, "declared-lost";
        /// All shares of a key are in, and it is restored next: `device` is the one whose word was
        /// believed of what it is. Should that fail, no `created` follows.
        Restored = 19, "restored";
        /// A device was named whose manifests a locked vault believes (`detail`: 1), or taken off that
        /// list (0): `device`.
        RestoreTrust = 20, "restore-trust";
        /// An owner's quota of keys was set; `detail`: how many.
        QuotaSet = 21, "quota-set";
        /// A key got another label: this was its label, the next record of the log has the new one.
        Renamed = 23, "renamed";
        /// uid 0 gave a key to another owner: this was its owner, the next record of the log has the
        /// new one. In the logs of uid 0, of the old owner and of the new one.
        GivenAway = 24, "given-away";
        /// What a key is called now, and whose it is, of which the record before this one tells.
        Now = 25, "now";
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Rises with every change of the vault.
    pub sequence: u64,
    /// In which start it happened.
    pub boot: u32,
    /// Seconds since 1970 as Linux said; 0 if it did not.
    pub time: u64,
    /// What happened.
    pub event: Event,
    /// [`Status::Ok`], or why it was refused.
    pub status: Status,
    /// How often: 1, but for what was refused.
    pub count: u32,
    /// See [`Event`].
    pub detail: u32,
    /// Who did it, or was refused.
    pub caller: Option<Identity>,
    /// Whose key.
    pub owner: Option<Identity>,
    /// Which key.
    pub label: Option<Label>,
    /// Which device: [its fingerprint](crate::shares::SPKI). Records of events that
    /// [are about one](Event::is_of_device) have it, and no others.
    pub device: Option<Digits<32>>,
}

impl Event {
    /// Whether its record names a device.
    #[must_use]
    pub const fn is_of_device(self) -> bool {
        matches!(self, Event::Restored | Event::RestoreTrust)
    }
}

impl Record {
    /// The record as it is chained.
    #[must_use]
    pub fn encode(&self) -> Vec<u8, RECORD> {
        let label = self.label.as_ref().map_or("", Label::as_str);
        let device = self.device.filter(|_| self.event.is_of_device());
        let parts: [&[u8]; 12] = [
            &self.sequence.to_be_bytes(),
            &self.boot.to_be_bytes(),
            &self.time.to_be_bytes(),
            &[self.event as u8],
            &self.status.code().to_be_bytes(),
            &self.count.to_be_bytes(),
            &self.detail.to_be_bytes(),
            &log_name(self.caller.as_ref()),
            &log_name(self.owner.as_ref()),
            // A label has at most 64 characters.
            &[label.len() as u8],
            label.as_bytes(),
            device.as_ref().map_or(&[], |device| &device.0),
        ];
        // The parts are at most RECORD bytes.
        parts.into_iter().flatten().copied().take(RECORD).collect()
    }

    /// Reads the record at the front of `bytes`, and gives what is behind it.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Record, &[u8])> {
        let (sequence, rest) = bytes.split_first_chunk()?;
        let (boot, rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let ([event, s0, s1], rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (detail, rest) = rest.split_first_chunk()?;
        let (caller, rest) = rest.split_first_chunk()?;
        let (owner, rest) = rest.split_first_chunk()?;
        let ([len], rest) = rest.split_first_chunk()?;
        let (label, rest) = rest.split_at_checked(usize::from(*len))?;
        let label = match label {
            [] => None,
            label => Some(Label::try_from(core::str::from_utf8(label).ok()?).ok()?),
        };
        let event = Event::try_from(*event).ok()?;
        let (device, rest) = if event.is_of_device() {
            let (device, rest) = rest.split_first_chunk()?;
            (Some(Digits(*device)), rest)
        } else {
            (None, rest)
        };
        let record = Record {
            sequence: u64::from_be_bytes(*sequence),
            boot: u32::from_be_bytes(*boot),
            time: u64::from_be_bytes(*time),
            event,
            status: Status::from_code(u16::from_be_bytes([*s0, *s1]))?,
            count: u32::from_be_bytes(*count),
            detail: u32::from_be_bytes(*detail),
            caller: log_owner(caller)?,
            owner: log_owner(owner)?,
            label,
            device,
        };
        Some((record, rest))
    }
}

/// A log's name: its caller, zeros for none.
#[must_use]
pub fn log_name(of: Option<&Identity>) -> [u8; LOG] {
    let mut name = [0; LOG];
    if let Some(identity) = of {
        let fields = [identity.login as u8].into_iter().chain(identity.id.0);
        for (place, byte) in name.iter_mut().zip(fields) {
            *place = byte;
        }
    }
    name
}

/// Whose log has this name, if it is one.
#[must_use]
pub fn log_owner(name: &[u8; LOG]) -> Option<Option<Identity>> {
    let [login, id @ ..] = *name;
    let login = match login {
        0 if id == [0; 16] => return Some(None),
        1 => Login::User,
        2 => Login::Group,
        _ => return None,
    };
    Some(Some(Identity {
        login,
        id: Uuid(id),
    }))
}

/// Where a log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which vault.
    pub vault: Digits<16>,
    /// Whose log; none for the shared one.
    pub of: Option<Identity>,
    /// The start in which this was signed, as records have it.
    pub boot: u32,
    /// What Linux said the time was.
    pub time: u64,
    /// The number of the oldest record that the vault kept; [`Checkpoint::records`] if it kept none.
    pub first: u64,
    /// How many records there have been.
    pub records: u64,
    /// The chain's value behind the last.
    pub head: Digits<32>,
    /// What whoever asked gave, to know that the answer is new.
    pub nonce: Vec<u8, NONCE>,
}

impl Checkpoint {
    /// The bytes that are signed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8, CHECKPOINT> {
        let parts: [&[u8]; 10] = [
            &FRONT,
            &self.vault.0,
            &log_name(self.of.as_ref()),
            &self.boot.to_be_bytes(),
            &self.time.to_be_bytes(),
            &self.first.to_be_bytes(),
            &self.records.to_be_bytes(),
            &self.head.0,
            // A nonce has at most 32 bytes.
            &[self.nonce.len() as u8],
            &self.nonce,
        ];
        // The parts are at most CHECKPOINT bytes.
        parts
            .into_iter()
            .flatten()
            .copied()
            .take(CHECKPOINT)
            .collect()
    }

    /// Reads a checkpoint at the front of `bytes`, and gives what is behind it.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Checkpoint, &[u8])> {
        let rest = bytes.strip_prefix(&FRONT)?;
        let (vault, rest) = rest.split_first_chunk()?;
        let (of, rest) = rest.split_first_chunk()?;
        let (boot, rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (records, rest) = rest.split_first_chunk()?;
        let (head, rest) = rest.split_first_chunk()?;
        let ([len], rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_at_checked(usize::from(*len))?;
        let checkpoint = Checkpoint {
            vault: Digits(*vault),
            of: log_owner(of)?,
            boot: u32::from_be_bytes(*boot),
            time: u64::from_be_bytes(*time),
            first: u64::from_be_bytes(*first),
            records: u64::from_be_bytes(*records),
            head: Digits(*head),
            nonce: Vec::from_slice(nonce).ok()?,
        };
        Some((checkpoint, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Identity = Identity {
        login: Login::Group,
        id: Uuid([0xaa; 16]),
    };

    const CALLER: Identity = Identity {
        login: Login::User,
        id: Uuid([0xdd; 16]),
    };

    #[test]
    fn a_record_is_these_bytes() {
        let record = Record {
            sequence: 0x0102,
            boot: 3,
            time: 4,
            event: Event::Refused,
            status: Status::NotPermitted,
            count: 5,
            detail: 6,
            caller: Some(CALLER),
            owner: Some(OWNER),
            label: Label::try_from("a/b").ok(),
            device: None,
        };
        let mut expected = std::vec![0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4];
        expected.extend([14, 0, 18, 0, 0, 0, 5, 0, 0, 0, 6, 1]);
        expected.extend([0xdd; 16]);
        expected.push(2);
        expected.extend([0xaa; 16]);
        expected.extend(b"\x03a/b");
        assert_eq!(record.encode()[..], expected[..]);
        expected.push(9);
        assert_eq!(Record::decode(&expected), Some((record.clone(), &[9][..])));
        for len in 0..expected.len() - 1 {
            assert_eq!(Record::decode(&expected[..len]), None);
        }
        let of_device = Record {
            event: Event::Restored,
            device: Some(Digits([0xee; 32])),
            ..record.clone()
        };
        let mut bytes = of_device.encode().to_vec();
        expected.pop();
        expected[20] = 19;
        expected.extend([0xee; 32]);
        assert_eq!(bytes, expected);
        for len in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes[..len]), None);
        }
        bytes.push(9);
        assert_eq!(Record::decode(&bytes), Some((of_device, &[9][..])));
        let nobody = Record {
            caller: None,
            owner: None,
            label: None,
            ..record
        };
        assert_eq!(Record::decode(&nobody.encode()), Some((nobody, &[][..])));
    }

    #[test]
    fn a_checkpoint_is_these_bytes() {
        let checkpoint = Checkpoint {
            vault: Digits([0xbb; 16]),
            of: Some(OWNER),
            boot: 1,
            time: 2,
            first: 3,
            records: 4,
            head: Digits([0xcc; 32]),
            nonce: Vec::from_slice(b"new").unwrap(),
        };
        let mut expected = b"CLVA\x02\0\0\0".to_vec();
        expected.extend([0xbb; 16]);
        expected.push(2);
        expected.extend([0xaa; 16]);
        expected.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        expected.extend([0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4]);
        expected.extend([0xcc; 32]);
        expected.extend(b"\x03new");
        assert_eq!(checkpoint.encode()[..], expected[..]);
        assert_eq!(Checkpoint::decode(&expected), Some((checkpoint, &[][..])));
        for len in 0..expected.len() {
            assert_eq!(Checkpoint::decode(&expected[..len]), None);
        }
    }
}
