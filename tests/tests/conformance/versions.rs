//! Versions of a key, for every algorithm: the newest produces, the others process what they
//! protected, until they are retired. (How they come and go is in `life`.)

use claviger::{Algorithm, Client, Origin, State, Status};
use claviger_proto::{
    blob::Header,
    message::{MacFinishRequest, MacStartRequest, MacUpdateRequest, VerifyMacFinishRequest},
};
use claviger_tests::{ALICE, Device, Handle, new_key, status};

fn make(client: &Client, algorithm: Algorithm) -> Handle {
    Handle::generate(client, new_key(algorithm.name(), algorithm)).unwrap()
}

#[test]
fn a_rotated_key_is_the_same_key_in_a_new_version() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for algorithm in Algorithm::ALL {
        let key = make(&client, *algorithm);
        let first = key.describe().unwrap();
        let rotated = key.rotate().unwrap();
        assert_eq!((rotated.version, &rotated.versions[..]), (2, &[1, 2][..]));
        let mut expected = first.clone();
        expected.version = 2;
        expected.versions.push(2).unwrap();
        // The secret is another: see `check_values`.
        expected.check_value = rotated.check_value;
        assert_eq!(rotated, expected, "nothing else changes");
        assert_eq!(key.describe().unwrap(), rotated);
        let retired = key.retire(1).unwrap();
        assert_eq!(&retired.versions[..], [2]);
        key.delete().unwrap();
    }
    // Also one that came from outside: its next version does not.
    let imported = new_key("imported", Algorithm::HmacSha256);
    let imported = Handle::import(&client, imported, &[7; 20]).unwrap();
    assert_eq!(imported.rotate().unwrap().origin, Origin::Imported);
    let again = new_key("again", Algorithm::HmacSha256);
    let again = Handle::import(&client, again, &[7; 20]).unwrap();
    again.rotate().unwrap();
    assert_ne!(imported.mac(b"m").unwrap(), again.mac(b"m").unwrap());
}

#[test]
fn old_versions_check_and_open() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let mac = make(&client, Algorithm::HmacSha256);
    let gcm = make(&client, Algorithm::Aes256Gcm);
    let ccm = make(&client, Algorithm::Aes128Ccm);
    let siv = make(&client, Algorithm::Aes256Siv);
    let mut protected = Vec::new();
    for version in 1..=3 {
        if version > 1 {
            for key in [&mac, &gcm, &ccm, &siv] {
                assert_eq!(key.rotate().unwrap().version, version);
            }
        }
        let blob = siv.seal(b"c", b"data").unwrap();
        assert_eq!(Header::decode(&blob).unwrap().version, version);
        protected.push((
            version,
            mac.mac(b"message").unwrap(),
            [&gcm, &ccm].map(|key| key.encrypt(b"a", b"data").unwrap()),
            blob,
        ));
    }
    for (version, tag, sealed, blob) in &protected {
        for asked in [None, Some(1), Some(2), Some(3)] {
            let right = asked.unwrap_or(3) == *version;
            let verified = mac.verify(b"message", tag, asked);
            if right {
                verified.unwrap();
            } else {
                assert_eq!(status(verified), Status::NotAuthentic);
            }
            for (key, sealed) in [&gcm, &ccm].into_iter().zip(sealed) {
                let opened = key.decrypt(b"a", sealed, asked);
                if right {
                    assert_eq!(opened.unwrap(), b"data");
                } else {
                    assert_eq!(status(opened), Status::NotAuthentic);
                }
            }
        }
        // A blob says its version itself.
        assert_eq!(siv.unseal(b"c", blob).unwrap(), b"data");
        let moved = siv.reseal(b"c", blob).unwrap();
        assert_eq!(Header::decode(&moved).unwrap().version, 3);
        assert_eq!(siv.unseal(b"c", &moved).unwrap(), b"data");
        assert_eq!(status(siv.reseal(b"d", blob)), Status::NotAuthentic);
    }
    // A stream is checked by the version that it names.
    for (version, tag, ..) in &protected {
        let start = MacStartRequest {
            key: mac.key.clone(),
            verify: true,
            version: Some(*version),
        };
        let (started, _) = client.request(&start, b"").unwrap();
        assert_eq!(started.version, *version);
        client.request(&MacUpdateRequest {}, b"message").unwrap();
        client.request(&VerifyMacFinishRequest {}, tag).unwrap();
    }
    for absent in [0, 4, u32::MAX] {
        let absent = Some(absent);
        let sealed = &protected[0].2[0];
        assert_eq!(
            status(mac.verify(b"m", &[0; 32], absent)),
            Status::NoSuchVersion
        );
        assert_eq!(
            status(gcm.decrypt(b"a", sealed, absent)),
            Status::NoSuchVersion
        );
    }
}

#[test]
fn each_version_has_its_public_key() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for algorithm in [
        Algorithm::EcdsaP256,
        Algorithm::EcdsaP384,
        Algorithm::Ed25519,
        Algorithm::EcdhP256,
        Algorithm::X25519,
        Algorithm::MlKem768,
        Algorithm::XWing,
    ] {
        let key = make(&client, algorithm);
        let first = key.public_key(None).unwrap();
        key.rotate().unwrap();
        let second = key.public_key(None).unwrap();
        assert_ne!(first, second);
        assert_eq!(first.len(), second.len());
        assert_eq!(key.public_key(Some(1)).unwrap(), first);
        assert_eq!(key.public_key(Some(2)).unwrap(), second);
        assert_eq!(status(key.public_key(Some(3))), Status::NoSuchVersion);
        key.retire(1).unwrap();
        assert_eq!(status(key.public_key(Some(1))), Status::NoSuchVersion);
        assert_eq!(key.public_key(None).unwrap(), second);
        key.delete().unwrap();
    }
}

/// A tag is made by the primary version; what is checked is checked while its version is there.
#[test]
fn a_mac_stream_ends_in_the_version_that_began_it() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let key = make(&client, Algorithm::HmacSha256);
    let tag = key.mac(b"message").unwrap();
    let start = |verify: bool, version: Option<u32>| {
        let request = MacStartRequest {
            key: key.key.clone(),
            verify,
            version,
        };
        client.request(&request, b"").unwrap().0.version
    };
    let update = || {
        let updated = client.request(&MacUpdateRequest {}, b"message");
        updated.unwrap();
    };
    assert_eq!(start(false, None), 1);
    key.rotate().unwrap();
    let finished = client.request(&MacFinishRequest {}, b"message");
    assert_eq!(status(finished), Status::Superseded);
    let again = client.request(&MacFinishRequest {}, b"message");
    assert_eq!(status(again), Status::NoStream, "it ended");
    assert_eq!(start(false, None), 2);
    let (_, second) = client.request(&MacFinishRequest {}, b"message").unwrap();
    key.verify(b"message", &second, Some(2)).unwrap();

    assert_eq!(start(true, Some(1)), 1);
    update();
    key.rotate().unwrap();
    client.request(&VerifyMacFinishRequest {}, &tag).unwrap();
    assert_eq!(start(true, Some(1)), 1);
    update();
    key.retire(1).unwrap();
    let checked = client.request(&VerifyMacFinishRequest {}, &tag);
    assert_eq!(status(checked), Status::NoStream);
    // Nor when the key no longer serves, or is another one.
    type End = fn(&Handle);
    let ends: [(End, Status); 2] = [
        (
            |key| drop(key.set_state(State::Deactivated).unwrap()),
            Status::WrongState,
        ),
        (
            |key| {
                key.delete().unwrap();
                make(&key.client, Algorithm::HmacSha256);
            },
            Status::NoStream,
        ),
    ];
    for (end, expected) in ends {
        key.delete().unwrap();
        make(&client, Algorithm::HmacSha256);
        start(false, None);
        end(&key);
        let finished = client.request(&MacFinishRequest {}, b"message");
        assert_eq!(status(finished), expected);
    }
}

/// What is rotated and retired is the key's owner's, by whatever name; children have no versions.
#[test]
fn only_keys_of_the_vault_have_versions_to_change() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let mut parent = new_key("parent", Algorithm::KdfCmac);
    parent.children = Some(Algorithm::HmacSha256);
    let parent = Handle::generate(&client, parent).unwrap();
    let child = parent.child("child");
    assert_eq!(status(child.rotate()), Status::NoChildren);
    assert_eq!(status(child.retire(1)), Status::NoChildren);
    // A child follows its parent.
    let first = child.mac(b"m").unwrap();
    parent.rotate().unwrap();
    let second = child.mac(b"m").unwrap();
    assert_ne!(first, second);
    child.verify(b"m", &first, Some(1)).unwrap();
    child.verify(b"m", &second, None).unwrap();
    parent.retire(1).unwrap();
    let gone = child.verify(b"m", &first, Some(1));
    assert_eq!(status(gone), Status::NoSuchVersion);
    assert_eq!(
        status(Handle::new(&client, "absent").rotate()),
        Status::NotFound
    );
    assert_eq!(
        status(Handle::new(&client, "absent").retire(1)),
        Status::NotFound
    );
}
