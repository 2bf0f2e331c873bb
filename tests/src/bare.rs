//! A session with the trusted application that takes any parameters: what the library never
//! sends. The one place in this package where Rust cannot look after what is done.

#![allow(unsafe_code)]

use std::{
    ptr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use claviger::proto::{TA_UUID, name::Uuid};
use optee_teec::raw;

/// Every type of a parameter that libteec knows.
pub const TYPES: [u32; 11] = [
    NONE,
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
pub const INOUT: [u32; 3] = [TEMP_INOUT, MEMREF_WHOLE, PARTIAL_INOUT];

/// No parameter.
pub const NONE: u32 = raw::TEEC_NONE;
/// A reference to memory that libteec registers for the call.
pub const TEMP_INOUT: u32 = raw::TEEC_MEMREF_TEMP_INOUT;
/// A reference to a range of the block.
pub const PARTIAL_INOUT: u32 = raw::TEEC_MEMREF_PARTIAL_INOUT;
/// A reference to the whole block.
pub const MEMREF_WHOLE: u32 = raw::TEEC_MEMREF_WHOLE;
const TEMP_INPUT: u32 = raw::TEEC_MEMREF_TEMP_INPUT;
const TEMP_OUTPUT: u32 = raw::TEEC_MEMREF_TEMP_OUTPUT;
const PARTIAL_INPUT: u32 = raw::TEEC_MEMREF_PARTIAL_INPUT;
const PARTIAL_OUTPUT: u32 = raw::TEEC_MEMREF_PARTIAL_OUTPUT;

/// One parameter of an invoke.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its type.
    pub kind: u32,
    /// Where in the block a memory reference begins; a null pointer, if nowhere.
    pub offset: Option<usize>,
    /// How many bytes it claims.
    pub size: usize,
}

impl Parameter {
    /// No parameter.
    pub const NONE: Parameter = Parameter::of(NONE, 0);

    /// A reference of this type to the block's first bytes.
    #[must_use]
    pub const fn of(kind: u32, size: usize) -> Parameter {
        Parameter {
            kind,
            offset: Some(0),
            size,
        }
    }
}

/// What came of an invoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The code.
    pub code: u32,
    /// The size that the first memory reference has now.
    pub size: usize,
}

/// Memory of this process that both worlds see and any thread changes at any time.
#[derive(Clone)]
pub struct Block(Arc<[AtomicU8]>);

impl Block {
    fn new(size: usize) -> Block {
        Block((0..size).map(|_| AtomicU8::new(0)).collect())
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Changes one byte.
    pub fn set(&self, place: usize, byte: u8) {
        self.0[place].store(byte, Ordering::Relaxed);
    }

    /// Puts bytes at the front.
    pub fn put(&self, bytes: &[u8]) {
        for (place, byte) in bytes.iter().enumerate() {
            self.set(place, *byte);
        }
    }

    /// The first bytes as they are now.
    #[must_use]
    pub fn front(&self, len: usize) -> Vec<u8> {
        let front = self.0[..len].iter();
        front.map(|byte| byte.load(Ordering::Relaxed)).collect()
    }

    fn pointer(&self, offset: usize) -> *mut u8 {
        self.0.as_ptr().cast_mut().cast::<u8>().wrapping_add(offset)
    }
}

/// A session, and a block of memory that is registered with it.
pub struct BareSession {
    context: Box<raw::TEEC_Context>,
    session: Box<raw::TEEC_Session>,
    shared: Box<raw::TEEC_SharedMemory>,
    block: Block,
    open: bool,
}

// SAFETY: libteec ties none of its objects to a thread, and every use goes through `&mut self`.
unsafe impl Send for BareSession {}

impl BareSession {
    /// Opens a session of this user with a block of this size.
    ///
    /// # Errors
    /// The code for which it could not be had.
    ///
    /// # Panics
    /// If the TEE is not there.
    pub fn try_open(size: usize) -> Result<BareSession, u32> {
        let imp = raw::TEEC_Context__Imp {
            fd: -1,
            reg_mem: false,
            memref_null: false,
        };
        let mut context = Box::new(raw::TEEC_Context { imp });
        // SAFETY: the context is boxed, so it stays where it is until `drop`.
        let code = unsafe { raw::TEEC_InitializeContext(ptr::null(), &raw mut *context) };
        assert_eq!(code, raw::TEEC_SUCCESS);
        let block = Block::new(size);
        let mut shared = Box::new(raw::TEEC_SharedMemory {
            buffer: block.pointer(0).cast(),
            size,
            flags: raw::TEEC_MEM_INPUT | raw::TEEC_MEM_OUTPUT,
            imp: raw::TEEC_SharedMemory__Imp {
                id: 0,
                alloced_size: 0,
                shadow_buffer: ptr::null_mut(),
                registered_fd: -1,
                flags: 0,
            },
        });
        // SAFETY: the context is initialised; the block has `size` bytes, all of which may change
        // at any time, and outlives the registration.
        let code = unsafe { raw::TEEC_RegisterSharedMemory(&raw mut *context, &raw mut *shared) };
        if code != raw::TEEC_SUCCESS {
            // SAFETY: it was initialised above, and nothing of it is in use.
            unsafe { raw::TEEC_FinalizeContext(&raw mut *context) };
            return Err(code);
        }
        let imp = raw::TEEC_Session__Imp {
            ctx: ptr::null_mut(),
            session_id: 0,
        };
        let mut bare = BareSession {
            context,
            session: Box::new(raw::TEEC_Session { imp }),
            shared,
            block,
            open: false,
        };
        bare.reopen()?;
        Ok(bare)
    }

    /// Opens the session anew, after [`BareSession::close`].
    ///
    /// # Errors
    /// The code for which it could not be had.
    ///
    /// # Panics
    /// If it is open.
    pub fn reopen(&mut self) -> Result<(), u32> {
        assert!(!self.open);
        let [a, b, c, d, e, f, g, h, rest @ ..] = Uuid::try_from(TA_UUID).unwrap().0;
        let uuid = raw::TEEC_UUID {
            timeLow: u32::from_be_bytes([a, b, c, d]),
            timeMid: u16::from_be_bytes([e, f]),
            timeHiAndVersion: u16::from_be_bytes([g, h]),
            clockSeqAndNode: rest,
        };
        // SAFETY: the context is initialised and boxed, as is the session.
        let code = unsafe {
            raw::TEEC_OpenSession(
                &raw mut *self.context,
                &raw mut *self.session,
                &raw const uuid,
                raw::TEEC_LOGIN_USER,
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        self.open = code == raw::TEEC_SUCCESS;
        if self.open { Ok(()) } else { Err(code) }
    }

    /// Closes the session; its number stays what it was.
    pub fn close(&mut self) {
        // SAFETY: initialised; one that is not open is an error to the kernel and nothing else.
        unsafe { raw::TEEC_CloseSession(&raw mut *self.session) };
        self.open = false;
    }

    /// The session's number, by which the kernel knows it.
    pub fn number(&mut self) -> &mut u32 {
        &mut self.session.imp.session_id
    }

    /// The memory.
    #[must_use]
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// Invokes with these parameters; nothing asks whether they make sense.
    pub fn invoke(&mut self, command: u32, parameters: [Parameter; 4]) -> Answer {
        let [a, b, c, d] = parameters.map(|parameter| parameter.kind);
        let params = parameters.map(|parameter| self.native(parameter));
        let mut operation = raw::TEEC_Operation {
            started: 0,
            paramTypes: raw::TEEC_PARAM_TYPES(a, b, c, d),
            params,
            imp: raw::TEEC_Operation__Imp {
                session: ptr::null_mut(),
            },
        };
        // SAFETY: the session was opened once, and every parameter is what its type says; memory
        // that they name is the block's, whose bytes anyone may change, or is not mapped, which
        // the kernel refuses.
        let code = unsafe {
            raw::TEEC_InvokeCommand(
                &raw mut *self.session,
                command,
                &raw mut operation,
                ptr::null_mut(),
            )
        };
        let size = match a {
            TEMP_INPUT | TEMP_OUTPUT | TEMP_INOUT => {
                // SAFETY: it was set as such.
                unsafe { operation.params[0].tmpref.size }
            }
            MEMREF_WHOLE | PARTIAL_INPUT | PARTIAL_OUTPUT | PARTIAL_INOUT => {
                // SAFETY: it was set as such.
                unsafe { operation.params[0].memref.size }
            }
            _ => 0,
        };
        Answer { code, size }
    }

    fn native(&mut self, parameter: Parameter) -> raw::TEEC_Parameter {
        let Parameter { kind, offset, size } = parameter;
        match kind {
            TEMP_INPUT | TEMP_OUTPUT | TEMP_INOUT => raw::TEEC_Parameter {
                tmpref: raw::TEEC_TempMemoryReference {
                    buffer: offset
                        .map_or(ptr::null_mut(), |offset| self.block.pointer(offset).cast()),
                    size,
                },
            },
            MEMREF_WHOLE | PARTIAL_INPUT | PARTIAL_OUTPUT | PARTIAL_INOUT => raw::TEEC_Parameter {
                memref: raw::TEEC_RegisteredMemoryReference {
                    parent: &raw mut *self.shared,
                    size,
                    offset: offset.unwrap_or(0),
                },
            },
            _ => raw::TEEC_Parameter {
                value: raw::TEEC_Value { a: 1, b: 2 },
            },
        }
    }

    /// Invokes on the block's first `size` bytes, as the library does.
    pub fn send(&mut self, command: u32, size: usize) -> Answer {
        let reference = Parameter::of(PARTIAL_INOUT, size);
        self.invoke(command, alone(reference))
    }

    /// Invokes without any parameters, and gives the code that comes of it.
    pub fn invoke_without(&mut self, command: u32) -> u32 {
        // SAFETY: the session was opened; no operation is allowed (TEE Client API, 4.5.9).
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

/// One parameter and nothing else.
#[must_use]
pub const fn alone(parameter: Parameter) -> [Parameter; 4] {
    [parameter, Parameter::NONE, Parameter::NONE, Parameter::NONE]
}

impl Drop for BareSession {
    fn drop(&mut self) {
        if self.open {
            self.close();
        }
        // SAFETY: both were made in `try_open`, and are ended once, in this order.
        unsafe {
            raw::TEEC_ReleaseSharedMemory(&raw mut *self.shared);
            raw::TEEC_FinalizeContext(&raw mut *self.context);
        }
    }
}
