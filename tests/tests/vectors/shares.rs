//! Shares of keys, against an implementation in another language that was made from the
//! specification (data/shares.py): what it shared is restored here, and it restores what a device
//! shared.

use claviger::{
    Algorithm, PublicKey,
    shares::{Holder, Manifest, Request, SealedShare},
};
use claviger_tests::hex;

use crate::Keys;

/// Restores the key of a file from these of its shares, and compares its versions with its secrets.
fn restore(keys: &Keys, file: &str, versions: &[u32], indices: [u8; 3]) {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    let lines: Vec<Vec<_>> = lines
        .map(|line| line.split(' ').map(hex).collect())
        .collect();
    let [secrets, device, manifest, shares @ ..] = &lines[..] else {
        panic!("three lines before the shares");
    };
    assert_eq!((secrets.len(), shares.len()), (versions.len(), 5));
    let device = PublicKey::from_raw(Algorithm::EcdsaP256, &device[0]).unwrap();
    let manifest = Manifest::verify(&manifest[0], &device).unwrap();
    assert_eq!(manifest.content().shares.threshold, 3);
    let client = &keys.client;
    let restore = client.restore(&manifest).unwrap();
    let own = client.device_key().unwrap().public;
    let request = Request::verify(restore.request(), &own).unwrap();
    // This user's: it is the caller who restores.
    let owner = request.content().owner;
    let mut restored = None;
    for index in indices {
        let [private, sealed] = &shares[usize::from(index) - 1][..] else {
            panic!("a private key and a share");
        };
        let sealed = SealedShare {
            index,
            sealed: sealed.clone(),
        };
        let holder = Holder::from_bytes(private).unwrap();
        let share = holder.open(&manifest, &sealed).unwrap();
        let given = restore
            .give(&share.encrypt_to(&request, owner).unwrap())
            .unwrap();
        restored = given.key;
    }
    let restored = restored.unwrap();
    assert_eq!(*restored.versions, *versions);
    let label = restored.key.as_str();
    let key = client.key(label).unwrap();
    for (version, secret) in versions.iter().zip(secrets) {
        let tag = keys.with(Algorithm::Aes256Cmac, secret, |key| key.mac(b"message"));
        let tag = tag.unwrap();
        key.verify_mac_version(*version, b"message", &tag).unwrap();
    }
    client.delete(label).unwrap();
}

#[test]
fn another_implementation_shares_a_key() {
    let keys = Keys::new();
    for indices in [[1, 2, 3], [5, 1, 4]] {
        restore(&keys, include_str!("data/shares.txt"), &[1, 7], indices);
    }
}

/// `shares.py check` restores it too.
#[test]
fn a_device_shared_a_key() {
    let keys = Keys::new();
    for indices in [[4, 2, 1], [3, 4, 5]] {
        restore(
            &keys,
            include_str!("data/shares_of_a_device.txt"),
            &[1],
            indices,
        );
    }
}
