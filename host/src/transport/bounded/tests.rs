use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread::ThreadId,
};

use claviger_proto::{
    Status,
    command::FROM_MEMORY,
    frame::{PREFIX, Prefix},
};

use super::*;
use crate::{Error, ErrorKind};

const PATIENCE: Duration = Duration::from_millis(50);
/// A command that does not end before it is told to.
const STUCK: u32 = 9999;
/// What is not served from memory.
const COLD: u32 = Command::Sign.id() | FROM_MEMORY;
/// Bytes of a session's memory at first.
const SMALL: usize = 32;
/// Bytes that it has at most.
const LARGEST: usize = 256;

/// What became of the one session, seen from outside.
#[derive(Default)]
struct Seen {
    opened: usize,
    closed: usize,
    /// The first bytes of each request.
    requests: Vec<Vec<u8>>,
    /// The thread of the last one.
    thread: Option<ThreadId>,
    memory: Vec<u8>,
}

struct Session {
    seen: Arc<Mutex<Seen>>,
    go_on: Arc<Mutex<Receiver<()>>>,
    memory: Vec<u8>,
}

impl Transport for Session {
    fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn reserve(&mut self, size: usize) -> Result<(), TransportError> {
        if size > LARGEST {
            return Err(TransportError::OpteeNotBuilt);
        }
        self.memory = vec![0; size];
        Ok(())
    }

    fn invoke(&mut self, command_id: u32, _: usize) -> Result<usize, Fault> {
        let request = self.memory[..4].to_vec();
        let mut seen = self.seen.lock().unwrap();
        seen.requests.push(request);
        seen.thread = Some(thread::current().id());
        drop(seen);
        if command_id == STUCK {
            self.go_on.lock().unwrap().recv().unwrap();
        }
        if command_id == COLD {
            let refusal = Prefix::of(Status::NeedsStorage);
            self.memory[..PREFIX].copy_from_slice(&refusal.encode().unwrap());
            return Ok(PREFIX);
        }
        self.memory[..4].copy_from_slice(b"done");
        Ok(4)
    }

    fn reopen(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        Err(TransportError::Dead)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut seen = self.seen.lock().unwrap();
        seen.closed += 1;
        seen.memory.clone_from(&self.memory);
    }
}

fn stopped() -> Option<TransportError> {
    Some(TransportError::SupplicantStopped)
}

fn open(cause: fn() -> Option<TransportError>) -> (impl Transport, Arc<Mutex<Seen>>, Sender<()>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (going_on, go_on) = channel();
    let go_on = Arc::new(Mutex::new(go_on));
    let session = seen.clone();
    let bounds = Bounds {
        open: move || {
            session.lock().unwrap().opened += 1;
            Ok(Box::new(Session {
                seen: session.clone(),
                go_on: go_on.clone(),
                memory: vec![0; SMALL],
            }) as _)
        },
        patience: PATIENCE,
        cause,
    };
    (Bounded::open(bounds).unwrap(), seen, going_on)
}

fn ask(transport: &mut impl Transport, command_id: u32, request: &[u8; 4]) -> Result<usize, Fault> {
    if transport.memory().len() < SMALL {
        transport.reserve(SMALL).unwrap();
    }
    transport.memory()[..4].copy_from_slice(request);
    transport.invoke(command_id, 4)
}

#[track_caller]
fn gives_up(result: Result<usize, Fault>) {
    assert!(matches!(
        result,
        Err(Fault::Failed(TransportError::SupplicantStopped))
    ));
}

#[test]
fn a_call_that_does_not_end_is_given_up_and_its_session_used_again() {
    let (mut transport, seen, going_on) = open(stopped);
    let started = Instant::now();
    gives_up(ask(&mut transport, STUCK, b"one "));
    assert!(started.elapsed() >= PATIENCE);
    // Nothing is sent, and no session opened, while the first call is under way.
    gives_up(ask(&mut transport, 1, b"two "));
    gives_up(ask(&mut transport, 1, b"two "));
    assert_eq!(seen.lock().unwrap().requests, [b"one "]);
    going_on.send(()).unwrap();
    assert_eq!(ask(&mut transport, 1, b"two ").unwrap(), 4);
    assert_eq!(&transport.memory()[..4], b"done");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.requests, [b"one ", b"two "]);
    assert_eq!((seen.opened, seen.closed), (1, 0));
}

#[test]
fn memory_grows_with_a_request_also_while_its_session_is_away() {
    let (mut transport, seen, going_on) = open(stopped);
    transport.reserve(2 * SMALL).unwrap();
    assert_eq!(transport.memory().len(), 2 * SMALL);
    gives_up(ask(&mut transport, STUCK, b"one "));
    // The second request is longer than the session's memory.
    transport.reserve(LARGEST).unwrap();
    transport.memory()[LARGEST - 1] = 7;
    going_on.send(()).unwrap();
    ask(&mut transport, 1, b"two ").unwrap();
    assert_eq!(transport.memory().len(), LARGEST);
    assert_eq!(transport.memory()[LARGEST - 1], 7);
    assert_eq!(seen.lock().unwrap().requests, [b"one ", b"two "]);
}

#[test]
fn memory_that_is_not_to_be_had_costs_no_session() {
    let (mut transport, seen, _going_on) = open(stopped);
    let refused = transport.reserve(LARGEST + 1);
    assert!(matches!(refused, Err(TransportError::OpteeNotBuilt)));
    assert_eq!(ask(&mut transport, 1, b"one ").unwrap(), 4);
    assert_eq!(seen.lock().unwrap().opened, 1);
}

#[test]
fn a_call_that_is_only_slow_is_waited_for() {
    let (mut transport, _, going_on) = open(|| None);
    let helper = thread::spawn(move || {
        thread::sleep(4 * PATIENCE);
        going_on.send(()).unwrap();
    });
    assert_eq!(ask(&mut transport, STUCK, b"slow").unwrap(), 4);
    helper.join().unwrap();
}

#[test]
fn a_use_is_made_at_once_while_nothing_is_seen_to_hinder_it() {
    let own = thread::current().id();
    let (use_of_a_key, change) = (Command::Mac.id(), Command::Generate.id());
    for (cause, command_id, at_once) in [
        ((|| None) as fn() -> _, use_of_a_key, true),
        (|| None, change, false),
        (stopped, use_of_a_key, false),
    ] {
        let (mut transport, seen, _going_on) = open(cause);
        ask(&mut transport, command_id, b"one ").unwrap();
        assert_eq!(seen.lock().unwrap().thread == Some(own), at_once);
    }
}

#[test]
fn a_use_that_needs_storage_is_made_where_it_can_be_given_up() {
    let (mut transport, seen, _going_on) = open(|| None);
    ask(&mut transport, COLD & !FROM_MEMORY, b"one ").unwrap();
    assert_eq!(&transport.memory()[..4], b"done");
    let seen = seen.lock().unwrap();
    // The same request, which the refusal was written over.
    assert_eq!(seen.requests, [b"one ", b"one "]);
    assert_ne!(seen.thread, Some(thread::current().id()));
}

#[test]
fn a_session_is_closed_with_its_client() {
    let (mut transport, seen, _going_on) = open(stopped);
    ask(&mut transport, 1, b"one ").unwrap();
    drop(transport);
    assert_eq!(seen.lock().unwrap().closed, 1);
}

#[test]
fn a_lost_session_is_wiped_and_closed_when_it_comes_back() {
    let (mut transport, seen, going_on) = open(stopped);
    gives_up(ask(&mut transport, STUCK, b"key!"));
    drop(transport);
    assert_eq!(seen.lock().unwrap().closed, 0);
    going_on.send(()).unwrap();
    let started = Instant::now();
    while seen.lock().unwrap().closed == 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "not closed");
        thread::sleep(Duration::from_millis(1));
    }
    assert!(seen.lock().unwrap().memory.iter().all(|byte| *byte == 0));
}

#[test]
fn opening_is_given_up_too_and_not_without_end() {
    let (going_on, go_on) = channel::<()>();
    let go_on = Arc::new(Mutex::new(go_on));
    let opened = Arc::new(Mutex::new(0));
    let count = opened.clone();
    let bounds = Bounds {
        open: move || {
            *count.lock().unwrap() += 1;
            // Ends when the sender is gone.
            let _ended = go_on.lock().unwrap().recv();
            Err(TransportError::OpteeNotBuilt)
        },
        patience: Duration::from_millis(5),
        cause: stopped,
    };
    for _ in 0..3 * LOST {
        let refused = Bounded::open(bounds.clone()).err();
        assert!(matches!(refused, Some(TransportError::SupplicantStopped)));
    }
    assert!(*opened.lock().unwrap() <= LOST);
    drop(going_on);
}

#[test]
fn the_error_names_the_cause_and_what_to_do() {
    for (error, words) in [
        (TransportError::NoSupplicant, ["does not run", "start"]),
        (TransportError::SupplicantStopped, ["is stopped", "CONT"]),
    ] {
        let error = Error::Transport(error);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains(words[0]));
        assert!(error.hint().unwrap().contains(words[1]));
    }
}
