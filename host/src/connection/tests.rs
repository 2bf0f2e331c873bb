use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use claviger_proto::{
    Algorithm, Digits, Export, Home, Identity, Label, Login, Origin, State, Usage, Uuid,
    message::{
        DerivedResponse, Done, GenerateRequest, Grant, KeyDescription, KeyVersion, MacRequest,
        MacUpdateRequest, NewKey, Policy, RandomRequest, SharePolicy,
    },
};

use super::*;
use crate::{Client, transport::Stage};

/// Does as it is told, and remembers what it was asked.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    answers: VecDeque<Result<Vec<u8>, Fault>>,
    calls: Vec<(u32, usize)>,
    reopened: usize,
    cannot_reopen: bool,
}

struct Scripted {
    script: Script,
    memory: Vec<u8>,
}

impl Script {
    fn client(&self, answers: Vec<Result<Vec<u8>, Fault>>) -> Client {
        self.0.lock().unwrap().answers = answers.into();
        Client::with_transport(Scripted {
            script: self.clone(),
            memory: Vec::new(),
        })
    }

    fn calls(&self) -> Vec<(u32, usize)> {
        self.0.lock().unwrap().calls.clone()
    }

    fn reopened(&self) -> usize {
        self.0.lock().unwrap().reopened
    }
}

impl Transport for Scripted {
    fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn reserve(&mut self, size: usize) -> Result<(), TransportError> {
        self.memory = vec![0; size];
        Ok(())
    }

    fn invoke(&mut self, command_id: u32, size: usize) -> Result<usize, Fault> {
        assert!(size <= self.memory.len(), "more memory than was reserved");
        let mut told = self.script.0.lock().unwrap();
        told.calls.push((command_id, size));
        let answer = told
            .answers
            .pop_front()
            .expect("a call that the script does not know")?;
        self.memory.fill(0xee);
        self.memory[..answer.len()].copy_from_slice(&answer);
        Ok(answer.len())
    }

    fn reopen(&mut self) -> Result<(), TransportError> {
        let mut told = self.script.0.lock().unwrap();
        told.reopened += 1;
        if told.cannot_reopen {
            return Err(TransportError::Dead);
        }
        Ok(())
    }

    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        Err(TransportError::Dead)
    }
}

fn reply(status: Status, header: &[u8], payload: &[u8]) -> Vec<u8> {
    let prefix = Prefix {
        status,
        header: header.len(),
        payload: payload.len(),
    };
    [&prefix.encode().unwrap(), header, payload].concat()
}

fn mac_request() -> MacRequest {
    MacRequest {
        key: label('k', 1).into(),
    }
}

fn label(letter: char, length: usize) -> Label {
    Label::try_from(&*letter.to_string().repeat(length)).unwrap()
}

fn generate_request() -> GenerateRequest {
    let new = NewKey {
        key: label('k', 1),
        algorithm: Algorithm::Ed25519,
        usage: None,
        children: None,
        ratchet: false,
        pre_activation: false,
        home: Home::Vault,
        family: None,
        policy: Policy::of(Usage::Sign),
        recipients: heapless::Vec::new(),
    };
    GenerateRequest { new }
}

#[test]
fn a_displaced_session_is_opened_anew_unseen() {
    let script = Script::default();
    let gone = || Ok(reply(Status::SessionDisplaced, b"", b""));
    let answer = || Ok(reply(Status::Ok, br#"{"version":1}"#, b"tag"));
    let client = script.client(vec![gone(), gone(), answer()]);
    client.request(&mac_request(), b"message").unwrap();
    assert_eq!((script.calls().len(), script.reopened()), (3, 2));
    // Nothing was done, so that what may not be repeated is.
    let client = script.client(vec![gone(), Ok(reply(Status::NotFound, b"", b""))]);
    let error = client.request(&generate_request(), b"").unwrap_err();
    assert_eq!(error.status(), Some(Status::NotFound));

    // But what was begun in the session went with it.
    let client = script.client(vec![gone()]);
    let error = client.request(&MacUpdateRequest {}, b"more").unwrap_err();
    assert_eq!(error.status(), Some(Status::SessionDisplaced));
    assert_eq!(script.reopened(), 4);
    assert!(error.hint().unwrap().contains("begin"));

    let client = script.client((0..=DISPLACED).map(|_| gone()).collect());
    let error = client.request(&mac_request(), b"").unwrap_err();
    assert_eq!(
        error.status(),
        Some(Status::SessionDisplaced),
        "not for ever"
    );
}

#[test]
fn a_request_that_is_safe_to_repeat_is_sent_again_once() {
    let script = Script::default();
    let answer = reply(Status::Ok, br#"{"version":1}"#, b"tag");
    let client = script.client(vec![Err(Fault::Dead), Ok(answer)]);
    let (version, tag) = client.request(&mac_request(), b"message").unwrap();
    assert_eq!((version, &*tag), (KeyVersion { version: 1 }, &b"tag"[..]));
    assert_eq!((script.calls().len(), script.reopened()), (2, 1));

    let client = script.client(vec![Err(Fault::Dead), Err(Fault::Dead)]);
    let error = client.request(&mac_request(), b"message").unwrap_err();
    assert!(
        matches!(error, Error::Transport(TransportError::Dead)),
        "{error}"
    );
}

#[test]
fn a_request_that_may_have_happened_is_not_sent_again() {
    let script = Script::default();
    for cannot_reopen in [false, true] {
        script.0.lock().unwrap().cannot_reopen = cannot_reopen;
        let client = script.client(vec![Err(Fault::Dead)]);
        let error = client.request(&generate_request(), b"").unwrap_err();
        assert!(
            matches!(
                error,
                Error::Restarted {
                    command: Command::Generate,
                    effect: Effect::Unknown
                }
            ),
            "{error}"
        );
    }
    assert_eq!(script.reopened(), 2);
}

#[test]
fn every_command_that_may_not_be_repeated_says_what_became_of_it() {
    for command in Command::ALL
        .iter()
        .filter(|command| command.repeat() == Repeat::Never)
    {
        let name = command.name();
        let ceremony = name.contains("component") || name.contains("restore");
        let lost = name.contains("mac")
            || matches!(command, Command::Confirm | Command::PendingCancel)
            || (ceremony && (name.ends_with("start") || name.ends_with("cancel")));
        assert_eq!(effect_of(*command) == Effect::Lost, lost, "{command:?}");
    }
}

#[test]
fn a_short_buffer_is_answered_with_all_there_is() {
    let script = Script::default();
    let answer = reply(Status::Ok, br#"{"version":1}"#, b"tag");
    let client = script.client(vec![Err(Fault::ShortBuffer { needed: 5000 }), Ok(answer)]);
    client.request(&mac_request(), b"message").unwrap();
    assert_eq!(script.calls(), [(12, PAGE), (12, limits::FRAME)]);

    let client = script.client(vec![Err(Fault::ShortBuffer { needed: 5000 })]);
    let error = client.request(&generate_request(), b"").unwrap_err();
    assert!(matches!(
        error,
        Error::Transport(TransportError::ShortBuffer { needed: 5000 })
    ));
}

#[test]
fn only_what_is_needed_is_passed() {
    assert_eq!(room(Command::Mac, 80), PAGE);
    assert_eq!(room(Command::Sign, PAGE + 1), PAGE + 1);
    assert_eq!(room(Command::List, 80), PREFIX + limits::HEADER);
    assert_eq!(room(Command::Random, 80), PREFIX + 64 + limits::RANDOM);
    assert_eq!(room(Command::Seal, 5000), 5000 + blob::HEADER + blob::TAG);
    assert_eq!(room(Command::Unseal, limits::FRAME), limits::FRAME);
    assert_eq!(room(Command::Encrypt, 5000), 5000 + NONCE + blob::TAG);
    assert_eq!(room(Command::Combine, 80), PAGE);
    // The longest manifest, and eight shares of eight versions of 64 bytes.
    let shares = 8 * (32 + 32 + 8 * 64 + 16) + 805;
    assert_eq!(room(Command::Share, 80), PREFIX + 128 + shares);
}

/// A short buffer is only found out when what was asked has happened.
#[test]
fn the_longest_description_has_room() {
    let algorithm = Algorithm::ALL.iter().max_by_key(|one| one.name().len());
    let state = State::ALL.iter().max_by_key(|one| one.name().len());
    let usage = Usage::ALL.iter().max_by_key(|one| one.name().len());
    let names = |one: &&Usage| {
        let permissions = one.permissions().iter();
        permissions.map(|one| one.name().len() + 3).sum::<usize>()
    };
    let may = Usage::ALL.iter().max_by_key(names).unwrap().permissions();
    let identity = Identity {
        login: Login::Group,
        id: Uuid([0xff; 16]),
    };
    let description = KeyDescription {
        key: label('k', Label::MAX),
        id: Digits([0xff; 16]),
        algorithm: *algorithm.unwrap(),
        usage: *usage.unwrap(),
        children: algorithm.copied(),
        ratchet: false,
        origin: Origin::Generated,
        state: *state.unwrap(),
        version: u32::MAX,
        versions: [u32::MAX; limits::VERSIONS].into_iter().collect(),
        owner: identity,
        home: Home::Wrapped,
        family: Some(label('f', Label::MAX)),
        policy: Policy {
            owner: may,
            grants: (0..limits::GRANTS)
                .map(|_| Grant { to: identity, may })
                .collect(),
            max_uses: Some(u64::MAX),
            min_context: u32::MAX,
            rotate_after_uses: Some(u64::MAX),
            rotate_after_bytes: Some(u64::MAX),
            export: Export::Wrapped,
            shares: Some(SharePolicy {
                threshold: u8::MAX,
                shares: u8::MAX,
                recipients: Digits([0xff; 32]),
            }),
            export_derived: false,
            rollback_level: u32::MAX,
            fixed_owner: false,
        },
        uses_left: Some(u64::MAX),
        version_uses: Some(u64::MAX),
        version_bytes: Some(u64::MAX),
        check_value: Some(Digits([0xff; 5])),
    };
    let derived = DerivedResponse {
        key: Some(description),
        ciphertext: u32::MAX,
    };
    let mut header = [0; limits::HEADER];
    let length = codec::encode(&derived, &mut header).unwrap();
    assert!(length <= DESCRIPTION, "{length}");
    assert!(
        length > DESCRIPTION - 100,
        "{length}: no more than is needed"
    );
}

#[test]
fn a_reply_that_is_none_is_an_error() {
    let good = reply(Status::Ok, b"{}", b"four");
    let mut other_version = good.clone();
    other_version[0] = 9;
    let mut long = good.clone();
    long[8] = 200;
    let cases = [
        (vec![], "not a frame"),
        (good[..PREFIX - 1].to_vec(), "not a frame"),
        (other_version, "different protocol versions"),
        (long, "contradict each other"),
        (reply(Status::Ok, b"{", b""), "header that is not known"),
        (
            reply(Status::Ok, br#"{"more":1}"#, b""),
            "header that is not known",
        ),
        (good, "payload of 4 bytes"),
    ];
    for (answer, expected) in cases {
        let client = Script::default().client(vec![Ok(answer)]);
        let error = client.random(8).unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_refusal_is_its_status_and_a_fault_its_code() {
    let client = Script::default().client(vec![Ok(reply(Status::NotFound, b"", b""))]);
    assert!(matches!(
        client.describe("k"),
        Err(Error::Ta(Status::NotFound))
    ));
    let error = TransportError::Tee {
        stage: Stage::Invoke,
        code: 0xFFFF_000D,
        origin: 3,
    };
    let client = Script::default().client(vec![Err(Fault::Failed(error))]);
    let error = client.describe("k").unwrap_err();
    assert!(
        error.to_string().contains("busy (0xffff000d, from OP-TEE)"),
        "{error}"
    );
    assert!(error.hint().is_some());
}

#[test]
fn secrets_do_not_stay_in_the_memory() {
    let script = Script::default();
    script.client(vec![Ok(reply(Status::Ok, b"{}", b"secret"))]);
    let transport = Scripted {
        script,
        memory: vec![0; limits::FRAME],
    };
    let mut connection = Connection::new(Box::new(transport), None);
    let request = RandomRequest { length: 6 };
    let random = connection
        .call(&request, &[], 0, |Done {}, random| Ok(random.to_vec()))
        .unwrap();
    assert_eq!(random, b"secret");
    let memory = connection.transport.memory();
    assert!(!memory.windows(6).any(|bytes| bytes == b"secret"));
}

#[test]
fn too_much_is_refused_before_it_is_sent() {
    let script = Script::default();
    let client = script.client(vec![]);
    let refused = client.request(&mac_request(), &vec![0; limits::PAYLOAD + 1]);
    assert!(matches!(refused, Err(Error::Ta(Status::PayloadTooLong))));
    assert!(script.calls().is_empty());
}
