//! What runs before and beside Linux: TF-A, OP-TEE, and the flash image that holds both.

mod flash;
mod optee;
mod pkcs11;
mod tfa;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::Result;

pub(crate) use self::flash::{create as create_flash, update as update_flash};
pub(crate) use self::optee::{Optee, Variant};
pub(crate) use self::pkcs11::pkcs11_token;
use crate::cache::Cache;
use crate::packages::{Package, Packages};
use crate::process;

const DEADLINE: Duration = Duration::from_secs(30 * 60);

/// The built firmware.
#[derive(Debug, Clone)]
pub(crate) struct Firmware {
    /// OP-TEE's development kit and signing key.
    pub(crate) optee: Optee,
    /// The file that a flash image starts with.
    pub(crate) image: PathBuf,
}

impl Firmware {
    /// Builds what is missing.
    pub(crate) fn build(cache: &Cache, packages: &Packages, variant: Variant) -> Result<Self> {
        let stages = tfa::build(cache, packages)?;
        let optee = Optee::build(cache, packages, variant)?;
        let image = flash::image(cache, &stages, optee.images())?;
        Ok(Self { optee, image })
    }
}

/// Unpacks a source package; it was verified when it was downloaded.
fn unpack(source: &Package, into: &Path, log: &Path) -> Result<()> {
    let mut unpack = Command::new("dpkg-source");
    unpack
        .args(["--no-check", "-x"])
        .arg(source.file(".dsc")?)
        .arg(into);
    process::run(&mut unpack, log, DEADLINE)
}

/// A make that cross-builds the tree on all processors, and hears nothing of cargo's or the user's own make.
fn cross<'a>(make: &'a mut Command, tree: &Path) -> &'a mut Command {
    for variable in [
        "MAKEFLAGS",
        "MFLAGS",
        "MAKELEVEL",
        "CFLAGS",
        "LDFLAGS",
        "CARGO_MAKEFLAGS",
    ] {
        make.env_remove(variable);
    }
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    make.env("LC_ALL", "C")
        .args(["-s", "-C"])
        .arg(tree)
        .arg(format!("-j{jobs}"))
        .arg("CROSS_COMPILE=aarch64-linux-gnu-")
}
