//! Check values: by which people tell that two devices hold the same secret.

use claviger::{Algorithm, Permission, identity::uid_identity};
use claviger_tests::{ALICE, BOB, Device};

#[test]
fn a_check_value_is_that_of_the_secret() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    // Computed by Python's `cryptography`: of 16 and 32 bytes AES-CMAC of 16 zeros, of others that
    // under HKDF-SHA256(salt none, info "claviger check value").
    let secret: Vec<u8> = (0..64).collect();
    for (algorithm, length, expected) in [
        (Algorithm::Aes128Cmac, 16, "be7ed6ae78"),
        (Algorithm::Aes256Gcm, 32, "377822c093"),
        (Algorithm::HmacSha256, 20, "c55c6d5526"),
        (Algorithm::HmacSha256, 64, "4f486a1983"),
        (Algorithm::Aes256Siv, 64, "4f486a1983"),
    ] {
        let label = format!("{}-{length}", algorithm.name());
        let creation = client.create(&label).algorithm(algorithm);
        let key = creation.import(&secret[..length]).unwrap();
        let value = key.description().check_value.unwrap();
        assert_eq!(value.to_string(), expected, "{label}");
        let described = client.key(&label).unwrap();
        assert_eq!(described.description().check_value, Some(value));
    }
    for algorithm in Algorithm::ALL.iter().filter(|one| one.has_public_half()) {
        let key = client.generate(algorithm.name(), *algorithm).unwrap();
        assert_eq!(key.description().check_value, None, "{algorithm:?}");
    }
}

#[test]
fn a_check_value_is_of_the_version_that_produces() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let key = client.generate("key", Algorithm::HmacSha256).unwrap();
    let first = key.description().check_value.unwrap();
    let key = key.rotate().unwrap();
    assert_ne!(key.description().check_value.unwrap(), first);
    let key = key.destroy().unwrap();
    assert_eq!(key.description().check_value, None);
}

#[test]
fn a_check_value_is_for_the_owner_and_root() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let key = alice
        .create("shown")
        .algorithm(Algorithm::Aes128Cmac)
        .grant(uid_identity(BOB), &[Permission::Mac, Permission::VerifyMac])
        .generate()
        .unwrap();
    let value = key.description().check_value;
    assert!(value.is_some());
    let owner = uid_identity(ALICE);
    let seen = |client: &claviger::Client| {
        let key = client.key_of(owner, "shown").unwrap();
        key.description().check_value
    };
    assert_eq!(seen(&alice), value);
    assert_eq!(seen(&device.user(0)), value);
    assert_eq!(seen(&bob), None);
    assert!(bob.key_of(owner, "shown").unwrap().mac(b"m").is_ok());
}
