//! The verb `demo`: the main job, step by step, each step checked as it happens.

mod basics;
mod life;
mod narrator;
mod power_cut;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use self::narrator::Narrator;
use crate::artifacts::{Claviger, Flavour};
use crate::cache::RunFolder;
use crate::device::{DISK_MEBIBYTES, Device};
use crate::guest::{Boot, Guest, Job, Output};
use crate::report::seconds;
use crate::setup::Platform;

/// For one command in the guest.
const DEADLINE: Duration = Duration::from_secs(120);

const ROOT: u32 = 0;
/// The application whose keys these are.
const ALICE: u32 = 1000;
/// Another application.
const BOB: u32 = 1001;

/// Exit codes of `claviger`.
const OK: u8 = 0;
const REFUSED: u8 = 1;
const TAMPERED: u8 = 3;

/// A folder on the device's disk, which outlives the power cut.
const KEPT: &str = "/var/lib/optee-client/demo";
/// What is sealed in there.
const BLOB: &str = "/var/lib/optee-client/demo/blob";
/// A wrapped key in there.
const BADGE: &str = "/var/lib/optee-client/demo/badge";
const SECRET: &str = "22.5 C, valve open, do not tell anyone";
const CONTEXT: &str = "device 7";

/// Shows it all. An error says which step did not hold.
pub(crate) fn demo() -> Result<()> {
    let platform = Platform::ready()?;
    let claviger = Claviger::build(&platform, Flavour::Plain)?;
    let folder = platform.cache.run()?;
    let device = Device::open(&platform, &folder.path().join("disk"), DISK_MEBIBYTES)?;
    let mut narrator = Narrator::new();

    let boot = || Guest::boot(&platform, &Boot::new(&device, Some(&claviger)));
    narrator.step("A new device boots: ARMv8, TF-A, OP-TEE, Linux");
    let powered_on = Instant::now();
    let guest = boot()?;
    narrator.note(&format!("it is up after {}", seconds(powered_on.elapsed())));
    let mut show = Show {
        guest,
        narrator,
        folder: &folder,
    };
    show.basics()?;
    let public_key = show.sign_and_verify()?;
    show.another_user()?;
    show.life_of_a_key()?;

    let (mut narrator, acknowledged) = show.power_cut()?;
    narrator.step("The same device boots again");
    let mut show = Show {
        guest: boot()?,
        narrator,
        folder: &folder,
    };
    show.after_the_cut(&public_key, &acknowledged)?;
    let Show {
        guest, narrator, ..
    } = show;
    guest.off()?;
    narrator.close();
    Ok(())
}

struct Show<'a> {
    guest: Guest,
    narrator: Narrator,
    folder: &'a RunFolder,
}

impl Show<'_> {
    /// The blob opens, and to what was sealed.
    fn opens(&mut self, key: &str, uid: u32, blob: &str) -> Result<()> {
        let command = format!("unseal {key} --in {blob}");
        let output = self.in_context(uid, &command, OK)?;
        self.narrator.check(
            output.stdout == SECRET.as_bytes(),
            "what was sealed comes out",
        )
    }

    /// The command is refused, and writes nothing.
    fn refuses(&mut self, uid: u32, command: &str, expected: u8, what: &str) -> Result<Output> {
        let output = self.in_context(uid, command, expected)?;
        self.narrator.check(output.stdout.is_empty(), what)?;
        Ok(output)
    }

    /// Copies a file, but for the last bit.
    fn flip_a_bit(&mut self, from: &str, to: &str) -> Result<()> {
        let bytes = self.silently(ALICE, &["cat", from])?.stdout;
        let (last, rest) = bytes.split_last().context("nothing to flip")?;
        let flip = format!(
            "head -c {} {from} >{to} && printf '\\{:03o}' >>{to} && ! cmp -s {from} {to}",
            rest.len(),
            last ^ 1
        );
        self.silently(ALICE, &["sh", "-c", &flip])?;
        Ok(())
    }

    /// Runs `claviger` with words that need no quoting, and shows command and output.
    fn claviger(&mut self, uid: u32, command: &str, expected: u8) -> Result<Output> {
        self.words(uid, &command.split(' ').collect::<Vec<_>>(), expected)
    }

    /// As [`Show::claviger`], with the context behind it.
    fn in_context(&mut self, uid: u32, command: &str, expected: u8) -> Result<Output> {
        let mut words: Vec<&str> = command.split(' ').collect();
        words.extend(["--context", CONTEXT]);
        self.words(uid, &words, expected)
    }

    fn words(&mut self, uid: u32, words: &[&str], expected: u8) -> Result<Output> {
        let output = self.run(uid, words)?;
        self.narrator.command(uid, words, &output, true);
        self.narrator.expect(output, expected)
    }

    /// As [`Show::claviger`], but shows the command only: its output is binary, or known.
    fn quietly(&mut self, uid: u32, command: &str, expected: u8) -> Result<Output> {
        let words: Vec<&str> = command.split(' ').collect();
        let output = self.run(uid, &words)?;
        self.narrator.command(uid, &words, &output, false);
        self.narrator.expect(output, expected)
    }

    fn run(&mut self, uid: u32, words: &[&str]) -> Result<Output> {
        let words = [&["claviger"], words].concat();
        self.guest.capture(&Job::new(uid, &words), DEADLINE)
    }

    /// Sets the stage: a command that must work and isn't shown.
    fn silently(&mut self, uid: u32, words: &[&str]) -> Result<Output> {
        let output = self.guest.capture(&Job::new(uid, words), DEADLINE)?;
        ensure!(
            output.status == 0,
            "{words:?} failed in the guest: {}",
            text(&output.stderr)
        );
        Ok(output)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
