//! Keys whose versions follow from each other, and what the other holder of one computes.

use claviger::{
    Algorithm, Client, Permission, State, Status,
    authority::{self, Ratchet, Role},
    identity::uid_identity,
    proto::{
        limits,
        ratchet::{TOKEN, Token},
    },
};
use claviger_tests::{ALICE, BOB, CAROL, Device, Handle, status};

const SECRET: [u8; 32] = [7; 32];

/// A ratcheted key at both of its holders, of which BOB may check MACs.
fn pair(client: &Client, name: &str, algorithm: Algorithm, secret: &[u8]) -> (Handle, Ratchet) {
    let creation = client.create(name).algorithm(algorithm).ratchet();
    let creation = creation.grant(uid_identity(BOB), &[Permission::VerifyMac]);
    creation.import(secret).unwrap();
    (Handle::new(client, name), Ratchet::new(secret).unwrap())
}

/// That the device works with what software computes: its MAC is that of a key of these bytes.
fn agree(client: &Client, device: &Handle, software: &Ratchet) {
    let description = device.describe().unwrap();
    assert_eq!(description.versions, [software.version()]);
    let working = client.create("working").algorithm(description.algorithm);
    let working = working.wrapped().import(&software.working_key()).unwrap();
    let tag = device.mac(b"message").unwrap();
    working.verify_mac(b"message", &tag).unwrap();
    let chain = client.create("chain").algorithm(description.algorithm);
    let chain = chain.wrapped().import(software.chain_key()).unwrap();
    assert_eq!(
        status(chain.verify_mac(b"message", &tag)),
        Status::NotAuthentic,
        "what steps does not work"
    );
}

#[test]
fn both_holders_step_alike() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    for (algorithm, secret) in [
        (Algorithm::Aes128Cmac, &SECRET[..16]),
        (Algorithm::Aes256Cmac, &SECRET[..]),
        (Algorithm::HmacSha256, &SECRET[..]),
    ] {
        let (key, mut software) = pair(&alice, algorithm.name(), algorithm, secret);
        agree(&alice, &key, &software);
        let mut tags = Vec::new();
        for version in 2..=4 {
            tags.push(key.mac(b"message").unwrap());
            let stepped = key.rotate().unwrap();
            software.step().unwrap();
            assert_eq!(
                (stepped.version, &stepped.versions[..]),
                (version, &[version][..])
            );
            agree(&alice, &key, &software);
        }
        // What a step left behind checks nothing.
        for (tag, version) in tags.iter().zip(1..) {
            assert_eq!(
                status(key.verify(b"message", tag, None)),
                Status::NotAuthentic
            );
            let old = key.verify(b"message", tag, Some(version));
            assert_eq!(status(old), Status::NoSuchVersion);
        }
        assert_eq!(status(key.retire(4)), Status::PrimaryVersion);
    }
}

#[test]
fn tokens_take_a_key_ahead() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let (key, mut software) = pair(&alice, "key", Algorithm::Aes256Cmac, &SECRET);
    let tag = key.mac(b"message").unwrap();
    let far = 1 + limits::CATCH_UP;
    let stale = software.token(2).unwrap();
    let token = software.token(far).unwrap();
    let step = if Device::REAL { 8 } else { 1 };
    // Wherever it was altered, it is refused alike.
    for bit in (0..8 * TOKEN).step_by(step) {
        let mut forged = token;
        forged[bit / 8] ^= 1 << (bit % 8);
        let refused = status(key.catch_up(&forged));
        assert_eq!(refused, Status::NotAuthentic, "{bit}");
    }
    for length in [0, TOKEN - 1] {
        assert_eq!(status(key.catch_up(&token[..length])), Status::NotAuthentic);
    }
    let long = [&token[..], b"x"].concat();
    assert!(key.catch_up(&long).is_err());
    agree(&alice, &key, &software);

    assert_eq!(key.catch_up(&token).unwrap(), far);
    software.catch_up_to(far).unwrap();
    agree(&alice, &key, &software);
    assert_eq!(
        status(key.verify(b"message", &tag, None)),
        Status::NotAuthentic
    );
    // Nothing goes back.
    for old in [&token, &stale] {
        assert_eq!(status(key.catch_up(old)), Status::EpochReached);
    }
    // A token of a version that was left behind is worth nothing, nor is one of another key.
    let late = Ratchet::new(&SECRET).unwrap();
    let mut ahead = late.clone();
    ahead.step().unwrap();
    assert_eq!(
        status(key.catch_up(&ahead.token(far + 1).unwrap())),
        Status::NotAuthentic
    );
    let other = Ratchet::at(far, &[8; 32]).unwrap();
    assert_eq!(
        status(key.catch_up(&other.token(far + 1).unwrap())),
        Status::NotAuthentic
    );
    // One of a version that the device has not reached.
    software.step().unwrap();
    let token = software.token(far + 2).unwrap();
    assert_eq!(status(key.catch_up(&token)), Status::NotAuthentic);
    key.rotate().unwrap();
    assert_eq!(key.catch_up(&token).unwrap(), far + 2);
    software.step().unwrap();
    agree(&alice, &key, &software);
}

/// No tag helps a token that asks for too much: made by hand, as `Ratchet::token` makes none.
#[test]
fn a_token_takes_a_key_so_far_only() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let (key, software) = pair(&alice, "key", Algorithm::Aes128Cmac, &SECRET[..16]);
    let to = 2 + limits::CATCH_UP;
    assert!(software.token(to).is_err());
    // KDF(K, EPOCH_LABEL, [1]_32), L = 128: one block of CMAC over `counter, label, 0, context, L`.
    let cmac = |name: &str, secret: &[u8], message: &[u8]| {
        let known = alice.create(name).algorithm(Algorithm::Aes128Cmac);
        known
            .wrapped()
            .import(secret)
            .unwrap()
            .mac(message)
            .unwrap()
    };
    let fixed = [
        &1u32.to_be_bytes()[..],
        claviger::proto::ratchet::EPOCH_LABEL,
        &[0],
        &1u32.to_be_bytes(),
        &128u32.to_be_bytes(),
    ]
    .concat();
    let epoch = cmac("epoch", &SECRET[..16], &fixed);
    let token = |to| Token {
        from: 1,
        to,
        tag: cmac("tag", &epoch, &Token::covered(1, to))
            .try_into()
            .unwrap(),
    };
    assert_eq!(token(9).encode(), software.token(9).unwrap());
    for to in [to, u32::MAX] {
        assert_eq!(
            status(key.catch_up(&token(to).encode())),
            Status::EpochTooFar
        );
    }
    assert_eq!(key.describe().unwrap().version, 1);
}

#[test]
fn a_token_is_taken_from_whom_the_key_concerns() {
    let device = Device::fresh();
    let (alice, bob, carol) = (device.user(ALICE), device.user(BOB), device.user(CAROL));
    let hers = uid_identity(ALICE);
    let (key, mut software) = pair(&alice, "key", Algorithm::HmacSha256, &SECRET);
    let token = software.token(5).unwrap();
    let strangers = Handle::of(&carol, hers, "key");
    assert_eq!(status(strangers.catch_up(&token)), Status::NotFound);
    let absent = Handle::of(&carol, hers, "absent");
    assert_eq!(status(absent.catch_up(&token)), Status::NotFound);
    key.set_state(State::Suspended).unwrap();
    assert_eq!(status(key.catch_up(&token)), Status::WrongState);
    assert_eq!(status(key.rotate()), Status::WrongState);
    key.set_state(State::Active).unwrap();

    // Who may check MACs only has no say in its life, but carries the token.
    let his = Handle::of(&bob, hers, "key");
    assert_eq!(status(his.mac(b"message")), Status::NotPermitted);
    assert_eq!(status(his.rotate()), Status::AdministratorOnly);
    assert_eq!(his.catch_up(&token).unwrap(), 5);
    software.catch_up_to(5).unwrap();
    agree(&alice, &key, &software);
    let roots = Handle::of(&device.user(0), hers, "key");
    assert_eq!(roots.catch_up(&software.token(6).unwrap()).unwrap(), 6);

    alice.generate("plain", Algorithm::HmacSha256).unwrap();
    let plain = Handle::new(&alice, "plain");
    assert_eq!(status(plain.catch_up(&token)), Status::WrongUsage);
}

#[test]
fn children_of_a_ratcheted_key_come_of_its_working_key() {
    let device = Device::fresh();
    let alice = device.user(ALICE);
    let creation = alice.create("parent").algorithm(Algorithm::HkdfSha256);
    let creation = creation.children(Algorithm::Aes256Cmac).ratchet();
    creation.export_derived(true).import(&SECRET).unwrap();
    let parent = Handle::new(&alice, "parent");
    let mut software = Ratchet::new(&SECRET).unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let role = Role::of(Algorithm::Aes256Cmac);
        let working = software.working_key();
        let child = authority::child(Algorithm::HkdfSha256, &working, role, "c").unwrap();
        assert_eq!(parent.child("c").derive_bytes(32).unwrap(), *child);
        assert!(!seen.contains(&child));
        seen.push(child);
        parent.rotate().unwrap();
        software.step().unwrap();
    }
    // What is ratcheted does not rotate itself, leaves in no form, and is no key that seals.
    let ratchet = |algorithm| alice.create("no").algorithm(algorithm).ratchet();
    let by_uses = ratchet(Algorithm::Aes128Cmac).rotate_after_uses(1);
    assert_eq!(status(by_uses.generate()), Status::BadPolicy);
    let wrapped = ratchet(Algorithm::Aes128Cmac).export_wrapped();
    assert_eq!(status(wrapped.generate()), Status::BadPolicy);
    let seals = ratchet(Algorithm::Aes256Siv).generate();
    assert_eq!(status(seals), Status::UnsupportedUsage);
}
