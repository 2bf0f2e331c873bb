//! Changes until the power is cut.

use claviger::Client;
use claviger_tests::Rng;

use crate::{
    change::Change,
    check::{self, InFlight},
    journal::{Entry, Journal},
    model::Model,
};

/// Checks the device.
pub(crate) fn check() {
    checked();
}

/// Checks the device, then changes keys for ever. Each line on stdout is a step: `checked`, and of
/// each change `begun` and `done`.
pub(crate) fn change(seed: u64) {
    let (client, mut journal, mut model) = checked();
    let mut rng = Rng::new(seed);
    loop {
        let change = Change::random(&mut rng, &model);
        journal.append(&Entry::Begun(change.clone()));
        println!("begun {change:?}");
        let trace = change
            .ask(&client)
            .unwrap_or_else(|error| panic!("{change:?}: {error}"));
        journal.append(&Entry::Done(Box::new(trace.clone())));
        println!("done");
        if let Some(label) = change.label() {
            let before = model.keys.get(label).map(|known| &known.description);
            let after = trace.key.as_ref();
            assert!(
                change.makes(before, after),
                "{change:?}: {before:?} became {after:?}"
            );
        }
        model.apply(&change, trace);
    }
}

fn checked() -> (Client, Journal, Model) {
    let (mut journal, entries) = Journal::open();
    let mut model = Model::new(entries);
    let client = Client::open().unwrap();
    let in_flight = check::check(&client, &mut journal, &mut model);
    println!(
        "checked {} keys and {} wrapped ones; in flight: {}",
        model.keys.len(),
        model.wrapped.len(),
        match in_flight {
            InFlight::None => "none",
            InFlight::Done => "done",
            InFlight::Undone => "undone",
        }
    );
    (client, journal, model)
}
