//! Clients that end in the middle of a call.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use claviger::{Client, Error, TransportError, proto::limits};
use claviger_tests::Rng;

use crate::{
    AtWork, succeeds,
    supplicant::{Supplicant, supervised},
};

const CLIENTS: usize = 40;

/// As many sessions can be open afterwards as before, and calls are served. Linux 6.12 ends
/// tee-supplicant too when it answers a call whose client is gone.
#[test]
fn killed_in_the_middle_of_a_call() {
    let device = AtWork::new();
    let _restarted = Supplicant;
    supervised(|| kill_clients(&device));
}

fn kill_clients(device: &AtWork) {
    let mut rng = Rng::new(7);
    let mut killed = 0;
    let started = Instant::now();
    succeeds(&["generate", "key/first", "--algorithm", "ecdsa-p256"]);
    let whole = started.elapsed().as_micros() as usize;
    for number in 0..CLIENTS {
        let label = format!("key/{number}");
        let mut client = Command::new("claviger")
            .args(["generate", &label, "--algorithm", "ecdsa-p256"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_micros(rng.below(2 * whole) as u64));
        client.kill().unwrap();
        killed += usize::from(client.wait().unwrap().code().is_none());
    }
    device.serves();
    let sessions: Vec<Client> = (1..limits::CALLER_SESSIONS)
        .map(|number| {
            let opened = Client::open();
            opened.unwrap_or_else(|error| panic!("session {number}: {error}"))
        })
        .collect();
    let refused = Client::open().err();
    assert!(
        matches!(refused, Some(Error::Transport(TransportError::Tee { .. }))),
        "{refused:?}"
    );
    for session in &sessions {
        session.random(1).unwrap();
    }
    drop(sessions);
    let list = device.client.list().unwrap();
    let labels = list.iter().map(|key| key.key.as_str());
    let made: Vec<String> = labels
        .filter(|label| label.starts_with("key/"))
        .map(str::to_owned)
        .collect();
    println!("{killed} of {CLIENTS} killed, {} keys made", made.len());
    assert!(killed > CLIENTS / 4 && made.len() > 1);
    device.is_whole(&made);
}
