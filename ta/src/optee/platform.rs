//! [`Platform`] on OP-TEE.

use alloc::string::String;
use core::ffi::c_ulong;

use claviger_proto::{Status, message::Build};
use claviger_ta::{
    Platform,
    platform::{Facts, StorageError, text},
};
use optee_utee::{
    ErrorKind, ParamIndex, TaSessionBuilder, TeeParams, Uuid,
    property::{
        PropertyKey, TeeTrustedOsImplementationVersion,
        TeeTrustedStorageAntiRollbackProtectionLevel,
    },
    raw,
};
use zeroize::Zeroizing;

use super::storage::TrustedStorage;

/// PTA_SYSTEM of OP-TEE and its command that derives keys.
const PTA_SYSTEM: &str = "3a2f8978-5dc0-11e8-9c2d-fa7ae01bbebc";
const DERIVE_TA_UNIQUE_KEY: u32 = 1;

/// The device.
pub(super) struct OpTee {
    storage: TrustedStorage,
    name: heapless::String<64>,
    rollback_level: u32,
}

impl OpTee {
    pub(super) fn new() -> OpTee {
        let version = TeeTrustedOsImplementationVersion
            .get()
            .unwrap_or_else(|_| String::new());
        OpTee {
            storage: TrustedStorage,
            name: text(format_args!("OP-TEE {version}")),
            // A platform that does not say protects nothing.
            rollback_level: TeeTrustedStorageAntiRollbackProtectionLevel
                .get()
                .unwrap_or(0),
        }
    }
}

impl Platform for OpTee {
    type Storage = TrustedStorage;

    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Status> {
        // TEE_GenerateRandom would panic where this returns an error.
        // SAFETY: the pointer and length are those of a slice that is ours to write.
        let result = unsafe {
            raw::_utee_cryp_random_number_generate(bytes.as_mut_ptr().cast(), bytes.len())
        };
        if result == raw::TEE_SUCCESS {
            Ok(())
        } else {
            Err(Status::RandomFailed)
        }
    }

    fn root_key(&mut self) -> Result<Option<Zeroizing<[u8; 32]>>, Status> {
        let mut key = Zeroizing::new([0; 32]);
        let uuid = Uuid::parse_str(PTA_SYSTEM).map_err(|_| Status::Internal)?;
        let mut session = match TaSessionBuilder::new(uuid).build() {
            Ok(session) => session,
            // An OP-TEE without this PTA. Anything else passes, and must not be taken for it: the
            // vault of a device that has a root key would be made, or sought, without.
            Err(error) if error.kind() == ErrorKind::ItemNotFound => return Ok(None),
            Err(_) => return Err(Status::PlatformFault),
        };
        let mut parameters = TeeParams::new()
            .with_memref_in(ParamIndex::Arg0, b"claviger root v1")
            .with_memref_out(ParamIndex::Arg1, key.as_mut_slice());
        session
            .invoke_command(DERIVE_TA_UNIQUE_KEY, &mut parameters)
            .map_err(|_| Status::PlatformFault)?;
        Ok(Some(key))
    }

    fn storage(&mut self) -> &mut TrustedStorage {
        &mut self.storage
    }

    fn uptime(&mut self) -> Result<u64, Status> {
        seconds(raw::utee_time_category::UTEE_TIME_CAT_SYSTEM as c_ulong)
            .ok_or(Status::PlatformFault)
    }

    fn untrusted_time(&mut self) -> u64 {
        seconds(raw::utee_time_category::UTEE_TIME_CAT_REE as c_ulong).unwrap_or(0)
    }

    fn facts(&self) -> Facts {
        Facts {
            name: self.name.clone(),
            insecure: false,
            rollback_level: self.rollback_level,
            build: if cfg!(any(feature = "marks", feature = "panic")) {
                Build::Test
            } else {
                Build::Release
            },
            #[cfg(feature = "marks")]
            marks: Some(super::marks::read()),
            #[cfg(not(feature = "marks"))]
            marks: None,
        }
    }
}

/// A clock of OP-TEE's. TEE_GetSystemTime and TEE_GetREETime would panic where this is `None`.
fn seconds(clock: c_ulong) -> Option<u64> {
    let mut time = raw::TEE_Time {
        seconds: 0,
        millis: 0,
    };
    // SAFETY: the time is writable.
    let result = unsafe { raw::_utee_get_time(clock, &raw mut time) };
    (result == raw::TEE_SUCCESS).then_some(time.seconds.into())
}

/// What OP-TEE's storage answers, in the contract's terms.
pub(super) fn storage_error(code: raw::TEE_Result) -> StorageError {
    match code {
        raw::TEE_ERROR_ITEM_NOT_FOUND => StorageError::NotFound,
        raw::TEE_ERROR_CORRUPT_OBJECT | raw::TEE_ERROR_CORRUPT_OBJECT_2 => StorageError::Corrupt,
        raw::TEE_ERROR_STORAGE_NOT_AVAILABLE
        | raw::TEE_ERROR_STORAGE_NOT_AVAILABLE_2
        | raw::TEE_ERROR_COMMUNICATION => StorageError::Unavailable,
        raw::TEE_ERROR_STORAGE_NO_SPACE => StorageError::NoSpace,
        raw::TEE_ERROR_SECURITY => StorageError::Rollback,
        raw::TEE_ERROR_OUT_OF_MEMORY => StorageError::OutOfMemory,
        raw::TEE_ERROR_ACCESS_CONFLICT => StorageError::InUse,
        other => StorageError::Other(other),
    }
}
