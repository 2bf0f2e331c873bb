//! Frames byte by byte, as no client of ours sends them.

use claviger::{Client, Status, proto::Command};
use claviger_proto::{
    Digits, PROTOCOL_VERSION, codec,
    frame::{PREFIX, Prefix},
    limits,
};
use serde::Serialize;

use crate::Device;

/// A frame with this header and payload, its prefix as it should be.
#[must_use]
pub fn frame(header: &[u8], payload: &[u8]) -> Vec<u8> {
    with_lengths(header.len() as u32, payload.len() as u32, header, payload)
}

/// A frame whose prefix claims these lengths.
#[must_use]
pub fn with_lengths(header_len: u32, payload_len: u32, header: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = PROTOCOL_VERSION.to_le_bytes().to_vec();
    bytes.extend([0, 0]);
    bytes.extend(header_len.to_le_bytes());
    bytes.extend(payload_len.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(header);
    bytes.extend(payload);
    bytes
}

/// Sends a frame and gives the status of the reply, which is well formed whatever was sent.
///
/// # Panics
/// If there is no reply, or it is not a frame, or a refusal carries anything.
#[track_caller]
pub fn send(client: &Client, command_id: u32, frame: &[u8]) -> Status {
    status_of(&client.raw(command_id, frame).unwrap())
}

/// The status of a reply.
///
/// # Panics
/// If it is not a frame, or a refusal carries anything.
#[must_use]
#[track_caller]
pub fn status_of(reply: &[u8]) -> Status {
    let prefix = Prefix::decode(reply.first_chunk::<PREFIX>().unwrap(), reply.len()).unwrap();
    assert_eq!(prefix.frame_len(), reply.len(), "a reply is all of a frame");
    if prefix.status != Status::Ok {
        assert_eq!(reply.len(), PREFIX, "a refusal says nothing but its status");
    }
    prefix.status
}

/// A header as it travels.
///
/// # Panics
/// If it is longer than headers are.
#[must_use]
pub fn header(message: &impl Serialize) -> String {
    let mut bytes = [0; limits::HEADER];
    let len = codec::encode(message, &mut bytes).unwrap();
    String::from_utf8(bytes[..len].to_vec()).unwrap()
}

/// [`send`] of a command with this header and payload.
#[track_caller]
pub fn send_command(client: &Client, command: Command, header: &str, payload: &[u8]) -> Status {
    send(client, command.id(), &frame(header.as_bytes(), payload))
}

/// Sees that the same instance serves before and after.
pub struct Watch {
    client: Client,
    instance: Digits<16>,
}

impl Watch {
    /// Looks at the instance that serves now.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn new(device: &Device) -> Watch {
        let client = device.public();
        let instance = client.info().unwrap().instance;
        Watch { client, instance }
    }

    /// # Panics
    /// If another instance serves now.
    #[track_caller]
    pub fn still_the_same(&self) {
        assert_eq!(self.client.info().unwrap().instance, self.instance);
    }
}
