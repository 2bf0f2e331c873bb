//! Callers that mean harm: invokes without the library, of anything that reaches the trusted
//! application, on the device on which this runs. Whatever they send, the instance goes on, and
//! its heap is afterwards what it was.
//!
//! The tests that are ignored do the same as others, but for longer: `cargo qemu soak` runs them.

mod memory;
mod parameters;
mod processes;
mod random;
mod sessions;

use std::sync::OnceLock;

use claviger::{
    Client, Status,
    proto::{
        frame::{PREFIX, Prefix},
        limits,
    },
};
use claviger_proto::Digits;
use claviger_tests::{
    Device,
    bare::{Answer, BareSession},
    status,
};
use optee_teec::raw;

/// The instance and its heap before everything here.
static BEFORE: OnceLock<(Digits<16>, u32)> = OnceLock::new();

/// A device with an empty vault, to be as steady afterwards.
fn fresh() -> Device {
    let device = Device::fresh();
    BEFORE.get_or_init(|| {
        // What the instance keeps for good grows as far as it does first: the tables of sessions
        // and of who was refused something.
        for uid in 5000..5020 {
            let stranger = device.user(uid);
            assert_eq!(status(stranger.key("nothing")), Status::NotFound);
        }
        drop(sessions::all(&device));
        device.reset();
        look(&device.public())
    });
    device
}

/// Sees that, but for the vault, nothing is left of what was done.
#[track_caller]
fn steady(device: &Device) {
    device.reset();
    let (instance, heap) = look(&device.public());
    let (instance_before, heap_before) = BEFORE.get().unwrap();
    assert_eq!(instance, *instance_before, "another instance serves now");
    assert_eq!(heap, *heap_before, "the heap is not what it was");
}

fn look(client: &Client) -> (Digits<16>, u32) {
    let info = client.info().unwrap();
    let marks = info.marks.expect("the suite runs on a test build");
    (info.instance, marks.heap_now)
}

/// Checks that an answer is one that is given on purpose: a well-formed reply in the block's first
/// `size` bytes, or a refusal by its code. Gives the status of a reply.
#[track_caller]
fn checked(session: &BareSession, answer: Answer, size: usize) -> Option<Status> {
    match answer.code {
        raw::TEEC_SUCCESS => {
            assert!(answer.size <= size, "{} of {size}", answer.size);
            let reply = session.block().front(answer.size);
            Some(status_of(&reply))
        }
        raw::TEEC_ERROR_SHORT_BUFFER => {
            assert!((size + 1..=limits::FRAME).contains(&answer.size));
            None
        }
        raw::TEEC_ERROR_BAD_PARAMETERS => None,
        code => panic!("{code:#x}"),
    }
}

/// The status of a reply, which is well formed.
#[track_caller]
fn status_of(reply: &[u8]) -> Status {
    let prefix = Prefix::decode(reply.first_chunk().unwrap(), reply.len()).unwrap();
    assert_eq!(prefix.frame_len(), reply.len(), "a reply is all of a frame");
    if prefix.status != Status::Ok {
        assert_eq!(reply.len(), PREFIX, "a refusal says nothing but its status");
    }
    assert_ne!(prefix.status, Status::Internal);
    prefix.status
}
