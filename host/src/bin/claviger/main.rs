//! `claviger`: keys that live in OP-TEE, from a shell. `claviger --help` is its manual.

#![deny(unsafe_code)]

mod args;
mod audit;
mod awaited;
mod batch;
mod challenge;
mod components;
mod conflicts;
mod derive;
mod describe;
mod descriptors;
mod device;
mod encrypt;
mod failure;
mod fairness;
mod files;
mod import;
mod keys;
mod life;
mod list;
mod mac;
mod make;
mod manual;
mod names;
mod open;
mod output;
mod progress;
mod reseal;
mod seal;
mod shares;
mod sign;
mod signals;
mod verify;
mod wrapped;

use std::process::ExitCode;

use clap::FromArgMatches;
use claviger::{Client, Key, Login};

use self::{
    args::{Arguments, Command, VaultCommand},
    failure::Failure,
    output::Printer,
};

fn main() -> ExitCode {
    let matches = args::grammar().try_get_matches();
    let parsed = matches.and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return failure::report_usage(&error),
    };
    if arguments.quiet {
        failure::be_quiet();
    }
    let printer = Printer::new(arguments.json);
    if let Err(failure) = conflicts::check(arguments.command.paths(arguments.json)) {
        return failure::report(&failure, arguments.json);
    }
    output::claim_stdout();
    signals::let_calls_end();
    let outcome = run(&arguments, &printer);
    awaited::ends();
    match outcome {
        Ok(code) => {
            failure::report_rest();
            code
        }
        Err(failure) => failure::report(&failure, arguments.json),
    }
}

/// What a command ends with if nothing failed on the way.
type Outcome = Result<ExitCode, Failure>;

fn run(arguments: &Arguments, printer: &Printer) -> Outcome {
    let login = arguments.group.map_or(Login::User, Login::Group);
    let builder_for = |login| {
        Client::builder()
            .login(login)
            .on_repeat(|command| failure::report_repeat(command.name()))
            .on_emulator(failure::report_emulator)
    };
    let builder = || builder_for(login);
    let client = || builder().open().inspect(awaited::rests);
    match &arguments.command {
        Command::Info => device::info(&client()?, printer),
        Command::SelfTest => device::self_test(&client()?, printer),
        Command::Random { length } => device::random(&client()?, *length, printer),
        Command::Doctor => device::doctor(builder(), printer),
        Command::Lock => device::lock(&client()?, printer),
        Command::FactoryReset { confirm } => device::factory_reset(&client()?, confirm, printer),
        Command::Vault {
            command: VaultCommand::DeclareLost { confirm },
        } => device::declare_lost(&client()?, confirm, printer),
        Command::List(listed) => {
            list::list(|login| builder_for(login).open(), login, *listed, printer)
        }
        Command::Describe(key) => keys::describe(&client()?, key, printer),
        Command::Delete(key) => keys::delete(&client()?, key, printer),
        Command::Rename { key, to } => {
            life::change(&client()?, key, |key| key.rename(to.as_str()), printer)
        }
        Command::Chown { key, to } => life::chown(&client()?, key, *to, printer),
        Command::Generate { new, if_absent } => {
            keys::generate(&client()?, new, *if_absent, printer)
        }
        Command::Import(arguments) => import::import(|| Ok(client()?), arguments, printer),
        Command::Unwrap(unwrap) => keys::unwrap(&client()?, unwrap, printer),
        Command::Seal(seal) => seal::seal(&client()?, seal, printer),
        Command::Unseal(unseal) => seal::unseal(&client()?, unseal, printer),
        Command::Reseal(reseal) => reseal::reseal(&client()?, reseal, printer),
        Command::Encrypt(encrypt) => encrypt::encrypt(&client()?, encrypt, printer),
        Command::Decrypt(decrypt) => encrypt::decrypt(&client()?, decrypt, printer),
        Command::Mac { key, input } => mac::mac(&client()?, key, input, printer),
        Command::VerifyMac(verify) => mac::verify(&client()?, verify, printer),
        Command::Sign(sign) => sign::sign(&client()?, sign, printer),
        Command::Verify(arguments) => verify::verify(|| Ok(client()?), arguments, printer),
        Command::Batch(arguments) => batch::batch(&client()?, arguments, printer),
        Command::PublicKey(public) => sign::public_key(&client()?, public, printer),
        Command::Challenge {
            key,
            parties,
            output,
        } => challenge::challenge(&client()?, key, parties, output, printer),
        Command::Respond {
            key,
            parties,
            input,
            output,
        } => challenge::respond(&client()?, key, parties, input, output, printer),
        Command::Confirm(confirm) => challenge::confirm(&client()?, confirm, printer),
        Command::Derive { key, target } => derive::derive(&client()?, key, target, printer),
        Command::Agree(agree) => derive::agree(&client()?, agree, printer),
        Command::Encapsulate(arguments) => derive::encapsulate(&client()?, arguments, printer),
        Command::Decapsulate(arguments) => derive::decapsulate(&client()?, arguments, printer),
        Command::Combine(combine) => derive::combine(&client()?, combine, printer),
        Command::Rotate(key) => life::rotate(&client()?, key, printer),
        Command::Retire { key, version } => {
            life::change(&client()?, key, |key| key.retire(*version), printer)
        }
        Command::Activate(key) => life::change(&client()?, key, Key::activate, printer),
        Command::Suspend(key) => life::change(&client()?, key, Key::suspend, printer),
        Command::Resume(key) => life::change(&client()?, key, Key::resume, printer),
        Command::Deactivate(key) => life::change(&client()?, key, Key::deactivate, printer),
        Command::Compromise(key) => life::change(&client()?, key, Key::compromise, printer),
        Command::Destroy(key) => life::change(&client()?, key, Key::destroy, printer),
        Command::Tighten { key, changes } => life::tighten(&client()?, key, changes, printer),
        Command::CatchUp { key, input } => life::catch_up(&client()?, key, input, printer),
        Command::Wrap {
            key,
            output,
            family,
        } => wrapped::wrap(&client()?, key, output, family.as_ref(), printer),
        Command::Revoke { family, owner, .. } => {
            wrapped::revoke(&client()?, family.as_ref(), *owner, printer)
        }
        Command::Components { command } => components::components(&client()?, command, printer),
        Command::Share(arguments) => shares::share(&client()?, arguments, printer),
        Command::Shares { command } => shares::shares(command, printer),
        Command::Restore { command } => shares::restore(&client()?, command, printer),
        Command::Pending { command } => fairness::pending(&client()?, command, printer),
        Command::Quota { command } => fairness::quota(&client()?, command, printer),
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
