//! Processes that are forked from this one, and what they say.

#![allow(unsafe_code)]

use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

/// Seconds after which a process that hangs is ended.
const PATIENCE: u32 = 60;

/// A process that was forked.
pub(crate) struct Child {
    pid: i32,
    said: PipeReader,
}

/// Where a process that was split off says what it has to say.
static SPLIT: Mutex<Option<PipeWriter>> = Mutex::new(None);

impl Child {
    /// Has another process do this, and say what comes of it.
    pub(crate) fn fork(work: impl FnOnce() -> String) -> Child {
        // SAFETY: whatever the library does in the child is what is tested.
        Child::make(|| unsafe { libc::fork() }, work)
    }

    /// As [`Child::fork`], by a call of which the C library does not know what it does.
    #[cfg(feature = "optee")]
    pub(crate) fn clone(work: impl FnOnce() -> String) -> Child {
        let (none, signal) = (0_usize, libc::SIGCHLD as usize);
        // SAFETY: as above; a stack of its own is not asked for.
        let clone = || unsafe {
            libc::syscall(libc::SYS_clone, signal, none, none, none, none) as libc::pid_t
        };
        Child::make(clone, work)
    }

    /// Has a process begin, and that which it was turned into as daemons are go on: the first has
    /// ended then, and the one between them.
    pub(crate) fn daemonise<T>(begin: impl FnOnce() -> T, work: impl FnOnce(T) -> String) -> Child {
        let (said, writer) = io::pipe().unwrap();
        // SAFETY: as above.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let begun = begin();
            // SAFETY: as above.
            if unsafe { libc::fork() == 0 && libc::setsid() > 0 && libc::fork() == 0 } {
                speak(writer, || work(begun));
            }
            // SAFETY: it ends here, with nothing run at its end.
            unsafe { libc::_exit(0) };
        }
        assert!(pid > 0, "{}", io::Error::last_os_error());
        drop(writer);
        Child { pid, said }
    }

    fn make(call: impl Fn() -> libc::pid_t, work: impl FnOnce() -> String) -> Child {
        let (said, writer) = io::pipe().unwrap();
        match call() {
            0 => speak(writer, work),
            pid => {
                assert!(pid > 0, "{}", io::Error::last_os_error());
                drop(writer);
                Child { pid, said }
            }
        }
    }

    /// Goes on as two processes: the other one gets nothing, and ends by [`Child::end`].
    pub(crate) fn split() -> Option<Child> {
        let (said, writer) = io::pipe().unwrap();
        let mut speaker = SPLIT.lock().unwrap();
        // SAFETY: as above.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: it only sets a clock.
            unsafe { libc::alarm(PATIENCE) };
            *speaker = Some(writer);
            return None;
        }
        assert!(pid > 0, "{}", io::Error::last_os_error());
        Some(Child { pid, said })
    }

    /// Ends a process that was split off.
    pub(crate) fn end(said: &str) -> ! {
        let speaker = SPLIT.lock().unwrap().take();
        speak(speaker.unwrap(), || said.to_owned())
    }

    /// What it said, once it has ended.
    #[track_caller]
    pub(crate) fn said(mut self) -> String {
        let mut text = String::new();
        self.said.read_to_string(&mut text).unwrap();
        let mut status = 0;
        // SAFETY: it is a child of this process, and is waited for once.
        let ended = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
        assert_eq!((ended, status), (self.pid, 0), "it said: {text}");
        text
    }
}

/// Ends the process with what comes of this.
fn speak(mut writer: PipeWriter, work: impl FnOnce() -> String) -> ! {
    // SAFETY: it only sets a clock.
    unsafe { libc::alarm(PATIENCE) };
    let said = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        format!("panicked: {}", text.unwrap_or_default())
    });
    let written = writer.write_all(said.as_bytes());
    // SAFETY: it ends here, with nothing of the parent's run at its end.
    unsafe { libc::_exit(i32::from(written.is_err())) }
}
