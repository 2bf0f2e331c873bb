//! Fields of one genuine artefact in another genuine one: whatever is signed, sealed or committed to
//! binds all its fields ([`claviger_proto::formats`]).

use claviger_proto::{
    audit::{Checkpoint, SIGNATURE},
    ratchet,
    shares::{ENCAPSULATED, Manifest, RestoreRequest, split_signed},
};
use claviger_ta::crypto::{kdf, mac};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};

use super::{
    restores::{give, start_as, two_of_three},
    shares::{Given, device_of, holders, open, seal_to, seal_to_holder, share, shared_key},
    *,
};

/// Every way to take one of these parts from the other artefact, where the two differ in it.
fn swaps<'a>(one: &'a [&[u8]], other: &'a [&[u8]]) -> impl Iterator<Item = (usize, Vec<u8>)> + 'a {
    assert_eq!(one.len(), other.len());
    (0..one.len())
        .filter(|at| one[*at] != other[*at])
        .map(|at| {
            let mut parts = one.to_vec();
            parts[at] = other[at];
            (at, parts.concat())
        })
}

/// Parts bytes at these lengths; what is left is the last.
fn parts<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    for length in lengths {
        let (part, rest) = bytes.split_at(*length);
        parts.push(part);
        bytes = rest;
    }
    parts.push(bytes);
    parts
}

/// Where the fields of a manifest begin: front, set, owner, label, id, algorithm, usage, children,
/// export_derived, permissions, context, level, rotation twice, grants, threshold, shares,
/// recipients, number of versions, version, length, check value, device, commitments.
const MANIFEST: &[usize] = &[
    8, 16, 17, 7, 16, 1, 1, 1, 1, 2, 4, 4, 8, 8, 1, 1, 1, 32, 1, 4, 1, 5, 65, 32, 32,
];

fn shared(bench: &mut Bench, new: NewKey, who: Identity) -> Given {
    let holders = holders(2);
    bench.ask(who, &GenerateRequest { new }).unwrap();
    share(bench, who, "backup", &holders).unwrap()
}

#[test]
fn fields_of_two_manifests() {
    let holders = holders(2);
    let (mut bench, mut target) = (Bench::new(), Bench::new());
    let one = shared_key(Algorithm::Aes256Cmac, 2, &holders);
    let mut other = shared_key(Algorithm::HkdfSha256, 2, &holders);
    other.children = Some(Algorithm::Aes256Ccm);
    other.policy.min_context = 1;
    other.policy.rotate_after_uses = Some(9);
    other.policy.export_derived = true;
    let [one, other] = [(one, ALICE), (other, BOB)].map(|(new, who)| shared(&mut bench, new, who));
    let device = device_of(&mut bench);
    let fields = [&one, &other].map(|given| parts(&given.signed, MANIFEST));
    let mut swapped = 0;
    for (at, signed) in swaps(&fields[0], &fields[1]) {
        let refused = start_as(&mut target, CAROL, &signed, &device).err();
        assert_eq!(refused, Some(Status::NotAuthentic), "field {at}");
        swapped += 1;
    }
    assert!(swapped >= 12, "{swapped}");
    start_as(&mut target, CAROL, &one.signed, &device).unwrap();
}

fn is_signed(device: &[u8], bytes: &[u8]) -> bool {
    let (covered, signature) = bytes.split_last_chunk::<SIGNATURE>().unwrap();
    let key = VerifyingKey::from_sec1_bytes(device).unwrap();
    Signature::from_slice(signature).is_ok_and(|one| key.verify(covered, &one).is_ok())
}

#[test]
fn fields_of_two_requests() {
    let holders = holders(2);
    let mut bench = Bench::new();
    let device = device_of(&mut bench);
    let asked = [ALICE, BOB].map(|who| {
        let new = shared_key(Algorithm::Aes256Cmac, 2, &holders);
        let given = shared(&mut bench, new, who);
        let key = key_ref("backup");
        bench.ask(who, &DeleteRequest { key }).unwrap();
        let named = claviger_ta::shares::fingerprint(&given.manifest.device);
        let start = RestoreStartRequest { device: named };
        bench.call(who, &start, &given.signed).unwrap().1
    });
    let request: &[usize] = &[8, 16, 32, 17, 32, 65];
    let fields = [&asked[0], &asked[1]].map(|bytes| parts(bytes, request));
    assert!(asked.iter().all(|bytes| is_signed(&device, bytes)));
    let mut swapped = 0;
    for (at, bytes) in swaps(&fields[0], &fields[1]) {
        assert!(!is_signed(&device, &bytes), "field {at}");
        swapped += 1;
    }
    assert!(swapped >= 5, "{swapped}");
    let (covered, _) = split_signed(&asked[0]).unwrap();
    assert!(RestoreRequest::decode(covered).is_some() && Manifest::decode(covered).is_none());
}

/// Where the fields of a checkpoint begin: front, vault, log, boot, time, oldest record kept, records,
/// head, length of the nonce; behind them nonce and signature.
const CHECKPOINT: [usize; 9] = [8, 16, 17, 4, 8, 8, 8, 32, 1];

/// A checkpoint of this caller's log, after so many changes there.
fn checkpoint(bench: &mut Bench, who: Identity, changes: usize, nonce: &[u8]) -> Vec<u8> {
    for _ in 0..changes {
        let new = new_key("k", Algorithm::Aes256Siv);
        bench.ask(who, &GenerateRequest { new }).unwrap();
        let key = key_ref("k");
        bench.ask(who, &DeleteRequest { key }).unwrap();
    }
    let (of, shared) = (None, false);
    let request = AuditCheckpointRequest { of, shared };
    bench.call(who, &request, nonce).unwrap().1
}

/// Whatever fields are taken from the other, together too, only the genuine ones are signed.
fn only_the_genuine_are_signed(device: &[u8], one: &[u8], other: &[u8], genuine: &[&[u8]]) {
    let [fields, others] = [one, other].map(|bytes| {
        let nonce = usize::from(bytes[CHECKPOINT.iter().sum::<usize>() - 1]);
        parts(bytes, &[&CHECKPOINT[..], &[nonce]].concat())
    });
    for taken in 0_u32..1 << fields.len() {
        let of = |at: usize| {
            if taken >> at & 1 == 1 {
                &others
            } else {
                &fields
            }
        };
        let bytes: Vec<u8> = (0..fields.len())
            .flat_map(|at| of(at)[at])
            .copied()
            .collect();
        let expected = genuine.contains(&&*bytes);
        assert_eq!(is_signed(device, &bytes), expected, "fields {taken:b}");
    }
}

#[test]
fn fields_of_two_checkpoints() {
    let mut bench = Bench::new();
    let device = device_of(&mut bench);
    let one = checkpoint(&mut bench, ALICE, 1, &[7; 16]);
    // Time has seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    bench.reboot();
    let other = checkpoint(&mut bench, BOB, 40, &[8; 32]);
    let [a, b] = [&one, &other].map(|bytes| Checkpoint::decode(bytes).unwrap().0);
    assert!(a.vault == b.vault && a.of != b.of && a.boot != b.boot && a.time != b.time);
    assert!(a.first == 0 && b.first > 0 && a.records == 2 && b.records == 80);
    only_the_genuine_are_signed(&device, &one, &other, &[&one, &other]);

    // Another vault, with another key.
    let elsewhere = checkpoint(&mut Bench::new(), CAROL, 40, &[9; 8]);
    let (c, _) = Checkpoint::decode(&elsewhere).unwrap();
    assert!(c.vault != a.vault && c.first > 0);
    only_the_genuine_are_signed(&device, &one, &elsewhere, &[&one]);
    // And the same vault later.
    let later = checkpoint(&mut bench, ALICE, 1, &[7; 16]);
    only_the_genuine_are_signed(&device, &one, &later, &[&one, &later]);
}

#[test]
fn fields_of_two_blobs_and_two_wrapped_keys() {
    let mut bench = Bench::new();
    for label in ["one", "other"] {
        let new = new_key(label, Algorithm::Aes256Siv);
        bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    }
    let seal = |bench: &mut Bench, key: &str, deterministic| {
        let request = SealRequest {
            key: key_ref(key),
            context: 7,
            deterministic,
            index: 0,
            last: true,
        };
        bench.call(ALICE, &request, b"contextsecret").unwrap().1
    };
    let blob = seal(&mut bench, "one", false);
    // magic, format, suite, flags, reserved, key id, version, chunk size, nonce, V, C
    let lengths: &[usize] = &[4, 1, 1, 1, 1, 16, 4, 4, 16, 16];
    let unseal = |bench: &mut Bench, bytes: &[u8]| {
        let request = UnsealRequest {
            key: key_ref("one"),
            context: 7,
            index: 0,
            last: true,
        };
        let payload = [b"context", bytes].concat();
        bench.call(ALICE, &request, &payload).map(|(_, text)| text)
    };
    assert_eq!(unseal(&mut bench, &blob).unwrap(), b"secret");
    for (key, deterministic) in [("one", false), ("one", true), ("other", false)] {
        let other = seal(&mut bench, key, deterministic);
        let fields = [&blob, &other].map(|bytes| parts(bytes, lengths));
        for (at, bytes) in swaps(&fields[0], &fields[1]) {
            assert_eq!(
                unseal(&mut bench, &bytes),
                Err(Status::NotAuthentic),
                "{at}"
            );
        }
    }

    // Wrapped keys: V of one, C of the other.
    let wrapped = |bench: &mut Bench, label: &str| {
        let mut new = new_key(label, Algorithm::Aes256Cmac);
        new.home = Home::Wrapped;
        bench.call(ALICE, &GenerateRequest { new }, b"").unwrap().1
    };
    let [one, other] = ["a", "b"].map(|label| wrapped(&mut bench, label));
    let fields = [&one, &other].map(|bytes| parts(bytes, &[8, 16]));
    for (at, bytes) in swaps(&fields[0], &fields[1]) {
        let key = format!("@{}", bytes.len());
        assert_eq!(bench.mac(&key, &bytes), Err(Status::NotAuthentic), "{at}");
    }
    assert!(bench.mac(&format!("@{}", one.len()), &one).is_ok());
}

#[test]
fn fields_of_two_exchanges() {
    let mut bench = Bench::new();
    let mut new = new_key("auth", Algorithm::Aes256Cmac);
    new.usage = Some(claviger_proto::Usage::Challenge);
    new.policy = Policy::of(claviger_proto::Usage::Challenge);
    bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    let party = |name: &str| claviger_proto::PartyName::try_from(name).unwrap();
    let (key, a, b) = (key_ref("auth"), party("a"), party("b"));
    let exchange = |bench: &mut Bench| {
        let challenge = ChallengeRequest {
            key: key.clone(),
            me: b.clone(),
            peer: a.clone(),
        };
        let (_, m1) = bench.call(ALICE, &challenge, b"").unwrap();
        let respond = RespondRequest {
            key: key.clone(),
            me: a.clone(),
            peer: b.clone(),
        };
        bench.call(ALICE, &respond, &m1).unwrap().1
    };
    let confirm = |bench: &mut Bench, message: &[u8]| {
        let confirm = ConfirmRequest {
            key: key.clone(),
            session_key: false,
        };
        bench.call(ALICE, &confirm, message).map(|(_, m3)| m3)
    };
    // M2: magic, R_B, R_A, T_A; and M3 alike.
    for third in [false, true] {
        for at in 1..4 {
            let messages = [(); 2].map(|()| exchange(&mut bench));
            let messages = if third {
                messages.map(|m2| confirm(&mut bench, &m2).unwrap())
            } else {
                messages
            };
            let fields = [&messages[0], &messages[1]].map(|bytes| parts(bytes, &[4, 16, 16]));
            let (_, bytes) = swaps(&fields[0], &fields[1])
                .find(|(one, _)| *one == at)
                .unwrap();
            let refused = confirm(&mut bench, &bytes).err();
            let expected = [Status::NotAuthentic, Status::NoChallenge];
            assert!(refused.is_some_and(|one| expected.contains(&one)), "{at}");
        }
    }
    let genuine = exchange(&mut bench);
    assert!(confirm(&mut bench, &genuine).is_ok());
}

/// The token that a holder of this ratcheted key makes, of version 1.
fn token(secret: &[u8; 32], from: u32, to: u32) -> Vec<u8> {
    let mut key = secret.to_vec();
    let derive = |key: &[u8], label, number: u32| {
        kdf::derive_alike(key, label, &number.to_be_bytes())
            .map(|secret| secret.as_bytes().to_vec())
    };
    for number in 2..=from {
        key = derive(&key, ratchet::LABEL, number).unwrap();
    }
    let proof = derive(&key, ratchet::EPOCH_LABEL, from).unwrap();
    let covered = ratchet::Token::covered(from, to);
    let tag = mac::cmac(&proof, &covered).unwrap();
    [&covered[..], tag.as_bytes()].concat()
}

/// Tokens of one key between other epochs, and of another key between the same.
#[test]
fn fields_of_two_tokens() {
    let secret = [7; 32];
    let mut bench = Bench::new();
    let mut new = new_key("one", Algorithm::Aes256Cmac);
    new.ratchet = true;
    bench.call(ALICE, &ImportRequest { new }, &secret).unwrap();
    let mut catch_up = |token: &[u8]| {
        let key = key_ref("one");
        let caught = bench.call(ALICE, &CatchUpRequest { key }, token);
        caught.map(|(key, _)| key.version)
    };
    let genuine = [(1, 2), (1, 3), (2, 3)].map(|(from, to)| token(&secret, from, to));
    let others = [(1, 2), (1, 4), (3, 4)].map(|(from, to)| token(&[8; 32], from, to));
    // magic, from, to, tag
    let lengths: &[usize] = &[4, 4, 4];
    let mut swapped = 0;
    for one in &genuine {
        for other in genuine.iter().chain(&others) {
            let fields = [one, other].map(|bytes| parts(bytes, lengths));
            for (at, bytes) in swaps(&fields[0], &fields[1]) {
                let refused = catch_up(&bytes);
                assert!(refused.is_err(), "field {at}");
                swapped += 1;
            }
        }
    }
    assert!(swapped >= 30, "{swapped}");
    assert_eq!(catch_up(&genuine[0]), Ok(2));
    assert_eq!(catch_up(&genuine[2]), Ok(3));
}

/// The parts of two encryptions of one text to one holder, and to one request.
#[test]
fn parts_of_two_encryptions_of_one_share() {
    let (_, holders, given) = two_of_three();
    let text = open(&given, 1, &holders[0]).unwrap();
    let parts_of = |sealed: &[u8]| {
        let parts = parts(sealed, &[ENCAPSULATED, text.len()]);
        parts.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let mut again = given.clone();
    let exchange = |sealed: [Vec<u8>; 2], opens: &mut dyn FnMut(&[u8]) -> bool| {
        assert!(opens(&sealed[0]));
        let [one, other] = sealed.map(|sealed| parts_of(&sealed));
        let one: Vec<&[u8]> = one.iter().map(Vec::as_slice).collect();
        let other: Vec<&[u8]> = other.iter().map(Vec::as_slice).collect();
        let mut swapped = 0;
        for (at, bytes) in swaps(&one, &other) {
            assert!(!opens(&bytes), "{at}");
            swapped += 1;
        }
        assert_eq!(swapped, 3);
    };
    let sealed = [(); 2].map(|()| seal_to_holder(&given.manifest, 1, &holders[0], &text));
    exchange(sealed, &mut |sealed| {
        again.shares[0] = sealed.to_vec();
        open(&again, 1, &holders[0]).is_ok()
    });
    let device = given.manifest.device;
    for at in 0..3 {
        let mut target = Bench::new();
        let waiting = start_as(&mut target, ALICE, &given.signed, &device).unwrap();
        let sealed = [(); 2].map(|()| seal_to(&waiting.request, 1, &text));
        let [mut one, other] = sealed.map(|sealed| parts_of(&sealed));
        one[at] = other[at].clone();
        let refused = give(&mut target, &waiting, 1, &one.concat());
        assert_eq!(refused.err(), Some(Status::NotAuthentic), "{at}");
        let genuine = seal_to(&waiting.request, 1, &text);
        assert!(give(&mut target, &waiting, 1, &genuine).is_ok());
    }
}
