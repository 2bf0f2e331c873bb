//! The one place that speaks C: libteec through `optee_teec::raw`.
//!
//! A [`Seam`] owns a context, one block of shared memory and at most one session, at fixed places
//! in memory because libteec keeps pointers from one to the other.

use std::{ffi::c_void, mem, ptr, slice};

use claviger_proto::name::Uuid;
use optee_teec::raw;

use crate::{Login, transport::Stage, wiped::wipe};

/// What libteec says of a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    pub(super) code: u32,
    pub(super) origin: u32,
}

pub(super) struct Seam {
    session: Option<Box<raw::TEEC_Session>>,
    memory: Box<raw::TEEC_SharedMemory>,
    /// From `Box::into_raw`: libteec keeps this pointer in the session.
    context: *mut raw::TEEC_Context,
}

// SAFETY: libteec ties none of its objects to a thread, and every use of them goes through
// `&mut self`, so there is one at a time.
unsafe impl Send for Seam {}

impl Seam {
    /// Connects to the TEE and sets `size` bytes aside that both worlds see.
    pub(super) fn connect(size: usize) -> Result<Seam, (Stage, Failure)> {
        let imp = raw::TEEC_Context__Imp {
            fd: -1,
            reg_mem: false,
            memref_null: false,
        };
        let context = Box::into_raw(Box::new(raw::TEEC_Context { imp }));
        // SAFETY: a null name asks for the default TEE; the context is ours to be written.
        let code = unsafe { raw::TEEC_InitializeContext(ptr::null(), context) };
        if code != raw::TEEC_SUCCESS {
            // SAFETY: it came from `Box::into_raw` above, and libteec keeps no pointer to it.
            drop(unsafe { Box::from_raw(context) });
            return Err((Stage::Connect, api(code)));
        }
        // SAFETY: the context was initialised above, and stays where it is until `drop`.
        match unsafe { share(context, size) } {
            Ok(memory) => Ok(Seam {
                session: None,
                memory,
                context,
            }),
            Err(failure) => {
                // SAFETY: the context was initialised above, nothing of it is in use, and it came
                // from `Box::into_raw`.
                unsafe {
                    raw::TEEC_FinalizeContext(context);
                    drop(Box::from_raw(context));
                }
                Err((Stage::Share, failure))
            }
        }
    }

    /// Puts a block of `size` bytes, all zero, in the place of the shared memory.
    pub(super) fn grow(&mut self, size: usize) -> Result<(), Failure> {
        // SAFETY: the context is initialised, and stays where it is until `drop`.
        let memory = unsafe { share(self.context, size) }?;
        // A call that was given up may have left what it carried.
        wipe(self.memory());
        let mut old = mem::replace(&mut self.memory, memory);
        // SAFETY: it was allocated in this context, no call is under way that uses it, and it is
        // released once.
        unsafe { raw::TEEC_ReleaseSharedMemory(&raw mut *old) };
        Ok(())
    }

    /// Opens a session, in the place of one that is open.
    pub(super) fn open(&mut self, uuid: &Uuid, login: Login) -> Result<(), Failure> {
        self.close();
        let (method, gid) = match login {
            Login::Public => (raw::TEEC_LOGIN_PUBLIC, None),
            Login::User => (raw::TEEC_LOGIN_USER, None),
            Login::Group(gid) => (raw::TEEC_LOGIN_GROUP, Some(gid)),
        };
        let data = gid
            .as_ref()
            .map_or(ptr::null(), |gid| ptr::from_ref(gid).cast::<c_void>());
        let imp = raw::TEEC_Session__Imp {
            ctx: ptr::null_mut(),
            session_id: 0,
        };
        let mut session = Box::new(raw::TEEC_Session { imp });
        let destination = native(uuid);
        let mut origin = 0;
        // SAFETY: the context is initialised and outlives the session; `data` is null or points
        // to the gid, which TEEC_LOGIN_GROUP reads; no operation is passed, which is allowed.
        let code = unsafe {
            raw::TEEC_OpenSession(
                self.context,
                &raw mut *session,
                &raw const destination,
                method,
                data,
                ptr::null_mut(),
                &raw mut origin,
            )
        };
        if code != raw::TEEC_SUCCESS {
            return Err(Failure { code, origin });
        }
        self.session = Some(session);
        Ok(())
    }

    /// The shared memory.
    pub(super) fn memory(&mut self) -> &mut [u8] {
        // SAFETY: libteec allocated `size` bytes at `buffer`, initialised in `share`. The other
        // world writes them during an invoke only, which needs `&mut self`, as this borrow does.
        unsafe { slice::from_raw_parts_mut(self.memory.buffer.cast(), self.memory.size) }
    }

    /// Whether there is a session to invoke commands in.
    pub(super) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Invokes a command on the first `size` bytes of the shared memory. Also says how many of
    /// them the reply takes or, if it does not fit, would take.
    pub(super) fn invoke(&mut self, command: u32, size: usize) -> (Result<(), Failure>, usize) {
        let Some(session) = &mut self.session else {
            return (Err(api(raw::TEEC_ERROR_BAD_STATE)), 0);
        };
        let size = size.min(self.memory.size);
        let none = raw::TEEC_Parameter {
            value: raw::TEEC_Value { a: 0, b: 0 },
        };
        let parent = &raw mut *self.memory;
        let memref = raw::TEEC_RegisteredMemoryReference {
            parent,
            size,
            offset: 0,
        };
        let mut operation = raw::TEEC_Operation {
            started: 0,
            paramTypes: raw::TEEC_PARAM_TYPES(
                raw::TEEC_MEMREF_PARTIAL_INOUT,
                raw::TEEC_NONE,
                raw::TEEC_NONE,
                raw::TEEC_NONE,
            ),
            params: [raw::TEEC_Parameter { memref }, none, none, none],
            imp: raw::TEEC_Operation__Imp {
                session: ptr::null_mut(),
            },
        };
        let mut origin = 0;
        // SAFETY: the session is open; the one parameter is a range of shared memory that was
        // allocated in the session's context and to which no reference exists now.
        let code = unsafe {
            raw::TEEC_InvokeCommand(
                &raw mut **session,
                command,
                &raw mut operation,
                &raw mut origin,
            )
        };
        // SAFETY: the first parameter was set as a memory reference, and libteec only changes
        // its size.
        let length = unsafe { operation.params[0].memref.size };
        if code == raw::TEEC_SUCCESS {
            // What the other side says is not trusted to lie inside.
            return (Ok(()), length.min(size));
        }
        (Err(Failure { code, origin }), length)
    }

    fn close(&mut self) {
        if let Some(mut session) = self.session.take() {
            // SAFETY: the session was opened in `self.context`, which is still initialised, and
            // is closed once.
            unsafe { raw::TEEC_CloseSession(&raw mut *session) };
        }
    }
}

impl Drop for Seam {
    fn drop(&mut self) {
        self.close();
        // SAFETY: the memory was allocated in the context, no session uses it any more, and each
        // is released once, the memory first. The context came from `Box::into_raw`.
        unsafe {
            raw::TEEC_ReleaseSharedMemory(&raw mut *self.memory);
            raw::TEEC_FinalizeContext(self.context);
            drop(Box::from_raw(self.context));
        }
    }
}

/// Sets `size` bytes aside that both worlds see, all zero.
///
/// # Safety
/// The context is initialised and outlives the memory.
unsafe fn share(
    context: *mut raw::TEEC_Context,
    size: usize,
) -> Result<Box<raw::TEEC_SharedMemory>, Failure> {
    let mut memory = Box::new(raw::TEEC_SharedMemory {
        buffer: ptr::null_mut(),
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
    // SAFETY: the caller vouches for the context; the block is ours to be written.
    let code = unsafe { raw::TEEC_AllocateSharedMemory(context, &raw mut *memory) };
    if code != raw::TEEC_SUCCESS {
        return Err(api(code));
    }
    // SAFETY: libteec allocated `size` bytes at `buffer`, and nothing else refers to them.
    unsafe { ptr::write_bytes(memory.buffer.cast::<u8>(), 0, size) };
    Ok(memory)
}

/// A failure that libteec itself found.
const fn api(code: u32) -> Failure {
    Failure {
        code,
        origin: raw::TEEC_ORIGIN_API,
    }
}

/// A UUID as the GlobalPlatform API has it.
fn native(uuid: &Uuid) -> raw::TEEC_UUID {
    let [a, b, c, d, e, f, g, h, rest @ ..] = uuid.0;
    raw::TEEC_UUID {
        timeLow: u32::from_be_bytes([a, b, c, d]),
        timeMid: u16::from_be_bytes([e, f]),
        timeHiAndVersion: u16::from_be_bytes([g, h]),
        clockSeqAndNode: rest,
    }
}
