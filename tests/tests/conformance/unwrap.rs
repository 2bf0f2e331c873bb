//! Keys that come wrapped by AES-KW (RFC 3394) or AES-KWP (RFC 5649). What is taken in here was
//! wrapped by OpenSSL through Python (`cryptography`).

use claviger::{Algorithm, Client, Error, Home, Origin, Status, Usage, identity::uid_identity};
use claviger_proto::message::{Grant, UnwrapRequest};
use claviger_tests::{ALICE, BOB, Device, Handle, hex, new_key, new_key_for, status};

/// `aes_key_wrap(kek, key)` and `aes_key_wrap_with_padding(kek, key)` of keys of rising bytes from
/// 0x40, under key-encryption keys of 16 and 32 sevens.
const CASES: [(usize, usize, bool, &str); 16] = [
    (
        16,
        16,
        false,
        "05252dd59e9318c12e3c020901a313713d6acb5105806556",
    ),
    (
        16,
        32,
        false,
        "6adfc2a7076041ee11e0d265ee025cf2f00df078b0f82c9b8d7c3fdcc9af560ce137265c2922293b",
    ),
    (
        16,
        64,
        false,
        "b0ea6026d44bb40957c32e4b07dab72a78f8bb6f6658624bc62c9c651d9f2d8edc06d4ee30a361efc776c92f71215232e07be0a151f9852cd2007b568171eeb46fdf39300cb6f03c",
    ),
    (
        16,
        16,
        true,
        "1be6f647940ff5118390c1add1d87493d7f43ce578b3385a",
    ),
    (
        16,
        32,
        true,
        "5f4b9690ee7ddb0cd2063646daeb116f2cec10e37e35c4d0d5c2badcdee657e2f00a0ed6f1568263",
    ),
    (
        16,
        48,
        true,
        "444ac9146e696bef9e32bc680ec0cf78f3585392e969f09e72f66cb7503af8dbb7d2ab2a28fdb68cdf10b61753a41067681efb156b6851fd",
    ),
    (
        16,
        64,
        true,
        "2be10370fc0c06b601c490976a510a7f27044f721ed5a742a34fd8314f67dcbb3fe56c9084dba3c5d975ee345703b83e8f6b5baf2cab5607fa13fdc30faa35191d36b09398839cba",
    ),
    (
        16,
        20,
        true,
        "bec37e0e65331b21e4ed62a340364fc08921392a170c39e17ae81c37ec205cf1",
    ),
    (
        32,
        16,
        false,
        "0fd1a7907e3b13e1f2ef7df45df6a18c866104eabe99e620",
    ),
    (
        32,
        32,
        false,
        "2feb09c95d535ec6715206b3676afd7315a6736aad9063d9d4321d0e6464cd39a5f65c5a74285f6e",
    ),
    (
        32,
        64,
        false,
        "b7dc73da7311cbed98c87712b26e4fc4cd6149178bb61d53aea23e287866420cb0eb69920b9492227664b902f59a10e7a4459a5cc18868a73a32b1345d1e9f3ba6bb7f21f5af97d5",
    ),
    (
        32,
        16,
        true,
        "592c92843bfb6c9bb635e8e219db29549b57e0f827c9e5fa",
    ),
    (
        32,
        32,
        true,
        "509a95e4763269af525b7676d3af380362e4b7dd989d9df162309f85ef9f1ce85b9ecb02a6dd6668",
    ),
    (
        32,
        48,
        true,
        "173697a0cb30985e96436e184d075d3243acb52649a2c451d811719cb370796f8dd34147dcea396e5bed142da66e0a25f5810fd1ef0da49a",
    ),
    (
        32,
        64,
        true,
        "c151806a8a3652024b76b09b0a038e8738754fbe5e3665837ceea0013cb9da54708238981c9315dae2d69cf8a03cf10b9d812cb6db006e17bea2400fcb71be20e8d31a4fe9a34c27",
    ),
    (
        32,
        20,
        true,
        "273752d47b0251b0100d16caf7997573f4252d28dc276c1657a0f469cd58f8e9",
    ),
];

/// The key that was wrapped.
fn rising(length: usize) -> Vec<u8> {
    (0x40..).take(length).collect()
}

/// A key-encryption key of so many sevens that takes in keys of this algorithm.
fn kek(client: &Client, length: usize, takes_in: Algorithm) -> Handle {
    let algorithm = match length {
        16 => Algorithm::Aes128Kw,
        _ => Algorithm::Aes256Kw,
    };
    let mut new = new_key("kek", algorithm);
    new.children = Some(takes_in);
    Handle::import(client, new, &vec![7; length]).unwrap()
}

/// The algorithms that take keys of this length, and a length for imported HMAC keys.
fn takers(length: usize) -> Vec<Algorithm> {
    let all = Algorithm::ALL.iter().copied();
    all.filter(|algorithm| algorithm.takes_key_len(length))
        .filter(|algorithm| !algorithm.usages().contains(&Usage::Unwrap))
        .collect()
}

#[test]
fn what_others_wrapped_is_taken_in() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let mut taken = 0;
    for (kek_len, length, padded, wrapped) in CASES {
        let secret = rising(length);
        for algorithm in takers(length) {
            let kek = kek(&client, kek_len, algorithm);
            let unwrapped = kek.unwrap(padded, &hex(wrapped), new_key("key", algorithm));
            let unwrapped = unwrapped.unwrap();
            let description = unwrapped.describe().unwrap();
            assert_eq!(description.origin, Origin::Received);
            assert_eq!(description.algorithm, algorithm);
            // It is the same key as one with these bytes.
            let twin = Handle::import(&client, new_key("twin", algorithm), &secret).unwrap();
            assert_eq!(proof(&unwrapped, &twin), proof(&twin, &unwrapped));
            taken += 1;
            for key in [kek, unwrapped, twin] {
                key.delete().unwrap();
            }
        }
    }
    println!("{taken} keys");
    assert!(taken >= 2 * CASES.len());
}

/// What tells this key from another: alike for both if they are the same.
fn proof(key: &Handle, twin: &Handle) -> Vec<u8> {
    match key.describe().unwrap().usage {
        Usage::Mac => key.mac(b"m").unwrap(),
        Usage::Sign | Usage::Agree | Usage::Decapsulate => key.public_key(None).unwrap(),
        Usage::Encrypt => {
            let sealed = twin.encrypt(b"a", b"text").unwrap();
            key.decrypt(b"a", &sealed, None).unwrap()
        }
        // A blob names its key, and these are two; what they take in or derive shows enough.
        _ => Vec::new(),
    }
}

#[test]
fn every_change_shows() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    for (kek_len, length, padded, wrapped) in CASES {
        if length != 32 {
            continue;
        }
        let kek = kek(&client, kek_len, Algorithm::HmacSha256);
        let unwrap = |padded: bool, wrapped: &[u8]| {
            kek.unwrap(padded, wrapped, new_key("key", Algorithm::HmacSha256))
        };
        let wrapped = hex(wrapped);
        for bit in 0..8 * wrapped.len() {
            let mut wrong = wrapped.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let unwrapped = unwrap(padded, &wrong);
            assert_eq!(status(unwrapped), Status::NotAuthentic, "bit {bit}");
        }
        for cut in 0..wrapped.len() {
            let unwrapped = unwrap(padded, &wrapped[..cut]);
            assert_eq!(status(unwrapped), Status::NotAuthentic, "{cut}");
        }
        let unwrapped = unwrap(!padded, &wrapped);
        assert_eq!(status(unwrapped), Status::NotAuthentic, "the other way");
        for longer in [1, 7, 8, 24] {
            let longer = [&wrapped[..], &vec![0; longer]].concat();
            assert_eq!(status(unwrap(padded, &longer)), Status::NotAuthentic);
        }
        let longest = vec![0; 1000];
        assert_eq!(status(unwrap(padded, &longest)), Status::BadKey);
        assert_eq!(client.list().unwrap().len(), 1, "nothing came of it");
        kek.delete().unwrap();
    }
}

/// Whoever wrapped a key knows it: it becomes what its key-encryption key says, and nothing else.
#[test]
fn a_key_comes_in_one_role() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let (_, _, padded, wrapped) = CASES[case(32, 16)];
    let wrapped = hex(wrapped);
    let kek = kek(&client, 32, Algorithm::Aes128Cmac);
    let unwrap = |new| kek.unwrap(padded, &wrapped, new);
    for algorithm in Algorithm::ALL {
        if *algorithm != Algorithm::Aes128Cmac {
            let unwrapped = unwrap(new_key("key", *algorithm));
            assert_eq!(status(unwrapped), Status::UnsupportedUsage, "{algorithm:?}");
        }
    }
    let other = new_key_for("key", Algorithm::Aes128Cmac, Usage::Challenge);
    assert_eq!(status(unwrap(other)), Status::UnsupportedUsage);
    let mut ratchet = new_key("key", Algorithm::Aes128Cmac);
    ratchet.ratchet = true;
    assert_eq!(status(unwrap(ratchet)), Status::UnsupportedUsage);
    unwrap(new_key("key", Algorithm::Aes128Cmac)).unwrap();
    let again = unwrap(new_key("key", Algorithm::Aes128Cmac));
    assert_eq!(status(again), Status::AlreadyExists);
    let mut wrapped_key = new_key("other", Algorithm::Aes128Cmac);
    wrapped_key.home = Home::Wrapped;
    let wrapped_key = unwrap(wrapped_key).unwrap();
    let tag = wrapped_key.mac(b"m").unwrap();
    let key = Handle::new(&client, "key");
    key.verify(b"m", &tag, None).unwrap();
    // A key of the wrong length for its algorithm.
    let (.., wrong) = CASES[case(32, 32)];
    let unwrapped = kek.unwrap(false, &hex(wrong), new_key("new", Algorithm::Aes128Cmac));
    assert_eq!(status(unwrapped), Status::BadKey);
}

fn case(kek: usize, length: usize) -> usize {
    let found = CASES
        .iter()
        .position(|(of, len, padded, _)| (*of, *len, *padded) == (kek, length, false));
    found.unwrap()
}

#[test]
fn a_key_comes_under_the_version_that_is_named() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let (_, _, padded, wrapped) = CASES[case(16, 32)];
    let kek = kek(&client, 16, Algorithm::HmacSha256);
    kek.rotate().unwrap();
    let unwrap = |version: Option<u32>| -> Result<(), Error> {
        let mut new = new_key("key", Algorithm::HmacSha256);
        new.home = Home::Wrapped;
        let request = UnwrapRequest {
            key: kek.key.clone(),
            version,
            padded,
            new,
        };
        kek.ask(&request, &[&hex(wrapped)]).map(drop)
    };
    unwrap(Some(1)).unwrap();
    assert_eq!(status(unwrap(None)), Status::NotAuthentic);
    assert_eq!(status(unwrap(Some(2))), Status::NotAuthentic);
    assert_eq!(status(unwrap(Some(3))), Status::NoSuchVersion);
    kek.retire(1).unwrap();
    assert_eq!(status(unwrap(Some(1))), Status::NoSuchVersion);
}

/// The key is the caller's, the key-encryption key may be another's.
#[test]
fn one_takes_in_under_a_key_that_one_is_granted() {
    let device = Device::fresh();
    let (alice, bob) = (device.user(ALICE), device.user(BOB));
    let (_, _, padded, wrapped) = CASES[case(32, 32)];
    let wrapped = hex(wrapped);
    let mut new = new_key("kek", Algorithm::Aes256Kw);
    new.children = Some(Algorithm::HmacSha256);
    let to = uid_identity(BOB);
    let may = Usage::Unwrap.permissions();
    new.policy.grants.push(Grant { to, may }).unwrap();
    Handle::import(&alice, new, &[7; 32]).unwrap();
    let hers = Handle::of(&bob, uid_identity(ALICE), "kek");
    let new = || new_key("key", Algorithm::HmacSha256);
    let (unwrapped, _) = hers
        .ask(
            &UnwrapRequest {
                key: hers.key.clone(),
                version: None,
                padded,
                new: new(),
            },
            &[&wrapped],
        )
        .unwrap();
    assert_eq!(unwrapped.owner, uid_identity(BOB));
    assert_eq!(
        status(Handle::new(&alice, "key").mac(b"m")),
        Status::NotFound
    );
    Handle::new(&bob, "key").mac(b"m").unwrap();
    let stranger = device.user(claviger_tests::CAROL);
    for name in ["kek", "absent"] {
        let hers = Handle::of(&stranger, uid_identity(ALICE), name);
        let refused = hers.unwrap(padded, &wrapped, new());
        assert_eq!(status(refused), Status::NotFound);
    }
}

/// A locked vault takes in what comes under a key that was there before.
#[test]
fn a_locked_vault_goes_on_under_keys_from_before() {
    let device = Device::fresh();
    let root = device.user(0);
    let (_, _, padded, wrapped) = CASES[case(32, 32)];
    let kek = kek(&root, 32, Algorithm::HmacSha256);
    root.lock().unwrap();
    let unwrapped = kek.unwrap(padded, &hex(wrapped), new_key("key", Algorithm::HmacSha256));
    unwrapped.unwrap().mac(b"m").unwrap();
}

/// Whoever has shares of a key-encryption key that was made here chooses what comes in under it.
#[test]
fn a_locked_vault_takes_nothing_in_under_keys_that_were_made_here() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let (_, _, padded, wrapped) = CASES[case(32, 32)];
    let named = |label: &str, algorithm: Algorithm, children| {
        let mut new = new_key(label, algorithm);
        new.children = Some(children);
        new
    };
    let takes_in = Algorithm::HmacSha256;
    let generated = named("generated", Algorithm::Aes256Kw, takes_in);
    let generated = Handle::generate(&client, generated).unwrap();
    let parent = named("parent", Algorithm::KdfCmac, Algorithm::Aes256Kw);
    let parent = Handle::generate(&client, parent).unwrap();
    let derived = named("derived", Algorithm::Aes256Kw, takes_in);
    let derived = parent.child("c").derive(derived).unwrap();
    let unwrap = |kek: &Handle| kek.unwrap(padded, &hex(wrapped), new_key("key", takes_in));
    for kek in [&generated, &derived] {
        assert_eq!(status(unwrap(kek)), Status::NotAuthentic);
    }
    device.user(0).lock().unwrap();
    for kek in [&generated, &derived] {
        assert_eq!(status(unwrap(kek)), Status::Locked);
    }
}

/// What a key-encryption key takes in stands in its record, and so can no other come in under it.
#[test]
fn no_key_encryption_key_comes_in_under_another() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let mut new = new_key("kek", Algorithm::Aes256Kw);
    new.children = Some(Algorithm::Aes128Kw);
    let refused = Handle::import(&client, new, &[7; 32]);
    assert_eq!(status(refused), Status::UnsupportedUsage);
    let mut new = new_key("parent", Algorithm::KdfCmac);
    new.children = Some(Algorithm::Aes256Kw);
    let parent = Handle::generate(&client, new).unwrap();
    let (_, _, padded, wrapped) = CASES[case(32, 16)];
    let mut inner = new_key("inner", Algorithm::Aes128Kw);
    inner.children = Some(Algorithm::Aes128Cmac);
    let refused = parent.child("c").unwrap(padded, &hex(wrapped), inner);
    assert_eq!(status(refused), Status::NoChildren);
}
