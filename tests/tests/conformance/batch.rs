//! Many operations in one call do what each does alone.

use claviger::{
    Algorithm, Client, Error, Key, Permission, Status, audit::LogOf, identity::uid_identity,
};
use claviger_proto::{
    batch::{Batched, Outcome},
    blob, limits,
    message::BatchRequest,
};
use claviger_tests::{
    ALICE, BOB, Device,
    frames::{header, send_command},
    label, status,
};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm};

fn messages(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| vec![n as u8; n % 40]).collect()
}

fn all<T>(results: Vec<Result<T, Error>>) -> Vec<T> {
    results.into_iter().map(Result::unwrap).collect()
}

/// `context` and items as a batch's payload has them.
fn payload(context: &[u8], items: &[&[u8]]) -> Vec<u8> {
    let mut payload = context.to_vec();
    for item in items {
        payload.extend((item.len() as u32).to_be_bytes());
        payload.extend(*item);
    }
    payload
}

fn ask(name: &str, work: Batched) -> BatchRequest {
    BatchRequest {
        work,
        key: label(name).into(),
        context: 0,
        tag: 0,
    }
}

/// The statuses of the items that were done.
fn done(client: &Client, request: &BatchRequest, items: &[&[u8]]) -> Vec<Status> {
    let (response, bytes) = client.request(request, &payload(b"", items)).unwrap();
    let mut rest = &bytes[..];
    let mut statuses = Vec::new();
    while let Some((outcome, behind)) = Outcome::split(rest) {
        statuses.push(outcome.status);
        rest = behind;
    }
    assert_eq!(rest, b"");
    assert_eq!(statuses.len(), response.done as usize);
    statuses
}

#[test]
fn every_item_is_what_it_is_alone() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let messages = messages(20);
    for algorithm in [Algorithm::Aes128Cmac, Algorithm::HmacSha256] {
        let key = alice.generate(algorithm.name(), algorithm).unwrap();
        let tags = all(key.mac_batch(&messages).unwrap());
        for (message, tag) in messages.iter().zip(&tags) {
            assert_eq!(*tag, key.mac(message).unwrap());
        }
        let pairs: Vec<_> = messages.iter().zip(&tags).collect();
        all(key.verify_mac_batch(&pairs).unwrap());
    }
    for (algorithm, by) in [
        (
            Algorithm::EcdsaP256,
            &ECDSA_P256_SHA256_FIXED as &'static dyn VerificationAlgorithm,
        ),
        (Algorithm::Ed25519, &ED25519),
    ] {
        let key = alice.generate(algorithm.name(), algorithm).unwrap();
        let public = UnparsedPublicKey::new(by, key.public_key().unwrap().raw());
        let signatures = all(key.sign_batch(&messages).unwrap());
        assert_eq!(signatures.len(), messages.len());
        for (message, signature) in messages.iter().zip(&signatures) {
            assert_eq!(signature.version(), 1);
            public.verify(message, signature.raw()).unwrap();
        }
    }
    let key = alice.generate("siv", Algorithm::Aes256Siv).unwrap();
    let blobs = all(key.seal_batch(b"context", &messages).unwrap());
    assert_eq!(all(key.unseal_batch(b"context", &blobs).unwrap()), messages);
    for (message, blob) in messages.iter().zip(&blobs) {
        assert_eq!(key.unseal(b"context", blob).unwrap(), *message);
    }
    let key = key.rotate().unwrap();
    let moved = all(key.reseal_batch(b"context", &blobs).unwrap());
    key.retire(1).unwrap();
    assert_eq!(all(key.unseal_batch(b"context", &moved).unwrap()), messages);
}

#[test]
fn what_is_refused_costs_the_others_nothing() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let key = alice.generate("mac", Algorithm::Aes128Cmac).unwrap();
    let messages = messages(12);
    let mut tags = all(key.mac_batch(&messages).unwrap());
    tags[3][0] ^= 1;
    // As short as no tag is: it cannot go with the others.
    tags[7].pop();
    let pairs: Vec<_> = messages.iter().zip(&tags).collect();
    for (number, result) in key
        .verify_mac_batch(&pairs)
        .unwrap()
        .into_iter()
        .enumerate()
    {
        match number {
            3 | 7 => assert_eq!(status(result), Status::NotAuthentic),
            _ => result.unwrap(),
        }
    }
    let key = alice.generate("siv", Algorithm::Aes128Siv).unwrap();
    let mut blobs = all(key.seal_batch(b"", &messages).unwrap());
    blobs[0][blob::HEADER] ^= 1;
    blobs[5].truncate(blob::HEADER);
    blobs[9] = b"no blob".to_vec();
    let opened = key.unseal_batch(b"", &blobs).unwrap();
    for (number, (result, message)) in opened.into_iter().zip(&messages).enumerate() {
        match number {
            0 | 5 => assert_eq!(status(result), Status::NotAuthentic),
            9 => assert!(matches!(result, Err(Error::Blob(_)))),
            _ => assert_eq!(result.unwrap(), *message),
        }
    }
    assert!(status_of_all(
        &key.unseal_batch(b"other", &blobs[1..4]).unwrap(),
        Status::NotAuthentic
    ));
}

fn status_of_all<T>(results: &[Result<T, Error>], wanted: Status) -> bool {
    let is =
        |result: &Result<T, Error>| matches!(result, Err(Error::Ta(status)) if *status == wanted);
    !results.is_empty() && results.iter().all(is)
}

#[test]
fn more_than_one_call_carries() {
    let device = Device::fresh();
    // A message that is too long for one call takes a session more, of whoever runs this.
    let root = device.user(0);
    let key = root.generate("mac", Algorithm::Aes128Cmac).unwrap();
    let mut messages = messages(3 * limits::BATCH / 2);
    messages[40] = vec![1; limits::PAYLOAD];
    messages[41] = vec![2; limits::PAYLOAD + 1];
    messages[42] = vec![3; limits::PAYLOAD / 2];
    messages[43] = vec![4; limits::PAYLOAD / 2];
    let tags = all(key.mac_batch(&messages).unwrap());
    assert_eq!(tags.len(), messages.len());
    for place in [0, 39, 40, 41, 42, 43, 44, limits::BATCH, messages.len() - 1] {
        assert_eq!(tags[place], key.mac(&messages[place]).unwrap(), "{place}");
    }
    let key = root.generate("siv", Algorithm::Aes256Siv).unwrap();
    let texts = [
        vec![1; limits::CHUNK],
        vec![2; 3 * limits::CHUNK],
        vec![3; 9],
    ];
    let blobs = all(key.seal_batch(b"", &texts).unwrap());
    assert_eq!(all(key.unseal_batch(b"", &blobs).unwrap()), texts);
    let nothing: [&[u8]; 0] = [];
    assert!(key.seal_batch(b"", &nothing).unwrap().is_empty());
}

/// A call ends before it keeps others waiting.
#[test]
fn one_call_does_so_much() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    alice.generate("mac", Algorithm::Aes128Cmac).unwrap();
    alice.generate("sign", Algorithm::EcdsaP256).unwrap();
    let many = vec![&[][..]; limits::BATCH + 1];
    assert_eq!(
        done(&alice, &ask("mac", Batched::Mac), &many).len(),
        limits::BATCH
    );
    let many = vec![&[7; 32][..]; limits::BATCH_SIGNATURES + 1];
    let signed = done(&alice, &ask("sign", Batched::Sign), &many);
    assert_eq!(signed, vec![Status::Ok; limits::BATCH_SIGNATURES]);
    // What is stored ends it: here a reservation of four uses at a time.
    let counted = alice.create("counted").algorithm(Algorithm::Aes128Cmac);
    counted.max_uses(64).generate().unwrap();
    let items = vec![&b"x"[..]; 10];
    let request = ask("counted", Batched::Mac);
    let counts = [0; 3].map(|_| done(&alice, &request, &items).len());
    assert_eq!(counts, [1, 4, 4]);
}

#[test]
fn every_item_counts() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let counted = alice.create("counted").algorithm(Algorithm::HmacSha256);
    let key = counted.max_uses(10).generate().unwrap();
    let results = key.mac_batch(&messages(14)).unwrap();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
    assert!(status_of_all(&results[10..], Status::UsesExhausted));
}

#[test]
fn keys_of_every_place() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let messages = messages(9);
    let check = |key: &Key| {
        let tags = all(key.mac_batch(&messages).unwrap());
        for (message, tag) in messages.iter().zip(&tags) {
            assert_eq!(*tag, key.mac(message).unwrap());
        }
    };
    let wrapped = alice.create("wrapped").algorithm(Algorithm::Aes256Cmac);
    check(&wrapped.wrapped().generate().unwrap());
    let parent = alice.create("parent").algorithm(Algorithm::KdfCmac);
    let parent = parent.children(Algorithm::HmacSha256).generate().unwrap();
    check(&parent.child("a/b").unwrap());
    let granted = alice.create("granted").algorithm(Algorithm::Aes128Cmac);
    let granted = granted.grant(uid_identity(BOB), &[Permission::Mac]);
    granted.generate().unwrap();
    let theirs = bob.key_of(uid_identity(ALICE), "granted").unwrap();
    check(&theirs);
    let pair = [(b"message", [0; 16])];
    assert!(status_of_all(
        &theirs.verify_mac_batch(&pair).unwrap(),
        Status::NotPermitted
    ));
    let request = ask("granted", Batched::Mac);
    assert_eq!(done(&bob, &request, &[b"x", b"y"]), [Status::NotFound; 2]);
}

#[test]
fn what_is_no_batch_is_refused_whole() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    alice.generate("mac", Algorithm::Aes128Cmac).unwrap();
    alice.generate("siv", Algorithm::Aes128Siv).unwrap();
    let send = |request: &BatchRequest, payload: &[u8]| {
        send_command(
            &alice,
            claviger::proto::Command::Batch,
            &header(request),
            payload,
        )
    };
    let request = ask("mac", Batched::Mac);
    assert_eq!(send(&request, b""), Status::Ok);
    for bytes in [
        &[0, 0, 0][..],
        &[0, 0, 0, 2, 1],
        &[0, 0, 0, 0, 0],
        &[0xff; 8],
    ] {
        assert_eq!(send(&request, bytes), Status::BadPayload);
    }
    // A context or a tag where there is none.
    let with_context = BatchRequest {
        context: 1,
        ..request.clone()
    };
    let with_tag = BatchRequest { tag: 16, ..request };
    let both = BatchRequest {
        tag: 16,
        ..ask("siv", Batched::Seal)
    };
    for request in [with_context, with_tag, both] {
        assert_eq!(send(&request, &payload(b"c", &[b"x"])), Status::BadHeader);
    }
    let long = BatchRequest {
        context: 1025,
        ..ask("siv", Batched::Seal)
    };
    assert_eq!(send(&long, &[0; 2048]), Status::BadPayload);
    let cut = BatchRequest {
        context: 9,
        ..ask("siv", Batched::Seal)
    };
    assert_eq!(send(&cut, b"short"), Status::BadPayload);
    // A key of another usage does nothing of it. That is recorded once, behind the last item, unless
    // another was a moment ago.
    let request = ask("siv", Batched::Mac);
    let items = [&b"x"[..], b"y"];
    let recorded = || alice.audit_log(LogOf::Caller).unwrap().records().len();
    let before = recorded();
    for _ in 0..2 {
        assert_eq!(done(&alice, &request, &items), [Status::WrongUsage; 2]);
        assert!(recorded() <= before + 1);
    }
}
