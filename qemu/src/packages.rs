//! The packages that the guest, its firmware and, where needed, the compiler are made of: `packages.lock`, and getting
//! what it names.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use crate::apt::{Apt, Purpose};
use crate::cache::{Cache, Inputs, sha256};
use crate::{process, report};

const LOCK: &str = include_str!("../packages.lock");
/// Parts the lock file into what every machine needs and what few need.
const COMPILER_HEADING: &str = "[compiler]\n";
const SOURCE: &str = "source";
/// Packages whose names change with their versions: how such names begin, and what depends on the current one.
const RENAMED: [(&str, &str); 3] = [
    ("linux-image-", "linux-image-cloud-arm64"),
    ("libstd-rust-web-1", "libstd-rust-web-dev"),
    ("libllvm", "libstd-rust-web-1"),
];
const UNPACK_DEADLINE: Duration = Duration::from_secs(300);
/// The file in a download's folder that says what it really holds.
const IDENTITY: &str = "identity";

/// A line of `packages.lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Locked {
    package: String,
    version: String,
    architecture: String,
    sha256: String,
}

/// A downloaded and verified package.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    name: String,
    folder: PathBuf,
    /// Name, version and SHA-256 of what was downloaded: the locked one or its substitute.
    identity: String,
}

/// All packages of the lock file for one purpose.
#[derive(Debug)]
pub(crate) struct Packages(Vec<Package>);

impl Packages {
    /// Downloads what is missing.
    pub(crate) fn fetch(cache: &Cache, purpose: Purpose) -> Result<Self> {
        let locked = parse(part(purpose)?)?;
        let missing: Vec<&Locked> = locked
            .iter()
            .filter(|locked| !place(cache, locked).is_dir())
            .collect();
        if !missing.is_empty() {
            report::step(
                &format!("downloading {} Debian packages", missing.len()),
                || {
                    let apt = Apt::update(cache, purpose)?;
                    missing
                        .into_iter()
                        .try_for_each(|locked| download(cache, &apt, locked))
                },
            )?;
        }
        let packages = locked.into_iter().map(|locked| {
            let folder = place(cache, &locked);
            let identity = fs::read_to_string(folder.join(IDENTITY))?;
            Ok(Package {
                name: locked.package,
                folder,
                identity,
            })
        });
        packages.collect::<Result<_>>().map(Self)
    }

    /// Whether all of them were downloaded before.
    pub(crate) fn are_here(cache: &Cache, purpose: Purpose) -> Result<bool> {
        let locked = parse(part(purpose)?)?;
        Ok(locked.iter().all(|locked| place(cache, locked).is_dir()))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Package> {
        self.0.iter()
    }

    /// The package of this name; `linux-image` stands for the kernel, whatever its version.
    pub(crate) fn named(&self, name: &str) -> Result<&Package> {
        let found = self.0.iter().find(|package| {
            package.name == name
                || (name == "linux-image" && package.name.starts_with("linux-image-"))
        });
        found.with_context(|| format!("packages.lock names no {name}"))
    }
}

impl Package {
    /// The name in the lock file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What goes into the key of things made from this package.
    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// The version that was downloaded.
    pub(crate) fn version(&self) -> &str {
        self.identity.split(' ').nth(1).unwrap_or_default()
    }

    /// The downloaded file that ends in `suffix`.
    pub(crate) fn file(&self, suffix: &str) -> Result<PathBuf> {
        find_by_suffix(&self.folder, suffix)
    }

    /// Unpacks a binary package into a folder, over what is there.
    pub(crate) fn unpack(&self, into: &Path, log: &Path) -> Result<()> {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("-x").arg(self.file(".deb")?).arg(into);
        process::run(&mut unpack, log, UNPACK_DEADLINE)
    }
}

impl Inputs {
    /// Adds packages to what a built thing depends on.
    pub(crate) fn with_packages<'a>(self, packages: impl IntoIterator<Item = &'a Package>) -> Self {
        packages
            .into_iter()
            .fold(self, |inputs, package| inputs.with(package.identity()))
    }
}

fn part(purpose: Purpose) -> Result<&'static str> {
    let (guest, compiler) = LOCK
        .split_once(COMPILER_HEADING)
        .context("packages.lock has no [compiler]")?;
    Ok(match purpose {
        Purpose::Guest => guest,
        Purpose::Compiler => compiler,
    })
}

fn parse(text: &str) -> Result<Vec<Locked>> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let &[package, version, architecture, sha256] = words.as_slice() else {
                bail!("packages.lock: not `package version architecture sha256`: {line}");
            };
            ensure!(
                sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "packages.lock: not a SHA-256: {line}"
            );
            ensure!(
                matches!(architecture, "amd64" | "arm64" | "all" | SOURCE),
                "packages.lock: unknown architecture: {line}"
            );
            Ok(Locked {
                package: package.to_owned(),
                version: version.to_owned(),
                architecture: architecture.to_owned(),
                sha256: sha256.to_owned(),
            })
        })
        .collect()
}

/// Where a package goes: named by the hash that the lock file wants, so that what is there has been verified.
fn place(cache: &Cache, locked: &Locked) -> PathBuf {
    cache.path("downloads").join(&locked.sha256)
}

fn download(cache: &Cache, apt: &Apt, locked: &Locked) -> Result<()> {
    let downloads = cache.path("downloads");
    let draft = || {
        tempfile::Builder::new()
            .prefix(".draft-")
            .tempdir_in(&downloads)
    };
    let is_source = locked.architecture == SOURCE;
    let fetch = |package: &str, version: &str, folder: &Path| {
        if is_source {
            apt.download_source(package, version, folder)
        } else {
            apt.download(&qualified(package, locked), version, folder)
        }
    };
    let suffix = if is_source { ".dsc" } else { ".deb" };

    let mut folder = draft()?;
    let mut found = Offer {
        name: locked.package.clone(),
        version: locked.version.clone(),
        sha256: Some(locked.sha256.clone()),
    };
    if fetch(&found.name, &found.version, folder.path()).is_err() {
        (found, folder) = offers(apt, locked)?
            .into_iter()
            .find_map(|offer| {
                // An index may offer what the mirror has dropped.
                let folder = draft().ok()?;
                fetch(&offer.name, &offer.version, folder.path()).ok()?;
                Some((offer, folder))
            })
            .with_context(|| {
                format!(
                    "no version of {} can be downloaded; read {}",
                    locked.package,
                    apt.log().display()
                )
            })?;
        report::say(&format!(
            "{} {} of packages.lock is no longer to be had: taking {} {} instead",
            locked.package, locked.version, found.name, found.version
        ));
    }
    let file = find_by_suffix(folder.path(), suffix)?;
    let hash = sha256(&file)?;
    if let Some(expected) = &found.sha256 {
        ensure!(
            hash == *expected,
            "{} has SHA-256 {hash}, expected {expected}",
            file.display()
        );
    }
    if is_source {
        verify_source(&file)?;
    }
    fs::write(
        folder.path().join(IDENTITY),
        format!("{} {} {hash}", found.name, found.version),
    )?;
    fs::rename(folder.keep(), place(cache, locked))?;
    Ok(())
}

/// A package to download.
struct Offer {
    name: String,
    version: String,
    /// The hash in the lock file or the signed index; for a source package apt itself compares the .dsc with the index.
    sha256: Option<String>,
}

/// What the suites offer in place of a package that is gone, the best first.
fn offers(apt: &Apt, locked: &Locked) -> Result<Vec<Offer>> {
    let name = current_name(apt, &locked.package)?;
    let offer = |version, sha256| Offer {
        name: name.clone(),
        version,
        sha256,
    };
    Ok(if locked.architecture == SOURCE {
        apt.offered_sources(&name)?
            .into_iter()
            .map(|version| offer(version, None))
            .collect()
    } else {
        apt.offered(&qualified(&name, locked))?
            .into_iter()
            .map(|(version, sha256)| offer(version, Some(sha256)))
            .collect()
    })
}

fn current_name(apt: &Apt, package: &str) -> Result<String> {
    match RENAMED
        .iter()
        .find(|(prefix, _)| package.starts_with(prefix))
    {
        Some((prefix, needs_it)) if package != *needs_it => {
            apt.dependency(&current_name(apt, needs_it)?, prefix)
        }
        _ => Ok(package.to_owned()),
    }
}

/// The package's name as apt wants it where there are several architectures.
fn qualified(package: &str, locked: &Locked) -> String {
    match locked.architecture.as_str() {
        "all" => package.to_owned(),
        architecture => format!("{package}:{architecture}"),
    }
}

/// Checks the files of a source package against its .dsc.
fn verify_source(dsc: &Path) -> Result<()> {
    let folder = dsc.parent().context("a .dsc has a folder")?;
    let files = checksums(&fs::read_to_string(dsc)?);
    ensure!(!files.is_empty(), "{} lists no checksums", dsc.display());
    for (expected, name) in files {
        let hash = sha256(&folder.join(&name))?;
        ensure!(
            hash == expected,
            "{name} has SHA-256 {hash}, its .dsc says {expected}"
        );
    }
    Ok(())
}

fn checksums(dsc: &str) -> Vec<(String, String)> {
    dsc.lines()
        .skip_while(|line| *line != "Checksums-Sha256:")
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (hash, _size, name) = (words.next()?, words.next()?, words.next()?);
            Some((hash.to_owned(), name.to_owned()))
        })
        .collect()
}

fn find_by_suffix(folder: &Path, suffix: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(suffix) {
            return Ok(path);
        }
    }
    bail!("no file *{suffix} in {}", folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_is_well_formed_and_names_nothing_twice() {
        for purpose in [Purpose::Guest, Purpose::Compiler] {
            let locked = parse(part(purpose).unwrap()).unwrap();
            let mut names: Vec<_> = locked
                .iter()
                .map(|one| qualified(&one.package, one))
                .collect();
            names.sort();
            let count = names.len();
            names.dedup();
            assert!(count > 0 && names.len() == count, "{names:?}");
        }
    }

    #[test]
    fn malformed_lines_are_refused() {
        let hash = "a".repeat(64);
        for line in [
            "libc6 2.41 arm64",
            "libc6 2.41 arm64 abc",
            &format!("libc6 2.41 arm64 {hash} more"),
            &format!("libc6 2.41 mips {hash}"),
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert_eq!(
            parse(&format!("# comment\n\nlibc6 2.41 arm64 {hash}\n"))
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn a_dsc_gives_its_checksums() {
        let dsc =
            "Checksums-Sha1:\n aa 1 x\nChecksums-Sha256:\n bb 2 y\n cc 3 z\nFiles:\n dd 4 w\n";
        let expected =
            [("bb", "y"), ("cc", "z")].map(|(hash, name)| (hash.to_owned(), name.to_owned()));
        assert_eq!(checksums(dsc), expected);
    }
}
