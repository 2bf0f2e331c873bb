//! A wrapped copy of a key of the vault: it serves as that key's policy is by then, whatever it was
//! when the copy was made.

use claviger::{
    Algorithm, Export, Permission, Permissions, State, Status, Usage, identity::uid_identity,
};
use claviger_proto::message::{Grant, NewKey, Policy};
use claviger_tests::{ALICE, BOB, Device, Handle, new_key, new_key_for, status};

/// A key of Alice's and its copy.
fn key_and_copy(device: &Device, mut new: NewKey) -> (Handle, Handle) {
    new.policy.export = Export::Wrapped;
    let key = Handle::generate(&device.user(ALICE), new).unwrap();
    let copy = key.wrap(None).unwrap();
    (key, copy)
}

/// A derivation key whose bytes may leave, and its copy.
fn derivation(device: &Device) -> (Handle, Handle) {
    let mut new = new_key("kdf", Algorithm::KdfCmac);
    new.children = Some(Algorithm::Aes256Cmac);
    new.policy.export_derived = true;
    key_and_copy(device, new)
}

#[test]
fn uses_of_a_copy_count_as_those_of_the_key() {
    let device = Device::fresh();
    let (key, copy) = key_and_copy(&device, new_key("mac", Algorithm::Aes256Cmac));
    let tag = copy.mac(b"m").unwrap();
    key.set_policy(|policy| policy.max_uses = Some(3)).unwrap();
    assert_eq!(copy.mac(b"m").unwrap(), tag);
    assert_eq!(copy.describe().unwrap().uses_left, Some(2));
    assert_eq!(key.mac(b"m").unwrap(), tag);
    assert_eq!(copy.mac(b"m").unwrap(), tag);
    for handle in [&copy, &key] {
        assert_eq!(status(handle.mac(b"m")), Status::UsesExhausted);
        assert_eq!(handle.describe().unwrap().uses_left, Some(0));
    }
}

#[test]
fn a_copy_ends_with_its_version() {
    let device = Device::fresh();
    let (key, copy) = key_and_copy(&device, new_key("mac", Algorithm::Aes256Cmac));
    let bound = |policy: &mut Policy| policy.rotate_after_uses = Some(2);
    key.set_policy(bound).unwrap();
    copy.mac(b"m").unwrap();
    copy.mac(b"m").unwrap();
    // The next one is for the next version, which it has not.
    assert_eq!(status(copy.mac(b"m")), Status::Revoked);
    assert_eq!(key.describe().unwrap().version, 2);
    assert_eq!(status(copy.mac(b"m")), Status::Revoked);
    key.mac(b"m").unwrap();
}

#[test]
fn bytes_leave_no_copy_that_leave_the_key_no_more() {
    let device = Device::fresh();
    let (key, copy) = derivation(&device);
    let bytes = copy.child("c").derive_bytes(32).unwrap();
    assert_eq!(key.child("c").derive_bytes(32).unwrap(), bytes);
    key.set_policy(|policy| policy.export_derived = false)
        .unwrap();
    for handle in [&key, &copy] {
        let derived = handle.child("c").derive_bytes(32);
        assert_eq!(status(derived), Status::NotExportable);
    }
}

#[test]
fn no_copy_sheds_a_bound() {
    let device = Device::fresh();
    let (key, copy) = derivation(&device);
    key.set_policy(|policy| policy.max_uses = Some(5)).unwrap();
    for handle in [&key, &copy] {
        let derived = handle
            .child("c")
            .derive(new_key("derived", Algorithm::Aes256Cmac));
        assert_eq!(status(derived), Status::NotPermitted);
    }
}

#[test]
fn no_session_key_leaves_a_copy_that_leaves_the_key_no_more() {
    let device = Device::fresh();
    let mut new = new_key_for("challenge", Algorithm::Aes256Cmac, Usage::Challenge);
    new.policy.export_derived = true;
    let (key, copy) = key_and_copy(&device, new);
    let copy = copy.client.wrapped(&copy.front).unwrap();
    let confirmed = || {
        let challenge = copy.challenge("a", "b").unwrap();
        let response = copy.respond("b", "a", &challenge).unwrap();
        copy.confirm_with_session_key(&response)
    };
    confirmed().unwrap();
    key.set_policy(|policy| policy.export_derived = false)
        .unwrap();
    assert_eq!(status(confirmed()), Status::NotExportable);
}

#[test]
fn whom_the_key_does_not_know_its_copy_does_not_either() {
    let device = Device::fresh();
    let bob = device.user(BOB);
    let mut new = new_key("sign", Algorithm::Ed25519);
    let grant = Grant {
        to: uid_identity(BOB),
        may: Permissions::of(&[Permission::Sign]),
    };
    new.policy.grants.push(grant).unwrap();
    let (key, copy) = key_and_copy(&device, new);
    let bobs = copy.by(&bob);
    bobs.sign(b"m").unwrap();
    bobs.describe().unwrap();
    key.set_policy(|policy| policy.grants.clear()).unwrap();
    assert_eq!(status(bobs.sign(b"m")), Status::NotFound);
    assert_eq!(status(bobs.describe()), Status::NotFound);
    assert!(copy.describe().unwrap().policy.grants.is_empty());
    copy.sign(b"m").unwrap();
}

#[test]
fn nothing_is_said_of_a_copy_whose_key_is_destroyed() {
    let device = Device::fresh();
    let (key, copy) = key_and_copy(&device, new_key("mac", Algorithm::Aes256Cmac));
    copy.mac(b"m").unwrap();
    key.set_state(State::Destroyed).unwrap();
    for _ in 0..2 {
        assert_eq!(status(copy.describe()), Status::Revoked);
        assert_eq!(status(copy.mac(b"m")), Status::Revoked);
    }
}
