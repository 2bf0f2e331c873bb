//! An operation in two calls, the fewest in which PKCS#11 does one: the crate `cryptoki` makes a third, which asks how
//! long the result will be, and does not know AES-CTR.

#![allow(unsafe_code)]

use std::ptr;

use cryptoki::{
    context::Function,
    error::{Result, Rv},
    object::ObjectHandle,
    session::Session,
};
use cryptoki_sys::{
    CK_AES_CTR_PARAMS, CK_BYTE, CK_GCM_PARAMS, CK_MECHANISM, CK_OBJECT_HANDLE, CK_RV,
    CK_SESSION_HANDLE, CK_ULONG, CKM_AES_CMAC, CKM_AES_CTR, CKM_AES_GCM, CKM_ECDSA, CKM_EDDSA,
    CKM_SHA256_HMAC, Pkcs11,
};

use crate::token::LIBRARY;

type Init = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) -> CK_RV;
type Finish = unsafe extern "C" fn(
    CK_SESSION_HANDLE,
    *mut CK_BYTE,
    CK_ULONG,
    *mut CK_BYTE,
    *mut CK_ULONG,
) -> CK_RV;

/// What is done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    Sign,
    Encrypt,
    Decrypt,
}

/// By which algorithm.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Algorithm {
    Cmac,
    HmacSha256,
    /// Of a digest.
    Ecdsa,
    Ed25519,
    Ctr,
    /// With a tag of 16 bytes, behind the ciphertext.
    Gcm,
}

/// libckteec's functions; the library that `cryptoki` has loaded.
pub(crate) struct Direct(Pkcs11);

impl Direct {
    pub(crate) fn load() -> Direct {
        // SAFETY: the library's initialisers ask for nothing.
        Direct(unsafe { Pkcs11::new(LIBRARY) }.unwrap())
    }

    /// Does the work on `input`; its result is all of `output`. A longer one would cost more: libckteec shares all of it.
    pub(crate) fn run(
        &self,
        (work, algorithm): (Work, Algorithm),
        session: &Session,
        key: ObjectHandle,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<()> {
        let mut nonce = [7; 12];
        let mut gcm = CK_GCM_PARAMS {
            pIv: nonce.as_mut_ptr(),
            ulIvLen: nonce.len() as CK_ULONG,
            ulIvBits: nonce.len() as CK_ULONG * 8,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        // The only number of bits that OP-TEE takes.
        let mut ctr = CK_AES_CTR_PARAMS {
            ulCounterBits: 1,
            cb: [0; 16],
        };
        let mut mechanism = match algorithm {
            Algorithm::Cmac => plain(CKM_AES_CMAC),
            Algorithm::HmacSha256 => plain(CKM_SHA256_HMAC),
            Algorithm::Ecdsa => plain(CKM_ECDSA),
            Algorithm::Ed25519 => plain(CKM_EDDSA),
            Algorithm::Ctr => with(CKM_AES_CTR, &mut ctr),
            Algorithm::Gcm => with(CKM_AES_GCM, &mut gcm),
        };
        let (init, finish) = self.functions(work);
        let (named_init, named) = work.names();
        let session = session.handle();
        // SAFETY: the mechanism and what it points to live until the end of this function; the library copies them.
        let code = unsafe { init(session, &raw mut mechanism, key.handle()) };
        Rv::from(code).into_result(named_init)?;
        let mut written = output.len() as CK_ULONG;
        // SAFETY: the library reads all of `input`, only, and writes to `output` no more than its length.
        let code = unsafe {
            finish(
                session,
                input.as_ptr().cast_mut(),
                input.len() as CK_ULONG,
                output.as_mut_ptr(),
                &raw mut written,
            )
        };
        Rv::from(code).into_result(named)?;
        assert_eq!(written, output.len() as CK_ULONG);
        Ok(())
    }

    fn functions(&self, work: Work) -> (Init, Finish) {
        let Direct(library) = self;
        let (init, finish) = match work {
            Work::Sign => (&library.C_SignInit, &library.C_Sign),
            Work::Encrypt => (&library.C_EncryptInit, &library.C_Encrypt),
            Work::Decrypt => (&library.C_DecryptInit, &library.C_Decrypt),
        };
        (*init.as_ref().unwrap(), *finish.as_ref().unwrap())
    }
}

impl Work {
    fn names(self) -> (Function, Function) {
        match self {
            Work::Sign => (Function::SignInit, Function::Sign),
            Work::Encrypt => (Function::EncryptInit, Function::Encrypt),
            Work::Decrypt => (Function::DecryptInit, Function::Decrypt),
        }
    }
}

fn plain(mechanism: CK_ULONG) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism,
        pParameter: ptr::null_mut(),
        ulParameterLen: 0,
    }
}

fn with<T>(mechanism: CK_ULONG, parameter: &mut T) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism,
        pParameter: ptr::from_mut(parameter).cast(),
        ulParameterLen: size_of::<T>() as CK_ULONG,
    }
}
