//! QEMU: its command line in types, and a child that dies with the runner.
//!
//! The firmware hands over to Linux directly, without a boot loader: kernel and initramfs are put into memory by QEMU,
//! and the device tree that QEMU made is given their places.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fs_err as fs;
use rustix::io::{FdFlags, fcntl_setfd};

use crate::process;

const KERNEL_AT: u64 = 0x4020_0000;
const INITRAMFS_AT: u64 = 0x4800_0000;
/// Without acpi=off, Linux aborts on a GPIO that is absent.
const BOARD: &str = "virt,secure=on,gic-version=3,acpi=off";
const PROCESSOR: &str = "cortex-a57";
/// A panic resets the board, which ends QEMU (-no-reboot), which the runner notices at once.
const KERNEL_ARGUMENTS: &str = "console=ttyAMA0 quiet panic=-1";
const SHORT_DEADLINE: Duration = Duration::from_secs(60);

/// A machine to be started.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) processors: u8,
    pub(crate) mebibytes: u32,
    /// Counts instructions instead of time: repeatable, one processor only.
    pub(crate) icount: bool,
    pub(crate) kernel: &'a Path,
    /// The archives of the initramfs, each padded to a multiple of 4 bytes; they lie in memory one after the other.
    pub(crate) initramfs: &'a [&'a Path],
    pub(crate) flash: &'a Path,
    /// The disk that the guest knows as "store".
    pub(crate) disk: Option<&'a Path>,
    /// The read-only disk that the guest knows as "stdin".
    pub(crate) stdin: Option<&'a Path>,
    /// The disk that the guest knows as "journal".
    pub(crate) journal: Option<&'a Path>,
    /// Connects the terminal to the guest's hvc0.
    pub(crate) console: bool,
    /// Has a port over which QEMU takes commands.
    pub(crate) monitor: bool,
    /// The folder of this boot's logs.
    pub(crate) folder: &'a Path,
}

/// The host's ends of the guest's ports.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) control: UnixStream,
    pub(crate) stdout: UnixStream,
    pub(crate) stderr: UnixStream,
    pub(crate) monitor: Option<UnixStream>,
}

impl Machine<'_> {
    /// Starts the machine.
    pub(crate) fn start(&self) -> Result<(Running, Ports)> {
        let tree = self.device_tree()?;
        let mut arguments = Arguments::default();
        self.board(&mut arguments);
        arguments
            .add("-no-reboot")
            .pair("-dtb", &tree)
            .pair(
                "-drive",
                format!("if=pflash,unit=0,format=raw,file={}", escape(self.flash)),
            )
            .pair(
                "-device",
                format!(
                    "loader,file={},addr={KERNEL_AT:#x},force-raw=on",
                    escape(self.kernel)
                ),
            )
            .pair(
                "-serial",
                format!("file:{}", self.log(Log::Linux).display()),
            )
            .pair(
                "-serial",
                format!("file:{}", self.log(Log::Secure).display()),
            )
            .pair("-object", "rng-random,filename=/dev/urandom,id=random")
            .pair("-device", "virtio-rng-pci,rng=random")
            .pair("-device", "virtio-serial-pci");
        let mut address = INITRAMFS_AT;
        for archive in self.initramfs {
            arguments.pair(
                "-device",
                format!(
                    "loader,file={},addr={address:#x},force-raw=on",
                    escape(archive)
                ),
            );
            address += fs::metadata(archive)?.len();
        }
        if self.icount {
            arguments.pair("-icount", "shift=1,sleep=off");
        }
        for (name, file, writable) in [
            ("store", self.disk, true),
            ("stdin", self.stdin, false),
            ("journal", self.journal, true),
        ] {
            if let Some(file) = file {
                // What the guest has flushed is in the host's memory, which outlives QEMU, however that ends: enough for
                // the power cuts that are played here, and the host's disk isn't worn. A shared, read-only file of the
                // user's needs no lock.
                let access = if writable {
                    "cache=unsafe"
                } else {
                    "readonly=on,file.locking=off"
                };
                arguments
                    .pair(
                        "-drive",
                        format!(
                            "if=none,id={name},format=raw,{access},file={}",
                            escape(file)
                        ),
                    )
                    .pair(
                        "-device",
                        format!("virtio-blk-pci,drive={name},serial={name}"),
                    );
            }
        }
        // QEMU's ends must outlive its start, which inherits them, and no longer.
        let mut its_ends = Vec::new();
        let mut socket = |arguments: &mut Arguments, name: &str| -> Result<UnixStream> {
            let (ours, theirs) = UnixStream::pair()?;
            fcntl_setfd(&theirs, FdFlags::empty())?;
            let number = std::os::fd::AsRawFd::as_raw_fd(&theirs);
            arguments.pair("-chardev", format!("socket,id={name},fd={number}"));
            its_ends.push(theirs);
            Ok(ours)
        };
        let monitor = if self.monitor {
            let ours = socket(&mut arguments, "monitor")?;
            arguments.pair("-mon", "chardev=monitor,mode=readline");
            Some(ours)
        } else {
            None
        };
        let mut port = |name: &str| -> Result<UnixStream> {
            let ours = socket(&mut arguments, name)?;
            arguments.pair(
                "-device",
                format!("virtserialport,chardev={name},name=claviger.{name}"),
            );
            Ok(ours)
        };
        let ports = Ports {
            control: port("control")?,
            stdout: port("stdout")?,
            stderr: port("stderr")?,
            monitor,
        };
        if self.console {
            arguments
                .pair("-chardev", "stdio,id=console,signal=off")
                .pair("-device", "virtconsole,chardev=console");
        }

        let mut command = process::tethered("KILL", "qemu-system-aarch64");
        command.args(&arguments.0);
        let messages = self.log(Log::Qemu);
        fs::write(&messages, format!("{command:?}\n"))?;
        let appended = fs::OpenOptions::new().append(true).open(&messages)?;
        command.stderr(appended.into_file());
        if !self.console {
            command.stdin(Stdio::null()).stdout(Stdio::null());
        }
        let child = command
            .spawn()
            .context("cannot start qemu-system-aarch64")?;
        Ok((Running { child }, ports))
    }

    fn board(&self, arguments: &mut Arguments) {
        arguments
            .add("-nodefaults")
            .pair("-display", "none")
            .pair("-machine", BOARD)
            .pair("-cpu", PROCESSOR)
            .pair("-smp", self.processors.to_string())
            .pair("-m", self.mebibytes.to_string());
    }

    /// The device tree of this board, with the places of kernel arguments and initramfs.
    fn device_tree(&self) -> Result<PathBuf> {
        let tree = self.folder.join("tree.dtb");
        let log = self.log(Log::Qemu);
        let mut dump = Arguments::default();
        self.board(&mut dump);
        dump.pair("-machine", format!("{BOARD},dumpdtb={}", escape(&tree)));
        process::run(
            Command::new("qemu-system-aarch64").args(&dump.0),
            &log,
            SHORT_DEADLINE,
        )?;

        let mut end = INITRAMFS_AT;
        for archive in self.initramfs {
            end += fs::metadata(archive)?.len();
        }
        let memory_end = 0x4000_0000 + (u64::from(self.mebibytes) << 20);
        if end >= memory_end {
            bail!(
                "the guest's files do not fit into its {} MiB of memory",
                self.mebibytes
            );
        }
        for (format, property, values) in [
            ("s", "bootargs", vec![KERNEL_ARGUMENTS.to_owned()]),
            (
                "x",
                "linux,initrd-start",
                vec!["0".to_owned(), format!("{INITRAMFS_AT:x}")],
            ),
            (
                "x",
                "linux,initrd-end",
                vec!["0".to_owned(), format!("{end:x}")],
            ),
        ] {
            let mut put = Command::new("fdtput");
            put.args(["-t", format])
                .arg(&tree)
                .args(["/chosen", property])
                .args(values);
            process::run(&mut put, &log, SHORT_DEADLINE)?;
        }
        Ok(tree)
    }

    /// The file that one of the boot's logs goes to.
    pub(crate) fn log(&self, log: Log) -> PathBuf {
        log.file(self.folder)
    }
}

/// The logs of a boot.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Log {
    /// Linux's console.
    Linux,
    /// TF-A's and OP-TEE's console.
    Secure,
    /// The command line and messages of QEMU.
    Qemu,
}

impl Log {
    /// The log's file in a boot's folder.
    pub(crate) fn file(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Self::Linux => "linux.log",
            Self::Secure => "secure.log",
            Self::Qemu => "qemu.log",
        })
    }
}

/// A running machine; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Cuts the power.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for the machine to power itself off.
    pub(crate) fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if started.elapsed() > deadline {
                bail!(
                    "the guest did not power off within {} s",
                    deadline.as_secs()
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.kill();
    }
}

#[derive(Debug, Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn add(&mut self, argument: impl Into<OsString>) -> &mut Self {
        self.0.push(argument.into());
        self
    }

    fn pair(&mut self, option: &str, value: impl Into<OsString>) -> &mut Self {
        self.add(option).add(value)
    }
}

/// A path within an option: QEMU takes a doubled comma for a comma.
fn escape(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_paths_are_doubled() {
        assert_eq!(escape(Path::new("/a,b/c")), "/a,,b/c");
    }
}
