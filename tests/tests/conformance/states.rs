//! States of keys (NIST SP 800-57 Part 1 Rev. 5, section 7): every use in every state, by a key's
//! owner and by whoever is granted it. (The transitions are in `life`.)

use claviger::{
    Algorithm, Client, Error, Export, Home, State, Status, Usage, identity::uid_identity,
};
use claviger_proto::message::{
    ChallengeRequest, CombineRequest, Grant, Output, Source, SourceKind, WrapRequest,
};
use claviger_tests::{ALICE, BOB, Device, Handle, hex, label, new_key, new_key_for, status};

use State::{Active, Compromised, Deactivated, Destroyed, Suspended};

/// What is protected while a key is active, and a use of the key for each thing that it may do.
struct Protected {
    blob: Vec<u8>,
    tag: Vec<u8>,
    sealed: Vec<u8>,
    wrapped: Vec<u8>,
    ciphertext: Vec<u8>,
}

type Use = fn(&Handle, &Protected) -> Result<(), Error>;

/// Every use, by the key that it needs, and whether it processes what was protected before.
const USES: [(Usage, bool, Use); 15] = [
    (Usage::Seal, false, |key, _| key.seal(b"", b"x").map(drop)),
    (Usage::Seal, true, |key, was| {
        key.unseal(b"", &was.blob).map(drop)
    }),
    // Both: what it opens was protected before, what it seals is new.
    (Usage::Seal, false, |key, was| {
        key.reseal(b"", &was.blob).map(drop)
    }),
    (Usage::Mac, false, |key, _| key.mac(b"message").map(drop)),
    (Usage::Mac, true, |key, was| {
        key.verify(b"message", &was.tag, None)
    }),
    (Usage::Sign, false, |key, _| key.sign(&[7; 32]).map(drop)),
    (Usage::Challenge, false, |key, _| {
        let request = ChallengeRequest {
            key: key.key.clone(),
            me: label("a"),
            peer: label("b"),
        };
        key.ask(&request, &[]).map(drop)
    }),
    (Usage::Encrypt, false, |key, _| {
        key.encrypt(b"", b"x").map(drop)
    }),
    (Usage::Encrypt, true, |key, was| {
        key.decrypt(b"", &was.sealed, None).map(drop)
    }),
    (Usage::Agree, false, |key, _| {
        combine(key, SourceKind::Agree, &BASE_POINT)
    }),
    (Usage::Decapsulate, true, |key, was| {
        combine(key, SourceKind::Decapsulate, &was.ciphertext)
    }),
    (Usage::Derive, false, |key, _| {
        combine(key, SourceKind::Key, &[])
    }),
    (Usage::Derive, false, |key, _| {
        key.child("c").derive_bytes(32).map(drop)
    }),
    // The use of a child is a use of its parent.
    (Usage::Derive, false, |key, _| {
        key.child("c").mac(b"message").map(drop)
    }),
    (Usage::Unwrap, true, |key, was| {
        let mut new = new_key("unwrapped", Algorithm::Aes128Cmac);
        new.home = Home::Wrapped;
        key.unwrap(false, &was.wrapped, new).map(drop)
    }),
];

/// The u coordinate 9 of RFC 7748.
const BASE_POINT: [u8; 32] = {
    let mut point = [0; 32];
    point[0] = 9;
    point
};

fn combine(key: &Handle, kind: SourceKind, bytes: &[u8]) -> Result<(), Error> {
    let source = Source {
        kind,
        key: Some(key.key.clone()),
        version: None,
        algorithm: None,
        bytes: bytes.len() as u32,
    };
    key.ask(&secret_of(source), &[bytes]).map(drop)
}

/// Asks for 32 bytes of one source.
fn secret_of(source: Source) -> CombineRequest {
    CombineRequest {
        sources: [source].into_iter().collect(),
        salt: 0,
        info: 0,
        output: Output {
            new: None,
            length: 32,
        },
    }
}

/// 16 bytes under the key-encryption key of 32 sevens (RFC 3394), made with Python's cryptography:
/// `aes_key_wrap(bytes([7] * 32), bytes([9] * 16)).hex()`.
const WRAPPED: &str = "0740e6e2fb836ccf5adec0b4b79d6d4160c6b5c3936b1bcd";

/// A key of each usage by which it is named; its bytes do not matter but for unwrapping.
fn make_keys(client: &Client) {
    for (algorithm, usage) in [
        (Algorithm::Aes256Siv, Usage::Seal),
        (Algorithm::HmacSha256, Usage::Mac),
        (Algorithm::EcdsaP256, Usage::Sign),
        (Algorithm::Aes128Cmac, Usage::Challenge),
        (Algorithm::Aes256Gcm, Usage::Encrypt),
        (Algorithm::X25519, Usage::Agree),
        (Algorithm::MlKem768, Usage::Decapsulate),
        (Algorithm::KdfCmac, Usage::Derive),
        (Algorithm::Aes256Kw, Usage::Unwrap),
    ] {
        let mut new = new_key_for(usage.name(), algorithm, usage);
        if usage == Usage::Derive {
            new.children = Some(Algorithm::HmacSha256);
        }
        new.policy.export_derived =
            matches!(usage, Usage::Agree | Usage::Decapsulate | Usage::Derive);
        let to = uid_identity(BOB);
        let may = usage.permissions();
        new.policy.grants.push(Grant { to, may }).unwrap();
        if usage == Usage::Unwrap {
            Handle::import(client, new, &[7; 32]).unwrap();
        } else {
            Handle::generate(client, new).unwrap();
        }
    }
}

/// Whether a state lets a key produce, and process: for its owner and for others.
const SERVES: [(State, [[bool; 2]; 2]); 5] = [
    (Active, [[true, true], [true, true]]),
    (Suspended, [[false, true], [false, true]]),
    (Deactivated, [[false, true], [false, true]]),
    (Compromised, [[false, true], [false, false]]),
    (Destroyed, [[false, false], [false, false]]),
];

#[test]
fn a_state_serves_its_part() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    make_keys(&alice);
    let hers = |usage: Usage| Handle::new(&alice, usage.name());
    let kem = hers(Usage::Decapsulate).public_key(None).unwrap();
    let protected = Protected {
        blob: hers(Usage::Seal).seal(b"", b"x").unwrap(),
        tag: hers(Usage::Mac).mac(b"message").unwrap(),
        sealed: hers(Usage::Encrypt).encrypt(b"", b"x").unwrap(),
        wrapped: hex(WRAPPED),
        ciphertext: encapsulate(&alice, &kem),
    };
    let mut tried = 0;
    for (state, [own, others]) in SERVES {
        for usage in Usage::ALL {
            let key = hers(*usage);
            let before = key.describe().unwrap().state;
            if before != state {
                key.set_state(state).unwrap();
            }
        }
        for (usage, processes, act) in USES {
            let granted = Handle::of(&bob, uid_identity(ALICE), usage.name());
            for (who, serves) in [(hers(usage), own), (granted, others)] {
                let done = act(&who, &protected);
                if serves[usize::from(processes)] {
                    assert!(done.is_ok(), "{state:?} {usage:?}: {done:?}");
                } else {
                    assert_eq!(status(done), Status::WrongState, "{state:?} {usage:?}");
                }
                tried += 1;
            }
        }
        if state != Active {
            assert_eq!(status(hers(Usage::Mac).rotate()), Status::WrongState);
        }
        // What concerns no use goes on: looking, and the way onward.
        for usage in [Usage::Sign, Usage::Agree, Usage::Decapsulate] {
            let public = hers(usage).public_key(None);
            if state == Destroyed {
                assert_eq!(status(public), Status::WrongState);
            } else {
                public.unwrap();
            }
        }
    }
    assert_eq!(tried, 5 * 15 * 2);
    assert!(hers(Usage::Mac).describe().unwrap().versions.is_empty());
}

/// A secret for the holder of this public key.
fn encapsulate(client: &Client, public: &[u8]) -> Vec<u8> {
    let source = Source {
        kind: SourceKind::Encapsulate,
        key: None,
        version: None,
        algorithm: Some(Algorithm::MlKem768),
        bytes: public.len() as u32,
    };
    let (made, bytes) = client.request(&secret_of(source), public).unwrap();
    bytes[..made.ciphertext as usize].to_vec()
}

/// Before it is activated a key does nothing for anybody.
#[test]
fn a_key_that_waits_serves_nothing() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let mut new = new_key("key", Algorithm::HmacSha256);
    new.pre_activation = true;
    let to = uid_identity(BOB);
    let may = Usage::Mac.permissions();
    new.policy.grants.push(Grant { to, may }).unwrap();
    new.policy.export = Export::Wrapped;
    let key = Handle::generate(&alice, new).unwrap();
    for who in [&key, &Handle::of(&bob, uid_identity(ALICE), "key")] {
        assert_eq!(status(who.mac(b"m")), Status::WrongState);
        assert_eq!(status(who.verify(b"m", &[0; 32], None)), Status::WrongState);
    }
    assert_eq!(status(key.rotate()), Status::WrongState);
    let wrap = WrapRequest {
        key: key.key.clone(),
        family: None,
    };
    assert_eq!(status(key.ask(&wrap, &[])), Status::WrongState);
}
