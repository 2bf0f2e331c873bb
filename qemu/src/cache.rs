//! The folder of everything that `setup` makes, and the folders of single runs.
//!
//! ```text
//! ${CLAVIGER_CACHE:-${XDG_CACHE_HOME:-~/.cache}/claviger}/
//!   lock              held while something is being made
//!   signing-key.pem   this user's TA signing key (RSA-3072, mode 0600)
//!   apt/              the private apt's configuration and indices; apt-compiler/ where the compiler is fetched too
//!   downloads/HASH/   packages, by the SHA-256 that packages.lock wants
//!   built/NAME-KEY/   what was built, by the hash of its inputs
//!   logs/             one log per step
//!   runs/             one folder per boot, removed at its end; kept when the boot failed
//! ```

use std::env;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use fs_err::{self as fs, File};
use rustix::fs::{FlockOperation, flock, statvfs};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{process, report};

/// Room that a set-up from nothing needs: downloads, sources, builds and images.
const ROOM: u64 = 2 << 30;
const LOCK_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// Failed runs are kept for reading; older ones are swept.
const KEPT_RUNS: usize = 5;
const KEPT_BUILDS: usize = 3;
/// How much of the hash of its inputs names a built thing.
const KEY_LENGTH: usize = 16;

/// The cache folder.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the cache, making the folder if it is missing.
    pub(crate) fn open() -> Result<Self> {
        let root = match (
            env::var_os("CLAVIGER_CACHE"),
            env::var_os("XDG_CACHE_HOME"),
            env::var_os("HOME"),
        ) {
            (Some(root), _, _) => PathBuf::from(root),
            (None, Some(caches), _) => PathBuf::from(caches).join("claviger"),
            (None, None, Some(home)) => PathBuf::from(home).join(".cache/claviger"),
            (None, None, None) => {
                bail!("set CLAVIGER_CACHE to a folder: neither it nor HOME is set")
            }
        };
        for folder in ["downloads", "built", "logs", "runs", "apt"] {
            fs::create_dir_all(root.join(folder))?;
        }
        Ok(Self {
            root: fs::canonicalize(root)?,
        })
    }

    /// A path in the cache.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The log of a step.
    pub(crate) fn log(&self, step: &str) -> PathBuf {
        self.root.join("logs").join(format!("{step}.log"))
    }

    /// Keeps other runners from making the same things; released when dropped.
    pub(crate) fn lock(&self) -> Result<File> {
        let file = File::create(self.path("lock"))?;
        lock_within(&file, LOCK_DEADLINE, || {
            report::say("another runner is setting up; waiting for it");
        })
        .with_context(|| format!("the lock {}", self.path("lock").display()))?;
        Ok(file)
    }

    /// Refuses early when the disk is too full for a set-up.
    pub(crate) fn check_room(&self) -> Result<()> {
        let disk = statvfs(&self.root)
            .with_context(|| format!("no file system at {}", self.root.display()))?;
        let free = disk.f_bavail * disk.f_frsize;
        if free < ROOM {
            bail!(
                "{} MiB free at {}, {} MiB are needed: free some, or set CLAVIGER_CACHE to another disk",
                free >> 20,
                self.root.display(),
                ROOM >> 20
            );
        }
        Ok(())
    }

    /// The folder of a thing built from `inputs`, building it when it isn't there.
    ///
    /// It is built beside its place and renamed, so an interrupted build leaves nothing that looks whole.
    pub(crate) fn built(
        &self,
        name: &str,
        inputs: &Inputs,
        build: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let place = self
            .root
            .join("built")
            .join(format!("{name}-{}", inputs.key()));
        if place.is_dir() {
            // What is in use is not the oldest.
            File::open(&place)?.file().set_modified(SystemTime::now())?;
            return Ok(place);
        }
        let draft = tempfile::Builder::new()
            .prefix(&format!(".{name}-"))
            .tempdir_in(self.root.join("built"))?;
        fs::write(self.log(name), "")?;
        report::step(name, || build(draft.path()))?;
        let draft = draft.keep();
        fs::set_permissions(&draft, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        fs::rename(draft, &place)?;
        self.sweep_builds(name)?;
        Ok(place)
    }

    /// Removes what was built of other inputs, but for those used last: other checkouts may use them.
    fn sweep_builds(&self, name: &str) -> Result<()> {
        let is_sibling = |entry: &str| {
            let key = entry
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('-'));
            key.is_some_and(|key| {
                key.len() == KEY_LENGTH && key.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        };
        for old in oldest(&self.root.join("built"), KEPT_BUILDS, is_sibling)? {
            fs::remove_dir_all(old)?;
        }
        Ok(())
    }

    /// A folder for work that nobody needs afterwards.
    pub(crate) fn scratch(&self) -> Result<TempDir> {
        Ok(tempfile::Builder::new()
            .prefix(".work-")
            .tempdir_in(self.root.join("built"))?)
    }

    /// A folder for one run.
    pub(crate) fn run(&self) -> Result<RunFolder> {
        let runs = self.root.join("runs");
        self.sweep_runs(&runs)?;
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(runs)?;
        let lock = File::create(folder.path().join(RUN_LOCK))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(RunFolder {
            folder,
            _lock: lock,
        })
    }

    /// Removes what killed or failed runs left, but for the last few and those in use.
    fn sweep_runs(&self, runs: &Path) -> Result<()> {
        for run in oldest(runs, KEPT_RUNS, |_| true)? {
            let in_use = File::open(run.join(RUN_LOCK))
                .is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err());
            if !in_use {
                // Another runner may be sweeping the same folder.
                let _ = fs::remove_dir_all(&run);
            }
        }
        Ok(())
    }
}

/// The entries of a folder with such names, oldest first, without the newest `kept`.
fn oldest(folder: &Path, kept: usize, named: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut entries: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| {
            // Another runner may have removed it by now.
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .filter(|(_, path)| {
            path.file_name()
                .is_some_and(|name| named(&name.to_string_lossy()))
        })
        .collect();
    entries.sort();
    entries.truncate(entries.len().saturating_sub(kept));
    Ok(entries.into_iter().map(|(_, path)| path).collect())
}

/// The file in a run's folder that a live run holds locked.
const RUN_LOCK: &str = "lock";

/// A folder for one run; removed when dropped, unless it was kept.
#[derive(Debug)]
pub(crate) struct RunFolder {
    folder: TempDir,
    _lock: File,
}

impl RunFolder {
    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder for reading; a later run sweeps it.
    pub(crate) fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }
}

/// Takes an exclusive lock, trying again until the deadline; `waiting` is called once if it is not free.
pub(crate) fn lock_within(file: &File, deadline: Duration, waiting: impl FnOnce()) -> Result<()> {
    let mut waiting = Some(waiting);
    let started = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(waiting) = waiting.take() {
            waiting();
        }
        if started.elapsed() > deadline {
            bail!("another run still holds it after {} s", deadline.as_secs());
        }
        std::thread::sleep(process::POLL);
    }
}

/// What a built thing depends on, hashed into the name of its folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inputs(Sha256);

impl Inputs {
    /// Adds one input. Lengths are hashed too, so no two lists of inputs run into one another.
    pub(crate) fn with(mut self, input: impl AsRef<[u8]>) -> Self {
        let input = input.as_ref();
        self.0.update((input.len() as u64).to_le_bytes());
        self.0.update(input);
        self
    }

    fn key(&self) -> String {
        hex(&self.0.clone().finalize())[..KEY_LENGTH].to_owned()
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a file, in lower-case hexadecimal.
pub(crate) fn sha256(file: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    let mut file = File::open(file)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => digest.update(&buffer[..count]),
        }
    }
    Ok(hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a-1", "b-1", "a-2", "a-3"] {
            fs::write(folder.path().join(name), "").unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
        let old = oldest(folder.path(), 1, |name| name.starts_with("a-")).unwrap();
        assert_eq!(old, ["a-1", "a-2"].map(|name| folder.path().join(name)));
    }

    #[test]
    fn inputs_do_not_run_into_one_another() {
        assert_ne!(
            Inputs::default().with("ab").with("c").key(),
            Inputs::default().with("a").with("bc").key()
        );
        assert_eq!(
            Inputs::default().with("ab").key(),
            Inputs::default().with("ab").key()
        );
    }
}
