//! The guest's system: a kernel and an initramfs from Debian's arm64 packages.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use fs_err::{self as fs, File};

use crate::cache::{Cache, Inputs};
use crate::cpio::{Archive, mode_of};
use crate::files;
use crate::firmware::{Optee, pkcs11_token};
use crate::packages::{Package, Packages};

const INIT: &str = include_str!("../guest/init");
const USERS: &str = include_str!("../guest/passwd");
const GROUPS: &str = include_str!("../guest/group");
/// To be raised when this file makes something else of the same inputs.
const RECIPE: &str = "3";
const MODULES: [&str; 4] = ["virtio-rng", "virtio_blk", "tee", "optee"];
const LIBRARIES: &str = "usr/lib/aarch64-linux-gnu";
/// What the guest's programs are linked with, and the package of each.
const LIBRARY_FILES: [(&str, &str); 13] = [
    ("libc6", "ld-linux-aarch64.so.1"),
    ("libc6", "libc.so.6"),
    ("libc6", "libdl.so.2"),
    ("libc6", "libm.so.6"),
    ("libc6", "libpthread.so.0"),
    ("libc6", "librt.so.1"),
    ("libgcc-s1", "libgcc_s.so.1"),
    ("libteec2", "libteec.so.2"),
    ("libckteec0t64", "libckteec.so.0"),
    ("libssl3t64", "libcrypto.so.3"),
    ("libssl3t64", "libssl.so.3"),
    ("libzstd1", "libzstd.so.1"),
    ("zlib1g", "libz.so.1"),
];
/// Where trusted applications lie in the guest.
pub(crate) const TRUSTED_APPLICATIONS: &str = "usr/lib/optee_armtz";
const PLUGINS: &str = "usr/lib/tee-supplicant/plugins";

/// The built system.
#[derive(Debug, Clone)]
pub(crate) struct GuestImage {
    /// Linux, as the firmware starts it.
    pub(crate) kernel: PathBuf,
    /// The initramfs without a run's own files.
    pub(crate) initramfs: PathBuf,
    /// What the environment calls `OPTEE_CLIENT_EXPORT`: libteec for cross-linking.
    pub(crate) client_export: PathBuf,
}

impl GuestImage {
    /// Builds what is missing.
    pub(crate) fn build(cache: &Cache, packages: &Packages, optee: &Optee) -> Result<Self> {
        let client_export = client_export(cache, packages)?;
        let applications = [
            test_applications(cache, packages, optee)?,
            pkcs11_token(cache, packages, optee)?,
        ];
        let mut used = vec![
            "linux-image",
            "busybox-static",
            "tee-supplicant",
            "optee-test-qemu",
        ];
        used.extend(LIBRARY_FILES.map(|(package, _)| package));
        used.dedup();
        let used = used
            .into_iter()
            .map(|name| packages.named(name))
            .collect::<Result<Vec<_>>>()?;
        let mut inputs = Inputs::default()
            .with_packages(used.iter().copied())
            .with(RECIPE)
            .with(INIT)
            .with(USERS)
            .with(GROUPS);
        for folder in &applications {
            inputs = inputs.with(folder.as_os_str().as_encoded_bytes());
        }
        let folder = cache.built("guest-image", &inputs, |into| {
            let work = cache.scratch()?;
            unpack(&used, work.path(), &cache.log("guest-image"))?;
            files::copy(&kernel(work.path())?, &into.join("kernel"))?;
            write_initramfs(work.path(), &applications, &into.join("initramfs"))
        })?;
        Ok(Self {
            kernel: folder.join("kernel"),
            initramfs: folder.join("initramfs"),
            client_export,
        })
    }
}

/// Lays out libteec as the build scripts of its users expect it. It has a folder of its own, because they run anew
/// where its name changes.
fn client_export(cache: &Cache, packages: &Packages) -> Result<PathBuf> {
    // The one has the link, the other what it points to.
    let used = [
        packages.named("optee-client-dev")?,
        packages.named("libteec2")?,
    ];
    let inputs = Inputs::default().with_packages(used);
    cache.built("client-library", &inputs, |into| {
        let work = cache.scratch()?;
        unpack(&used, work.path(), &cache.log("client-library"))?;
        let export = into.join("usr/lib");
        fs::create_dir_all(&export)?;
        let library = work.path().join(LIBRARIES).join("libteec.so");
        files::copy(&library, &export.join("libteec.so"))
    })
}

/// xtest's trusted applications, signed anew: our OP-TEE does not know the key that Debian's are signed with.
fn test_applications(cache: &Cache, packages: &Packages, optee: &Optee) -> Result<PathBuf> {
    let package = packages.named("optee-test-qemu")?;
    let kit = optee.dev_kit();
    let inputs = Inputs::default()
        .with_packages([package])
        .with(kit.as_os_str().as_encoded_bytes());
    cache.built("test-applications", &inputs, |into| {
        let log = cache.log("test-applications");
        let work = cache.scratch()?;
        unpack(&[package], work.path(), &log)?;
        sign_test_applications(work.path(), optee, into, &log)
    })
}

fn unpack(packages: &[&Package], into: &Path, log: &Path) -> Result<()> {
    for package in packages {
        package.unpack(into, log)?;
    }
    Ok(())
}

fn kernel(root: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(root.join("boot"))? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-"))
        {
            return Ok(path);
        }
    }
    bail!("the kernel package has no vmlinuz")
}

fn sign_test_applications(root: &Path, optee: &Optee, into: &Path, log: &Path) -> Result<()> {
    for entry in fs::read_dir(root.join(TRUSTED_APPLICATIONS))? {
        let path = entry?.path();
        let uuid = path
            .file_stem()
            .context("a trusted application has a name")?
            .to_string_lossy()
            .into_owned();
        let signed = files::read(&path)?;
        let Some(elf) = elf_of(&signed) else {
            // Encrypted: not ours to read.
            continue;
        };
        let plain = into.join(format!("{uuid}.elf"));
        fs::write(&plain, elf)?;
        optee.sign(&uuid, &plain, &into.join(format!("{uuid}.ta")), log)?;
        fs::remove_file(plain)?;
    }
    Ok(())
}

/// The ELF file in a signed trusted application: after the signed header (20 bytes, hash, signature) and, for a
/// bootstrap application, its UUID and version.
fn elf_of(signed: &[u8]) -> Option<&[u8]> {
    let word = |at: usize, length: usize| -> Option<usize> {
        let bytes = signed.get(at..at + length)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | usize::from(*byte)),
        )
    };
    if signed.get(..4)? != b"HSTO" {
        return None;
    }
    let (image, hash, signature) = (word(8, 4)?, word(16, 2)?, word(18, 2)?);
    let elf = signed.get(signed.len().checked_sub(image)?..)?;
    let header = signed.len() - image;
    (header >= 20 + hash + signature && elf.starts_with(b"\x7fELF")).then_some(elf)
}

fn write_initramfs(root: &Path, applications: &[PathBuf], into: &Path) -> Result<()> {
    let mut archive = Archive::new(BufWriter::new(File::create(into)?));
    for (path, mode) in [
        ("dev", 0o755),
        ("proc", 0o555),
        ("sys", 0o555),
        ("run", 0o755),
        ("tmp", 0o1777),
        ("root", 0o700),
        ("etc", 0o755),
        ("var/lib/optee-client", 0o755),
        ("usr/sbin", 0o755),
    ] {
        archive.directory(path, mode)?;
    }
    for (link, target) in [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib")] {
        archive.link(link, target)?;
    }
    archive.link(
        "usr/lib/ld-linux-aarch64.so.1",
        "aarch64-linux-gnu/ld-linux-aarch64.so.1",
    )?;
    archive.file("init", 0o755, INIT.as_bytes())?;
    archive.file("etc/passwd", 0o644, USERS.as_bytes())?;
    archive.file("etc/group", 0o644, GROUPS.as_bytes())?;
    for program in [
        "usr/bin/busybox",
        "usr/sbin/tee-supplicant",
        "usr/bin/xtest",
    ] {
        archive.copy(program, 0o755, &root.join(program))?;
    }
    for (_, library) in LIBRARY_FILES {
        let path = format!("{LIBRARIES}/{library}");
        archive
            .copy(&path, 0o755, &root.join(&path))
            .with_context(|| path.clone())?;
    }
    for module in MODULES {
        let packed = find(&root.join("usr/lib/modules"), &format!("{module}.ko.xz"))?
            .with_context(|| format!("the kernel package has no module {module}"))?;
        let plain = Command::new("xz")
            .arg("-dc")
            .arg(&packed)
            .output()
            .context("cannot start xz")?;
        ensure!(plain.status.success(), "cannot unpack {}", packed.display());
        archive.file(
            &format!("usr/lib/modules/{module}.ko"),
            0o644,
            &plain.stdout,
        )?;
    }
    for folder in applications {
        copy_all(&mut archive, folder, TRUSTED_APPLICATIONS)?;
    }
    copy_all(&mut archive, &root.join(PLUGINS), PLUGINS)?;
    archive.finish()?;
    Ok(())
}

fn copy_all(archive: &mut Archive<impl Write>, folder: &Path, place: &str) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .context("a file has a name")?
            .to_string_lossy()
            .into_owned();
        archive.copy(&format!("{place}/{name}"), mode_of(&path)?, &path)?;
    }
    Ok(())
}

fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if let Some(found) = find(&entry.path(), name)? {
                return Ok(Some(found));
            }
        } else if entry.file_name() == name {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elf_of_a_signed_application() {
        let header = |image: u8| {
            let mut header = b"HSTO\x01\0\0\0".to_vec();
            header.extend([image, 0, 0, 0, 0x30, 0x47, 0x41, 0x70, 4, 0, 3, 0]);
            header.extend([0xaa; 7 + 20]);
            header
        };
        let signed = [header(5), b"\x7fELF!".to_vec()].concat();
        assert_eq!(elf_of(&signed), Some(&b"\x7fELF!"[..]));
        assert_eq!(elf_of(&[header(5), b"crypt".to_vec()].concat()), None);
        assert_eq!(elf_of(&header(200)), None);
        assert_eq!(elf_of(b"short"), None);
    }
}
