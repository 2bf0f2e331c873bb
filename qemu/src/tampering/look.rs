//! What a device shows after it was switched on, and whether that is as it should be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::artifacts::Claviger;
use crate::device::Device;
use crate::guest::{Boot, Guest, Job, Output};
use crate::setup::Platform;

const DEADLINE: Duration = Duration::from_secs(300);
const DOCTOR: &[&str] = &["claviger", "doctor", "--json"];
const KEYS: &str = "/usr/bin/claviger-keys";
/// `claviger`'s exit code where the TEE or its storage cannot be used.
pub(super) const UNAVAILABLE: u8 = 4;

/// What only a key's secret gives, by the key's label.
pub(super) type Proofs = BTreeMap<String, String>;

/// What `claviger info --json` says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Info {
    instance: String,
    store: u16,
    rollback_level: u32,
    confirmation: String,
    vault: Option<Vault>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Vault {
    pub(super) id: String,
    damaged: u32,
    degraded: u32,
    missing: u32,
    read_only: bool,
    repaired: u32,
}

/// What `claviger doctor --json` says.
#[derive(Debug, Clone, Deserialize)]
struct Doctor {
    usable: bool,
    checks: Vec<Check>,
}

#[derive(Debug, Clone, Deserialize)]
struct Check {
    check: String,
    verdict: String,
    finding: String,
    advice: Option<String>,
}

/// What a device shows.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) proofs: Proofs,
    info: Info,
    doctor: Doctor,
    /// Repairs in the audit log.
    recorded: usize,
}

/// A booted device.
#[derive(Debug)]
pub(super) struct On(Guest);

impl On {
    pub(super) fn boot(
        platform: &Platform,
        device: &Device,
        claviger: &Claviger,
        keys: &Path,
        more: Vec<(PathBuf, String)>,
    ) -> Result<Self> {
        let mut boot = Boot::new(device, Some(claviger));
        boot.files = more;
        boot.files.push((keys.to_owned(), KEYS.to_owned()));
        Guest::boot(platform, &boot).map(Self)
    }

    pub(super) fn off(self) -> Result<()> {
        self.0.off()
    }

    /// Makes keys.
    pub(super) fn make(&mut self, first: u32, count: u32) -> Result<()> {
        let (first, count) = (first.to_string(), count.to_string());
        expect(self.run(&[KEYS, "make", &first, &count])?, 0).map(drop)
    }

    /// Runs `claviger`, which must succeed.
    pub(super) fn claviger(&mut self, words: &[&str]) -> Result<String> {
        let words = [&["claviger"], words].concat();
        let output = expect(self.run(&words)?, 0)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Looks at everything, and that it was one instance of the trusted application that answered.
    pub(super) fn look(&mut self) -> Result<Look> {
        let first = self.info()?;
        let audit = ["audit", "read", "--shared"];
        let (proofs, recorded) = match &first.vault {
            Some(vault) => {
                let shown = expect(self.run(&[KEYS])?, 0)?;
                let recorded = if vault.read_only {
                    // A part of it may be in what is missing.
                    expect(
                        self.run(&[&["claviger"], &audit[..]].concat())?,
                        UNAVAILABLE,
                    )?;
                    0
                } else {
                    self.claviger(&audit)?.matches("repaired").count()
                };
                (proofs(&shown.stdout)?, recorded)
            }
            None => {
                expect(self.run(&["claviger", "list"])?, UNAVAILABLE)?;
                (Proofs::new(), 0)
            }
        };
        let doctor = Doctor::of(&self.run(DOCTOR)?)?;
        let info = self.info()?;
        ensure!(
            info.instance == first.instance,
            "the trusted application was restarted"
        );
        Ok(Look {
            proofs,
            info,
            doctor,
            recorded,
        })
    }

    /// Whether the vault opens, of three times: a write that fails may be the trace that the trusted application leaves
    /// before it takes a name for gone, and then it stops.
    pub(super) fn opens(&mut self) -> Result<bool> {
        for _ in 0..3 {
            if self.info()?.vault.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A factory reset, as root.
    pub(super) fn reset(&mut self) -> Result<()> {
        let info = self.info()?;
        self.claviger(&["factory-reset", "--confirm", &info.confirmation])
            .map(drop)
    }

    /// Gives up what is missing, as root.
    pub(super) fn declare_lost(&mut self) -> Result<()> {
        let info = self.info()?;
        self.claviger(&["vault", "declare-lost", "--confirm", &info.confirmation])
            .map(drop)
    }

    /// `claviger` fails so, and says this.
    pub(super) fn expect_failure(&mut self, words: &[&str], status: u8, says: &str) -> Result<()> {
        let output = expect(self.run(&[&["claviger"], words].concat())?, status)?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(
            message.contains(says),
            "the message does not say {says:?}: {message}"
        );
        Ok(())
    }

    /// `claviger` fails, however.
    pub(super) fn expect_not_done(&mut self, words: &[&str]) -> Result<()> {
        let output = self.run(&[&["claviger"], words].concat())?;
        ensure!(output.status != 0, "{} was done", words.join(" "));
        Ok(())
    }

    /// The trusted application does not open, and it is said why, and what to do.
    pub(super) fn expect_refused(&mut self, says: &str) -> Result<()> {
        self.expect_refused_once("claviger doctor")?;
        let output = expect(self.run(DOCTOR)?, UNAVAILABLE)?;
        Doctor::of(&output)?.expect_fault(says)
    }

    /// The trusted application does not open, and this is said of it.
    pub(super) fn expect_refused_once(&mut self, says: &str) -> Result<()> {
        self.expect_failure(&["list"], UNAVAILABLE, says)
    }

    fn info(&mut self) -> Result<Info> {
        let said = self.claviger(&["info", "--json"])?;
        serde_json::from_str(&said).context("the device's information")
    }

    fn run(&mut self, words: &[&str]) -> Result<Output> {
        self.0.capture(&Job::new(0, words), DEADLINE)
    }
}

impl Doctor {
    fn of(output: &Output) -> Result<Self> {
        serde_json::from_slice(&output.stdout).context("the doctor")
    }

    /// Something is wrong, this is said of it, and what to do.
    fn expect_fault(&self, says: &str) -> Result<()> {
        ensure!(!self.usable, "the doctor finds the device usable");
        let named = self.checks.iter().any(|check| {
            check.verdict == "fail" && check.finding.contains(says) && check.advice.is_some()
        });
        ensure!(named, "the doctor does not say {says:?}: {:?}", self.checks);
        Ok(())
    }

    fn verdict(&self, of: &str) -> Result<&str> {
        let check = self.checks.iter().find(|check| check.check == of);
        let check = check.with_context(|| format!("the doctor says nothing of {of}"))?;
        Ok(&check.verdict)
    }
}

impl Look {
    pub(super) fn vault(&self) -> Result<&Vault> {
        let vault = self.info.vault.as_ref();
        vault.with_context(|| format!("the vault does not open: status {}", self.info.store))
    }

    /// Every key is there and the same, nothing is lost, and what was mended is recorded.
    pub(super) fn expect_whole(&self, before: &Self) -> Result<()> {
        let vault = self.vault()?;
        ensure!(vault.id == before.vault()?.id, "it is another vault");
        ensure!(vault.damaged == 0, "{} records are lost", vault.damaged);
        compare(&self.proofs, &before.proofs, |_| false)?;
        ensure!(
            (vault.repaired > 0) <= (self.recorded > before.recorded),
            "a repair is not recorded"
        );
        ensure!(self.doctor.usable, "the doctor finds the device not usable");
        let expected = if vault.repaired + vault.degraded > 0 {
            "warn"
        } else {
            "ok"
        };
        let verdict = self.doctor.verdict("records")?;
        ensure!(
            verdict == expected,
            "the doctor says {verdict} of the records"
        );
        Ok(())
    }

    /// Whether something was mended at this start; both copies of everything serve.
    pub(super) fn expect_mended(&self, mended: bool) -> Result<()> {
        let Vault {
            degraded, repaired, ..
        } = self.vault()?;
        ensure!(*degraded == 0, "{degraded} copies do not serve");
        ensure!((*repaired > 0) == mended, "{repaired} places were mended");
        Ok(())
    }

    /// Some keys of those that may be lost are, and counted; the others are there and the same.
    pub(super) fn expect_part(
        &self,
        before: &Self,
        may_be_lost: impl Fn(u32) -> bool,
    ) -> Result<()> {
        let vault = self.vault()?;
        ensure!(vault.id == before.vault()?.id, "it is another vault");
        let lost = compare(&self.proofs, &before.proofs, may_be_lost)?;
        ensure!(lost > 0, "nothing is lost");
        ensure!(
            vault.damaged >= lost,
            "{lost} keys are lost, {} records counted as damaged",
            vault.damaged
        );
        let verdict = self.doctor.verdict("records")?;
        ensure!(
            verdict == "warn",
            "the doctor says {verdict} of the records"
        );
        Ok(())
    }

    /// So many shards are missing: the vault is read-only then, and the doctor says what to do.
    pub(super) fn expect_missing(&self, missing: u32) -> Result<()> {
        let vault = self.vault()?;
        ensure!(
            (vault.missing, vault.read_only) == (missing, missing != 0),
            "{} shards are missing, read-only: {}",
            vault.missing,
            vault.read_only
        );
        if missing == 0 {
            return Ok(());
        }
        self.doctor.expect_fault("missing in both copies")
    }

    /// There is no vault, and it is said why, and what to do.
    pub(super) fn expect_shut(&self) -> Result<()> {
        ensure!(self.info.vault.is_none(), "a vault opens");
        self.doctor.expect_fault("corrupt")
    }

    /// The platform does not claim to notice a rollback, and the doctor warns of that.
    pub(super) fn expect_unprotected(&self) -> Result<()> {
        let level = self.info.rollback_level;
        ensure!(level < 1000, "the platform claims rollback level {level}");
        let verdict = self.doctor.verdict("rollback")?;
        ensure!(verdict == "warn", "the doctor says {verdict} of rollback");
        Ok(())
    }
}

/// Says how many keys are lost.
///
/// # Errors
/// If one is that must not be, or gives another proof, or was not there before.
fn compare(now: &Proofs, before: &Proofs, may_be_lost: impl Fn(u32) -> bool) -> Result<u32> {
    for label in now.keys() {
        ensure!(before.contains_key(label), "the key {label} was not there");
    }
    let mut lost = 0;
    for (label, proof) in before {
        match now.get(label) {
            Some(found) => ensure!(found == proof, "the key {label} is another one"),
            None => {
                let number = label
                    .strip_prefix('k')
                    .and_then(|number| number.parse().ok());
                let number = number.with_context(|| format!("the key {label} has no number"))?;
                ensure!(may_be_lost(number), "the key {label} is lost");
                lost += 1;
            }
        }
    }
    Ok(lost)
}

fn proofs(output: &[u8]) -> Result<Proofs> {
    String::from_utf8_lossy(output)
        .lines()
        .map(|line| {
            let (label, proof) = line.split_once(' ').context("a line without a proof")?;
            Ok((label.to_owned(), proof.to_owned()))
        })
        .collect()
}

fn expect(output: Output, status: u8) -> Result<Output> {
    ensure!(
        output.status == status,
        "exit status {}, expected {status}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output)
}
