use claviger::{
    Algorithm, Client, Error, Origin, Status, Usage,
    authority::{self, Role},
    components::Ceremony,
    identity::{gid_identity, uid_identity},
};
use claviger_tests::{ALICE, BOB, CAROL, Device, SENSORS, status};

const KEY: [u8; 32] = [0x5a; 32];

/// Components that make [`KEY`].
fn components() -> [Vec<u8>; 3] {
    let first: Vec<u8> = (1..=32).collect();
    let second: Vec<u8> = (101..=132).collect();
    let third = KEY.iter().zip(&first).zip(&second);
    let third = third.map(|((key, first), second)| key ^ first ^ second);
    [first.clone(), second.clone(), third.collect()]
}

fn start(owner: &Client, custodians: &[u32]) -> Result<Ceremony, Error> {
    let custodians: Vec<_> = custodians.iter().map(|uid| uid_identity(*uid)).collect();
    owner
        .create("joint")
        .algorithm(Algorithm::KdfCmac)
        .children(Algorithm::Aes256Cmac)
        .assemble(&custodians)
}

#[test]
fn custodians_in_sessions_of_their_own_make_a_key() {
    let device = Device::fresh();
    let [alice, bob, carol] = [ALICE, BOB, CAROL].map(|uid| device.user(uid));
    let ceremony = start(&alice, &[ALICE, BOB, CAROL]).unwrap();
    let id = ceremony.id().to_string();
    let [first, second, third] = components();

    let response = carol.component_enter(&id, &first).unwrap();
    assert_eq!((response.entered, response.expected), (1, 3));
    let shown = bob.component_show(&id).unwrap();
    assert_eq!(shown.new.key.as_str(), "joint");
    assert_eq!(shown.new.usage, Some(Usage::Derive));
    assert_eq!(shown.owner, uid_identity(ALICE));
    assert_eq!(*shown.entered, [uid_identity(CAROL)]);
    assert_eq!(status(alice.key("joint")), Status::NotFound);
    alice.component_enter(&id, &second).unwrap();
    assert_eq!(status(alice.key("joint")), Status::NotFound);
    let last = bob.component_enter(&id, &third).unwrap();
    let description = last.key.unwrap();
    assert_eq!(description.origin, Origin::Assembled);

    // Whoever holds all components computes what the key does.
    let key = alice.key("joint").unwrap();
    assert_eq!(*key.description(), description);
    let tag = key.child("line/3").unwrap().mac(b"message").unwrap();
    let child = authority::child(
        Algorithm::KdfCmac,
        &KEY,
        Role::of(Algorithm::Aes256Cmac),
        "line/3",
    );
    let imported = alice
        .create("child")
        .algorithm(Algorithm::Aes256Cmac)
        .import(&child.unwrap())
        .unwrap();
    assert_eq!(imported.mac(b"message").unwrap(), tag);
    // Check values are the first bytes of a CMAC of zeros (ANSI X9.24-1).
    let values = [
        (&first[..], response.check_value),
        (&KEY, last.key_check_value.unwrap()),
    ];
    for (secret, value) in values {
        let creation = alice.create("check").algorithm(Algorithm::Aes256Cmac);
        let tag = creation.import(secret).unwrap().mac(&[0; 16]).unwrap();
        assert_eq!(value.0, tag[..5]);
        alice.delete("check").unwrap();
    }
    assert_eq!(status(bob.key("joint")), Status::NotFound);
    assert_eq!(status(alice.component_show(&id)), Status::NoCeremony);
}

#[test]
fn others_have_no_part_in_a_ceremony() {
    let device = Device::fresh();
    let [root, alice, bob, carol] = [0, ALICE, BOB, CAROL].map(|uid| device.user(uid));
    let ceremony = start(&alice, &[BOB, CAROL]).unwrap();
    let id = ceremony.id().to_string();
    let [first, ..] = components();
    for client in [&root, &alice, &device.group(BOB, SENSORS)] {
        assert_eq!(
            status(client.component_enter(&id, &first)),
            Status::NoCeremony
        );
    }
    assert_eq!(
        status(device.group(BOB, SENSORS).component_show(&id)),
        Status::NoCeremony
    );
    assert_eq!(
        status(device.public().component_show(&id)),
        Status::LoginRequired
    );
    assert_eq!(status(bob.component_cancel(&id)), Status::NoCeremony);
    bob.component_enter(&id, &first).unwrap();
    assert_eq!(
        status(bob.component_enter(&id, &first)),
        Status::AlreadyEntered
    );
    for bad in [&first[..31], &[0; 32], &first[..]] {
        assert_eq!(status(carol.component_enter(&id, bad)), Status::BadKey);
    }
    assert_eq!(status(start(&alice, &[BOB, CAROL])), Status::QuotaExceeded);
    ceremony.cancel().unwrap();
    assert_eq!(status(bob.component_show(&id)), Status::NoCeremony);
    // One custodian alone would have the key.
    assert_eq!(status(start(&alice, &[BOB])), Status::BadHeader);
    assert_eq!(status(start(&alice, &[BOB, BOB])), Status::BadHeader);
    let members = [uid_identity(BOB), gid_identity(SENSORS)];
    let of_a_group = alice.create("joint").assemble(&members);
    assert_eq!(status(of_a_group), Status::BadHeader);
    let wrapped = alice
        .create("joint")
        .wrapped()
        .assemble(&[uid_identity(BOB), uid_identity(CAROL)]);
    assert_eq!(status(wrapped), Status::UnsupportedUsage);
}

#[test]
fn a_lock_ends_the_entering_of_components() {
    let device = Device::fresh();
    let [root, alice, bob] = [0, ALICE, BOB].map(|uid| device.user(uid));
    let ceremony = start(&alice, &[ALICE, BOB]).unwrap();
    let id = ceremony.id().to_string();
    let [first, second, _] = components();
    alice.component_enter(&id, &first).unwrap();
    root.lock().unwrap();
    assert_eq!(
        status(bob.component_enter(&id, &second)),
        Status::NoCeremony
    );
    assert_eq!(status(start(&alice, &[ALICE, BOB])), Status::Locked);
}
