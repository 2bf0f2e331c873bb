//! What one sees of a device from outside, and of its logs.

use std::collections::BTreeMap;

use claviger::{
    Algorithm, Client, Error, State, Status, Usage, audit::LogOf, identity::uid_identity,
};
use claviger_proto::{
    Digits, Identity, KeyId,
    audit::{Event, Record},
    message::{KeyDescription, Policy},
};
use claviger_ta::{
    platform::{Copy, ObjectId},
    vault::{
        SLOT,
        header::{self, Header},
        slot::{Content, SlotKey},
    },
    workstation::Workstation,
};
use claviger_tests::Handle;

use crate::bench::USERS;

/// All that matters of a vault: its facts, and each key with proof that its secret is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) vault: Digits<16>,
    /// Whether that is known, and so.
    pub(crate) locked: bool,
    /// The devices whose manifests it believes.
    pub(crate) trusted: Vec<Digits<32>>,
    pub(crate) damaged: u32,
    /// How many keys others have.
    pub(crate) others: u32,
    /// By label; before that of a user but root, the uid and a slash.
    pub(crate) keys: BTreeMap<String, Shown>,
    /// What comes of the bench's wrapped keys.
    pub(crate) wrapped: Vec<Status>,
}

/// What a client sees of a key, but for what is counted: what is reserved looks different before
/// and after a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: KeyId,
    pub(crate) algorithm: Algorithm,
    pub(crate) state: State,
    pub(crate) versions: Vec<u32>,
    pub(crate) policy: Policy,
    /// What only its secrets give: a tag, a blob, or the public key of each version.
    pub(crate) proof: Vec<u8>,
}

impl Shown {
    fn of(handle: &Handle, shown: KeyDescription) -> Result<Shown, Error> {
        let counted = shown.policy.max_uses.is_some();
        let proof = match (shown.usage, shown.state) {
            (Usage::Sign | Usage::Agree | Usage::Decapsulate, state)
                if state != State::Destroyed =>
            {
                let versions = shown.versions.iter();
                let publics = versions.map(|version| handle.public_key(Some(*version)));
                publics.collect::<Result<Vec<_>, _>>()?.concat()
            }
            // Whoever looks must not count.
            _ if counted || shown.state != State::Active => vec![],
            (Usage::Mac, _) => handle.mac(b"proof")?,
            (Usage::Seal, _) => handle.seal_deterministic(b"proof", b"proof")?,
            (Usage::Derive, _) => handle.child("proof").mac(b"proof")?,
            _ => vec![],
        };
        assert_eq!(
            shown.versions.last().unwrap_or(&shown.version),
            &shown.version
        );
        Ok(Shown {
            id: shown.id,
            algorithm: shown.algorithm,
            state: shown.state,
            versions: shown.versions.to_vec(),
            policy: shown.policy,
            proof,
        })
    }
}

/// How a view names a user's key.
pub(crate) fn name(uid: u32, label: &str) -> String {
    match uid {
        0 => label.to_owned(),
        uid => format!("{uid}/{label}"),
    }
}

impl View {
    /// # Errors
    /// Where the vault cannot be used.
    pub(crate) fn try_of(
        users: &[Client; 3],
        guest: &Client,
        wrapped: &[Vec<u8>],
    ) -> Result<View, Error> {
        let [root, ..] = users;
        let mut keys = BTreeMap::new();
        for (client, uid) in users.iter().zip(USERS) {
            for summary in client.list()? {
                let label = summary.key.to_string();
                let handle = Handle::new(client, &label);
                let shown = Shown::of(&handle, handle.describe()?)?;
                assert_eq!(shown.id, summary.id);
                let twice = keys.insert(name(uid, &label), shown);
                assert_eq!(twice, None, "a key is listed once");
            }
        }
        let serve = |bytes: &Vec<u8>| match Handle::wrapped(guest, bytes).mac(b"proof") {
            Ok(_) => Status::Ok,
            Err(error) => error.status().unwrap(),
        };
        let wrapped = wrapped.iter().map(serve).collect();
        let info = root.info()?;
        let vault = info.vault.ok_or_else(|| {
            let store = Status::from_code(info.store).unwrap();
            Error::Ta(store)
        })?;
        Ok(View {
            vault: vault.id,
            locked: vault.locked == Some(true),
            // Unknown, where nobody can tell.
            trusted: root.restore_trust_list().unwrap_or_default(),
            damaged: vault.damaged,
            others: vault.keys.checked_sub(keys.len() as u32).unwrap(),
            keys,
            wrapped,
        })
    }
}

/// A caller's log as far as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) first: u64,
    pub(crate) records: Vec<Record>,
}

impl Log {
    fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }
}

/// What a device tells of what happened, and what it holds beside the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Of each of [`USERS`].
    pub(crate) logs: Vec<Log>,
    pub(crate) beside: Beside,
}

/// What no client is shown in passing, read from the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Beside {
    /// Whether a full log refuses.
    pub(crate) strict: bool,
    /// Up to where logs may be overwritten, by their callers.
    pub(crate) released: BTreeMap<Option<Identity>, u64>,
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Told {
    /// Asks for it; the pages of each log follow from each other.
    pub(crate) fn of(root: &Client, workstation: &Workstation) -> Told {
        let logs = USERS.map(|uid| {
            let log = root.audit_log(LogOf::Other(uid_identity(uid))).unwrap();
            Log {
                first: log.first(),
                records: log.records().to_vec(),
            }
        });
        let vault = root.info().unwrap().vault.unwrap().id;
        Told {
            logs: logs.into(),
            beside: Beside::of(workstation, vault),
        }
    }

    /// What happened since `before`, in this order for each user; what was told then still is.
    #[track_caller]
    pub(crate) fn since(&self, before: &Told) -> Vec<Event> {
        let pairs = before.logs.iter().zip(&self.logs);
        pairs
            .flat_map(|(before, after)| {
                let known = before.end().checked_sub(after.first).unwrap() as usize;
                let (old, new) = after
                    .records
                    .split_at_checked(known)
                    .expect("nothing that was told is forgotten");
                assert!(before.records.ends_with(old), "nothing is told otherwise");
                new.iter().map(|record| record.event)
            })
            .collect()
    }
}

/// Has the device sign where each log stands, and verifies the log by that.
pub(crate) fn verify_logs(root: &Client) {
    let device = root.device_key().unwrap().public;
    for uid in USERS {
        let of = LogOf::Other(uid_identity(uid));
        let signed = root.audit_checkpoint(of, b"nonce").unwrap();
        let log = root.audit_log(of).unwrap();
        log.verify(&signed, &device).unwrap();
    }
}

impl Beside {
    fn of(workstation: &Workstation, vault: Digits<16>) -> Beside {
        let key = header::key(&mut workstation.clone()).unwrap();
        let image = workstation.disk().image();
        let read = |(id, bytes): (&ObjectId, &Vec<u8>)| {
            let bytes = bytes.first_chunk::<SLOT>().unwrap();
            Header::open(&key, id.shard, bytes).ok()
        };
        // Of what a reset could not delete nothing is read, nor of a shard that does not count yet.
        let headers = image
            .iter()
            .filter_map(read)
            .filter(|header| header.vault == vault);
        let header = headers.max_by_key(|header| header.sequence).unwrap();
        let slot_key = SlotKey::of(&header).unwrap();
        let mut beside = Beside {
            strict: header.audit_refuses,
            ..Beside::default()
        };
        // What is mended is alike in both copies.
        for shard in 0..header.shards {
            let copies = [Copy::First, Copy::Second];
            let bytes = copies.iter().find_map(|copy| {
                let copy = *copy;
                image.get(&ObjectId { shard, copy })
            });
            let slots = bytes.unwrap().as_chunks::<SLOT>().0;
            for (place, slot) in (0..).zip(slots).skip(1) {
                let content = slot_key.open(shard, place, &mut slot.clone()).unwrap();
                match content {
                    Some((_, Content::Page(page), _)) if page.released > 0 => {
                        let up_to = beside.released.entry(page.of).or_insert(0);
                        *up_to = page.released.max(*up_to);
                    }
                    Some((_, Content::Certificate(certificate), _)) => {
                        beside.certificate = Some(certificate.to_vec());
                    }
                    _ => {}
                }
            }
        }
        beside
    }
}

/// How often each counted key can still be used.
pub(crate) fn left(users: &[Client; 3]) -> BTreeMap<String, u64> {
    let mut left = BTreeMap::new();
    for (client, uid) in users.iter().zip(USERS) {
        for summary in client.list().unwrap() {
            let shown = Handle::new(client, summary.key.as_str()).describe();
            if let Some(uses) = shown.unwrap().uses_left {
                left.insert(name(uid, summary.key.as_str()), uses);
            }
        }
    }
    left
}
