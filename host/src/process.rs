//! Whose memory this is.
//!
//! A process that was forked has a copy of its parent's memory, and descriptors in common with it:
//! sessions that are the parent's, locks that threads hold which are not there any more, threads that
//! are waited for and never come. So everything here that cannot be shared knows the process that
//! made it, and another one makes its own.

use std::mem;

use once_cell::race::OnceBox;

use crate::TransportError;

#[cfg(feature = "optee")]
#[allow(unsafe_code)]
mod wiped_page;

/// A process, as told from those that it was forked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(u64);

impl Process {
    /// This one.
    #[cfg(feature = "optee")]
    pub(crate) fn current() -> Process {
        Process(wiped_page::generation().unwrap_or_else(number))
    }

    /// This one.
    #[cfg(not(feature = "optee"))]
    pub(crate) fn current() -> Process {
        Process(number())
    }

    /// One that is not this one.
    #[cfg(test)]
    pub(crate) fn another() -> Process {
        Process(Process::current().0 + 1)
    }

    /// Whether it is this one still.
    pub(crate) fn is_current(self) -> bool {
        self == Process::current()
    }

    /// An error in another process, which does not go on with what this one began.
    pub(crate) fn expect_current(self) -> Result<(), TransportError> {
        match self.is_current() {
            true => Ok(()),
            false => Err(TransportError::AnotherProcess),
        }
    }
}

fn number() -> u64 {
    u64::from(std::process::id())
}

/// A value for each process. One that finds its parent's makes its own, with no lock that a thread
/// of the parent may have held; the parent's stays in its memory, unused.
pub(crate) struct PerProcess<T> {
    first: OnceBox<Own<T>>,
}

/// A process's value, and that of a process which was forked from it.
struct Own<T> {
    process: Process,
    value: Option<T>,
    next: OnceBox<Own<T>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> PerProcess<T> {
        PerProcess {
            first: OnceBox::new(),
        }
    }

    /// This process's, made by `make` if there is none yet. Threads may do that at once: one value
    /// is kept.
    pub(crate) fn here(&self, make: impl Fn() -> T) -> &T {
        let mut place = &self.first;
        loop {
            let own = place.get_or_init(|| {
                Box::new(Own {
                    process: Process::current(),
                    value: Some(make()),
                    next: OnceBox::new(),
                })
            });
            match &own.value {
                Some(value) if own.process.is_current() => return value,
                _ => place = &own.next,
            }
        }
    }

    /// Those of the processes that this one was forked from.
    pub(crate) fn inherited(&self) -> impl Iterator<Item = &T> {
        let mut next = self.first.get();
        std::iter::from_fn(move || {
            let own = next?;
            next = own.next.get();
            Some(own)
        })
        .filter(|own| !own.process.is_current())
        .filter_map(|own| own.value.as_ref())
    }
}

impl<T> Drop for Own<T> {
    /// What is another process's is not this one's to be ended.
    fn drop(&mut self) {
        if !self.process.is_current() {
            mem::forget(self.value.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself() {
        let here = Process::current();
        assert!(here.is_current());
        assert!(
            std::thread::spawn(move || here.is_current())
                .join()
                .unwrap()
        );
        assert!(!Process::another().is_current());
    }

    #[test]
    fn a_process_has_one_value_and_others_theirs() {
        let values = PerProcess::new();
        assert_eq!(*values.here(|| 1), 1);
        assert_eq!(*values.here(|| 2), 1);
        assert_eq!(values.inherited().count(), 0);

        let (other, dropped) = (Process::another(), std::rc::Rc::new(()));
        let inherited = PerProcess::new();
        let own = Own {
            process: other,
            value: Some(dropped.clone()),
            next: OnceBox::new(),
        };
        assert!(inherited.first.set(Box::new(own)).is_ok());
        let mine = std::rc::Rc::new(());
        assert!(std::rc::Rc::ptr_eq(inherited.here(|| mine.clone()), &mine));
        assert_eq!(inherited.inherited().count(), 1);
        drop(inherited);
        let counts = [&mine, &dropped].map(std::rc::Rc::strong_count);
        assert_eq!(counts, [1, 2], "another's is left alone");
    }
}
