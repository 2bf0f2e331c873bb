//! `unseal`: one chunk of a blob.

use claviger_proto::{
    Permission, Status,
    blob::{self, Header, Suite, chunk_position},
    message::*,
};

use super::seal::context_len;
use crate::{
    Platform, Service, Session,
    crypto::siv,
    exchange::Payload,
    keyring::{InUse, Work},
};

/// Opens one chunk. Whatever is wrong with the blob, the answer is [`Status::NotAuthentic`].
#[inline(never)]
pub(crate) fn unseal<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: UnsealRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        keyring, platform, ..
    } = service;
    let context_len = context_len(request.context)?;
    let work = Work::new(Permission::Unseal).context(context_len);
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    let (context, blob) = payload.split(context_len)?;
    let (header_bytes, chunk) = blob
        .split_at_mut_checked(blob::HEADER)
        .ok_or(Status::NotAuthentic)?;
    let place = (request.index, request.last);
    let header = open_chunk(&key, header_bytes, context, place, chunk)?;
    payload.drop_front(context_len)?;
    payload.drop_front(blob::HEADER)?;
    payload.drop_front(blob::TAG)?;
    Ok(KeyVersion {
        version: header.version,
    })
}

/// Opens a chunk in place behind its tag, which stays; `place` is its index and whether it is the
/// last. Says what the blob's header says.
///
/// # Errors
/// [`Status::NotAuthentic`].
pub(super) fn open_chunk(
    key: &InUse<'_>,
    header_bytes: &[u8],
    context: &[u8],
    place: (u64, bool),
    chunk: &mut [u8],
) -> Result<Header, Status> {
    let (index, last) = place;
    let (tag, text) = chunk.split_first_chunk_mut().ok_or(Status::NotAuthentic)?;
    let header = Header::decode(header_bytes).map_err(|_| Status::NotAuthentic)?;
    let size = header.chunk as usize;
    let full = if last {
        text.len() <= size
    } else {
        text.len() == size
    };
    let possible = Suite::of(key.algorithm()?) == Some(header.suite)
        && header.key == key.id()
        && full
        && (index == 0 || !text.is_empty());
    if !possible {
        return Err(Status::NotAuthentic);
    }
    let secret = match key.secret_of(header.version) {
        Err(Status::NoSuchVersion) => return Err(Status::NotAuthentic),
        other => other?,
    };
    let position = chunk_position(index, last);
    let associated: [&[u8]; 3] = [header_bytes, context, &position];
    siv::open(header.suite, secret.as_bytes(), associated, *tag, text)?;
    Ok(header)
}
