//! A private apt: Debian trixie for arm64 beside whatever the machine runs, unprivileged.
//!
//! The indices are verified with the machine's own archive keyring, and every package against the indices. Mirrors are
//! those of the machine's own sources; `CLAVIGER_DEBIAN_MIRROR` and `CLAVIGER_DEBIAN_SECURITY_MIRROR` override them.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::process;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// The private apt, its indices up to date.
#[derive(Debug)]
pub(crate) struct Apt {
    config: PathBuf,
    log: PathBuf,
}

impl Apt {
    /// Writes the configuration and fetches the indices.
    pub(crate) fn update(cache: &Cache) -> Result<Self> {
        let root = cache.path("apt");
        for folder in [
            "etc/empty",
            "state/lists/partial",
            "cache/archives/partial",
            "log",
        ] {
            fs::create_dir_all(root.join(folder))?;
        }
        fs::write(root.join("state/status"), "")?;
        fs::create_dir_all(root.join("etc/sources"))?;
        fs::write(
            root.join("etc/sources/debian.sources"),
            sources(&Mirrors::find()?),
        )?;
        let apt = Self {
            config: root.join("apt.conf"),
            log: cache.log("apt"),
        };
        fs::write(&apt.config, configuration(&root, &machine_settings()?))?;
        fs::write(&apt.log, "")?;
        process::run(
            apt.command("apt-get").args(["-q", "update"]),
            &apt.log,
            DEADLINE,
        )
        .context("cannot fetch Debian's package lists")?;
        Ok(apt)
    }

    /// Downloads a binary package into an empty folder.
    ///
    /// The folder must be empty: apt takes a corrupt file of the right size for the package.
    pub(crate) fn download(&self, package: &str, version: &str, folder: &Path) -> Result<()> {
        let mut command = self.command("apt-get");
        command
            .current_dir(folder)
            .args(["-q", "download"])
            .arg(format!("{package}={version}"));
        process::run(&mut command, &self.log, DEADLINE)
    }

    /// Downloads a source package into an empty folder.
    pub(crate) fn download_source(
        &self,
        package: &str,
        version: &str,
        folder: &Path,
    ) -> Result<()> {
        let mut command = self.command("apt-get");
        command
            .current_dir(folder)
            .args(["-q", "source", "--download-only"]);
        process::run(
            command.arg(format!("{package}={version}")),
            &self.log,
            DEADLINE,
        )
    }

    /// Version and SHA-256 of the package that the suite offers now.
    pub(crate) fn candidate(&self, package: &str) -> Result<(String, String)> {
        let shown = process::output(self.command("apt-cache").args([
            "show",
            "--no-all-versions",
            package,
        ]))?;
        match (field(&shown, "Version"), field(&shown, "SHA256")) {
            (Some(version), Some(sha256)) => Ok((version.to_owned(), sha256.to_owned())),
            _ => bail!("apt knows no {package}"),
        }
    }

    /// The newest version of a source package.
    pub(crate) fn source_candidate(&self, package: &str) -> Result<String> {
        let shown =
            process::output(
                self.command("apt-cache")
                    .args(["showsrc", "--only-source", package]),
            )?;
        let mut newest: Option<&str> = None;
        for version in shown
            .lines()
            .filter_map(|line| line.strip_prefix("Version: "))
        {
            if newest.is_none_or(|newest| is_newer(version, newest)) {
                newest = Some(version);
            }
        }
        Ok(newest
            .with_context(|| format!("apt knows no source package {package}"))?
            .to_owned())
    }

    /// The kernel image that Debian's meta package stands for.
    pub(crate) fn current_kernel(&self) -> Result<String> {
        let meta = "linux-image-cloud-arm64";
        let shown =
            process::output(
                self.command("apt-cache")
                    .args(["show", "--no-all-versions", meta]),
            )?;
        let depends = field(&shown, "Depends").unwrap_or_default();
        let kernel = depends
            .split([',', ' '])
            .find(|name| name.starts_with("linux-image-"));
        Ok(kernel
            .with_context(|| format!("{meta} names no kernel"))?
            .to_owned())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", &self.config).env("LC_ALL", "C");
        command
    }
}

fn field<'a>(paragraph: &'a str, name: &str) -> Option<&'a str> {
    paragraph
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn is_newer(version: &str, than: &str) -> bool {
    Command::new("dpkg")
        .args(["--compare-versions", version, "gt", than])
        .status()
        .is_ok_and(|status| status.success())
}

struct Mirrors {
    main: String,
    security: String,
}

impl Mirrors {
    fn find() -> Result<Self> {
        let targets = process::output(Command::new("apt-get").args([
            "indextargets",
            "--format",
            "$(RELEASE) $(REPO_URI)",
            "Created-By: Packages",
        ]))
        .unwrap_or_default();
        let os_release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let codename = os_release
            .lines()
            .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
            .unwrap_or("bookworm");
        let named = |variable: &str, suite: &str| {
            env::var(variable).ok().or_else(|| mirror_of(suite, &targets)).with_context(|| {
                format!("the machine's apt sources have no {suite}: set {variable} to a Debian mirror's address")
            })
        };
        Ok(Self {
            main: named("CLAVIGER_DEBIAN_MIRROR", codename)?,
            security: named(
                "CLAVIGER_DEBIAN_SECURITY_MIRROR",
                &format!("{codename}-security"),
            )?,
        })
    }
}

fn mirror_of(suite: &str, targets: &str) -> Option<String> {
    targets.lines().find_map(|line| {
        let (release, address) = line.split_once(' ')?;
        (release == suite).then(|| address.to_owned())
    })
}

fn sources(mirrors: &Mirrors) -> String {
    let mut text = String::new();
    for (types, address, suites) in [
        ("deb deb-src", &mirrors.main, "trixie trixie-updates"),
        ("deb", &mirrors.security, "trixie-security"),
        ("deb-src", &mirrors.main, "sid"),
    ] {
        write!(
            text,
            "Types: {types}\nURIs: {address}\nSuites: {suites}\nComponents: main\nArchitectures: arm64\n\
             Signed-By: {KEYRING}\n\n"
        )
        .expect("writing to a string cannot fail");
    }
    text
}

/// The machine's own settings for fetching: proxies and the like.
fn machine_settings() -> Result<String> {
    let dump = process::output(Command::new("apt-config").arg("dump"))?;
    Ok(fetch_settings(&dump))
}

fn fetch_settings(dump: &str) -> String {
    dump.lines()
        .filter(|line| line.starts_with("Acquire::") && !line.starts_with("Acquire::IndexTargets"))
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn configuration(root: &Path, machine_settings: &str) -> String {
    let root = root.display();
    // sid's index may be past its expiry date on a mirror.
    format!(
        r#"{machine_settings}
Dir::Etc "{root}/etc";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "{root}/etc/empty";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{root}/etc/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{root}/etc/empty";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "{root}/etc/empty";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "{root}/state";
Dir::State::status "{root}/state/status";
Dir::Cache "{root}/cache";
Dir::Log "{root}/log";
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Retries "3";
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_own_mirror_is_found() {
        let targets = "bookworm-security http://s.example/\nnodistro http://n.example/\nbookworm http://m.example/\n";
        assert_eq!(
            mirror_of("bookworm", targets).as_deref(),
            Some("http://m.example/")
        );
        assert_eq!(mirror_of("trixie", targets), None);
    }

    #[test]
    fn proxies_are_carried_over_and_hooks_are_not() {
        let dump = "Acquire::http::Proxy \"http://p:1\";\nAPT::Update::Post-Invoke:: \"rm x\";\n";
        assert_eq!(
            fetch_settings(dump),
            "Acquire::http::Proxy \"http://p:1\";\n"
        );
    }
}
