//! OP-TEE OS and its development kit for trusted applications, from Debian's source package.
//!
//! Files of ours (`qemu/optee`, BSD-2-Clause) join the platform's code: the rollback counter, the hardware unique key and
//! the seed in secure flash. One line is changed: the property that tells trusted applications of the counter. An OP-TEE
//! [without the counter](Variant::WithoutCounter) has neither that file nor that change, as Debian's and most boards' have
//! not.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::{DEADLINE, cross, tfa, unpack};
use crate::cache::{Cache, Inputs};
use crate::packages::Packages;
use crate::process;

/// To be raised when this file makes something else of the same inputs.
const RECIPE: &str = "3";
const OPTIONS: &[&str] = &[
    "PLATFORM=vexpress-qemu_armv8a",
    "CFG_ARM64_core=y",
    "CFG_USER_TA_TARGETS=ta_arm64",
    "CFG_ARM_GICV3=y",
    // As boards whose processor has instructions for AES and SHA do; secure storage is an order of magnitude quicker.
    "CFG_CRYPTO_WITH_CE=y",
    // The default block of shared memory overlaps the kernel image.
    "CFG_CORE_RESERVED_SHM=n",
    "CFG_NOTIF_TEST_WD=n",
    "CFG_ENABLE_EMBEDDED_TESTS=n",
    "CFG_TEE_CORE_LOG_LEVEL=2",
    "CFG_TEE_TA_LOG_LEVEL=2",
    "CFG_ATTESTATION_PTA=y",
    "CFG_BUILD_IN_TREE_TA=n",
];
/// The images for the flash.
pub(super) const IMAGES: [&str; 3] = [
    "tee-header_v2.bin",
    "tee-pager_v2.bin",
    "tee-pageable_v2.bin",
];
/// OP-TEE as it was linked, for whoever wants to know what runs where.
const SYMBOLS: &str = "tee.elf";
/// The development kit's folder in the build's output.
const DEV_KIT: &str = "export-ta_arm64";

const PLATFORM: &str = "core/arch/arm/plat-vexpress";
const OUR_HEADER: (&str, &str) = (
    "claviger_flash.h",
    include_str!("../../optee/claviger_flash.h"),
);
const OUR_SOURCES: [(&str, &str); 4] = [
    (
        "claviger_flash.c",
        include_str!("../../optee/claviger_flash.c"),
    ),
    (
        COUNTER_SOURCE,
        include_str!("../../optee/claviger_counter.c"),
    ),
    ("claviger_huk.c", include_str!("../../optee/claviger_huk.c")),
    (
        "claviger_seed.c",
        include_str!("../../optee/claviger_seed.c"),
    ),
];
const COUNTER_SOURCE: &str = "claviger_counter.c";

/// Which OP-TEE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// With all that it has by default, and a counter in secure flash by which it notices a store that was rolled back.
    Standard,
    /// It does not notice that.
    WithoutCounter,
    /// As the standard one, but optimised for speed instead of size, and without checks of its own locks.
    Lean,
}

impl Variant {
    /// What it is called in the cache.
    const fn build(self) -> &'static str {
        match self {
            Self::Standard => "optee-os",
            Self::WithoutCounter => "optee-os-without-counter",
            Self::Lean => "optee-os-lean",
        }
    }

    /// Its own options.
    const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Standard | Self::WithoutCounter => &[],
            Self::Lean => &["CFG_CC_OPT_LEVEL=2", "CFG_TEE_CORE_DEBUG=n"],
        }
    }

    fn sources(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let left_out = (self == Self::WithoutCounter).then_some(COUNTER_SOURCE);
        OUR_SOURCES
            .into_iter()
            .filter(move |(name, _)| Some(*name) != left_out)
    }

    fn edit(self) -> Option<Edit> {
        (self != Self::WithoutCounter).then_some(PROPERTY)
    }
}

/// GlobalPlatform's protection level 1000 is rollback protection that rests on hardware which the TEE controls and the
/// REE's software cannot reach. That is what the counter in secure-only flash is; 100 is what OP-TEE says without it.
const PROPERTY: Edit = Edit {
    file: "core/tee/tee_svc.c",
    find: "static const uint32_t ts_antiroll_prot_lvl = 100;",
    replace: "static const uint32_t ts_antiroll_prot_lvl = 1000;",
};

/// What OP-TEE's build gives.
#[derive(Debug, Clone)]
pub(crate) struct Optee {
    folder: PathBuf,
    signing_key: PathBuf,
}

impl Optee {
    /// Builds OP-TEE with this user's signing key.
    pub(super) fn build(cache: &Cache, packages: &Packages, variant: Variant) -> Result<Self> {
        let source = packages.named("optee-os")?;
        let elf_tools = packages.named("python3-pyelftools")?;
        let signing_key = signing_key(cache)?;
        let mut inputs = Inputs::default()
            .with_packages([source, elf_tools])
            .with(RECIPE)
            .with(OPTIONS.join(" "))
            .with(fs::read(&signing_key)?)
            .with(variant.edit().map_or("", |edit| edit.replace));
        for option in variant.options() {
            inputs = inputs.with(option);
        }
        let version = format!("TEE_IMPL_VERSION={}", source.version());
        for (name, text) in variant.sources().chain([OUR_HEADER]) {
            inputs = inputs.with(name).with(text);
        }
        let name = variant.build();
        let folder = cache.built(name, &inputs, |into| {
            let log = cache.log(name);
            let work = cache.scratch()?;
            let tree = work.path().join("source");
            unpack(source, &tree, &log)?;
            extend(&tree, variant)?;
            let python = work.path().join("python");
            let mut unpack_deb = Command::new("dpkg-deb");
            unpack_deb
                .arg("-x")
                .arg(elf_tools.file(".deb")?)
                .arg(&python);
            process::run(&mut unpack_deb, &log, DEADLINE)?;

            let out = work.path().join("out");
            let mut make = process::tethered("TERM", "make");
            cross(&mut make, &tree)
                .env("PYTHONPATH", python.join("usr/lib/python3/dist-packages"))
                .arg("CROSS_COMPILE64=aarch64-linux-gnu-")
                .arg(format!("O={}", out.display()))
                .arg(format!("TA_SIGN_KEY={}", signing_key.display()))
                .arg(version)
                .args(OPTIONS)
                .args(variant.options());
            process::run(&mut make, &log, DEADLINE)?;
            tfa::copy(&out.join("core"), &IMAGES, into)?;
            tfa::copy(&out.join("core"), &[SYMBOLS], into)?;
            let mut copy_kit = Command::new("cp");
            copy_kit
                .arg("-R")
                .arg(out.join(DEV_KIT))
                .arg(into.join(DEV_KIT));
            process::run(&mut copy_kit, &log, DEADLINE)
        })?;
        Ok(Self {
            folder,
            signing_key,
        })
    }

    /// The folder with the [`IMAGES`].
    pub(super) fn images(&self) -> &Path {
        &self.folder
    }

    /// OP-TEE with its symbols.
    pub(crate) fn symbols(&self) -> PathBuf {
        self.folder.join(SYMBOLS)
    }

    /// What the environment calls `TA_DEV_KIT_DIR`.
    pub(crate) fn dev_kit(&self) -> PathBuf {
        self.folder.join(DEV_KIT)
    }

    /// Signs a trusted application's ELF file.
    pub(crate) fn sign(&self, uuid: &str, elf: &Path, into: &Path, log: &Path) -> Result<()> {
        let mut sign = Command::new("python3");
        sign.arg(self.dev_kit().join("scripts/sign_encrypt.py"))
            .args(["sign-enc", "--uuid", uuid, "--in"])
            .arg(elf)
            .arg("--out")
            .arg(into)
            .arg("--key")
            .arg(&self.signing_key);
        process::run(&mut sign, log, DEADLINE)
            .with_context(|| format!("cannot sign {}", elf.display()))
    }
}

/// This user's signing key, made at the first set-up. OP-TEE loads only what it signed.
fn signing_key(cache: &Cache) -> Result<PathBuf> {
    let key = cache.path("signing-key.pem");
    if !key.exists() {
        // Created with mode 0600.
        let draft = tempfile::Builder::new()
            .prefix(".signing-key-")
            .tempfile_in(cache.path("."))?;
        let mut generate = Command::new("openssl");
        generate
            .args(["genrsa", "-out"])
            .arg(draft.path())
            .arg("3072");
        process::run(&mut generate, &cache.log("signing-key"), DEADLINE)?;
        draft.persist(&key)?;
    }
    Ok(key)
}

/// Adds our files to the platform's and makes the edit.
fn extend(tree: &Path, variant: Variant) -> Result<()> {
    let platform = tree.join(PLATFORM);
    let mut makefile = fs::read_to_string(platform.join("sub.mk"))?;
    for (name, text) in variant.sources() {
        fs::write(platform.join(name), text)?;
        makefile.push_str(&format!("srcs-y += {name}\n"));
    }
    fs::write(platform.join(OUR_HEADER.0), OUR_HEADER.1)?;
    fs::write(platform.join("sub.mk"), makefile)?;

    if let Some(edit) = variant.edit() {
        let file = tree.join(edit.file);
        let text = fs::read_to_string(&file)?;
        fs::write(&file, edit.apply(&text)?)?;
    }
    Ok(())
}

/// A replacement of text that must be there exactly once.
struct Edit {
    file: &'static str,
    find: &'static str,
    replace: &'static str,
}

impl Edit {
    fn apply(&self, text: &str) -> Result<String> {
        let found = text.matches(self.find).count();
        ensure!(
            found == 1,
            "{}: found {found} times, expected once: {}",
            self.file,
            self.find
        );
        Ok(text.replacen(self.find, self.replace, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_wants_its_anchor_exactly_once() {
        let edit = Edit {
            file: "f",
            find: "a;",
            replace: "b;",
        };
        assert_eq!(edit.apply("x a; y").unwrap(), "x b; y");
        assert!(edit.apply("x y").is_err());
        assert!(edit.apply("a; a;").is_err());
    }
}
