//! The library as programs use it, on a device in memory.

mod lib_common;

use std::{
    io::{self, Read},
    thread,
    time::{Duration, Instant},
};

use claviger::{
    Algorithm, Client, Effect, Error, ErrorKind, Key, Login, Status, Usage,
    authority::SharedKey,
    identity::uid_identity,
    proto::{Command, Identity, blob, limits, message::InfoRequest},
    transport::emulator::Emulator,
};
use lib_common::{client, key, refused};
use p256::ecdsa::signature::Verifier;

#[test]
fn slices_and_streams_seal_alike() {
    let key = key(Algorithm::Aes128Siv);
    for size in [
        0,
        1,
        limits::CHUNK - 1,
        limits::CHUNK,
        limits::CHUNK + 1,
        2 * limits::CHUNK,
    ] {
        let data = vec![7; size];
        let blob = key.seal_deterministic(b"c", &data).unwrap();
        let mut streamed = Vec::new();
        key.seal_stream_deterministic(b"c", &*data, &mut streamed)
            .unwrap();
        assert_eq!(blob, streamed, "{size}");
        assert_eq!(key.unseal(b"c", &blob).unwrap(), data, "{size}");
        let mut opened = Vec::new();
        assert_eq!(
            key.unseal_stream(b"c", &*blob, &mut opened).unwrap(),
            size as u64
        );
        assert_eq!(opened, data, "{size}");
    }
}

#[test]
fn no_part_of_a_blob_can_change() {
    let key = key(Algorithm::Aes256Siv);
    let blob = key.seal(b"context", b"data").unwrap();
    for bit in 0..8 * blob.len() {
        let mut blob = blob.clone();
        blob[bit / 8] ^= 1 << (bit % 8);
        refused(key.unseal(b"context", &blob), Status::NotAuthentic);
    }
    for length in 0..blob.len() {
        refused(
            key.unseal(b"context", &blob[..length]),
            Status::NotAuthentic,
        );
    }
    refused(key.unseal(b"contexu", &blob), Status::NotAuthentic);
    refused(
        key.unseal(b"context", &[&blob[..], &[0; blob::TAG]].concat()),
        Status::NotAuthentic,
    );
}

#[test]
fn macs_of_slices_and_streams_agree() {
    let key = key(Algorithm::HmacSha256);
    for size in [
        0,
        limits::PAYLOAD - 32,
        limits::PAYLOAD,
        limits::PAYLOAD + 1,
        3 * limits::PAYLOAD,
    ] {
        let message = vec![1; size];
        let tag = key.mac(&message).unwrap();
        assert_eq!(tag, key.mac_stream(&*message).unwrap(), "{size}");
        key.verify_mac(&message, &tag).unwrap();
        key.verify_mac_stream(&*message, &tag).unwrap();
        refused(key.verify_mac(&message, &tag[..16]), Status::NotAuthentic);
    }
}

/// Uses the client that is reading it.
struct Nested(Key, usize);

impl Read for Nested {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.mac(b"in between").map_err(io::Error::other)?;
        let length = self.1.min(buffer.len());
        self.1 -= length;
        buffer[..length].fill(1);
        Ok(length)
    }
}

#[test]
fn streams_may_use_the_client_that_reads_them() {
    let key = key(Algorithm::Aes128Cmac);
    let size = 2 * limits::PAYLOAD + 5;
    let tag = key.mac_stream(Nested(key.clone(), size)).unwrap();
    assert_eq!(tag, key.mac(&vec![1; size]).unwrap());
}

#[test]
fn a_restart_in_a_mac_stream_is_told() {
    struct Restarting(Emulator, usize);
    impl Read for Restarting {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1 == 3 {
                self.0.reboot().map_err(io::Error::other)?;
            }
            Ok(buffer.len())
        }
    }
    let device = Emulator::memory();
    let client = Client::builder().emulator(device.clone()).open().unwrap();
    let key = client.generate("m", Algorithm::Aes128Cmac).unwrap();
    let error = key.mac_stream(Restarting(device, 0)).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Restarted {
                command: Command::MacUpdate,
                effect: Effect::Lost
            }
        ),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    key.mac(b"and it goes on").unwrap();
}

#[test]
fn threads_share_a_client() {
    let key = key(Algorithm::Aes256Siv);
    thread::scope(|scope| {
        for thread in 0..8_u8 {
            let key = key.clone();
            scope.spawn(move || {
                let data = vec![thread; limits::CHUNK + 100];
                for _ in 0..3 {
                    let blob = key.seal(&[thread], &data).unwrap();
                    assert_eq!(key.unseal(&[thread], &blob).unwrap(), data);
                }
            });
        }
    });
}

#[test]
fn signatures_verify_elsewhere() {
    let ecdsa = key(Algorithm::EcdsaP256);
    let message = vec![5; 300_000];
    let public = ecdsa.public_key().unwrap();
    let verifier = p256::ecdsa::VerifyingKey::from_sec1_bytes(&public.raw()).unwrap();
    for signature in [
        ecdsa.sign(&message).unwrap(),
        ecdsa.sign_stream(&*message).unwrap(),
    ] {
        let der = p256::ecdsa::Signature::from_der(&signature.to_der()).unwrap();
        assert_eq!(
            der,
            p256::ecdsa::Signature::from_slice(signature.raw()).unwrap()
        );
        verifier.verify(&message, &der).unwrap();
    }
    let ed25519 = key(Algorithm::Ed25519);
    let public = ed25519.public_key().unwrap().raw();
    let verifier = ed25519_dalek::VerifyingKey::try_from(&*public).unwrap();
    let message = vec![5; limits::PAYLOAD];
    let signature = ed25519.sign_stream(&*message).unwrap();
    assert_eq!(signature.to_der(), signature.raw());
    verifier
        .verify(
            &message,
            &ed25519_dalek::Signature::from_slice(signature.raw()).unwrap(),
        )
        .unwrap();
    for long in [limits::PAYLOAD + 1, 3 * limits::PAYLOAD] {
        refused(ed25519.sign(&vec![0; long]), Status::MessageTooLong);
        refused(ed25519.sign_stream(&*vec![0; long]), Status::MessageTooLong);
    }
    refused(
        key(Algorithm::Aes128Cmac).sign(&vec![0; 100_000]),
        Status::WrongUsage,
    );
}

#[test]
fn the_authority_and_the_device_authenticate_each_other() {
    for (algorithm, secret) in [
        (Algorithm::Aes128Cmac, vec![7; 16]),
        (Algorithm::Aes256Cmac, vec![8; 32]),
    ] {
        let device = client()
            .create("fleet")
            .algorithm(algorithm)
            .usage(Usage::Challenge)
            .export_derived(true)
            .import(&secret)
            .unwrap();
        let server = SharedKey::new(&secret).unwrap();

        let (challenger, m1) = server.challenge("server", "device").unwrap();
        let m2 = device.respond("device", "server", &m1).unwrap();
        let (servers_key, m3) = challenger.confirm(&m2).unwrap();
        let confirmed = device.confirm_with_session_key(&m3).unwrap();
        assert_eq!(
            (confirmed.peer.as_str(), confirmed.reply.len()),
            ("server", 0)
        );
        assert_eq!(
            confirmed.session_key.unwrap().expose(),
            servers_key.expose()
        );

        let m1 = device.challenge("device", "server").unwrap();
        let (responder, m2) = server.respond("server", "device", &m1).unwrap();
        let confirmed = device.confirm_with_session_key(&m2).unwrap();
        assert_eq!(confirmed.peer.as_str(), "server");
        let servers_key = responder.confirm(&confirmed.reply).unwrap();
        assert_eq!(
            confirmed.session_key.unwrap().expose(),
            servers_key.expose()
        );
    }
}

#[test]
fn a_public_session_may_look_and_no_more() {
    let device = Emulator::memory();
    let client = Client::builder()
        .emulator(device)
        .login(Login::Public)
        .open()
        .unwrap();
    assert!(client.info().unwrap().insecure);
    assert!(
        client
            .self_test()
            .unwrap()
            .results
            .iter()
            .all(|result| result.passed)
    );
    refused(client.random(1), Status::LoginRequired);
    refused(client.list(), Status::LoginRequired);
}

#[test]
fn a_caller_has_so_many_sessions() {
    let device = Emulator::memory();
    let open = |uid| {
        let builder = Client::builder().wait_for_turn(Duration::ZERO);
        builder.emulator(device.as_user(uid)).open()
    };
    let other = open(1001).unwrap();
    other.generate("k", Algorithm::Ed25519).unwrap();
    let first = open(1000).unwrap();
    first.generate("k", Algorithm::Ed25519).unwrap();
    drop(first);
    let mut sessions: Vec<_> = (0..limits::HELD_SESSIONS)
        .map(|_| open(1000).unwrap())
        .collect();
    let error = open(1000).unwrap_err();
    assert!(error.to_string().contains("too many sessions"), "{error}");
    assert!(error.hint().unwrap().contains("hold sessions"));
    // More than serve at once: whichever is used serves.
    for session in &sessions {
        session.random(1).unwrap();
    }
    open(1001).unwrap();
    sessions.pop();
    sessions.push(open(1000).unwrap());
    // One whose session rests is in nobody's way.
    sessions[0].rest();
    let one_more = open(1000).unwrap();
    drop(one_more);
    sessions[0].random(1).unwrap();
    let begun = Instant::now();
    let closes = thread::spawn({
        let last = sessions.pop();
        move || {
            thread::sleep(Duration::from_millis(100));
            drop(last);
        }
    });
    let waits = Client::builder().emulator(device.as_user(1000));
    sessions.push(waits.open().unwrap());
    closes.join().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(100));
    device.reboot().unwrap();
    sessions[0].info().unwrap();
    drop(sessions);
    open(1000).unwrap();
}

#[test]
fn owners_are_kept_apart() {
    let device = Emulator::memory();
    let open = |emulator| Client::builder().emulator(emulator).open().unwrap();
    let (root, user) = (open(device.as_user(0)), open(device.as_user(1000)));
    let group = open(device.as_group(1000));
    user.generate("k", Algorithm::Ed25519).unwrap();
    refused(group.key("k"), Status::NotFound);
    refused(root.key("k"), Status::NotFound);
    let owner = uid_identity(1000);
    assert_eq!(root.describe_of("k", owner).unwrap().owner, owner);
    assert_eq!(root.list_of(owner).unwrap().len(), 1);
    assert!(user.list_of(Identity::ADMINISTRATOR).unwrap().is_empty());
    refused(user.key_of(Identity::ADMINISTRATOR, "k"), Status::NotFound);
    root.delete_of("k", owner).unwrap();
    assert!(user.list().unwrap().is_empty());
}

#[test]
fn lists_have_many_pages() {
    let client = client();
    for number in 0..30 {
        client
            .generate(&format!("key-{number}"), Algorithm::Aes128Cmac)
            .unwrap();
    }
    let mut labels: Vec<String> = client
        .list()
        .unwrap()
        .iter()
        .map(|key| key.key.to_string())
        .collect();
    labels.sort();
    labels.dedup();
    assert_eq!(labels.len(), 30);
}

#[test]
fn a_factory_reset_wants_its_token() {
    let client = client();
    client.generate("k", Algorithm::Ed25519).unwrap();
    let before = client.info().unwrap();
    refused(client.factory_reset("00000000"), Status::BadConfirmation);
    assert!(matches!(
        client.factory_reset("token"),
        Err(Error::Name { .. })
    ));
    client
        .factory_reset(&before.confirmation.unwrap().to_string())
        .unwrap();
    let after = client.info().unwrap();
    assert_ne!(before.vault.unwrap().id, after.vault.unwrap().id);
    assert!(client.list().unwrap().is_empty());
}

#[test]
fn raw_frames_reach_the_trusted_application() {
    let client = client();
    let reply = client
        .raw(999, b"\x01\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0{}")
        .unwrap();
    assert_eq!(reply[2..4], Status::UnknownCommand.code().to_le_bytes());
    let reply = client.raw_within(1, b"short", 64).unwrap();
    assert_ne!(reply[2..4], [0, 0]);
    let short = client
        .raw_within(1, b"\x01\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0{}", 18)
        .unwrap_err();
    assert!(short.to_string().contains("bytes"), "{short}");
    client.request(&InfoRequest {}, b"").unwrap();
    refused(client.request(&InfoRequest {}, b"x"), Status::BadPayload);
}

#[test]
fn names_are_checked_here() {
    let error = client().key("no such name").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().contains("\"no such name\""), "{error}");
}
