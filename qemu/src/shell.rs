//! The verb `shell`: the terminal becomes the guest's console.

use std::env;
use std::io::{self, IsTerminal};

use anyhow::{Result, ensure};
use rustix::termios::tcgetwinsize;

use crate::artifacts::{Claviger, Flavour};
use crate::cli::ShellOptions;
use crate::device::{DISK_MEBIBYTES, Device};
use crate::guest::{Boot, Guest};
use crate::report;
use crate::setup::Platform;

/// Boots, and lets the user work until the shell ends.
pub(crate) fn shell(options: &ShellOptions) -> Result<()> {
    ensure!(
        io::stdin().is_terminal(),
        "the shell wants a terminal; `cargo qemu exec` doesn't"
    );
    let platform = Platform::ready()?;
    let claviger = Claviger::build(&platform, Flavour::Plain)?;
    let folder = platform.cache.run()?;
    let disk = options
        .disk
        .clone()
        .unwrap_or_else(|| folder.path().join("disk"));
    let device = Device::open(&platform, &disk, DISK_MEBIBYTES)?;
    let mut boot = Boot::new(&device, Some(&claviger));
    boot.console = true;
    let mut guest = Guest::boot(&platform, &boot)?;
    report::say(
        "a root shell in the guest; `exit` ends it, `su -s /bin/sh alice` makes you a user",
    );
    let size = tcgetwinsize(io::stdin())?;
    let terminal = env::var("TERM").unwrap_or_else(|_| "vt100".to_owned());
    guest.shell(size.ws_row, size.ws_col, &terminal)?;
    guest.off()
}
