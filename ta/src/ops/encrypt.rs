//! `encrypt` and `decrypt`: AES-GCM and AES-CCM for protocols that need them.

use claviger_proto::{Algorithm, Permission, Status, limits::CHUNK, message::*};

use crate::{
    Platform, Service, Session,
    crypto::aead::{TAG, ccm, gcm},
    exchange::Payload,
    keyring::Work,
};

/// Encrypts under a nonce that is drawn here: 96 bits for GCM, 104 for CCM. How often one version
/// may is bounded (NIST SP 800-38D, section 8.3).
#[inline(never)]
pub(crate) fn encrypt<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: EncryptRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        keyring,
        nonces,
        platform,
        ..
    } = service;
    let aad = request.aad as usize;
    let work = Work::new(Permission::Encrypt).context(aad);
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    let secret = key.secret()?;
    let (associated, text) = payload.split(aad)?;
    if text.len() > CHUNK {
        return Err(Status::PayloadTooLong);
    }
    match key.algorithm()? {
        Algorithm::Aes128Gcm | Algorithm::Aes256Gcm => {
            let nonce: [u8; gcm::NONCE] = nonces.next(platform)?;
            let tag = gcm::seal(secret.as_bytes(), &nonce, associated, text)?;
            finish(payload, aad, &nonce, &tag)?;
        }
        Algorithm::Aes128Ccm | Algorithm::Aes256Ccm => {
            let nonce: [u8; ccm::NONCE] = nonces.next(platform)?;
            let tag = ccm::seal(secret.as_bytes(), &nonce, associated, text)?;
            finish(payload, aad, &nonce, &tag)?;
        }
        _ => return Err(Status::WrongUsage),
    }
    Ok(KeyVersion {
        version: key.version(),
    })
}

fn finish(payload: &mut Payload, aad: usize, nonce: &[u8], tag: &[u8]) -> Result<(), Status> {
    payload.drop_front(aad)?;
    payload.push_front(nonce)?;
    payload.append(tag)
}

/// Decrypts. Whatever is wrong with the ciphertext, the answer is [`Status::NotAuthentic`].
#[inline(never)]
pub(crate) fn decrypt<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: DecryptRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    let aad = request.aad as usize;
    let work = Work::new(Permission::Decrypt).context(aad);
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    let version = request.version.unwrap_or(key.version());
    let secret = key.secret_of(version)?;
    let (associated, sealed) = payload.split(aad)?;
    let nonce = match key.algorithm()? {
        Algorithm::Aes128Gcm | Algorithm::Aes256Gcm => {
            let (nonce, text, tag) = take_apart(sealed)?;
            gcm::open(secret.as_bytes(), nonce, associated, text, tag)?;
            gcm::NONCE
        }
        Algorithm::Aes128Ccm | Algorithm::Aes256Ccm => {
            let (nonce, text, tag) = take_apart(sealed)?;
            ccm::open(secret.as_bytes(), nonce, associated, text, tag)?;
            ccm::NONCE
        }
        _ => return Err(Status::WrongUsage),
    };
    payload.drop_front(aad)?;
    payload.drop_front(nonce)?;
    payload.drop_back(TAG)?;
    Ok(KeyVersion { version })
}

type Parts<'a, const NONCE: usize> = (&'a [u8; NONCE], &'a mut [u8], &'a [u8; TAG]);

fn take_apart<const NONCE: usize>(sealed: &mut [u8]) -> Result<Parts<'_, NONCE>, Status> {
    let (nonce, rest) = sealed.split_first_chunk_mut().ok_or(Status::NotAuthentic)?;
    let (text, tag) = rest.split_last_chunk_mut().ok_or(Status::NotAuthentic)?;
    Ok((nonce, text, tag))
}
