mod deriving;
mod settling;
mod tightening;
mod using;

use super::*;
use crate::samples::{ALICE, BOB, BOBS_GROUP, key_of, label, new_key};
use claviger_proto::{
    Algorithm, Digits, Home, Permissions, State, Uuid, limits,
    message::{Grant, SharePolicy},
};

const CALLER: Caller = Caller::Identified(ALICE);
const ROOT: Caller = Caller::Identified(Identity::ADMINISTRATOR);

fn grant(to: Identity, may: &[Permission]) -> Grant {
    Grant {
        to,
        may: Permissions::of(may),
    }
}

/// What stands between a caller and its use of a key.
fn admit(key: &KeyRecord, caller: &Identity, permission: Permission) -> Result<(), Status> {
    permits(key, caller, permission)?;
    serves(key, caller, permission)
}

type Change = fn(&mut NewKey);
type PolicyChange = fn(&mut Policy);

const SHARES: SharePolicy = SharePolicy {
    threshold: 2,
    shares: 3,
    recipients: Digits([1; 32]),
};

fn shared(new: &mut NewKey, threshold: u8, shares: u8) {
    let keys = (1..).map(|byte| [byte; 32]).take(shares.into());
    let hash = keys.clone().fold(Sha256::new(), Digest::chain_update);
    new.recipients = keys.map(Digits).take(limits::SHARES).collect();
    new.policy.export = Export::Shares;
    new.policy.shares = Some(SharePolicy {
        threshold,
        shares,
        recipients: Digits(hash.finalize().into()),
    });
}

/// One algorithm that serves each usage.
const SERVES: [(Usage, Algorithm); 9] = [
    (Usage::Seal, Algorithm::Aes256Siv),
    (Usage::Mac, Algorithm::HmacSha256),
    (Usage::Sign, Algorithm::Ed25519),
    (Usage::Challenge, Algorithm::Aes128Cmac),
    (Usage::Encrypt, Algorithm::Aes256Gcm),
    (Usage::Agree, Algorithm::X25519),
    (Usage::Decapsulate, Algorithm::XWing),
    (Usage::Derive, Algorithm::KdfCmac),
    (Usage::Unwrap, Algorithm::Aes256Kw),
];
