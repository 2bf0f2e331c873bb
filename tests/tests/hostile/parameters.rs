//! Parameters that are not one memory reference in and out: refused before anything is read.

use claviger::proto::{Command, frame::PREFIX};
use claviger_tests::{Device, bare::BareSession, frames::frame};
use optee_teec::raw;

const TEMP_INOUT: u32 = raw::TEEC_MEMREF_TEMP_INOUT;
const MEMREF_WHOLE: u32 = raw::TEEC_MEMREF_WHOLE;
const PARTIAL_INOUT: u32 = raw::TEEC_MEMREF_PARTIAL_INOUT;
const NONE: u32 = raw::TEEC_NONE;

/// Every type that libteec knows.
const TYPES: [u32; 11] = [
    raw::TEEC_NONE,
    raw::TEEC_VALUE_INPUT,
    raw::TEEC_VALUE_OUTPUT,
    raw::TEEC_VALUE_INOUT,
    raw::TEEC_MEMREF_TEMP_INPUT,
    raw::TEEC_MEMREF_TEMP_OUTPUT,
    TEMP_INOUT,
    MEMREF_WHOLE,
    raw::TEEC_MEMREF_PARTIAL_INPUT,
    raw::TEEC_MEMREF_PARTIAL_OUTPUT,
    PARTIAL_INOUT,
];

/// What arrives in the trusted application as a memory reference in and out.
const INOUT: [u32; 3] = [TEMP_INOUT, MEMREF_WHOLE, PARTIAL_INOUT];

#[test]
fn exactly_one_memory_reference_is_taken() {
    let device = Device::fresh();
    let instance = device.public().info().unwrap().instance;
    let mut session = BareSession::open();
    let request = frame(b"{}", b"");
    let id = Command::Info.id();
    let (mut taken, mut refused) = (0, 0);
    let mut try_one = |types: [u32; 4]| {
        let right = INOUT.contains(&types[0]) && types[1..] == [NONE; 3];
        let answer = session.invoke(id, types, &request, 4096);
        if right {
            assert_eq!(answer, raw::TEEC_SUCCESS, "{types:?}");
            taken += 1;
        } else {
            assert_eq!(answer, raw::TEEC_ERROR_BAD_PARAMETERS, "{types:?}");
            refused += 1;
        }
    };
    // All types in the first two places; in each further place all types beside a right first.
    for first in TYPES {
        for second in TYPES {
            try_one([first, second, NONE, NONE]);
        }
        try_one([PARTIAL_INOUT, NONE, first, NONE]);
        try_one([PARTIAL_INOUT, NONE, NONE, first]);
        try_one([first; 4]);
    }
    assert_eq!((taken, refused), (5, 149));
    let nothing = session.invoke_without(id);
    assert_eq!(nothing, raw::TEEC_ERROR_BAD_PARAMETERS);
    assert_eq!(device.public().info().unwrap().instance, instance);
}

/// Memory that is too small for a prefix, or of no size at all.
#[test]
fn small_memory_is_no_danger() {
    let device = Device::fresh();
    let instance = device.public().info().unwrap().instance;
    let mut session = BareSession::open();
    for kind in [TEMP_INOUT, PARTIAL_INOUT] {
        for size in 0..PREFIX {
            let types = [kind, NONE, NONE, NONE];
            let answer = session.invoke(Command::Info.id(), types, &[], size);
            assert_eq!(answer, raw::TEEC_ERROR_SHORT_BUFFER, "{size}");
        }
    }
    assert_eq!(device.public().info().unwrap().instance, instance);
}
