//! `unseal`: one chunk of a blob.

use claviger_proto::{
    Status, Usage,
    blob::{self, Header, Suite, chunk_position},
    limits::CONTEXT,
    message::*,
};

use crate::{Platform, Service, Session, crypto::siv, exchange::Payload, policy};

/// Opens one chunk. Whatever is wrong with the blob, the answer is [`Status::NotAuthentic`].
#[inline(never)]
pub(crate) fn unseal<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: UnsealRequest,
    payload: &mut Payload,
) -> Result<KeyVersion, Status> {
    let Service {
        vault, platform, ..
    } = service;
    let key = policy::usable(vault, platform, &session.caller, &request.key, Usage::Seal)?;
    let context_len = request.context as usize;
    if context_len > CONTEXT {
        return Err(Status::BadPayload);
    }
    let (context, blob) = payload.split(context_len)?;
    let (header_bytes, chunk) = blob
        .split_at_mut_checked(blob::HEADER)
        .ok_or(Status::NotAuthentic)?;
    let (tag, text) = chunk.split_first_chunk_mut().ok_or(Status::NotAuthentic)?;
    let header = Header::decode(header_bytes).map_err(|_| Status::NotAuthentic)?;
    let size = header.chunk as usize;
    let possible = Suite::of(key.algorithm) == Some(header.suite)
        && header.key == key.id
        && header.version == key.version
        && if request.last {
            text.len() <= size
        } else {
            text.len() == size
        }
        && (request.index == 0 || !text.is_empty());
    if !possible {
        return Err(Status::NotAuthentic);
    }
    let position = chunk_position(request.index, request.last);
    let associated: [&[u8]; 3] = [header_bytes, context, &position];
    siv::open(header.suite, key.secret.as_bytes(), associated, *tag, text)?;
    payload.drop_front(context_len)?;
    payload.drop_front(blob::HEADER)?;
    payload.drop_front(blob::TAG)?;
    Ok(KeyVersion {
        version: key.version,
    })
}
