//! What a key's policy lets others do, how it bounds the key, and wrapped keys: seen by two users.

use claviger::{
    Algorithm, Permission, Status,
    identity::{gid_identity, uid_identity},
};
use claviger_proto::limits;
use claviger_tests::{ALICE, BOB, CAROL, Device, SENSORS, factory_reset, status};

#[test]
fn a_grant_is_for_this_and_nothing_else() {
    let device = Device::fresh();
    let (alice, bob, carol) = (device.user(ALICE), device.user(BOB), device.user(CAROL));
    let key = alice
        .create("log")
        .algorithm(Algorithm::Aes256Siv)
        .owner_may(&[Permission::Seal])
        .grant(uid_identity(BOB), &[Permission::Unseal])
        .min_context(4)
        .generate()
        .unwrap();
    assert_eq!(status(key.seal(b"abc", b"x")), Status::ContextTooShort);
    let blob = key.seal(b"abcd", b"seen by Bob").unwrap();
    assert_eq!(status(key.unseal(b"abcd", &blob)), Status::NotPermitted);

    let granted = bob.key_of(uid_identity(ALICE), "log").unwrap();
    assert_eq!(granted.unseal(b"abcd", &blob).unwrap(), b"seen by Bob");
    assert_eq!(status(granted.seal(b"abcd", b"x")), Status::NotPermitted);
    assert_eq!(status(granted.reseal(b"abcd", &blob)), Status::NotPermitted);
    // It is Alice's to change.
    assert_eq!(status(granted.rotate()), Status::AdministratorOnly);
    assert_eq!(status(granted.destroy()), Status::AdministratorOnly);
    assert_eq!(status(granted.wrap(None)), Status::AdministratorOnly);
    assert_eq!(
        status(bob.delete_of("log", uid_identity(ALICE))),
        Status::AdministratorOnly
    );
    assert_eq!(status(bob.key("log")), Status::NotFound);

    // Who has no part in it learns what he would of a label that nobody has.
    for label in ["log", "absent"] {
        assert_eq!(
            status(carol.key_of(uid_identity(ALICE), label)),
            Status::NotFound
        );
    }
    alice.generate("private", Algorithm::Aes256Siv).unwrap();
    assert_eq!(carol.list_of(uid_identity(ALICE)).unwrap(), []);
    let seen = bob.list_of(uid_identity(ALICE)).unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].key.as_str(), "log");

    // What is withdrawn ends at once, and does not come back.
    let mut policy = key.description().policy.clone();
    policy.grants.clear();
    let loose = key.description().policy.clone();
    let key = key.tighten(&policy).unwrap();
    assert_eq!(status(granted.unseal(b"abcd", &blob)), Status::NotFound);
    assert_eq!(status(key.tighten(&loose)), Status::PolicyLoosened);
}

#[test]
fn a_grant_to_a_group_is_used_through_it() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let key = alice
        .create("link")
        .algorithm(Algorithm::Aes256Cmac)
        .grant(gid_identity(SENSORS), &[Permission::VerifyMac])
        .generate()
        .unwrap();
    let tag = key.mac(b"m").unwrap();
    let owner = uid_identity(ALICE);
    assert_eq!(status(bob.key_of(owner, "link")), Status::NotFound);
    let sensors = device.group(BOB, SENSORS);
    let granted = sensors.key_of(owner, "link").unwrap();
    granted.verify_mac(b"m", &tag).unwrap();
    assert_eq!(status(granted.verify_mac(b"n", &tag)), Status::NotAuthentic);
    assert_eq!(status(granted.mac(b"m")), Status::NotPermitted);
}

#[test]
fn uses_are_bounded() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let key = alice
        .create("few")
        .algorithm(Algorithm::Aes128Cmac)
        .max_uses(20)
        .generate()
        .unwrap();
    let tag = key.mac(b"m").unwrap();
    assert_eq!(key.refresh().unwrap().description().uses_left, Some(19));
    for _ in 1..20 {
        assert_eq!(key.mac(b"m").unwrap(), tag);
    }
    assert_eq!(status(key.mac(b"m")), Status::UsesExhausted);
    assert_eq!(status(key.verify_mac(b"m", &tag)), Status::UsesExhausted);
    assert_eq!(key.refresh().unwrap().description().uses_left, Some(0));
}

#[test]
fn versions_give_way_by_policy() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let key = alice
        .create("telemetry")
        .algorithm(Algorithm::Aes128Siv)
        .rotate_after_uses(3)
        .generate()
        .unwrap();
    let blobs: Vec<_> = (0..7).map(|_| key.seal(b"", b"data").unwrap()).collect();
    let key = key.refresh().unwrap();
    assert_eq!(key.description().version, 3);
    for blob in &blobs {
        assert_eq!(key.unseal(b"", blob).unwrap(), b"data");
    }
    let moved = key.reseal(b"", &blobs[0]).unwrap();
    let key = key.retire(1).unwrap();
    assert_eq!(status(key.unseal(b"", &blobs[0])), Status::NotAuthentic);
    assert_eq!(key.unseal(b"", &moved).unwrap(), b"data");
    assert_eq!(status(key.retire(1)), Status::NoSuchVersion);
    let primary = key.description().version;
    assert_eq!(status(key.retire(primary)), Status::PrimaryVersion);
}

#[test]
fn wrapped_keys_serve_their_owner_until_revoked() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let make = |family: &str| {
        let creation = alice.create("unit").algorithm(Algorithm::Aes256Cmac);
        creation.wrapped().family(family).generate().unwrap()
    };
    let (one, two) = (make("one"), make("two"));
    let bytes = one.wrapped_bytes().unwrap().to_vec();
    let tag = one.mac(b"m").unwrap();
    alice
        .wrapped(&bytes)
        .unwrap()
        .verify_mac(b"m", &tag)
        .unwrap();
    assert_eq!(status(bob.wrapped(&bytes)), Status::NotFound);
    let step = if Device::REAL { 16 } else { 1 };
    for place in (0..bytes.len()).step_by(step) {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        assert_eq!(
            status(alice.wrapped(&altered)),
            Status::NotAuthentic,
            "{place}"
        );
    }
    assert_eq!(status(one.rotate()), Status::Immutable);
    assert_eq!(status(one.suspend()), Status::Immutable);
    let counted = alice.create("x").algorithm(Algorithm::Aes256Cmac);
    assert_eq!(
        status(counted.wrapped().max_uses(5).generate()),
        Status::Immutable
    );
    alice.revoke(Some("one")).unwrap();
    assert_eq!(status(one.mac(b"m")), Status::Revoked);
    two.mac(b"m").unwrap();
    alice.revoke(None).unwrap();
    assert_eq!(status(two.mac(b"m")), Status::Revoked);
}

/// Whatever families were revoked, all can be, by the owner and by root for him.
#[test]
fn families_do_not_stand_in_the_way_of_all() {
    let device = Device::fresh();
    let (root, alice) = (device.user(0), device.user(ALICE));
    let make = || {
        let creation = alice.create("unit").algorithm(Algorithm::Aes256Cmac);
        creation.wrapped().generate().unwrap()
    };
    let make_in = |family: &str| {
        let creation = alice.create("unit").algorithm(Algorithm::Aes256Cmac);
        creation.wrapped().family(family).generate()
    };
    // They are kept, on a real device also those of the tests before and after this one.
    factory_reset(&root);
    // Where nothing was wrapped there is nothing to revoke, and nothing is kept of it.
    let free = || root.info().unwrap().vault.unwrap().free;
    let before = free();
    for family in [Some("family-0"), None] {
        assert_eq!(status(alice.revoke(family)), Status::NothingWrapped);
        let of_alice = uid_identity(ALICE);
        assert_eq!(
            status(root.revoke_of(of_alice, family)),
            Status::NothingWrapped
        );
    }
    assert_eq!(free(), before);
    for number in 0..limits::FAMILIES {
        make_in(&format!("family-{number}")).unwrap();
    }
    assert_eq!(status(make_in("more")), Status::QuotaExceeded);
    assert_eq!(status(alice.revoke(Some("more"))), Status::NothingWrapped);
    let key = make_in("family-0").unwrap();
    alice.revoke(Some("family-0")).unwrap();
    assert_eq!(status(key.mac(b"m")), Status::Revoked);
    make_in("family-0").unwrap().mac(b"m").unwrap();
    let (key, in_family) = (make(), make_in("family-1").unwrap());
    key.mac(b"m").unwrap();
    // That ends the families too, and frees their places: they can be begun anew.
    alice.revoke(None).unwrap();
    let ended = || {
        assert_eq!(status(key.mac(b"m")), Status::Revoked);
        assert_eq!(status(in_family.mac(b"m")), Status::Revoked);
    };
    ended();
    assert_eq!(free(), before - 1);
    assert_eq!(
        status(alice.revoke(Some("family-1"))),
        Status::NothingWrapped
    );
    for _ in 0..3 {
        let again = [make_in("more").unwrap(), make_in("family-1").unwrap()];
        again.iter().for_each(|key| drop(key.mac(b"m").unwrap()));
        ended();
        // Of what root ends, nothing is kept.
        root.revoke_of(uid_identity(ALICE), None).unwrap();
        assert_eq!(free(), before);
        ended();
        for key in again {
            assert_eq!(status(key.mac(b"m")), Status::Revoked);
        }
        assert_eq!(status(alice.revoke(None)), Status::NothingWrapped);
    }
    factory_reset(&root);
}

/// One group does not take the families of all others, and what many groups took root frees.
#[test]
#[cfg(feature = "emulator")]
fn groups_share_their_families() {
    let device = Device::fresh();
    let root = device.user(0);
    let make_in = |gid: u32, family: &str| {
        let group = device.group(ALICE, gid);
        let creation = group.create("unit").algorithm(Algorithm::Aes256Cmac);
        creation.wrapped().family(family).generate()
    };
    let made = |gid: u32| {
        let families = (0..).map(|number| make_in(gid, &format!("family-{number}")));
        families.take_while(Result::is_ok).count()
    };
    assert_eq!(made(3000), limits::FAMILIES_OF_GROUP);
    make_in(3001, "family").unwrap().mac(b"m").unwrap();
    let mut gids = 3002..;
    while made(gids.next().unwrap()) > 0 {}
    assert_eq!(status(make_in(4000, "family")), Status::QuotaExceeded);
    let key = make_in(3000, "family-0").unwrap();
    let group = claviger::identity::gid_identity(3000);
    root.revoke_of(group, None).unwrap();
    assert_eq!(status(key.mac(b"m")), Status::Revoked);
    make_in(4000, "family").unwrap().mac(b"m").unwrap();
}

#[test]
fn many_wrapped_keys_cost_the_device_nothing() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let make = || {
        let creation = alice.create("unit").algorithm(Algorithm::Aes256Cmac);
        let key = creation.wrapped().generate().unwrap();
        key.mac(b"m").unwrap();
        key
    };
    // As many as are kept unwrapped.
    let mut keys: Vec<_> = (0..16).map(|_| make()).collect();
    let before = alice.info().unwrap();
    let many = if Device::REAL { 2_000 } else { 100_000 };
    for number in 0..many {
        let key = make();
        if number % (many / 10) == 0 {
            keys.push(key);
        }
    }
    let after = alice.info().unwrap();
    assert_eq!(after.vault, before.vault);
    if let (Some(before), Some(after)) = (before.marks, after.marks) {
        assert_eq!(after.heap_now, before.heap_now, "of {many} keys");
    }
    for key in keys {
        key.mac(b"m").unwrap();
    }
}
