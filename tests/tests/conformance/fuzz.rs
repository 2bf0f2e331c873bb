//! Requests hurt at random.

use std::collections::BTreeMap;

use claviger::{Algorithm, Status, proto::Command};
use claviger_proto::frame::PREFIX;
use claviger_tests::{
    ALICE, Device, Rng, creation,
    frames::{Watch, frame, send},
};

use crate::requests::{Role, request, role};

/// Neither the instance nor the vault minds.
#[test]
fn frames_at_random() {
    let device = Device::fresh();
    let watch = Watch::new(&device);
    let client = device.user(ALICE);
    for algorithm in Algorithm::ALL {
        creation(&client, algorithm.name(), *algorithm)
            .generate()
            .unwrap();
    }
    let mut rng = Rng::new(0xc1a5);
    let frames = if Device::REAL { 1_000 } else { 10_000 };
    let mut answers = BTreeMap::<u16, u32>::new();
    for number in 0..frames {
        let (id, bytes) = random_frame(&mut rng);
        let answer = send(&client, id, &bytes);
        *answers.entry(answer.code()).or_default() += 1;
        assert_ne!(answer, Status::Internal, "frame {number}");
        if number % 1_000 == 0 {
            watch.still_the_same();
        }
    }
    watch.still_the_same();
    println!("{frames} frames: {answers:?}");
    // It reached everything from the prefix to the operations.
    for status in [
        Status::Ok,
        Status::ProtocolVersion,
        Status::UnknownCommand,
        Status::BadFrame,
        Status::HeaderTooLong,
        Status::PayloadTooLong,
        Status::BadHeader,
        Status::BadPayload,
        Status::AdministratorOnly,
        Status::NotFound,
        Status::WrongUsage,
        Status::NotAuthentic,
    ] {
        assert!(answers.contains_key(&status.code()), "{status:?}");
    }
    let other = client.generate("after", Algorithm::Aes256Siv).unwrap();
    let sealed = other.seal(b"", b"data").unwrap();
    assert_eq!(other.unseal(b"", &sealed).unwrap(), b"data");
    assert!(client.info().unwrap().vault.unwrap().damaged == 0);
}

fn random_frame(rng: &mut Rng) -> (u32, Vec<u8>) {
    let command = *rng.choose(Command::ALL);
    // Keys that exist stay.
    let label = match role(command) {
        Role::Manages | Role::Makes => "other",
        _ => rng.choose(Algorithm::ALL).name(),
    };
    let (header, mut payload) = request(command, label);
    let mut header = header.into_bytes();
    match rng.below(8) {
        0 => hurt(rng, &mut header),
        1 => {
            let len = rng.below(64);
            header = rng.bytes(len);
        }
        2 => hurt(rng, &mut payload),
        3 => {
            let len = rng.below(300);
            payload = rng.bytes(len);
        }
        _ => {}
    }
    let mut bytes = frame(&header, &payload);
    match rng.below(8) {
        0 => {
            let place = rng.below(PREFIX);
            bytes[place] ^= 1 << rng.below(8);
        }
        1 => {
            let len = rng.below(PREFIX);
            bytes.truncate(len);
        }
        2 => hurt(rng, &mut bytes),
        _ => {}
    }
    let id = if rng.below(16) == 0 {
        rng.bits() as u32
    } else {
        command.id()
    };
    (id, bytes)
}

/// Flips, drops, repeats or inserts a few bytes.
fn hurt(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=rng.below(3) {
        let place = rng.below(bytes.len() + 1);
        match rng.below(4) {
            0 if place < bytes.len() => bytes[place] ^= 1 << rng.below(8),
            1 if place < bytes.len() => drop(bytes.remove(place)),
            2 if place < bytes.len() => bytes.insert(place, bytes[place]),
            _ => bytes.insert(place, *rng.choose(b"{}[]\",:0-9e\\ \xff")),
        }
    }
}
