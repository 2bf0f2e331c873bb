//! tee-supplicant, through which OP-TEE reaches its store, is killed or stopped.

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use claviger::{Error, ErrorKind, Status, TransportError};
use claviger_tests::Rng;
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
    is_unavailable(&claviger(&["random", "16"]), "does not run");
    Supplicant::start();
    device.serves();
    device.generate("afterwards").unwrap();
    let mut keys = made(&device, &["by-command", "by-library"]);
    keys.push("afterwards".to_owned());
    device.is_whole(&keys);
}

#[test]
fn stopped() {
    let device = AtWork::new();
    let _continued = Supplicant;
    Supplicant::signal(Signal::STOP);
    device.serves();
    succeeds(&["random", "16"]);
    the_command_gives_up(&device, "by-command", "is stopped");
    is_given_up(&device, "by-library", "is stopped");
    let doctor = claviger(&["doctor"]);
    let findings = String::from_utf8_lossy(&doctor.stdout);
    assert!(findings.contains("is stopped"), "{findings}");
    Supplicant::signal(Signal::CONT);
    device.serves();
    device.generate("afterwards").unwrap();
    let mut keys = made(&device, &["by-command", "by-library"]);
    keys.push("afterwards".to_owned());
    device.is_whole(&keys);
}

/// Killed and started again at any moment, with changes being made: each happened if it was
/// acknowledged, or else did or did not.
#[test]
fn killed_again_and_again() {
    let device = AtWork::new();
    let _restarted = Supplicant;
    let over = AtomicBool::new(false);
    let (acknowledged, in_doubt) = thread::scope(|scope| {
        let kills = scope.spawn(|| {
            let mut rng = Rng::new(4);
            for _ in 0..8 {
                thread::sleep(Duration::from_millis(rng.below(400) as u64));
                Supplicant::kill();
                thread::sleep(Duration::from_millis(rng.below(100) as u64));
                Supplicant::start();
            }
            over.store(true, Ordering::Relaxed);
        });
        let (mut acknowledged, mut in_doubt) = (Vec::new(), Vec::new());
        while !over.load(Ordering::Relaxed) {
            let label = format!("key/{}", acknowledged.len() + in_doubt.len());
            match device.generate(&label) {
                Ok(_) => acknowledged.push(label),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                    in_doubt.push(label);
                }
            }
        }
        kills.join().unwrap();
        (acknowledged, in_doubt)
    });
    assert!(!acknowledged.is_empty());
    println!(
        "{} acknowledged, {} in doubt",
        acknowledged.len(),
        in_doubt.len()
    );
    device.generate("afterwards").unwrap();
    let listed = device.client.list().unwrap();
    let mut keys = acknowledged;
    keys.push("afterwards".to_owned());
    for label in in_doubt {
        if listed.iter().any(|key| key.key.as_str() == label) {
            keys.push(label);
        }
    }
    device.is_whole(&keys);
    assert_eq!(
        device.generate("afterwards").unwrap_err().status(),
        Some(Status::AlreadyExists)
    );
}
