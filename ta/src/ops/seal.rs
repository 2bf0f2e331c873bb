//! `seal`: one chunk of a blob.

use claviger_proto::{
    Permission, Status,
    blob::{self, chunk_position},
    limits::{CHUNK, CONTEXT},
    message::*,
};

use super::begun::Author;
use crate::{Platform, Service, Session, crypto::siv, exchange::Payload, keyring::Work};

/// Seals one chunk. The trusted application remembers nothing between chunks: the first one's
/// answer brings the blob's header, and each further request carries it.
#[inline(never)]
pub(crate) fn seal<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: SealRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        keyring,
        nonces,
        platform,
        ..
    } = service;
    let first = request.index == 0;
    let context_len = context_len(request.context)?;
    let work = Work::new(Permission::Seal).context(context_len);
    let work = if first {
        work
    } else {
        work.continues(blob::HEADER)
    };
    let author = Author::new(keyring, platform, &session.caller)?;
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    let (context, rest) = payload.split(context_len)?;
    let kind = (request.deterministic, CHUNK as u32);
    let (header, text) = if first {
        (author.begin(nonces, platform, &key, kind)?, rest)
    } else {
        let (header, text) = rest
            .split_at_mut_checked(blob::HEADER)
            .ok_or(Status::BadPayload)?;
        (author.continued(header, &key, kind)?, text)
    };
    // All chunks but the last are full, and only a blob of nothing ends in an empty one.
    let fits = if request.last {
        text.len() <= CHUNK
    } else {
        text.len() == CHUNK
    };
    if !fits || (!first && text.is_empty()) {
        return Err(Status::BadPayload);
    }
    let header_bytes = header.encode();
    let position = chunk_position(request.index, request.last);
    let associated: [&[u8]; 3] = [&header_bytes, context, &position];
    let tag = siv::seal(header.suite, key.secret()?.as_bytes(), associated, text)?;
    payload.drop_front(context_len)?;
    if first {
        payload.push_front(&tag)?;
        payload.push_front(&header_bytes)?;
    } else {
        payload.drop_front(blob::HEADER)?;
        payload.push_front(&tag)?;
    }
    Ok(KeyVersion {
        version: key.version(),
    })
}

/// The length of a context, if it is one.
pub(super) fn context_len(length: u32) -> Result<usize, Status> {
    let length = length as usize;
    if length > CONTEXT {
        return Err(Status::BadPayload);
    }
    Ok(length)
}
