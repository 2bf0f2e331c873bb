//! Message authentication codes.

use claviger::{Algorithm, Client, Error, Key, Status};
use claviger_proto::{
    limits::PAYLOAD,
    message::{
        MacFinishRequest, MacStartRequest, MacUpdateRequest, VerifyMacFinishRequest,
        VerifyMacRequest,
    },
};
use claviger_tests::{Device, Rng, status};

const ALGORITHMS: [(Algorithm, usize); 3] = [
    (Algorithm::Aes128Cmac, 16),
    (Algorithm::Aes256Cmac, 16),
    (Algorithm::HmacSha256, 32),
];

fn start(client: &Client, key: &Key) -> Result<(), Error> {
    begin(client, key, false)
}

fn begin(client: &Client, key: &Key, verify: bool) -> Result<(), Error> {
    let request = MacStartRequest {
        key: key.description().key.clone().into(),
        verify,
        version: None,
    };
    client.request(&request, &[]).map(drop)
}

fn start_check(client: &Client, key: &Key) -> Result<(), Error> {
    begin(client, key, true)
}

fn update(client: &Client, piece: &[u8]) -> Result<(), Error> {
    client.request(&MacUpdateRequest {}, piece).map(drop)
}

fn finish(client: &Client, piece: &[u8]) -> Result<Vec<u8>, Error> {
    client
        .request(&MacFinishRequest {}, piece)
        .map(|(_, tag)| tag)
}

fn verify(client: &Client, tag: &[u8]) -> Result<(), Error> {
    client.request(&VerifyMacFinishRequest {}, tag).map(drop)
}

#[test]
fn pieces_make_no_difference() {
    let device = Device::fresh();
    let client = device.user(0);
    let message = Rng::new(4).bytes(PAYLOAD);
    for (algorithm, tag_len) in ALGORITHMS {
        let key = client.generate(algorithm.name(), algorithm).unwrap();
        for size in [0, 1, 15, 16, 17, 63, 64, 65, 1000] {
            let message = &message[..size];
            let tag = key.mac(message).unwrap();
            assert_eq!(tag.len(), tag_len);
            key.verify_mac(message, &tag).unwrap();
            for piece in [1, 16, 33] {
                start(&client, &key).unwrap();
                for piece in message.chunks(piece) {
                    update(&client, piece).unwrap();
                }
                assert_eq!(finish(&client, &[]).unwrap(), tag);
            }
            start(&client, &key).unwrap();
            assert_eq!(
                finish(&client, message).unwrap(),
                tag,
                "the last piece counts"
            );
            start_check(&client, &key).unwrap();
            update(&client, message).unwrap();
            verify(&client, &tag).unwrap();
        }
        assert_eq!(key.mac(&message).unwrap().len(), tag_len);
    }
}

#[test]
fn streams_of_any_size() {
    let device = Device::fresh();
    let client = device.user(0);
    let message = Rng::new(5).bytes(2 * PAYLOAD + 1);
    for (algorithm, _) in ALGORITHMS {
        let key = client.generate(algorithm.name(), algorithm).unwrap();
        for size in [0, PAYLOAD - 16, PAYLOAD, PAYLOAD + 1, message.len()] {
            let message = &message[..size];
            let tag = key.mac_stream(message).unwrap();
            assert_eq!(key.mac(message).unwrap(), tag);
            start(&client, &key).unwrap();
            for piece in message.chunks(20_000) {
                update(&client, piece).unwrap();
            }
            assert_eq!(finish(&client, &[]).unwrap(), tag);
            key.verify_mac(message, &tag).unwrap();
            key.verify_mac_stream(message, &tag).unwrap();
            let mut wrong = tag;
            wrong[0] ^= 1;
            let verdict = key.verify_mac_stream(message, &wrong);
            assert_eq!(status(verdict), Status::NotAuthentic);
        }
    }
}

#[test]
fn only_the_whole_tag_of_the_message_is_authentic() {
    let device = Device::fresh();
    let client = device.user(0);
    for (algorithm, tag_len) in ALGORITHMS {
        let key = client.generate(algorithm.name(), algorithm).unwrap();
        let tag = key.mac(b"message").unwrap();
        for bit in 0..8 * tag_len {
            let mut wrong = tag.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let verdict = key.verify_mac(b"message", &wrong);
            assert_eq!(status(verdict), Status::NotAuthentic, "bit {bit}");
        }
        let longer = [tag.as_slice(), &[0]].concat();
        let lengths = (0..tag_len).map(|len| &tag[..len]);
        for wrong in lengths.chain([longer.as_slice()]) {
            let verdict = key.verify_mac(b"message", wrong);
            assert_eq!(status(verdict), Status::NotAuthentic, "{}", wrong.len());
            start_check(&client, &key).unwrap();
            update(&client, b"message").unwrap();
            assert_eq!(status(verify(&client, wrong)), Status::NotAuthentic);
        }
        for other in [&b"messagf"[..], b"messag", b"message\0", b""] {
            assert_eq!(status(key.verify_mac(other, &tag)), Status::NotAuthentic);
        }
    }
}

#[test]
fn a_tag_longer_than_the_payload_is_refused() {
    let device = Device::fresh();
    let client = device.user(0);
    let key = client.generate("key", Algorithm::Aes128Cmac).unwrap();
    for tag in [4, u32::MAX] {
        let request = VerifyMacRequest {
            key: key.description().key.clone().into(),
            tag,
            version: None,
        };
        let verdict = client.request(&request, b"abc");
        assert_eq!(status(verdict), Status::BadPayload);
    }
}

#[test]
fn a_stream_has_a_beginning_and_an_end() {
    let device = Device::fresh();
    let client = device.user(0);
    let key = client.generate("key", Algorithm::Aes128Cmac).unwrap();
    let tag = key.mac(b"message").unwrap();
    let nothing_under_way = || {
        assert_eq!(status(update(&client, b"x")), Status::NoStream);
        assert_eq!(status(finish(&client, b"")), Status::NoStream);
        assert_eq!(status(verify(&client, &tag)), Status::NoStream);
    };
    nothing_under_way();
    start(&client, &key).unwrap();
    assert_eq!(finish(&client, b"message").unwrap(), tag);
    nothing_under_way();
    // A wrong tag ends it too.
    start_check(&client, &key).unwrap();
    update(&client, b"message").unwrap();
    assert_eq!(status(verify(&client, &[0; 16])), Status::NotAuthentic);
    nothing_under_way();
    // Beginning anew drops what was under way.
    start(&client, &key).unwrap();
    update(&client, b"dropped").unwrap();
    start(&client, &key).unwrap();
    assert_eq!(finish(&client, b"message").unwrap(), tag);
    // A start that is refused leaves the one under way.
    start(&client, &key).unwrap();
    update(&client, b"mess").unwrap();
    let absent = MacStartRequest {
        key: "absent".try_into().unwrap(),
        verify: false,
        version: None,
    };
    assert_eq!(status(client.request(&absent, &[])), Status::NotFound);
    assert_eq!(finish(&client, b"age").unwrap(), tag);
}

/// What may be checked and what may be made differ, so a stream ends as it was begun.
#[test]
fn a_stream_to_be_checked_gives_no_tag() {
    let device = Device::fresh();
    let client = device.user(0);
    let key = client.generate("key", Algorithm::HmacSha256).unwrap();
    let tag = key.mac(b"message").unwrap();
    start_check(&client, &key).unwrap();
    assert_eq!(status(finish(&client, b"message")), Status::NoStream);
    assert_eq!(status(verify(&client, &tag)), Status::NoStream, "it ended");
    start(&client, &key).unwrap();
    update(&client, b"message").unwrap();
    assert_eq!(status(verify(&client, &tag)), Status::NoStream);
    assert_eq!(status(finish(&client, b"")), Status::NoStream, "it ended");
    // A stream that is made is made with the primary version.
    for version in [1, 2] {
        let request = MacStartRequest {
            key: key.description().key.clone().into(),
            verify: false,
            version: Some(version),
        };
        let started = client.request(&request, &[]);
        assert_eq!(status(started), Status::BadHeader, "{version}");
    }
}

#[test]
fn each_session_has_a_stream_of_its_own() {
    let device = Device::fresh();
    let (one, other) = (device.user(0), device.user(0));
    let key = one.generate("key", Algorithm::HmacSha256).unwrap();
    start(&one, &key).unwrap();
    assert_eq!(status(update(&other, b"x")), Status::NoStream);
    start(&other, &key).unwrap();
    update(&one, b"first ").unwrap();
    update(&other, b"second ").unwrap();
    assert_eq!(
        finish(&one, b"message").unwrap(),
        key.mac(b"first message").unwrap()
    );
    assert_eq!(
        finish(&other, b"message").unwrap(),
        key.mac(b"second message").unwrap()
    );
    // Other commands go on beside it.
    start(&one, &key).unwrap();
    update(&one, b"mess").unwrap();
    let tag = one.key("key").unwrap().mac(b"message").unwrap();
    assert_eq!(finish(&one, b"age").unwrap(), tag);
}
