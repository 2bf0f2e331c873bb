//! Eight processes at once, each another user, each abusing its session and looking after its keys.

use std::{
    env,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use claviger::{
    Algorithm, Client,
    proto::{self, limits},
};
use claviger_tests::{Rng, TEE_CLIENTS, bare::BareSession};

use crate::{fresh, random::Abuser, steady};

const PROCESSES: u32 = 8;
/// Tells a process which of them it is.
const WHICH: &str = "CLAVIGER_ABUSER";
/// Tells it how many invokes to make.
const INVOKES: &str = "CLAVIGER_INVOKES";

fn at_once(invokes: u32) {
    let device = fresh();
    let children: Vec<Child> = (0..PROCESSES).map(|which| start(which, invokes)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("1 passed"), "{text}");
    }
    steady(&device);
}

fn start(which: u32, invokes: u32) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "processes::one_of_them",
            "--ignored",
            "--nocapture",
        ])
        .env(WHICH, which.to_string())
        .env(INVOKES, invokes.to_string())
        .uid(6000 + which)
        .gid(TEE_CLIENTS)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What each process does.
#[test]
#[ignore = "a process of the other tests here"]
fn one_of_them() {
    let Ok(which) = env::var(WHICH) else { return };
    let invokes: u32 = env::var(INVOKES).unwrap().parse().unwrap();
    let seed = which.parse().unwrap();
    let client = Client::open().unwrap();
    let instance = client.info().unwrap().instance;
    let session = BareSession::try_open(limits::FRAME + 4096).unwrap();
    let mut abuser = Abuser::new(&client, session, seed);
    client.generate("mine", Algorithm::Aes256Siv).unwrap();
    let mine = client.key("mine").unwrap();
    let mut rng = Rng::new(seed);
    for _ in 0..invokes {
        abuser.invoke(*rng.choose(proto::Command::ALL));
        let len = rng.below(300);
        let text = rng.bytes(len);
        let sealed = mine.seal(which.as_bytes(), &text).unwrap();
        assert_eq!(mine.unseal(which.as_bytes(), &sealed).unwrap(), text);
    }
    assert_eq!(client.info().unwrap().instance, instance);
}

#[test]
fn eight_processes() {
    at_once(100);
}

#[test]
#[ignore = "takes minutes"]
fn eight_processes_for_long() {
    at_once(10_000);
}
