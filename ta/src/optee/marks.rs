//! High-water marks of heap and stack, for test builds.

use core::{
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

use claviger_proto::message::Marks;

/// What the unused stack is painted with.
const PAINT: u32 = 0x5aa5_c3e1;
const PAGE: usize = 4096;
/// Left alone at both ends: the frames under way, and the last words of the stack.
const MARGIN: usize = 512;

static TOP: AtomicUsize = AtomicUsize::new(0);

/// The whole stack: ours, and what optee-utee-build adds for the framework, in whole pages.
fn stack_size() -> usize {
    let ours: usize = env!("CLAVIGER_STACK").parse().unwrap_or(0);
    (ours + 2048).next_multiple_of(PAGE)
}

/// Paints the unused stack. To be called first of all, near the stack's top.
#[inline(never)]
pub(super) fn start() {
    let marker = 0_u32;
    let sp = ptr::addr_of!(marker) as usize;
    let top = sp.next_multiple_of(PAGE);
    TOP.store(top, Ordering::Relaxed);
    let mut word = top - stack_size() + MARGIN;
    while word < sp - MARGIN {
        // SAFETY: between the stack's end and the frames under way lies nothing that is in use.
        unsafe { ptr::write_volatile(word as *mut u32, PAINT) };
        word += size_of::<u32>();
    }
}

/// What libutils counts of the heap (`struct pta_stats_alloc`).
#[repr(C)]
struct HeapStats {
    description: [u8; 32],
    free2_sum: u64,
    allocated: u32,
    max_allocated: u32,
    size: u32,
    failures: u32,
    biggest_failure: u32,
    biggest_failure_used: u32,
}

unsafe extern "C" {
    fn malloc_get_stats(stats: *mut HeapStats);
}

/// The marks now.
pub(super) fn read() -> Marks {
    let mut heap = HeapStats {
        description: [0; 32],
        free2_sum: 0,
        allocated: 0,
        max_allocated: 0,
        size: 0,
        failures: 0,
        biggest_failure: 0,
        biggest_failure_used: 0,
    };
    // SAFETY: the struct is writable and laid out as libutils has it.
    unsafe { malloc_get_stats(&raw mut heap) };
    let top = TOP.load(Ordering::Relaxed);
    let mut word = top - stack_size() + MARGIN;
    // SAFETY: the stack is readable in whole.
    while word < top && unsafe { ptr::read_volatile(word as *const u32) } == PAINT {
        word += size_of::<u32>();
    }
    Marks {
        heap_peak: heap.max_allocated,
        heap_now: heap.allocated,
        heap_size: heap.size,
        stack_peak: (top - word) as u32,
        stack_size: stack_size() as u32,
    }
}
