//! The one place that speaks C: libteec through `optee_teec::raw`, and the driver.
//!
//! A [`Seam`] owns a context, one block of shared memory and at most one session, at fixed places
//! in memory because libteec keeps pointers from one to the other.
//!
//! A process that is forked inherits the descriptors, through which it could close the session or
//! speak in it, and does neither; the memory it finds wiped, and to write there changes nothing here.
//! A program that is started in its place gets no descriptor.

mod invoke;

use std::{ffi::c_void, mem, os::fd::BorrowedFd, ptr, slice};

use claviger_proto::name::Uuid;
use optee_teec::raw;
use rustix::{
    io::{FdFlags, fcntl_setfd},
    mm::{Advice, madvise},
};

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
        // SAFETY: the context was initialised above: it has its descriptor open.
        unsafe { close_on_exec((*context).imp.fd) };
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
        unsafe { release(&mut old) };
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
        let Some(session) = &self.session else {
            return (Err(api(raw::TEEC_ERROR_BAD_STATE)), 0);
        };
        let size = size.min(self.memory.size);
        // SAFETY: the context is initialised: its descriptor is open, and the driver's.
        let driver = unsafe { BorrowedFd::borrow_raw((*self.context).imp.fd) };
        let (session, memory) = (session.imp.session_id, self.memory.imp.id as u64);
        // SAFETY: the memory was registered in this context with `self.memory.size` bytes, and no
        // reference to it exists now.
        unsafe { invoke::invoke(driver, session, command, memory, size) }
    }

    /// Closes the descriptors in a process that was forked from the one whose session it is; that
    /// one's stay open, and the session with them.
    pub(super) fn abandon(mut self) {
        // Without a word to the driver.
        self.session = None;
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
            release(&mut self.memory);
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
    // Memory that is the driver's is none to be wiped; nobody writes to it in another process.
    advise(&memory, Advice::LinuxWipeOnFork);
    // SAFETY: libteec opened it, if it is one.
    unsafe { close_on_exec(memory.imp.registered_fd) };
    Ok(memory)
}

/// Gives back what [`share`] set aside.
///
/// # Safety
/// The memory's context is initialised, nothing uses the memory any more, and it is released once.
unsafe fn release(memory: &mut raw::TEEC_SharedMemory) {
    // Whoever has these bytes next may be forked with what is in them.
    advise(memory, Advice::LinuxKeepOnFork);
    // SAFETY: as the caller vouches.
    unsafe { raw::TEEC_ReleaseSharedMemory(memory) };
}

/// Tells the kernel what a process that is forked is to find in the memory, where that has its pages
/// for itself.
fn advise(memory: &raw::TEEC_SharedMemory, advice: Advice) {
    let page = rustix::param::page_size();
    if memory.buffer.addr().is_multiple_of(page) && memory.size.is_multiple_of(page) {
        // SAFETY: they are whole pages of libteec's allocation, and either advice leaves them as they
        // are in this process.
        let _as_it_was = unsafe { madvise(memory.buffer, memory.size, advice) };
    }
}

/// Keeps a descriptor from programs that are started; -1 is none.
///
/// # Safety
/// It is open, or none.
unsafe fn close_on_exec(fd: i32) {
    if fd != -1 {
        // SAFETY: it is open.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let _as_it_was = fcntl_setfd(fd, FdFlags::CLOEXEC);
    }
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
