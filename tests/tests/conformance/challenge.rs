//! Mutual authentication of two holders of a key.

use claviger::{Algorithm, Client, Key, Status, Usage, authority::SharedKey};
use claviger_proto::{
    auth::{Exchange, MESSAGE, Message, Proof},
    limits::CHALLENGES,
    message::{ConfirmRequest, RespondRequest},
};
use claviger_tests::{ALICE, BOB, CAROL, Device, factory_reset, status};

const SECRET: [u8; 32] = [7; 32];

/// This user's key with these bytes, whose derived keys may leave.
fn shared(client: &Client, label: &str, secret: &[u8]) -> Key {
    let algorithm = match secret.len() {
        16 => Algorithm::Aes128Cmac,
        _ => Algorithm::Aes256Cmac,
    };
    let creation = client.create(label).algorithm(algorithm);
    let creation = creation.usage(Usage::Challenge).export_derived(true);
    creation.import(secret).unwrap()
}

/// Alice, who is the server in most of these tests, and Bob, the device.
fn both(device: &Device) -> (Key, Key) {
    (
        shared(&device.user(ALICE), "key", &SECRET),
        shared(&device.user(BOB), "key", &SECRET),
    )
}

#[test]
fn two_holders_authenticate_each_other() {
    let device = Device::fresh();
    for secret in [&SECRET[..16], &SECRET] {
        let label = format!("key{}", secret.len());
        let server = shared(&device.user(ALICE), &label, secret);
        let client = shared(&device.user(BOB), &label, secret);
        let m1 = server.challenge("server", "device").unwrap();
        let m2 = client.respond("device", "server", &m1).unwrap();
        let one = server.confirm_with_session_key(&m2).unwrap();
        let other = client.confirm_with_session_key(&one.reply).unwrap();
        assert_eq!(one.peer.as_str(), "device");
        assert_eq!(other.peer.as_str(), "server");
        assert!(other.reply.is_empty());
        let (one, other) = (one.session_key.unwrap(), other.session_key.unwrap());
        assert_eq!(one.expose(), other.expose());

        // Each exchange has a session key of its own, and none if it was not asked for.
        let m1 = server.challenge("server", "device").unwrap();
        let m2 = client.respond("device", "server", &m1).unwrap();
        let again = server.confirm_with_session_key(&m2).unwrap();
        assert_ne!(again.session_key.unwrap().expose(), one.expose());
        let confirmed = client.confirm(&again.reply).unwrap();
        assert!(confirmed.session_key.is_none());
    }
}

#[test]
fn a_side_without_a_tee_takes_either_part() {
    let device = Device::fresh();
    for secret in [&SECRET[..16], &SECRET] {
        let label = format!("key{}", secret.len());
        let inside = shared(&device.user(ALICE), &label, secret);
        let outside = SharedKey::new(secret).unwrap();

        let (pending, m1) = outside.challenge("server", "device").unwrap();
        let m2 = inside.respond("device", "server", &m1).unwrap();
        let (theirs, m3) = pending.confirm(&m2).unwrap();
        let ours = inside.confirm_with_session_key(&m3).unwrap();
        assert_eq!(ours.peer.as_str(), "server");
        assert_eq!(ours.session_key.unwrap().expose(), theirs.expose());

        let m1 = inside.challenge("device", "server").unwrap();
        let (pending, m2) = outside.respond("server", "device", &m1).unwrap();
        let ours = inside.confirm_with_session_key(&m2).unwrap();
        let theirs = pending.confirm(&ours.reply).unwrap();
        assert_eq!(ours.peer.as_str(), "server");
        assert_eq!(ours.session_key.unwrap().expose(), theirs.expose());
    }
}

#[test]
fn any_session_of_the_caller_takes_the_next_step() {
    let device = Device::fresh();
    let (server, client) = both(&device);
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = client.respond("device", "server", &m1).unwrap();
    let later = device.user(ALICE).key("key").unwrap();
    let m3 = later.confirm(&m2).unwrap().reply;
    let later = device.user(BOB).key("key").unwrap();
    later.confirm(&m3).unwrap();
}

#[test]
fn names_are_part_of_the_proof() {
    let device = Device::fresh();
    let (server, client) = both(&device);
    for (me, peer) in [
        ("device2", "server"),
        ("device", "server2"),
        ("server", "device"),
        // The same letters, cut elsewhere.
        ("devices", "erver"),
        ("devic", "eserver"),
    ] {
        let m1 = server.challenge("server", "device").unwrap();
        let m2 = client.respond(me, peer, &m1).unwrap();
        assert_eq!(status(server.confirm(&m2)), Status::NotAuthentic);
    }
    let longest = "n".repeat(64);
    let m1 = server.challenge(&longest, "device").unwrap();
    let m2 = client.respond("device", &longest, &m1).unwrap();
    let m3 = server.confirm(&m2).unwrap().reply;
    assert_eq!(client.confirm(&m3).unwrap().peer.as_str(), longest);
}

#[test]
fn nobody_talks_to_oneself() {
    let device = Device::fresh();
    let (server, client) = both(&device);
    assert_eq!(status(server.challenge("same", "same")), Status::BadHeader);
    let m1 = server.challenge("server", "device").unwrap();
    let answer = client.respond("same", "same", &m1);
    assert_eq!(status(answer), Status::BadHeader);
}

/// Bytes of an exchange with another kind at the front.
fn as_kind(kind: &[u8; 4], message: &[u8]) -> Vec<u8> {
    [kind, &message[4..]].concat()
}

#[test]
fn a_proof_does_not_serve_in_the_other_direction() {
    let device = Device::fresh();
    let (server, client) = both(&device);
    // The server's own answer to its own challenge.
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = server.respond("server", "device", &m1).unwrap();
    assert_eq!(status(server.confirm(&m2)), Status::NotAuthentic);
    // The device's proof as if it were the server's.
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = client.respond("device", "server", &m1).unwrap();
    let m3 = as_kind(b"CLV3", &m2);
    assert_eq!(status(client.confirm(&m3)), Status::NotAuthentic);
    // The server's proof as if it were the device's, to a new challenge with the same nonce
    // there is none: each nonce is drawn.
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = client.respond("device", "server", &m1).unwrap();
    let m3 = server.confirm(&m2).unwrap().reply;
    let reflected = as_kind(b"CLV2", &m3);
    assert_eq!(status(server.confirm(&reflected)), Status::NoChallenge);
    assert_eq!(status(client.confirm(&reflected)), Status::NoChallenge);
    client.confirm(&m3).unwrap();
}

#[test]
fn an_answer_serves_once() {
    let device = Device::fresh();
    let (server, client) = both(&device);
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = client.respond("device", "server", &m1).unwrap();
    let m3 = server.confirm(&m2).unwrap().reply;
    assert_eq!(status(server.confirm(&m2)), Status::NoChallenge);
    client.confirm(&m3).unwrap();
    assert_eq!(status(client.confirm(&m3)), Status::NoChallenge);
    // Said again in a new exchange, neither is an answer to it.
    let new_m1 = server.challenge("server", "device").unwrap();
    assert_ne!(new_m1, m1);
    assert_eq!(status(server.confirm(&m2)), Status::NoChallenge);
    // A challenge said again gets another answer, to which the old confirmation does not belong.
    client.respond("device", "server", &m1).unwrap();
    assert_eq!(status(client.confirm(&m3)), Status::NoChallenge);
}

#[test]
fn a_wrong_answer_ends_the_exchange() {
    let device = Device::fresh();
    let (server, client) = both(&device);
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = client.respond("device", "server", &m1).unwrap();
    let mut wrong = m2.clone();
    wrong[MESSAGE - 1] ^= 1;
    assert_eq!(status(server.confirm(&wrong)), Status::NotAuthentic);
    assert_eq!(status(server.confirm(&m2)), Status::NoChallenge);

    let m1 = server.challenge("server", "device").unwrap();
    let m2 = client.respond("device", "server", &m1).unwrap();
    let m3 = server.confirm(&m2).unwrap().reply;
    let mut wrong = m3.clone();
    wrong[MESSAGE - 1] ^= 1;
    assert_eq!(status(client.confirm(&wrong)), Status::NotAuthentic);
    assert_eq!(status(client.confirm(&m3)), Status::NoChallenge);
}

#[test]
fn every_flipped_bit_shows() {
    let device = Device::fresh();
    let (server, client) = both(&device);
    let mut refusals = [0, 0];
    for bit in (32..8 * MESSAGE).step_by(if Device::REAL { 5 } else { 1 }) {
        let flip = |message: &[u8]| {
            let mut flipped = message.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        };
        let nonces = |challenger: bool| match bit / 8 {
            4..20 => true,
            // The challenger does not know the responder's nonce yet.
            20..36 => !challenger,
            _ => false,
        };
        let mut expect = |given, unknown: bool| {
            let expected = if unknown {
                Status::NoChallenge
            } else {
                Status::NotAuthentic
            };
            assert_eq!(given, expected, "bit {bit}");
            refusals[usize::from(unknown)] += 1;
        };
        let m1 = server.challenge("server", "device").unwrap();
        let m2 = client.respond("device", "server", &m1).unwrap();
        expect(status(server.confirm(&flip(&m2))), nonces(true));
        let m1 = server.challenge("server", "device").unwrap();
        let m2 = client.respond("device", "server", &m1).unwrap();
        let m3 = server.confirm(&m2).unwrap().reply;
        expect(status(client.confirm(&flip(&m3))), nonces(false));
    }
    assert!(refusals.iter().all(|count| *count > 50));
}

#[test]
fn the_key_must_be_the_same() {
    let device = Device::fresh();
    let (server, _) = both(&device);
    let stranger = shared(&device.user(CAROL), "key", &[8; 32]);
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = stranger.respond("device", "server", &m1).unwrap();
    assert_eq!(status(server.confirm(&m2)), Status::NotAuthentic);
}

#[test]
fn what_is_pending_is_its_callers_and_its_keys() {
    let device = Device::fresh();
    let (server, client) = both(&device);
    let carol = shared(&device.user(CAROL), "key", &SECRET);
    let other = shared(&device.user(ALICE), "other", &SECRET);
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = client.respond("device", "server", &m1).unwrap();
    assert_eq!(status(carol.confirm(&m2)), Status::NoChallenge);
    assert_eq!(status(other.confirm(&m2)), Status::NoChallenge);
    assert_eq!(status(client.confirm(&m2)), Status::NoChallenge);
    let m3 = server.confirm(&m2).unwrap().reply;
    assert_eq!(status(carol.confirm(&m3)), Status::NoChallenge);
    assert_eq!(status(server.confirm(&m3)), Status::NoChallenge);
    client.confirm(&m3).unwrap();

    // A label made anew is another key, also of the same bytes.
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = client.respond("device", "server", &m1).unwrap();
    device.user(ALICE).delete("key").unwrap();
    let anew = shared(&device.user(ALICE), "key", &SECRET);
    assert_eq!(status(anew.confirm(&m2)), Status::NoChallenge);
}

/// A MAC over an exchange's messages is no proof, not even by a key of the same bytes.
#[test]
fn a_mac_of_an_exchange_is_no_proof() {
    let device = Device::fresh();
    let (server, _) = both(&device);
    let alice = device.user(CAROL);
    let mac = alice
        .create("mac")
        .algorithm(Algorithm::Aes256Cmac)
        .import(&SECRET)
        .unwrap();
    let m1 = server.challenge("server", "device").unwrap();
    let Ok(Message::Challenge { challenger_nonce }) = Message::decode(&m1) else {
        panic!("M1 is a challenge");
    };
    let exchange = Exchange {
        challenger: "server".try_into().unwrap(),
        responder: "device".try_into().unwrap(),
        challenger_nonce,
        responder_nonce: [1; 16],
    };
    let tag = mac.mac(&exchange.tag_input(Proof::Responder)).unwrap();
    let m2 = Message::Response {
        challenger_nonce,
        responder_nonce: [1; 16],
        tag: tag.try_into().unwrap(),
    };
    assert_eq!(status(server.confirm(&m2.encode())), Status::NotAuthentic);
}

#[test]
fn a_caller_has_few_challenges_pending() {
    let device = Device::fresh();
    let (server, client) = both(&device);
    let others = client.challenge("device", "server").unwrap();
    let pending: Vec<_> = (0..=CHALLENGES)
        .map(|_| server.challenge("server", "device").unwrap())
        .collect();
    let answers: Vec<_> = pending
        .iter()
        .map(|m1| {
            SharedKey::new(&SECRET)
                .unwrap()
                .respond("device", "server", m1)
        })
        .map(|answer| answer.unwrap().1)
        .collect();
    // The oldest gave way; the others' did not.
    assert_eq!(status(server.confirm(&answers[0])), Status::NoChallenge);
    for answer in &answers[1..] {
        server.confirm(answer).unwrap();
    }
    let outside = SharedKey::new(&SECRET).unwrap();
    let (_, m2) = outside.respond("server", "device", &others).unwrap();
    client.confirm(&m2).unwrap();
}

#[test]
fn many_callers_cannot_displace_one() {
    let device = Device::fresh();
    // Two are each owner's, whoever else comes.
    let key = shared(&device.user(ALICE), "key", &SECRET);
    let pending = [(); 2].map(|()| key.challenge("server", "device").unwrap());
    for uid in ALICE + 1..ALICE + 10 {
        let other = shared(&device.user(uid), "key", &SECRET);
        for _ in 0..CHALLENGES {
            other.challenge("server", "device").unwrap();
        }
    }
    for m1 in pending {
        let outside = SharedKey::new(&SECRET).unwrap();
        let (_, m2) = outside.respond("device", "server", &m1).unwrap();
        key.confirm(&m2).unwrap();
    }
    // A factory reset forgets what is pending, and leaves the next test its places.
    let root = device.user(0);
    factory_reset(&root);
    let stranger = shared(&device.user(ALICE + 9), "key", &SECRET);
    stranger.challenge("server", "device").unwrap();
}

/// What the library would not send, asked of the trusted application itself.
#[test]
fn messages_have_their_place_and_form() {
    let device = Device::fresh();
    let (server, device_key) = both(&device);
    let m1 = server.challenge("server", "device").unwrap();
    let m2 = device_key.respond("device", "server", &m1).unwrap();
    let m3 = server.confirm(&m2).unwrap().reply;
    let alice = device.user(ALICE);
    let respond = RespondRequest {
        key: "key".try_into().unwrap(),
        me: "a".try_into().unwrap(),
        peer: "b".try_into().unwrap(),
    };
    let confirm = ConfirmRequest {
        key: "key".try_into().unwrap(),
        session_key: false,
    };
    let longer = [m1.as_slice(), &[0]].concat();
    for wrong in [
        &m2[..],
        &m3,
        b"",
        &m1[..19],
        &longer,
        &as_kind(b"CLV4", &m1),
    ] {
        let answer = alice.request(&respond, wrong);
        assert_eq!(status(answer), Status::BadPayload);
    }
    let longer = [m2.as_slice(), &[0]].concat();
    for wrong in [&m1[..], b"", &m2[..51], &longer, &as_kind(b"CLV4", &m2)] {
        let answer = alice.request(&confirm, wrong);
        assert_eq!(status(answer), Status::BadPayload);
    }
}
