//! [`Storage`] on OP-TEE's trusted storage, by its system calls.
//!
//! The GlobalPlatform functions of libutee panic on errors that the specification does not list,
//! and the normal world can cause those at will (a full disk, a killed tee-supplicant).

use core::ffi::c_ulong;

use claviger_ta::platform::{ObjectId, Storage, StorageError};
use optee_utee::raw;

use super::platform::storage_error;

const PRIVATE: c_ulong = raw::TEE_STORAGE_PRIVATE as c_ulong;
const ACCESS: c_ulong = (raw::TEE_DATA_FLAG_ACCESS_READ
    | raw::TEE_DATA_FLAG_ACCESS_WRITE
    | raw::TEE_DATA_FLAG_ACCESS_WRITE_META) as c_ulong;
const OVERWRITE: c_ulong = raw::TEE_DATA_FLAG_OVERWRITE as c_ulong;
const SEEK_SET: c_ulong = 0;

/// TEE_STORAGE_PRIVATE.
pub(super) struct TrustedStorage;

/// An object that OP-TEE holds open for us; none once it was found corrupt: OP-TEE has deleted and
/// closed it then, and may give its number to the next object that is opened.
pub(super) struct Object(Option<u32>);

impl Object {
    /// # Errors
    /// [`StorageError::Corrupt`] if it was found so.
    fn handle(&self) -> Result<c_ulong, StorageError> {
        self.0.map(c_ulong::from).ok_or(StorageError::Corrupt)
    }

    /// Takes a call's answer in.
    fn check(&mut self, code: raw::TEE_Result) -> Result<(), StorageError> {
        let result = check(code);
        if result == Err(StorageError::Corrupt) {
            self.0 = None;
        }
        result
    }
}

fn check(code: raw::TEE_Result) -> Result<(), StorageError> {
    if code == raw::TEE_SUCCESS {
        Ok(())
    } else {
        Err(storage_error(code))
    }
}

impl TrustedStorage {
    fn seek(&self, object: &Object, offset: u32) -> Result<(), StorageError> {
        let offset = i32::try_from(offset).map_err(|_| StorageError::Other(offset))?;
        // SAFETY: takes numbers only.
        check(unsafe { raw::_utee_storage_obj_seek(object.handle()?, offset, SEEK_SET) })
    }
}

impl Storage for TrustedStorage {
    type Object = Object;

    fn open(&mut self, id: ObjectId) -> Result<Object, StorageError> {
        let name = id.name();
        let mut handle = 0;
        // SAFETY: the name is readable for its length, the handle is writable.
        check(unsafe {
            raw::_utee_storage_obj_open(
                PRIVATE,
                name.as_ptr().cast(),
                name.len(),
                ACCESS,
                &raw mut handle,
            )
        })?;
        Ok(Object(Some(handle)))
    }

    fn create(&mut self, id: ObjectId, bytes: &[u8]) -> Result<Object, StorageError> {
        let name = id.name();
        let mut handle = 0;
        // SAFETY: name and bytes are readable for their lengths, the handle is writable; attribute
        // 0 is TEE_HANDLE_NULL: a pure data object.
        check(unsafe {
            raw::_utee_storage_obj_create(
                PRIVATE,
                name.as_ptr().cast(),
                name.len(),
                ACCESS | OVERWRITE,
                0,
                bytes.as_ptr().cast(),
                bytes.len(),
                &raw mut handle,
            )
        })?;
        Ok(Object(Some(handle)))
    }

    fn read(
        &mut self,
        object: &mut Object,
        offset: u32,
        bytes: &mut [u8],
    ) -> Result<(), StorageError> {
        self.seek(object, offset)?;
        let handle = object.handle()?;
        let mut count = 0;
        // SAFETY: `bytes` is ours to write for its length, the count is writable.
        object.check(unsafe {
            raw::_utee_storage_obj_read(
                handle,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                &raw mut count,
            )
        })?;
        // An object that ends early was not written by us.
        if count == bytes.len() as u64 {
            Ok(())
        } else {
            Err(StorageError::Corrupt)
        }
    }

    fn write(
        &mut self,
        object: &mut Object,
        offset: u32,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        self.seek(object, offset)?;
        let handle = object.handle()?;
        // SAFETY: `bytes` is readable for its length.
        object.check(unsafe {
            raw::_utee_storage_obj_write(handle, bytes.as_ptr().cast(), bytes.len())
        })
    }

    fn close(&mut self, object: Object) {
        if let Ok(handle) = object.handle() {
            // SAFETY: takes a number only, of an open object.
            let _closed = unsafe { raw::_utee_cryp_obj_close(handle) };
        }
    }

    fn delete(&mut self, id: ObjectId) -> Result<(), StorageError> {
        let object = self.open(id)?;
        // SAFETY: takes a number only, and takes the handle with it.
        check(unsafe { raw::_utee_storage_obj_del(object.handle()?) })
    }
}
