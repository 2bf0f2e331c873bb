//! A change that is cut short has happened or not, and nothing else has.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use claviger::{Error, Status};
use claviger_proto::audit::Event;

use crate::{
    bench::{Bench, Image, On, Seen},
    scenarios::{self, Call, Prepared, Scenario, Tells},
    view::{Beside, Told, View, left, verify_logs},
};

/// A scenario, tried again and again from the same start.
pub(crate) struct Trial {
    pub(crate) scenario: &'static Scenario,
    pub(crate) bench: Bench,
    image: Image,
    prepared: Prepared,
    before: View,
    told: Told,
    left: BTreeMap<String, u64>,
    /// What was told when the call was ready.
    begun: Vec<Event>,
    /// What there is beside the keys when it is done.
    goal: Beside,
    /// How often storage is asked to open the vault: it is looked at, and nothing is changed.
    pub(crate) opening: u64,
}

impl Trial {
    pub(crate) fn new(scenario: &'static Scenario) -> Trial {
        let (mut bench, image, prepared) = Bench::of(scenario.prepare);
        let image = bench.wrap(&image);
        let on = bench.with(&image);
        on.root.list().unwrap();
        let opening = bench.disk().disarm();
        assert_eq!(bench.disk().image(), image, "opening changes nothing");
        let before = on.view();
        let told = on.told();
        drop(on);
        let mut trial = Trial {
            scenario,
            bench,
            image,
            prepared,
            before,
            goal: told.beside.clone(),
            told,
            left: BTreeMap::new(),
            begun: Vec::new(),
            opening,
        };
        let (on, call) = trial.start(true);
        trial.left = left(&on.users);
        trial.begun = on.told().since(&trial.told);
        let answer = call.make();
        assert_eq!(status(&answer), scenario.status, "{}", scenario.name);
        trial.goal = on.told().beside;
        trial
    }

    /// The starts that there are: with the vault open, and, where the call needs nothing of it
    /// before, just switched on.
    pub(crate) fn starts(&self) -> Vec<bool> {
        let on = self.bench.with(&self.image);
        (self.prepared.call)(&on);
        if self.bench.disk().disarm() == 0 {
            vec![true, false]
        } else {
            vec![true]
        }
    }

    /// The device, with its vault open or just switched on, and the call.
    pub(crate) fn start(&self, open: bool) -> (On, Call) {
        let on = self.bench.with(&self.image);
        if open {
            on.view();
        }
        let call = (self.prepared.call)(&on);
        self.bench.disk().disarm();
        (on, call)
    }

    /// How often the call asks storage.
    pub(crate) fn operations(&self, open: bool) -> u64 {
        let (on, call) = self.start(open);
        let answer = call.make();
        let operations = self.bench.disk().disarm();
        assert_eq!(status(&answer), self.scenario.status);
        let writes = self.bench.disk().image() != self.image;
        assert!(writes || answer.is_err(), "{}", self.scenario.name);
        assert!(self.judge(&on.seen(), answer.is_ok(), "undisturbed"));
        drop(on);
        let on = self.bench.switch_on();
        assert!(self.judge(&on.seen(), answer.is_ok(), "undisturbed, later"));
        self.end(&on, answer.is_ok(), "undisturbed");
        verify_logs(&on.root);
        operations
    }

    /// Whether it is done on this device; it is done or undone.
    #[track_caller]
    pub(crate) fn judge(&self, (view, told): &Seen, succeeded: bool, when: &str) -> bool {
        let name = self.scenario.name;
        if view.vault != self.before.vault {
            let forgotten = told.logs.iter().all(|log| log.records.is_empty());
            assert!((self.scenario.done)(&self.before, view), "{name}: {when}");
            assert!(
                forgotten && told.beside == Beside::default(),
                "{name}: {when}"
            );
            return true;
        }
        let news = told.since(&self.told);
        let news = news
            .strip_prefix(&self.begun[..])
            .expect("what was told stays told");
        // All that is told, and what of it is told before.
        let (events, before): (Vec<Event>, &[Event]) = match &self.scenario.tells {
            Tells::With(events) => (events.to_vec(), &[]),
            Tells::Before(event) => (vec![*event], std::slice::from_ref(event)),
            Tells::Both(first, then) => (vec![*first, *then], std::slice::from_ref(first)),
        };
        let done =
            (self.scenario.done)(&self.before, view) && news == events && told.beside == self.goal;
        let undone = *view == self.before
            && (news.is_empty() || news == before)
            && told.beside == self.told.beside;
        assert!(
            done || !succeeded,
            "{name}: {when}: success was said, and it is not so: {news:?} {told:?} {view:?}"
        );
        assert!(
            done || undone,
            "{name}: {when}: neither before nor after: {news:?} {told:?} {view:?}"
        );
        done
    }

    /// Whether it shows that it was done.
    pub(crate) fn shows(&self) -> bool {
        let silent = matches!(self.scenario.tells, Tells::With([]));
        !(silent
            && (self.scenario.done)(&self.before, &self.before)
            && self.goal == self.told.beside)
    }

    /// What can be seen only by using keys, and so comes last.
    #[track_caller]
    pub(crate) fn end(&self, on: &On, succeeded: bool, when: &str) {
        if self.left.is_empty() {
            return;
        }
        let now = left(&on.users);
        let spent = self.left.iter().map(|(name, before)| before - now[name]);
        let spent: u64 = spent.sum();
        let name = self.scenario.name;
        assert!(
            (u64::from(succeeded)..=1).contains(&spent),
            "{name}: {when}: one use was asked for, and {spent} were counted"
        );
        (self.prepared.witness)(on);
    }
}

/// What an answer says.
pub(crate) fn status(answer: &Result<Vec<u8>, Error>) -> Status {
    match answer {
        Ok(_) => Status::Ok,
        Err(error) => error.status().unwrap(),
    }
}

/// Tries every scenario, several at a time; gives the sum of what `each` counts.
pub(crate) fn try_all(each: impl Fn(&Trial) -> usize + Sync) -> usize {
    let all: Vec<_> = scenarios::all().collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = || all.get(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(mine)
            .map(|scenario| each(&Trial::new(scenario)))
            .sum::<usize>()
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    })
}
