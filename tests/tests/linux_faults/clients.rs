//! Clients that end in the middle of a call.

use std::{
    fs,
    io::Write as _,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use claviger::{Client, Error, TransportError, proto::limits};
use claviger_tests::{ALICE, Rng, TEE_CLIENTS};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    AtWork, CLI_PATIENCE, SLACK, claviger,
    supplicant::{Supplicant, supervised},
};

/// Clients that a signal has to end.
const ENDED: usize = 12;
/// Clients that have to end well.
const WELL: usize = 3;
const CLIENTS: usize = 300;

/// As many sessions can be open afterwards as before, and calls are served. Linux 6.12 ends
/// tee-supplicant too when it answers a call whose client is gone.
#[test]
fn killed_in_the_middle_of_a_call() {
    let device = AtWork::new();
    let _restarted = Supplicant;
    let acknowledged = supervised(|| {
        let acknowledged = end_clients(Signal::KILL);
        settle();
        acknowledged
    });
    is_as_before(&device, &acknowledged);
}

/// What a terminal, a service manager or a logout sends lets the call end, and so tee-supplicant
/// goes on.
#[test]
fn interrupted_in_the_middle_of_a_call() {
    let device = AtWork::new();
    let before = Supplicant::pids();
    let acknowledged = [Signal::INT, Signal::TERM, Signal::HUP].map(end_clients);
    assert_eq!(Supplicant::pids(), before, "tee-supplicant ended");
    is_as_before(&device, &acknowledged.concat());
}

/// Whoever has a signal ignored, as `nohup` does, has it ignored by the command too.
#[test]
fn an_ignored_signal_stays_ignored() {
    let device = AtWork::new();
    let _continued = Supplicant;
    Supplicant::signal(Signal::STOP);
    let script = "trap '' TERM; exec claviger generate key/1 --algorithm ecdsa-p256 >/dev/null";
    let mut client = Command::new("sh").args(["-c", script]).spawn().unwrap();
    for _ in 0..2 {
        thread::sleep(CLI_PATIENCE / 5);
        send(&client, Signal::TERM);
    }
    Supplicant::signal(Signal::CONT);
    assert!(has_ended(&mut client).success());
    device.is_whole(&["key/1".to_owned()]);
}

/// One waits for the call, two do not.
#[test]
fn a_second_signal_ends_the_command_at_once() {
    let device = AtWork::new();
    let _continued = Supplicant;
    Supplicant::signal(Signal::STOP);
    let mut client = generate("key/1").spawn().unwrap();
    thread::sleep(CLI_PATIENCE / 5);
    send(&client, Signal::TERM);
    thread::sleep(CLI_PATIENCE / 5);
    assert!(client.try_wait().unwrap().is_none(), "it did not wait");
    send(&client, Signal::TERM);
    // Or else it gives the call up by itself, and says so by its code.
    assert_eq!(has_ended(&mut client).signal(), Some(Signal::TERM.as_raw()));
    Supplicant::signal(Signal::CONT);
    is_as_before(&device, &[]);
}

/// More commands at once than sessions may be open: they wait for their turn, and while they wait for
/// their input they are in nobody's way.
#[test]
fn sixty_commands_at_once_all_end_well() {
    const COMMANDS: usize = 60;
    let device = AtWork::new();
    for uid in [0, ALICE] {
        let command = |words: &[&str]| {
            let mut command = Command::new("claviger");
            command.args(words).uid(uid).gid(TEE_CLIENTS);
            command
        };
        let made = command(&["generate", "turn", "--algorithm", "aes-128-cmac"]).output();
        assert!(made.unwrap().status.success());
        let mut waiting: Vec<Child> = (0..COMMANDS)
            .map(|_| {
                let mut command = command(&["mac", "turn"]);
                command
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        // By now most wait for input, and this one finds its place.
        let described = command(&["describe", "turn"]).output().unwrap();
        assert!(described.status.success(), "{described:?}");
        for child in &mut waiting {
            child.stdin.take().unwrap().write_all(b"message").unwrap();
        }
        let outputs = waiting
            .into_iter()
            .map(|child| child.wait_with_output().unwrap());
        let outputs: Vec<Output> = outputs.collect();
        for output in &outputs {
            assert!(output.status.success(), "{output:?}");
            assert_eq!(output.stdout, outputs[0].stdout);
        }
        let deleted = command(&["delete", "turn"]).output().unwrap();
        assert!(deleted.status.success(), "{deleted:?}");
    }
    device.is_whole(&[]);
}

fn generate(label: &str) -> Command {
    let mut command = Command::new("claviger");
    command.args(["generate", label, "--algorithm", "ecdsa-p256"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Sends a signal to a client, which may have ended.
fn send(client: &Child, signal: Signal) {
    kill_process(Pid::from_child(client), signal).unwrap();
}

/// Sends this signal to clients that make keys, at random moments; says which keys were made in
/// the end.
fn end_clients(signal: Signal) -> Vec<String> {
    let name = signal.as_raw();
    let mut rng = Rng::new(7);
    let label = |number| format!("key/{name}/{number}");
    let mut acknowledged = vec![label(0)];
    let started = Instant::now();
    assert!(generate(&label(0)).status().unwrap().success());
    let whole = started.elapsed().as_micros() as usize;
    let mut ended = 0;
    for number in 1.. {
        if ended >= ENDED && acknowledged.len() >= WELL {
            break;
        }
        assert!(number < CLIENTS, "{ended} ended by signal {name}");
        let label = label(number);
        let mut client = generate(&label).spawn().unwrap();
        thread::sleep(Duration::from_micros(rng.below(2 * whole) as u64));
        send(&client, signal);
        let status = has_ended(&mut client);
        ended += usize::from(status.signal() == Some(signal.as_raw()));
        if status.success() {
            acknowledged.push(label);
        }
    }
    println!(
        "signal {name}: {ended} ended, {} keys acknowledged",
        acknowledged.len()
    );
    acknowledged
}

/// Waits until tee-supplicant has got over what was killed. A call of this process that it died in
/// would keep another from starting as long as this process runs; the command's ends.
fn settle() {
    let started = Instant::now();
    thread::sleep(Duration::from_secs(1));
    while !claviger(&["generate", "key/settled", "--algorithm", "aes-128-cmac"])
        .status
        .success()
    {
        assert!(
            started.elapsed() < 6 * SLACK,
            "tee-supplicant does not serve"
        );
        // It may be there, though it was not said.
        claviger(&["delete", "key/settled"]);
    }
}

fn is_as_before(device: &AtWork, acknowledged: &[String]) {
    device.serves();
    let sessions: Vec<Client> = (1..limits::HELD_SESSIONS)
        .map(|number| {
            let opened = Client::open();
            opened.unwrap_or_else(|error| panic!("session {number}: {error}"))
        })
        .collect();
    let refused = Client::builder().wait_for_turn(Duration::ZERO).open().err();
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
    for label in acknowledged {
        assert!(made.contains(label), "{label} is lost");
    }
    device.is_whole(&made);
}

/// How a client ended that was sent a signal.
///
/// # Panics
/// If it does not, with where in Linux each of its threads is.
fn has_ended(client: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = client.try_wait().unwrap() {
            return status;
        }
        let time = started.elapsed();
        assert!(
            time < SLACK,
            "sent a signal {time:?} ago, not ended:\n{}",
            stacks(client.id())
        );
        thread::sleep(Duration::from_millis(1));
    }
}

/// What Linux says of a process's threads.
fn stacks(process: u32) -> String {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let threads = threads.map(|thread| {
        let thread = thread.unwrap().path();
        let read = |name| fs::read_to_string(thread.join(name)).unwrap_or_default();
        format!("{}{}", read("stat"), read("stack"))
    });
    threads.collect()
}
