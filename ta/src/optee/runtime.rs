//! What a program without an operating system must bring along.

use core::{fmt::Write, panic::PanicInfo};

use optee_utee::{raw, trace::Trace};

/// Says where on the secure console and ends the instance. Nothing that a client sends comes here:
/// what does is a mistake of ours.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _said = match info.location() {
        Some(at) => writeln!(Console, "claviger: panic at {}:{}", at.file(), at.line()),
        None => writeln!(Console, "claviger: panic"),
    };
    // SAFETY: takes a number only.
    unsafe { raw::TEE_Panic(0) };
    loop {}
}

/// The secure console.
struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        Trace::_print(format_args!("{text}"));
        Ok(())
    }
}

/// The detection of processor features on Linux asks this of libc, which is not here. None beyond
/// those of the build is found, then.
#[unsafe(no_mangle)]
pub extern "C" fn getauxval(_kind: u64) -> u64 {
    0
}

/// OP-TEE enters a trusted application with one thread at a time: every section is critical.
struct OneThread;
critical_section::set_impl!(OneThread);

// SAFETY: there is nothing to keep out, see above.
unsafe impl critical_section::Impl for OneThread {
    unsafe fn acquire() -> critical_section::RawRestoreState {}
    unsafe fn release(_state: critical_section::RawRestoreState) {}
}
