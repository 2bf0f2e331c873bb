//! Keys that get another label or another owner, and who finds which keys.

use claviger::{
    Algorithm, Client, Export, Permission, Permissions, State, Status, Usage,
    audit::LogOf,
    identity::{gid_identity, uid_identity},
    proto::{
        Identity,
        audit::{Event, Record},
        message::{Grant, MacFinishRequest, MacStartRequest},
    },
};
use claviger_tests::{ALICE, BOB, CAROL, Device, Handle, SENSORS, new_key, new_key_for, status};

fn grant(to: Identity, may: &[Permission]) -> Grant {
    let may = Permissions::of(may);
    Grant { to, may }
}

fn records(root: &Client, of: u32) -> Vec<Record> {
    let log = root.audit_log(LogOf::Other(uid_identity(of))).unwrap();
    let records = log.records().iter();
    records
        .filter(|record| record.event != Event::Refused)
        .cloned()
        .collect()
}

/// The last records of a log of what was done: event, owner and label.
fn last(root: &Client, of: u32, count: usize) -> Vec<(Event, Option<Identity>, String)> {
    let records = records(root, of);
    let last = records.iter().skip(records.len() - count);
    last.map(|record| {
        assert_eq!(record.status, Status::Ok);
        let label = record.label.as_ref().unwrap().to_string();
        (record.event, record.owner, label)
    })
    .collect()
}

/// What was begun with a key, or made of it, and ends with it.
struct Begun {
    session: Client,
    copy: Handle,
    key: Handle,
    challenge: Vec<u8>,
}

impl Begun {
    /// Of a MAC key `mac`, and a challenge key `link` of this client's.
    fn with(client: &Client) -> Begun {
        let mut new = new_key("mac", Algorithm::Aes256Cmac);
        new.policy.export = Export::Wrapped;
        let key = Handle::generate(client, new).unwrap();
        let link = new_key_for("link", Algorithm::Aes256Cmac, Usage::Challenge);
        Handle::generate(client, link).unwrap();
        Begun {
            session: client.clone(),
            copy: key.wrap(None).unwrap(),
            challenge: client.key("link").unwrap().challenge("a", "b").unwrap(),
            key,
        }
    }

    fn start_stream(&self) {
        let request = MacStartRequest {
            key: self.key.key.clone(),
            verify: false,
            version: None,
        };
        self.session.request(&request, &[]).unwrap();
    }

    fn has_ended(&self) {
        assert_eq!(status(self.copy.mac(b"m")), Status::Revoked);
        let ended = self.session.request(&MacFinishRequest {}, b"m");
        assert_eq!(status(ended), Status::NoStream);
        let link = self.session.key("link").unwrap();
        let answer = link.respond("b", "a", &self.challenge).unwrap();
        assert_eq!(status(link.confirm(&answer)), Status::NoChallenge);
    }
}

#[test]
fn a_renamed_key_is_the_same_by_another_name() {
    let device = Device::fresh();
    let (alice, root) = (device.user(ALICE), device.user(0));
    let mut new = new_key("old", Algorithm::Aes256Siv);
    new.policy.max_uses = Some(9);
    let key = Handle::generate(&alice, new).unwrap();
    key.rotate().unwrap();
    let blob = key.seal(b"c", b"text").unwrap();
    key.set_state(State::Suspended).unwrap();
    let before = key.describe().unwrap();
    Handle::generate(&alice, new_key("taken", Algorithm::Aes128Cmac)).unwrap();
    for taken in ["taken", "old"] {
        assert_eq!(status(key.rename(taken)), Status::AlreadyExists);
    }
    assert_eq!(key.describe().unwrap(), before);
    let renamed = key.rename("new").unwrap();
    let mut expected = before;
    expected.key = claviger_tests::label("new");
    assert_eq!(renamed.describe().unwrap(), expected);
    assert_eq!(renamed.unseal(b"c", &blob).unwrap(), b"text");
    assert_eq!(status(key.describe()), Status::NotFound);
    assert_eq!(status(key.rename("other")), Status::NotFound);
    let owner = Some(uid_identity(ALICE));
    let told = [
        (Event::Renamed, owner, "old".to_owned()),
        (Event::Now, owner, "new".to_owned()),
    ];
    assert_eq!(last(&root, ALICE, 2), told);
    // The old label is free, and uid 0 renames anyone's.
    Handle::generate(&alice, new_key("old", Algorithm::Aes128Cmac)).unwrap();
    renamed.by(&root).rename("by-root").unwrap();
    assert_eq!(
        alice.describe("by-root").unwrap().id,
        expected.id,
        "whoever renames it"
    );
    assert_eq!(last(&root, 0, 1)[0].2, "by-root");
    let refused = Handle::of(&device.user(BOB), uid_identity(ALICE), "by-root").rename("his");
    assert_eq!(status(refused), Status::AdministratorOnly);
}

#[test]
fn what_was_begun_under_a_name_ends_with_it_and_stays_ended() {
    let device = Device::fresh();
    let begun = Begun::with(&device.user(ALICE));
    begun.start_stream();
    let link = Handle::new(&begun.session, "link");
    begun.key.rename("m").unwrap().rename("mac").unwrap();
    link.rename("l").unwrap().rename("link").unwrap();
    begun.has_ended();
    begun.key.wrap(None).unwrap().mac(b"m").unwrap();
}

#[test]
fn a_key_given_away_is_the_new_owners() {
    let device = Device::fresh();
    let (alice, bob, root) = (device.user(ALICE), device.user(BOB), device.user(0));
    let carol = device.user(CAROL);
    let mut new = new_key("key", Algorithm::Aes256Siv);
    new.policy.max_uses = Some(20);
    new.policy.owner = Permissions::of(&[Permission::Seal, Permission::Unseal]);
    let to_carol = grant(uid_identity(CAROL), &[Permission::Unseal]);
    let to_bob = grant(uid_identity(BOB), &[Permission::Unseal]);
    for one in [to_carol.clone(), to_bob] {
        new.policy.grants.push(one).unwrap();
    }
    let key = Handle::generate(&alice, new).unwrap();
    key.rotate().unwrap();
    let blob = key.seal(b"c", b"text").unwrap();
    let before = key.describe().unwrap();
    for other in [&alice, &bob] {
        let refused = key.by(other).chown(uid_identity(BOB));
        assert_eq!(status(refused), Status::AdministratorOnly);
    }
    // Also where nothing more comes in.
    root.lock().unwrap();
    let by_root = Handle::of(&root, uid_identity(ALICE), "key");
    let given = by_root.chown(uid_identity(BOB)).unwrap();
    let mut expected = before;
    expected.owner = uid_identity(BOB);
    expected.policy.grants = [to_carol].into_iter().collect();
    assert_eq!(given.describe().unwrap(), expected);
    let bobs = Handle::new(&bob, "key");
    assert_eq!(bobs.unseal(b"c", &blob).unwrap(), b"text");
    bobs.seal(b"c", b"more").unwrap();
    let carols = bobs_key_of(&carol);
    assert_eq!(carols.unseal(b"c", &blob).unwrap(), b"text");
    assert_eq!(bobs.describe().unwrap().uses_left, Some(16));
    assert_eq!(status(key.describe()), Status::NotFound);
    for old in [key, bobs_key_of(&alice)] {
        assert_eq!(status(old.unseal(b"c", &blob)), Status::NotFound);
    }
    let told = [
        (
            Event::GivenAway,
            Some(uid_identity(ALICE)),
            "key".to_owned(),
        ),
        (Event::Now, Some(uid_identity(BOB)), "key".to_owned()),
    ];
    for log in [0, ALICE, BOB] {
        assert_eq!(last(&root, log, 2), told, "the log of {log}");
        let records = records(&root, log);
        let [.., was, now] = &records[..] else {
            panic!("two records")
        };
        assert_eq!(was.caller, Some(Identity::ADMINISTRATOR));
        assert!(was.sequence < now.sequence);
    }
}

fn bobs_key_of(client: &Client) -> Handle {
    Handle::of(client, uid_identity(BOB), "key")
}

#[test]
fn what_an_old_owner_began_ends_also_where_the_key_comes_back() {
    let device = Device::fresh();
    let root = device.user(0);
    let begun = Begun::with(&device.user(ALICE));
    begun.start_stream();
    let (alice, group) = (uid_identity(ALICE), gid_identity(SENSORS));
    for label in ["mac", "link"] {
        let key = Handle::of(&root, alice, label).chown(group).unwrap();
        key.chown(alice).unwrap();
    }
    begun.has_ended();
    begun.key.mac(b"m").unwrap();
}

#[test]
fn a_key_goes_to_nobody_who_cannot_take_it() {
    let device = Device::fresh();
    let (alice, bob, root) = (device.user(ALICE), device.user(BOB), device.user(0));
    let (hers, his) = (uid_identity(ALICE), uid_identity(BOB));
    let give = |label: &str| status(Handle::of(&root, hers, label).chown(his));
    let seal = |label: &str| new_key(label, Algorithm::Aes256Siv);
    Handle::generate(&alice, seal("taken")).unwrap();
    Handle::generate(&bob, seal("taken")).unwrap();
    assert_eq!(give("taken"), Status::AlreadyExists);
    assert_eq!(give("absent"), Status::NotFound);
    let to_herself = Handle::of(&root, hers, "taken").chown(hers);
    assert_eq!(status(to_herself), Status::AlreadyExists);
    // Who may open, and not seal, gets no key of which the owner may seal, and not open.
    let mut log = seal("log");
    log.policy.owner = Permissions::of(&[Permission::Seal]);
    let opens = grant(his, &[Permission::Unseal]);
    log.policy.grants.push(opens).unwrap();
    let log = Handle::generate(&alice, log).unwrap();
    assert_eq!(give("log"), Status::GrantToOwner);
    log.set_policy(|policy| policy.grants.clear()).unwrap();
    Handle::of(&root, hers, "log").chown(his).unwrap();
    let mut fixed = seal("fixed");
    fixed.policy.fixed_owner = true;
    let fixed = Handle::generate(&alice, fixed).unwrap();
    let free = Handle::generate(&alice, seal("free")).unwrap();
    let tightened = free.set_policy(|policy| policy.fixed_owner = true);
    assert!(tightened.unwrap().policy.fixed_owner);
    for (key, label) in [(fixed, "fixed"), (free, "free")] {
        assert_eq!(give(label), Status::OwnerFixed);
        let loosened = key.set_policy(|policy| policy.fixed_owner = false);
        assert_eq!(status(loosened), Status::PolicyLoosened);
        assert_eq!(key.describe().unwrap().owner, hers);
    }
}

#[test]
fn everyone_finds_the_keys_that_serve_him() {
    let device = Device::fresh();
    let (alice, bob, root) = (device.user(ALICE), device.user(BOB), device.user(0));
    let group = device.group(BOB, SENSORS);
    let mut made = Vec::new();
    // More than one page looks at.
    for number in 0..40 {
        let mut new = new_key(&format!("k{number}"), Algorithm::Aes128Cmac);
        let may = [Permission::VerifyMac];
        match number {
            3 | 38 => new
                .policy
                .grants
                .push(grant(uid_identity(BOB), &may))
                .unwrap(),
            5 => new
                .policy
                .grants
                .push(grant(gid_identity(SENSORS), &may))
                .unwrap(),
            _ => {}
        }
        made.push((uid_identity(ALICE), new.key.to_string()));
        Handle::generate(&alice, new).unwrap();
    }
    Handle::generate(&group, new_key("ours", Algorithm::Aes128Cmac)).unwrap();
    made.push((gid_identity(SENSORS), "ours".to_owned()));
    let granted = |client: &Client| -> Vec<String> {
        let keys = client.list_granted().unwrap();
        keys.iter()
            .map(|key| {
                assert_eq!(key.owner, uid_identity(ALICE));
                assert_eq!(key.may, Permissions::of(&[Permission::VerifyMac]));
                client.describe_of(key.key.as_str(), key.owner).unwrap();
                key.key.to_string()
            })
            .collect()
    };
    assert_eq!(granted(&bob), ["k3", "k38"]);
    assert_eq!(granted(&group), ["k5"]);
    for nothing in [&alice, &root, &device.user(CAROL)] {
        assert_eq!(nothing.list_granted().unwrap(), []);
    }
    let all = root.list_all().unwrap();
    let mut all: Vec<_> = all
        .iter()
        .map(|key| (key.owner, key.key.to_string()))
        .collect();
    all.sort();
    made.sort();
    assert_eq!(all, made);
    for other in [&alice, &group, &device.group(0, 0)] {
        assert_eq!(status(other.list_all()), Status::AdministratorOnly);
    }
}
