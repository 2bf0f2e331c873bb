//! The seam to OP-TEE: entry points, and [`claviger_ta::Platform`] on optee-utee.
//!
//! Here, and nowhere else, is memory that Linux can change and code that the compiler cannot check.

#![allow(unreachable_pub)] // The macros and the header make items for the linker.

#[cfg(feature = "marks")]
mod marks;
mod memory;
mod platform;
mod runtime;
mod storage;

use claviger_proto::{Identity, Login, Status, Uuid};
use claviger_ta::{Caller, Exchange, Service, Session, SharedMemory, platform::text};
use optee_utee::{
    ErrorKind, LoginType, ParameterMemref, ParameterMemrefInout, ParameterMemrefRead,
    ParameterMemrefWrite, ParameterNone, ParametersNone, Result,
    property::{ClientIdentity, PropertyKey},
};
use platform::OpTee;
use spin::Mutex;

/// The header by which OP-TEE knows a trusted application, made by the build script.
mod header {
    #![allow(
        missing_docs,
        non_upper_case_globals,
        unused_imports,
        clippy::undocumented_unsafe_blocks
    )] // Generated.
    include!(concat!(env!("OUT_DIR"), "/user_ta_header.rs"));
}

/// The one instance. OP-TEE never enters a trusted application twice at once unless it is flagged
/// CONCURRENT, so the lock is always free; if it were not, the call would be refused.
static INSTANCE: Mutex<Option<Instance>> = Mutex::new(None);

struct Instance {
    service: Service<OpTee>,
    exchange: Exchange,
}

/// The contract's exchange: one INOUT memory reference and nothing else.
type Parameters<'a> = (
    ParameterMemrefInout<'a>,
    ParameterNone,
    ParameterNone,
    ParameterNone,
);

struct Shared<'a, 'b>(&'a ParameterMemrefInout<'b>);

impl SharedMemory for Shared<'_, '_> {
    fn size(&self) -> usize {
        self.0.buffer_len()
    }

    fn copy(&self, offset: usize, bytes: &mut [u8]) -> core::result::Result<(), Status> {
        match self.0.read_at(offset, bytes) {
            Ok(copied) if copied == bytes.len() => Ok(()),
            _ => Err(Status::BadFrame),
        }
    }
}

#[allow(missing_docs, unsafe_op_in_unsafe_fn, clippy::missing_safety_doc)] // What the macros make.
mod entry {
    use super::*;
    use optee_utee::{ta_close_session, ta_create, ta_destroy, ta_invoke_command, ta_open_session};

    #[ta_create]
    fn create() -> Result<()> {
        #[cfg(feature = "marks")]
        marks::start();
        start()
    }

    #[ta_destroy]
    fn destroy() {}

    #[ta_open_session]
    fn open_session(_parameters: &mut ParametersNone, session: &mut Session) -> Result<()> {
        let caller = caller()?;
        let mut instance = INSTANCE.try_lock().ok_or(ErrorKind::Busy)?;
        let Instance { service, .. } = instance.as_mut().ok_or(ErrorKind::BadState)?;
        // What the framework keeps of each session it allocates with no way to refuse.
        *session = service.open(caller).map_err(|_| ErrorKind::Busy)?;
        Ok(())
    }

    #[ta_close_session]
    fn close_session(session: &mut Session) {
        if let Some(Instance { service, .. }) =
            INSTANCE.try_lock().as_deref_mut().and_then(Option::as_mut)
        {
            service.close(session);
        }
    }

    #[ta_invoke_command]
    fn invoke(session: &mut Session, command: u32, parameters: &mut Parameters<'_>) -> Result<()> {
        #[cfg(feature = "panic")]
        if command == claviger_proto::command::PANIC {
            panic!("asked to");
        }
        let memory = &mut parameters.0;
        let mut instance = INSTANCE.try_lock().ok_or(ErrorKind::Busy)?;
        let Instance { service, exchange } = instance.as_mut().ok_or(ErrorKind::BadState)?;
        service.process(session, command, exchange, &Shared(memory));
        let (head, payload) = exchange.reply();
        let size = head.len().saturating_add(payload.len());
        if size > memory.buffer_len() {
            // SAFETY: only a number that goes back to the client, whom it tells what to come with;
            // nothing reads the memory by it.
            unsafe { memory.set_updated_size_unchecked(size) };
            return Err(ErrorKind::ShortBuffer.into());
        }
        memory.write_at(head.len(), payload)?;
        memory.write_at(0, head)?;
        memory.set_updated_size(size)
    }
}

/// Starts the instance; apart from its entry point, whose frame must be small where marks are taken.
#[inline(never)]
fn start() -> Result<()> {
    let service = Service::new(OpTee::new()).map_err(|_| ErrorKind::Generic)?;
    let exchange = Exchange::new().map_err(|_| ErrorKind::OutOfMemory)?;
    *INSTANCE.try_lock().ok_or(ErrorKind::Busy)? = Some(Instance { service, exchange });
    Ok(())
}

/// Who opens a session, as the kernel's driver asserts it.
fn caller() -> Result<Caller> {
    let identity = ClientIdentity.get()?;
    let login = match identity.login_type() {
        LoginType::Public => return Ok(Caller::Public),
        LoginType::User => Login::User,
        LoginType::Group => Login::Group,
        _ => return Err(ErrorKind::AccessDenied.into()),
    };
    let text = text::<36>(identity.uuid());
    let id = Uuid::try_from(text.as_str()).map_err(|_| ErrorKind::BadFormat)?;
    Ok(Caller::Identified(Identity { login, id }))
}
