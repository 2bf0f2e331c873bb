//! Whose word a locked vault takes for what a key is.

use claviger::{
    Algorithm, Client, PublicKey, Status,
    audit::LogOf,
    proto::{Digits, audit::Event, shares::SPKI},
    shares::{Holder, Manifest},
};
use claviger_tests::{ALICE, Device, status};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use sha2::{Digest, Sha256};

/// Another device, as far as its signing key makes it one.
fn other_device(byte: u8) -> (SigningKey, PublicKey) {
    let key = SigningKey::from_slice(&[byte; 32]).unwrap();
    let point = key.verifying_key().to_sec1_point(false);
    let public = PublicKey::from_raw(Algorithm::EcdsaP256, point.as_bytes()).unwrap();
    (key, public)
}

/// The manifest of a set of this device's, and that of the same set under another's name.
fn manifests(client: &Client, (signer, public): &(SigningKey, PublicKey)) -> [Manifest; 2] {
    let holders = [(); 2].map(|()| Holder::generate().unwrap().public_key());
    let creation = client.create("backup").algorithm(Algorithm::HmacSha256);
    let key = creation.export_shares(2, &holders).generate().unwrap();
    let own = key.share(&holders).unwrap().manifest;
    let own = Manifest::verify(&own, &client.device_key().unwrap().public).unwrap();
    client.delete("backup").unwrap();
    let mut content = own.content().clone();
    content.device = public.raw().try_into().unwrap();
    let covered = content.encode().unwrap();
    let signature: Signature = signer.sign(&covered);
    let other = [&covered[..], &signature.to_bytes()].concat();
    [own, Manifest::verify(&other, public).unwrap()]
}

fn fingerprint(public: &PublicKey) -> Digits<32> {
    let hash = Sha256::new().chain_update(SPKI).chain_update(public.raw());
    let hash: [u8; 32] = hash.finalize().into();
    assert_eq!(hash, *Sha256::digest(public.to_der().unwrap()));
    Digits(hash)
}

#[test]
fn a_locked_vault_believes_itself_and_whom_root_named_before() {
    let device = Device::fresh();
    let (alice, root) = (device.user(ALICE), device.user(0));
    let (named, stranger) = (other_device(7), other_device(8));
    root.restore_trust_add(&named.1).unwrap();
    let [own, by_named] = manifests(&alice, &named);
    let [_, by_stranger] = manifests(&alice, &stranger);
    // Before the lock the caller says whom he trusts; what is begun then is not finished after it.
    for manifest in [&own, &by_named, &by_stranger] {
        alice.restore(manifest).unwrap().cancel().unwrap();
    }
    root.lock().unwrap();
    for manifest in [&own, &by_named] {
        alice.restore(manifest).unwrap().cancel().unwrap();
    }
    let refused = alice.restore(&by_stranger);
    assert_eq!(status(refused), Status::UntrustedDevice);
    // And the list stays as the lock found it.
    let fingerprint = fingerprint(&named.1);
    let refused = root.restore_trust_add(&stranger.1);
    assert_eq!(status(refused), Status::Locked);
    let refused = root.restore_trust_remove(fingerprint);
    assert_eq!(status(refused), Status::Locked);
    assert_eq!(alice.restore_trust_list().unwrap(), [fingerprint]);
}

#[test]
fn root_names_up_to_eight_devices() {
    let device = Device::fresh();
    let (alice, root) = (device.user(ALICE), device.user(0));
    let devices: Vec<_> = (1..=9).map(|byte| other_device(byte).1).collect();
    let refused = alice.restore_trust_add(&devices[0]);
    assert_eq!(status(refused), Status::AdministratorOnly);
    for public in &devices[..8] {
        root.restore_trust_add(public).unwrap();
        root.restore_trust_add(public).unwrap();
    }
    let expected: Vec<_> = devices[..8].iter().map(fingerprint).collect();
    assert_eq!(root.restore_trust_list().unwrap(), expected);
    let refused = root.restore_trust_add(&devices[8]);
    assert_eq!(status(refused), Status::TrustFull);
    let refused = root.restore_trust_remove(fingerprint(&devices[8]));
    assert_eq!(status(refused), Status::NotTrusted);
    let refused = alice.restore_trust_remove(expected[0]);
    assert_eq!(status(refused), Status::AdministratorOnly);
    root.restore_trust_remove(expected[3]).unwrap();
    root.restore_trust_add(&devices[8]).unwrap();
    let log = root.audit_log(LogOf::Caller).unwrap();
    let told = log.records().iter();
    let told: Vec<_> = told
        .filter(|record| record.event == Event::RestoreTrust)
        .map(|record| (record.detail, record.device.unwrap()))
        .collect();
    let mut all: Vec<_> = expected.iter().map(|device| (1, *device)).collect();
    all.extend([(0, expected[3]), (1, fingerprint(&devices[8]))]);
    assert!(told.ends_with(&all), "{told:?}");
}
