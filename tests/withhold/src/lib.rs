//! Preloaded into tee-supplicant: it finds some files of the store missing, and some of its writes to OP-TEE's directory
//! of objects fail. Renaming the files would not do: OP-TEE then removes their names.
//!
//! `/etc/withhold` names the files on lines of their own. Behind the first look for one of them, so many writes to
//! `dirf.db` fail as a line `fail N` says. A file that is made anew is there from then on.

use std::{
    collections::BTreeSet,
    ffi::{CStr, c_char, c_int, c_void},
    fs,
    path::Path,
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

const ORDERS: &str = "/etc/withhold";
const STORE: &str = "/var/lib/optee-client/";
const DIRECTORY: &str = "dirf.db";

static ORDERED: LazyLock<Ordered> = LazyLock::new(Ordered::read);

#[derive(Default)]
struct Ordered {
    withheld: Mutex<BTreeSet<String>>,
    /// Whether one of them was looked for.
    missed: AtomicBool,
    /// Writes that are still to fail.
    failures: AtomicU32,
}

impl Ordered {
    fn read() -> Self {
        let mut ordered = Ordered::default();
        let mut withheld = BTreeSet::new();
        for line in fs::read_to_string(ORDERS).unwrap_or_default().lines() {
            match line.strip_prefix("fail ") {
                Some(count) => ordered.failures = AtomicU32::new(count.parse().unwrap_or(0)),
                None => drop(withheld.insert(line.to_owned())),
            }
        }
        ordered.withheld = Mutex::new(withheld);
        ordered
    }

    fn withheld(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.withheld.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the file of this name is withheld; `made` brings it back.
    fn withholds(&self, name: &str, made: bool) -> bool {
        let mut withheld = self.withheld();
        if made {
            withheld.remove(name);
        }
        let withholds = withheld.contains(name);
        if withholds {
            self.missed.store(true, Ordering::SeqCst);
        }
        withholds
    }

    fn fails(&self, file: &Path) -> bool {
        file.ends_with(DIRECTORY)
            && self.missed.load(Ordering::SeqCst)
            && self
                .failures
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                })
                .is_ok()
    }
}

/// # Safety
/// `path` ends with a zero byte.
unsafe fn withholds(path: *const c_char, made: bool) -> bool {
    // SAFETY: as the caller promises.
    let path = unsafe { CStr::from_ptr(path) }.to_str();
    let path = Path::new(path.unwrap_or_default());
    // The orders themselves are opened in here: they must not be asked for first.
    let name = path.file_name().filter(|_| path.starts_with(STORE));
    name.and_then(|name| name.to_str())
        .is_some_and(|name| ORDERED.withholds(name, made))
}

fn fail(error: c_int) -> c_int {
    // SAFETY: the C library's place for this thread's last error.
    unsafe { *libc::__errno_location() = error };
    -1
}

/// As the C library's. The mode is an argument like the others on this processor.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: as the caller promises, here and below.
    if unsafe { withholds(path, flags & libc::O_CREAT != 0) } {
        return fail(libc::ENOENT);
    }
    // SAFETY: the same.
    let file = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) };
    c_int::try_from(file).unwrap_or(-1)
}

/// As the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: as the caller promises, here and below.
    if unsafe { withholds(path, false) } {
        return fail(libc::ENOENT);
    }
    // SAFETY: the same.
    let done = unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) };
    c_int::try_from(done).unwrap_or(-1)
}

/// As the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    file: c_int,
    bytes: *const c_void,
    length: usize,
    place: libc::off64_t,
) -> isize {
    let path = fs::read_link(format!("/proc/self/fd/{file}"));
    if path.is_ok_and(|path| ORDERED.fails(&path)) {
        return fail(libc::EIO) as isize;
    }
    // SAFETY: as the caller promises.
    let written = unsafe { libc::syscall(libc::SYS_pwrite64, file, bytes, length, place) };
    isize::try_from(written).unwrap_or(-1)
}
