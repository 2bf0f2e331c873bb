//! `claviger`: keys that live in OP-TEE, from a shell. `claviger --help` is its manual.

#![forbid(unsafe_code)]

mod args;
mod audit;
mod challenge;
mod describe;
mod device;
mod failure;
mod files;
mod keys;
mod mac;
mod manual;
mod output;
mod progress;
mod seal;
mod sign;

use std::{
    process::{self, ExitCode},
    thread,
    time::Duration,
};

use clap::Parser;
use claviger::{Client, Login, doctor};

use self::{
    args::{Arguments, Command},
    failure::Failure,
    output::Printer,
};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::report_usage(&error),
    };
    output::claim_stdout();
    watch(arguments.json);
    let printer = Printer::new(arguments.json);
    match run(&arguments, &printer) {
        Ok(code) => code,
        Err(failure) => failure::report(&failure, arguments.json),
    }
}

/// How long to wait for a TEE whose helper in Linux does not run.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends this process if it waits for tee-supplicant, which nothing else would end.
fn watch(json: bool) {
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            if doctor::stalled(PATIENCE) {
                process::exit(failure::report_stall(json).into());
            }
        }
    });
}

/// What a command ends with if nothing failed on the way.
type Outcome = Result<ExitCode, Failure>;

fn run(arguments: &Arguments, printer: &Printer) -> Outcome {
    let login = arguments.group.map_or(Login::User, Login::Group);
    let client = || Client::builder().login(login).open();
    match &arguments.command {
        Command::Info => device::info(&client()?, printer),
        Command::SelfTest => device::self_test(&client()?, printer),
        Command::Random { length } => device::random(&client()?, *length, printer),
        Command::Doctor => device::doctor(login, printer),
        Command::Lock => device::lock(&client()?, printer),
        Command::FactoryReset { confirm } => device::factory_reset(&client()?, confirm, printer),
        Command::List { owner } => keys::list(&client()?, *owner, printer),
        Command::Describe { label, owner } => keys::describe(&client()?, label, *owner, printer),
        Command::Delete { label, owner } => keys::delete(&client()?, label, *owner, printer),
        Command::Generate(new) => keys::generate(&client()?, new, printer),
        Command::Import { new, input } => keys::import(&client()?, new, input, printer),
        Command::Seal(seal) => seal::seal(&client()?, seal, printer),
        Command::Unseal(unseal) => seal::unseal(&client()?, unseal, printer),
        Command::Mac { label, input } => mac::mac(&client()?, label, input, printer),
        Command::VerifyMac { label, tag, input } => {
            mac::verify(&client()?, label, tag, input, printer)
        }
        Command::Sign {
            label,
            input,
            output,
            raw,
        } => sign::sign(&client()?, label, input, output, *raw, printer),
        Command::PublicKey { label, format } => {
            sign::public_key(&client()?, label, *format, printer)
        }
        Command::Challenge {
            label,
            parties,
            output,
        } => challenge::challenge(&client()?, label, parties, output, printer),
        Command::Respond {
            label,
            parties,
            input,
            output,
        } => challenge::respond(&client()?, label, parties, input, output, printer),
        Command::Confirm {
            label,
            input,
            output,
            session_key,
        } => challenge::confirm(
            &client()?,
            label,
            input,
            output,
            session_key.as_deref(),
            printer,
        ),
        Command::Audit { command } => audit::audit(|| Ok(client()?), command, printer),
        Command::DeviceKey { format } => audit::device_key(&client()?, *format, printer),
        Command::Certificate { output } => audit::certificate(&client()?, &output.output, printer),
        Command::InstallCertificate { input } => {
            audit::install_certificate(&client()?, input, printer)
        }
        Command::Completions { shell } => manual::completions(*shell, printer),
        Command::Man { out } => manual::man(out.as_deref(), printer),
    }
}
