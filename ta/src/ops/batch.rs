//! `batch`: many small operations with one key.

use alloc::vec::Vec;

use claviger_proto::{
    Command, Place, Status,
    batch::{Batched, ITEM, Outcome, RESULT, split_item},
    command::Request,
    limits::{BATCH, BATCH_SIGNATURES, PAYLOAD},
    message::*,
};
use zeroize::Zeroizing;

use super::seal::context_len;
use crate::{Platform, Service, Session, exchange::Payload};

/// What an answer is longer than its item, at most: by a signature's bytes, or a blob's header and
/// tag.
const GROWTH: usize = 128;

/// Does the same with every item, each as its own command does, so that one that is refused costs
/// the others nothing. It ends before all are done where they would keep other callers waiting: once
/// something had to be stored, or could not be, or where the answer has no more room.
#[inline(never)]
pub(crate) fn batch<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: BatchRequest,
    payload: &mut Payload,
) -> Result<BatchResponse, Status> {
    let (command, most) = match request.work {
        Batched::Mac => (Command::Mac, BATCH),
        Batched::VerifyMac => (Command::VerifyMac, BATCH),
        Batched::Sign => (Command::Sign, BATCH_SIGNATURES),
        Batched::Seal => (Command::Seal, BATCH),
        Batched::Unseal => (Command::Unseal, BATCH),
        Batched::Reseal => (Command::Reseal, BATCH),
        _ => return Err(Status::BadHeader),
    };
    let (front, items) = payload.split(front_len(&request, command)?)?;
    let Needs { longest, answer } = needs(items)?;
    let mut work = Payload::with_room(front.len().saturating_add(longest).saturating_add(GROWTH))?;
    // Plaintexts, where blobs were opened.
    let mut results = Zeroizing::new(Vec::new());
    results
        .try_reserve_exact(answer)
        .map_err(|_| Status::OutOfMemory)?;
    let stored = service.keyring.vault.sequence();
    let mut rest = &*items;
    let mut done = 0;
    while done < most && service.keyring.vault.sequence() == stored {
        let Some((item, behind)) = split_item(rest) else {
            break;
        };
        if results.len().saturating_add(answer_len(item)) > PAYLOAD {
            break;
        }
        work.set_parts(&[front, item])?;
        let result = perform(service, session, &request, &mut work);
        let result = result.map_err(|status| service.told(status));
        let outcome = match &result {
            Ok(key) => Outcome {
                status: Status::Ok,
                version: key.version,
                bytes: work.bytes(),
            },
            Err(status) => Outcome {
                status: *status,
                version: 0,
                bytes: &[],
            },
        };
        results.extend_from_slice(&outcome.front());
        results.extend_from_slice(outcome.bytes);
        if let Err(status) = result {
            let named = request.named();
            let named = named.map(|(owner, label)| (owner, label.clone()));
            service.refused(session, command, status, named);
        }
        rest = behind;
        done = done.saturating_add(1);
        if result.is_err_and(is_of_storage) {
            break;
        }
    }
    payload.set(&results)?;
    Ok(BatchResponse {
        // At most `BATCH`.
        done: done as u32,
    })
}

/// Whether storage was asked, and will be by the next item.
const fn is_of_storage(status: Status) -> bool {
    matches!(
        status,
        Status::StorageFull
            | Status::StorageUnavailable
            | Status::StorageCorrupt
            | Status::StorageRollback
            | Status::StorageFault
            | Status::Degraded
            | Status::Incomplete
    )
}

/// Bytes before the items: a wrapped key and the context.
fn front_len(request: &BatchRequest, command: Command) -> Result<usize, Status> {
    let sealing = matches!(command, Command::Seal | Command::Unseal | Command::Reseal);
    if request.context != 0 && !sealing || request.tag != 0 && command != Command::VerifyMac {
        return Err(Status::BadHeader);
    }
    let wrapped = match request.key.place {
        Place::Wrapped { length } => length as usize,
        Place::Vault { .. } => 0,
    };
    Ok(wrapped.saturating_add(context_len(request.context)?))
}

/// How much memory the items need.
struct Needs {
    longest: usize,
    answer: usize,
}

/// # Errors
/// [`Status::BadPayload`] unless these are items and nothing else.
fn needs(items: &[u8]) -> Result<Needs, Status> {
    let mut needs = Needs {
        longest: 0,
        answer: 0,
    };
    let mut rest = items;
    while !rest.is_empty() {
        let (item, behind) = split_item(rest).ok_or(Status::BadPayload)?;
        needs.longest = needs.longest.max(item.len());
        needs.answer = needs.answer.saturating_add(answer_len(item)).min(PAYLOAD);
        rest = behind;
    }
    Ok(needs)
}

fn answer_len(item: &[u8]) -> usize {
    RESULT.saturating_add(item.len()).saturating_add(GROWTH)
}

const _: () = assert!(PAYLOAD - ITEM >= RESULT + GROWTH);

fn perform<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: &BatchRequest,
    work: &mut Payload,
) -> Result<KeyVersion, Status> {
    let key = request.key.clone();
    let (context, tag) = (request.context, request.tag);
    let (index, last) = (0, true);
    match request.work {
        Batched::Mac => super::mac(service, session, MacRequest { key }, work),
        Batched::VerifyMac => {
            let version = None;
            let request = VerifyMacRequest { key, tag, version };
            super::verify_mac(service, session, request, work)
        }
        Batched::Sign => {
            let request = SignRequest {
                key,
                prehash: false,
            };
            super::sign(service, session, request, work)
        }
        Batched::Seal => {
            let deterministic = false;
            let request = SealRequest {
                key,
                context,
                deterministic,
                index,
                last,
            };
            super::seal(service, session, request, work)
        }
        Batched::Unseal => {
            let request = UnsealRequest {
                key,
                context,
                index,
                last,
            };
            super::unseal(service, session, request, work)
        }
        Batched::Reseal => {
            let request = ResealRequest {
                key,
                context,
                index,
                last,
            };
            super::reseal(service, session, request, work)
        }
        _ => Err(Status::BadHeader),
    }
}
