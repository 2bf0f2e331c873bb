//! What lies in storage: bytes that are not authentic, and, sealed with the right keys, contents
//! that no vault of ours holds. The device starts, tells what is damaged, and serves on.

#![no_main]

use claviger_fuzz::{Ground, Input, Machine, start};
use claviger_proto::{Command, Status, blob::Suite};
use claviger_ta::{
    crypto::{kdf, siv},
    platform::{Copy, ObjectId},
    vault::{
        SLOT,
        header::{self, Header},
    },
};
use claviger_tests::{frames::frame, requests::request};
use libfuzzer_sys::fuzz_target;

const TAG: usize = 16;
const PLAIN: usize = 16;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let mut image = start().image.clone();
    let mut ground = Ground::new(image.clone());
    let key = header::key(&mut ground).unwrap();
    let first = ObjectId {
        shard: 0,
        copy: Copy::First,
    };
    let head = image[&first][..SLOT].try_into().unwrap();
    let header = Header::open(&key, 0, head).ok().unwrap();
    let slots = kdf::derive_64(&header.secret, b"claviger vault slot v1", &header.vault.0).unwrap();
    while let Some(what) = input.next() {
        let copies = match what & 3 {
            0 => vec![Copy::First],
            1 => vec![Copy::Second],
            _ => vec![Copy::First, Copy::Second],
        };
        let place = usize::from(input.byte());
        let patch = |old: &[u8], input: &mut Input<'_>| -> Vec<u8> {
            let mut new = old.to_vec();
            let at = usize::from(input.short()) % new.len();
            let len = usize::from(input.byte()) % 64;
            for (to, from) in new[at..].iter_mut().zip(input.take(len)) {
                *to = *from;
            }
            new
        };
        let mut sealed: Option<Vec<u8>> = None;
        for copy in copies {
            let object = image.get_mut(&ObjectId { shard: 0, copy }).unwrap();
            let count = object.len() / SLOT;
            // The first slot is the header.
            let place = place % count;
            let slot = &mut object[place * SLOT..][..SLOT];
            let bytes = sealed.get_or_insert_with(|| match what >> 2 & 3 {
                0 => patch(slot, &mut input),
                _ if place == 0 => {
                    let (plain, rest) = slot.split_at(PLAIN);
                    let (tag, content) = rest.split_at(TAG);
                    let mut content = content.to_vec();
                    let tag = tag.try_into().unwrap();
                    let at: [&[u8]; 2] = [plain, &[0]];
                    let _ = siv::open(Suite::Aes256Siv, key.as_slice(), at, tag, &mut content);
                    let mut content = patch(&content, &mut input);
                    let tag = siv::seal(Suite::Aes256Siv, key.as_slice(), at, &mut content);
                    [plain, &tag.unwrap(), &content].concat()
                }
                _ => {
                    let number = (place - 1) as u16;
                    let [high, low] = number.to_be_bytes();
                    let at = [0, high, low];
                    let (tag, content) = slot.split_at(TAG);
                    let mut content = content.to_vec();
                    let tag = tag.try_into().unwrap();
                    let _ = siv::open(Suite::Aes256Siv, slots.as_slice(), [&at], tag, &mut content);
                    let mut content = patch(&content, &mut input);
                    let tag = siv::seal(Suite::Aes256Siv, slots.as_slice(), [&at], &mut content);
                    [&tag.unwrap()[..], &content].concat()
                }
            });
            slot.copy_from_slice(bytes);
        }
    }
    let mut machine = Machine::start(Ground::new(image));
    let info = frame(b"{}", b"");
    assert_eq!(
        machine.call(1, Command::Info.id(), &info, 0).status,
        Status::Ok
    );
    for label in [
        "new",
        "counted",
        "ratchet",
        "aes-256-siv",
        "ecdsa-p256",
        "ml-kem-768",
    ] {
        for command in [
            Command::Describe,
            Command::Generate,
            Command::Seal,
            Command::Mac,
            Command::Sign,
            Command::PublicKey,
            Command::Combine,
            Command::Wrap,
            Command::SetPolicy,
            Command::Rotate,
            Command::CatchUp,
            Command::Rename,
            Command::Chown,
            Command::Delete,
        ] {
            let (header, payload) = request(command, label);
            machine.call(1, command.id(), &frame(header.as_bytes(), &payload), 0);
        }
    }
    for command in [
        Command::List,
        Command::ListAll,
        Command::ListGranted,
        Command::AuditRead,
        Command::AuditCheckpoint,
        Command::DeviceKey,
        Command::Revoke,
        Command::InstallCertificate,
        Command::QuotaShow,
        Command::QuotaSet,
    ] {
        let (header, payload) = request(command, "new");
        machine.call(1, command.id(), &frame(header.as_bytes(), &payload), 0);
        machine.call(0, command.id(), &frame(header.as_bytes(), &payload), 0);
    }
});
