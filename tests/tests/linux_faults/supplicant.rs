//! tee-supplicant, through which OP-TEE reaches its store, is killed or stopped.

use std::{
    fmt::Debug,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use claviger::{Algorithm, Client, Error, ErrorKind, TransportError};
use claviger_tests::{Rng, supplicant};
use rustix::process::{Pid, Signal, kill_process};

use crate::{AtWork, CLI_PATIENCE, PATIENCE, SLACK, claviger, is_unavailable, succeeds};

/// How often tee-supplicant is killed under load; each may take the command's patience.
const KILLS: usize = 4;

/// tee-supplicant; it runs again when this goes.
pub(crate) struct Supplicant;

impl Supplicant {
    pub(crate) fn pids() -> Vec<Pid> {
        let folders = supplicant::processes();
        let pid = |folder: &PathBuf| folder.file_name()?.to_str()?.parse().ok();
        let numbers = folders.iter().filter_map(pid);
        numbers.filter_map(Pid::from_raw).collect()
    }

    pub(crate) fn signal(signal: Signal) {
        for pid in Supplicant::pids() {
            // It may have ended by now.
            let _gone = kill_process(pid, signal);
        }
    }

    pub(crate) fn kill() {
        Supplicant::signal(Signal::KILL);
        let started = Instant::now();
        while !Supplicant::pids().is_empty() {
            assert!(started.elapsed() < SLACK, "tee-supplicant does not die");
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn start() {
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
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Does something while tee-supplicant is started again whenever it ends, as a service manager does.
pub(crate) fn supervised<T>(act: impl FnOnce() -> T) -> T {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if Supplicant::pids().is_empty() {
                    Supplicant::start();
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        // Also if it panics.
        let _over = Over(&over);
        act()
    })
}

impl Drop for Supplicant {
    fn drop(&mut self) {
        Supplicant::signal(Signal::CONT);
        if Supplicant::pids().is_empty() {
            Supplicant::start();
        }
    }
}

/// What needs tee-supplicant while it is down: the library gives it up in time, and names the cause.
#[track_caller]
fn is_given_up<T: Debug>(call: impl FnOnce() -> Result<T, Error>, expected: &str) -> Error {
    let started = Instant::now();
    let error = call().unwrap_err();
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
    error
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

/// Uses go on while tee-supplicant is down; whoever asks for a change gives it up.
#[track_caller]
fn changes_are_given_up(device: &AtWork, expected: &str) {
    device.serves();
    succeeds(&["random", "16"]);
    the_command_gives_up(device, "by-command", expected);
    is_given_up(|| device.generate("by-library"), expected);
}

/// Changes are made again, and these keys and no others are there, of which `in_doubt` may be.
#[track_caller]
fn all_goes_on(device: &AtWork, in_doubt: &[&str], acknowledged: Vec<String>) {
    device.generate("afterwards").unwrap();
    let mut keys = made(device, in_doubt);
    keys.extend(acknowledged);
    keys.push("afterwards".to_owned());
    device.is_whole(&keys);
}

#[test]
fn killed() {
    let device = AtWork::new();
    let _restarted = Supplicant;
    Supplicant::kill();
    changes_are_given_up(&device, "does not run");
    // Until then, everyone waits for the call that is under way; the cause is told each time.
    is_given_up(|| device.generate("again"), "does not run");
    let another = Client::builder().patience(PATIENCE).open();
    assert!(
        matches!(another, Err(Error::Transport(TransportError::NoSupplicant))),
        "{another:?}"
    );
    Supplicant::start();
    device.serves();
    all_goes_on(&device, &["by-command", "by-library"], Vec::new());
}

#[test]
fn stopped() {
    let device = AtWork::new();
    let _continued = Supplicant;
    Supplicant::signal(Signal::STOP);
    changes_are_given_up(&device, "is stopped");
    let doctor = claviger(&["doctor"]);
    let findings = String::from_utf8_lossy(&doctor.stdout);
    assert!(findings.contains("is stopped"), "{findings}");
    Supplicant::signal(Signal::CONT);
    device.serves();
    all_goes_on(&device, &["by-command", "by-library"], Vec::new());
}

/// Stopped when it has just been seen to run, and before a use that has to store what it counts:
/// that is given up too.
#[test]
fn stopped_a_moment_ago() {
    let device = AtWork::new();
    let _continued = Supplicant;
    let counted = device.client.create("counted");
    let counted = counted.algorithm(Algorithm::Aes128Cmac).max_uses(8);
    let counted = counted.generate().unwrap();
    device.serves();
    Supplicant::signal(Signal::STOP);
    let error = is_given_up(|| counted.mac(b"message"), "is stopped");
    let stopped = TransportError::SupplicantStopped.to_string();
    assert_eq!(error.to_string(), stopped);
    Supplicant::signal(Signal::CONT);
    device.serves();
    device.is_whole(&["counted".to_owned()]);
}

/// Killed and started again at any moment, with changes being made by the command: each happened if
/// it was acknowledged, or else did or did not. Linux lets no new tee-supplicant start while a call
/// that the old one was serving waits; the command ends, and its call with it.
#[test]
fn killed_again_and_again() {
    let device = AtWork::new();
    let _restarted = Supplicant;
    let over = AtomicBool::new(false);
    let (acknowledged, in_doubt) = thread::scope(|scope| {
        let kills = scope.spawn(|| {
            let mut rng = Rng::new(4);
            for _ in 0..KILLS {
                thread::sleep(Duration::from_millis(rng.below(1000) as u64));
                Supplicant::kill();
                Supplicant::start();
            }
            over.store(true, Ordering::Relaxed);
        });
        let (mut acknowledged, mut in_doubt) = (Vec::new(), Vec::new());
        while !over.load(Ordering::Relaxed) {
            let label = format!("key/{}", acknowledged.len() + in_doubt.len());
            let output = claviger(&["generate", &label, "--algorithm", "aes-128-cmac"]);
            if output.status.success() {
                acknowledged.push(label);
            } else {
                is_unavailable(&output, "");
                in_doubt.push(label);
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
    let in_doubt: Vec<&str> = in_doubt.iter().map(String::as_str).collect();
    all_goes_on(&device, &in_doubt, acknowledged);
}
