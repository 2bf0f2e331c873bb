//! `seal`: one chunk of a blob.

use claviger_proto::{
    Permission, Status,
    blob::{self, Header, Suite, chunk_position},
    limits::{CHUNK, CONTEXT},
    message::*,
};

use crate::{
    Platform, Service, Session,
    crypto::siv,
    exchange::Payload,
    keyring::{InUse, Work},
    nonces::Nonces,
    platform,
};

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
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    let (context, rest) = payload.split(context_len)?;
    let (header, text) = if first {
        (
            new_header(nonces, platform, &key, request.deterministic, CHUNK as u32)?,
            rest,
        )
    } else {
        let (header, text) = rest
            .split_at_mut_checked(blob::HEADER)
            .ok_or(Status::BadPayload)?;
        let chunk = CHUNK as u32;
        (continued(header, &key, request.deterministic, chunk)?, text)
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

/// The header of a blob that begins now.
pub(super) fn new_header(
    nonces: &mut Nonces,
    platform: &mut impl platform::Platform,
    key: &InUse<'_>,
    deterministic: bool,
    chunk: u32,
) -> Result<Header, Status> {
    Ok(Header {
        suite: Suite::of(key.algorithm()?).ok_or(Status::WrongUsage)?,
        deterministic,
        key: key.id(),
        version: key.version(),
        chunk,
        nonce: if deterministic {
            [0; 16]
        } else {
            nonces.next(platform)?
        },
    })
}

/// The header of a blob that was begun before, if this key could have begun it so.
pub(super) fn continued(
    bytes: &[u8],
    key: &InUse<'_>,
    deterministic: bool,
    chunk: u32,
) -> Result<Header, Status> {
    let header = Header::decode(bytes).map_err(|_| Status::BadPayload)?;
    let ours = Suite::of(key.algorithm()?) == Some(header.suite)
        && header.key == key.id()
        && header.deterministic == deterministic
        && header.chunk == chunk;
    if !ours || header.version > key.version() {
        return Err(Status::BadPayload);
    }
    // A version that was rotated away seals nothing more, not even the rest of a blob.
    if header.version < key.version() {
        return Err(Status::Superseded);
    }
    Ok(header)
}
