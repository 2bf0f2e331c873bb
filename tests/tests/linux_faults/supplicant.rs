//! tee-supplicant, through which OP-TEE reaches its store, is killed or stopped.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use claviger::{Client, Error, ErrorKind, TransportError};
use rustix::process::{Pid, Signal, kill_process};

use crate::{AtWork, CLI_PATIENCE, PATIENCE, SLACK, claviger, is_unavailable, succeeds};

/// tee-supplicant; it runs again when this goes.
struct Supplicant;

impl Supplicant {
    fn pids() -> Vec<Pid> {
        let processes = fs::read_dir("/proc").unwrap();
        let numbers = processes.filter_map(|process| {
            let process = process.ok()?;
            let stat = fs::read_to_string(process.path().join("stat")).ok()?;
            let dead = stat.contains(") Z ");
            let theirs = stat.contains(" (tee-supplicant) ") && !dead;
            let number = process.file_name().to_str()?.parse().ok()?;
            theirs.then(|| Pid::from_raw(number)).flatten()
        });
        numbers.collect()
    }

    fn signal(signal: Signal) {
        for pid in Supplicant::pids() {
            // It may have ended by now.
            let _gone = kill_process(pid, signal);
        }
    }

    fn kill() {
        Supplicant::signal(Signal::KILL);
        let started = Instant::now();
        while !Supplicant::pids().is_empty() {
            assert!(started.elapsed() < SLACK, "tee-supplicant does not die");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn start() {
        // The device can be opened by one process only, and the old one's end takes a moment.
        let started = Instant::now();
        while !Command::new("tee-supplicant")
            .arg("-d")
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
        {
            assert!(started.elapsed() < SLACK, "tee-supplicant does not start");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Supplicant {
    fn drop(&mut self) {
        Supplicant::signal(Signal::CONT);
        if Supplicant::pids().is_empty() {
            Supplicant::start();
        }
    }
}

/// A change while tee-supplicant is down: the library gives it up in time, and names the cause.
#[track_caller]
fn is_given_up(device: &AtWork, label: &str, expected: &str) {
    let started = Instant::now();
    let error = device.generate(label).unwrap_err();
    let time = started.elapsed();
    assert!(time < PATIENCE + SLACK, "given up after {time:?}");
    assert!(
        matches!(
            error,
            Error::Transport(TransportError::NoSupplicant | TransportError::SupplicantStopped)
        ),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(expected), "{error}");
    assert!(error.hint().is_some());
}

/// The same of the command, after which the trusted application is free for others.
#[track_caller]
fn the_command_gives_up(device: &AtWork, label: &str, expected: &str) {
    let started = Instant::now();
    let output = claviger(&["generate", label, "--algorithm", "aes-128-cmac"]);
    let time = started.elapsed();
    assert!(time < CLI_PATIENCE + SLACK, "given up after {time:?}");
    is_unavailable(&output, expected);
    device.serves();
}

/// A key that was asked for in vain may be there now: the call was under way.
fn made(device: &AtWork, labels: &[&str]) -> Vec<String> {
    let list = device.client.list().unwrap();
    let there = |label: &&&str| list.iter().any(|key| key.key.as_str() == **label);
    let there = labels.iter().filter(there);
    there.map(|label| (*label).to_owned()).collect()
}

#[test]
fn killed() {
    let device = AtWork::new();
    let _restarted = Supplicant;
    Supplicant::kill();
    device.serves();
    succeeds(&["random", "16"]);
    the_command_gives_up(&device, "by-command", "does not run");
    is_given_up(&device, "by-library", "does not run");
    // Until then, everyone waits for the call that is under way; the cause is told each time.
    is_given_up(&device, "again", "does not run");
    let another = Client::builder().patience(PATIENCE).open();
    assert!(
        matches!(another, Err(Error::Transport(TransportError::NoSupplicant))),
        "{another:?}"
    );
    Supplicant::start();
    device.serves();
    device.generate("afterwards").unwrap();
    let mut keys = made(&device, &["by-command", "by-library"]);
    keys.push("afterwards".to_owned());
    device.is_whole(&keys);
}
