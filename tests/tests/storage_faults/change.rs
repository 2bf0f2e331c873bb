//! One change of a random history: what refuses it, and what it makes of the model.

use claviger::{
    Algorithm, Error, Permission, Permissions, State, Status, audit::LogOf, identity::uid_identity,
};
use claviger_proto::{
    audit::Event,
    limits,
    message::{Grant, NewKey, SetPolicyRequest},
};
use claviger_tests::{BOB, Handle, Rng, new_key};

use crate::{
    bench::{On, USERS},
    histories::{Model, client},
    view::{Beside, Shown, View, name},
};

const LABELS: [&str; 3] = ["a", "b", "c"];
/// Of a bounded key; a sixteenth is one.
const BOUND: u64 = 31;

/// What keys there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Granted to Bob, unless it is his.
    Signer,
    Mac,
    Bounded,
    Chain,
}

impl Kind {
    fn new_key(self, uid: u32, name: &str) -> NewKey {
        let algorithm = match self {
            Kind::Signer => Algorithm::Ed25519,
            Kind::Mac | Kind::Bounded => Algorithm::HmacSha256,
            Kind::Chain => Algorithm::Aes256Cmac,
        };
        let mut new = new_key(name, algorithm);
        new.ratchet = self == Kind::Chain;
        if self == Kind::Bounded {
            new.policy.max_uses = Some(BOUND);
        }
        if self == Kind::Signer && uid != BOB {
            let may = Permissions::of(&[Permission::Sign]);
            let to = uid_identity(BOB);
            new.policy.grants.push(Grant { to, may }).unwrap();
        }
        new
    }

    fn of(shown: &Shown) -> Kind {
        match shown.algorithm {
            Algorithm::Ed25519 => Kind::Signer,
            Algorithm::Aes256Cmac => Kind::Chain,
            _ if shown.policy.max_uses.is_some() => Kind::Bounded,
            _ => Kind::Mac,
        }
    }
}

/// What a user does, with one of his keys or with the vault.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    uid: u32,
    label: &'static str,
    act: Act,
}

#[derive(Debug, Clone)]
enum Act {
    Generate(Kind),
    Import(Kind),
    Delete,
    Rotate,
    Retire(u32),
    Become(State),
    /// Takes back what was granted.
    Tighten,
    Use,
    /// Looks at a key of root's, which another may not.
    Intrude,
    /// Of root's wrapped keys.
    Revoke(Option<&'static str>),
    /// Root lets this user's log be overwritten.
    Release(u64),
    Lock,
    Reset,
}

impl Change {
    pub(crate) fn random(rng: &mut Rng, model: &Model) -> Change {
        // Strict vaults are never reset, and one user's log is filled.
        let strict = model.told.beside.strict;
        let place = *rng.choose(if strict { &[1, 1, 1, 0, 2] } else { &[0, 1, 2] });
        let uid = USERS[place];
        let label = *rng.choose(&LABELS);
        let kind = *rng.choose(&[Kind::Signer, Kind::Mac, Kind::Bounded, Kind::Chain]);
        let shown = model.view.keys.get(&name(uid, label));
        let act = match rng.below(120) {
            0 => Act::Lock,
            1..3 if !strict => Act::Reset,
            // Of a family nothing is kept once all was revoked.
            3..6 => {
                let family = *rng.choose(&[None, Some("fleet")]);
                Act::Revoke(family.filter(|_| model.view.wrapped[0] != Status::Revoked))
            }
            6..8 => {
                let log = &model.told.logs[place];
                Act::Release(log.first + log.records.len() as u64)
            }
            8..16 => Act::Intrude,
            16..36 => Act::Generate(kind),
            36..46 => Act::Import(kind),
            46..54 => Act::Delete,
            54..74 => Act::Rotate,
            74..82 => {
                let versions = shown.map(|shown| &shown.versions[..]).unwrap_or_default();
                Act::Retire(versions.first().copied().unwrap_or(u32::MAX))
            }
            82..94 => Act::Become(*rng.choose(&[
                State::Active,
                State::Active,
                State::Suspended,
                State::Deactivated,
                State::Destroyed,
            ])),
            94..100 => Act::Tighten,
            _ => Act::Use,
        };
        let uid = match act {
            Act::Lock | Act::Reset | Act::Revoke(_) => 0,
            Act::Intrude if uid == 0 => BOB,
            _ => uid,
        };
        Change { uid, label, act }
    }

    pub(crate) fn act(&self, on: &On) -> Result<(), Error> {
        let client = client(on, self.uid);
        let key = Handle::new(client, self.label);
        match self.act {
            Act::Generate(kind) => {
                Handle::generate(client, kind.new_key(self.uid, self.label)).map(drop)
            }
            Act::Import(kind) => {
                let new = kind.new_key(self.uid, self.label);
                Handle::import(client, new, &[7; 32]).map(drop)
            }
            Act::Delete => key.delete(),
            Act::Rotate => key.rotate().map(drop),
            Act::Retire(version) => key.retire(version).map(drop),
            Act::Become(state) => key.set_state(state).map(drop),
            Act::Tighten => tighten(&key),
            Act::Use => match key.describe()?.algorithm {
                Algorithm::Ed25519 => key.sign(b"message").map(drop),
                _ => key.mac(b"message").map(drop),
            },
            Act::Intrude => Handle::of(client, uid_identity(0), "mine")
                .describe()
                .map(drop),
            Act::Revoke(family) => client.revoke(family).map(drop),
            Act::Release(keep) => {
                let of = LogOf::Other(uid_identity(self.uid));
                on.root.audit_release(of, keep)
            }
            Act::Lock => client.lock(),
            Act::Reset => {
                let token = client.info()?.confirmation.unwrap();
                client.factory_reset(&token.to_string())
            }
        }
    }

    fn name(&self) -> String {
        name(self.uid, self.label)
    }

    /// What refuses it, where nothing fails and there is a place in the logs.
    fn refusal(&self, model: &Model) -> Option<Status> {
        let shown = model.view.keys.get(&self.name());
        let refused = |shown: &Shown| match &self.act {
            Act::Generate(_) | Act::Import(_) => Some(Status::AlreadyExists),
            Act::Rotate | Act::Use if shown.state != State::Active => Some(Status::WrongState),
            Act::Rotate
                if Kind::of(shown) != Kind::Chain && shown.versions.len() == limits::VERSIONS =>
            {
                Some(Status::VersionsFull)
            }
            Act::Use if model.left.get(&self.name()) == Some(&(shown.id, 0)) => {
                Some(Status::UsesExhausted)
            }
            Act::Retire(version) if shown.versions.last() == Some(version) => {
                Some(Status::PrimaryVersion)
            }
            Act::Retire(version) if !shown.versions.contains(version) => {
                Some(Status::NoSuchVersion)
            }
            Act::Become(state) if !shown.state.may_become(*state) => {
                Some(Status::InvalidTransition)
            }
            _ => None,
        };
        match self.act {
            Act::Intrude => Some(Status::NotFound),
            Act::Import(_) if model.view.locked => Some(Status::Locked),
            // In a new vault.
            Act::Revoke(_) if model.view.wrapped == [Status::NotAuthentic; 2] => {
                Some(Status::NothingWrapped)
            }
            Act::Revoke(_) | Act::Release(_) | Act::Lock | Act::Reset => None,
            Act::Generate(_) | Act::Import(_) => shown.and_then(refused),
            _ => shown.map_or(Some(Status::NotFound), refused),
        }
    }

    /// What is there once it is done, and what is told of it. What is drawn at random, `after` has.
    fn done(&self, before: &Model, after: &Model) -> (View, Beside, Option<Event>) {
        let (mut view, mut beside) = (before.view.clone(), before.told.beside.clone());
        let name = self.name();
        let drawn = after.view.keys.get(&name);
        let event = match (&self.act, view.keys.get_mut(&name), drawn) {
            (Act::Generate(kind) | Act::Import(kind), None, Some(drawn)) => {
                let new = kind.new_key(self.uid, self.label);
                let shown = Shown {
                    id: drawn.id,
                    algorithm: new.algorithm,
                    state: State::Active,
                    versions: vec![1],
                    policy: new.policy,
                    proof: vec![],
                };
                view.keys.insert(name, shown);
                Some(Event::Created)
            }
            (Act::Delete, Some(_), _) => {
                view.keys.remove(&name);
                Some(Event::Deleted)
            }
            (Act::Rotate, Some(shown), _) => {
                let next = shown.versions.last().map_or(0, |last| last + 1);
                if Kind::of(shown) == Kind::Chain {
                    shown.versions.clear();
                }
                shown.versions.push(next);
                Some(Event::Rotated)
            }
            (Act::Retire(version), Some(shown), _) => {
                shown.versions.retain(|one| one != version);
                Some(Event::Retired)
            }
            (Act::Become(state), Some(shown), _) => {
                shown.state = *state;
                if *state == State::Destroyed {
                    shown.versions.clear();
                }
                Some(Event::StateChanged)
            }
            (Act::Tighten, Some(shown), _) => {
                // What changes nothing is not told.
                let told = !shown.policy.grants.is_empty();
                shown.policy.grants.clear();
                told.then_some(Event::PolicyTightened)
            }
            (Act::Revoke(family), ..) => {
                let all = if family.is_some() { 1 } else { 0 };
                for status in &mut view.wrapped[all..] {
                    if *status == Status::Ok {
                        *status = Status::Revoked;
                    }
                }
                Some(Event::Revoked)
            }
            (Act::Release(keep), ..) => {
                let of = Some(uid_identity(self.uid));
                let released = beside.released.get(&of).copied().unwrap_or_default();
                (*keep > released).then(|| {
                    beside.released.insert(of, *keep);
                    Event::AuditReleased
                })
            }
            (Act::Lock, ..) => {
                let already = std::mem::replace(&mut view.locked, true);
                (!already).then_some(Event::Locked)
            }
            _ => None,
        };
        (view, beside, event)
    }

    /// Fails unless `after` is what may come of `before`.
    #[track_caller]
    pub(crate) fn judge(
        &self,
        before: &Model,
        after: &Model,
        error: Option<&Error>,
        disturbed: bool,
        when: &str,
    ) {
        if after.view.vault != before.view.vault {
            assert!(matches!(self.act, Act::Reset), "{when}");
            let empty = after.view.keys.is_empty() && !after.view.locked;
            let silent = after.told.logs.iter().all(|log| log.records.is_empty());
            assert!(
                empty && silent && after.told.beside == Beside::default(),
                "{when}"
            );
            assert_eq!(after.view.wrapped, [Status::NotAuthentic; 2], "{when}");
            assert!(error.is_none() || disturbed, "{when}");
            return;
        }
        let (view, beside, event) = self.done(before, after);
        // What was refused is written now and then.
        let news = after.told.since(&before.told);
        let news: Vec<_> = news
            .into_iter()
            .filter(|news| *news != Event::Refused)
            .collect();
        let told = news == event.as_slice();
        let done = !matches!(self.act, Act::Reset)
            && (&after.view, &after.told.beside) == (&view, &beside)
            && told;
        let told_before = matches!(self.act, Act::Lock | Act::Release(_)) && told;
        let undone = after.view == before.view
            && after.told.beside == before.told.beside
            && (news.is_empty() || told_before);
        let now = format!("{when}: {news:?} of {event:?}: {before:?} {after:?}");
        let Some(error) = error else {
            assert!(done && self.refusal(before).is_none(), "{now}");
            return self.judge_uses(before, after, 1, &now);
        };
        assert!(undone || done && disturbed, "{now}");
        let status = error.status().unwrap();
        if !disturbed {
            let chain = before.view.keys.get(&self.name());
            let chain = chain.is_some_and(|shown| Kind::of(shown) == Kind::Chain);
            match status {
                Status::AuditFull => assert!(before.told.beside.strict, "{now}"),
                Status::Degraded => assert!(before.degraded > 0 && chain, "{now}"),
                _ => assert_eq!(Some(status), self.refusal(before), "{now}"),
            }
        }
        self.judge_uses(before, after, 0, &now);
    }

    /// A use costs one at least, and at most one more than was answered; nothing else costs any.
    #[track_caller]
    fn judge_uses(&self, before: &Model, after: &Model, answered: u64, when: &str) {
        for (name, (id, left)) in &after.left {
            let same = before.left.get(name).filter(|(before, _)| before == id);
            let Some((_, had)) = same else { continue };
            let spent = had.checked_sub(*left).expect("no use comes back");
            let asked = matches!(self.act, Act::Use) && *name == self.name();
            let allowed = if asked { answered..=1 } else { 0..=0 };
            assert!(allowed.contains(&spent), "{spent} uses of {name}: {when}");
        }
    }
}

fn tighten(key: &Handle) -> Result<(), Error> {
    let mut policy = key.describe()?.policy;
    policy.grants.clear();
    let request = SetPolicyRequest {
        key: key.key.clone(),
        policy,
    };
    key.ask(&request, &[]).map(drop)
}
