//! Calls of the library, by number.

use claviger::{Algorithm, Client, audit::LogOf};
use claviger_proto::limits;

use crate::start;

/// Makes some calls; whatever is answered, this ends.
pub fn ask(client: &Client, which: u8) {
    match which % 8 {
        0 => drop(client.info()),
        1 => drop(client.list()),
        2 => drop(client.audit_log(LogOf::Caller)),
        3 => drop(client.audit_checkpoint(LogOf::Caller, b"nonce")),
        4 => drop(client.device_key()),
        5 => drop(client.random(usize::from(which) * 20)),
        6 => drop(client.self_test()),
        _ => key(client, which),
    }
}

fn key(client: &Client, which: u8) {
    let made = match which & 0x80 {
        0 => client.generate("key", Algorithm::Aes256Siv),
        _ => client.key("key"),
    };
    let Ok(key) = made else { return };
    let material = &start().material;
    match (which >> 3) % 12 {
        0 => drop(key.seal(b"context", b"text")),
        1 => drop(key.unseal(b"c", &material[0])),
        2 => drop(key.public_key()),
        3 => drop(key.mac(b"message")),
        4 => drop(key.sign(b"message")),
        5 => drop(key.challenge("a", "b")),
        6 => drop(key.encrypt(b"aad", b"text")),
        7 => drop(key.rotate()),
        8 => drop(key.confirm(start().message(b"CLV2"))),
        9 => drop(key.refresh()),
        10 => drop(key.seal(b"", &[7; limits::CHUNK + 1])),
        _ => drop(key.retire(1)),
    }
}
