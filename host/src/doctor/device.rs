//! What lies under the trusted application on a device: driver, supplicant, file.

use std::{fs, io, path::Path};

use claviger_proto::TA_UUID;

use super::{Check, Verdict};
use crate::{
    Error, TransportError,
    transport::{Stage, error::SECURITY, optee},
};

/// Where tee-supplicant looks for trusted applications, in its order (Debian, upstream).
const TA_DIRECTORIES: [&str; 3] = [
    "/lib/optee_armtz",
    "/usr/lib/optee_armtz",
    "/usr/lib/tee/optee_armtz",
];
/// The signed header of a trusted application: "HSTO", little-endian 0x4f545348.
const TA_MAGIC: [u8; 4] = *b"HSTO";

pub(super) fn examine() -> Vec<Check> {
    vec![driver(), permission(), supplicant(), ta_file()]
}

fn driver() -> Check {
    if Path::new(optee::DEVICE).exists() {
        return Check::new("driver", Verdict::Ok, format!("{} is there", optee::DEVICE));
    }
    let loaded = Path::new("/sys/module/optee").exists() || Path::new("/sys/bus/tee").exists();
    let check = |finding: &str| {
        Check::new(
            "driver",
            Verdict::Fail,
            format!("{} is missing: {finding}", optee::DEVICE),
        )
    };
    if loaded {
        check("the driver is there, but found no OP-TEE")
            .advise("boot through firmware with OP-TEE; see `dmesg | grep -i optee`")
    } else {
        check("the kernel's driver is not loaded").advise("modprobe optee")
    }
}

fn permission() -> Check {
    match optee::diagnose_device(Path::new(optee::DEVICE)) {
        Ok(()) => Check::new("permission", Verdict::Ok, "this user may open the device"),
        Err(TransportError::NoDevice { .. }) => Check::new(
            "permission",
            Verdict::Warn,
            "cannot be told without a device",
        ),
        Err(error) => {
            let mut check = Check::new("permission", Verdict::Fail, super::chain(&error));
            check.advice = error.hint();
            check
        }
    }
}

fn supplicant() -> Check {
    let start = "start tee-supplicant (systemctl start tee-supplicant)";
    if !Path::new("/dev/teepriv0").exists() {
        return Check::new("supplicant", Verdict::Fail, "/dev/teepriv0 is missing")
            .advise("load the kernel's optee driver");
    }
    match supplicant_runs() {
        Ok(true) => Check::new("supplicant", Verdict::Ok, "tee-supplicant runs"),
        Ok(false) => {
            Check::new("supplicant", Verdict::Fail, "tee-supplicant does not run").advise(start)
        }
        Err(error) => Check::new(
            "supplicant",
            Verdict::Warn,
            format!("/proc cannot be read: {error}"),
        ),
    }
}

pub(super) fn supplicant_runs() -> io::Result<bool> {
    runs(Path::new("/proc"), "tee-supplicant")
}

/// Whether a process of this name runs.
fn runs(proc: &Path, name: &str) -> io::Result<bool> {
    for entry in fs::read_dir(proc)? {
        let comm = fs::read_to_string(entry?.path().join("comm"));
        // The kernel would cut a name after 15 bytes; this one is shorter.
        if comm.is_ok_and(|comm| comm.trim_end() == name) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ta_file() -> Check {
    let candidates = TA_DIRECTORIES.map(|dir| Path::new(dir).join(format!("{TA_UUID}.ta")));
    let Some(path) = candidates.iter().find(|path| path.exists()) else {
        let finding = format!("{TA_UUID}.ta is in none of {}", TA_DIRECTORIES.join(", "));
        return Check::new("ta-file", Verdict::Warn, finding)
            .advise("install it, unless tee-supplicant looks elsewhere or the TA is built in");
    };
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Check::new(
            "ta-file",
            Verdict::Ok,
            format!("{} is there, and not for this user to read", path.display()),
        ),
        Err(error) => Check::new(
            "ta-file",
            Verdict::Fail,
            format!("{} cannot be read: {error}", path.display()),
        )
        .advise("install it anew"),
        Ok(bytes) if bytes.get(..4) != Some(&TA_MAGIC) => Check::new(
            "ta-file",
            Verdict::Fail,
            format!("{} is no signed trusted application", path.display()),
        )
        .advise("install it anew"),
        Ok(bytes) => Check::new(
            "ta-file",
            Verdict::Ok,
            format!("{}, {} bytes", path.display(), bytes.len()),
        ),
    }
}

/// Narrows down why the trusted application did not open: does the TEE answer at all?
pub(super) fn tell_apart(error: &Error) -> Vec<Check> {
    let Error::Transport(TransportError::Tee {
        stage: Stage::Open,
        code,
        ..
    }) = error
    else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    match optee::tee_answers() {
        Err(error) => {
            checks.push(
                Check::new(
                    "tee",
                    Verdict::Fail,
                    format!("OP-TEE itself does not answer: {}", super::chain(&error)),
                )
                .advise("see the secure console"),
            );
        }
        Ok(()) => {
            checks.push(Check::new("tee", Verdict::Ok, "OP-TEE itself answers"));
            if *code == SECURITY {
                checks.push(
                    Check::new(
                        "cause",
                        Verdict::Fail,
                        "OP-TEE runs and refuses this trusted application: it is signed with a key \
                         that this OP-TEE does not know, or is older than one that ran here \
                         before, or the secure storage was rolled back, replaced or damaged",
                    )
                    .advise(
                        "the secure console says which: \"shdr\" or \"verify\" for the signature, \
                         \"ree_fs\", \"htree\" or \"rollback\" for the storage. If other trusted \
                         applications of this device fail alike, it is the storage",
                    ),
                );
            }
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_found_by_name() {
        let proc = tempfile::tempdir().unwrap();
        let comm = |pid: &str, name: &str| {
            fs::create_dir_all(proc.path().join(pid)).unwrap();
            fs::write(proc.path().join(pid).join("comm"), format!("{name}\n")).unwrap();
        };
        comm("1", "init");
        comm("2", "tee");
        assert!(!runs(proc.path(), "tee-supplicant").unwrap());
        comm("3", "tee-supplicant");
        assert!(runs(proc.path(), "tee-supplicant").unwrap());
    }
}
