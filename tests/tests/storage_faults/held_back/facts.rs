//! What can end, how it is ended, and how anybody sees whether it was.

use claviger::{Algorithm, Error, Home, State, Status, audit::LogOf, identity::uid_identity};
use claviger_proto::{audit::Event, message::NewKey};
use claviger_tests::{ALICE, Handle, new_key};

use super::fixture::On;

/// Something that can end.
pub(super) struct Fact {
    pub(super) name: &'static str,
    /// Ends it.
    pub(super) end: fn(&On<'_>) -> Result<(), Error>,
    /// Whether it is seen that it has ended, or that it has not; `None` where neither is said.
    pub(super) ended: fn(&On<'_>) -> Option<bool>,
}

/// What a refusal tells: this one that it has ended, others nothing.
fn tells<T>(answer: Result<T, Error>, ended: Status) -> Option<bool> {
    match answer {
        Ok(_) => Some(false),
        Err(error) => (error.status() == Some(ended)).then_some(true),
    }
}

fn import_wrapped(on: &On<'_>) -> Result<Handle, Error> {
    let new = NewKey {
        home: Home::Wrapped,
        family: None,
        ..new_key("imported", Algorithm::HmacSha256)
    };
    Handle::import(&on.root, new, &[7; 32])
}

/// Whether Alice's log tells of this.
fn told(on: &On<'_>, event: Event) -> Option<bool> {
    let log = on.root.audit_log(LogOf::Other(uid_identity(ALICE))).ok()?;
    Some(log.records().iter().any(|record| record.event == event))
}

macro_rules! of_both_shards {
    ($name:literal, $end:expr, $ended:expr) => {
        [
            Fact {
                name: concat!("one/", $name),
                end: |on| {
                    let end: fn(&On<'_>, &Handle) -> Result<(), Error> = $end;
                    end(on, &on.key(concat!("one/", $name)))
                },
                ended: |on| {
                    let ended: fn(&On<'_>, &Handle, &str) -> Option<bool> = $ended;
                    ended(on, &on.key(concat!("one/", $name)), concat!("one/", $name))
                },
            },
            Fact {
                name: concat!("two/", $name),
                end: |on| {
                    let end: fn(&On<'_>, &Handle) -> Result<(), Error> = $end;
                    end(on, &on.key(concat!("two/", $name)))
                },
                ended: |on| {
                    let ended: fn(&On<'_>, &Handle, &str) -> Option<bool> = $ended;
                    ended(on, &on.key(concat!("two/", $name)), concat!("two/", $name))
                },
            },
        ]
    };
}

/// Every one.
pub(super) fn all() -> Vec<Fact> {
    let device = [
        Fact {
            name: "lock",
            end: |on| on.root.lock(),
            ended: |on| {
                let shown = on.root.info().ok()?.vault.and_then(|vault| vault.locked);
                let import = tells(import_wrapped(on), Status::Locked);
                assert!(shown.is_none() || import.is_none() || shown == import);
                import.or(shown)
            },
        },
        Fact {
            name: "revocation of all",
            end: |on| on.alice.revoke(None).map(drop),
            ended: |on| tells(on.wrapped("none").mac(b"m"), Status::Revoked),
        },
        Fact {
            name: "revocation of a family, in the first shard",
            end: |on| on.alice.revoke(Some("fleet")).map(drop),
            ended: |on| tells(on.wrapped("fleet").mac(b"m"), Status::Revoked),
        },
        Fact {
            name: "revocation of a family, in the second shard",
            end: |on| on.bob.revoke(Some("pair")).map(drop),
            ended: |on| tells(on.wrapped("pair").mac(b"m"), Status::Revoked),
        },
        Fact {
            name: "strictness",
            end: |on| on.root.audit_strict(),
            // Root's log is full but for its last page.
            ended: |on| {
                for _ in 0..8 {
                    let made = on.root.generate("probe", Algorithm::Aes128Cmac);
                    let made = made.and_then(|_| on.root.delete("probe"));
                    let told = tells(made, Status::AuditFull);
                    if told != Some(false) {
                        return told;
                    }
                }
                Some(false)
            },
        },
        Fact {
            name: "certificate",
            end: |on| on.root.install_certificate(on.certificate(1)),
            ended: |on| {
                let shown = on.root.device_key().ok()?.certificate;
                let shown = shown.expect("one was installed");
                if shown == on.certificate(0) {
                    return Some(false);
                }
                assert_eq!(shown, on.certificate(1));
                Some(true)
            },
        },
        Fact {
            name: "record of what was given out",
            end: |on| {
                // Also where the bytes could not be given: the record comes first.
                on.key("one/copied").wrap(Some("other")).map(drop)
            },
            ended: |on| {
                let log = on.root.audit_log(LogOf::Other(uid_identity(ALICE))).ok()?;
                let wrapped = log.records().iter();
                let wrapped = wrapped.filter(|record| record.event == Event::Wrapped);
                Some(wrapped.count() > 2)
            },
        },
        Fact {
            name: "record of a deletion",
            end: |on| on.key("two/deleted").delete(),
            ended: |on| told(on, Event::Deleted),
        },
    ];
    let keys = [
        of_both_shards!("deleted", |_, key| key.delete(), |_, key, _| tells(
            key.mac(b"m"),
            Status::NotFound
        )),
        of_both_shards!(
            "tightened",
            |_, key| key.set_policy(|policy| policy.grants.clear()).map(drop),
            |on, _, name| {
                let key = Handle::of(&on.bob, uid_identity(ALICE), name);
                tells(key.mac(b"m"), Status::NotFound)
            }
        ),
        of_both_shards!("retired", |_, key| key.retire(1).map(drop), |_, key, _| {
            Some(!key.describe().ok()?.versions.contains(&1))
        }),
        of_both_shards!(
            "destroyed",
            |_, key| key.set_state(State::Destroyed).map(drop),
            |_, key, _| tells(key.mac(b"m"), Status::WrongState)
        ),
        of_both_shards!(
            "counted",
            |_, key| loop {
                let used = key.mac(b"m");
                match used.err() {
                    None => {}
                    Some(error) if error.status() == Some(Status::UsesExhausted) => break Ok(()),
                    Some(error) => break Err(error),
                }
            },
            |_, key, _| tells(key.mac(b"m"), Status::UsesExhausted)
        ),
        of_both_shards!("copied", |_, key| key.rotate().map(drop), |on, _, name| {
            tells(on.wrapped(name).mac(b"m"), Status::Revoked)
        }),
        of_both_shards!(
            "stepped",
            |_, key| key.rotate().map(drop),
            |_, key, _| Some(key.describe().ok()?.version > 1)
        ),
    ];
    device
        .into_iter()
        .chain(keys.into_iter().flatten())
        .collect()
}
