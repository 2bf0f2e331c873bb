//! Trusted Firmware-A: the boot stages below OP-TEE, from Debian's source package.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{DEADLINE, cross, unpack};
use crate::cache::{Cache, Inputs};
use crate::packages::Packages;
use crate::{files, process};

/// The device tree is ours (`machine`) and the last stage is the Linux image itself, already in memory at this address.
const OPTIONS: &[&str] = &[
    "PLAT=qemu",
    "QEMU_USE_GIC_DRIVER=QEMU_GICV3",
    "SPD=opteed",
    "BL32_RAM_LOCATION=tdram",
    "LOG_LEVEL=20",
    "ARM_LINUX_KERNEL_AS_BL33=1",
    "PRELOADED_BL33_BASE=0x40200000",
];
/// What the build leaves for the flash image.
pub(super) const STAGES: [&str; 3] = ["bl1.bin", "bl2.bin", "bl31.bin"];

/// The folder with the built [`STAGES`].
pub(super) fn build(cache: &Cache, packages: &Packages) -> Result<PathBuf> {
    let source = packages.named("arm-trusted-firmware")?;
    let inputs = Inputs::default()
        .with_packages([source])
        .with(OPTIONS.join(" "));
    cache.built("trusted-firmware-a", &inputs, |into| {
        let log = cache.log("trusted-firmware-a");
        let work = cache.scratch()?;
        let tree = work.path().join("source");
        unpack(source, &tree, &log)?;
        let out = work.path().join("out");
        let mut make = process::tethered("TERM", "make");
        cross(&mut make, &tree)
            .arg(format!("BUILD_BASE={}", out.display()))
            .args(OPTIONS)
            .args(["bl1", "bl2", "bl31"]);
        process::run(&mut make, &log, DEADLINE)?;
        copy(&out.join("qemu/release"), &STAGES, into)
    })
}

pub(super) fn copy(from: &Path, names: &[&str], into: &Path) -> Result<()> {
    for name in names {
        files::copy(&from.join(name), &into.join(name))?;
    }
    Ok(())
}
