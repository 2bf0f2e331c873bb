//! `reseal`: one chunk of a blob, moved to the newest version of its key.

use claviger_proto::{
    Permission, Status,
    blob::{self, Header, chunk_position},
    message::*,
};

use super::{begun::Author, seal::context_len, unseal::open_chunk};
use crate::{Platform, Service, Session, crypto::siv, exchange::Payload, keyring::Work};

/// Opens a chunk and seals it under the primary version; the plaintext stays here. As with `seal`,
/// the first chunk's answer brings the new blob's header, and each further request carries it. The
/// new blob has the old one's chunk size, whatever it is: chunks are not cut anew.
#[inline(never)]
pub(crate) fn reseal<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ResealRequest,
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
    let beside = blob::HEADER + blob::TAG;
    let work = Work::new(Permission::Seal)
        .also(Permission::Unseal)
        .context(context_len);
    let work = if first {
        work.beside(beside)
    } else {
        work.continues(beside.saturating_add(blob::HEADER))
    };
    let author = Author::new(keyring, platform, &session.caller)?;
    let key = keyring.use_key(platform, &session.caller, &request.key, payload, work)?;
    let (context, rest) = payload.split(context_len)?;
    let (old, rest) = rest
        .split_at_mut_checked(blob::HEADER)
        .ok_or(Status::NotAuthentic)?;
    let Header {
        deterministic,
        chunk: size,
        ..
    } = Header::decode(old).map_err(|_| Status::NotAuthentic)?;
    let kind = (deterministic, size);
    let (header, chunk) = if first {
        (author.begin(nonces, platform, &key, kind)?, rest)
    } else {
        let (header, chunk) = rest
            .split_at_mut_checked(blob::HEADER)
            .ok_or(Status::BadPayload)?;
        (author.continued(header, &key, kind)?, chunk)
    };
    let place = (request.index, request.last);
    open_chunk(&key, old, context, place, chunk)?;
    let (tag, text) = chunk.split_first_chunk_mut().ok_or(Status::Internal)?;
    let header_bytes = header.encode();
    let position = chunk_position(request.index, request.last);
    let associated: [&[u8]; 3] = [&header_bytes, context, &position];
    *tag = siv::seal(header.suite, key.secret()?.as_bytes(), associated, text)?;
    payload.drop_front(context_len)?;
    payload.drop_front(blob::HEADER)?;
    if first {
        payload.push_front(&header_bytes)?;
    } else {
        payload.drop_front(blob::HEADER)?;
    }
    Ok(KeyVersion {
        version: key.version(),
    })
}
