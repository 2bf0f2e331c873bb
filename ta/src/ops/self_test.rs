//! `self-test`.

use claviger_proto::{Status, message::*};

use crate::{Platform, Service, Session, crypto::known_answers, exchange::Payload, platform::text};

/// Known answers of every primitive.
#[inline(never)]
pub(crate) fn self_test<P: Platform>(
    _service: &mut Service<P>,
    _session: &mut Session,
    _request: SelfTestRequest,
    payload: &mut Payload,
) -> Result<SelfTestResponse, Status> {
    payload.expect_empty()?;
    let mut results = heapless::Vec::new();
    for (primitive, compute) in known_answers::ALL {
        let result = SelfTestResult {
            primitive: text(primitive),
            passed: compute() == Ok(true),
        };
        results.push(result).map_err(|_| Status::Internal)?;
    }
    Ok(SelfTestResponse { results })
}
