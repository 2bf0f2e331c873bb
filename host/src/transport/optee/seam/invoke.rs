//! The call itself, as the driver takes it (linux/tee.h).
//!
//! libteec has one too, but holds a lock of its own for a moment at its beginning. A process that is
//! forked while another thread is there finds it held for ever.

use std::os::fd::AsFd;

use optee_teec::raw;
use rustix::{
    io::Errno,
    ioctl::{Opcode, Updater, ioctl, opcode},
};

use super::Failure;

/// `struct tee_ioctl_buf_data`.
#[repr(C)]
struct Buffer {
    pointer: u64,
    length: u64,
}

/// `struct tee_ioctl_invoke_arg`, with as many parameters as a trusted application has.
#[repr(C)]
struct Call {
    command: u32,
    session: u32,
    cancellation: u32,
    result: u32,
    origin: u32,
    count: u32,
    parameters: [Parameter; 4],
}

/// `struct tee_ioctl_param`; of memory, where in it the range begins, how long it is, and which
/// memory.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Parameter {
    kind: u64,
    a: u64,
    b: u64,
    c: u64,
}

/// `TEE_IOC_INVOKE`.
const INVOKE: Opcode = opcode::read::<Buffer>(0xa4, 3);
/// `TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT`.
const INOUT: u64 = 7;

/// Invokes a command on the first `size` bytes of a memory. Also says how many of them the reply takes
/// or, if it does not fit, would take.
///
/// # Safety
/// The descriptor is the driver's; the memory is registered through it, has that many bytes, and no
/// reference to it exists.
pub(super) unsafe fn invoke(
    driver: impl AsFd,
    session: u32,
    command: u32,
    memory: u64,
    size: usize,
) -> (Result<(), Failure>, usize) {
    let mut parameters = [Parameter::default(); 4];
    parameters[0] = Parameter {
        kind: INOUT,
        a: 0,
        b: size as u64,
        c: memory,
    };
    let mut call = Call {
        command,
        session,
        cancellation: 0,
        result: raw::TEEC_SUCCESS,
        origin: raw::TEEC_ORIGIN_COMMS,
        count: parameters.len() as u32,
        parameters,
    };
    let mut buffer = Buffer {
        pointer: (&raw mut call).expose_provenance() as u64,
        length: size_of::<Call>() as u64,
    };
    // SAFETY: the driver takes this structure with this number; it points to one that the driver reads
    // and writes, which outlives the call. The caller vouches for the memory that this one names.
    let called = unsafe { ioctl(driver, Updater::<INVOKE, Buffer>::new(&mut buffer)) };
    let (code, origin) = match called {
        Ok(()) => (call.result, call.origin),
        Err(Errno::NOMEM) => (raw::TEEC_ERROR_OUT_OF_MEMORY, raw::TEEC_ORIGIN_COMMS),
        Err(Errno::INVAL) => (raw::TEEC_ERROR_BAD_PARAMETERS, raw::TEEC_ORIGIN_COMMS),
        Err(_) => (raw::TEEC_ERROR_GENERIC, raw::TEEC_ORIGIN_COMMS),
    };
    let length = usize::try_from(call.parameters[0].b).unwrap_or(usize::MAX);
    if code == raw::TEEC_SUCCESS {
        // What the other side says is not trusted to lie inside.
        return (Ok(()), length.min(size));
    }
    (Err(Failure { code, origin }), length)
}
