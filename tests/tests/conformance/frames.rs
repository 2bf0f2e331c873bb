//! Prefixes that no client of ours sends: each has its status, and the instance goes on.

use claviger::{Error, Status, TransportError, proto::Command};
use claviger_proto::{frame::PREFIX, limits};
use claviger_tests::{
    ALICE, Device,
    frames::{Watch, frame, send, with_lengths},
};

/// Offsets in a prefix.
const VERSION: usize = 0;
const STATUS: usize = 2;
const HEADER_LEN: usize = 4;
const PAYLOAD_LEN: usize = 8;
const RESERVED: usize = 12;

#[test]
fn each_field_of_the_prefix() {
    let device = Device::fresh();
    let watch = Watch::new(&device);
    let client = device.user(ALICE);
    let refused = |place: usize, bytes: &[u8], expected: Status| {
        let mut wrong = frame(b"{}", b"");
        wrong[place..place + bytes.len()].copy_from_slice(bytes);
        let answer = send(&client, Command::Info.id(), &wrong);
        assert_eq!(answer, expected, "{bytes:?} at {place}");
        watch.still_the_same();
    };
    for version in [0_u16, 2, 0x0100, 0x0101, u16::MAX] {
        refused(VERSION, &version.to_le_bytes(), Status::ProtocolVersion);
    }
    let known = Status::ALL.iter().map(|status| status.code());
    for code in known.skip(1).chain([8, 255, u16::MAX]) {
        refused(STATUS, &code.to_le_bytes(), Status::BadFrame);
    }
    for over in [
        limits::HEADER as u32 + 1,
        1 << 24,
        i32::MAX as u32,
        u32::MAX,
    ] {
        refused(HEADER_LEN, &over.to_le_bytes(), Status::HeaderTooLong);
    }
    for over in [
        limits::PAYLOAD as u32 + 1,
        1 << 24,
        i32::MAX as u32,
        u32::MAX,
    ] {
        refused(PAYLOAD_LEN, &over.to_le_bytes(), Status::PayloadTooLong);
    }
    for place in RESERVED..PREFIX {
        for byte in [1, 0x80, 0xff] {
            refused(place, &[byte], Status::BadFrame);
        }
    }
    // A version that is not known is all that is said, whatever else is wrong.
    refused(VERSION, &[0xff; PREFIX], Status::ProtocolVersion);
    assert_eq!(send(&client, 1, &[]), Status::ProtocolVersion);
}

#[test]
fn lengths_past_the_memory() {
    let device = Device::fresh();
    let watch = Watch::new(&device);
    let client = device.user(ALICE);
    // Memory of just a page, or of just the frame.
    for size in [4096, PREFIX + 2] {
        let room = (size - PREFIX) as u32;
        for (header, payload) in [(room + 1, 0), (0, room + 1), (room, 1), (1, room)] {
            if header > limits::HEADER as u32 {
                continue;
            }
            let wrong = with_lengths(header, payload, b"{}", b"");
            let reply = client.raw_within(Command::Info.id(), &wrong, size).unwrap();
            let status = u16::from_le_bytes([reply[STATUS], reply[STATUS + 1]]);
            assert_eq!(Status::from_code(status), Some(Status::BadFrame));
        }
    }
    // The largest frame is no mistake.
    let largest = frame(&[b' '; limits::HEADER], &vec![0; limits::PAYLOAD]);
    assert_eq!(largest.len(), limits::FRAME);
    assert_eq!(
        send(&client, Command::Info.id(), &largest),
        Status::BadHeader
    );
    watch.still_the_same();
}

fn needed(result: Result<Vec<u8>, Error>) -> usize {
    match result {
        Err(Error::Transport(TransportError::ShortBuffer { needed })) => needed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn replies_that_do_not_fit_are_announced() {
    let device = Device::fresh();
    let watch = Watch::new(&device);
    let client = device.user(ALICE);
    for size in 1..PREFIX {
        let reply = client.raw_within(Command::Info.id(), &[], size);
        assert_eq!(needed(reply), PREFIX, "{size}");
    }
    let (header, payload) = (br#"{"length":100}"#, b"");
    let request = frame(header, payload);
    let id = Command::Random.id();
    let enough = PREFIX + 2 + 100;
    for size in [request.len(), enough - 1] {
        assert_eq!(needed(client.raw_within(id, &request, size)), enough);
    }
    assert_eq!(
        client.raw_within(id, &request, enough).unwrap().len(),
        enough
    );
    watch.still_the_same();
}

#[test]
fn unknown_commands() {
    let device = Device::fresh();
    let watch = Watch::new(&device);
    let last = Command::ALL
        .iter()
        .map(|command| command.id())
        .max()
        .unwrap();
    let unknown = [0, last + 1, 1 << 16, 1 << 31, u32::MAX];
    for client in [device.user(ALICE), device.user(0), device.public()] {
        for id in unknown {
            // Whatever lies in the frame.
            for frame in [frame(b"{}", b""), vec![], vec![0xff; 100]] {
                assert_eq!(send(&client, id, &frame), Status::UnknownCommand);
            }
        }
    }
    watch.still_the_same();
}
