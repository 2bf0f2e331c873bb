//! Wrapped keys, and keys that come wrapped.

use claviger::{
    Algorithm, Client, ErrorKind, Home, Origin, Permission, Status, Usage, identity::uid_identity,
    proto::limits, transport::emulator::Emulator,
};

use crate::{
    SECRET, hex,
    lib_common::{client, refused, two_users},
};

/// Every use that a wrapped key can serve.
#[test]
fn wrapped_keys_serve_like_others() {
    let client = client();
    let wrapped = |algorithm| {
        let creation = client.create("w").algorithm(algorithm).wrapped();
        creation.generate().unwrap()
    };
    let seal = wrapped(Algorithm::Aes256Siv);
    let bytes = seal.wrapped_bytes().unwrap();
    assert!(bytes.len() <= limits::WRAPPED);
    assert!(client.list().unwrap().is_empty());
    let again = client.wrapped(bytes).unwrap();
    assert_eq!(again.description(), seal.description());
    assert_eq!(again.description().home, Home::Wrapped);
    let data = vec![1; 2 * limits::CHUNK];
    let blob = seal.seal(b"c", &data).unwrap();
    assert_eq!(again.unseal(b"c", &blob).unwrap(), data);
    assert_eq!(again.reseal(b"c", &blob).unwrap().len(), blob.len());

    let mac = wrapped(Algorithm::HmacSha256);
    for size in [limits::PAYLOAD - 1024, limits::PAYLOAD, 2 * limits::PAYLOAD] {
        let message = vec![2; size];
        let tag = mac.mac(&message).unwrap();
        mac.verify_mac(&message, &tag).unwrap();
        refused(mac.verify_mac(&message, &tag[1..]), Status::NotAuthentic);
    }
    let sign = wrapped(Algorithm::Ed25519);
    sign.public_key().unwrap();
    sign.sign(b"message").unwrap();
    refused(sign.sign(&vec![0; limits::PAYLOAD]), Status::MessageTooLong);
    let challenge = client
        .create("c")
        .algorithm(Algorithm::Aes128Cmac)
        .usage(Usage::Challenge)
        .wrapped()
        .import(&SECRET[..16])
        .unwrap();
    let m1 = challenge.challenge("a", "b").unwrap();
    let m2 = challenge.respond("b", "a", &m1).unwrap();
    assert_eq!(challenge.confirm(&m2).unwrap().peer.as_str(), "b");
}

#[test]
fn wrapped_keys_do_not_change_and_are_bound() {
    let (alice, bob) = two_users();
    let key = alice.create("w").wrapped().generate().unwrap();
    for refusal in [key.rotate(), key.suspend(), key.retire(1)] {
        refused(refusal, Status::Immutable);
    }
    refused(
        key.tighten(&key.description().policy.clone()),
        Status::Immutable,
    );
    refused(key.wrap(None), Status::Immutable);
    refused(
        alice.create("r").wrapped().max_uses(1).generate(),
        Status::Immutable,
    );
    refused(
        alice
            .create("g")
            .algorithm(Algorithm::Aes128Gcm)
            .wrapped()
            .generate(),
        Status::Immutable,
    );
    let bytes = key.wrapped_bytes().unwrap().to_vec();
    refused(bob.wrapped(&bytes), Status::NotFound);
    refused(client().wrapped(&bytes), Status::NotAuthentic);
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused(alice.wrapped(&bytes), Status::NotAuthentic);
    }
    for wrong in [&b""[..], b"CLVW", &[0; limits::WRAPPED + 1]] {
        refused(alice.wrapped(wrong), Status::NotAuthentic);
    }
    let granted = alice
        .create("w")
        .wrapped()
        .grant(uid_identity(1001), &[Permission::Seal])
        .generate()
        .unwrap();
    let his = bob.wrapped(granted.wrapped_bytes().unwrap()).unwrap();
    let blob = his.seal(b"", b"data").unwrap();
    refused(his.unseal(b"", &blob), Status::NotPermitted);
    assert_eq!(granted.unseal(b"", &blob).unwrap(), b"data");
}

#[test]
fn wrapped_keys_end_with_their_family() {
    let device = Emulator::memory();
    let open = |uid| {
        let emulator = device.as_user(uid);
        Client::builder().emulator(emulator).open().unwrap()
    };
    let client = open(1000);
    let family = |name| {
        let creation = client.create("w").wrapped().family(name);
        creation.generate().unwrap()
    };
    let (a, b) = (family("a"), family("b"));
    let first = client.revoke(Some("a")).unwrap();
    refused(a.refresh(), Status::Revoked);
    refused(a.seal(b"", b"x"), Status::Revoked);
    b.seal(b"", b"x").unwrap();
    let anew = family("a");
    anew.seal(b"", b"x").unwrap();
    client.revoke(None).unwrap();
    refused(b.seal(b"", b"x"), Status::Revoked);
    refused(anew.seal(b"", b"x"), Status::Revoked);
    let owner = uid_identity(1000);
    refused(open(1001).revoke_of(owner, None), Status::AdministratorOnly);
    assert!(open(0).revoke_of(owner, None).unwrap() > first);
    assert_eq!(
        client.revoke(Some("no name")).unwrap_err().kind(),
        ErrorKind::Malformed
    );
    refused(
        client.create("v").family("a").generate(),
        Status::UnsupportedUsage,
    );
}

#[test]
fn keys_that_may_leave_wrapped_do() {
    let client = client();
    let key = client.create("k").export_wrapped().generate().unwrap();
    key.rotate().unwrap();
    let wrapped = key.wrap(Some("f")).unwrap();
    let blob = key.seal(b"", b"data").unwrap();
    assert_eq!(wrapped.unseal(b"", &blob).unwrap(), b"data");
    assert_eq!(wrapped.description().versions, [2]);
    key.suspend().unwrap();
    refused(wrapped.seal(b"", b"data"), Status::WrongState);
    key.resume().unwrap();
    client.revoke(Some("f")).unwrap();
    refused(wrapped.unseal(b"", &blob), Status::Revoked);
    let copy = key.wrap(None).unwrap();
    key.rotate().unwrap();
    refused(copy.unseal(b"", &blob), Status::Revoked);
    let stays = client.generate("stays", Algorithm::Aes256Siv).unwrap();
    refused(stays.wrap(None), Status::NotExportable);
}

#[test]
fn wrapped_secrets_are_taken() {
    let client = client();
    let kek = client
        .create("kek")
        .algorithm(Algorithm::Aes128Kw)
        .children(Algorithm::Aes128Cmac)
        .import(&hex("000102030405060708090a0b0c0d0e0f"))
        .unwrap();
    // RFC 3394, 4.1: 128 bits of key data with a 128-bit key-encryption key.
    let wrapped = hex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
    let take = |label: &str| client.create(label).algorithm(Algorithm::Aes128Cmac);
    let key = take("k").unwrap(&kek, &wrapped, false).unwrap();
    assert_eq!(key.description().origin, Origin::Received);
    let known = take("known")
        .import(&hex("00112233445566778899aabbccddeeff"))
        .unwrap();
    assert_eq!(key.mac(b"m").unwrap(), known.mac(b"m").unwrap());
    refused(take("x").unwrap(&kek, &wrapped, true), Status::NotAuthentic);
    for creation in [
        client.create("x"),
        take("x").usage(Usage::Challenge),
        take("x").ratchet(),
    ] {
        let refusal = creation.unwrap(&kek, &wrapped, false);
        refused(refusal, Status::UnsupportedUsage);
    }
    refused(
        take("x").unwrap(&known, &wrapped, false),
        Status::WrongUsage,
    );
    kek.rotate().unwrap();
    refused(
        take("x").unwrap(&kek, &wrapped, false),
        Status::NotAuthentic,
    );
    let old = take("x").unwrap_version(&kek, 1, &wrapped, false).unwrap();
    assert_eq!(old.mac(b"m").unwrap(), known.mac(b"m").unwrap());
}
