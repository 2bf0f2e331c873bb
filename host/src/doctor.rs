//! Finds out why Claviger does not work, or says what it works on.
//!
//! [`examine`] looks at what lies between a program and its keys, from the driver to the vault,
//! also where the trusted application does not open.

use std::{fs, path::Path};

use claviger_proto::{
    Status,
    message::{InfoResponse, VaultInfo},
};
use serde::Serialize;

use crate::{Builder, Client};

#[cfg(feature = "optee")]
pub(crate) mod device;

/// What was found at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: &'static str,
    /// Whether it is well.
    pub verdict: Verdict,
    /// What was found.
    pub finding: String,
    /// What to do, if anything.
    pub advice: Option<String>,
}

/// Whether a thing is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is well.
    Ok,
    /// It works, but look at it.
    Warn,
    /// It does not work.
    Fail,
}

impl Check {
    fn new(check: &'static str, verdict: Verdict, finding: impl Into<String>) -> Check {
        Check {
            check,
            verdict,
            finding: finding.into(),
            advice: None,
        }
    }

    fn advise(mut self, advice: impl Into<String>) -> Check {
        self.advice = Some(advice.into());
        self
    }
}

/// Looks at everything, from the driver up to the session that this would open. Claviger is usable if
/// nothing says [`Verdict::Fail`].
#[must_use]
pub fn examine(builder: Builder) -> Vec<Check> {
    let mut checks = Vec::new();
    let emulated = builder.is_emulated();
    #[cfg(feature = "optee")]
    if !emulated {
        checks.extend(device::examine());
        let waits = |check: &Check| check.check == "supplicant" && check.verdict == Verdict::Fail;
        if checks.iter().any(waits) {
            let finding = "not tried: it would wait for tee-supplicant";
            checks.push(Check::new("session", Verdict::Fail, finding));
            return checks;
        }
    }
    if !emulated && crate::identity::in_user_namespace() {
        let finding = "this process is in a user namespace that maps its numbers";
        let check = Check::new("users", Verdict::Warn, finding);
        checks.push(check.advise(
            "the TEE knows users and groups by the host's numbers: give and read those; names are \
             neither taken nor shown here; a group session alone goes by the number here",
        ));
    }
    match builder.open() {
        Err(error) => {
            let mut check = Check::new("session", Verdict::Fail, chain(&error));
            check.advice = error.hint();
            checks.push(check);
            #[cfg(feature = "optee")]
            if !emulated {
                checks.extend(device::tell_apart(&error));
            }
        }
        Ok(client) => {
            let check = Check::new("session", Verdict::Ok, "the trusted application opens");
            checks.push(check);
            checks.extend(examine_session(&client));
        }
    }
    checks
}

fn examine_session(client: &Client) -> Vec<Check> {
    let mut checks = Vec::new();
    match client.info() {
        Ok(info) => checks.extend(examine_info(&info)),
        Err(error) => {
            let mut check = Check::new("info", Verdict::Fail, chain(&error));
            check.advice = error.hint();
            checks.push(check);
        }
    }
    checks.push(match client.self_test() {
        Err(error) => Check::new("self-test", Verdict::Fail, chain(&error)),
        Ok(tests) => {
            let failed: Vec<&str> = tests
                .results
                .iter()
                .filter(|result| !result.passed)
                .map(|result| result.primitive.as_str())
                .collect();
            if failed.is_empty() {
                let finding = format!("{} primitives give the known answers", tests.results.len());
                Check::new("self-test", Verdict::Ok, finding)
            } else {
                let finding = format!("wrong answers from {}", failed.join(", "));
                Check::new("self-test", Verdict::Fail, finding)
                    .advise("do not use this build of the trusted application")
            }
        }
    });
    checks
}

fn examine_info(info: &InfoResponse) -> Vec<Check> {
    let limits = &info.limits;
    let mut checks = vec![Check::new(
        "version",
        Verdict::Ok,
        format!("trusted application {} on {}", info.version, info.platform),
    )];
    checks.push(match protects_nothing(info) {
        Some(why) => {
            Check::new("platform", Verdict::Warn, why).advise("use it for development only")
        }
        None => Check::new("platform", Verdict::Ok, "neither an emulator nor QEMU"),
    });
    let level = info.rollback_level;
    checks.push(if info.detects_rollback() {
        Check::new("rollback", Verdict::Ok, format!("protection level {level}"))
    } else {
        let finding =
            format!("an old store put back, or an emptied one, is not noticed (level {level})");
        Check::new("rollback", Verdict::Warn, finding)
            .advise("a platform with RPMB or a secure counter would notice")
    });
    let store = Status::from_code(info.store).unwrap_or(Status::Internal);
    let Some(vault) = &info.vault else {
        let mut check = Check::new("vault", Verdict::Fail, store.to_string());
        check.advice = crate::Error::Ta(store).hint();
        checks.push(check);
        return checks;
    };
    checks.push(examine_parts(vault));
    checks.push(match (vault.damaged, vault.repaired) {
        (damaged, _) if vault.missing != 0 => {
            let finding = format!("{damaged} damaged or lost, or missing with their parts");
            Check::new("records", Verdict::Warn, finding)
        }
        (0, _) if vault.degraded != 0 => {
            let finding = format!("{} parts of the vault have one copy only", vault.degraded);
            Check::new("records", Verdict::Warn, finding)
                .advise("free space if storage is full, then restart the device: it mends them")
        }
        (0, 0) => Check::new("records", Verdict::Ok, "all whole"),
        (0, repaired) => {
            let finding = format!("{repaired} mended from their second copy since the start");
            Check::new("records", Verdict::Warn, finding).advise("look after the storage medium")
        }
        (damaged, _) => {
            let finding = format!("{damaged} damaged in both copies, and lost");
            Check::new("records", Verdict::Warn, finding)
                .advise("make those keys anew, and look after the storage medium; a factory reset ends the count")
        }
    });
    checks.push(match vault.free {
        0 => Check::new(
            "slots",
            Verdict::Warn,
            format!("all {} are taken", vault.keys),
        )
        .advise("delete keys that are no longer needed"),
        free => Check::new(
            "slots",
            Verdict::Ok,
            format!("{} taken, {free} free", vault.keys),
        ),
    });
    checks.push(match vault.locked {
        Some(true) => Check::new("lock", Verdict::Ok, "locked: no key can be imported"),
        Some(false) => Check::new("lock", Verdict::Ok, "not locked: keys can be imported"),
        None => {
            let finding = "nobody can tell while the vault is read-only: no key can be imported";
            Check::new("lock", Verdict::Warn, finding)
        }
    });
    checks.push(Check::new(
        "limits",
        Verdict::Ok,
        format!(
            "payload {}, chunk {}, context {} bytes; {} keys",
            limits.payload, limits.chunk, limits.context, limits.keys
        ),
    ));
    checks
}

/// What of the vault is here.
fn examine_parts(vault: &VaultInfo) -> Check {
    if vault.missing != 0 {
        let finding = format!(
            "{} parts of it are missing in both copies: it is read-only",
            vault.missing
        );
        return Check::new("vault", Verdict::Fail, finding).advise(
            "put back the files in which tee-supplicant keeps the store, all of one moment, and \
             restart the device; or give up what is missing: `claviger vault declare-lost --confirm \
             TOKEN`, with the token that `claviger info` shows to root",
        );
    }
    if vault.read_only {
        let finding = "a copy of a part of it is held back, and may come back: it is read-only";
        return Check::new("vault", Verdict::Fail, finding).advise(
            "free space if storage is full, put back files that are missing, then restart the \
             device: it mends the copy",
        );
    }
    Check::new(
        "vault",
        Verdict::Ok,
        format!("opens; its id is {}", vault.id),
    )
}

/// Why the platform protects nothing real, if it does not: it is an emulator, or a virtual
/// machine that plays a device.
#[must_use]
pub fn protects_nothing(info: &InfoResponse) -> Option<&'static str> {
    if info.insecure {
        return Some("this is an emulator: it protects nothing");
    }
    in_qemu(Path::new("/proc/device-tree/compatible"))
        .then_some("this machine is QEMU's: its host sees everything, so it protects nothing real")
}

fn in_qemu(compatible: &Path) -> bool {
    fs::read(compatible).is_ok_and(|names| {
        names
            .split(|byte| *byte == 0)
            .any(|name| name == b"linux,dummy-virt")
    })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qemu_is_known_by_its_device_tree() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("compatible");
        for (names, expected) in [
            (&b"linux,dummy-virt\0"[..], true),
            (b"a,b\0linux,dummy-virt\0", true),
            (b"raspberrypi,4-model-b\0brcm,bcm2711\0", false),
        ] {
            fs::write(&path, names).unwrap();
            assert_eq!(in_qemu(&path), expected);
        }
        assert!(!in_qemu(&dir.path().join("absent")));
    }
}
