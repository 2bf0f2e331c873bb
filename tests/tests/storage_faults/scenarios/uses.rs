//! Uses of keys whose uses are bounded: each reserves one, durably, before it is answered.

use claviger::{Algorithm, Status, Usage, authority::SharedKey};
use claviger_proto::{
    KeyRef, PartyName,
    message::{
        ChallengeRequest, ConfirmRequest, DecryptRequest, EncryptRequest, MacRequest,
        MacStartRequest, NewKey, ResealRequest, RespondRequest, SealRequest, SignRequest,
        UnsealRequest, VerifyMacRequest,
    },
};
use claviger_tests::{ALICE, Device, Handle, label, new_key, new_key_for};

use super::{Call, Prepared, Scenario, Tells, same};
use crate::bench::On;

/// A sixteenth is one.
const BOUND: u64 = 31;
const SECRET: [u8; 32] = [7; 32];

/// A bounded use of Alice's keys, which shows in what is left of the bound.
macro_rules! uses {
    ($($name:literal: $call:expr;)+) => {
        &[$(Scenario {
            name: $name,
            prepare: |device| prepare(device, $call),
            done: same,
            tells: Tells::With(&[]),
            status: Status::Ok,
        },)+]
    };
}

pub(super) const SCENARIOS: &[Scenario] = uses! {
    "seal": |on, _| {
        let key = key("siv");
        let request = SealRequest { key, context: 0, deterministic: false, index: 0, last: true };
        Call::new(&on.users[1], request, b"text")
    };
    "unseal": |on, made| {
        let request = UnsealRequest { key: key("siv"), context: 0, index: 0, last: true };
        Call::new(&on.users[1], request, &made.blob)
    };
    "reseal": |on, made| {
        let request = ResealRequest { key: key("siv"), context: 0, index: 0, last: true };
        Call::new(&on.users[1], request, &made.blob)
    };
    "mac": |on, _| Call::new(&on.users[1], MacRequest { key: key("mac") }, b"text");
    "verify-mac": |on, made| {
        let tag = made.tag.len() as u32;
        let request = VerifyMacRequest { key: key("mac"), tag, version: None };
        Call::new(&on.users[1], request, &[&made.tag, &b"text"[..]].concat())
    };
    "mac-start": |on, _| {
        let request = MacStartRequest { key: key("mac"), verify: false, version: None };
        Call::new(&on.users[1], request, &[])
    };
    "sign": |on, _| Call::new(&on.users[1], SignRequest { key: key("signer"), prehash: false }, b"text");
    "encrypt": |on, _| {
        Call::new(&on.users[1], EncryptRequest { key: key("gcm"), aad: 0 }, b"text")
    };
    "decrypt": |on, made| {
        let request = DecryptRequest { key: key("gcm"), aad: 0, version: None };
        Call::new(&on.users[1], request, &made.sealed)
    };
    "challenge": |on, _| {
        let request = ChallengeRequest { key: key("auth"), me: party("me"), peer: party("peer") };
        Call::new(&on.users[1], request, &[])
    };
    "respond": |on, _| {
        let (_, m1) = peer().challenge("peer", "me").unwrap();
        let request = RespondRequest { key: key("auth"), me: party("me"), peer: party("peer") };
        Call::new(&on.users[1], request, &m1)
    };
    "confirm": |on, _| {
        let m1 = on.users[1].key("auth").unwrap().challenge("me", "peer").unwrap();
        let (_, m2) = peer().respond("peer", "me", &m1).unwrap();
        let request = ConfirmRequest { key: key("auth"), session_key: false };
        Call::new(&on.users[1], request, &m2)
    };
};

/// What Alice's keys made before.
struct Made {
    blob: Vec<u8>,
    tag: Vec<u8>,
    sealed: Vec<u8>,
}

fn prepare(device: &Device, call: fn(&On, &Made) -> Call) -> Prepared {
    let alice = device.user(ALICE);
    let bounded = |mut new: NewKey| {
        new.policy.max_uses = Some(BOUND);
        Handle::import(&alice, new, &SECRET).unwrap()
    };
    let [siv, mac, gcm] = [
        ("siv", Algorithm::Aes128Siv),
        ("mac", Algorithm::HmacSha256),
        ("gcm", Algorithm::Aes256Gcm),
    ]
    .map(|(name, algorithm)| bounded(new_key(name, algorithm)));
    bounded(new_key("signer", Algorithm::Ed25519));
    bounded(new_key_for("auth", Algorithm::Aes256Cmac, Usage::Challenge));
    let make = || Made {
        blob: siv.seal(b"", b"text").unwrap(),
        tag: mac.mac(b"text").unwrap(),
        sealed: gcm.encrypt(b"", b"text").unwrap(),
    };
    let (made, known) = (make(), make());
    Prepared {
        call: Box::new(move |on| call(on, &made)),
        witness: Box::new(move |on| {
            let handle = |name| Handle::new(&on.users[1], name);
            assert_eq!(handle("siv").unseal(b"", &known.blob).unwrap(), b"text");
            handle("mac").verify(b"text", &known.tag, None).unwrap();
            let text = handle("gcm").decrypt(b"", &known.sealed, None);
            assert_eq!(text.unwrap(), b"text");
            let (pending, m1) = peer().challenge("peer", "me").unwrap();
            let auth = on.users[1].key("auth").unwrap();
            pending
                .confirm(&auth.respond("me", "peer", &m1).unwrap())
                .unwrap();
        }),
    }
}

fn key(name: &str) -> KeyRef {
    label(name).into()
}

fn party(name: &str) -> PartyName {
    PartyName::try_from(name).unwrap()
}

fn peer() -> SharedKey {
    SharedKey::new(&SECRET).unwrap()
}
