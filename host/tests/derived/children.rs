//! Children of derivation keys, and ratcheted keys.

use claviger::{
    Algorithm, ErrorKind, Key, Origin, Status,
    authority::{self, Ratchet, Role},
    proto::{limits, ratchet::TOKEN},
};

use crate::{
    SECRET,
    lib_common::{client, key, refused},
};

#[test]
fn children_are_what_software_derives() {
    for parent in [Algorithm::KdfCmac, Algorithm::HkdfSha256] {
        for children in Algorithm::ALL {
            let client = client();
            let creation = client.create("p").algorithm(parent).children(*children);
            let creation = creation.export_derived(true);
            if !children.is_derivable() {
                refused(creation.import(&SECRET), Status::UnsupportedUsage);
                assert!(authority::child(parent, &SECRET, Role::of(*children), "c").is_err());
                continue;
            }
            let child = creation.import(&SECRET).unwrap().child("c/1").unwrap();
            let software = authority::child(parent, &SECRET, Role::of(*children), "c/1").unwrap();
            assert_eq!(child.export_child().unwrap(), software, "{children:?}");
            assert_eq!(child.algorithm(), *children);
        }
    }
}

#[test]
fn children_serve_and_are_kept() {
    let client = client();
    let parent = client
        .create("p")
        .algorithm(Algorithm::KdfCmac)
        .children(Algorithm::Aes256Siv)
        .generate()
        .unwrap();
    let child = parent.child("c").unwrap();
    let blob = child.seal(b"", b"data").unwrap();
    assert_eq!(blob[8..24], child.id().0, "blobs name children");
    refused(
        parent.child("d").unwrap().unseal(b"", &blob),
        Status::NotAuthentic,
    );
    refused(parent.seal(b"", b"data"), Status::WrongUsage);
    refused(child.child("e"), Status::NoChildren);
    refused(child.rotate(), Status::NoChildren);
    refused(child.mac(b""), Status::WrongUsage);
    assert_eq!(
        parent.child("a b").unwrap_err().kind(),
        ErrorKind::Malformed
    );
    refused(key(Algorithm::Aes256Siv).child("c"), Status::NoChildren);
    refused(parent.export_child(), Status::NoChildren);
    refused(child.export_child(), Status::NotExportable);
    assert_eq!(child.refresh().unwrap().id(), child.id());

    for home in ["vault", "wrapped"] {
        let creation = client.create(home).algorithm(Algorithm::Aes256Siv);
        let creation = if home == "wrapped" {
            creation.wrapped()
        } else {
            creation
        };
        let kept = creation.derive(&child).unwrap();
        assert_eq!(kept.description().origin, Origin::Derived);
        assert_eq!(kept.wrapped_bytes().is_some(), home == "wrapped");
    }
    refused(
        client
            .create("x")
            .algorithm(Algorithm::HmacSha256)
            .derive(&child),
        Status::UnsupportedUsage,
    );
    refused(client.create("x").derive(&parent), Status::NoChildren);
    let before = parent.child("c").unwrap().seal(b"", b"1").unwrap();
    parent.rotate().unwrap();
    assert_eq!(child.unseal(b"", &before).unwrap(), b"1");
    let moved = child.reseal(b"", &before).unwrap();
    parent.retire(1).unwrap();
    assert_eq!(child.unseal(b"", &moved).unwrap(), b"1");
    let wrapped = client
        .create("w")
        .algorithm(Algorithm::HkdfSha256)
        .children(Algorithm::Aes128Cmac)
        .wrapped()
        .generate()
        .unwrap();
    wrapped.child("c").unwrap().mac(b"m").unwrap();
}

#[test]
fn ratchets_are_what_software_steps() {
    for (algorithm, secret) in [
        (Algorithm::Aes128Cmac, &SECRET[..16]),
        (Algorithm::Aes256Cmac, &SECRET),
        (Algorithm::HmacSha256, &SECRET),
    ] {
        let client = client();
        let creation = client.create("r").algorithm(algorithm).ratchet();
        let device = creation.import(secret).unwrap();
        let mut software = Ratchet::new(secret).unwrap();
        let agree = |device: &Key, software: &Ratchet| {
            let working = client.create("w").algorithm(algorithm);
            let working = working.import(&software.working_key()).unwrap();
            assert_eq!(device.mac(b"m").unwrap(), working.mac(b"m").unwrap());
            client.delete("w").unwrap();
        };
        agree(&device, &software);
        for _ in 0..3 {
            device.rotate().unwrap();
            software.step().unwrap();
            agree(&device, &software);
        }
        let token = software.token(4 + limits::CATCH_UP).unwrap();
        for bit in 0..8 * TOKEN {
            let mut token = token;
            token[bit / 8] ^= 1 << (bit % 8);
            assert!(device.catch_up(&token).is_err(), "{bit}");
        }
        let version = device.refresh().unwrap().description().version;
        assert_eq!(version, 4);
        assert_eq!(device.catch_up(&token).unwrap(), 4 + limits::CATCH_UP);
        software.catch_up_to(4 + limits::CATCH_UP).unwrap();
        agree(&device, &software);
        refused(device.catch_up(&token), Status::EpochReached);
        let resumed = Ratchet::at(software.version(), software.chain_key()).unwrap();
        let token = resumed.token(software.version() + 1).unwrap();
        device.catch_up(&token).unwrap();
    }
}

#[test]
fn ratchets_know_their_bounds() {
    for length in [0, 15, 17, 64] {
        assert!(Ratchet::new(&vec![0; length]).is_err());
    }
    let mut ratchet = Ratchet::at(10, &SECRET).unwrap();
    assert!(Ratchet::at(0, &SECRET).is_err());
    for version in [9, 10, 11 + limits::CATCH_UP] {
        assert!(ratchet.token(version).is_err());
    }
    assert!(ratchet.catch_up_to(10).is_err());
    assert!(Ratchet::at(u32::MAX, &SECRET).unwrap().step().is_err());
    assert!(!format!("{ratchet:?}").contains("7, 7"));
}

#[test]
fn ratcheted_parents_derive_of_their_working_key() {
    let client = client();
    let parent = client
        .create("p")
        .algorithm(Algorithm::KdfCmac)
        .children(Algorithm::Aes128Cmac)
        .ratchet()
        .export_derived(true)
        .import(&SECRET)
        .unwrap();
    parent.rotate().unwrap();
    let mut software = Ratchet::new(&SECRET).unwrap();
    software.step().unwrap();
    let (algorithm, working) = (Algorithm::Aes128Cmac, software.working_key());
    let expected =
        authority::child(Algorithm::KdfCmac, &working, Role::of(algorithm), "c").unwrap();
    let child = parent.child("c").unwrap();
    assert_eq!(child.export_child().unwrap(), expected);
}
