//! Whose keys are whose.

use claviger::{
    Algorithm, Client, Status, Usage,
    identity::{gid_identity, uid_identity},
    proto::{Command, command::Access},
};
use claviger_tests::{ALICE, BOB, Device, SENSORS, frames, status};

use crate::requests::{Role, ask, request, role};

/// A key of each usage, named after it.
fn make_keys(client: &Client) {
    for (algorithm, usage) in [
        (Algorithm::Aes256Siv, Usage::Seal),
        (Algorithm::Aes128Cmac, Usage::Mac),
        (Algorithm::Ed25519, Usage::Sign),
        (Algorithm::Aes256Cmac, Usage::Challenge),
    ] {
        let creation = client.create(usage.name()).algorithm(algorithm);
        creation.usage(usage).generate().unwrap();
    }
}

/// That `client` learns of the keys that another made no more than of labels that nobody has.
fn sees_nothing(client: &Client) {
    let mut tried = 0;
    for command in Command::ALL {
        let labels: &[&str] = match role(*command) {
            Role::NoKey | Role::Makes => continue,
            Role::Manages => &["seal", "mac", "sign", "challenge"],
            Role::Uses(usage) => &[usage.name()],
        };
        for label in labels {
            assert_eq!(
                ask(client, *command, label),
                Status::NotFound,
                "{command:?}"
            );
            assert_eq!(ask(client, *command, "absent"), Status::NotFound);
            tried += 1;
        }
    }
    assert!(tried >= 18);
    assert_eq!(client.list().unwrap(), []);
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
    assert_eq!(bob.list().unwrap().len(), 4);
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
    assert_eq!(root.list_of(owner).unwrap(), alice.list().unwrap());
    assert_eq!(
        root.describe_of("mac", owner).unwrap(),
        alice.describe("mac").unwrap()
    );
    assert_eq!(status(root.describe_of("absent", owner)), Status::NotFound);
    assert_eq!(status(root.delete_of("absent", owner)), Status::NotFound);
    root.delete_of("mac", owner).unwrap();
    assert_eq!(status(alice.key("mac")), Status::NotFound);
    assert_eq!(root.list_of(uid_identity(BOB)).unwrap(), []);
}

#[test]
fn only_the_administrator_names_another_owner() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    make_keys(&alice);
    let refused = [
        status(bob.list_of(uid_identity(ALICE))),
        status(bob.describe_of("mac", uid_identity(ALICE))),
        status(bob.describe_of("absent", uid_identity(ALICE))),
        status(bob.delete_of("mac", uid_identity(ALICE))),
        status(bob.list_of(gid_identity(SENSORS))),
        // uid 0 is the administrator, gid 0 is not.
        status(device.group(0, 0).list_of(uid_identity(ALICE))),
    ];
    assert!(
        refused
            .iter()
            .all(|status| *status == Status::AdministratorOnly)
    );
    // Oneself, one may name.
    assert_eq!(alice.list_of(uid_identity(ALICE)).unwrap().len(), 4);
    alice.delete_of("mac", uid_identity(ALICE)).unwrap();
    assert_eq!(alice.list().unwrap().len(), 3);
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
    assert_eq!(Vec::from_iter(anyone), [&Command::Info, &Command::SelfTest]);
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
            let (header, payload) = request(*command, "");
            let answer = frames::send_command(&client, *command, &header, &payload);
            assert_eq!(answer, Status::AdministratorOnly, "{command:?}");
        }
    }
    assert_eq!(commands, 2);
    assert_eq!(device.user(ALICE).info().unwrap().confirmation, None);
    assert_eq!(device.group(0, 0).info().unwrap().confirmation, None);
    assert_eq!(device.public().info().unwrap().vault.unwrap(), before);
}
