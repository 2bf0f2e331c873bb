//! A page that the kernel empties in a process that is forked, by whatever call: to look at it costs
//! no system call, and needs nobody to be told of the fork.

use std::{
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

use once_cell::race::OnceBox;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// The page's number, or none where the kernel (before Linux 4.14) has no such pages.
static PAGE: OnceBox<Option<&'static AtomicU64>> = OnceBox::new();

/// Numbers that were given away, in this process and those that it was forked from. It is never less
/// than what is on the page, so that no process is taken for another.
static GIVEN: AtomicU64 = AtomicU64::new(0);

/// This process's number: another one than those of the processes that it was forked from.
pub(super) fn generation() -> Option<u64> {
    let page = (*PAGE.get_or_init(|| Box::new(map())))?;
    let number = page.load(Ordering::Relaxed);
    if number != 0 {
        return Some(number);
    }
    let next = GIVEN.fetch_add(1, Ordering::SeqCst) + 1;
    let set = page.compare_exchange(0, next, Ordering::SeqCst, Ordering::SeqCst);
    Some(set.map_or_else(|first| first, |_| next))
}

fn map() -> Option<&'static AtomicU64> {
    let size = rustix::param::page_size();
    let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: the kernel chooses where, so that no memory which is in use is replaced.
    let page = unsafe { mmap_anonymous(ptr::null_mut(), size, protection, flags) }.ok()?;
    // SAFETY: the page was mapped above, and nothing refers to it yet.
    if unsafe { madvise(page, size, Advice::LinuxWipeOnFork) }.is_err() {
        // SAFETY: as above.
        let _left_there = unsafe { munmap(page, size) };
        return None;
    }
    // SAFETY: the page is aligned, initialised with zeros, and never unmapped; it is only ever used
    // as this number.
    Some(unsafe { &*page.cast::<AtomicU64>() })
}
