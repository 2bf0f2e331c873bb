//! Sessions without end, and sessions that are none.

use claviger::{
    Status,
    proto::{Command, limits},
};
use claviger_tests::{ALICE, BOB, Device, bare::BareSession, frames::frame};
use optee_teec::raw;

use crate::{checked, fresh, steady};

const SIZE: usize = 4096;

/// Opens sessions of one user until one is refused.
fn fill(device: &Device, uid: u32) -> Vec<BareSession> {
    let mut sessions = Vec::new();
    loop {
        match device.bare(uid, SIZE) {
            Ok(session) => sessions.push(session),
            Err(code) => {
                assert_eq!(code, raw::TEEC_ERROR_BUSY);
                return sessions;
            }
        }
    }
}

/// Opens sessions of users who are not root until none gets one any more.
pub(crate) fn all(device: &Device) -> Vec<BareSession> {
    let mut sessions = Vec::new();
    for uid in 5000.. {
        let theirs = fill(device, uid);
        if theirs.is_empty() {
            break;
        }
        sessions.extend(theirs);
    }
    sessions
}

fn info(session: &mut BareSession) -> Option<Status> {
    session.block().put(&frame(b"{}", b""));
    let answer = session.send(Command::Info.id(), SIZE);
    checked(session, answer, SIZE)
}

#[test]
fn sessions_until_they_are_refused() {
    let device = fresh();
    for _ in 0..3 {
        let mut theirs = fill(&device, ALICE);
        assert_eq!(theirs.len(), limits::CALLER_HELD_SESSIONS);
        // Others who own no key share with her; root does not.
        let few = fill(&device, BOB);
        assert_eq!(few.len(), limits::FEW_SESSIONS);
        drop(few);
        let mut root = fill(&device, 0);
        assert!(root.len() >= limits::ROOT_OPEN_SESSIONS);
        for sessions in [&mut theirs, &mut root] {
            let displaced = sessions.len().saturating_sub(limits::CALLER_SESSIONS);
            for (number, session) in sessions.iter_mut().enumerate() {
                let expected = match number < displaced {
                    true => Status::SessionDisplaced,
                    false => Status::Ok,
                };
                assert_eq!(info(session), Some(expected), "{number}");
            }
        }
        // A place that becomes free is had again.
        drop(theirs.remove(0));
        let mut another = device.bare(ALICE, SIZE).unwrap();
        assert_eq!(info(&mut another), Some(Status::Ok));
    }
    steady(&device);
}

#[test]
fn closed_sessions_serve_no_more() {
    let device = fresh();
    let mut other = device.bare(BOB, SIZE).unwrap();
    for _ in 0..3 {
        let mut session = device.bare(ALICE, SIZE).unwrap();
        assert_eq!(info(&mut session), Some(Status::Ok));
        for _ in 0..2 {
            session.close();
            for command in Command::ALL {
                session.block().put(&frame(b"{}", b""));
                let answer = session.send(command.id(), SIZE);
                assert_eq!(answer.code, raw::TEEC_ERROR_BAD_PARAMETERS);
            }
        }
        session.reopen().unwrap();
        assert_eq!(info(&mut session), Some(Status::Ok));
    }
    assert_eq!(info(&mut other), Some(Status::Ok));
    drop(other);
    steady(&device);
}

/// A session is known by a number, and belongs to the process that opened it.
#[test]
fn sessions_of_others_cannot_be_used() {
    let device = fresh();
    let mut theirs = device.bare(ALICE, SIZE).unwrap();
    let mut mine = device.bare(BOB, SIZE).unwrap();
    let (alice, bob) = (*theirs.number(), *mine.number());
    assert_ne!(alice, bob);
    let guesses = (0..64).chain([alice, u32::MAX, 1 << 31]);
    for number in guesses.filter(|number| *number != bob) {
        *mine.number() = number;
        mine.block().put(&frame(b"{}", b""));
        let answer = mine.send(Command::Info.id(), SIZE);
        assert_eq!(answer.code, raw::TEEC_ERROR_BAD_PARAMETERS, "{number}");
        // Nor ended.
        mine.close();
    }
    mine.reopen().unwrap();
    assert_eq!(info(&mut mine), Some(Status::Ok));
    assert_eq!(info(&mut theirs), Some(Status::Ok));
    drop((mine, theirs));
    steady(&device);
}
