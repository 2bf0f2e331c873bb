//! A program that forks while it has clients: daemons, servers with a process for each connection.
//! Each process has a session of its own, no session is ended by another process, nobody waits for a
//! thread that is not there, and each use that was acknowledged is counted once.

mod child;
mod files;

use std::{
    io::{self, Read},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use claviger::{
    Algorithm, Client, Error, Key, Status, TransportError, Usage,
    pipeline::{ReadAhead, WriteBehind},
    transport::{Fault, Transport},
};
use claviger_tests::Device;

use child::Child;

/// More than an open session takes to be closed, less than the library waits for a thread.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A device that processes share.
struct Shared {
    #[cfg(feature = "emulator")]
    directory: tempfile::TempDir,
}

impl Shared {
    #[cfg(feature = "emulator")]
    fn fresh() -> Shared {
        let directory = tempfile::tempdir().unwrap();
        Shared { directory }
    }

    #[cfg(not(feature = "emulator"))]
    fn fresh() -> Shared {
        drop(Device::fresh());
        Shared {}
    }

    #[cfg(feature = "emulator")]
    fn open(&self) -> Client {
        use claviger::transport::emulator::Emulator;
        let emulator = Emulator::directory(self.directory.path().join("device"));
        Client::builder().emulator(emulator).open().unwrap()
    }

    #[cfg(not(feature = "emulator"))]
    fn open(&self) -> Client {
        Client::open().unwrap()
    }
}

/// The key's MAC of a message, as text, or why there is none.
fn mac(key: &Key) -> String {
    key.mac(b"message")
        .map_or_else(|error| error.to_string(), |tag| format!("{tag:?}"))
}

/// Uses the key so often; says how often it was acknowledged.
fn use_up(key: &Key, times: usize) -> usize {
    let serves = |_: &usize| match key.mac(b"message") {
        Ok(_) => true,
        Err(Error::Ta(Status::UsesExhausted)) => false,
        Err(error) => panic!("{error:?}"),
    };
    (0..times).filter(serves).count()
}

#[test]
fn a_server_forks_before_it_serves() {
    const CHILDREN: usize = 8;
    const EACH: usize = 25;
    const USES: usize = 180;
    let device = Shared::fresh();
    let client = device.open();
    let key = client
        .create("k")
        .algorithm(Algorithm::Aes128Cmac)
        .max_uses(USES as u64)
        .generate()
        .unwrap();
    let children: Vec<Child> = (0..CHILDREN)
        .map(|_| Child::fork(|| use_up(&key, EACH).to_string()))
        .collect();
    let own = use_up(&key, EACH);
    let theirs: usize = children
        .into_iter()
        .map(|child| child.said().parse::<usize>().unwrap())
        .sum();
    assert_eq!(own + theirs, USES, "each was counted once");
    assert_eq!(client.describe("k").unwrap().uses_left, Some(0));
}

#[test]
fn a_daemon_goes_on_when_its_parents_are_gone() {
    let device = Shared::fresh();
    let key = device.open().generate("k", Algorithm::Aes128Cmac).unwrap();
    let expected = mac(&key);
    drop(key);
    let begin = || {
        let client = device.open();
        let key = client.key("k").unwrap();
        (client, key)
    };
    let daemon = Child::daemonise(begin, |(client, key)| {
        // Both that it was forked from have ended.
        thread::sleep(Duration::from_millis(200));
        client.generate("daemons", Algorithm::Aes256Siv).unwrap();
        mac(&key)
    });
    assert_eq!(daemon.said(), expected);
    assert_eq!(device.open().list().unwrap().len(), 2);
}

#[test]
fn a_thread_forks_while_others_call() {
    const FORKS: usize = 16;
    let device = Shared::fresh();
    let client = device.open();
    let key = client.generate("k", Algorithm::Aes128Cmac).unwrap();
    let counted = client
        .create("counted")
        .algorithm(Algorithm::Aes128Cmac)
        .max_uses(1_000_000)
        .generate()
        .unwrap();
    let (expected, over) = (mac(&key), AtomicBool::new(false));
    let used = thread::scope(|scope| {
        let calls = || {
            let mut used = 0;
            while !over.load(Ordering::Relaxed) {
                used += use_up(&counted, 1);
                // Not from memory: in the hands of the library's own thread.
                client.describe("k").unwrap();
            }
            used
        };
        let callers = [scope.spawn(calls), scope.spawn(calls)];
        let mut theirs = 0;
        for _ in 0..FORKS {
            let child = Child::fork(|| {
                let (tag, used) = (mac(&key), use_up(&counted, 1));
                let begun = Instant::now();
                drop((client.clone(), key.clone()));
                assert!(begun.elapsed() < AT_ONCE);
                format!("{tag} {used}")
            });
            let said = child.said();
            assert_eq!(said, format!("{expected} 1"));
            theirs += 1;
        }
        over.store(true, Ordering::Relaxed);
        theirs + callers.map(|one| one.join().unwrap()).iter().sum::<usize>()
    });
    let left = client.describe("counted").unwrap().uses_left;
    assert_eq!(left, Some(1_000_000 - used as u64), "each was counted once");
}

#[test]
fn a_fork_of_a_fork_has_its_own_too() {
    fn down(client: &Client, key: &Key, levels: usize) -> String {
        let deeper = (levels > 0).then(|| Child::fork(|| down(client, key, levels - 1)));
        let (here, below) = (mac(key), deeper.map(Child::said));
        // And after the one below has ended.
        client.key("k").unwrap();
        assert!(below.is_none_or(|below| below == here));
        here
    }
    let device = Shared::fresh();
    let client = device.open();
    let key = client.generate("k", Algorithm::Aes128Cmac).unwrap();
    let expected = mac(&key);
    assert_eq!(down(&client, &key, 3), expected);
    assert_eq!(mac(&key), expected);
    // One between them that never called.
    let silent = Child::fork(|| Child::fork(|| mac(&key)).said());
    assert_eq!(silent.said(), expected);
}

#[test]
fn what_is_dropped_in_a_child_is_the_parents_still() {
    let device = Shared::fresh();
    let client = device.open();
    let key = client.generate("k", Algorithm::Aes128Cmac).unwrap();
    let (expected, instance) = (mac(&key), client.info().unwrap().instance);
    for calls in [false, true] {
        let (client, key) = (client.clone(), key.clone());
        let other = device.open();
        let child = Child::fork(move || {
            if calls {
                mac(&key);
                other.info().unwrap();
            }
            let begun = Instant::now();
            // The last of `other`'s.
            drop((client, key, other));
            assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
            "dropped".to_owned()
        });
        assert_eq!(child.said(), "dropped");
    }
    assert_eq!(mac(&key), expected);
    assert_eq!(client.info().unwrap().instance, instance);
    // And the other way round: the parent closes, the child goes on.
    let (other, begun) = (device.open(), Instant::now());
    let theirs = other.key("k").unwrap();
    let (reader, writer) = io::pipe().unwrap();
    let child = Child::fork(|| {
        let mut reader = &reader;
        reader.read_exact(&mut [0]).unwrap();
        mac(&theirs)
    });
    drop((other, theirs));
    io::Write::write_all(&mut &writer, &[1]).unwrap();
    assert_eq!(child.said(), expected);
    assert!(begun.elapsed() < 2 * AT_ONCE);
}

/// A stream that forks when 100,000 bytes of it were read.
struct Forks {
    content: Vec<u8>,
    given: usize,
    forked: Option<Child>,
    in_child: bool,
}

impl Forks {
    fn of(content: Vec<u8>) -> Forks {
        Forks {
            content,
            given: 0,
            forked: None,
            in_child: false,
        }
    }
}

impl Read for Forks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given > 100_000 && self.forked.is_none() && !self.in_child {
            match Child::split() {
                Some(child) => self.forked = Some(child),
                None => self.in_child = true,
            }
        }
        let length = (&self.content[self.given..]).read(buffer)?;
        self.given += length;
        Ok(length)
    }
}

#[test]
fn a_stream_that_was_begun_ends_where_it_was_begun() {
    let device = Shared::fresh();
    let client = device.open();
    let key = client.generate("k", Algorithm::HmacSha256).unwrap();
    let whole = vec![7; 700_000];
    let expected = key.mac(&whole).unwrap();
    let mut input = Forks::of(whole.clone());
    let tag = key.mac_stream(&mut input);
    if input.in_child {
        let said = match tag {
            Err(Error::Transport(error @ TransportError::AnotherProcess)) => {
                // Begun anew, it goes on.
                assert_eq!(key.mac(&whole).unwrap(), expected);
                error.to_string()
            }
            other => format!("{other:?}"),
        };
        Child::end(&said);
    }
    assert_eq!(tag.unwrap(), expected);
    let said = input.forked.take().unwrap().said();
    assert!(said.contains("another process"), "{said}");
}

#[test]
fn what_was_begun_in_the_device_goes_on_in_a_child() {
    let device = Shared::fresh();
    let client = device.open();
    let key = client
        .create("k")
        .algorithm(Algorithm::Aes128Cmac)
        .usage(Usage::Challenge)
        .generate()
        .unwrap();
    let m1 = key.challenge("b", "a").unwrap();
    let child = Child::fork(|| {
        let m2 = key.respond("a", "b", &m1).unwrap();
        let m3 = key.confirm(&m2).unwrap().reply;
        key.confirm(&m3).unwrap().peer.to_string()
    });
    assert_eq!(child.said(), "b");
}

#[test]
fn threads_that_read_ahead_and_write_behind_stay_with_the_parent() {
    let mut ahead = ReadAhead::new(io::repeat(7)).unwrap();
    let mut behind = WriteBehind::new(Vec::new()).unwrap();
    ahead.read_exact(&mut [0; 10]).unwrap();
    let child = Child::split();
    let begun = Instant::now();
    let read = ahead.read(&mut [0; 10]);
    let written = io::Write::write(&mut behind, b"1");
    if child.is_none() {
        let errors = [
            read.unwrap_err().to_string(),
            written.unwrap_err().to_string(),
        ];
        drop((ahead, behind));
        assert!(begun.elapsed() < AT_ONCE);
        Child::end(&errors.concat());
    }
    assert_eq!((read.unwrap(), written.unwrap()), (10, 1));
    let said = child.unwrap().said();
    assert_eq!(said.matches("another process").count(), 2, "{said}");
    assert_eq!(behind.finish().unwrap(), b"1");
}

/// What starts another program leaves it no descriptor of the session's.
#[test]
fn a_program_that_is_started_gets_nothing_of_the_session() {
    let device = Shared::fresh();
    let client = device.open();
    let key = client.generate("k", Algorithm::Aes128Cmac).unwrap();
    let list = || {
        let shown = Command::new("ls").args(["-l", "/proc/self/fd"]).output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        let of_the_device = |line: &&str| line.contains("tee") || line.contains("device/");
        assert!(shown.contains("->"), "{shown}");
        shown.lines().filter(of_the_device).collect::<String>()
    };
    // A large request too has its memory.
    key.mac(&[7; 100_000]).unwrap();
    assert_eq!(list(), "");
    let child = Child::fork(|| {
        mac(&key);
        list()
    });
    assert_eq!(child.said(), "");
    mac(&key);
}

/// A transport of the program's own, which only that knows how to open.
struct Foreign(Vec<u8>);

impl Transport for Foreign {
    fn memory(&mut self) -> &mut [u8] {
        &mut self.0
    }

    fn invoke(&mut self, _: u32, _: usize) -> Result<usize, Fault> {
        Err(Fault::Failed(TransportError::OpteeNotBuilt))
    }

    fn reopen(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        Err(TransportError::OpteeNotBuilt)
    }
}

#[test]
fn what_the_library_cannot_open_is_named() {
    let client = Client::with_transport(Foreign(vec![0; 200_000]));
    let child = Child::fork(|| client.info().unwrap_err().to_string());
    let said = child.said();
    assert!(said.contains("another process"), "{said}");
    assert!(!client.info().unwrap_err().to_string().contains("another"));
}

/// Of a device in memory a child has a copy, whose counts nobody else would see.
#[cfg(feature = "emulator")]
#[test]
fn a_device_in_memory_is_one_processs() {
    let device = Device::fresh();
    let client = device.user(0);
    let key = client.generate("k", Algorithm::Aes128Cmac).unwrap();
    let child = Child::fork(|| {
        assert!(device.try_user(0).is_err());
        mac(&key)
    });
    let said = child.said();
    assert!(said.contains("memory of another process"), "{said}");
    mac(&key);
}

/// A process that another call than fork(3) made, of which no library is told.
#[cfg(feature = "optee")]
#[test]
fn a_process_that_nobody_was_told_of_has_its_own() {
    let device = Shared::fresh();
    let client = device.open();
    let key = client.generate("k", Algorithm::Aes128Cmac).unwrap();
    let expected = mac(&key);
    assert_eq!(Child::clone(|| mac(&key)).said(), expected);
    assert_eq!(mac(&key), expected);
}
