//! Sessions with the trusted application in OP-TEE.
//!
//! One block of memory is set aside for each session and registered with the TEE; it grows with
//! the requests. A call names the range of it that request and reply need, and only the pages of
//! that range are mapped into the trusted application.
//!
//! While tee-supplicant does not run, the kernel lets calls that need it wait, for as long as it
//! takes; [`Builder::patience`](crate::Builder::patience) is what a [`Client`](crate::Client) has.
//!
//! libteec prints some of its errors on standard output, which a program that minds redirects.

#[allow(unsafe_code)]
mod seam;

use std::{
    fs::{Metadata, OpenOptions},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    time::Duration,
};

use claviger_proto::{
    Status, TA_UUID,
    command::FROM_MEMORY,
    frame::{PREFIX, Prefix},
    limits,
    name::Uuid,
};

use self::seam::{Failure, Seam};
use super::under_way::UnderWay;
pub use super::under_way::end_calls;
use super::{
    Fault, Stage, Transport, TransportError,
    error::{ITEM_NOT_FOUND, SHORT_BUFFER, TARGET_DEAD},
    in_turn,
};
use crate::{Login, identity};

/// The device through which clients reach OP-TEE.
pub(crate) const DEVICE: &str = "/dev/tee0";

/// Bytes of a session's memory at first: enough for most sessions, and registered in a third of the
/// time that the largest block takes.
const SMALL: usize = 2 * 4096;

/// A session with the trusted application in OP-TEE.
pub struct Optee {
    login: Login,
    /// How long it waits while there are too many sessions.
    turn: Duration,
    /// Who opened it: a session that takes its place is to be the same user's.
    uid: u32,
    seam: Seam,
}

impl Optee {
    /// Connects to OP-TEE and opens a session.
    ///
    /// # Errors
    /// [`TransportError`]: no device, no permission, no trusted application, ...
    pub fn open(login: Login) -> Result<Optee, TransportError> {
        Optee::open_for(login, identity::effective_uid(), Duration::ZERO)
    }

    /// As [`Optee::open`], if this is still the user who calls; waits for so long while there are too
    /// many sessions.
    pub(crate) fn open_for(
        login: Login,
        uid: u32,
        turn: Duration,
    ) -> Result<Optee, TransportError> {
        let under_way = UnderWay::begin();
        let seam = connect(SMALL)?;
        drop(under_way);
        let mut optee = Optee {
            login,
            turn,
            uid,
            seam,
        };
        optee.open_in_turn()?;
        Ok(optee)
    }

    fn open_in_turn(&mut self) -> Result<(), TransportError> {
        in_turn(self.turn, || self.open_session())
    }

    fn open_session(&mut self) -> Result<(), TransportError> {
        let _under_way = UnderWay::begin();
        // The driver looks at the calling thread's effective uid, which may have changed.
        let (was, is) = (self.uid, identity::effective_uid());
        if self.login == Login::User && was != is {
            return Err(TransportError::AnotherUser { was, is });
        }
        // The driver would refuse it too, but its answer names no reason.
        if let Login::Group(gid) = self.login
            && !identity::in_group(gid)
        {
            return Err(TransportError::NotInGroup { gid });
        }
        self.seam
            .open(&ta_uuid(), self.login)
            .map_err(|failure| tee(Stage::Open, failure))
    }
}

impl Transport for Optee {
    fn memory(&mut self) -> &mut [u8] {
        self.seam.memory()
    }

    fn reserve(&mut self, size: usize) -> Result<(), TransportError> {
        let size = size.next_power_of_two().min(limits::FRAME);
        if size <= self.seam.memory().len() {
            return Ok(());
        }
        self.seam
            .grow(size)
            .map_err(|failure| tee(Stage::Share, failure))
    }

    fn invoke(&mut self, command_id: u32, size: usize) -> Result<usize, Fault> {
        let from_memory = command_id & FROM_MEMORY != 0;
        // An earlier attempt to open the session anew may have failed.
        if !self.seam.has_session() {
            if from_memory {
                return refuse(self.memory(), Status::NeedsStorage);
            }
            self.open_in_turn()?;
        }
        let _under_way = (!from_memory).then(UnderWay::begin);
        let (result, length) = self.seam.invoke(command_id, size);
        result.map_err(|failure| match failure.code {
            SHORT_BUFFER => Fault::ShortBuffer { needed: length },
            TARGET_DEAD => Fault::Dead,
            _ => Fault::Failed(tee(Stage::Invoke, failure)),
        })?;
        Ok(length)
    }

    fn reopen(&mut self) -> Result<(), TransportError> {
        self.open_in_turn()
    }

    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        let another = Optee::open_for(self.login, self.uid, self.turn)?;
        Ok(Box::new(another))
    }

    fn abandon(self: Box<Self>) {
        self.seam.abandon();
    }
}

/// Whether a trusted application that needs neither a file nor the store can be opened: OP-TEE's
/// own list of devices. Tells a TEE that does not run from one that refuses ours.
pub(crate) fn tee_answers() -> Result<(), TransportError> {
    const DEVICE_PTA: &str = "7011a688-ddde-4053-a5a9-7b3c4ddf13b8";
    let _under_way = UnderWay::begin();
    let mut seam = connect(4096)?;
    let uuid = Uuid::try_from(DEVICE_PTA).unwrap_or(Uuid([0; 16]));
    seam.open(&uuid, Login::Public)
        .map_err(|failure| tee(Stage::Open, failure))
}

/// What OP-TEE answers to whoever wants a trusted application that nobody has: it looks in its
/// secure storage first, so "not found" means that the store can be read, and anything else says
/// what is wrong with it.
pub(crate) fn store_answers() -> Result<(), TransportError> {
    const NOBODY: Uuid = Uuid(*b"claviger doctor?");
    let _under_way = UnderWay::begin();
    let mut seam = connect(4096)?;
    match seam.open(&NOBODY, Login::Public) {
        Ok(()) => Ok(()),
        Err(failure) if failure.code == ITEM_NOT_FOUND => Ok(()),
        Err(failure) => Err(tee(Stage::Open, failure)),
    }
}

/// The reply that there would be.
fn refuse(memory: &mut [u8], status: Status) -> Result<usize, Fault> {
    let bytes = Prefix::of(status).encode().ok();
    let front = memory.first_chunk_mut().zip(bytes);
    let (front, bytes) = front.ok_or(Fault::ShortBuffer { needed: PREFIX })?;
    *front = bytes;
    Ok(PREFIX)
}

fn ta_uuid() -> Uuid {
    Uuid::try_from(TA_UUID).unwrap_or(Uuid([0; 16]))
}

fn tee(stage: Stage, failure: Failure) -> TransportError {
    TransportError::Tee {
        stage,
        code: failure.code,
        origin: failure.origin,
    }
}

fn connect(size: usize) -> Result<Seam, TransportError> {
    Seam::connect(size).map_err(|(stage, failure)| match (stage, failure.code) {
        // libteec says no more than that no device could be opened.
        (Stage::Connect, ITEM_NOT_FOUND) => diagnose_device(Path::new(DEVICE))
            .err()
            .unwrap_or_else(|| tee(stage, failure)),
        _ => tee(stage, failure),
    })
}

/// Why the TEE's device cannot be opened, if it cannot.
pub(crate) fn diagnose_device(path: &Path) -> Result<(), TransportError> {
    let path = path.to_owned();
    match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(TransportError::NoDevice { path })
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let group = path
                .metadata()
                .map_or_else(|_| "teeclnt".to_owned(), |meta| group_of(&meta));
            Err(TransportError::NotPermitted { path, group })
        }
        Err(source) => Err(TransportError::Device { path, source }),
    }
}

fn group_of(metadata: &Metadata) -> String {
    crate::identity::group_name(metadata.gid()).unwrap_or_else(|| metadata.gid().to_string())
}
