//! `audit verify`.

use std::path::Path;

use claviger::{
    Algorithm, Identity,
    audit::{AuditError, Expected, Log, SignedCheckpoint},
    proto::audit::Checkpoint,
};
use serde_json::{Value, json};

use super::{LONGEST, date, failed, print_log};
use crate::{
    Outcome,
    args::AuditVerifyArguments,
    failure::Failure,
    files,
    names::Owners,
    open,
    output::{Printer, base64, hex},
};

pub(super) fn verify(arguments: &AuditVerifyArguments, printer: &Printer) -> Outcome {
    if arguments
        .nonce
        .as_ref()
        .is_some_and(|nonce| nonce.0.is_empty())
    {
        let text = "an empty --nonce shows nothing: give the one that `audit checkpoint` was given";
        return Err(Failure::Usage(text.to_owned()));
    }
    let device = open::public_key(&arguments.device_key, &[Algorithm::EcdsaP256])?;
    let signed = checkpoint_in(&arguments.checkpoint)?;
    let owners = Owners::elsewhere(arguments.owner);
    let checkpoint = signed.verify(&device).map_err(failed)?;
    let expected = Expected {
        vault: arguments.vault,
        of: match (arguments.owner, arguments.shared) {
            (Some(owner), _) => Some(Some(owner.identity())),
            (None, true) => Some(None),
            (None, false) => None,
        },
        nonce: arguments.nonce.as_ref().map(|nonce| &*nonce.0),
    };
    expected
        .check(checkpoint)
        .map_err(|error| unexpected(error, checkpoint, &owners))?;
    let mut whole: Option<Log> = None;
    for path in &arguments.logs {
        let part = Log::from_bytes(&files::read_bounded(path, LONGEST)?).map_err(failed)?;
        match &mut whole {
            None => whole = Some(part),
            Some(log) => log.append(part).map_err(failed)?,
        }
    }
    let log = whole.ok_or_else(|| Failure::Usage("name a log".to_owned()))?;
    let covered = log.verify(&signed, &device).map_err(failed)?;
    let earlier = match &arguments.since {
        Some(path) => {
            let earlier = checkpoint_in(path)?;
            let new = log.verify_since(&earlier, &signed, &device);
            let new = new.map_err(failed)?;
            Some((earlier.verify(&device).map_err(failed)?.clone(), new))
        }
        None => None,
    };
    let verified = Verified {
        checkpoint,
        covered,
        expected,
        earlier,
    };
    print_log(&log, &owners, Some(&verified), printer)
}

/// What was found of a log.
pub(super) struct Verified<'a> {
    checkpoint: &'a Checkpoint,
    /// How many of its records, from the first, the checkpoint covers.
    pub(super) covered: usize,
    expected: Expected<'a>,
    /// The checkpoint that it goes on from, and how many covered records are new since.
    earlier: Option<(Checkpoint, usize)>,
}

fn checkpoint_in(path: &Path) -> Result<SignedCheckpoint, Failure> {
    SignedCheckpoint::from_bytes(&files::read_bounded(path, LONGEST)?).map_err(failed)
}

/// That a checkpoint is of something else than expected: says what it is of.
fn unexpected(error: AuditError, checkpoint: &Checkpoint, owners: &Owners) -> Failure {
    let hint = match error {
        AuditError::OtherVault => Some(format!("its vault is {}", checkpoint.vault)),
        AuditError::OtherLog => Some(format!("it is of {}", log_text(checkpoint.of, owners))),
        AuditError::OtherNonce if checkpoint.nonce.is_empty() => {
            Some("it has none: ask the device for a checkpoint with this nonce".to_owned())
        }
        _ => None,
    };
    Failure::Library {
        error: error.into(),
        hint,
    }
}

/// Whose log it is, as people read it.
fn log_text(of: Option<Identity>, owners: &Owners) -> String {
    of.map_or_else(
        || "callers who have none of their own (shared)".to_owned(),
        |of| owners.text(of),
    )
}

/// What a checkpoint says, and what of it was expected.
pub(super) fn rows(verified: &Verified<'_>, owners: &Owners) -> Vec<(&'static str, String)> {
    let Verified {
        checkpoint,
        covered,
        expected,
        earlier,
    } = verified;
    let checked = |was: bool, option: &str| match was {
        true => "as expected".to_owned(),
        false => format!("not checked: {option}"),
    };
    let nonce = match (expected.nonce, checkpoint.nonce.is_empty()) {
        (Some(_), _) => format!("{} (as expected)", hex(&checkpoint.nonce)),
        (None, true) => "none (freshness not checked)".to_owned(),
        (None, false) => format!(
            "{} (freshness not checked: --nonce)",
            hex(&checkpoint.nonce)
        ),
    };
    let mut rows = vec![
        (
            "log of",
            format!(
                "{} ({})",
                log_text(checkpoint.of, owners),
                checked(expected.of.is_some(), "--owner or --shared")
            ),
        ),
        (
            "vault",
            format!(
                "{} ({})",
                checkpoint.vault,
                checked(expected.vault.is_some(), "--vault")
            ),
        ),
        ("nonce", nonce),
        ("signed", moment(checkpoint)),
        (
            "covered",
            format!("{covered} records of {} ever", checkpoint.records),
        ),
    ];
    if let Some((earlier, new)) = earlier {
        rows.push((
            "new",
            format!(
                "{new} records, since the checkpoint {}, of {} records",
                moment(earlier),
                earlier.records
            ),
        ));
    }
    rows
}

/// When a checkpoint was signed.
fn moment(checkpoint: &Checkpoint) -> String {
    format!("in boot {}, {}?", checkpoint.boot, date(checkpoint.time))
}

pub(super) fn object(verified: &Verified<'_>, behind: usize) -> Value {
    let Verified {
        checkpoint,
        expected,
        ..
    } = verified;
    json!({
        "records": checkpoint.records,
        "first": checkpoint.first,
        "covered": verified.covered,
        "not_covered": behind,
        "boot": checkpoint.boot,
        "untrusted_time": checkpoint.time,
        "nonce": base64(&checkpoint.nonce),
        "checked": {
            "owner": expected.of.is_some(),
            "vault": expected.vault.is_some(),
            "nonce": expected.nonce.is_some(),
        },
        "since": verified.earlier.as_ref().map(|(earlier, new)| json!({
            "records": earlier.records,
            "boot": earlier.boot,
            "untrusted_time": earlier.time,
            "new": new,
        })),
    })
}
