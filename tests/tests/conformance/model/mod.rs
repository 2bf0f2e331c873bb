//! The device against a model of it: random steps by several callers, after each of which both say
//! the same of every status and of every key.

mod key;
mod reference;
mod steps;

use std::collections::BTreeMap;

use claviger_tests::{Device, factory_reset};
use steps::{Run, Statuses};

/// Each with so many steps, on a device of its own.
const RUNS: &[(u64, usize)] = if Device::REAL {
    &[(1, 150)]
} else {
    &[
        (1, 4000),
        (2, 4000),
        (3, 4000),
        (4, 4000),
        (5, 4000),
        (6, 4000),
    ]
};

/// Different statuses that must be among the answers.
const STATUSES: usize = if Device::REAL { 12 } else { 22 };

/// Different commands that must have been done.
const COMMANDS: usize = if Device::REAL { 10 } else { 19 };

#[test]
fn the_device_does_what_the_model_does() {
    let mut statuses = Statuses::new();
    let mut done = BTreeMap::new();
    for (seed, steps) in RUNS {
        let device = Device::fresh();
        // In which families others wrapped keys before, the model does not know.
        if Device::REAL {
            factory_reset(&device.user(0));
        }
        let mut run = Run::new(&device, *seed);
        for number in 0..*steps {
            run.step(*seed, number);
        }
        run.everything();
        for (code, (status, count)) in run.statuses {
            statuses.entry(code).or_insert((status, 0)).1 += count;
        }
        for (command, count) in run.done {
            *done.entry(command).or_insert(0) += count;
        }
    }
    let seen: Vec<_> = statuses.values().collect();
    println!("{} statuses: {seen:?}; done: {done:?}", seen.len());
    assert!(seen.len() >= STATUSES, "{seen:?}");
    assert!(done.len() >= COMMANDS, "{done:?}");
}
