//! `memcpy`, `memmove` and `memset`. OP-TEE's libutils is built for size and moves one byte at a
//! time, some six instructions each; a call of 64 KiB would spend four times as long on its copies
//! as on its cryptography. The linker takes these in their place.

use core::arch::asm;

/// Copies upwards, in steps of 64 bytes, then of 8, then of 1.
///
/// # Safety
/// As `memcpy`, but the regions may overlap if `to` lies below `from`.
#[inline(always)]
unsafe fn copy_up(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: reads and writes exactly `len` bytes of the two regions, the lower ones first; each
    // step reads all its bytes before it writes any.
    unsafe {
        asm!(
            "b 3f",
            "2:",
            "ldp {a:q}, {b:q}, [{from}]",
            "ldp {c:q}, {d:q}, [{from}, #32]",
            "add {from}, {from}, #64",
            "stp {a:q}, {b:q}, [{to}]",
            "stp {c:q}, {d:q}, [{to}, #32]",
            "add {to}, {to}, #64",
            "sub {len}, {len}, #64",
            "3:",
            "cmp {len}, #64",
            "b.hs 2b",
            "b 5f",
            "4:",
            "ldr {word}, [{from}], #8",
            "str {word}, [{to}], #8",
            "sub {len}, {len}, #8",
            "5:",
            "cmp {len}, #8",
            "b.hs 4b",
            "b 7f",
            "6:",
            "ldrb {word:w}, [{from}], #1",
            "strb {word:w}, [{to}], #1",
            "sub {len}, {len}, #1",
            "7:",
            "cbnz {len}, 6b",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            len = inout(reg) len => _,
            word = out(reg) _,
            a = out(vreg) _,
            b = out(vreg) _,
            c = out(vreg) _,
            d = out(vreg) _,
            options(nostack),
        );
    }
}

/// Copies downwards, in steps of 8 bytes, then of 1.
///
/// # Safety
/// As `memmove` with `to` above `from`.
#[inline(always)]
unsafe fn copy_down(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: reads and writes exactly `len` bytes of the two regions, the upper ones first; each
    // step reads all its bytes before it writes any.
    unsafe {
        asm!(
            "b 3f",
            "2:",
            "ldr {word}, [{from}, #-8]!",
            "str {word}, [{to}, #-8]!",
            "sub {len}, {len}, #8",
            "3:",
            "cmp {len}, #8",
            "b.hs 2b",
            "b 5f",
            "4:",
            "ldrb {word:w}, [{from}, #-1]!",
            "strb {word:w}, [{to}, #-1]!",
            "sub {len}, {len}, #1",
            "5:",
            "cbnz {len}, 4b",
            from = inout(reg) from.wrapping_add(len) => _,
            to = inout(reg) to.wrapping_add(len) => _,
            len = inout(reg) len => _,
            word = out(reg) _,
            options(nostack),
        );
    }
}

/// ISO C `memcpy`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { copy_up(to, from, len) };
    to
}

/// ISO C `memmove`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    let ahead = (to as usize).wrapping_sub(from as usize);
    // SAFETY: the caller's promise; `to` lies above `from` within the region only if `ahead` is
    // smaller than it.
    unsafe {
        if ahead == 0 || ahead >= len {
            copy_up(to, from, len);
        } else {
            copy_down(to, from, len);
        }
    }
    to
}

/// ISO C `memset`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    let word = u64::from(byte as u8).wrapping_mul(0x0101_0101_0101_0101);
    // SAFETY: writes exactly `len` bytes of the region.
    unsafe {
        asm!(
            "b 3f",
            "2:",
            "stp {word}, {word}, [{to}], #16",
            "sub {len}, {len}, #16",
            "3:",
            "cmp {len}, #16",
            "b.hs 2b",
            "b 5f",
            "4:",
            "strb {word:w}, [{to}], #1",
            "sub {len}, {len}, #1",
            "5:",
            "cbnz {len}, 4b",
            to = inout(reg) to => _,
            len = inout(reg) len => _,
            word = in(reg) word,
            options(nostack),
        );
    }
    to
}
