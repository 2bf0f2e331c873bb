//! The compiler for the guest's programs: the machine's own, or Debian's in a private folder where the machine's own has
//! no standard library for the guest and cannot get it.
//!
//! Only builds for the guest use Debian's; what runs on this machine is always compiled by its own.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use crate::apt::Purpose;
use crate::cache::{Cache, Inputs};
use crate::packages::Packages;
use crate::{process, report};

/// The target that everything in the guest is compiled for.
pub(crate) const TARGET: &str = "aarch64-unknown-linux-gnu";

/// `debian` forces Debian's compiler.
const CHOICE: &str = "CLAVIGER_RUST";
/// rustup gives up by itself where it cannot reach its server.
const RUSTUP_DEADLINE: Duration = Duration::from_secs(600);

/// What compiles for the guest.
#[derive(Debug, Clone)]
pub(crate) enum Toolchain {
    /// The compiler that compiled this program, most likely.
    Own,
    /// Debian 12's `rustc-web`, unpacked.
    Debian {
        /// The folder that has its `usr`.
        root: PathBuf,
        /// Debian's version.
        version: String,
    },
}

impl Toolchain {
    /// Chooses, and fetches what is missing.
    pub(crate) fn ready(cache: &Cache) -> Result<Self> {
        match env::var(CHOICE).as_deref() {
            Ok("debian") => return Self::debian(cache),
            Ok("") | Err(env::VarError::NotPresent) => {}
            _ => bail!("{CHOICE} may be `debian` or unset"),
        }
        if own_has_target()? {
            return Ok(Self::Own);
        }
        // Where rustup failed once, it is not asked again and again.
        if !Packages::are_here(cache, Purpose::Compiler)? {
            match report::step(
                &format!("adding Rust's standard library for {TARGET}"),
                || add_target(cache),
            ) {
                Ok(()) => return Ok(Self::Own),
                Err(error) => report::say(&format!("{error}: taking Debian's compiler")),
            }
        }
        Self::debian(cache).with_context(|| {
            format!(
                "neither rustup nor Debian gives a compiler for the guest: run `rustup target add {TARGET}` where \
                 rustup reaches its server"
            )
        })
    }

    fn debian(cache: &Cache) -> Result<Self> {
        ensure!(
            cfg!(target_arch = "x86_64"),
            "Debian's compiler is for x86-64 machines here"
        );
        let packages = Packages::fetch(cache, Purpose::Compiler)?;
        let version = packages.named("rustc-web")?.version().to_owned();
        // A standard library is for exactly one compiler.
        for package in packages.iter().filter(|one| one.name().contains("rust")) {
            ensure!(
                package.version() == version,
                "{} {} is not of rustc-web's version {version}: remove {} to fetch them anew",
                package.name(),
                package.version(),
                cache.path("downloads").display()
            );
        }
        let inputs = Inputs::default().with_packages(packages.iter());
        let root = cache.built("rust", &inputs, |into| {
            let log = cache.log("rust");
            packages
                .iter()
                .try_for_each(|package| package.unpack(into, &log))?;
            let library = into.join("usr/lib/rustlib").join(TARGET).join("lib");
            ensure!(
                has_standard_library(&library)?,
                "no standard library in {}",
                library.display()
            );
            Ok(())
        })?;
        Ok(Self::Debian { root, version })
    }

    /// Makes a cargo, or a [`clippy`](Self::clippy), compile with it.
    pub(crate) fn choose_for(&self, cargo: &mut Command) {
        if let Self::Debian { root, .. } = self {
            cargo.env("RUSTC", root.join("usr/bin/rustc"));
            cargo.env("LD_LIBRARY_PATH", root.join("usr/lib/x86_64-linux-gnu"));
        }
    }

    /// The program that is its `cargo clippy`, where that is not cargo's own.
    pub(crate) fn clippy(&self) -> Option<PathBuf> {
        match self {
            Self::Own => None,
            Self::Debian { root, .. } => Some(root.join("usr/bin/cargo-clippy")),
        }
    }

    /// The folder under `target`: two compilers in one would each throw away what the other made.
    pub(crate) fn folder(&self) -> &'static str {
        match self {
            Self::Own => "qemu",
            Self::Debian { .. } => "qemu-debian",
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("this machine's rustc"),
            Self::Debian { version, .. } => write!(f, "Debian's rustc {version}"),
        }
    }
}

fn own_has_target() -> Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    has_standard_library(Path::new(process::output(&mut rustc)?.trim()))
}

fn has_standard_library(folder: &Path) -> Result<bool> {
    if !folder.is_dir() {
        return Ok(false);
    }
    let names = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    Ok(["libcore-", "libstd-"].iter().all(|prefix| {
        names
            .iter()
            .any(|name| name.starts_with(prefix) && name.ends_with(".rlib"))
    }))
}

fn add_target(cache: &Cache) -> Result<()> {
    let log = cache.log("rust-target");
    let mut rustup = Command::new("rustup");
    process::run(
        rustup.args(["target", "add", TARGET]),
        &log,
        RUSTUP_DEADLINE,
    )
    .with_context(|| format!("rustup cannot add it (read {})", log.display()))?;
    // Some rustups claim success and have added nothing.
    ensure!(
        own_has_target()?,
        "rustup says that it has added it, but it is not there"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_library_is_more_than_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let has = || has_standard_library(folder.path()).unwrap();
        assert!(!has_standard_library(&folder.path().join("missing")).unwrap());
        assert!(!has());
        for (name, whole) in [
            ("libstd-1.so", false),
            ("libcore-1.rlib", false),
            ("libstd-1.rlib", true),
        ] {
            fs::write(folder.path().join(name), "").unwrap();
            assert_eq!(has(), whole, "{name}");
        }
    }
}
