//! The verb `exec`: one command in a guest, as if it ran here.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::artifacts::{Claviger, Flavour};
use crate::cli::ExecOptions;
use crate::device::Device;
use crate::files;
use crate::guest::{Boot, Guest, Job};
use crate::machine::Log;
use crate::setup::Platform;

/// Runs the command and returns its exit status.
pub(crate) fn exec(options: &ExecOptions) -> Result<u8> {
    let platform = Platform::ready()?;
    let claviger = if options.bare {
        None
    } else {
        Some(Claviger::build(&platform, Flavour::Plain)?)
    };
    let folder = platform.cache.run()?;
    let disk = options
        .disk
        .clone()
        .unwrap_or_else(|| folder.path().join("disk"));
    let device = Device::open(&platform, &disk, options.disk_size)?;
    let stdin = options
        .stdin
        .as_deref()
        .map(|file| Input::new(file, folder.path()))
        .transpose()?;

    let mut boot = Boot::new(&device, claviger.as_ref());
    boot.processors = if options.icount { 1 } else { options.smp };
    boot.mebibytes = options.memory;
    boot.icount = options.icount;
    boot.files = options
        .put
        .iter()
        .map(|put| (put.from.clone(), put.to.clone()))
        .collect();
    boot.stdin = stdin.as_ref().and_then(Input::disk);

    let mut job = Job::new(options.uid, &options.command);
    job.stdin = stdin.as_ref().and_then(Input::size);
    job.environment.clone_from(&options.env);

    let mut guest = Guest::boot(&platform, &boot)?;
    let deadline = Duration::from_secs(options.timeout);
    let status = guest.run(&job, &mut io::stdout(), &mut io::stderr(), deadline)?;
    if let Some(logs) = &options.logs {
        fs::create_dir_all(logs)?;
        for log in [Log::Linux, Log::Secure, Log::Qemu] {
            files::copy(&guest.log(log), &log.file(logs))?;
        }
    }
    guest.off()?;
    Ok(status)
}

/// A file that the command reads as its stdin.
struct Input {
    file: PathBuf,
    size: u64,
}

impl Input {
    /// A regular file is used where it is; anything else (a pipe, a terminal) is read to its end first.
    fn new(file: &Path, folder: &Path) -> Result<Self> {
        let metadata = fs::metadata(file)?;
        ensure!(!metadata.is_dir(), "{} is a folder", file.display());
        if metadata.is_file() {
            fs::File::open(file)?;
            return Ok(Self {
                file: fs::canonicalize(file)?,
                size: metadata.len(),
            });
        }
        let copy = folder.join("stdin");
        let size = io::copy(&mut fs::File::open(file)?, &mut fs::File::create(&copy)?)?;
        Ok(Self { file: copy, size })
    }

    /// The disk that carries it; a disk can't be empty.
    fn disk(&self) -> Option<&Path> {
        (self.size > 0).then_some(&self.file)
    }

    fn size(&self) -> Option<u64> {
        (self.size > 0).then_some(self.size)
    }
}
