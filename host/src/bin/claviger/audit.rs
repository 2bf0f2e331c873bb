//! `audit ...` and `device-key ...`.

use std::{
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use claviger::{
    Client, Error, Identity, Status,
    audit::{AuditError, Log, LogOf},
    key_file::{FoundCertificate, KeyFileError, certificates},
    proto::{
        Command,
        audit::{Event, Record},
        limits,
    },
};
use serde_json::{Value, json};

use crate::{
    Outcome,
    args::{AuditCommand, Fingerprint, Input, PublicKeyFormat, WhichLog},
    failure::Failure,
    files::{self, Secrecy},
    names::Owners,
    output::{Printer, base64, table},
    sign,
};

mod verify;

use verify::Verified;

/// More than any log, checkpoint or public key has.
const LONGEST: usize = 16 << 20;

pub(crate) fn audit(
    client: impl Fn() -> Result<Client, Failure>,
    command: &AuditCommand,
    printer: &Printer,
) -> Outcome {
    match command {
        AuditCommand::Read { of, output } => read(&client()?, of, &output.output, printer),
        AuditCommand::Checkpoint { of, nonce, output } => {
            let signed = client()?.audit_checkpoint(log_of(of), &nonce.0)?;
            write("checkpoint", signed.to_bytes(), &output.output, printer)
        }
        AuditCommand::Verify(arguments) => verify::verify(arguments, printer),
        AuditCommand::Strict => {
            client()?.audit_strict()?;
            printer.print(&json!({ "strict": true }), "")
        }
        AuditCommand::Release { of, keep } => {
            client()?.audit_release(log_of(of), *keep)?;
            printer.print(&json!({ "keep": keep }), "")
        }
    }
}

pub(crate) fn device_key(client: &Client, format: PublicKeyFormat, printer: &Printer) -> Outcome {
    let key = client.device_key()?;
    let certificate = key.certificate.as_deref().map(base64);
    sign::print_public_key(
        &key.public,
        (format, "device"),
        Path::new("-"),
        json!({ "certificate": certificate }),
        printer,
    )
}

pub(crate) fn certificate(client: &Client, output: &Path, printer: &Printer) -> Outcome {
    let certificate = client.device_key()?.certificate;
    let Some(certificate) = certificate else {
        return Err(Failure::Refused {
            status: "no-certificate",
            message: "no certificate of the device's key is installed".to_owned(),
            hint: "`claviger install-certificate` installs one".to_owned(),
        });
    };
    write("certificate", &certificate, output, printer)
}

pub(crate) fn install_certificate(client: &Client, input: &Input, printer: &Printer) -> Outcome {
    let file = files::read_bounded(&input.input, LONGEST)?;
    let certificates = certificates(&file)
        .map_err(|error| Failure::key_file(&input.input, error, Status::BadCertificate))?;
    let certificate = of_device(client, &input.input, certificates)?;
    if certificate.len() > limits::CERTIFICATE {
        return Err(Failure::Library {
            error: claviger::Error::Ta(Status::BadCertificate),
            hint: Some(format!(
                "a certificate has at most {} bytes of DER; this has {}",
                limits::CERTIFICATE,
                certificate.len()
            )),
        });
    }
    client.install_certificate(&certificate)?;
    printer.print(&json!({ "installed": certificate.len() }), "")
}

/// The one of these that is of the device's key: a file may have its whole chain.
fn of_device(
    client: &Client,
    path: &Path,
    mut certificates: Vec<FoundCertificate>,
) -> Result<Vec<u8>, Failure> {
    let device = client.device_key()?.public.raw();
    let count = certificates.len();
    certificates.retain(|one| one.public_key.as_ref() == Some(&device));
    match (certificates.pop(), certificates.len()) {
        (Some(certificate), 0) => Ok(certificate.der),
        (Some(_), others) => {
            let what = "certificates of the device's key";
            let error = KeyFileError::Several {
                what,
                count: others + 1,
            };
            Err(Failure::key_file(path, error, Status::BadCertificate))
        }
        (None, _) => Err(Failure::Library {
            error: Error::Ta(Status::BadCertificate),
            hint: Some(format!(
                "{}: of {count} there is none whose public key is what `claviger device-key` prints",
                files::shown(path)
            )),
        }),
    }
}

fn log_of(of: &WhichLog) -> LogOf {
    match of.owner.owner {
        _ if of.shared => LogOf::Shared,
        Some(owner) => LogOf::Other(owner.identity()),
        None => LogOf::Caller,
    }
}

fn read(client: &Client, of: &WhichLog, output: &Path, printer: &Printer) -> Outcome {
    let log = client.audit_log(log_of(of))?;
    if files::is_file(output, Secrecy::Ordinary) {
        return write("log", &log.to_bytes(), output, printer);
    }
    let owners = Owners::new(of.owner.owner);
    print_log(&log, &owners, None, printer)
}

fn failed(error: AuditError) -> Failure {
    Failure::from(claviger::Error::from(error))
}

fn write(name: &str, bytes: &[u8], output: &Path, printer: &Printer) -> Outcome {
    let Some(destination) = files::open_output(output, Secrecy::Ordinary, printer)? else {
        return printer.print(&json!({ name: base64(bytes) }), "");
    };
    destination.put(bytes)?;
    if !files::is_file(output, Secrecy::Ordinary) {
        return Ok(std::process::ExitCode::SUCCESS);
    }
    printer.print(&json!({ "out": output.display().to_string() }), "")
}

fn print_log(
    log: &Log,
    owners: &Owners,
    verified: Option<&Verified<'_>>,
    printer: &Printer,
) -> Outcome {
    // Of what was not verified at all, nothing is behind.
    let covered = verified.map_or(log.records().len(), |verified| verified.covered);
    let objects = |part: &[(u64, &Record)]| {
        let part = part.iter();
        part.map(|(number, record)| record_object(*number, record, owners))
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = (log.first()..).zip(log.records()).collect();
    let (signed, behind) = all.split_at_checked(covered).unwrap_or((&all, &[]));
    let object = json!({
        "vault": log.vault().to_string(),
        "of": log.of().map(|of| owners.object(of)),
        "overwritten": log.first(),
        "verified": verified.map(|verified| verify::object(verified, behind.len())),
        "records": objects(signed),
        "not_covered": objects(behind),
    });
    let rows = |part: &[(u64, &Record)]| {
        let rows: Vec<_> = part.iter().map(|one| record_row(*one, owners)).collect();
        table(&rows)
    };
    let mut text = rows(signed);
    if log.first() > 0 {
        text = format!("{} older records were overwritten\n{text}", log.first());
    }
    if let Some(verified) = verified {
        text += "authentic: the device signed that these are its records\n";
        text += &table(&verify::rows(verified, owners));
    }
    if !behind.is_empty() {
        text += &format!(
            "NOT covered by the checkpoint, and so perhaps not the device's: {} records\n{}",
            behind.len(),
            rows(behind)
        );
    }
    printer.print(&object, &text)
}

/// A record's number, and what people read of it.
fn record_row((number, record): (u64, &Record), owners: &Owners) -> (String, String) {
    let label = record.label.as_ref().map_or("-", |label| label.as_str());
    let identity = |identity: Option<Identity>| identity.map(|one| owners.text(one));
    let caller = identity(record.caller).unwrap_or_default();
    let mut text = format!(
        "boot {}  {}?  {caller}  {:16}  {label}  {}",
        record.boot,
        date(record.time),
        record.event.name(),
        detail(record),
    );
    if record.owner != record.caller
        && let Some(owner) = identity(record.owner)
    {
        text += &format!("  (key of {owner})");
    }
    (number.to_string(), text.trim_end().to_owned())
}

fn record_object(number: u64, record: &Record, owners: &Owners) -> Value {
    json!({
        "number": number,
        "sequence": record.sequence,
        "boot": record.boot,
        "untrusted_time": record.time,
        "event": record.event.name(),
        "status": record.status.code(),
        "count": record.count,
        "detail": detail(record),
        "caller": record.caller.map(|caller| owners.object(caller)),
        "owner": record.owner.map(|owner| owners.object(owner)),
        "device": record.device.map(|device| Fingerprint(device).to_string()),
        "key": record.label.as_ref().map(|label| label.as_str()),
    })
}

/// What Linux said the time was; the question mark behind it says that nobody vouches for it.
fn date(seconds: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.map_or_else(
        || seconds.to_string(),
        |time| humantime::format_rfc3339_seconds(time).to_string(),
    )
}

/// What a record's number means.
fn detail(record: &Record) -> String {
    let number = record.detail;
    let small = u8::try_from(number).unwrap_or(0);
    match record.event {
        Event::Created => claviger::Origin::try_from(small)
            .map_or_else(|()| number.to_string(), |origin| origin.name().to_owned()),
        Event::StateChanged => claviger::State::try_from(small)
            .map_or_else(|()| number.to_string(), |state| state.name().to_owned()),
        Event::Rotated | Event::Retired => format!("version {number}"),
        Event::Revoked => format!("generation {number}"),
        Event::Shared => format!("{number} shares"),
        Event::QuotaSet => format!("{number} keys"),
        Event::AuditReleased => format!("before {number}"),
        Event::Restored | Event::RestoreTrust => {
            let device = record.device.map(|device| Fingerprint(device).to_string());
            let device = device.unwrap_or_default();
            match (record.event, number) {
                (Event::RestoreTrust, 0) => format!("no more {device}"),
                (Event::RestoreTrust, _) => device,
                _ => format!("as {device} said"),
            }
        }
        Event::Refused => {
            let command = Command::from_id(number).map_or("?", Command::name);
            let status = Status::text(record.status);
            match record.count {
                1 => format!("{command}: {status}"),
                count => format!("{count} times, last {command}: {status}"),
            }
        }
        _ => String::new(),
    }
}
