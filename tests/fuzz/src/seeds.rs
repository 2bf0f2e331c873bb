//! The inputs that fuzzing begins with: bytes of real runs.
//!
//! The corpora in the repository are what is left of these (`cargo run --release --example seeds
//! FOLDER`) and of what fuzzing found, when `TARGET -merge=1` had chosen the smallest that reach as
//! much.

use std::sync::{Arc, Mutex};

use claviger::{
    Algorithm, Client,
    transport::{Fault, Transport, TransportError},
};
use claviger_proto::{Command, Digits, frame::PREFIX, limits, ratchet, shares::split_signed};
use claviger_tests::{frames::frame, requests::request};

use crate::{Ground, Machine, ask, client, start};

/// The inputs for the target of this name.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "codec" => codec(),
        "formats" => formats(),
        "replies" => replies(),
        "service" => service(),
        "stored" => stored(),
        "wrapped" => wrapped(),
        other => panic!("no target {other}"),
    }
}

fn codec() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, command) in Command::ALL.iter().enumerate() {
        let (header, payload) = request(*command, "aes-256-siv");
        seeds.push([&[number as u8], header.as_bytes()].concat());
        let whole = frame(header.as_bytes(), &payload);
        seeds.push(whole[..PREFIX + header.len()].to_vec());
    }
    seeds
}

fn service() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0xf8, 3, 3, 3, 3, 1, 3, 0xff, 3, 1, 4]];
    for command in 0..Command::ALL.len() as u8 {
        seeds.extend([0, 1, 2, 8, 9, 11].map(|label| vec![command, 1, label]));
    }
    seeds
}

fn stored() -> Vec<Vec<u8>> {
    let of_place = |place| {
        let same = vec![6, place];
        let another = vec![6, place, 20, 0, 1, 7];
        let not_authentic = vec![0, place, 20, 0, 1, 7];
        [same, another, not_authentic]
    };
    (0..32).flat_map(of_place).collect()
}

fn wrapped() -> Vec<Vec<u8>> {
    let changes = [0, 1, 16, 17, 40, 60, 100];
    let of_place = |place| [vec![5, 1, place, 0, 1, 9], vec![4, 1, place, 0, 1, 9]];
    let mut seeds: Vec<_> = changes.into_iter().flat_map(of_place).collect();
    seeds.push(vec![7, 0]);
    seeds
}

fn formats() -> Vec<Vec<u8>> {
    let start = start();
    let keys = client(&started(), 1);
    let mut seeds = Vec::new();
    let mut add = |kind: u8, bytes: &[u8]| seeds.push([&[kind], bytes].concat());
    let material = &start.material;
    add(0, &material[0][1..]);
    add(1, start.message(b"CLV1"));
    add(1, start.message(b"CLV2"));
    let token = ratchet::Token {
        from: 1,
        to: 2,
        tag: [7; 16],
    };
    add(2, &token.encode());
    let [manifest, share, request] = &start.shares;
    for (kind, signed) in [(3, manifest), (4, request)] {
        add(kind, split_signed(signed).unwrap().0);
        add(13, signed);
        add(15, signed);
    }
    let [log, checkpoint] = &start.audit;
    // Behind vault id, name, first number and chain value.
    add(5, &log[8 + 16 + 17 + 8 + 32..]);
    add(6, checkpoint);
    add(7, log);
    add(8, share);
    add(15, checkpoint);
    add(9, b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n-----END PRIVATE KEY-----\n");
    for (number, algorithm) in Algorithm::ALL.iter().enumerate() {
        add(11, algorithm.name().as_bytes());
        let Ok(key) = keys.key(algorithm.name()).and_then(|key| key.public_key()) else {
            continue;
        };
        let mut forms = vec![key.raw()];
        forms.extend(key.to_der());
        forms.extend(key.to_pem().map(String::into_bytes));
        for form in forms {
            add(10, &[&[number as u8], &form[..]].concat());
        }
    }
    add(11, b"user:00000000-0000-4000-8000-000000000000~label#child");
    add(11, Digits([7; 8]).to_string().as_bytes());
    for key in ["label", "label#child", "@100", "@100#child"] {
        add(12, format!("{key:?}").as_bytes());
    }
    add(14, &[1; 17]);
    seeds
}

/// The device as every input finds it.
fn started() -> Arc<Mutex<Machine>> {
    let ground = Ground::new(start().image.clone());
    Arc::new(Mutex::new(Machine::start(ground)))
}

/// Passes calls on, and writes down what was answered, as an input of the target `replies` has it.
struct Scribe {
    machine: Arc<Mutex<Machine>>,
    memory: Vec<u8>,
    script: Arc<Mutex<Vec<u8>>>,
}

impl Transport for Scribe {
    fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn invoke(&mut self, command: u32, size: usize) -> Result<usize, Fault> {
        let mut machine = self.machine.lock().unwrap();
        let reply = machine.call(1, command, &self.memory[..size], 0);
        let (payload, len) = (reply.payload(), reply.bytes.len());
        let header = &reply.bytes[PREFIX..len - payload.len()];
        let mut script = self.script.lock().unwrap();
        script.push(3);
        script.extend((header.len() as u16).to_le_bytes());
        script.extend((payload.len() as u16).to_le_bytes());
        script.extend([header, payload].concat());
        self.memory[..len].copy_from_slice(&reply.bytes);
        Ok(len)
    }

    fn reopen(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        Err(TransportError::Dead)
    }
}

fn replies() -> Vec<Vec<u8>> {
    let asked = (0..=u8::MAX).filter(|which| *which < 8 || which % 8 == 7);
    asked.filter_map(conversation).collect()
}

/// What the trusted application answers to the calls that the target makes for `which`.
fn conversation(which: u8) -> Option<Vec<u8>> {
    let script = Arc::new(Mutex::new(vec![which]));
    let client = Client::with_transport(Scribe {
        machine: started(),
        memory: vec![0; limits::FRAME],
        script: script.clone(),
    });
    ask(&client, which);
    let script = script.lock().unwrap().clone();
    (script.len() > 1).then_some(script)
}
