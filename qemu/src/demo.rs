//! The verb `demo`: the main job, step by step, each step checked as it happens.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

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
const SECRET: &str = "22.5 C, valve open, do not tell anyone";
/// Makes keys without end, and names each when `claviger` has reported success.
const MAKE_KEYS: &str = "i=0; while claviger generate spare-$i --algorithm aes-256-siv >/dev/null; do echo spare-$i; i=$((i + 1)); done";
const UNTIL_THE_CUT: Duration = Duration::from_secs(3);
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
    show.before_the_cut()?;
    let public_key = show.sign_and_verify()?;
    show.another_user()?;

    let Show {
        guest,
        mut narrator,
        ..
    } = show;
    narrator.step("Power cut: QEMU is killed while the device is making keys");
    let written = guest.kill_during(&Job::new(ALICE, &["sh", "-c", MAKE_KEYS]), UNTIL_THE_CUT)?;
    let acknowledged = text(&written);
    // The last line may have been cut.
    let acknowledged: Vec<&str> = acknowledged
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .collect();
    narrator.note(&format!(
        "{} more keys were acknowledged before it",
        acknowledged.len()
    ));
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
    fn before_the_cut(&mut self) -> Result<()> {
        self.silently(ROOT, &["mkdir", "-m", "1777", KEPT])?;
        self.silently(
            ALICE,
            &["sh", "-c", &format!("printf %s '{SECRET}' >/tmp/reading")],
        )?;
        self.silently(
            ALICE,
            &[
                "dd",
                "if=/dev/urandom",
                "of=/tmp/fleet-key",
                "bs=16",
                "count=1",
            ],
        )?;
        self.silently(ALICE, &["chmod", "644", "/tmp/fleet-key"])?;

        self.narrator
            .step("The trusted application tests itself, and says what it is");
        self.claviger(ALICE, "self-test", OK)?;
        self.claviger(ALICE, "info", OK)?;

        self.narrator
            .step("A key is generated in OP-TEE; nobody outside ever sees it");
        self.claviger(ALICE, "generate telemetry --algorithm aes-256-siv", OK)?;
        self.claviger(ALICE, "list", OK)?;

        self.narrator.step("Data is sealed, bound to its context");
        self.seal_and_unseal()?;

        self.narrator.step("Tampering is refused");
        self.tamper()?;

        self.narrator
            .step("Two holders of a key prove it to each other, neither showing it");
        self.authenticate()
    }

    fn seal_and_unseal(&mut self) -> Result<()> {
        let blob = format!("{KEPT}/blob");
        self.words(
            ALICE,
            &[
                "seal",
                "telemetry",
                "--context",
                CONTEXT,
                "--in",
                "/tmp/reading",
                "--out",
                &blob,
            ],
            OK,
        )?;
        let sealed = self.silently(ALICE, &["cat", &blob])?.stdout;
        ensure!(
            !contains(&sealed, SECRET.as_bytes()),
            "the sealed blob shows the plaintext"
        );
        self.opens(&blob)
    }

    /// The blob opens, and to what was sealed.
    fn opens(&mut self, blob: &str) -> Result<()> {
        let output = self.words(
            ALICE,
            &["unseal", "telemetry", "--context", CONTEXT, "--in", blob],
            OK,
        )?;
        self.narrator.check(
            output.stdout == SECRET.as_bytes(),
            "what was sealed comes out",
        )
    }

    fn tamper(&mut self) -> Result<()> {
        let blob = format!("{KEPT}/blob");
        let mut bytes = self.silently(ALICE, &["cat", &blob])?.stdout;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let octal: String = format!("\\{:03o}", bytes[last]);
        let flip = format!(
            "head -c {last} {blob} >/tmp/tampered && printf '{octal}' >>/tmp/tampered && ! cmp -s {blob} /tmp/tampered"
        );
        self.silently(ALICE, &["sh", "-c", &flip])?;
        let output = self.words(
            ALICE,
            &[
                "unseal",
                "telemetry",
                "--context",
                CONTEXT,
                "--in",
                "/tmp/tampered",
            ],
            TAMPERED,
        )?;
        self.narrator.check(
            output.stdout.is_empty(),
            "one flipped bit: refused, and nothing comes out",
        )?;
        let output = self.words(
            ALICE,
            &[
                "unseal",
                "telemetry",
                "--context",
                "device 8",
                "--in",
                &blob,
            ],
            TAMPERED,
        )?;
        self.narrator.check(
            output.stdout.is_empty(),
            "another context: refused, and nothing comes out",
        )
    }

    /// The sensor is alice, the gateway bob; the fleet gave both the same key.
    fn authenticate(&mut self) -> Result<()> {
        for uid in [ALICE, BOB] {
            self.claviger(
                uid,
                "import link --algorithm aes-128-cmac --usage challenge --in /tmp/fleet-key",
                OK,
            )?;
        }
        self.silently(ALICE, &["rm", "/tmp/fleet-key"])?;
        self.claviger(
            BOB,
            "challenge link --me gateway --peer sensor --out /tmp/m1",
            OK,
        )?;
        self.claviger(
            ALICE,
            "respond link --me sensor --peer gateway --in /tmp/m1 --out /tmp/m2",
            OK,
        )?;
        self.claviger(BOB, "confirm link --in /tmp/m2 --out /tmp/m3", OK)?;
        self.claviger(ALICE, "confirm link --in /tmp/m3", OK)?;
        self.narrator
            .note("gateway and sensor are sure of each other");
        let output = self.any(ALICE, &["confirm", "link", "--in", "/tmp/m3"])?;
        self.narrator.check(
            output.status == REFUSED || output.status == TAMPERED,
            "the last message again: refused",
        )
    }

    fn sign_and_verify(&mut self) -> Result<Vec<u8>> {
        self.narrator
            .step("The device signs, and openssl on this machine verifies");
        self.claviger(ALICE, "generate identity --algorithm ecdsa-p256", OK)?;
        let public_key = self.claviger(ALICE, "public-key identity", OK)?.stdout;
        let signature = self
            .quietly(ALICE, &["sign", "identity", "--in", "/tmp/reading"], OK)?
            .stdout;
        self.openssl_verifies(&public_key, &signature)?;
        Ok(public_key)
    }

    fn openssl_verifies(&mut self, public_key: &[u8], signature: &[u8]) -> Result<()> {
        let file = |name: &str, content: &[u8]| -> Result<PathBuf> {
            let path = self.folder.path().join(name);
            fs::write(&path, content)?;
            Ok(path)
        };
        let key = file("public.pem", public_key)?;
        let signature = file("signature", signature)?;
        let message = file("message", SECRET.as_bytes())?;
        let mut openssl = Command::new("openssl");
        openssl
            .args(["dgst", "-sha256", "-verify"])
            .arg(key)
            .arg("-signature")
            .arg(signature)
            .arg(message);
        let output = openssl.output().context("cannot start openssl")?;
        println!(
            "      $ openssl dgst -sha256 -verify public.pem -signature signature message   (outside the device)"
        );
        self.narrator.quote(&output.stdout);
        self.narrator
            .check(output.status.success(), "the signature is good")
    }

    fn another_user(&mut self) -> Result<()> {
        self.narrator
            .step("Another user of the same device gets nowhere");
        let blob = format!("{KEPT}/blob");
        let other = self.words(
            BOB,
            &["unseal", "telemetry", "--context", CONTEXT, "--in", &blob],
            REFUSED,
        )?;
        self.narrator
            .check(other.stdout.is_empty(), "bob cannot use alice's key")?;
        let absent = self.quietly(
            BOB,
            &["unseal", "nothing", "--context", CONTEXT, "--in", &blob],
            REFUSED,
        )?;
        let as_for_absent =
            text(&other.stderr).replace("telemetry", "nothing") == text(&absent.stderr);
        self.narrator.check(
            as_for_absent,
            "he is told what he is told of a key that does not exist",
        )?;
        self.narrator
            .step("root administers, and has no use of the key either");
        let output = self.words(
            ROOT,
            &["unseal", "telemetry", "--context", CONTEXT, "--in", &blob],
            REFUSED,
        )?;
        self.narrator
            .check(output.stdout.is_empty(), "root cannot use alice's key")
    }

    fn after_the_cut(&mut self, public_key: &[u8], acknowledged: &[&str]) -> Result<()> {
        self.narrator.step("The keys are still there, and the same");
        let list = text(&self.claviger(ALICE, "list", OK)?.stdout);
        let has = |label: &str| {
            list.lines()
                .any(|line| line.split(' ').next() == Some(label))
        };
        let all = ["telemetry", "link", "identity"]
            .iter()
            .chain(acknowledged)
            .all(|label| has(label));
        self.narrator
            .check(all, "every key that was acknowledged is listed")?;
        let again = self.quietly(ALICE, &["public-key", "identity"], OK)?.stdout;
        self.narrator
            .check(again == public_key, "the public key is the one from before")?;

        self.narrator
            .step("The blob from before the power cut still opens");
        let blob = format!("{KEPT}/blob");
        self.opens(&blob)
    }

    /// Runs `claviger` with words that need no quoting, and shows it.
    fn claviger(&mut self, uid: u32, command: &str, expected: u8) -> Result<Output> {
        self.words(uid, &command.split(' ').collect::<Vec<_>>(), expected)
    }

    /// Runs `claviger` and shows command and output.
    fn words(&mut self, uid: u32, words: &[&str], expected: u8) -> Result<Output> {
        let output = self.any(uid, words)?;
        self.narrator.expect(output, expected)
    }

    fn any(&mut self, uid: u32, words: &[&str]) -> Result<Output> {
        let output = self.run(uid, words)?;
        self.narrator.command(uid, words, &output, true);
        Ok(output)
    }

    /// Runs `claviger` and shows the command only: its output is binary, or known.
    fn quietly(&mut self, uid: u32, words: &[&str], expected: u8) -> Result<Output> {
        let output = self.run(uid, words)?;
        self.narrator.command(uid, words, &output, false);
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

/// Tells what happens, on stdout.
struct Narrator {
    started: Instant,
    steps: u32,
    checks: u32,
}

impl Narrator {
    fn new() -> Self {
        println!("Claviger on real OP-TEE, in an emulated ARMv8 machine");
        Self {
            started: Instant::now(),
            steps: 0,
            checks: 0,
        }
    }

    fn step(&mut self, what: &str) {
        self.steps += 1;
        println!("\n{:>3}. {what}", self.steps);
    }

    fn command(&self, uid: u32, words: &[&str], output: &Output, show_stdout: bool) {
        let who = match uid {
            ROOT => "root",
            ALICE => "alice",
            _ => "bob",
        };
        let shown: Vec<String> = words
            .iter()
            .map(|word| {
                if word.contains(' ') {
                    format!("'{word}'")
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        println!("      {who}$ claviger {}", shown.join(" "));
        if show_stdout {
            self.quote(&output.stdout);
        }
        self.quote(&output.stderr);
        if output.status != 0 {
            println!("        exit code {}", output.status);
        }
    }

    fn quote(&self, output: &[u8]) {
        for line in text(output).lines() {
            println!("        {line}");
        }
    }

    fn expect(&mut self, output: Output, expected: u8) -> Result<Output> {
        if output.status != expected {
            bail!(
                "step {}: exit code {} where {expected} was expected",
                self.steps,
                output.status
            );
        }
        self.checks += 1;
        Ok(output)
    }

    fn check(&mut self, held: bool, what: &str) -> Result<()> {
        ensure!(held, "step {}: this did not hold: {what}", self.steps);
        self.checks += 1;
        self.note(what);
        Ok(())
    }

    fn note(&self, what: &str) {
        println!("      -> {what}");
    }

    fn close(&self) {
        println!(
            "\nAll of it held: {} steps, {} checks, {}.",
            self.steps,
            self.checks,
            seconds(self.started.elapsed())
        );
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        assert!(contains(b"abcd", b"bc"));
        assert!(!contains(b"abcd", b"bd"));
        assert!(!contains(b"a", b"ab"));
    }
}
