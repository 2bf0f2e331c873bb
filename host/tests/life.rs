//! Versions, states and policy of keys, as programs see them.

mod lib_common;

use claviger::{
    Algorithm, Client, Error, Key, Permission, Permissions, Report, SealedBytes, State, Status,
    Usage, files::SealedFile, identity::uid_identity, proto::limits, transport::emulator::Emulator,
};
use lib_common::{client, key, refused, two_users};

#[test]
fn a_version_that_is_retired_opens_nothing() {
    let key = key(Algorithm::Aes256Siv);
    let blobs: Vec<_> = (1..=3)
        .map(|_| {
            let blob = key.seal(b"c", b"data").unwrap();
            key.rotate().unwrap();
            blob
        })
        .collect();
    let now = key.refresh().unwrap();
    assert_eq!(now.description().versions, [1, 2, 3, 4]);
    assert_eq!(key.description().version, 1, "what was known stays");
    for blob in &blobs {
        assert_eq!(key.unseal(b"c", blob).unwrap(), b"data");
    }
    assert_eq!(now.retire(2).unwrap().description().versions, [1, 3, 4]);
    refused(key.unseal(b"c", &blobs[1]), Status::NotAuthentic);
    assert_eq!(key.unseal(b"c", &blobs[2]).unwrap(), b"data");
    refused(key.retire(2), Status::NoSuchVersion);
    refused(key.retire(4), Status::PrimaryVersion);
}

#[test]
fn a_key_has_so_many_versions() {
    let key = key(Algorithm::Aes128Cmac);
    for _ in 1..limits::VERSIONS {
        key.rotate().unwrap();
    }
    refused(key.rotate(), Status::VersionsFull);
    key.retire(1).unwrap();
    assert_eq!(key.rotate().unwrap().description().version, 9);
}

#[test]
fn macs_signatures_and_ciphertexts_name_their_version() {
    let mac = key(Algorithm::HmacSha256);
    let (tag, version) = mac.mac_with_version(b"message").unwrap();
    let long = vec![3; 2 * limits::PAYLOAD];
    let (long_tag, long_version) = mac.mac_with_version(&long).unwrap();
    mac.rotate().unwrap();
    assert_eq!((version, long_version), (1, 1));
    refused(mac.verify_mac(b"message", &tag), Status::NotAuthentic);
    refused(mac.verify_mac(&long, &long_tag), Status::NotAuthentic);
    mac.verify_mac_version(1, b"message", &tag).unwrap();
    mac.verify_mac_version(1, &long, &long_tag).unwrap();
    mac.verify_mac_stream_version(1, &*long, &long_tag).unwrap();
    refused(
        mac.verify_mac_version(3, b"message", &tag),
        Status::NoSuchVersion,
    );
    refused(
        mac.verify_mac_stream_version(3, &*long, &long_tag),
        Status::NoSuchVersion,
    );
    assert_eq!(mac.mac_stream_with_version(&*long).unwrap().1, 2);

    let sign = key(Algorithm::EcdsaP384);
    let first = sign.public_key().unwrap();
    sign.rotate().unwrap();
    assert_ne!(sign.public_key().unwrap(), first);
    assert_eq!(sign.public_key_of(1).unwrap(), first);
    refused(sign.public_key_of(3), Status::NoSuchVersion);
    assert_eq!(sign.sign(b"message").unwrap().version(), 2);
}

#[test]
fn what_was_encrypted_comes_back_from_its_version_only() {
    for algorithm in [
        Algorithm::Aes128Gcm,
        Algorithm::Aes256Gcm,
        Algorithm::Aes128Ccm,
        Algorithm::Aes256Ccm,
    ] {
        let key = key(algorithm);
        let most = match algorithm {
            Algorithm::Aes128Gcm | Algorithm::Aes256Gcm => limits::CHUNK,
            // 16 bits count the bytes of a CCM message.
            _ => 65_535,
        };
        for size in [0, 1, 4096, most] {
            let text = vec![9; size];
            let sent = key.encrypt(b"aad", &text).unwrap();
            assert_eq!(*key.decrypt(b"aad", &sent.bytes).unwrap(), text);
            refused(key.decrypt(b"add", &sent.bytes), Status::NotAuthentic);
        }
        refused(
            key.encrypt(b"", &vec![0; limits::CHUNK + 1]),
            Status::PayloadTooLong,
        );
        refused(
            key.decrypt(b"", &vec![0; limits::PAYLOAD + 1]),
            Status::PayloadTooLong,
        );
        let sent = key.encrypt(b"", b"text").unwrap();
        assert_eq!(sent.version, 1);
        for bit in 0..8 * sent.bytes.len() {
            let mut bytes = sent.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            refused(key.decrypt(b"", &bytes), Status::NotAuthentic);
        }
        key.rotate().unwrap();
        refused(key.decrypt(b"", &sent.bytes), Status::NotAuthentic);
        assert_eq!(*key.decrypt_version(1, b"", &sent.bytes).unwrap(), b"text");
        key.retire(1).unwrap();
        refused(
            key.decrypt_version(1, b"", &sent.bytes),
            Status::NoSuchVersion,
        );
    }
}

#[test]
fn states_are_those_of_sp_800_57() {
    let client = client();
    let key = client.create("k").pre_activation().generate().unwrap();
    assert_eq!(key.description().state, State::PreActivation);
    refused(key.seal(b"", b"x"), Status::WrongState);
    refused(key.suspend(), Status::InvalidTransition);
    let key = key.activate().unwrap();
    let blob = key.seal(b"", b"x").unwrap();
    let key = key.suspend().unwrap();
    assert_eq!(key.description().state, State::Suspended);
    refused(key.seal(b"", b"x"), Status::WrongState);
    refused(key.rotate(), Status::WrongState);
    key.unseal(b"", &blob).unwrap();
    key.resume().unwrap().seal(b"", b"x").unwrap();
    assert_eq!(
        key.deactivate().unwrap().description().state,
        State::Deactivated
    );
    refused(key.activate(), Status::InvalidTransition);
    key.unseal(b"", &blob).unwrap();
    assert_eq!(
        key.compromise().unwrap().description().state,
        State::Compromised
    );
    key.unseal(b"", &blob).unwrap();
    let key = key.destroy().unwrap();
    assert_eq!(key.description().state, State::Destroyed);
    assert!(key.description().versions.is_empty());
    refused(key.unseal(b"", &blob), Status::WrongState);
    assert_eq!(client.list().unwrap().len(), 1);
    client.delete("k").unwrap();
    refused(key.refresh(), Status::NotFound);
}

#[test]
fn grants_let_others_do_what_they_name() {
    let (alice, bob) = two_users();
    let (hers, his) = (uid_identity(1000), uid_identity(1001));
    let key = alice
        .create("shared")
        .grant(his, &[Permission::Unseal])
        .owner_may(&[Permission::Seal])
        .generate()
        .unwrap();
    let blob = key.seal(b"", b"data").unwrap();
    refused(key.unseal(b"", &blob), Status::NotPermitted);
    refused(bob.key("shared"), Status::NotFound);
    let shared = bob.key_of(hers, "shared").unwrap();
    assert_eq!(shared.unseal(b"", &blob).unwrap(), b"data");
    refused(shared.seal(b"", b"data"), Status::NotPermitted);
    refused(shared.rotate(), Status::AdministratorOnly);
    assert_eq!(bob.list_of(hers).unwrap().len(), 1);

    let mut policy = key.description().policy.clone();
    policy.grants.clear();
    key.tighten(&policy).unwrap();
    refused(shared.unseal(b"", &blob), Status::NotFound);
    policy.owner = Permissions::of(&[Permission::Seal, Permission::Unseal]);
    refused(key.tighten(&policy), Status::PolicyLoosened);
}

#[test]
fn policies_bound_what_can_be_done() {
    let client = client();
    let key = client
        .create("k")
        .max_uses(3)
        .min_context(4)
        .generate()
        .unwrap();
    refused(key.seal(b"abc", b"x"), Status::ContextTooShort);
    let blob = key.seal(b"abcd", b"x").unwrap();
    key.unseal(b"abcd", &blob).unwrap();
    assert_eq!(key.refresh().unwrap().description().uses_left, Some(1));
    refused(key.unseal(b"abce", &blob), Status::NotAuthentic);
    refused(key.unseal(b"abcd", &blob), Status::UsesExhausted);

    let key = client
        .create("level")
        .rollback_level(100)
        .generate()
        .unwrap();
    refused(key.seal(b"", b"x"), Status::RollbackLevel);

    refused(
        client.create("bad").max_uses(0).generate(),
        Status::BadPolicy,
    );
    let many = (0..9).fold(client.create("many"), |creation, uid| {
        creation.grant(uid_identity(2000 + uid), &[Permission::Seal])
    });
    refused(many.generate(), Status::BadPolicy);
    refused(
        client
            .create("no")
            .grant(uid_identity(1), &[Permission::Sign])
            .generate(),
        Status::BadPolicy,
    );
}

#[test]
fn keys_rotate_themselves() {
    let client = client();
    let key = client
        .create("uses")
        .rotate_after_uses(2)
        .generate()
        .unwrap();
    let versions: Vec<_> = (0..5)
        .map(|_| {
            key.seal(b"", b"x").unwrap();
            key.refresh().unwrap().description().version
        })
        .collect();
    assert_eq!(versions, [1, 1, 2, 2, 3]);

    let key = client
        .create("bytes")
        .rotate_after_bytes(100)
        .generate()
        .unwrap();
    let version = |size| {
        key.seal(b"", &vec![0; size]).unwrap();
        key.refresh().unwrap().description().version
    };
    assert_eq!([version(99), version(1), version(1)], [1, 1, 2]);
}

fn sealed(key: &Key, context: &[u8], data: &[u8]) -> SealedBytes {
    SealedBytes {
        context: context.to_vec(),
        blob: key.seal(context, data).unwrap(),
    }
}

fn counts<B>(report: &Report<B>) -> (usize, usize, usize) {
    (
        report.resealed.len(),
        report.newest.len(),
        report.failed.len(),
    )
}

#[test]
fn blobs_of_every_size_move_to_the_newest_version() {
    let key = key(Algorithm::Aes128Siv);
    for size in [0, 1, limits::CHUNK, limits::CHUNK + 1, 3 * limits::CHUNK] {
        let data = vec![4; size];
        let old = key.seal_deterministic(b"c", &data).unwrap();
        let version = key.rotate().unwrap().description().version;
        let new = key.reseal(b"c", &old).unwrap();
        assert_eq!(new.len(), old.len());
        assert_eq!(new[24..28], version.to_be_bytes());
        assert_eq!(
            new,
            key.seal_deterministic(b"c", &data).unwrap(),
            "it stays deterministic"
        );
        let mut streamed = Vec::new();
        let length = key.reseal_stream(b"c", &*old, &mut streamed).unwrap();
        assert_eq!((&streamed, length as usize), (&new, old.len()));
        refused(key.reseal(b"d", &old), Status::NotAuthentic);
        for cut in [old.len() - 1, 48, 10] {
            refused(key.reseal(b"c", &old[..cut]), Status::NotAuthentic);
        }
        key.retire(version - 1).unwrap();
        assert_eq!(key.unseal(b"c", &new).unwrap(), data);
        refused(key.reseal(b"c", &old), Status::NotAuthentic);
    }
}

#[test]
fn many_blobs_are_moved_and_none_is_lost() {
    let key = key(Algorithm::Aes256Siv);
    let mut blobs: Vec<_> = (0..4)
        .map(|n| sealed(&key, &[n], &vec![n; 40_000 * usize::from(n)]))
        .collect();
    blobs[1].blob[60] ^= 1;
    blobs[2].blob.truncate(20);
    let before = blobs.clone();
    key.rotate().unwrap();
    blobs.push(sealed(&key, b"new", b"new"));
    let mut seen = Vec::new();
    let report = key
        .reseal_all(blobs, |report| seen.push(counts(report)))
        .unwrap();
    let expected = [(1, 0, 0), (1, 0, 1), (1, 0, 2), (2, 0, 2), (2, 1, 2)];
    assert_eq!(seen, expected);
    assert_eq!(report.done(), 5);
    for ((blob, error), before) in report.failed.iter().zip(&before[1..]) {
        assert_eq!(blob, before, "as it was");
        assert_eq!(error.status(), Some(Status::NotAuthentic));
    }
    key.retire(1).unwrap();
    let [first, last] = &report.resealed[..] else {
        panic!("{report:?}");
    };
    assert_eq!(key.unseal(&[0], &first.blob).unwrap(), b"");
    assert_eq!(key.unseal(&[3], &last.blob).unwrap(), vec![3; 120_000]);
}

#[test]
fn files_are_replaced_when_their_successors_are_complete() {
    let key = key(Algorithm::Aes256Siv);
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| SealedFile {
        context: b"c".to_vec(),
        path: dir.path().join(name),
    };
    let blob = key.seal(b"c", &vec![1; 200_000]).unwrap();
    std::fs::write(file("good").path, &blob).unwrap();
    std::fs::write(file("cut").path, &blob[..150_000]).unwrap();
    key.rotate().unwrap();
    let files = ["good", "cut", "none", "."].map(file);
    let report = key.reseal_all(files, |_| ()).unwrap();
    assert_eq!(counts(&report), (1, 0, 3));
    assert!(matches!(report.failed[1].1, Error::Stream { .. }));
    assert!(matches!(report.failed[2].1, Error::Stream { .. }));
    assert_eq!(std::fs::read(file("cut").path).unwrap(), &blob[..150_000]);
    let entries = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(entries, 2, "nothing is left of what failed");
    key.retire(1).unwrap();
    let new = std::fs::read(file("good").path).unwrap();
    assert_eq!(key.unseal(b"c", &new).unwrap(), vec![1; 200_000]);
    let again = key.reseal_all([file("good")], |_| ()).unwrap();
    assert_eq!(counts(&again), (0, 1, 0));
    assert_eq!(std::fs::read(file("good").path).unwrap(), new);
}

/// Every third call rotates the key: large blobs are begun again.
#[test]
fn a_batch_survives_rotation_under_it() {
    let client = client();
    let key = client.create("k").rotate_after_uses(3).generate().unwrap();
    let blobs = (0..2).map(|n| sealed(&key, &[n], &vec![n; limits::CHUNK + 1]));
    let blobs: Vec<_> = blobs.collect();
    key.rotate().unwrap();
    let report = key.reseal_all(blobs, |_| ()).unwrap();
    assert_eq!(counts(&report), (2, 0, 0), "{:?}", report.failed);
}

#[test]
fn ratchets_leave_nothing_behind() {
    let client = client();
    let key = client
        .create("r")
        .algorithm(Algorithm::Aes128Cmac)
        .ratchet()
        .generate()
        .unwrap();
    let tag = key.mac(b"m").unwrap();
    let key = key.rotate().unwrap();
    assert_eq!(key.description().versions, [2]);
    refused(key.verify_mac_version(1, b"m", &tag), Status::NoSuchVersion);
    refused(
        client.create("s").ratchet().generate(),
        Status::UnsupportedUsage,
    );
    refused(key.catch_up(b"no token"), Status::NotAuthentic);
    let plain = client.generate("p", Algorithm::Aes128Cmac).unwrap();
    refused(plain.catch_up(&[0; 28]), Status::WrongUsage);
}

#[test]
fn a_restart_changes_nothing_that_was_said() {
    let device = Emulator::memory();
    let client = Client::builder().emulator(device.clone()).open().unwrap();
    let key = client
        .create("k")
        .algorithm(Algorithm::Aes128Cmac)
        .usage(Usage::Mac)
        .generate()
        .unwrap();
    let (tag, _) = key.mac_with_version(b"m").unwrap();
    key.rotate().unwrap().suspend().unwrap();
    device.reboot().unwrap();
    let key = key.refresh().unwrap();
    assert_eq!(key.description().state, State::Suspended);
    key.verify_mac_version(1, b"m", &tag).unwrap();
    device.reboot().unwrap();
    let error = key.resume().unwrap_err();
    assert!(matches!(error, Error::Restarted { .. }), "{error}");
}
