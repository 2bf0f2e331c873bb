//! What Linux may do to a device at work: its helper killed or stopped, a client killed, a store
//! that is full or cannot be written. Nothing that was acknowledged is lost, keys that are in memory
//! serve, errors name the cause, the trusted application never dies, and all goes on afterwards.

mod clients;
mod disk;
mod supplicant;

use std::{
    process::{Command, Output},
    time::Duration,
};

use claviger::{Algorithm, Client, Key};
use claviger_tests::Device;

/// How long the library waits in these tests, and how long the command does.
const PATIENCE: Duration = Duration::from_secs(1);
const CLI_PATIENCE: Duration = Duration::from_secs(5);
/// What emulation may add to that.
const SLACK: Duration = Duration::from_secs(20);

/// A device at work, and what must not change whatever happens to it.
struct AtWork {
    client: Client,
    mac: Key,
    tag: Vec<u8>,
    seal: Key,
    blob: Vec<u8>,
    instance: [u8; 16],
}

impl AtWork {
    fn new() -> AtWork {
        drop(Device::fresh());
        let client = Client::builder().patience(PATIENCE).open().unwrap();
        let mac = client.generate("mac", Algorithm::Aes128Cmac).unwrap();
        let seal = client.generate("seal", Algorithm::Aes256Siv).unwrap();
        AtWork {
            tag: mac.mac(b"message").unwrap(),
            blob: seal.seal(b"context", b"data").unwrap().to_vec(),
            instance: client.info().unwrap().instance.0,
            client,
            mac,
            seal,
        }
    }

    /// What needs no storage.
    #[track_caller]
    fn serves(&self) {
        assert_eq!(self.mac.mac(b"message").unwrap(), self.tag);
        assert_eq!(self.seal.unseal(b"context", &self.blob).unwrap(), b"data");
        assert_eq!(self.client.random(16).unwrap().len(), 16);
    }

    /// All is well, and these keys and no others are there besides the two.
    #[track_caller]
    fn is_whole(&self, made: &[String]) {
        self.serves();
        let info = self.client.info().unwrap();
        assert_eq!(info.instance.0, self.instance, "it died");
        let vault = info.vault.expect("the vault opens");
        assert_eq!((vault.damaged, vault.degraded), (0, 0), "{vault:?}");
        let list = self.client.list().unwrap();
        let mut listed: Vec<&str> = list.iter().map(|key| key.key.as_str()).collect();
        let mut expected: Vec<&str> = ["mac", "seal"].to_vec();
        expected.extend(made.iter().map(String::as_str));
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected);
    }

    fn generate(&self, label: &str) -> Result<Key, claviger::Error> {
        self.client.generate(label, Algorithm::Aes128Cmac)
    }
}

/// Runs the command `claviger`.
fn claviger(words: &[&str]) -> Output {
    Command::new("claviger").args(words).output().unwrap()
}

#[track_caller]
fn succeeds(words: &[&str]) {
    let output = claviger(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
}

/// The command fails for want of the TEE or its storage, and says why.
#[track_caller]
fn is_unavailable(output: &Output, why: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains(why) && stderr.contains("hint:"), "{stderr}");
}
