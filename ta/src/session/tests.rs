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
        match sessions.open(caller, true, holder) {
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
    let mut again = sessions.open(user(1), true, holder).unwrap();
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
    let most = limits::OPEN_SESSIONS - limits::ROOT_OPEN_SESSIONS - limits::OWNER_SESSIONS_PLACES;
    assert_eq!(theirs.len(), most);
    for victim in [user(2), ROOT] {
        let mut own: Vec<_> = (0..limits::SESSION_SHARE)
            .map(|_| sessions.open(victim, true, holder).unwrap())
            .collect();
        // They stay, whatever the others open and use.
        let stays = |sessions: &mut Sessions, own: &mut [Session]| {
            assert_eq!(serving(sessions, own), limits::SESSION_SHARE);
        };
        for round in 0..theirs.len() {
            let mut closed = theirs.swap_remove(round);
            let displaced = sessions.serve(&mut closed).is_err();
            sessions.close(&closed);
            // Who closed one that served is one more.
            let again = sessions.open(closed.caller, true, holder);
            assert!(again.is_ok() || !displaced, "it does not come back");
            theirs.push(again.unwrap_or(closed));
            stays(&mut sessions, &mut own);
        }
        own.drain(..).for_each(|session| sessions.close(&session));
    }
}

/// Whoever fills what he can, a user who owns keys gets his share, and who owns none a few.
#[test]
fn open_sessions_are_left_for_who_has_few() {
    let most = |caller| {
        let mut sessions = Sessions::default();
        fill(&mut sessions, caller).0.len()
    };
    let group = |byte| caller(Login::Group, byte);
    assert_eq!(most(user(1)), limits::HELD_SESSIONS);
    for caller in [user(200), group(1), Caller::Public] {
        assert_eq!(most(caller), limits::CALLER_HELD_SESSIONS);
    }
    // One who owns no key, one group, and all that is PUBLIC.
    let mut sessions = Sessions::default();
    for filler in [user(200), group(1), Caller::Public] {
        fill(&mut sessions, filler);
    }
    for late in [user(201), group(2)] {
        assert_eq!(fill(&mut sessions, late).0.len(), limits::FEW_SESSIONS);
    }
    // Two owners, all groups, all users without keys.
    let mut sessions = Sessions::default();
    for filler in [user(1), user(2), Caller::Public] {
        fill(&mut sessions, filler);
    }
    for byte in 0..100 {
        fill(&mut sessions, group(byte));
        fill(&mut sessions, user(200 + byte % 50));
    }
    for owner in 3..6 {
        let theirs = fill(&mut sessions, user(owner)).0;
        assert_eq!(theirs.len(), limits::SESSION_SHARE, "{owner}");
    }
}

/// Who owns keys is not forgotten while nobody can say it.
#[test]
fn owners_stay_owners_while_the_vault_is_closed() {
    let mut sessions = Sessions::default();
    let mut hers: Vec<_> = (0..limits::SESSION_SHARE)
        .map(|_| sessions.open(user(1), true, holder).unwrap())
        .collect();
    let unknown = |whose| Holder::of(whose, false);
    for other in 0..200 {
        let _refused = sessions.open(user(2 + other % 50), false, unknown);
    }
    assert_eq!(serving(&mut sessions, &mut hers), limits::SESSION_SHARE);
}

#[test]
fn root_gets_in() {
    let mut sessions = Sessions::default();
    let mut open = Vec::new();
    for user_ in 1..100 {
        open.extend(fill(&mut sessions, user(user_)).0);
    }
    // Two have all that one may have, and as many their share as there are shares.
    let shares = (limits::SESSIONS - limits::ROOT_SESSIONS) / limits::SESSION_SHARE;
    let most = 2 * limits::HELD_SESSIONS + (shares - 2) * limits::SESSION_SHARE;
    assert_eq!(open.len(), most);
    let (mut roots, _) = fill(&mut sessions, ROOT);
    assert!(roots.len() >= limits::ROOT_OPEN_SESSIONS);
    assert!(serving(&mut sessions, &mut roots) >= limits::SESSION_SHARE);
    open.drain(..).for_each(|session| sessions.close(&session));
    assert_eq!(fill(&mut sessions, user(1)).0.len(), limits::HELD_SESSIONS);
}

#[test]
fn who_owns_keys_may_be_known_later() {
    let mut sessions = Sessions::default();
    let nobody_yet = |whose| Holder::of(whose, false);
    for first in 1..=limits::HELD_SESSIONS as u8 {
        assert!(sessions.open(user(first), false, nobody_yet).is_ok());
    }
    assert!(sessions.open(user(250), false, nobody_yet).is_err());
    assert!(sessions.open(user(250), true, holder).is_ok());
}

#[test]
fn a_displaced_session_has_no_stream_and_closes_once() {
    let mut sessions = Sessions::default();
    let mut first = sessions.open(user(1), true, holder).unwrap();
    let (rest, _) = fill(&mut sessions, user(1));
    assert_eq!(sessions.serve(&mut first), Err(Status::SessionDisplaced));
    assert!(first.stream.is_none());
    sessions.close(&first);
    // The place that it had is another's, who keeps it.
    let mut rest = rest;
    assert_eq!(serving(&mut sessions, &mut rest), limits::CALLER_SESSIONS);
    // One that was never given a place closes nothing.
    sessions.close(&Session::new(user(1)));
    assert!(sessions.open(user(1), true, holder).is_ok());
    assert_eq!(
        sessions.open(user(1), true, holder).err(),
        Some(Status::QuotaExceeded)
    );
}
