//! The runner behind `cargo qemu <verb>`: Claviger on real OP-TEE in an emulated ARMv8 machine.
//!
//! `setup` makes the platform from Debian's packages, `exec` runs one command on it, and the other verbs are built on
//! these two. The modules, from the ground up: [`packages`] and [`apt`] fetch, [`toolchain`] compiles, [`firmware`] and
//! [`guest_image`] build, [`device`] and [`machine`] are the hardware, [`guest`] is what runs on it, and each verb has a
//! module of its name.

#![forbid(unsafe_code)]

mod apt;
mod artifacts;
mod bench;
mod cache;
mod ci;
mod cli;
mod cpio;
mod demo;
mod device;
mod exec;
mod files;
mod firmware;
mod fuzz;
mod guest;
mod guest_image;
mod host_packages;
mod lanes;
mod machine;
mod packages;
mod process;
mod program;
mod report;
mod runner_tests;
mod setup;
mod shell;
mod soak;
mod suite;
mod tampering;
mod timing;
mod toolchain;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Verb};

/// The exit code for the runner's own failures.
const FAILURE: u8 = 125;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            // A closed stdout or stderr is nothing to report on it.
            let _ = message.print();
            return ExitCode::from(if message.use_stderr() { FAILURE } else { 0 });
        }
    };
    let result = match cli.verb {
        Verb::Setup => setup::setup().map(|()| 0),
        Verb::Exec(options) => exec::exec(&options),
        Verb::Demo => demo::demo().map(|()| 0),
        Verb::Test(options) => suite::test(&options).map(verdict),
        Verb::Bench(options) => bench::bench(&options).map(verdict),
        Verb::Fuzz(options) => fuzz::fuzz(&options).map(verdict),
        Verb::Timing => timing::timing().map(verdict),
        Verb::Shell(options) => shell::shell(&options).map(|()| 0),
        Verb::Soak(options) => soak::soak(&options).map(verdict),
        Verb::Ci => ci::ci().map(verdict),
        Verb::RunnerTests => runner_tests::run().map(|count| verdict(count.is_good())),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("claviger-qemu: {error:#}");
            ExitCode::from(FAILURE)
        }
    }
}

fn verdict(good: bool) -> u8 {
    u8::from(!good)
}
