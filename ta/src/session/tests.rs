use claviger_proto::{Login, Uuid};

use super::*;

fn caller(login: Login, byte: u8) -> Caller {
    let id = Uuid([byte; 16]);
    Caller::Identified(Identity { login, id })
}

fn user(byte: u8) -> Caller {
    caller(Login::User, byte)
}

const ROOT: Caller = Caller::Identified(Identity::ADMINISTRATOR);

/// Everyone owns keys, but for those from 200 on.
fn holder(whose: Option<Identity>) -> Holder {
    Holder::of(whose, whose.is_some_and(|whose| whose.id.0[0] < 200))
}

fn fill(sessions: &mut Sessions, caller: Caller) -> (Vec<Session>, Status) {
    let mut open = Vec::new();
    loop {
        match sessions.open(caller, holder) {
            Ok(session) => open.push(session),
            Err(status) => return (open, status),
        }
    }
}

fn serving(sessions: &mut Sessions, open: &mut [Session]) -> usize {
    let mut serve = |session: &mut Session| sessions.serve(session).is_ok();
    open.iter_mut()
        .filter_map(|one| serve(one).then_some(()))
        .count()
}

#[test]
fn one_callers_oldest_gives_its_place_to_the_newest() {
    let mut sessions = Sessions::default();
    let (mut hers, status) = fill(&mut sessions, user(1));
    assert_eq!(hers.len(), limits::HELD_SESSIONS);
    assert_eq!(status, Status::QuotaExceeded);
    let displaced = limits::HELD_SESSIONS - limits::CALLER_SESSIONS;
    for (number, session) in hers.iter_mut().enumerate() {
        let expected = match number < displaced {
            true => Err(Status::SessionDisplaced),
            false => Ok(()),
        };
        assert_eq!(sessions.serve(session), expected, "{number}");
    }
    // What the library does then.
    sessions.close(&hers.remove(0));
    let mut again = sessions.open(user(1), holder).unwrap();
    assert_eq!(sessions.serve(&mut again), Ok(()));
    // The place of what was used is not taken, but that of the next.
    let (used, next) = (displaced - 1, displaced);
    assert_eq!(sessions.serve(&mut hers[used + 1]), Ok(()));
    assert!(
        sessions.serve(&mut hers[next - 1]).is_err(),
        "it was the oldest"
    );
}

#[test]
fn nobody_fills_the_table_for_others() {
    let mut sessions = Sessions::default();
    // A user with his groups, and as many without a key as there are.
    let mut theirs = fill(&mut sessions, user(1)).0;
    for group in 1..50 {
        theirs.extend(fill(&mut sessions, caller(Login::Group, group)).0);
    }
    for stranger in 200..250 {
        theirs.extend(fill(&mut sessions, user(stranger)).0);
    }
    theirs.extend(fill(&mut sessions, Caller::Public).0);
    assert_eq!(theirs.len(), 3 * limits::HELD_SESSIONS);
    for victim in [user(2), ROOT] {
        let mut own: Vec<_> = (0..limits::SESSION_SHARE)
            .map(|_| sessions.open(victim, holder).unwrap())
            .collect();
        // They stay, whatever the others open and use.
        let stays = |sessions: &mut Sessions, own: &mut [Session]| {
            assert_eq!(serving(sessions, own), limits::SESSION_SHARE);
        };
        for round in 0..theirs.len() {
            let closed = theirs.swap_remove(round);
            sessions.close(&closed);
            theirs.push(sessions.open(closed.caller, holder).unwrap());
            stays(&mut sessions, &mut own);
        }
        own.drain(..).for_each(|session| sessions.close(&session));
    }
}

#[test]
fn root_gets_in() {
    let mut sessions = Sessions::default();
    let mut open = Vec::new();
    for user_ in 1..100 {
        open.extend(fill(&mut sessions, user(user_)).0);
    }
    assert_eq!(
        open.len(),
        limits::OPEN_SESSIONS - limits::ROOT_OPEN_SESSIONS
    );
    let (mut roots, _) = fill(&mut sessions, ROOT);
    assert_eq!(roots.len(), limits::ROOT_OPEN_SESSIONS);
    assert!(serving(&mut sessions, &mut roots) >= limits::SESSION_SHARE);
    open.drain(..).for_each(|session| sessions.close(&session));
    assert_eq!(fill(&mut sessions, user(1)).0.len(), limits::HELD_SESSIONS);
}

#[test]
fn who_owns_keys_may_be_known_later() {
    let mut sessions = Sessions::default();
    let nobody_yet = |whose| Holder::of(whose, false);
    for first in 1..=limits::HELD_SESSIONS as u8 {
        assert!(sessions.open(user(first), nobody_yet).is_ok());
    }
    assert!(sessions.open(user(250), nobody_yet).is_err());
    assert!(sessions.open(user(250), holder).is_ok());
}

#[test]
fn a_displaced_session_has_no_stream_and_closes_once() {
    let mut sessions = Sessions::default();
    let mut first = sessions.open(user(1), holder).unwrap();
    let (rest, _) = fill(&mut sessions, user(1));
    assert_eq!(sessions.serve(&mut first), Err(Status::SessionDisplaced));
    assert!(first.stream.is_none());
    sessions.close(&first);
    // The place that it had is another's, who keeps it.
    let mut rest = rest;
    assert_eq!(serving(&mut sessions, &mut rest), limits::CALLER_SESSIONS);
    // One that was never given a place closes nothing.
    sessions.close(&Session::new(user(1)));
    assert!(sessions.open(user(1), holder).is_ok());
    assert_eq!(
        sessions.open(user(1), holder).err(),
        Some(Status::QuotaExceeded)
    );
}
