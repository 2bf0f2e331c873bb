//! Parameters that are not one memory reference in and out: refused before anything is read.

use claviger::proto::{Command, frame::PREFIX};
use claviger_tests::{
    ALICE, Rng,
    bare::{BareSession, INOUT, NONE, PARTIAL_INOUT, Parameter, TEMP_INOUT, TYPES, alone},
    frames::frame,
    requests::request,
};
use optee_teec::raw;

use crate::{checked, fresh, steady};

const SIZE: usize = 4096;

/// Every mix of four types, in the order of their numbers.
fn mixes() -> impl Iterator<Item = [u32; 4]> {
    let all = TYPES.len().pow(4);
    (0..all).map(|mix| [0, 1, 2, 3].map(|place| TYPES[mix / TYPES.len().pow(place) % TYPES.len()]))
}

/// Ids that are commands, and a few that are not.
fn ids() -> impl Iterator<Item = u32> {
    let commands = Command::ALL.iter().map(|command| command.id());
    commands.chain([0, 37, 1000, u32::MAX])
}

fn try_mix(session: &mut BareSession, id: u32, types: [u32; 4]) {
    let right = INOUT.contains(&types[0]) && types[1..] == [NONE; 3];
    let answer = session.invoke(id, types.map(|kind| Parameter::of(kind, SIZE)));
    if right {
        assert_eq!(answer.code, raw::TEEC_SUCCESS, "{id} {types:?}");
        checked(session, answer, SIZE);
    } else {
        let refused = raw::TEEC_ERROR_BAD_PARAMETERS;
        assert_eq!(answer.code, refused, "{id} {types:?}");
    }
}

/// One in `step` of all mixes for each command, beginning with another one for each.
fn each_command(step: usize) {
    let device = fresh();
    let mut session = device.bare(ALICE, SIZE).unwrap();
    let mut tried = 0;
    for id in ids() {
        let bytes = match Command::from_id(id) {
            Ok(command) => {
                let (header, payload) = request(command, "key");
                frame(header.as_bytes(), &payload)
            }
            Err(_) => frame(b"{}", b""),
        };
        for types in mixes().skip(id as usize % step).step_by(step) {
            session.block().put(&bytes);
            try_mix(&mut session, id, types);
            tried += 1;
        }
        assert_eq!(
            session.invoke_without(id),
            raw::TEEC_ERROR_BAD_PARAMETERS,
            "{id}"
        );
    }
    println!("{tried} invokes");
    drop(session);
    steady(&device);
}

#[test]
fn every_mix_of_types() {
    let device = fresh();
    let mut session = device.bare(ALICE, SIZE).unwrap();
    let bytes = frame(b"{}", b"");
    let mut right = 0;
    for types in mixes() {
        session.block().put(&bytes);
        try_mix(&mut session, Command::Info.id(), types);
        right += usize::from(INOUT.contains(&types[0]) && types[1..] == [NONE; 3]);
    }
    assert_eq!(right, INOUT.len());
    drop(session);
    steady(&device);
}

#[test]
fn mixes_of_types_for_every_command() {
    each_command(97);
}

#[test]
#[ignore = "takes minutes"]
fn every_mix_of_types_for_every_command() {
    each_command(1);
}

/// Memory that is too small for a prefix, of no size, or nowhere.
#[test]
fn small_memory_is_no_danger() {
    let device = fresh();
    let mut session = device.bare(ALICE, SIZE).unwrap();
    for id in ids() {
        for kind in [TEMP_INOUT, PARTIAL_INOUT] {
            for size in [0, 1, 4, PREFIX - 1] {
                let answer = session.invoke(id, alone(Parameter::of(kind, size)));
                assert_eq!(answer.code, raw::TEEC_ERROR_SHORT_BUFFER, "{id} {size}");
                assert_eq!(answer.size, PREFIX, "{id} {size}");
            }
        }
    }
    drop(session);
    steady(&device);
}

/// Null pointers, with and without a size, beside others and alone.
#[test]
fn null_references_are_refused() {
    let device = fresh();
    let mut session = device.bare(ALICE, SIZE).unwrap();
    session.block().put(&frame(b"{}", b""));
    let mut rng = Rng::new(5);
    for id in ids() {
        for kind in TYPES {
            for size in [0, 1, SIZE, usize::MAX] {
                let null = Parameter {
                    offset: None,
                    ..Parameter::of(kind, size)
                };
                let mut parameters = alone(null);
                if rng.below(2) == 0 {
                    parameters = [Parameter::of(PARTIAL_INOUT, SIZE); 4];
                    parameters[rng.below(4)] = null;
                }
                // No pointer goes with a reference to the block.
                let taken = INOUT.contains(&kind) && kind != TEMP_INOUT;
                let answer = session.invoke(id, parameters);
                if !(taken && parameters[1].kind == NONE) {
                    assert_ne!(answer.code, raw::TEEC_SUCCESS, "{id} {parameters:?}");
                }
                assert_ne!(answer.code, raw::TEEC_ERROR_TARGET_DEAD);
            }
        }
    }
    drop(session);
    steady(&device);
}
