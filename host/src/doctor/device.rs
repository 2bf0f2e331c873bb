//! What lies under the trusted application on a device: driver, supplicant, file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use claviger_proto::TA_UUID;

use super::{Check, Verdict};
use crate::{
    Error, TransportError,
    process::PerProcess,
    transport::{
        Stage,
        error::{ACCESS_CONFLICT, CORRUPT_OBJECT, SECURITY},
        optee,
    },
};

/// Where tee-supplicant looks for trusted applications, in its order (Debian, upstream).
const TA_DIRECTORIES: [&str; 3] = [
    "/lib/optee_armtz",
    "/usr/lib/optee_armtz",
    "/usr/lib/tee/optee_armtz",
];
/// Where tee-supplicant keeps the store (Debian, Yocto, upstream).
const STORES: [&str; 3] = [
    "/var/lib/optee-client/data/tee",
    "/var/lib/tee",
    "/data/tee",
];
/// The signed header of a trusted application: "HSTO", little-endian 0x4f545348.
const TA_MAGIC: [u8; 4] = *b"HSTO";
const SUPPLICANT: &str = "tee-supplicant";

/// What OP-TEE's helper in Linux does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Helper {
    Runs,
    Stopped,
    Absent,
}

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
    if !Path::new("/dev/teepriv0").exists() {
        return Check::new("supplicant", Verdict::Fail, "/dev/teepriv0 is missing")
            .advise("load the kernel's optee driver");
    }
    let fail = |finding, error: TransportError| {
        let mut check = Check::new("supplicant", Verdict::Fail, finding);
        check.advice = error.hint();
        check
    };
    match helper(Path::new("/proc"), SUPPLICANT) {
        Ok((Helper::Runs, _)) => Check::new("supplicant", Verdict::Ok, "tee-supplicant runs"),
        Ok((Helper::Stopped, _)) => fail(
            "tee-supplicant is stopped",
            TransportError::SupplicantStopped,
        ),
        Ok((Helper::Absent, _)) => {
            fail("tee-supplicant does not run", TransportError::NoSupplicant)
        }
        Err(error) => Check::new(
            "supplicant",
            Verdict::Warn,
            format!("/proc cannot be read: {error}"),
        ),
    }
}

/// Why a call into the TEE does not end, if that is for want of tee-supplicant.
pub(crate) fn stalled() -> Option<TransportError> {
    /// Where it was found running.
    static LAST: PerProcess<Mutex<Option<PathBuf>>> = PerProcess::new();
    let mut last = LAST
        .here(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let runs = |process: &Path| state(process, SUPPLICANT) == Some(Helper::Runs);
    if last.as_deref().is_some_and(runs) {
        return None;
    }
    match helper(Path::new("/proc"), SUPPLICANT) {
        Ok((Helper::Absent, _)) => Some(TransportError::NoSupplicant),
        Ok((Helper::Stopped, _)) => Some(TransportError::SupplicantStopped),
        Ok((Helper::Runs, process)) => {
            *last = process;
            None
        }
        Err(_) => None,
    }
}

/// What the process of this name does, and where it was found.
fn helper(proc: &Path, name: &str) -> io::Result<(Helper, Option<PathBuf>)> {
    let mut found = (Helper::Absent, None);
    for entry in fs::read_dir(proc)? {
        let process = entry?.path();
        match state(&process, name) {
            Some(Helper::Runs) => return Ok((Helper::Runs, Some(process))),
            Some(Helper::Stopped) => found = (Helper::Stopped, Some(process)),
            Some(Helper::Absent) | None => {}
        }
    }
    Ok(found)
}

/// What this process does, if it has this name.
fn state(process: &Path, name: &str) -> Option<Helper> {
    // "PID (NAME) STATE ...". The kernel would cut a name after 15 bytes; this one is shorter.
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let (_, rest) = stat.split_once(&format!(" ({name}) "))?;
    Some(match rest.as_bytes().first()? {
        // Dead, and nobody has asked yet what of.
        b'Z' | b'X' => Helper::Absent,
        b'T' | b't' => Helper::Stopped,
        _ => Helper::Runs,
    })
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

/// Narrows down why the trusted application did not open: does the TEE answer at all, and is it
/// the store?
pub(super) fn tell_apart(error: &Error) -> Vec<Check> {
    let Some(ours) = code_of(error) else {
        return Vec::new();
    };
    if let Err(error) = optee::tee_answers() {
        let finding = format!("OP-TEE itself does not answer: {}", super::chain(&error));
        return vec![Check::new("tee", Verdict::Fail, finding).advise("see the secure console")];
    }
    let mut checks = vec![Check::new("tee", Verdict::Ok, "OP-TEE itself answers")];
    let store = match optee::store_answers() {
        Ok(()) => None,
        Err(TransportError::Tee { code, .. }) => Some(code),
        // Nothing that tells of the store.
        Err(_) => return checks,
    };
    checks.extend(cause(ours, store));
    if store.is_some() {
        checks.extend(STORES.iter().find_map(|store| directory(Path::new(store))));
    }
    checks
}

fn code_of(error: &Error) -> Option<u32> {
    match error {
        Error::Transport(TransportError::Tee {
            stage: Stage::Open,
            code,
            ..
        }) => Some(*code),
        _ => None,
    }
}

/// The cause, by what OP-TEE answered for ours and for an application that nobody has, if it can
/// tell that it has none.
fn cause(ours: u32, store: Option<u32>) -> Option<Check> {
    const PUT_BACK: &str = "put the newest store of this device back, all of its files together; \
                            if there is none, the keys are lost: provision the device anew, \
                            counter and store together";
    let (finding, advice) = match (ours, store) {
        (_, Some(SECURITY)) => (
            "OP-TEE's secure storage was rolled back, emptied or replaced: its directory dirf.db \
             is missing, or older than the platform's counter, or has a damaged head",
            PUT_BACK,
        ),
        (_, Some(CORRUPT_OBJECT)) => (
            "OP-TEE's secure storage is not authentic: its directory dirf.db, or its list of \
             installed applications, is damaged or another device's",
            PUT_BACK,
        ),
        (CORRUPT_OBJECT, None) => (
            "OP-TEE's record of the versions of trusted applications (ta_ver.db, an object of its \
             store) is damaged or lost, so it opens none; the keys are untouched",
            "put the store's files back as they were when a trusted application was last \
             installed or updated, and leave the vault's as they are",
        ),
        (SECURITY, None) => (
            "the trusted application is not signed with a key that this OP-TEE knows",
            "install one that is signed with the key that this OP-TEE was built with",
        ),
        (ACCESS_CONFLICT, None) => (
            "the trusted application is older than one that ran here before",
            "install that version again, or a newer one",
        ),
        _ => return None,
    };
    Some(Check::new("cause", Verdict::Fail, finding).advise(advice))
}

/// What is missing of the files in which tee-supplicant keeps the store, where they can be seen.
fn directory(store: &Path) -> Option<Check> {
    fs::read_dir(store).ok()?;
    let index = store.join("dirf.db");
    (!index.exists()).then(|| {
        let finding = format!("{} is missing", index.display());
        Check::new("directory", Verdict::Fail, finding)
            .advise("put it back, with the other files of the same moment")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_found_by_name() {
        let proc = tempfile::tempdir().unwrap();
        let process = |pid: &str, name: &str, state: char| {
            let folder = proc.path().join(pid);
            fs::create_dir_all(&folder).unwrap();
            let stat = format!("{pid} ({name}) {state} 1 1 1 0 -1 4194560\n");
            fs::write(folder.join("stat"), stat).unwrap();
        };
        let found = || helper(proc.path(), SUPPLICANT).unwrap().0;
        fs::create_dir(proc.path().join("sys")).unwrap();
        process("1", "init", 'S');
        process("2", "tee", 'S');
        assert_eq!(found(), Helper::Absent);
        process("3", "tee-supplicant", 'Z');
        assert_eq!(found(), Helper::Absent);
        process("4", "tee-supplicant", 'T');
        assert_eq!(found(), Helper::Stopped);
        process("5", "tee-supplicant", 'S');
        assert_eq!(found(), Helper::Runs);
    }

    #[test]
    fn each_cause_is_named() {
        let named = |ours, store| {
            cause(ours, store).map(|check| {
                assert!(check.advice.is_some());
                check.finding
            })
        };
        let says = |ours, store, what: &str| {
            let finding = named(ours, store).unwrap();
            assert!(finding.contains(what), "{finding}");
        };
        says(SECURITY, Some(SECURITY), "rolled back");
        says(CORRUPT_OBJECT, Some(CORRUPT_OBJECT), "dirf.db");
        says(CORRUPT_OBJECT, None, "ta_ver.db");
        says(SECURITY, None, "signed");
        says(ACCESS_CONFLICT, None, "older");
        assert_eq!(named(0xFFFF_0000, None), None);
    }

    #[test]
    fn a_missing_directory_is_seen() {
        let store = tempfile::tempdir().unwrap();
        assert!(directory(&store.path().join("absent")).is_none());
        assert!(directory(store.path()).is_some());
        fs::write(store.path().join("dirf.db"), "").unwrap();
        assert!(directory(store.path()).is_none());
    }
}
