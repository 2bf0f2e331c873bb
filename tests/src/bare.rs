//! A session with the trusted application that takes any parameters: what the library never
//! sends. The one place in this package where Rust cannot look after what is done.

#![allow(unsafe_code)]

use std::ptr;

use claviger::proto::{TA_UUID, name::Uuid};
use optee_teec::raw;

/// Bytes of the memory that is passed.
const SIZE: usize = 4096;

/// A session with memory that is shared, and memory that is passed as it is used.
pub struct BareSession {
    context: Box<raw::TEEC_Context>,
    session: Box<raw::TEEC_Session>,
    shared: Box<raw::TEEC_SharedMemory>,
    temporary: Vec<u8>,
}

impl BareSession {
    /// Opens a session of this user.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn open() -> BareSession {
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
        BareSession {
            context,
            session,
            shared,
            temporary: vec![0; SIZE],
        }
    }

    /// Invokes with parameters of these types, all memory of which has `size` bytes and begins
    /// with `request`, and gives the code that comes of it.
    ///
    /// # Panics
    /// If the request is too long.
    pub fn invoke(&mut self, command: u32, types: [u32; 4], request: &[u8], size: usize) -> u32 {
        assert!(size <= SIZE);
        self.temporary[..request.len()].copy_from_slice(request);
        // SAFETY: the buffer has SIZE bytes, and nobody else looks at them now.
        unsafe {
            ptr::copy_nonoverlapping(request.as_ptr(), self.shared.buffer.cast(), request.len());
        }
        let params = types.map(|kind| match kind {
            TEMP_INPUT | TEMP_OUTPUT | TEMP_INOUT => raw::TEEC_Parameter {
                tmpref: raw::TEEC_TempMemoryReference {
                    buffer: self.temporary.as_mut_ptr().cast(),
                    size,
                },
            },
            MEMREF_WHOLE | PARTIAL_INPUT | PARTIAL_OUTPUT | PARTIAL_INOUT => raw::TEEC_Parameter {
                memref: raw::TEEC_RegisteredMemoryReference {
                    parent: &raw mut *self.shared,
                    size,
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
                command,
                &raw mut operation,
                ptr::null_mut(),
            )
        }
    }

    /// Invokes without any parameters, and gives the code that comes of it.
    pub fn invoke_without(&mut self, command: u32) -> u32 {
        // SAFETY: the session is open; no operation is allowed (TEE Client API, 4.5.9).
        unsafe {
            raw::TEEC_InvokeCommand(
                &raw mut *self.session,
                command,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        }
    }
}

impl Drop for BareSession {
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
