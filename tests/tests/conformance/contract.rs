//! Numbers, names and sizes of the contract that must never change. (The bytes of its messages
//! and the numbers of its statuses are pinned in the contract's own crate.)

use claviger::{
    Algorithm, Identity, Origin, State, Usage,
    proto::{Command, Digits, Label, Login, Uuid, codec, limits, message::*},
};
use serde::Serialize;

fn encoded(message: &impl Serialize) -> String {
    let mut bytes = [0; limits::HEADER];
    let len = codec::encode(message, &mut bytes).unwrap();
    String::from_utf8(bytes[..len].to_vec()).unwrap()
}

/// Matches without a wildcard, so that a command without a pinned number does not compile.
const fn pinned_id(command: Command) -> (u32, &'static str) {
    match command {
        Command::Info => (1, "info"),
        Command::SelfTest => (2, "self-test"),
        Command::Random => (3, "random"),
        Command::Generate => (4, "generate"),
        Command::Import => (5, "import"),
        Command::List => (6, "list"),
        Command::Describe => (7, "describe"),
        Command::Delete => (8, "delete"),
        Command::PublicKey => (9, "public-key"),
        Command::Seal => (10, "seal"),
        Command::Unseal => (11, "unseal"),
        Command::Mac => (12, "mac"),
        Command::VerifyMac => (13, "verify-mac"),
        Command::MacStart => (14, "mac-start"),
        Command::MacUpdate => (15, "mac-update"),
        Command::MacFinish => (16, "mac-finish"),
        Command::VerifyMacFinish => (17, "verify-mac-finish"),
        Command::Sign => (18, "sign"),
        Command::Challenge => (19, "challenge"),
        Command::Respond => (20, "respond"),
        Command::Confirm => (21, "confirm"),
        Command::Lock => (22, "lock"),
        Command::FactoryReset => (23, "factory-reset"),
    }
}

#[test]
fn every_command_is_this_number() {
    for command in Command::ALL {
        assert_eq!((command.id(), command.name()), pinned_id(*command));
    }
}

/// Stored in slots and in JSON, so neither numbers nor names may change.
#[test]
fn attributes_of_keys_are_these_numbers_and_names() {
    let json = |value: &str| format!("\"{value}\"");
    let algorithms = [
        (Algorithm::Aes256Siv, 1, "aes-256-siv"),
        (Algorithm::Aes128Siv, 2, "aes-128-siv"),
        (Algorithm::Aes128Cmac, 3, "aes-128-cmac"),
        (Algorithm::Aes256Cmac, 4, "aes-256-cmac"),
        (Algorithm::HmacSha256, 5, "hmac-sha256"),
        (Algorithm::EcdsaP256, 6, "ecdsa-p256"),
        (Algorithm::Ed25519, 7, "ed25519"),
    ];
    assert_eq!(algorithms.map(|(algorithm, ..)| algorithm), Algorithm::ALL);
    for (algorithm, number, name) in algorithms {
        assert_eq!(Algorithm::try_from(number), Ok(algorithm));
        assert_eq!(algorithm.name(), name);
        assert_eq!(encoded(&algorithm), json(name));
    }
    let usages = [
        (Usage::Seal, 1, "seal"),
        (Usage::Mac, 2, "mac"),
        (Usage::Sign, 3, "sign"),
        (Usage::Challenge, 4, "challenge"),
    ];
    assert_eq!(usages.map(|(usage, ..)| usage), Usage::ALL);
    for (usage, number, name) in usages {
        assert_eq!(Usage::try_from(number), Ok(usage));
        assert_eq!(usage.name(), name);
        assert_eq!(encoded(&usage), json(name));
    }
    assert_eq!(Origin::ALL, [Origin::Generated, Origin::Imported]);
    assert_eq!(Origin::try_from(1), Ok(Origin::Generated));
    assert_eq!(Origin::try_from(2), Ok(Origin::Imported));
    assert_eq!(State::ALL, [State::Active]);
    assert_eq!(State::try_from(2), Ok(State::Active));
    for unknown in [0, 8, u8::MAX] {
        assert_eq!(Algorithm::try_from(unknown), Err(()));
        assert_eq!(Usage::try_from(unknown), Err(()));
        assert_eq!(Origin::try_from(unknown), Err(()));
        assert_eq!(State::try_from(unknown), Err(()));
    }
}

/// The longest of those, by what it takes in JSON.
fn longest<T: Copy + Serialize>(all: &[T]) -> T {
    *all.iter().max_by_key(|value| encoded(value).len()).unwrap()
}

#[test]
fn the_longest_answers_fit() {
    let key = KeyDescription {
        key: Label::try_from(&*"k".repeat(Label::MAX)).unwrap(),
        id: Digits([0; 16]),
        algorithm: longest(Algorithm::ALL),
        usage: longest(Usage::ALL),
        origin: longest(Origin::ALL),
        state: longest(State::ALL),
        export_derived: false,
        version: u32::MAX,
        owner: Identity {
            login: longest(&[Login::User, Login::Group]),
            id: Uuid([0; 16]),
        },
    };
    // What limits::HEADER counts with.
    assert!(encoded(&key).len() <= 456, "{}", encoded(&key).len());
    let page = ListResponse {
        keys: vec![key; limits::PAGE].into_iter().collect(),
        next: Some(u32::MAX),
    };
    assert_eq!(page.keys.len(), limits::PAGE);
    assert!(encoded(&page).len() <= limits::HEADER);

    let number = u32::MAX;
    let response = InfoResponse {
        // Two characters each where JSON escapes them.
        version: (*"\"".repeat(16)).try_into().unwrap(),
        platform: (*"\"".repeat(64)).try_into().unwrap(),
        insecure: false,
        rollback_level: number,
        store: u16::MAX,
        vault: Some(VaultInfo {
            id: Digits([0; 16]),
            locked: false,
            keys: number,
            free: number,
            damaged: number,
            degraded: number,
            repaired: number,
        }),
        limits: Limits {
            header: number,
            payload: number,
            chunk: number,
            context: number,
            random: number,
            keys: number,
            challenges: number,
        },
        marks: Some(Marks {
            heap_peak: number,
            heap_now: number,
            heap_size: number,
            stack_peak: number,
            stack_size: number,
        }),
        build: Build::Release,
        instance: Digits([0; 16]),
        confirmation: Some(Digits([0; 4])),
    };
    assert!(encoded(&response).len() <= limits::HEADER);

    let result = SelfTestResult {
        primitive: (*"\"".repeat(24)).try_into().unwrap(),
        passed: false,
    };
    let mut response = SelfTestResponse {
        results: [result.clone()].into_iter().collect(),
    };
    while response.results.push(result.clone()).is_ok() {}
    assert!(encoded(&response).len() <= limits::HEADER);
}
