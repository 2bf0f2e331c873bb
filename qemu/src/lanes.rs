//! Work that is done side by side: a guest has one processor, so as many run as the host has.

use std::num::NonZero;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{iter, thread};

use anyhow::Result;

/// Has the items done by as many lanes as this machine has processors, each of which takes the next one when it is
/// done with its last: `lane` gets its number and its items. Returns what each lane made; an error of one, once all
/// have ended.
pub(crate) fn share<T: Sync, R: Send>(
    items: &[T],
    lane: impl Fn(usize, &mut dyn Iterator<Item = &T>) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let run = |number| {
        let mut mine = iter::from_fn(|| items.get(next.fetch_add(1, Ordering::Relaxed)));
        lane(number, &mut mine)
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..processors.min(items.len()))
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        let ended: Vec<_> = lanes.into_iter().map(|lane| lane.join()).collect();
        ended
            .into_iter()
            .map(|made| made.unwrap_or_else(|panic| panic::resume_unwind(panic)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_done_once() {
        let items: Vec<u32> = (0..1000).collect();
        let lanes = share(&items, |_, items| Ok(items.copied().collect::<Vec<_>>())).unwrap();
        let mut done = lanes.concat();
        done.sort_unstable();
        assert_eq!(done, items);
    }

    #[test]
    fn no_lane_is_without_work_to_do() {
        let lanes = share(&[1], |number, items| Ok((number, items.count()))).unwrap();
        assert_eq!(lanes, [(0, 1)]);
        assert!(share(&[] as &[u32], |_, _| Ok(())).unwrap().is_empty());
    }

    #[test]
    fn an_error_is_told() {
        let error = share(&[1, 2], |_, items| {
            for item in items {
                anyhow::ensure!(*item != 2, "two");
            }
            Ok(())
        });
        assert_eq!(error.unwrap_err().to_string(), "two");
    }
}
