//! Parameters that are not one memory reference in and out: refused before anything is read.
//!
//! The library cannot send these, so this speaks to libteec itself, and is the one place in the
//! suite where Rust cannot look after what is done.

#![allow(unsafe_code)]

use std::ptr;

use claviger::proto::{Command, TA_UUID, frame::PREFIX, name::Uuid};
use claviger_tests::{Device, frames::frame};
use optee_teec::raw;

const SIZE: usize = 4096;

/// A session of root's with memory that is shared, and memory that is passed as it is used.
struct Session {
    context: Box<raw::TEEC_Context>,
    session: Box<raw::TEEC_Session>,
    shared: Box<raw::TEEC_SharedMemory>,
    temporary: Vec<u8>,
}

impl Session {
    fn open() -> Session {
        let imp = raw::TEEC_Context__Imp {
            fd: -1,
            reg_mem: false,
            memref_null: false,
        };
        let mut context = Box::new(raw::TEEC_Context { imp });
        let mut shared = Box::new(raw::TEEC_SharedMemory {
            buffer: ptr::null_mut(),
            size: SIZE,
            flags: raw::TEEC_MEM_INPUT | raw::TEEC_MEM_OUTPUT,
            imp: raw::TEEC_SharedMemory__Imp {
                id: 0,
                alloced_size: 0,
                shadow_buffer: ptr::null_mut(),
                registered_fd: -1,
                flags: 0,
            },
        });
        let imp = raw::TEEC_Session__Imp {
            ctx: ptr::null_mut(),
            session_id: 0,
        };
        let mut session = Box::new(raw::TEEC_Session { imp });
        let [a, b, c, d, e, f, g, h, rest @ ..] = Uuid::try_from(TA_UUID).unwrap().0;
        let uuid = raw::TEEC_UUID {
            timeLow: u32::from_be_bytes([a, b, c, d]),
            timeMid: u16::from_be_bytes([e, f]),
            timeHiAndVersion: u16::from_be_bytes([g, h]),
            clockSeqAndNode: rest,
        };
        // SAFETY: context, memory and session are boxed, so they stay where they are until
        // `drop`; each is initialised before what needs it.
        unsafe {
            let done = raw::TEEC_InitializeContext(ptr::null(), &raw mut *context);
            assert_eq!(done, raw::TEEC_SUCCESS);
            let done = raw::TEEC_AllocateSharedMemory(&raw mut *context, &raw mut *shared);
            assert_eq!(done, raw::TEEC_SUCCESS);
            ptr::write_bytes(shared.buffer.cast::<u8>(), 0, SIZE);
            let done = raw::TEEC_OpenSession(
                &raw mut *context,
                &raw mut *session,
                &raw const uuid,
                raw::TEEC_LOGIN_USER,
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
            );
            assert_eq!(done, raw::TEEC_SUCCESS);
        }
        Session {
            context,
            session,
            shared,
            temporary: vec![0; SIZE],
        }
    }

    /// Asks for `info` with parameters of these types, all memory of which holds the request.
    fn invoke(&mut self, types: [u32; 4]) -> u32 {
        let request = frame(b"{}", b"");
        self.temporary[..request.len()].copy_from_slice(&request);
        // SAFETY: the buffer has SIZE bytes, and nobody else looks at them now.
        unsafe {
            ptr::copy_nonoverlapping(request.as_ptr(), self.shared.buffer.cast(), request.len());
        }
        let params = types.map(|kind| match kind {
            TEMP_INPUT | TEMP_OUTPUT | TEMP_INOUT => raw::TEEC_Parameter {
                tmpref: raw::TEEC_TempMemoryReference {
                    buffer: self.temporary.as_mut_ptr().cast(),
                    size: SIZE,
                },
            },
            MEMREF_WHOLE | PARTIAL_INPUT | PARTIAL_OUTPUT | PARTIAL_INOUT => raw::TEEC_Parameter {
                memref: raw::TEEC_RegisteredMemoryReference {
                    parent: &raw mut *self.shared,
                    size: SIZE,
                    offset: 0,
                },
            },
            _ => raw::TEEC_Parameter {
                value: raw::TEEC_Value { a: 1, b: 2 },
            },
        });
        let mut operation = raw::TEEC_Operation {
            started: 0,
            paramTypes: raw::TEEC_PARAM_TYPES(types[0], types[1], types[2], types[3]),
            params,
            imp: raw::TEEC_Operation__Imp {
                session: ptr::null_mut(),
            },
        };
        // SAFETY: the session is open, and every parameter is what its type says.
        unsafe {
            raw::TEEC_InvokeCommand(
                &raw mut *self.session,
                Command::Info.id(),
                &raw mut operation,
                ptr::null_mut(),
            )
        }
    }

    /// Invokes without any parameter structure at all.
    fn invoke_without(&mut self) -> u32 {
        // SAFETY: the session is open; no operation is allowed (TEE Client API, 4.5.9).
        unsafe {
            raw::TEEC_InvokeCommand(
                &raw mut *self.session,
                Command::Info.id(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: all three were made in `open`, and are ended once, in this order.
        unsafe {
            raw::TEEC_CloseSession(&raw mut *self.session);
            raw::TEEC_ReleaseSharedMemory(&raw mut *self.shared);
            raw::TEEC_FinalizeContext(&raw mut *self.context);
        }
    }
}

const TEMP_INPUT: u32 = raw::TEEC_MEMREF_TEMP_INPUT;
const TEMP_OUTPUT: u32 = raw::TEEC_MEMREF_TEMP_OUTPUT;
const TEMP_INOUT: u32 = raw::TEEC_MEMREF_TEMP_INOUT;
const MEMREF_WHOLE: u32 = raw::TEEC_MEMREF_WHOLE;
const PARTIAL_INPUT: u32 = raw::TEEC_MEMREF_PARTIAL_INPUT;
const PARTIAL_OUTPUT: u32 = raw::TEEC_MEMREF_PARTIAL_OUTPUT;
const PARTIAL_INOUT: u32 = raw::TEEC_MEMREF_PARTIAL_INOUT;

/// Every type that libteec knows.
const TYPES: [u32; 11] = [
    raw::TEEC_NONE,
    raw::TEEC_VALUE_INPUT,
    raw::TEEC_VALUE_OUTPUT,
    raw::TEEC_VALUE_INOUT,
    TEMP_INPUT,
    TEMP_OUTPUT,
    TEMP_INOUT,
    MEMREF_WHOLE,
    PARTIAL_INPUT,
    PARTIAL_OUTPUT,
    PARTIAL_INOUT,
];

/// What arrives in the trusted application as a memory reference in and out.
const INOUT: [u32; 3] = [TEMP_INOUT, MEMREF_WHOLE, PARTIAL_INOUT];

#[test]
fn exactly_one_memory_reference_is_taken() {
    let device = Device::fresh();
    let instance = device.public().info().unwrap().instance;
    let mut session = Session::open();
    let (mut taken, mut refused) = (0, 0);
    let mut try_one = |types: [u32; 4]| {
        let right = INOUT.contains(&types[0]) && types[1..] == [raw::TEEC_NONE; 3];
        let answer = session.invoke(types);
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
            try_one([first, second, raw::TEEC_NONE, raw::TEEC_NONE]);
        }
        try_one([PARTIAL_INOUT, raw::TEEC_NONE, first, raw::TEEC_NONE]);
        try_one([PARTIAL_INOUT, raw::TEEC_NONE, raw::TEEC_NONE, first]);
        try_one([first; 4]);
    }
    assert_eq!((taken, refused), (5, 149));
    assert_eq!(session.invoke_without(), raw::TEEC_ERROR_BAD_PARAMETERS);
    assert_eq!(device.public().info().unwrap().instance, instance);
}

/// Memory that is too small for a prefix, or of no size at all.
#[test]
fn small_memory_is_no_danger() {
    let device = Device::fresh();
    let instance = device.public().info().unwrap().instance;
    let mut session = Session::open();
    for size in 0..PREFIX {
        let mut operation = raw::TEEC_Operation {
            started: 0,
            paramTypes: raw::TEEC_PARAM_TYPES(
                TEMP_INOUT,
                raw::TEEC_NONE,
                raw::TEEC_NONE,
                raw::TEEC_NONE,
            ),
            params: [raw::TEEC_Parameter {
                tmpref: raw::TEEC_TempMemoryReference {
                    buffer: session.temporary.as_mut_ptr().cast(),
                    size,
                },
            }; 4],
            imp: raw::TEEC_Operation__Imp {
                session: ptr::null_mut(),
            },
        };
        // SAFETY: the session is open, and the buffer has at least `size` bytes.
        let answer = unsafe {
            raw::TEEC_InvokeCommand(
                &raw mut *session.session,
                Command::Info.id(),
                &raw mut operation,
                ptr::null_mut(),
            )
        };
        assert_eq!(answer, raw::TEEC_ERROR_SHORT_BUFFER, "{size}");
    }
    assert_eq!(device.public().info().unwrap().instance, instance);
}
