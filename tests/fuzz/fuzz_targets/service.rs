//! Sequences of calls by several users on a device in memory, whose storage fails now and then and
//! which is switched off and on. Whatever they are, each call has a well-formed reply, and the
//! device serves on.

#![no_main]

use claviger::proto::Command;
use claviger_fuzz::{Ground, Input, Machine, Reply, USERS, start};
use claviger_proto::{Algorithm, Status, command::FROM_MEMORY, limits};
use claviger_ta::{platform::StorageError, workstation::Fault};
use claviger_tests::{frames::frame, requests::request};
use libfuzzer_sys::fuzz_target;

/// Steps of one input at most: each may write to storage.
const STEPS: usize = 24;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let mut machine = Machine::start(Ground::new(start().image.clone()));
    let mut last = Vec::new();
    // Only what storage does may be an internal error's cause.
    let mut faults = false;
    for _ in 0..STEPS {
        let Some(what) = input.next() else { break };
        match what {
            0..=0xef => {
                let command = Command::ALL[usize::from(what) % Command::ALL.len()];
                let reply = call(&mut machine, &mut input, command, &last);
                assert!(
                    faults || reply.status != Status::Internal,
                    "{command:?}: {:?}",
                    reply.status
                );
                last = reply.payload().to_vec();
            }
            0xf0..=0xf3 => {
                let id = u32::from(input.short());
                let user = usize::from(input.byte()) % USERS.len();
                let len = usize::from(input.short());
                machine.call(user, id, input.take(len), input.byte());
            }
            0xf4..=0xf7 => machine.ground().wait(60 << (input.byte() % 8)),
            0xf8..=0xfb => {
                faults = true;
                let n = u64::from(input.byte() % 16);
                machine.ground().disk().arm(fault(&mut input, n));
            }
            _ => {
                machine.ground().disk().disarm();
                let image = machine.ground().disk().image();
                machine = Machine::start(Ground::new(image));
            }
        }
    }
    machine.ground().disk().disarm();
    let info = frame(b"{}", b"");
    assert_eq!(
        machine.call(1, Command::Info.id(), &info, 0).status,
        Status::Ok
    );
});

fn fault(input: &mut Input<'_>, n: u64) -> Fault {
    let errors = [
        StorageError::Corrupt,
        StorageError::Unavailable,
        StorageError::NoSpace,
        StorageError::Rollback,
        StorageError::OutOfMemory,
        StorageError::Other(7),
    ];
    let error = *input.choose(&errors);
    match input.byte() % 5 {
        0 => Fault::CutBefore(n),
        1 => Fault::Tear(n),
        2 => Fault::CutAfter(n),
        3 => Fault::Fail(n, error),
        _ => Fault::FailAfter(n, error),
    }
}

/// A request as it should be, but for what the input changes.
fn call(machine: &mut Machine, input: &mut Input<'_>, command: Command, last: &[u8]) -> Reply {
    let how = input.byte();
    let user = usize::from(how & 3) % USERS.len();
    let labels = ["counted", "challenge", "ratchet", "new"];
    let names = Algorithm::ALL.iter().map(|algorithm| algorithm.name());
    let names: Vec<&str> = labels.into_iter().chain(names).collect();
    let (template, body) = request(command, *input.choose(&names));
    let mut head = template.into_bytes();
    for _ in 0..(how >> 2) & 3 {
        // What is there gives way to what the input has.
        let place = usize::from(input.short()) % (head.len() + 1);
        let (gone, come) = (
            usize::from(input.byte() % 32),
            usize::from(input.byte() % 32),
        );
        let end = (place + gone).min(head.len());
        head.splice(place..end, input.take(come).iter().copied());
    }
    let mut payload = match (how >> 4) & 7 {
        0..=2 => body,
        3 | 4 => input.choose(&start().material).clone(),
        5 => last.to_vec(),
        6 => {
            let len = usize::from(input.byte());
            input.take(len).to_vec()
        }
        _ => {
            let len = usize::from(input.short()) * 2;
            vec![7; len.min(limits::PAYLOAD)]
        }
    };
    if how & 0x80 != 0 {
        let place = usize::from(input.short());
        if let Some(byte) = payload.get_mut(place) {
            *byte ^= input.byte();
        }
    }
    head.truncate(limits::HEADER);
    payload.truncate(limits::PAYLOAD);
    let bytes = frame(&head, &payload);
    // As the library does.
    if command.is_served_from_memory() {
        let reply = machine.call(user, command.id() | FROM_MEMORY, &bytes, 0);
        if reply.status != Status::NeedsStorage {
            return reply;
        }
    }
    machine.call(user, command.id(), &bytes, 0)
}
