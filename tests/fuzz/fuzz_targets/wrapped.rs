//! Wrapped keys: bytes that are not authentic, and, sealed with the right key, contents that were
//! never wrapped.

#![no_main]

use claviger_fuzz::{Ground, Input, Machine, start};
use claviger_proto::{
    Command, KeyRef, Place, Status,
    blob::Suite,
    limits,
    message::*,
    wrapped::{FRONT, HEADER},
};
use claviger_ta::{
    crypto::{kdf, siv},
    platform::{Copy, ObjectId},
    vault::{
        SLOT,
        header::{self, Header},
    },
};
use claviger_tests::{
    frames::{frame, header},
    label,
};
use libfuzzer_sys::fuzz_target;

const TAG: usize = 16;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let start = start();
    let mut ground = Ground::new(start.image.clone());
    let how = input.byte();
    let mut wrapped = start.message(&FRONT).to_vec();
    if how & 1 == 0 {
        change(&mut wrapped, &mut input);
    } else {
        let key = header::key(&mut ground).unwrap();
        let first = ObjectId {
            shard: 0,
            copy: Copy::First,
        };
        let head = start.image[&first][..SLOT].try_into().unwrap();
        let vault = Header::open(&key, 0, head).ok().unwrap();
        let key = kdf::derive_64(&vault.secret, b"claviger wrapped v1", &vault.vault.0).unwrap();
        let (tag, content) = wrapped[HEADER..].split_at(TAG);
        let (tag, mut content) = (tag.try_into().unwrap(), content.to_vec());
        siv::open(
            Suite::Aes256Siv,
            key.as_slice(),
            [&FRONT],
            tag,
            &mut content,
        )
        .unwrap();
        change(&mut content, &mut input);
        let tag = siv::seal(Suite::Aes256Siv, key.as_slice(), [&FRONT], &mut content).unwrap();
        wrapped = [&FRONT[..], &tag, &content].concat();
    }
    wrapped.truncate(limits::WRAPPED + 1);
    let mut machine = Machine::start(ground);
    let child = (how & 2 != 0).then(|| label("child"));
    let length = wrapped.len() as u32;
    let key = KeyRef {
        place: Place::Wrapped { length },
        child,
    };
    let user = usize::from(how >> 2) % 3;
    for (command, head, rest) in uses(&key) {
        let payload = [&wrapped[..], rest].concat();
        let reply = machine.call(user, command.id(), &frame(head.as_bytes(), &payload), 0);
        assert!(how & 1 != 0 || reply.status != Status::Ok, "{command:?}");
    }
});

/// What can be asked of a wrapped key.
fn uses(key: &KeyRef) -> Vec<(Command, String, &'static [u8])> {
    let key = || key.clone();
    let version = None;
    let (context, aad, index, last) = (1, 1, 0, true);
    vec![
        (
            Command::Describe,
            header(&DescribeRequest { key: key() }),
            b"",
        ),
        (
            Command::PublicKey,
            header(&PublicKeyRequest {
                key: key(),
                version,
            }),
            b"",
        ),
        (
            Command::Seal,
            header(&SealRequest {
                key: key(),
                context,
                deterministic: true,
                index,
                last,
            }),
            b"ctext",
        ),
        (
            Command::Unseal,
            header(&UnsealRequest {
                key: key(),
                context,
                index,
                last,
            }),
            &[7; 100],
        ),
        (Command::Mac, header(&MacRequest { key: key() }), b"text"),
        (
            Command::Sign,
            header(&SignRequest {
                key: key(),
                prehash: false,
            }),
            &[7; 32],
        ),
        (
            Command::Encrypt,
            header(&EncryptRequest { key: key(), aad }),
            b"atext",
        ),
        (Command::Rotate, header(&RotateRequest { key: key() }), b""),
        (Command::Delete, header(&DeleteRequest { key: key() }), b""),
        (
            Command::Derive,
            header(&DeriveRequest {
                key: key(),
                output: Output {
                    new: None,
                    length: 16,
                },
            }),
            b"",
        ),
    ]
}

/// Puts bytes of the input in the place of some, and cuts or adds some.
fn change(bytes: &mut Vec<u8>, input: &mut Input<'_>) {
    let before = bytes.clone();
    while let Some(gone) = input.next() {
        let place = usize::from(input.short()) % (bytes.len() + 1);
        let end = (place + usize::from(gone % 32)).min(bytes.len());
        let come = usize::from(input.byte() % 32);
        bytes.splice(place..end, input.take(come).iter().copied());
    }
    if *bytes == before {
        bytes.push(0);
    }
}
