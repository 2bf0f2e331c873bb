//! Whose keys are whose.

use claviger::{
    Algorithm, Client, Permissions, State, Status, Usage,
    identity::{gid_identity, uid_identity},
    proto::{
        Command,
        command::Access,
        message::{ListRequest, Policy, RevokeRequest, SetPolicyRequest},
    },
};
use claviger_tests::{
    ALICE, BOB, CAROL, Device, Handle, SENSORS, creation, frames,
    requests::{Role, ask, request, role},
    status,
};

/// An algorithm for each usage.
const KEYS: [(Algorithm, Usage); 9] = [
    (Algorithm::Aes256Siv, Usage::Seal),
    (Algorithm::Aes128Cmac, Usage::Mac),
    (Algorithm::Ed25519, Usage::Sign),
    (Algorithm::Aes256Cmac, Usage::Challenge),
    (Algorithm::Aes128Gcm, Usage::Encrypt),
    (Algorithm::X25519, Usage::Agree),
    (Algorithm::XWing, Usage::Decapsulate),
    (Algorithm::KdfCmac, Usage::Derive),
    (Algorithm::Aes256Kw, Usage::Unwrap),
];

/// A key of each usage, named after it.
fn make_keys(client: &Client) {
    for (algorithm, usage) in KEYS {
        let creation = creation(client, usage.name(), algorithm);
        creation.usage(usage).generate().unwrap();
    }
}

/// That `client` learns of the keys that another made no more than of labels that nobody has.
fn sees_nothing(client: &Client) {
    let mut tried = 0;
    for command in Command::ALL {
        let usages = match role(*command) {
            Role::NoKey | Role::Makes => continue,
            Role::Manages => Usage::ALL,
            Role::Uses(usages) => usages,
        };
        for usage in usages {
            let label = usage.name();
            assert_eq!(
                ask(client, *command, label),
                Status::NotFound,
                "{command:?}"
            );
            assert_eq!(ask(client, *command, "absent"), Status::NotFound);
            tried += 1;
        }
    }
    // 10 that manage, each with every key; 15 that use one, and public-key three.
    assert_eq!(tried, 10 * 9 + 15 + 3);
    assert_eq!(client.list().unwrap(), []);
    assert_eq!(client.list_granted().unwrap(), []);
}

/// Neither how many keys another has, nor where they are.
#[test]
fn a_listing_tells_nothing_of_anothers_keys() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let pages = |owner| {
        let mut next = Some(0);
        std::iter::from_fn(|| {
            let request = ListRequest {
                cursor: next?,
                owner: Some(uid_identity(owner)),
            };
            let (page, _) = bob.request(&request, &[]).unwrap();
            assert!(page.keys.is_empty());
            next = page.next;
            Some(page.next)
        })
        .collect::<Vec<_>>()
    };
    for number in 0..40 {
        let made = alice.generate(&format!("k{number}"), Algorithm::Aes128Cmac);
        made.unwrap();
    }
    assert_eq!(pages(ALICE), pages(CAROL));
}

#[test]
fn another_user_sees_nothing() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    make_keys(&alice);
    let bob = device.user(BOB);
    sees_nothing(&bob);
    // The same labels are free to him, and hers stay hers.
    let hers = alice.list().unwrap();
    make_keys(&bob);
    assert_eq!(bob.list().unwrap().len(), KEYS.len());
    bob.delete("mac").unwrap();
    assert_eq!(alice.list().unwrap(), hers);
}

#[test]
fn the_administrator_sees_but_does_not_use() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    make_keys(&alice);
    let root = device.user(0);
    sees_nothing(&root);
    let owner = uid_identity(ALICE);
    // Of all of them it may use none.
    let mut listed = alice.list().unwrap();
    listed
        .iter_mut()
        .for_each(|key| key.may = Permissions::NONE);
    assert_eq!(root.list_of(owner).unwrap(), listed);
    assert_eq!(
        root.describe_of("mac", owner).unwrap(),
        alice.describe("mac").unwrap()
    );
    assert_eq!(status(root.describe_of("absent", owner)), Status::NotFound);
    assert_eq!(status(root.delete_of("absent", owner)), Status::NotFound);
    // It may do whatever does not use the key.
    let hers = |label: &str| Handle::of(&root, owner, label);
    assert_eq!(hers("mac").rotate().unwrap().versions, [1, 2]);
    assert_eq!(hers("mac").retire(1).unwrap().versions, [2]);
    hers("sign")
        .set_policy(|policy| policy.max_uses = Some(9))
        .unwrap();
    assert_eq!(
        hers("seal").set_state(State::Suspended).unwrap().state,
        State::Suspended
    );
    hers("sign").public_key(None).unwrap();
    for used in [
        status(hers("mac").mac(b"message")),
        status(hers("sign").sign(b"message")),
        status(hers("derive").child("child").derive_bytes(32)),
        status(hers("absent").mac(b"message")),
    ] {
        assert_eq!(used, Status::NotFound);
    }
    root.delete_of("mac", owner).unwrap();
    assert_eq!(status(alice.key("mac")), Status::NotFound);
    assert_eq!(root.list_of(uid_identity(BOB)).unwrap(), []);
}

#[test]
fn only_the_administrator_names_another_owner() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    make_keys(&alice);
    // uid 0 is the administrator, gid 0 is not.
    let others = [bob, device.group(0, 0)];
    for other in &others {
        // Of another's keys one sees those that grant one something: here none.
        assert_eq!(other.list_of(uid_identity(ALICE)).unwrap(), []);
        assert_eq!(other.list_of(gid_identity(SENSORS)).unwrap(), []);
        for label in ["mac", "absent"] {
            let hers = Handle::of(other, uid_identity(ALICE), label);
            for described in [status(hers.describe()), status(hers.mac(b"message"))] {
                assert_eq!(described, Status::NotFound, "{label}");
            }
            for refused in [
                status(hers.delete()),
                status(hers.rotate()),
                status(hers.retire(1)),
                status(hers.set_state(State::Destroyed)),
                status(hers.wrap(None)),
                status(hers.rename("other")),
                status(hers.chown(uid_identity(BOB))),
            ] {
                assert_eq!(refused, Status::AdministratorOnly, "{label}");
            }
            let policy = Policy::of(Usage::Mac);
            let key = hers.key.clone();
            let tightened = hers.ask(&SetPolicyRequest { key, policy }, &[]);
            assert_eq!(status(tightened), Status::AdministratorOnly);
            let revoke = RevokeRequest {
                family: None,
                owner: Some(uid_identity(ALICE)),
            };
            let revoked = other.request(&revoke, &[]);
            assert_eq!(status(revoked), Status::AdministratorOnly);
        }
    }
    // Oneself, one may name.
    let keys = KEYS.len();
    assert_eq!(alice.list_of(uid_identity(ALICE)).unwrap().len(), keys);
    alice.delete_of("mac", uid_identity(ALICE)).unwrap();
    assert_eq!(alice.list().unwrap().len(), keys - 1);
}

#[test]
fn a_group_shares_its_keys() {
    let device = Device::fresh();
    let alice = device.group(ALICE, SENSORS);
    make_keys(&alice);
    assert_eq!(alice.describe("mac").unwrap().owner, gid_identity(SENSORS));
    let bob = device.group(BOB, SENSORS);
    let tag = alice.key("mac").unwrap().mac(b"message").unwrap();
    bob.key("mac")
        .unwrap()
        .verify_mac(b"message", &tag)
        .unwrap();
    assert_eq!(bob.list().unwrap(), alice.list().unwrap());
    bob.delete("mac").unwrap();
    assert_eq!(status(alice.key("mac")), Status::NotFound);
    bob.generate("mac", Algorithm::Aes128Cmac).unwrap();
    // A user's own session is another identity, also one whose number is the group's.
    sees_nothing(&device.user(ALICE));
    sees_nothing(&device.user(SENSORS));
    sees_nothing(&device.group(BOB, BOB));
}

#[test]
fn a_group_that_one_is_not_in_is_refused() {
    let device = Device::fresh();
    assert!(device.stranger_to_group().is_err());
}

#[test]
fn nobody_in_particular_asks_for_little() {
    let device = Device::fresh();
    make_keys(&device.user(ALICE));
    let public = device.public();
    for command in Command::ALL {
        let answer = ask(&public, *command, "mac");
        match command.access() {
            Access::Anyone => assert_eq!(answer, Status::Ok),
            _ => assert_eq!(answer, Status::LoginRequired, "{command:?}"),
        }
    }
    let anyone = Command::ALL
        .iter()
        .filter(|command| command.access() == Access::Anyone);
    let expected = [&Command::Info, &Command::SelfTest];
    assert_eq!(Vec::from_iter(anyone), expected);
    public.self_test().unwrap();
    assert_eq!(public.info().unwrap().confirmation, None);
}

#[test]
fn administration_is_for_uid_0() {
    let device = Device::fresh();
    let before = device.public().info().unwrap().vault.unwrap();
    let mut commands = 0;
    for command in Command::ALL {
        if command.access() != Access::Administrator {
            continue;
        }
        commands += 1;
        for client in [device.user(ALICE), device.group(0, 0)] {
            let (header, payload) = request(*command, "mac");
            let answer = frames::send_command(&client, *command, &header, &payload);
            assert_eq!(answer, Status::AdministratorOnly, "{command:?}");
        }
    }
    assert_eq!(commands, 11);
    assert_eq!(device.user(ALICE).info().unwrap().confirmation, None);
    assert_eq!(device.group(0, 0).info().unwrap().confirmation, None);
    assert_eq!(device.public().info().unwrap().vault.unwrap(), before);
}
