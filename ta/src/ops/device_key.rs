//! The device's signing key: its public half, and a certificate of that.

use claviger_proto::{Status, message::*};

use crate::{
    Platform, Service, Session, crypto::ecdsa::p256, exchange::Payload, vault::slot::Certificate,
};

/// The public key, and the certificate if one was installed.
#[inline(never)]
pub(crate) fn device_key<P: Platform>(
    service: &mut Service<P>,
    _session: &mut Session,
    _request: DeviceKeyRequest,
    payload: &mut Payload,
) -> Result<DeviceKeyResponse, Status> {
    payload.expect_empty()?;
    let Service {
        keyring, platform, ..
    } = service;
    let key = keyring.vault.device_key(platform)?;
    payload.set(&p256::public_key(key.as_bytes())?)?;
    let certificate = keyring.vault.certificate(platform)?.unwrap_or_default();
    payload.append(&certificate)?;
    Ok(DeviceKeyResponse {
        certificate: u32::try_from(certificate.len()).map_err(|_| Status::Internal)?,
    })
}

/// Keeps a certificate. Whether it is a good one is for those to say who trust its issuer; here it
/// must only be DER of its own length that holds the device's public key.
#[inline(never)]
pub(crate) fn install_certificate<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    _request: InstallCertificateRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    let caller = session.caller.identity()?;
    let bytes = payload.bytes();
    let certificate = Certificate::from_slice(bytes).map_err(|_| Status::PayloadTooLong)?;
    let key = keyring.vault.device_key(platform)?;
    let public = p256::public_key(key.as_bytes())?;
    let holds = bytes.windows(public.len()).any(|window| window == public);
    if !is_der_sequence(bytes) || !holds {
        return Err(Status::BadCertificate);
    }
    payload.clear();
    keyring
        .vault
        .install_certificate(platform, certificate, caller)?;
    Ok(Done {})
}

/// Whether these bytes are one DER sequence of 256 to 65,535 bytes, or of 128 to 255.
fn is_der_sequence(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, 0x82, high, low, rest @ ..] => {
            rest.len() == usize::from(u16::from_be_bytes([*high, *low]))
        }
        [0x30, 0x81, len, rest @ ..] => rest.len() == usize::from(*len),
        _ => false,
    }
}
