use super::*;

/// Recomputed by tests/data/challenge_response.py with Python's `cryptography`.
const VECTORS: &str = include_str!("../../tests/data/challenge_response.txt");

fn hex(text: &str) -> Vec<u8> {
    let digits = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

fn name(text: &str) -> PartyName {
    PartyName::try_from(text).unwrap()
}

#[test]
fn another_implementation_agrees() {
    let mut vectors = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(' ').collect();
        let [server, device, key, r_b, r_a, m1, m2, m3, session] = fields[..] else {
            panic!("{line}");
        };
        let key = SharedKey::new(&hex(key)).unwrap();
        let nonce = |text| hex(text).try_into().unwrap();
        let (challenger, first) = key.challenge_with(name(server), name(device), nonce(r_b));
        assert_eq!(first, hex(m1));
        let (responder, second) = key
            .respond_with(name(device), name(server), &first, nonce(r_a))
            .unwrap();
        assert_eq!(second, hex(m2));
        let (challengers_key, third) = challenger.confirm(&second).unwrap();
        assert_eq!(third, hex(m3));
        assert_eq!(challengers_key.expose().to_vec(), hex(session));
        assert_eq!(
            responder.confirm(&third).unwrap().expose().to_vec(),
            hex(session)
        );
        vectors += 1;
    }
    assert_eq!(vectors, 4);
}

fn keys() -> (SharedKey, SharedKey) {
    (
        SharedKey::new(&[1; 16]).unwrap(),
        SharedKey::new(&[2; 32]).unwrap(),
    )
}

#[test]
fn only_the_same_key_and_names_are_authentic() {
    let (key, other) = keys();
    for (answering, me, peer) in [
        (&other, "device", "server"),
        (&key, "devicf", "server"),
        (&key, "device", "servfr"),
    ] {
        let (challenger, m1) = key.challenge("server", "device").unwrap();
        let (_, m2) = answering.respond(me, peer, &m1).unwrap();
        assert!(matches!(
            challenger.confirm(&m2),
            Err(AuthorityError::NotAuthentic)
        ));
    }
}

#[test]
fn each_flipped_bit_is_refused() {
    let (key, _) = keys();
    for bit in 32..8 * auth::MESSAGE {
        let (challenger, m1) = key.challenge("server", "device").unwrap();
        let (_, mut m2) = key.respond("device", "server", &m1).unwrap();
        m2[bit / 8] ^= 1 << (bit % 8);
        assert!(
            matches!(challenger.confirm(&m2), Err(AuthorityError::NotAuthentic)),
            "{bit}"
        );

        let (challenger, m1) = key.challenge("server", "device").unwrap();
        let (responder, m2) = key.respond("device", "server", &m1).unwrap();
        let (_, mut m3) = challenger.confirm(&m2).unwrap();
        m3[bit / 8] ^= 1 << (bit % 8);
        assert!(
            matches!(responder.confirm(&m3), Err(AuthorityError::NotAuthentic)),
            "{bit}"
        );
    }
}

#[test]
fn messages_of_another_exchange_or_direction_are_refused() {
    let (key, _) = keys();
    let (challenger, m1) = key.challenge("server", "device").unwrap();
    let (responder, m2) = key.respond("device", "server", &m1).unwrap();
    let (later, _) = key.challenge("server", "device").unwrap();
    assert!(
        matches!(later.confirm(&m2), Err(AuthorityError::NotAuthentic)),
        "replayed"
    );
    let (mirror, m1) = key.challenge("server", "device").unwrap();
    let (_, reflected) = key.respond("server", "device", &m1).unwrap();
    assert!(
        matches!(
            mirror.confirm(&reflected),
            Err(AuthorityError::NotAuthentic)
        ),
        "reflected"
    );
    assert!(matches!(
        challenger.confirm(&m1),
        Err(AuthorityError::Message)
    ));
    assert!(matches!(
        responder.confirm(&m2),
        Err(AuthorityError::Message)
    ));
    assert!(matches!(
        key.respond("device", "server", b""),
        Err(AuthorityError::Message)
    ));
}

#[test]
fn keys_and_names_are_checked() {
    for length in [0, 15, 17, 31, 33] {
        let refused = SharedKey::new(&vec![0; length]);
        assert!(matches!(refused, Err(AuthorityError::KeyLength(wrong)) if wrong == length));
    }
    assert!(matches!(
        keys().0.challenge("", "x"),
        Err(AuthorityError::Name { .. })
    ));
    let same = |refused| matches!(refused, Err(AuthorityError::SameName(name)) if name == "x");
    assert!(same(keys().0.challenge("x", "x").map(drop)));
    assert!(same(keys().0.respond("x", "x", b"").map(drop)));
}
