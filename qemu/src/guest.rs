//! A running guest: booting it, running commands in it, ending it. The other side is `qemu/guest/init`.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::Engine;
use fs_err::File;

use crate::artifacts::Claviger;
use crate::cache::{RunFolder, hex};
use crate::cpio::{Archive, mode_of};
use crate::device::Device;
use crate::guest_image::TRUSTED_APPLICATIONS;
use crate::machine::{Log, Machine, Running};
use crate::setup::Platform;

/// From power-on to a guest that takes commands: 2 s on an idle machine.
const BOOT_DEADLINE: Duration = Duration::from_secs(120);
const MARK_DEADLINE: Duration = Duration::from_secs(120);
const OFF_DEADLINE: Duration = Duration::from_secs(60);
/// One processor is fastest where the host has few: OP-TEE's way through tee-supplicant is one thread's work, and an
/// idle second processor slows its emulation several times.
pub(crate) const PROCESSORS: u8 = 1;
const TOKEN_LENGTH: usize = 32;

/// What a guest is booted with.
#[derive(Debug)]
pub(crate) struct Boot<'a> {
    pub(crate) processors: u8,
    pub(crate) mebibytes: u32,
    pub(crate) icount: bool,
    /// The device to boot. Its lock is held by whoever opened it.
    pub(crate) device: &'a Device,
    /// Keeps the store in the guest's memory instead of on the device's disk.
    pub(crate) store_in_memory: bool,
    pub(crate) stdin: Option<&'a Path>,
    /// A disk without a file system, for notes that no file system's state has part in.
    pub(crate) journal: Option<&'a Path>,
    pub(crate) console: bool,
    /// Lets QEMU be told what to do while it runs.
    pub(crate) monitor: bool,
    /// Claviger's own two files; a guest without them is for tests of the runner.
    pub(crate) claviger: Option<&'a Claviger>,
    /// More files: from, to.
    pub(crate) files: Vec<(PathBuf, String)>,
}

impl<'a> Boot<'a> {
    /// The usual guest.
    pub(crate) fn new(device: &'a Device, claviger: Option<&'a Claviger>) -> Self {
        Self {
            processors: PROCESSORS,
            mebibytes: 1024,
            icount: false,
            device,
            store_in_memory: false,
            stdin: None,
            journal: None,
            console: false,
            monitor: false,
            claviger,
            files: Vec::new(),
        }
    }
}

/// A command for the guest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Job {
    pub(crate) uid: u32,
    /// How many bytes of the disk "stdin" it is fed.
    pub(crate) stdin: Option<u64>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) words: Vec<OsString>,
}

impl Job {
    /// A command as this user.
    pub(crate) fn new(uid: u32, words: &[impl AsRef<OsStr>]) -> Self {
        Self {
            uid,
            words: words.iter().map(|word| word.as_ref().to_owned()).collect(),
            ..Self::default()
        }
    }

    /// The script that becomes the command. Every word is quoted, so the shell interprets nothing in it.
    fn script(&self) -> Vec<u8> {
        let mut script = b"#!/bin/sh\ncd /tmp\nexport HOME=/tmp SHELL=/bin/sh\n".to_vec();
        for (name, value) in &self.environment {
            script.extend_from_slice(format!("export {name}=").as_bytes());
            quote(value.as_bytes(), &mut script);
            script.push(b'\n');
        }
        script.extend_from_slice(b"exec");
        for word in &self.words {
            script.push(b' ');
            quote(word.as_bytes(), &mut script);
        }
        script.push(b'\n');
        script
    }
}

/// Quotes a word for a POSIX shell: everything within single quotes is itself, but for the single quote.
fn quote(word: &[u8], into: &mut Vec<u8>) {
    into.push(b'\'');
    for byte in word {
        match byte {
            b'\'' => into.extend_from_slice(b"'\\''"),
            byte => into.push(*byte),
        }
    }
    into.push(b'\'');
}

/// A booted guest. Dropping it cuts its power.
#[derive(Debug)]
pub(crate) struct Guest {
    machine: Running,
    control: Control,
    stdout: UnixStream,
    stderr: UnixStream,
    monitor: Option<UnixStream>,
    folder: RunFolder,
}

impl Guest {
    /// Boots and waits until the guest takes commands.
    pub(crate) fn boot(platform: &Platform, boot: &Boot<'_>) -> Result<Self> {
        let folder = platform.cache.run()?;
        let own = folder.path().join("own.cpio");
        write_own_archive(boot, &own)?;
        let machine = Machine {
            processors: boot.processors,
            mebibytes: boot.mebibytes,
            icount: boot.icount,
            kernel: &platform.image.kernel,
            initramfs: &[&platform.image.initramfs, &own],
            flash: &boot.device.flash,
            disk: (!boot.store_in_memory).then_some(boot.device.disk.as_path()),
            stdin: boot.stdin,
            journal: boot.journal,
            console: boot.console,
            monitor: boot.monitor,
            folder: folder.path(),
        };
        let (machine, ports) = machine.start()?;
        let mut guest = Self {
            machine,
            control: Control(BufReader::new(ports.control)),
            stdout: ports.stdout,
            stderr: ports.stderr,
            monitor: ports.monitor,
            folder,
        };
        let ready = guest
            .control
            .line(BOOT_DEADLINE)
            .and_then(|line| match line.as_str() {
                "ready" => Ok(()),
                other => bail!("the guest says: {other}"),
            });
        guest.explain(ready.context("the guest did not boot"))?;
        Ok(guest)
    }

    /// Runs a command; its output goes to the writers as it comes. Returns its exit status.
    pub(crate) fn run(
        &mut self,
        job: &Job,
        stdout: &mut (dyn Write + Send),
        stderr: &mut (dyn Write + Send),
        deadline: Duration,
    ) -> Result<u8> {
        let result = self.try_run(job, stdout, stderr, deadline);
        self.explain(result)
    }

    /// Runs a command and keeps its output.
    pub(crate) fn capture(&mut self, job: &Job, deadline: Duration) -> Result<Output> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = self.run(job, &mut stdout, &mut stderr, deadline)?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Gives the console to an interactive shell, until it ends.
    pub(crate) fn shell(&mut self, rows: u16, columns: u16, terminal: &str) -> Result<()> {
        self.control
            .send(&format!("shell {rows} {columns} {terminal}"))?;
        let status = self
            .control
            .line(Duration::MAX)
            .and_then(|line| exit_status(&line));
        self.explain(status.map(|_| ()))
    }

    /// Unmounts, powers off and waits for it.
    pub(crate) fn off(mut self) -> Result<()> {
        let result = self.try_off();
        self.explain(result.context("the guest did not end well"))
    }

    /// QEMU's monitor, where it was asked for.
    pub(crate) fn monitor(&self) -> Result<UnixStream> {
        let monitor = self.monitor.as_ref().context("the guest has no monitor")?;
        Ok(monitor.try_clone()?)
    }

    /// As [`Guest::kill_once`], a while after the mark.
    pub(crate) fn kill_during(self, job: &Job, mark: &str, after: Duration) -> Result<Written> {
        self.kill_once(job, mark, || {
            thread::sleep(after);
            Ok(())
        })
    }

    /// Starts a command, does something once it wrote `mark` to stdout, or ended, and then cuts the power, as a person
    /// who pulls the plug. Returns what the command had written by then.
    pub(crate) fn kill_once(
        mut self,
        job: &Job,
        mark: &str,
        act: impl FnOnce() -> Result<()>,
    ) -> Result<Written> {
        let token = token()?;
        self.request(job, &token)?;
        let mut written = Written::default();
        let marked = read_until(
            &mut self.stdout,
            &[mark.as_bytes(), token.as_bytes()],
            &mut written.stdout,
        );
        self.explain(marked)?;
        act()?;
        self.machine.kill()?;
        self.stdout.read_to_end(&mut written.stdout)?;
        self.stderr.read_to_end(&mut written.stderr)?;
        Ok(written)
    }

    /// The file of one of this boot's logs; it is gone when the guest ended well.
    pub(crate) fn log(&self, log: Log) -> PathBuf {
        log.file(self.folder.path())
    }

    fn try_run(
        &mut self,
        job: &Job,
        stdout: &mut (dyn Write + Send),
        stderr: &mut (dyn Write + Send),
        deadline: Duration,
    ) -> Result<u8> {
        let token = token()?;
        self.request(job, &token)?;
        let Self {
            machine,
            control,
            stdout: out,
            stderr: err,
            ..
        } = self;
        thread::scope(|scope| {
            let out = scope.spawn(|| copy_until(out, token.as_bytes(), stdout));
            let err = scope.spawn(|| copy_until(err, token.as_bytes(), stderr));
            let status = control.line(deadline).and_then(|line| exit_status(&line));
            if status.is_err() {
                // Ends the two copies as well.
                machine.kill()?;
            }
            for copy in [out, err] {
                let ended = copy
                    .join()
                    .map_err(|_| anyhow!("copying the guest's output panicked"))??;
                ensure!(ended || status.is_err(), "the command's output broke off");
            }
            status
        })
    }

    fn request(&mut self, job: &Job, token: &str) -> Result<()> {
        let stdin = job
            .stdin
            .map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        let script = base64::engine::general_purpose::STANDARD.encode(job.script());
        self.control
            .send(&format!("run {} {stdin} {token} {script}", job.uid))
    }

    fn try_off(&mut self) -> Result<()> {
        self.control.send("off")?;
        match self.control.line(OFF_DEADLINE)?.as_str() {
            "off" => {}
            other => bail!("the guest says: {other}"),
        }
        let status = self.machine.wait(OFF_DEADLINE)?;
        ensure!(status.success(), "QEMU ended with {status}");
        Ok(())
    }

    /// On an error, keeps the boot's folder and says which logs to read.
    fn explain<T>(&mut self, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            self.folder.keep();
            error.context(format!(
                "the guest failed; read {} (Linux), {} (OP-TEE) and {}",
                self.log(Log::Linux).display(),
                self.log(Log::Secure).display(),
                self.log(Log::Qemu).display()
            ))
        })
    }
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: u8,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// What a command had written when the power was cut. The last line may be a part of one.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// The port over which guest and runner talk in lines.
#[derive(Debug)]
struct Control(BufReader<UnixStream>);

impl Control {
    fn send(&mut self, line: &str) -> Result<()> {
        self.0
            .get_mut()
            .write_all(format!("{line}\n").as_bytes())
            .context("the guest takes no requests")
    }

    fn line(&mut self, deadline: Duration) -> Result<String> {
        let started = Instant::now();
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let left = deadline.saturating_sub(started.elapsed());
            ensure!(!left.is_zero(), "no answer within {} s", deadline.as_secs());
            // A timeout of this many seconds is none to speak of, and the kernel takes it.
            self.0
                .get_ref()
                .set_read_timeout(Some(left.min(Duration::from_secs(1 << 30))))?;
            match self.0.read_until(b'\n', &mut line) {
                Ok(0) => bail!("QEMU ended"),
                Ok(_) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

fn exit_status(line: &str) -> Result<u8> {
    let status = line
        .strip_prefix("exit ")
        .and_then(|status| status.parse().ok());
    status.with_context(|| format!("the guest says: {line}"))
}

/// The end mark of a command's output: random, so that no output contains it.
fn token() -> Result<String> {
    let mut bytes = [0; TOKEN_LENGTH / 2];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Copies what comes until the end mark, which is not copied; false if the stream ends before it.
///
/// Bytes go on at once, but for those that may be the mark's beginning. Where nobody reads any more (a closed pipe), the
/// rest is thrown away, as the command cannot be told.
fn copy_until(from: &mut UnixStream, mark: &[u8], to: &mut (dyn Write + Send)) -> Result<bool> {
    let mut buffer = vec![0; 64 << 10];
    let mut held = Vec::new();
    let mut wanted = true;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        held.extend_from_slice(&buffer[..count]);
        let ended = held.ends_with(mark);
        let keep = if ended {
            mark.len()
        } else {
            possible_mark(&held, mark)
        };
        let ready = if count == 0 && !ended {
            held.len()
        } else {
            held.len() - keep
        };
        if wanted && ready > 0 {
            match to.write_all(&held[..ready]).and_then(|()| to.flush()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => wanted = false,
                Err(error) => return Err(error.into()),
            }
        }
        if ended || count == 0 {
            return Ok(ended);
        }
        held.drain(..ready);
    }
}

/// Reads until one of the marks, and possibly more, has come.
fn read_until(from: &mut UnixStream, marks: &[&[u8]], into: &mut Vec<u8>) -> Result<()> {
    let has = |bytes: &[u8], mark: &[u8]| {
        mark.is_empty() || bytes.windows(mark.len()).any(|window| window == mark)
    };
    from.set_read_timeout(Some(MARK_DEADLINE))?;
    let mut buffer = [0; 4096];
    while !marks.iter().any(|mark| has(into, mark)) {
        let count = from
            .read(&mut buffer)
            .context("the command says nothing for too long")?;
        ensure!(count > 0, "the guest has gone");
        into.extend_from_slice(&buffer[..count]);
    }
    from.set_read_timeout(None)?;
    Ok(())
}

/// How many of the last bytes may be the beginning of the mark.
fn possible_mark(bytes: &[u8], mark: &[u8]) -> usize {
    (1..mark.len())
        .rev()
        .find(|length| bytes.ends_with(&mark[..*length]))
        .unwrap_or(0)
}

/// This boot's own files: Claviger and whatever the caller wants.
fn write_own_archive(boot: &Boot<'_>, path: &Path) -> io::Result<()> {
    let mut archive = Archive::new(BufWriter::new(File::create(path)?));
    if let Some(claviger) = boot.claviger {
        archive.copy(
            &format!("{TRUSTED_APPLICATIONS}/{}", Claviger::ta_name()),
            0o644,
            &claviger.ta,
        )?;
        archive.copy("usr/bin/claviger", 0o755, &claviger.cli)?;
    }
    for (from, to) in &boot.files {
        // Not to its place at once: the guest mounts over some of them.
        archive.copy(&format!("put{to}"), mode_of(from)?, from)?;
    }
    archive.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_command_as_they_are() {
        let words = [
            "printf",
            "%s|",
            "",
            "it's",
            "a b",
            "line\nbreak",
            "$HOME `id` \\ \"",
            "-n",
            "\u{fc}*?",
        ];
        let script = Job::new(0, &words).script();
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(OsStr::from_bytes(&script))
            .output()
            .unwrap();
        let expected: String = words[2..].iter().map(|word| format!("{word}|")).collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }

    #[test]
    fn output_ends_at_its_mark() {
        let copy = |chunks: &[&[u8]]| {
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            let chunks: Vec<Vec<u8>> = chunks.iter().map(|chunk| chunk.to_vec()).collect();
            let writer = thread::spawn(move || {
                for chunk in chunks {
                    theirs.write_all(&chunk).unwrap();
                    thread::sleep(Duration::from_millis(5));
                }
            });
            let mut out = Vec::new();
            let ended = copy_until(&mut ours, b"mark", &mut out).unwrap();
            writer.join().unwrap();
            (out, ended)
        };
        assert_eq!(copy(&[b"hello", b"mark"]), (b"hello".to_vec(), true));
        assert_eq!(copy(&[b"hellom", b"ar", b"k"]), (b"hello".to_vec(), true));
        assert_eq!(copy(&[b"mar", b"mmark"]), (b"marm".to_vec(), true));
        assert_eq!(copy(&[b"mark"]), (Vec::new(), true));
        assert_eq!(copy(&[b"cut off m"]), (b"cut off m".to_vec(), false));
    }

    #[test]
    fn a_mark_is_waited_for() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let mut read = Vec::new();
        read_until(&mut ours, &[b""], &mut read).unwrap();
        assert!(read.is_empty());
        theirs.write_all(b"one, two").unwrap();
        read_until(&mut ours, &[b"absent", b"two"], &mut read).unwrap();
        assert_eq!(read, b"one, two");
        drop(theirs);
        assert!(read_until(&mut ours, &[b"three"], &mut read).is_err());
    }

    #[test]
    fn only_a_possible_beginning_is_held_back() {
        assert_eq!(possible_mark(b"abcma", b"mark"), 2);
        assert_eq!(possible_mark(b"abc", b"mark"), 0);
        assert_eq!(possible_mark(b"mmm", b"mark"), 1);
    }

    #[test]
    fn statuses() {
        assert_eq!(exit_status("exit 3").unwrap(), 3);
        assert!(exit_status("exit 256").is_err());
        assert!(exit_status("failed x").is_err());
    }
}
