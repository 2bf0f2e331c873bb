//! `claviger` in a shell, as one user or another.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::{Device, program};

/// A user who owns nothing here, and another.
pub(crate) const USER: u32 = 61_001;
pub(crate) const OTHER: u32 = 61_002;

/// A device that anyone opens, with a key to seal, one to sign and one for authentication.
pub(crate) fn device() -> Device {
    let device = Device::with_keys(&[("s", "aes-256-siv"), ("id", "ed25519")]);
    device.line(
        "import d --algorithm kdf-cmac --children aes-128-cmac --export-derived",
        &[7; 32],
    );
    device.write("plain", b"what is sealed");
    open_all(&device.path(""));
    device
}

/// Lets everybody in, with all files.
fn open_all(directory: &Path) {
    fs::set_permissions(directory, Permissions::from_mode(0o777)).unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            open_all(&path);
        } else {
            fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
        }
    }
}

/// `claviger` in a shell, as this user of Linux; it speaks for uid 0 on the device.
pub(crate) fn shell_as(device: &Device, uid: u32, script: &str) -> Output {
    // Its user's alone, and here several.
    open_all(&device.store());
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("umask 022; {script}")])
        .env("CLAVIGER_EMULATOR", device.store())
        .env("CLAVIGER_EMULATOR_UID", "0")
        .env("claviger", program())
        .current_dir(device.path(""))
        .stdin(Stdio::null());
    if uid != 0 {
        command.uid(uid).gid(uid);
    }
    command.output().unwrap()
}

/// The exit code of a command line as this user, and stderr.
pub(crate) fn run_as(device: &Device, uid: u32, line: &str) -> (i32, String) {
    let output = shell_as(device, uid, &format!("exec $claviger {line}"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code().expect("an exit code"), stderr)
}

/// As root is where others' files can be had. Said, where it is not so.
pub(crate) fn is_root(test: &str) -> bool {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !root {
        eprintln!("SKIPPED: {test} needs root");
    }
    root
}

pub(crate) fn make(path: &Path, owner: u32, mode: u32, text: &[u8]) {
    fs::write(path, text).unwrap();
    chown(path, Some(owner), Some(owner)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A kernel's setting, as it was again afterwards.
pub(crate) struct Setting(PathBuf, String);

impl Setting {
    pub(crate) fn on(name: &str) -> Setting {
        let path = Path::new("/proc/sys/fs").join(name);
        let before = fs::read_to_string(&path).unwrap();
        fs::write(&path, "1").unwrap();
        Setting(path, before)
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        fs::write(&self.0, &self.1).unwrap();
    }
}
