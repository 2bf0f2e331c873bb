//! The Debian packages that the host needs, and getting them.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::{process, report};

/// What is needed beside git and Rust. dpkg, coreutils and util-linux are essential on Debian.
const NEEDED: &[&str] = &[
    "arm-trusted-firmware-tools",
    "debian-archive-keyring",
    "device-tree-compiler",
    "dpkg-dev",
    "e2fsprogs",
    "g++",
    "gcc",
    "gcc-aarch64-linux-gnu",
    "libc6-dev",
    "libc6-dev-arm64-cross",
    "make",
    "openssl",
    "python3-cryptography",
    "qemu-system-arm",
    "xz-utils",
];
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// Installs the missing host packages, or says in one line what to run.
pub(crate) fn ensure(cache: &Cache) -> Result<()> {
    let missing = missing()?;
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    let sudo: &[&str] = if rustix::process::geteuid().is_root() {
        &[]
    } else if sudo_works() {
        &["sudo", "-n"]
    } else {
        bail!(
            "host packages are missing; run: sudo apt-get install --no-install-recommends {names}"
        );
    };
    let log = cache.log("host-packages");
    let apt = |arguments: &[&str]| {
        let mut words = [
            sudo,
            &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"],
        ]
        .concat();
        words.extend(arguments);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    };
    report::step(&format!("installing host packages: {names}"), || {
        process::run(&mut apt(&["update"]), &log, DEADLINE)?;
        let mut install = apt(&["install", "-y", "--no-install-recommends"]);
        process::run(install.args(&missing), &log, DEADLINE)
    })
}

fn missing() -> Result<Vec<&'static str>> {
    // dpkg-query fails when one of the names is unknown to it, and still answers for the others.
    let answer = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"])
        .args(NEEDED)
        .output()
        .context("cannot start dpkg-query")?;
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    Ok(not_installed(NEEDED, &answer))
}

fn not_installed<'a>(needed: &[&'a str], answer: &str) -> Vec<&'a str> {
    let installed: Vec<&str> = answer
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .collect();
    needed
        .iter()
        .copied()
        .filter(|name| !installed.contains(name))
        .collect()
}

fn sudo_works() -> bool {
    Command::new("sudo")
        .args(["-n", "true"])
        .output()
        .is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_is_missing() {
        let answer = "make installed\ngcc config-files\n";
        assert_eq!(
            not_installed(&["gcc", "make", "xz-utils"], answer),
            ["gcc", "xz-utils"]
        );
    }
}
