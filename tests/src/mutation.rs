//! Requests hurt at random.

use claviger::{Algorithm, Status, proto::Command};
use claviger_proto::frame::PREFIX;

use crate::{
    Rng,
    frames::frame,
    requests::{Role, request, role},
};

/// What enough frames get as answers, if they reach everything from the prefix to the operations.
pub const REACHED: [Status; 11] = [
    Status::Ok,
    Status::ProtocolVersion,
    Status::BadFrame,
    Status::HeaderTooLong,
    Status::PayloadTooLong,
    Status::BadHeader,
    Status::BadPayload,
    Status::AdministratorOnly,
    Status::NotFound,
    Status::WrongUsage,
    Status::NotAuthentic,
];

/// A frame for `command`, most of it as it should be. What it uses is a key named after its
/// algorithm, what it manages or makes is the key `other`; `material` is bytes that mean something
/// to some command, for its payload.
pub fn frame_for(rng: &mut Rng, command: Command, material: &[Vec<u8>]) -> Vec<u8> {
    // Keys that exist stay.
    let label = match role(command) {
        Role::Manages | Role::Makes => "other",
        _ => rng.choose(Algorithm::ALL).name(),
    };
    let (header, mut payload) = request(command, label);
    let mut header = header.into_bytes();
    if !material.is_empty() && rng.below(4) == 0 {
        payload.clone_from(rng.choose(material));
    }
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
    bytes
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
