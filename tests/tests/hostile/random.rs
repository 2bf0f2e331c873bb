//! Invokes at random, of every command.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use claviger::{
    Algorithm, Client, Usage,
    proto::{Command, command::FROM_MEMORY, limits, message::ChallengeRequest},
};
use claviger_tests::{
    ALICE, Handle, Rng,
    bare::{BareSession, INOUT, Parameter, TYPES, alone},
    creation, label,
    mutation::{REACHED, frame_for},
    new_key, new_key_for,
};

use crate::{checked, fresh, steady};

/// The block: the largest frame, at any place.
const SIZE: usize = limits::FRAME + 4096;

/// So many invokes of each command that progress is told.
const LONG: usize = 10_000;

/// What the invokes of one run came to.
#[derive(Default)]
pub(crate) struct Seen {
    statuses: BTreeMap<u16, u32>,
    codes: BTreeMap<u32, u32>,
}

/// A user's session, its keys and what they made, all to be abused.
pub(crate) struct Abuser {
    session: BareSession,
    material: Vec<Vec<u8>>,
    rng: Rng,
    pub(crate) seen: Seen,
}

impl Abuser {
    /// A key of each algorithm for this user.
    pub(crate) fn new(client: &Client, session: BareSession, seed: u64) -> Abuser {
        for algorithm in Algorithm::ALL {
            creation(client, algorithm.name(), *algorithm)
                .generate()
                .unwrap();
        }
        let seal = Handle::new(client, Algorithm::Aes256Siv.name());
        let mac = Handle::new(client, Algorithm::Aes128Cmac.name());
        let encrypt = Handle::new(client, Algorithm::Aes256Gcm.name());
        let challenge = new_key_for("challenge", Algorithm::Aes128Cmac, Usage::Challenge);
        Handle::generate(client, challenge).unwrap();
        let request = ChallengeRequest {
            key: label("challenge").into(),
            me: label("a"),
            peer: label("b"),
        };
        let (_, m1) = client.request(&request, &[]).unwrap();
        let new = new_key("wrapped", Algorithm::Aes256Siv);
        let wrapped = Handle::generate(
            client,
            claviger::proto::message::NewKey {
                home: claviger::Home::Wrapped,
                ..new
            },
        )
        .unwrap();
        let material = vec![
            [b"c", &seal.seal(b"c", b"text").unwrap()[..]].concat(),
            [&mac.mac(&[7; 16]).unwrap()[..], &[7; 16]].concat(),
            [b"c", &encrypt.encrypt(b"c", b"text").unwrap()[..]].concat(),
            m1,
            wrapped.front.clone(),
            [&wrapped.front[..], &wrapped.seal(b"", b"text").unwrap()].concat(),
        ];
        Abuser {
            session,
            material,
            rng: Rng::new(seed),
            seen: Seen::default(),
        }
    }

    /// Invokes a command with something or other.
    pub(crate) fn invoke(&mut self, command: Command) {
        let rng = &mut self.rng;
        let bytes = frame_for(rng, command, &self.material);
        let size = match rng.below(8) {
            0 => rng.below(bytes.len() + 1),
            1 => bytes.len(),
            2 => rng.below(limits::FRAME + 1),
            3 => limits::FRAME,
            _ => bytes.len().next_multiple_of(4096),
        };
        self.session.block().put(&bytes);
        let id = match rng.below(4) {
            0 => command.id() | FROM_MEMORY,
            _ => command.id(),
        };
        let reference = Parameter::of(*rng.choose(&INOUT), size);
        if rng.below(8) > 0 {
            // A reference to the whole block takes no size.
            let whole = reference.kind == claviger_tests::bare::MEMREF_WHOLE;
            let size = if whole { SIZE } else { size };
            let answer = self.session.invoke(id, alone(reference));
            *self.seen.codes.entry(answer.code).or_default() += 1;
            if let Some(status) = checked(&self.session, answer, size) {
                *self.seen.statuses.entry(status.code()).or_default() += 1;
            }
        } else {
            let parameters = [(); 4].map(|()| Parameter {
                kind: *rng.choose(&TYPES),
                offset: (rng.below(8) > 0).then(|| rng.below(SIZE)),
                size: rng.below(4096),
            });
            // What is passed in place must lie in the block.
            let inside = parameters.map(|parameter| match parameter.offset {
                Some(offset) => Parameter {
                    size: parameter.size.min(SIZE - offset),
                    ..parameter
                },
                None => parameter,
            });
            let answer = self.session.invoke(id, inside);
            *self.seen.codes.entry(answer.code).or_default() += 1;
            // Where it is served after all, the frame lies elsewhere.
            assert_ne!(answer.code, optee_teec::raw::TEEC_ERROR_TARGET_DEAD);
        }
    }
}

fn each_command(invokes: usize) {
    let device = fresh();
    let mut abusers = [ALICE, 0].map(|uid| {
        let session = device.bare(uid, SIZE).unwrap();
        Abuser::new(&device.user(uid), session, uid.into())
    });
    // Not `eprintln`, which the test harness keeps until the end.
    let mut progress = io::stderr();
    for (done, command) in Command::ALL.iter().enumerate() {
        if invokes >= LONG {
            let of = Command::ALL.len();
            writeln!(progress, "{done} of {of} commands: {command:?}").unwrap();
        }
        for invoke in 0..invokes {
            abusers[usize::from(invoke % 8 == 0)].invoke(*command);
        }
    }
    let mut reached = BTreeSet::new();
    for abuser in &abusers {
        let Seen { statuses, codes } = &abuser.seen;
        println!("statuses {statuses:?}, codes {codes:x?}");
        reached.extend(statuses.keys().copied());
    }
    for status in REACHED {
        assert!(reached.contains(&status.code()), "{status:?}");
    }
    drop(abusers);
    steady(&device);
}

#[test]
fn some_hundred_invokes_of_each_command() {
    each_command(200);
}

#[test]
#[ignore = "takes an hour"]
fn ten_thousand_invokes_of_each_command() {
    each_command(LONG);
}
