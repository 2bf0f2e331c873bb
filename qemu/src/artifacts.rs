//! What of this workspace goes into the guest: cross-built by cargo, brought up to date before every boot.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use serde::Deserialize;

use crate::cache::sha256;
use crate::process;
use crate::report;
use crate::setup::Platform;
use crate::toolchain::{TARGET, Toolchain};

/// The trusted application's name among OP-TEE's.
const TA_UUID: &str = "6920a19f-12e2-4bf9-8ea2-4abc01c722a9";
/// The folder in which cargo builds for the guest.
pub(crate) const DEVICE: &str = "device";
/// The platform's processor has these; bulk cryptography without them is some fifty times slower.
const TA_RUSTFLAGS: &str = "-C target-feature=+aes,+sha2";

/// The two halves of Claviger, for the guest.
#[derive(Debug)]
pub(crate) struct Claviger {
    /// The signed trusted application.
    pub(crate) ta: PathBuf,
    /// What was signed.
    pub(crate) elf: PathBuf,
    /// The client `claviger`.
    pub(crate) cli: PathBuf,
}

/// Which trusted application to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// As for a device.
    Plain,
    /// With `info` showing how far heap and stack were used, and with an end on request.
    Marks,
    /// As for a device, with its symbols.
    Symbols,
    /// As [`Flavour::Marks`], for a processor without instructions for AES and SHA.
    Soft,
}

impl Claviger {
    /// The trusted application's name in the guest.
    pub(crate) fn ta_name() -> String {
        format!("{TA_UUID}.ta")
    }

    /// Builds and signs.
    pub(crate) fn build(platform: &Platform, flavour: Flavour) -> Result<Self> {
        let (elf, ta) = trusted_application(platform, flavour)?;
        let mut cargo = cargo(platform, "build");
        cargo.args([
            "-p",
            "claviger",
            "--bin",
            "claviger",
            "--no-default-features",
            "--features",
            "cli,optee",
        ]);
        let cli = only(executables(cargo.arg("--release"), platform, "the client")?)?;
        let cli = cli.path;
        for file in [&cli, &elf] {
            refuse_emulator(&fs::read(file)?).with_context(|| file.display().to_string())?;
        }
        Ok(Self { ta, elf, cli })
    }
}

/// The test binaries of the end-to-end suite.
pub(crate) fn tests(platform: &Platform) -> Result<Vec<Executable>> {
    let mut cargo = cargo(platform, "test");
    cargo.args([
        "--no-run",
        "-p",
        "claviger-tests",
        "--no-default-features",
        "--features",
        "optee",
        "--profile",
        "suite",
    ]);
    let tests: Vec<_> = executables(&mut cargo, platform, "the end-to-end suite")?
        .into_iter()
        .filter(|executable| executable.is_test)
        .collect();
    ensure!(!tests.is_empty(), "claviger-tests has no test binaries");
    Ok(tests)
}

/// A program of the end-to-end package, which runs in the guest, as its tests are built.
pub(crate) fn program(platform: &Platform, name: &str) -> Result<PathBuf> {
    build_program(&mut cargo(platform, "build"), platform, name, "suite")
}

/// As [`program`], as a program of a device is built: what is measured.
pub(crate) fn measured_program(platform: &Platform, name: &str) -> Result<PathBuf> {
    build_program(&mut cargo(platform, "build"), platform, name, "release")
}

/// A shared library for the guest: all of a package.
pub(crate) fn library(platform: &Platform, package: &str) -> Result<PathBuf> {
    let mut cargo = cargo(platform, "build");
    cargo.args(["-p", package, "--lib", "--profile", "suite"]);
    Ok(only(executables(&mut cargo, platform, package)?)?.path)
}

/// As [`measured_program`], with its symbols.
pub(crate) fn program_with_symbols(platform: &Platform, name: &str) -> Result<PathBuf> {
    let mut cargo = cargo_in(platform, "build", "device-symbols");
    cargo.env("CARGO_PROFILE_RELEASE_STRIP", "none");
    build_program(&mut cargo, platform, name, "release")
}

fn build_program(
    cargo: &mut Command,
    platform: &Platform,
    name: &str,
    profile: &str,
) -> Result<PathBuf> {
    cargo.args([
        "-p",
        "claviger-tests",
        "--bin",
        name,
        "--no-default-features",
        "--features",
        "optee",
        "--profile",
        profile,
    ]);
    let path = only(executables(cargo, platform, name)?)?.path;
    refuse_emulator(&fs::read(&path)?).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Refuses what was built for a device with an emulator in it: such a program would take keys that lie in a folder for
/// the device's, if its environment says so.
fn refuse_emulator(program: &[u8]) -> Result<()> {
    // As in `host/src/transport/emulator.rs`.
    let mark = b"claviger: an emulator is in here";
    let marked = program.windows(mark.len()).any(|bytes| bytes == mark);
    ensure!(!marked, "it was built with an emulator");
    Ok(())
}

/// Something that cargo built.
#[derive(Debug)]
pub(crate) struct Executable {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    is_test: bool,
}

/// The workspace's root folder.
pub(crate) fn workspace() -> PathBuf {
    // Cargo says where the package is; without cargo, it is where it was compiled.
    let package =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package)
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default()
}

/// A plain cargo in the workspace, without the environment that cargo gave this program.
pub(crate) fn plain_cargo() -> Command {
    plain(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A `cargo clippy` that compiles with `toolchain`.
pub(crate) fn plain_clippy(toolchain: &Toolchain) -> Command {
    let mut clippy = toolchain
        .clippy()
        .map_or_else(plain_cargo, |program| plain(program.into_os_string()));
    clippy.arg("clippy");
    clippy
}

fn plain(program: OsString) -> Command {
    let mut cargo = Command::new(program);
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo.current_dir(workspace());
    cargo
}

/// A cargo that builds for the guest, all in one folder: what several of them need is built once.
fn cargo(platform: &Platform, verb: &str) -> Command {
    cargo_in(platform, verb, DEVICE)
}

fn cargo_in(platform: &Platform, verb: &str, folder: &str) -> Command {
    let mut cargo = plain_cargo();
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        cargo.env_remove(flags);
    }
    cargo.args([
        verb,
        "--target",
        TARGET,
        "--message-format",
        "json-render-diagnostics",
        "--target-dir",
    ]);
    cargo.arg(build_folder(&platform.toolchain, folder));
    device_environment(&mut cargo, platform);
    cargo
}

/// Chooses the compiler, and tells the build scripts of OP-TEE's crates where its libraries are.
pub(crate) fn device_environment(cargo: &mut Command, platform: &Platform) {
    platform.toolchain.choose_for(cargo);
    cargo.env("TA_DEV_KIT_DIR", platform.firmware.optee.dev_kit());
    cargo.env("OPTEE_CLIENT_EXPORT", &platform.image.client_export);
    cargo.env(
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
        "aarch64-linux-gnu-gcc",
    );
}

/// A build folder for the guest's programs.
pub(crate) fn build_folder(toolchain: &Toolchain, name: &str) -> PathBuf {
    target_folder().join(toolchain.folder()).join(name)
}

/// The folder that everything is built in.
pub(crate) fn target_folder() -> PathBuf {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    workspace().join(target)
}

/// The trusted application as it was linked, and signed. Each flavour has a folder of its own for these two: cargo
/// links all of them to one place.
fn trusted_application(platform: &Platform, flavour: Flavour) -> Result<(PathBuf, PathBuf)> {
    let (features, folder) = match flavour {
        Flavour::Plain => ("optee", "ta"),
        Flavour::Marks => ("optee,marks,panic", "ta-marks"),
        Flavour::Symbols => ("optee", "ta-symbols"),
        Flavour::Soft => ("optee,marks,panic", "ta-soft"),
    };
    let mut cargo = cargo(platform, "build");
    if flavour == Flavour::Symbols {
        cargo.env("CARGO_PROFILE_TA_STRIP", "none");
    }
    if flavour != Flavour::Soft {
        cargo.env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
            TA_RUSTFLAGS,
        );
    }
    cargo.args([
        "-p",
        "claviger-ta",
        "--bin",
        "claviger-ta",
        "--features",
        features,
        "--profile",
        "ta",
    ]);
    let elf = only(executables(
        &mut cargo,
        platform,
        "the trusted application",
    )?)?
    .path;
    let folder = build_folder(&platform.toolchain, folder);
    fs::create_dir_all(&folder)?;
    let linked = tempfile::NamedTempFile::new_in(&folder)?;
    fs::copy(elf, linked.path())?;
    let elf = folder.join("linked.elf");
    linked.persist(&elf)?;
    let signed = sign(platform, &elf, &folder)?;
    Ok((elf, signed))
}

/// Signs a trusted application, unless exactly this was signed before.
fn sign(platform: &Platform, elf: &Path, folder: &Path) -> Result<PathBuf> {
    let signed = folder.join(Claviger::ta_name());
    let mark = folder.join("signed");
    let optee = &platform.firmware.optee;
    let wanted = format!("{} {}", sha256(elf)?, optee.dev_kit().display());
    if signed.exists() && fs::read_to_string(&mark).is_ok_and(|mark| mark == wanted) {
        return Ok(signed);
    }
    refuse_shared_libraries(elf)?;
    let draft = tempfile::NamedTempFile::new_in(folder)?;
    optee.sign(TA_UUID, elf, draft.path(), &platform.cache.log("signing"))?;
    draft.persist(&signed)?;
    fs::write(mark, wanted)?;
    Ok(signed)
}

/// OP-TEE's loader refuses a trusted application that wants a shared library, with an error that does not say so.
fn refuse_shared_libraries(elf: &Path) -> Result<()> {
    let dynamic = process::output(
        Command::new("aarch64-linux-gnu-readelf")
            .args(["-d", "-W"])
            .arg(elf),
    )?;
    let needed: Vec<&str> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .collect();
    ensure!(
        needed.is_empty(),
        "{} wants shared libraries, which OP-TEE refuses:\n{}",
        elf.display(),
        needed.join("\n")
    );
    Ok(())
}

fn only(executables: Vec<Executable>) -> Result<Executable> {
    let count = executables.len();
    let mut executables = executables.into_iter();
    match (executables.next(), count) {
        (Some(executable), 1) => Ok(executable),
        _ => bail!("cargo built {count} executables where one was expected"),
    }
}

/// Runs cargo and returns the executables it names. Cargo's own words reach stderr only where it had something to do.
fn executables(cargo: &mut Command, platform: &Platform, what: &str) -> Result<Vec<Executable>> {
    cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = cargo.spawn().context("cannot start cargo")?;
    let stderr = child.stderr.take().context("cargo's stderr is piped")?;
    let building = format!(
        "building {what} for the guest with {} ...",
        platform.toolchain
    );
    let progress = thread::spawn(move || show_progress(stderr, &building));
    let mut messages = String::new();
    child
        .stdout
        .take()
        .context("cargo's stdout is piped")?
        .read_to_string(&mut messages)?;
    let status = child.wait()?;
    // It only prints; a panic there was printed too.
    let _ = progress.join();
    ensure!(
        status.success(),
        "cannot build {what} for the guest: cargo failed ({status})"
    );
    Ok(messages.lines().filter_map(executable).collect())
}

fn show_progress(stderr: impl Read, building: &str) {
    let mut said = false;
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let word = line.trim_start().split(' ').next().unwrap_or_default();
        match word {
            "Compiling" if said => {}
            "Compiling" => {
                said = true;
                report::say(building);
            }
            "Finished" | "Executable" | "Fresh" | "Downloading" | "Downloaded" | "Blocking" => {}
            _ => eprintln!("{line}"),
        }
    }
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

fn executable(line: &str) -> Option<Executable> {
    let message: Message = serde_json::from_str(line).ok()?;
    let target = message.target?;
    if message.reason != "compiler-artifact"
        || target.kind.iter().any(|kind| kind == "custom-build")
    {
        return None;
    }
    // Of a shared library cargo names files only.
    let library = target.kind.iter().any(|kind| kind == "cdylib");
    let library = message.filenames.into_iter().next().filter(|_| library);
    Some(Executable {
        name: target.name,
        path: message.executable.or(library)?,
        is_test: message.profile?.test,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The workstation's tests see to it that what has an emulator has this mark.
    #[test]
    fn a_program_with_an_emulator_is_none_for_a_device() {
        let program = |middle: &str| format!("ELF{middle}rest").into_bytes();
        assert!(refuse_emulator(&program("claviger: ")).is_ok());
        assert!(refuse_emulator(&program("claviger: an emulator is in here\0")).is_err());
    }

    #[test]
    fn executables_among_cargos_messages() {
        let artifact = r#"{"reason":"compiler-artifact","target":{"name":"t","kind":["test"]},"profile":{"test":true},"executable":"/x/t-1"}"#;
        let found = executable(artifact).unwrap();
        assert_eq!(
            (found.name.as_str(), found.path.as_path(), found.is_test),
            ("t", Path::new("/x/t-1"), true)
        );
        let artifact = r#"{"reason":"compiler-artifact","target":{"name":"l","kind":["cdylib"]},"profile":{"test":false},"filenames":["/x/l.so"],"executable":null}"#;
        assert_eq!(executable(artifact).unwrap().path, Path::new("/x/l.so"));
        for line in [
            r#"{"reason":"build-finished","success":true}"#,
            r#"{"reason":"compiler-artifact","target":{"name":"l","kind":["lib"]},"profile":{"test":false},"executable":null}"#,
            "not json",
        ] {
            assert!(executable(line).is_none(), "{line}");
        }
    }
}
