//! Memory of any size and place, that two references or two sessions share, and that changes while
//! the trusted application works on it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use claviger::{
    Algorithm, Status,
    proto::{
        Command,
        command::Access,
        frame::PREFIX,
        limits,
        message::{SealRequest, UnsealRequest},
    },
};
use claviger_tests::{
    ALICE, Device, Handle,
    bare::{Answer, BareSession, Block, PARTIAL_INOUT, Parameter, TEMP_INOUT, alone},
    frames::{frame, header},
    new_key,
};
use optee_teec::raw;

use crate::{checked, fresh, status_of, steady};

/// Sizes at and past every limit of the contract, for a request of `len` bytes.
fn sizes(len: usize) -> [usize; 14] {
    let header = PREFIX + limits::HEADER;
    [
        PREFIX,
        PREFIX + 1,
        len - 1,
        len,
        len + 1,
        header - 1,
        header,
        header + 1,
        PREFIX + limits::PAYLOAD,
        limits::FRAME - 1,
        limits::FRAME,
        limits::FRAME + 1,
        limits::FRAME + 4096,
        2 * limits::FRAME,
    ]
}

#[test]
fn sizes_at_and_past_each_limit() {
    let device = fresh();
    let mut session = device.bare(ALICE, 2 * limits::FRAME).unwrap();
    let headers = [0, 1, 2, limits::HEADER];
    let payloads = [0, 1, limits::CHUNK, limits::PAYLOAD - 1, limits::PAYLOAD];
    let lengths = headers.map(|header| payloads.map(|payload| (header, payload)));
    let lengths = lengths.as_flattened();
    let mut try_one = |command: Command, (header, payload): (usize, usize)| {
        let request = frame(&vec![b' '; header], &vec![0; payload]);
        for kind in [PARTIAL_INOUT, TEMP_INOUT] {
            for size in sizes(request.len()) {
                session.block().put(&request[..request.len().min(64)]);
                let answer = session.invoke(command.id(), alone(Parameter::of(kind, size)));
                let expected = match size {
                    ..PREFIX => None,
                    _ if size < request.len() => Some(Status::BadFrame),
                    _ if command.access() == Access::Administrator => {
                        Some(Status::AdministratorOnly)
                    }
                    _ => Some(Status::BadHeader),
                };
                let shown = (command, header, payload, size);
                assert_eq!(checked(&session, answer, size), expected, "{shown:?}");
            }
        }
    };
    for (number, command) in Command::ALL.iter().enumerate() {
        try_one(*command, lengths[number % lengths.len()]);
    }
    for lengths in lengths {
        try_one(Command::Info, *lengths);
    }
    drop(session);
    steady(&device);
}

/// A request in ever larger memory, until the TEE maps no more.
#[test]
fn the_largest_memory_that_is_mapped() {
    let device = fresh();
    let request = frame(b"{}", b"");
    let mut largest = 0;
    let (mut mapped, mut refused) = (4096, 256 << 20);
    while refused - mapped > 4096 {
        let size = (mapped + refused) / 2;
        if serves(&device, &request, size) {
            largest = size;
            mapped = size;
        } else {
            refused = size;
        }
    }
    println!("up to {largest} bytes are mapped");
    assert!(largest >= 2 * limits::FRAME);
    steady(&device);
}

/// Whether a request is answered in memory of this size; if not, it is refused.
fn serves(device: &Device, request: &[u8], size: usize) -> bool {
    let Ok(mut session) = device.bare(ALICE, size) else {
        return false;
    };
    session.block().put(request);
    let answer = session.send(Command::Info.id(), size);
    match answer.code {
        raw::TEEC_SUCCESS => {
            assert_eq!(checked(&session, answer, size), Some(Status::Ok));
            true
        }
        code => {
            assert_ne!(code, raw::TEEC_ERROR_TARGET_DEAD);
            // The session can still be used for less.
            session.block().put(request);
            let answer = session.send(Command::Info.id(), limits::FRAME);
            assert_eq!(checked(&session, answer, limits::FRAME), Some(Status::Ok));
            false
        }
    }
}

#[test]
fn ranges_of_one_block_that_overlap_or_leave_it() {
    let device = fresh();
    const SIZE: usize = 4 * 4096;
    let mut session = device.bare(ALICE, SIZE).unwrap();
    let request = frame(b"{}", b"");
    let range = |offset, size| Parameter {
        offset: Some(offset),
        ..Parameter::of(PARTIAL_INOUT, size)
    };
    for id in Command::ALL.iter().map(|command| command.id()) {
        for (one, other) in [
            (range(0, SIZE), range(0, SIZE)),
            (range(0, 4096), range(1, 4096)),
            (range(0, 4096), range(4095, 2)),
            (range(8, 100), range(0, SIZE)),
            (range(4096, 0), range(4096, 4096)),
            (range(0, 4096), Parameter::of(TEMP_INOUT, 4096)),
        ] {
            session.block().put(&request);
            let [first, second] = [[one, other], [other, one]].map(|[one, other]| {
                let none = Parameter::NONE;
                session.invoke(id, [one, other, none, none]).code
            });
            let refused = raw::TEEC_ERROR_BAD_PARAMETERS;
            assert_eq!([first, second], [refused; 2], "{one:?} {other:?}");
        }
        for (offset, size) in [
            (SIZE, 1),
            (SIZE - 1, 2),
            (0, SIZE + 1),
            (1, usize::MAX),
            (usize::MAX, 1),
            (usize::MAX, usize::MAX),
            (1 << 62, 1 << 62),
        ] {
            let code = session.invoke(id, alone(range(offset, size))).code;
            assert_ne!(code, raw::TEEC_SUCCESS, "{offset} {size}");
            assert_ne!(code, raw::TEEC_ERROR_TARGET_DEAD, "{offset} {size}");
        }
    }
    // At any place that is no page's beginning, a request is served, and nothing around it changes.
    for offset in [1, 15, 4095, 4096 + 7, SIZE - 1024] {
        let size = 1024.min(SIZE - offset);
        (0..SIZE).for_each(|place| session.block().set(place, 0xa5));
        for (place, byte) in frame(b"{\"length\":8}", b"").into_iter().enumerate() {
            session.block().set(offset + place, byte);
        }
        let answer = session.invoke(Command::Random.id(), alone(range(offset, size)));
        assert_eq!(
            (answer.code, answer.size),
            (raw::TEEC_SUCCESS, PREFIX + 2 + 8)
        );
        let whole = session.block().front(SIZE);
        assert_eq!(status_of(&whole[offset..offset + answer.size]), Status::Ok);
        assert!(whole[..offset].iter().all(|byte| *byte == 0xa5), "{offset}");
        let behind = &whole[offset + PREFIX + 12..];
        assert!(behind.iter().all(|byte| *byte == 0xa5), "{offset}");
    }
    drop(session);
    steady(&device);
}

/// A thread that changes bytes of a block until it is dropped.
struct Racer {
    turns: Arc<AtomicUsize>,
    done: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Racer {
    /// Gives the bytes at `place` one of these values after the other.
    fn start(block: &Block, place: usize, values: Vec<Vec<u8>>) -> Racer {
        let done = Arc::new(AtomicBool::new(false));
        let turns = Arc::new(AtomicUsize::new(0));
        let (block, ended, turn) = (block.clone(), done.clone(), turns.clone());
        let thread = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                for value in &values {
                    for (offset, byte) in value.iter().enumerate() {
                        block.set(place + offset, *byte);
                    }
                    turn.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Racer {
            turns,
            done,
            thread: Some(thread),
        }
    }

    /// Invokes a command on the block; says whether the racer ran meanwhile.
    fn send(&self, session: &mut BareSession, command: Command) -> (Answer, bool) {
        let turns = || self.turns.load(Ordering::Relaxed);
        // On one processor, this has the racer leave any of its values.
        let begun = turns();
        while turns() == begun {
            thread::yield_now();
        }
        let before = turns();
        let answer = session.send(command.id(), limits::FRAME);
        (answer, turns() > before)
    }
}

impl Drop for Racer {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))));
    }
}

fn key(device: &Device) -> Handle {
    Handle::generate(&device.user(ALICE), new_key("key", Algorithm::Aes256Siv)).unwrap()
}

/// What is sealed is one state of the plaintext: read twice, it would not open. The bytes that
/// change lie behind where the reply ends.
#[test]
fn plaintext_that_changes_is_sealed_as_it_was_once() {
    let device = fresh();
    let key = key(&device);
    let mut session = device.bare(ALICE, limits::FRAME).unwrap();
    let (context, plaintext) = (vec![0; limits::CONTEXT], vec![0; limits::CHUNK]);
    let request = SealRequest {
        key: key.key.clone(),
        context: limits::CONTEXT as u32,
        deterministic: true,
        index: 0,
        last: true,
    };
    let request = frame(
        header(&request).as_bytes(),
        &[&context[..], &plaintext].concat(),
    );
    let place = request.len() - 64;
    let (mut seen, mut raced) = ([0; 2], 0);
    for _ in 0..ROUNDS {
        let racer = Racer::start(session.block(), place, vec![vec![0; 64], vec![0xff; 64]]);
        session.block().put(&request);
        let (answer, ran) = racer.send(&mut session, Command::Seal);
        drop(racer);
        raced += usize::from(ran);
        assert!(answer.size <= place, "the racer's bytes are no reply's");
        assert_eq!(checked(&session, answer, place), Some(Status::Ok));
        let reply = session.block().front(answer.size);
        let blob = payload(&reply);
        let opened = key.unseal(&context, blob).unwrap();
        let (front, end) = opened.split_at(limits::CHUNK - 64);
        assert!(front.iter().all(|byte| *byte == 0));
        // A copy may be cut in two by the racer, never made twice.
        assert!(end.iter().all(|byte| matches!(byte, 0 | 0xff)));
        seen[usize::from(end[63] == 0xff)] += 1;
    }
    println!(
        "raced {raced} times; ended in 0 {} times, in 255 {} times",
        seen[0], seen[1]
    );
    assert!(raced > 0 && !seen.contains(&0), "the bytes did change");
    drop((session, key));
    steady(&device);
}

/// A blob that changes under the check opens to what was sealed, or does not open.
#[test]
fn a_blob_that_changes_opens_right_or_not_at_all() {
    let device = fresh();
    let key = key(&device);
    let mut session = device.bare(ALICE, limits::FRAME).unwrap();
    let (context, plaintext) = (vec![1; limits::CONTEXT], vec![2; limits::CHUNK]);
    let blob = key.seal(&context, &plaintext).unwrap();
    let request = UnsealRequest {
        key: key.key.clone(),
        context: limits::CONTEXT as u32,
        index: 0,
        last: true,
    };
    let request = frame(header(&request).as_bytes(), &[&context[..], &blob].concat());
    let place = request.len() - 1;
    let last = request[place];
    let (mut right, mut refused, mut raced) = (0, 0, 0);
    for _ in 0..ROUNDS {
        let racer = Racer::start(session.block(), place, vec![vec![last], vec![!last]]);
        session.block().put(&request);
        let (answer, ran) = racer.send(&mut session, Command::Unseal);
        drop(racer);
        raced += usize::from(ran);
        assert!(answer.size <= place);
        match checked(&session, answer, place) {
            Some(Status::Ok) => {
                let reply = session.block().front(answer.size);
                assert!(payload(&reply) == plaintext);
                right += 1;
            }
            other => {
                assert_eq!(other, Some(Status::NotAuthentic));
                refused += 1;
            }
        }
    }
    println!("raced {raced} times; opened {right} times, refused {refused} times");
    assert!(raced > 0 && right > 0 && refused > 0);
    drop((session, key));
    steady(&device);
}

/// Lengths, version, header and status that change: nobody can say which the answer is to, but its
/// size is one of a reply's.
#[test]
fn a_prefix_and_header_that_change() {
    let device = fresh();
    let key = key(&device);
    let mut session = device.bare(ALICE, limits::FRAME).unwrap();
    let sealed = key.seal(b"", &[3; 100]).unwrap();
    let request = UnsealRequest {
        key: key.key.clone(),
        context: 0,
        index: 0,
        last: true,
    };
    let header = header(&request);
    let request = frame(header.as_bytes(), &sealed);
    let right = PREFIX + r#"{"version":1}"#.len() + 100;
    let with = |place: usize, bytes: &[u8]| {
        let mut other = request.clone();
        other[place..place + bytes.len()].copy_from_slice(bytes);
        other
    };
    let length = (header.len() as u32).to_le_bytes();
    let (mut sizes, mut raced) = (BTreeMap::new(), 0);
    for (place, values) in [
        (0, vec![vec![1, 0], vec![2, 0]]),
        (2, vec![vec![0, 0], vec![0xff, 0xff]]),
        (4, vec![length.to_vec(), vec![0; 4], vec![0xff; 4]]),
        (4, vec![length.to_vec(), vec![0xff, 0x0f, 0, 0]]),
        (
            8,
            vec![request[8..12].to_vec(), vec![0xff; 4], vec![0, 0, 1, 0]],
        ),
        (12, vec![vec![0], vec![1]]),
        (PREFIX, vec![b"{".to_vec(), vec![0xff]]),
        (
            PREFIX + 8,
            vec![request[PREFIX + 8..PREFIX + 12].to_vec(), vec![b'"'; 4]],
        ),
        (
            request.len() - 1,
            vec![vec![request[request.len() - 1]], vec![0]],
        ),
    ] {
        assert_eq!(with(place, &values[0]), request, "the first value is right");
        for _ in 0..ROUNDS {
            let racer = Racer::start(session.block(), place, values.clone());
            session.block().put(&request);
            let (Answer { code, size }, ran) = racer.send(&mut session, Command::Unseal);
            drop(racer);
            raced += usize::from(ran);
            assert_eq!(code, raw::TEEC_SUCCESS);
            assert!(size == PREFIX || size == right, "{size}");
            *sizes.entry(size).or_insert(0) += 1;
        }
    }
    println!("raced {raced} times; {sizes:?}");
    assert_eq!(sizes.len(), 2, "the bytes did change: {sizes:?}");
    drop((session, key));
    steady(&device);
}

/// How often each race is run.
const ROUNDS: usize = 40;

/// What lies behind a reply's header.
fn payload(reply: &[u8]) -> &[u8] {
    let header = u32::from_le_bytes(*reply[4..].first_chunk().unwrap()) as usize;
    &reply[PREFIX + header..]
}
