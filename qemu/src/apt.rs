//! A private apt: other releases and architectures of Debian beside what the machine runs, unprivileged.
//!
//! The indices are verified with the machine's own archive keyring, and every package against the indices. Mirrors are
//! those of the machine's own sources; `CLAVIGER_DEBIAN_MIRROR` and `CLAVIGER_DEBIAN_SECURITY_MIRROR` override them.

use std::cmp::Ordering;
use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use crate::cache::Cache;
use crate::{process, report};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// What packages are for, which decides where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The guest and its firmware: trixie for arm64, and sid's sources.
    Guest,
    /// The compiler, where the machine's own will not do: bookworm, with the standard libraries of both architectures.
    Compiler,
}

/// The private apt, its indices up to date.
#[derive(Debug)]
pub(crate) struct Apt {
    config: PathBuf,
    log: PathBuf,
}

impl Apt {
    /// Writes the configuration and fetches the indices.
    pub(crate) fn update(cache: &Cache, purpose: Purpose) -> Result<Self> {
        let name = match purpose {
            Purpose::Guest => "apt",
            Purpose::Compiler => "apt-compiler",
        };
        let root = cache.path(name);
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
            sources(&Mirrors::find(purpose)?, purpose),
        )?;
        let apt = Self {
            config: root.join("apt.conf"),
            log: cache.log(name),
        };
        fs::write(
            &apt.config,
            configuration(&root, purpose, &machine_settings()?),
        )?;
        fs::write(&apt.log, "")?;
        process::run(
            apt.command("apt-get").args(["-q", "update"]),
            &apt.log,
            DEADLINE,
        )
        .context("cannot fetch Debian's package lists")?;
        Ok(apt)
    }

    /// What apt does is told here.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Downloads a binary package (NAME or NAME:ARCHITECTURE) into an empty folder.
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

    /// Version and SHA-256 of each package of this name that the suites offer, the candidate first.
    pub(crate) fn offered(&self, package: &str) -> Result<Vec<(String, String)>> {
        let shown = process::output(self.command("apt-cache").args(["show", package]))?;
        let paragraphs = shown.split("\n\n");
        Ok(paragraphs
            .filter_map(|paragraph| {
                let (version, sha256) = (field(paragraph, "Version")?, field(paragraph, "SHA256")?);
                Some((version.to_owned(), sha256.to_owned()))
            })
            .collect())
    }

    /// The versions of a source package that the suites offer, newest first.
    pub(crate) fn offered_sources(&self, package: &str) -> Result<Vec<String>> {
        let mut command = self.command("apt-cache");
        let shown = process::output(command.args(["showsrc", "--only-source", package]))?;
        let mut versions: Vec<String> = shown
            .lines()
            .filter_map(|line| Some(line.strip_prefix("Version: ")?.to_owned()))
            .collect();
        versions.sort_by(|one, other| compare_versions(other, one));
        versions.dedup();
        Ok(versions)
    }

    /// The package that `package` now depends on whose name begins so.
    pub(crate) fn dependency(&self, package: &str, prefix: &str) -> Result<String> {
        let shown = process::output(self.command("apt-cache").args([
            "show",
            "--no-all-versions",
            package,
        ]))?;
        let depends = field(&shown, "Depends").unwrap_or_default();
        let dependency = depends
            .split([',', ' '])
            .find(|name| name.starts_with(prefix));
        Ok(dependency
            .with_context(|| format!("{package} depends on no {prefix}*"))?
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

/// The order of Debian's versions, which only dpkg knows.
fn compare_versions(one: &str, other: &str) -> Ordering {
    let holds = |relation: &str| {
        let mut dpkg = Command::new("dpkg");
        dpkg.args(["--compare-versions", one, relation, other]);
        dpkg.status().is_ok_and(|status| status.success())
    };
    if holds("lt") {
        Ordering::Less
    } else if holds("gt") {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

struct Mirrors {
    main: String,
    /// Minimal systems have none.
    security: Option<String>,
}

impl Mirrors {
    fn find(purpose: Purpose) -> Result<Self> {
        // Downloads nothing, and unlike `indextargets` knows sources whose lists were never fetched.
        let targets = process::output(Command::new("apt-get").args(["update", "--print-uris"]))
            .unwrap_or_default();
        let os_release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let codename = os_release
            .lines()
            .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
            .unwrap_or("bookworm");
        let named = |variable: &str, suite: &str| {
            env::var(variable)
                .ok()
                .or_else(|| mirror_of(suite, &targets))
                .with_context(|| {
                    format!(
                        "the machine's apt sources have no {suite}, and {variable} names no mirror"
                    )
                })
        };
        let main = named("CLAVIGER_DEBIAN_MIRROR", codename)?;
        let security = named(
            "CLAVIGER_DEBIAN_SECURITY_MIRROR",
            &format!("{codename}-security"),
        );
        let security = match (security, purpose) {
            (Ok(security), _) => Some(security),
            (Err(error), Purpose::Guest) => {
                report::say(&format!(
                    "{error}: going on without Debian's security updates for the guest"
                ));
                None
            }
            // Only there is the compiler new enough.
            (Err(error), Purpose::Compiler) => bail!(error),
        };
        Ok(Self { main, security })
    }
}

fn mirror_of(suite: &str, targets: &str) -> Option<String> {
    // Others than Debian may name their suites like Debian's, but have other components.
    let index = format!("dists/{suite}/main/binary-");
    targets.lines().find_map(|line| {
        let (address, _) = line.strip_prefix('\'')?.split_once(&index)?;
        Some(address.to_owned())
    })
}

fn sources(mirrors: &Mirrors, purpose: Purpose) -> String {
    let (main, security) = (Some(&mirrors.main), mirrors.security.as_ref());
    let (archives, architectures): (&[_], _) = match purpose {
        Purpose::Guest => (
            &[
                ("deb deb-src", main, "trixie trixie-updates"),
                ("deb", security, "trixie-security"),
                ("deb-src", main, "sid"),
            ],
            "arm64",
        ),
        Purpose::Compiler => (
            &[
                ("deb", main, "bookworm"),
                ("deb", security, "bookworm-security"),
            ],
            "amd64 arm64",
        ),
    };
    let mut text = String::new();
    for (types, address, suites) in archives {
        let Some(address) = address else { continue };
        write!(
            text,
            "Types: {types}\nURIs: {address}\nSuites: {suites}\nComponents: main\nArchitectures: {architectures}\n\
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

fn configuration(root: &Path, purpose: Purpose, machine_settings: &str) -> String {
    let root = root.display();
    let (native, foreign) = match purpose {
        Purpose::Guest => ("arm64", ""),
        Purpose::Compiler => ("amd64", "\"arm64\";"),
    };
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
APT::Architecture "{native}";
APT::Architectures {{ "{native}"; {foreign} }};
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
    fn versions_are_ordered_as_debian_does() {
        assert_eq!(
            compare_versions("2.12.1+dfsg-1", "2.12.16+dfsg-1"),
            Ordering::Less
        );
        assert_eq!(compare_versions("1:1.0", "2.0~rc1"), Ordering::Greater);
        assert_eq!(compare_versions("1.0", "1.0"), Ordering::Equal);
    }

    #[test]
    fn the_machines_own_mirror_is_found() {
        let targets = "'http://s.example/dists/bookworm-security/main/binary-amd64/Packages.xz' s 0\n\
                       'http://o.example/dists/bookworm/stable/binary-amd64/Packages.xz' o 0\n\
                       'http://m.example/dists/bookworm/main/binary-amd64/Packages.xz' m 0\n";
        assert_eq!(
            mirror_of("bookworm", targets).as_deref(),
            Some("http://m.example/")
        );
        assert_eq!(mirror_of("trixie", targets), None);
    }

    #[test]
    fn no_security_mirror_no_security_suite() {
        let mut mirrors = Mirrors {
            main: "http://m.example/".to_owned(),
            security: None,
        };
        assert!(!sources(&mirrors, Purpose::Guest).contains("-security"));
        mirrors.security = Some("http://s.example/".to_owned());
        assert!(sources(&mirrors, Purpose::Guest).contains("http://s.example/\nSuites: trixie-s"));
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
