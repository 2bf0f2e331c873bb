//! OP-TEE's PKCS#11 token, which Claviger is measured against: a trusted application in OP-TEE's own source package.
//!
//! It is built as anybody's trusted application is, with the development kit. Were it built with OP-TEE, every OP-TEE
//! would be another one than before.

use std::path::PathBuf;

use anyhow::Result;
use fs_err as fs;

use super::{DEADLINE, Optee, cross, unpack};
use crate::cache::{Cache, Inputs};
use crate::packages::Packages;
use crate::process;

/// To be raised when this file makes something else of the same inputs.
const RECIPE: &str = "1";
const UUID: &str = "fd02c9da-306c-48c7-a49c-bbd827ae86ee";
/// Its folder in the sources.
const SOURCES: &str = "ta/pkcs11";
const SETTINGS: &str = "settings.h";

/// Builds and signs it. Returns the folder where it lies alone, by the name that OP-TEE looks for.
pub(crate) fn pkcs11_token(cache: &Cache, packages: &Packages, optee: &Optee) -> Result<PathBuf> {
    let source = packages.named("optee-os")?;
    let kit = optee.dev_kit();
    let inputs = Inputs::default()
        .with_packages([source])
        .with(RECIPE)
        .with(kit.as_os_str().as_encoded_bytes());
    cache.built("pkcs11-token", &inputs, |into| {
        let log = cache.log("pkcs11-token");
        let work = cache.scratch()?;
        let tree = work.path().join("source");
        unpack(source, &tree, &log)?;
        let sources = tree.join(SOURCES);
        let settings = sources.join(SETTINGS);
        fs::write(
            &settings,
            header(&fs::read_to_string(sources.join("sub.mk"))?),
        )?;

        let out = work.path().join("out");
        let elf = out.join(format!("{UUID}.stripped.elf"));
        let mut make = process::tethered("TERM", "make");
        cross(&mut make, &sources)
            .arg("CROSS_COMPILE64=aarch64-linux-gnu-")
            .arg(format!("TA_DEV_KIT_DIR={}", kit.display()))
            .arg(format!("CPPFLAGS_ta_arm64=-include {}", settings.display()))
            .arg(format!("O={}", out.display()))
            .arg(&elf);
        process::run(&mut make, &log, DEADLINE)?;
        optee.sign(UUID, &elf, &into.join(format!("{UUID}.ta")), &log)
    })
}

/// Its settings with their defaults, as OP-TEE's own build would put them into a header; the kit's does not.
fn header(makefile: &str) -> String {
    let settings = makefile.lines().filter_map(|line| line.split_once(" ?= "));
    let lines = settings.filter_map(|(name, value)| match value {
        "n" => None,
        "y" => Some(format!("#define {name} 1\n")),
        value => Some(format!("#define {name} {value}\n")),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_a_header() {
        let makefile =
            "# One\nCFG_ONE ?= y\n\nCFG_SIZE ?= (32 * 1024)\nCFG_OFF ?= n\nsrcs-y += a.c\n";
        assert_eq!(
            header(makefile),
            "#define CFG_ONE 1\n#define CFG_SIZE (32 * 1024)\n"
        );
    }
}
